"""A red flag is opened by a yes and closed by people; nothing that is judged, rewound or late touches it."""

import pytest
from sqlalchemy import Connection

from rules import ledger, red_flags
from rules.alerts import RED_FLAG, Kind, Policy, Standing
from rules.finding import Recipient
from rules.ledger import UnknownAlert
from rules.red_flags import Answered, NotAcknowledged
from tests.rules.alerts.making import DAY, HOUR, MIN, START, found, utc

ONE, TWO = 1, 2
POLICIES = {"floor": Policy((Recipient.THERAPIST,)), "silent": Policy((Recipient.OPERATOR,), inhibits=True)}


def answer(connection: Connection, at_ms: int, *codes: str, patient: int = ONE) -> list[str]:
    return [
        row["id"] for row in red_flags.open_alert(connection, patient, Answered(codes or ("fever",), at_ms, "patient"), at_ms)
    ]


def escalated(connection: Connection, at_ms: int) -> list[str]:
    return [row["recipient"] for row in red_flags.escalate_due(connection, at_ms)]


def acknowledge(connection: Connection, alert: str, at_ms: int) -> Standing:
    return ledger.acknowledge(connection, alert, by="M. Lang", note="called", at_ms=at_ms).standing


def kinds(connection: Connection, patient: int = ONE) -> list[Kind]:
    return [one.kind for one in ledger.list_transitions(connection, patient) if one.rule == RED_FLAG]


def test_judging_and_rewinding_leave_it_alone(connection: Connection) -> None:
    for day in range(3):
        at_ms = START + day * DAY
        ledger.step(connection, ONE, [found("silent", "T", at_ms), found("floor", "T", at_ms)], POLICIES, at_ms, utc, live=True)
    answer(connection, START + 2 * DAY + HOUR)
    (alert,) = (one for one in ledger.list_alerts(connection, ONE, open_only=True) if one.rule == RED_FLAG)
    ledger.step(
        connection, ONE, [found("silent", "C", START + 3 * DAY), found("floor", "C", START + 3 * DAY)], POLICIES,
        START + 3 * DAY, utc, live=True,
    )  # fmt: skip
    acknowledge(connection, alert.id, START + 3 * DAY + HOUR)
    for to_ms in (START + DAY, START - DAY):
        ledger.rewind(connection, ONE, to_ms)
        (still,) = (one for one in ledger.list_alerts(connection, ONE, open_only=True) if one.rule == RED_FLAG)
        assert (still.id, still.standing, still.finding) == (alert.id, Standing.ACKNOWLEDGED, alert.finding)
    assert kinds(connection) == [Kind.OPENED, Kind.ACKNOWLEDGED]
    assert not any(one.rule == RED_FLAG for one in ledger.list_transitions(connection, ONE, superseded=True))
    # Judged again from the start, it is no rule of anybody's policy, and nothing is said of it.
    stepped = ledger.step(connection, ONE, [found("floor", "T", START + 4 * DAY)], POLICIES, START + 4 * DAY, utc, live=True)
    assert {one.rule for one in stepped.tellings} == {"floor"}
    assert ledger.load_states(connection, ONE)[RED_FLAG].standing is Standing.ACKNOWLEDGED


def test_ids_are_never_used_twice_and_patients_never_mix(connection: Connection) -> None:
    ids = [*answer(connection, START), *answer(connection, START), *answer(connection, START, patient=TWO)]
    for alert in (f"{ONE}:{RED_FLAG}:{START}", f"{TWO}:{RED_FLAG}:{START}"):
        acknowledge(connection, alert, START)
        red_flags.close_alert(connection, alert, by="M. Lang", note="seen", at_ms=START)
    ids += answer(connection, START)
    assert len(set(ids)) == len(ids) == 4
    assert kinds(connection) == [Kind.OPENED, Kind.RAISED, Kind.ACKNOWLEDGED, Kind.RESOLVED, Kind.OPENED]
    assert kinds(connection, TWO) == [Kind.OPENED, Kind.ACKNOWLEDGED, Kind.RESOLVED]
    assert [one.closed_by for one in ledger.list_alerts(connection, ONE)] == ["M. Lang", ""]


def test_another_yes_does_not_put_off_who_is_told_next(connection: Connection) -> None:
    answer(connection, START)
    for minute in (20, 40, 60):
        # Each is told at once, and what was not answered since the first still goes on up.
        assert len(answer(connection, START + minute * MIN, "calf_swelling")) == 1
    assert escalated(connection, START + 61 * MIN) == ["therapist"]
    assert escalated(connection, START + 61 * MIN) == []
    assert escalated(connection, START + 91 * MIN) == ["operator"]


def test_after_it_was_acknowledged_another_yes_begins_anew(connection: Connection) -> None:
    answer(connection, START)
    assert escalated(connection, START + 30 * MIN) == ["therapist"]
    acknowledge(connection, f"{ONE}:{RED_FLAG}:{START}", START + 40 * MIN)
    assert escalated(connection, START + DAY) == []
    answer(connection, START + DAY)
    told = [escalated(connection, START + DAY + minute * MIN) for minute in (29, 30, 60, 90, 120, 150, 9999)]
    assert told == [[], ["therapist"], ["operator"], ["therapist"], ["operator"], [], []]


def test_a_clock_that_was_years_ahead_holds_nothing_back(connection: Connection) -> None:
    ahead = START + 20_000 * DAY
    answer(connection, ahead)
    rows = red_flags.open_alert(connection, ONE, Answered(("fever",), START, "patient"), START)
    assert [row["not_before_ms"] for row in rows] == [START]
    assert escalated(connection, START + MIN) == ["therapist"]
    assert acknowledge(connection, f"{ONE}:{RED_FLAG}:{ahead}", START + HOUR) is Standing.ACKNOWLEDGED


@pytest.mark.parametrize("alert", [f"1:floor:{START}", f"2:{RED_FLAG}:{START}", f"1:{RED_FLAG}:7", "1:red_flag", ""])
def test_only_an_open_red_flag_can_be_closed(connection: Connection, alert: str) -> None:
    ledger.step(connection, ONE, [found("floor", "T", START)], POLICIES, START, utc, live=True)
    answer(connection, START)
    with pytest.raises(UnknownAlert, match="expected"):
        red_flags.close_alert(connection, alert, by="x", note="y", at_ms=START)


def test_nobody_closes_what_nobody_acknowledged(connection: Connection) -> None:
    answer(connection, START)
    with pytest.raises(NotAcknowledged):
        red_flags.close_alert(connection, f"{ONE}:{RED_FLAG}:{START}", by="x", note="y", at_ms=START)
    assert kinds(connection) == [Kind.OPENED]


def test_a_patient_who_is_erased_leaves_none(connection: Connection) -> None:
    answer(connection, START)
    ledger.forget(connection, ONE)
    assert (red_flags.unacknowledged(connection), ledger.list_alerts(connection, ONE)) == (set(), [])
