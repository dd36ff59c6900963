"""Alert state in SQL: what is written is read again, people's acts count, late data corrects the record and tells nobody."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, func, select

from rules import ledger
from rules.alerts import Kind, Policy, Standing, advance_all
from rules.finding import Recipient
from rules.ledger import Judged, Stepped, UnknownAlert
from rules.telling import News
from tests.rules.alerts.making import DAY, HOUR, START, found, utc

POLICIES = {
    "still": Policy((Recipient.PATIENT,), escalate_after_ms=4 * HOUR),
    "floor": Policy((Recipient.THERAPIST,)),
    "silent": Policy((Recipient.OPERATOR,), inhibits=True),
}
ONE, TWO = 1, 2


def judge(connection: Connection, hour: int, *, patient: int = ONE, live: bool = True, **signs: str) -> Stepped:
    at_ms = START + hour * HOUR
    findings = [found(rule, sign, at_ms) for rule, sign in signs.items()]
    return ledger.step(connection, patient, findings, POLICIES, at_ms, utc, live=live)


def record(connection: Connection, patient: int = ONE) -> list[tuple[str, str, int]]:
    found_ = ledger.list_transitions(connection, patient)
    return [(one.rule, one.kind.value, (one.at_ms - START) // HOUR) for one in found_]


def test_a_life_is_kept(connection: Connection) -> None:
    stepped = judge(connection, 0, still="T", floor="C")
    assert [one.kind for one in stepped.transitions] == [Kind.OPENED]
    assert judge(connection, 1, still="T", floor="T").tellings[0].rule == "floor"
    (alert, other) = ledger.list_alerts(connection, ONE, open_only=True)
    assert (alert.id, alert.standing, alert.finding) == (f"1:still:{START}", Standing.OPEN, found("still", "T", START))
    assert other.rule == "floor"
    judge(connection, 2, still="C", floor="U")
    closed = ledger.list_alerts(connection, ONE)[0]
    assert (closed.standing, closed.closed_ms, closed.withdrawn) == (Standing.RESOLVED, START + 2 * HOUR, False)
    assert [one.rule for one in ledger.list_alerts(connection, open_only=True)] == ["floor"]
    assert record(connection) == [("still", "opened", 0), ("floor", "opened", 1), ("still", "resolved", 2)]


def test_what_is_loaded_is_what_was_saved(connection: Connection) -> None:
    findings = [found("still", "E", START), found("floor", "L", START), found("silent", "U", START)]
    states, happened = advance_all({}, findings, POLICIES, START // DAY)
    ledger.save(connection, ONE, states, happened)
    assert ledger.load_states(connection, ONE) == states
    assert ledger.list_transitions(connection, ONE) == happened
    assert ledger.load_states(connection, TWO) == {}


def test_the_messages_of_a_step(connection: Connection) -> None:
    quiet = {"still": replace(POLICIES["still"], quiet=(0, 7 * 60), expires_after_ms=HOUR)}
    stepped = ledger.step(connection, ONE, [found("still", "H", START)], quiet, START, utc, live=True)
    (row,) = ledger.pending_messages(ONE, stepped.tellings)
    body = row.pop("body")
    assert row == {
        "id": f"1:still:{START}:1:patient",
        "patient_id": 1,
        "recipient": "patient",
        "rule": "still",
        "kind": "opened",
        "priority": "high",
        "at_ms": START,
        "not_before_ms": START + 7 * HOUR,
        "expires_ms": START + HOUR,
    }
    assert (body["reason"], body["version"], body["evidence"]["measured"]) == ("because", 3, {"steps": 7})
    assert json.loads(json.dumps(body)) == body
    assert ledger.list_tellings(connection, ONE) == stepped.tellings


def test_the_same_instant_again_changes_nothing(connection: Connection) -> None:
    judge(connection, 0, still="T")
    before = ledger.load_states(connection, ONE)
    assert judge(connection, 0, still="T") == Stepped([], [])
    assert judge(connection, 0, still="C") == Stepped([], [])
    assert ledger.load_states(connection, ONE) == before


def test_a_past_judged_silently_and_then_the_present_at_the_same_instant(connection: Connection) -> None:
    assert judge(connection, 0, still="T", live=False).tellings == []
    assert [one.news for one in judge(connection, 0, still="T").tellings] == [News.OPENED]
    assert judge(connection, 0, still="T").tellings == []


def test_what_was_judged_silently_is_the_past_from_then_on(connection: Connection) -> None:
    judge(connection, 0, still="C", live=False)
    judge(connection, 5, still="T", live=False)
    ledger.rewind(connection, ONE, START)
    assert judge(connection, 0, still="T").tellings == []
    assert len(judge(connection, 5, still="T").tellings) == 1


def test_an_older_instant_asks_for_a_rewind(connection: Connection) -> None:
    judge(connection, 5, still="T")
    with pytest.raises(ValueError, match="rewind first"):
        judge(connection, 4, still="T")


def test_a_finding_of_another_instant(connection: Connection) -> None:
    with pytest.raises(ValueError, match=f"found for {START}, expected {START + 1}"):
        ledger.step(connection, ONE, [found("still", "T", START)], POLICIES, START + 1, utc, live=True)


def test_acknowledging_stops_the_escalation(connection: Connection) -> None:
    judge(connection, 0, still="T")
    alert = f"1:still:{START}"
    done = ledger.acknowledge(connection, alert, by="Kim", note="called her", at_ms=START + HOUR)
    assert (done.standing, done.acknowledged_by, done.note, done.acknowledged_ms) == (
        Standing.ACKNOWLEDGED,
        "Kim",
        "called her",
        START + HOUR,
    )
    assert ledger.acknowledge(connection, alert, by="Lee", note="", at_ms=START + 2 * HOUR) == done
    assert ledger.load_states(connection, ONE)["still"].standing is Standing.ACKNOWLEDGED
    assert judge(connection, 9, still="T").tellings == []
    assert record(connection) == [("still", "opened", 0), ("still", "acknowledged", 1)]


def test_nobody_acknowledges(connection: Connection) -> None:
    judge(connection, 0, still="T")
    said = [one for hour in range(1, 12) for one in judge(connection, hour, still="U").tellings]
    assert [(one.news, (one.at_ms - START) // HOUR, one.to[0][0].value) for one in said] == [
        (News.ESCALATED, 4, "therapist"),
        (News.ESCALATED, 8, "operator"),
    ]


@pytest.mark.parametrize("alert", ["1:still:7", "1:floor:0", "2:still:0", "x", "1:still", "²:still:0", ""])
def test_no_such_alert(connection: Connection, alert: str) -> None:
    judge(connection, 0, still="T")
    with pytest.raises(UnknownAlert):
        ledger.acknowledge(connection, alert, by="Kim", note="", at_ms=START)


def test_a_closed_alert_is_not_acknowledged(connection: Connection) -> None:
    judge(connection, 0, still="T")
    judge(connection, 1, still="C")
    with pytest.raises(UnknownAlert):
        ledger.acknowledge(connection, f"1:still:{START}", by="Kim", note="", at_ms=START + 2 * HOUR)


def test_a_check_that_runs_for_an_instant_before_the_acknowledgement(connection: Connection) -> None:
    """The check of 02:00 runs at 02:05, and somebody acknowledges at 02:03: the record takes them in the order of time."""
    judge(connection, 0, still="T", floor="T")
    for rule in ("still", "floor"):
        ledger.acknowledge(connection, f"1:{rule}:{START}", by="Kim", note="", at_ms=START + 3 * HOUR)
    judge(connection, 2, still="C", floor="T")
    assert record(connection) == [
        ("floor", "opened", 0),
        ("still", "opened", 0),
        ("still", "resolved", 2),
        ("floor", "acknowledged", 3),
    ]
    judge(connection, 4, still="C", floor="T")
    assert ledger.load_states(connection, ONE)["floor"].standing is Standing.ACKNOWLEDGED


def test_snooze_of_a_rule_and_of_all(connection: Connection) -> None:
    ledger.snooze(connection, ONE, rule="still", until_ms=START + 3 * HOUR, by="Kim", why="away", at_ms=START)
    assert [one.rule for one in judge(connection, 1, still="T", floor="T").tellings] == ["floor"]
    ledger.snooze(connection, ONE, until_ms=START + 5 * HOUR, by="Kim", why="ill", at_ms=START + 2 * HOUR)
    assert [(one.rule, one.why) for one in ledger.list_snoozes(connection, ONE, START + 2 * HOUR)] == [
        ("still", "away"),
        ("", "ill"),
    ]
    assert judge(connection, 4, still="T", floor="T").tellings == []
    ledger.snooze(connection, ONE, until_ms=START + 4 * HOUR, by="Kim", why="well again", at_ms=START + 4 * HOUR)
    assert ledger.list_snoozes(connection, ONE, START + 4 * HOUR) == []
    assert [one.rule for one in judge(connection, 5, still="T", floor="T").tellings] == ["still"]


def test_late_data_corrects_the_record_and_tells_nobody(connection: Connection) -> None:
    """Two days judged without the walk of the second morning, which arrives on the third day."""
    for hour in range(0, 54, 6):
        judge(connection, hour, still="T" if hour >= 24 else "C", floor="C")
    assert record(connection) == [("still", "opened", 24)]
    resume_ms = ledger.rewind(connection, ONE, START + 30 * HOUR)
    assert resume_ms == START + 18 * HOUR  # the record is kept once a local day
    again = [
        Judged(START + hour * HOUR, [found("still", "C" if hour == 30 else "T", START + hour * HOUR)], live=True)
        for hour in range(24, 54, 6)
    ]
    stepped = ledger.steps(connection, ONE, again, POLICIES, utc)
    assert [one.kind for one in stepped.transitions] == [Kind.OPENED, Kind.RESOLVED, Kind.OPENED]
    assert stepped.tellings == []
    assert record(connection) == [("still", "opened", 24), ("still", "resolved", 30), ("still", "opened", 36)]
    assert [one.at_ms for one in judge(connection, 54, still="T").tellings] == [START + 54 * HOUR]


def test_an_alert_that_late_data_takes_back_stays_in_the_audit(connection: Connection) -> None:
    judge(connection, 0, still="T")
    ledger.acknowledge(connection, f"1:still:{START}", by="Kim", note="called", at_ms=START + HOUR)
    assert ledger.rewind(connection, ONE, START) is None
    assert ledger.load_states(connection, ONE) == {}
    judge(connection, 0, still="C")
    judge(connection, 2, still="C")
    assert ledger.list_alerts(connection, ONE) == []
    taken_back = ledger.list_transitions(connection, ONE, superseded=True)
    assert [one.kind for one in taken_back] == [Kind.OPENED, Kind.ACKNOWLEDGED]
    assert len(ledger.list_tellings(connection, ONE)) == 1  # what was said was said


def test_an_acknowledgement_outlives_a_replay(connection: Connection) -> None:
    judge(connection, 0, still="T")
    ledger.acknowledge(connection, f"1:still:{START}", by="Kim", note="called", at_ms=START)
    before = ledger.list_alerts(connection, ONE)
    assert before[0].acknowledged_ms == START + 1  # after what was judged for that instant
    ledger.rewind(connection, ONE, START)
    judge(connection, 0, still="T")
    assert ledger.list_alerts(connection, ONE) == before
    assert judge(connection, 9, still="T").tellings == []


def test_nothing_to_rewind(connection: Connection) -> None:
    assert ledger.rewind(connection, ONE, START) is None
    judge(connection, 0, still="T")
    assert ledger.rewind(connection, ONE, START + 1) == START
    assert ledger.load_states(connection, ONE)["still"].is_open


def test_patients_never_mix(connection: Connection) -> None:
    judge(connection, 0, still="T")
    judge(connection, 0, patient=TWO, still="T")
    judge(connection, 1, still="C")
    ledger.rewind(connection, ONE, START)
    assert record(connection, TWO) == [("still", "opened", 0)]
    assert [one.patient_id for one in ledger.list_alerts(connection)] == [TWO]


def test_forgetting_a_patient(connection: Connection) -> None:
    for patient in (ONE, TWO):
        judge(connection, 0, patient=patient, still="T")
        judge(connection, 30, patient=patient, still="T")
        ledger.acknowledge(connection, f"{patient}:still:{START}", by="Kim", note="", at_ms=START + 31 * HOUR)
        ledger.snooze(connection, patient, until_ms=START, by="Kim", why="", at_ms=START)
    ledger.forget(connection, ONE)
    for table in ledger.rules_metadata.tables.values():
        counts = dict(connection.execute(select(table.c.patient_id, func.count()).group_by(table.c.patient_id)).all())
        assert ONE not in counts, table.name
        assert counts[TWO] >= 1, table.name


def test_nothing_is_committed(connection: Connection) -> None:
    judge(connection, 0, still="T")
    connection.rollback()
    assert ledger.load_states(connection, ONE) == {}
