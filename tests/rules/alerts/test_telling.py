"""Who is told, when: quiet hours, snooze, escalation, and what late data may not say."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.alerts import Acknowledgement, AlertState, Policy, acknowledge, advance
from rules.finding import Priority, Recipient
from rules.telling import News, Present, Telling, Told, end_of_quiet, local_day, tell
from tests.rules.alerts.making import DAY, HOUR, MIN, START, found, offset_of, utc, wall_ms

PATIENT, THERAPIST, OPERATOR = Recipient.PATIENT, Recipient.THERAPIST, Recipient.OPERATOR
PLAIN = Policy((PATIENT,))


@dataclass
class Life:
    """One rule, lived."""

    policy: Policy
    offset_at: Callable[[int], int] = utc
    state: AlertState = field(default_factory=AlertState)
    told: Told = field(default_factory=Told)

    def find(self, sign: str, at_ms: int, *, live: bool = True, snoozed: bool = False, inhibited: bool = False) -> Telling | None:
        finding = found("rule", sign, at_ms, reason=f"{sign} at {at_ms}")
        self.state, _ = advance(self.state, finding, self.policy, local_day(at_ms, self.offset_at))
        if not live:
            return None
        present = Present(at_ms, self.offset_at, finding, snoozed, inhibited)
        self.told, said = tell(self.told, self.state, self.policy, present)
        return said

    def live(self, signs: str) -> list[str]:
        """Judged every hour, `~` for an hour of the past that is judged only now."""
        said, live, number = [], True, 0
        for sign in signs:
            if sign == "~":
                live = False
                continue
            one = self.find(sign, START + number * HOUR, live=live)
            said += [f"{one.news} {number}"] if one else []
            live, number = True, number + 1
        return said


@pytest.mark.parametrize(
    ("signs", "policy", "expected"),
    [
        pytest.param("CTTTU", PLAIN, ["opened 1"], id="told once"),
        pytest.param("TCT", PLAIN, ["opened 0", "opened 2"], id="told again of another"),
        pytest.param("TTHH", PLAIN, ["opened 0", "raised 2"], id="told when it becomes grave"),
        pytest.param("TC", replace(PLAIN, tell_resolved=(THERAPIST,)), ["opened 0", "resolved 1"], id="told that it is over"),
        pytest.param("TO", replace(PLAIN, tell_resolved=(THERAPIST,)), ["opened 0"], id="who switched it off knows"),
        pytest.param("~T~CC", replace(PLAIN, tell_resolved=(THERAPIST,)), [], id="what was in the past is not told"),
        pytest.param("~T~TT", PLAIN, ["opened 2"], id="what began in the past and is true now is told now"),
        pytest.param("~TULUT", PLAIN, ["opened 4"], id="what began in the past waits until it is known true"),
        pytest.param("T~C~TT", PLAIN, ["opened 0", "opened 3"], id="another alert since"),
        pytest.param("T~C~TT", replace(PLAIN, cooldown_ms=5 * HOUR), ["opened 0"], id="but not within the cool-down"),
        pytest.param("TCTCT", replace(PLAIN, daily_max=2), ["opened 0", "opened 2"], id="daily maximum"),
        pytest.param("T~HT", PLAIN, ["opened 0"], id="grave in the past is not told"),
        pytest.param("T~CU", replace(PLAIN, tell_resolved=(PATIENT,)), ["opened 0"], id="nor that it is over while unknown"),
        pytest.param("T~CC", replace(PLAIN, tell_resolved=(PATIENT,)), ["opened 0", "resolved 2"], id="resolved as seen now"),
    ],
)
def test_scenario(signs: str, policy: Policy, expected: list[str]) -> None:
    assert Life(policy).live(signs) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (PLAIN, [0, 1, 2, 3]),
        (replace(PLAIN, daily_max=2), [0, 1]),
        (replace(PLAIN, cooldown_ms=2 * HOUR), [0, 2]),
    ],
)
def test_a_record_that_is_rewritten_every_hour_gives_no_way_round_the_limits(policy: Policy, expected: list[int]) -> None:
    life, said = Life(policy), []
    for number in range(4):
        life.state = AlertState()
        said += [number] if life.find("T", START + number * HOUR) else []
    assert said == expected


def test_what_is_told_is_what_is_true_now() -> None:
    life = Life(PLAIN)
    life.find("T", START, live=False)
    said = life.find("T", START + 5 * HOUR)
    assert said is not None
    assert said.finding.reason == f"T at {START + 5 * HOUR}"
    assert said.opened_ms == START


def test_nothing_is_told_of_an_inhibited_rule() -> None:
    life = Life(PLAIN)
    life.find("T", START, live=False)
    assert life.find("T", START + HOUR, inhibited=True) is None
    assert life.find("T", START + 2 * HOUR) is not None


def test_escalation_goes_up_one_by_one_and_stops_when_acknowledged() -> None:
    policy = replace(PLAIN, escalate_after_ms=2 * HOUR)
    assert Life(policy).live("TUUUUUUUU") == ["opened 0", "escalated 2", "escalated 4"]
    life = Life(policy)
    assert [one and one.to[0][0] for one in (life.find("T", START), life.find("T", START + 2 * HOUR))] == [PATIENT, THERAPIST]
    life.state, _ = acknowledge(life.state, Acknowledgement("rule", START + 3 * HOUR, "Kim", ""))
    assert life.find("T", START + 9 * HOUR) is None
    raised = life.find("H", START + 10 * HOUR)
    assert raised is not None
    assert (raised.news, raised.level) == (News.RAISED, 0)  # it starts anew
    assert [one and one.level for one in (life.find("H", START + 11 * HOUR), life.find("H", START + 12 * HOUR))] == [None, 1]


def test_a_rule_may_say_that_the_next_is_to_know_at_once() -> None:
    life = Life(PLAIN)
    assert life.find("T", START) is not None
    said = life.find("E", START + HOUR)
    assert said is not None
    assert (said.news, said.to) == (News.ESCALATED, ((THERAPIST, START + HOUR),))
    assert life.find("E", START + 2 * HOUR) is None
    life = Life(replace(PLAIN, escalate_after_ms=HOUR))
    opened = life.find("E", START)
    assert opened is not None
    assert [recipient for recipient, _ in opened.to] == [PATIENT, THERAPIST]
    following = life.find("E", START + HOUR)
    assert following is not None
    assert following.to[0][0] is OPERATOR


def test_operations_first_then_the_patient() -> None:
    life = Life(Policy((OPERATOR,), escalate_after_ms=HOUR, escalation=(PATIENT,)))
    said = [life.find("T", START + number * HOUR) for number in range(4)]
    assert [one and one.to[0][0] for one in said] == [OPERATOR, PATIENT, None, None]


def test_the_wait_for_an_answer_begins_when_the_message_could_arrive() -> None:
    life = Life(Policy((PATIENT,), quiet=(22 * 60, 7 * 60), escalate_after_ms=2 * HOUR))
    opened = life.find("T", START + 23 * HOUR)
    assert opened is not None
    assert opened.to == ((PATIENT, START + 31 * HOUR),)
    assert life.find("T", START + 32 * HOUR) is None
    escalated = life.find("T", START + 33 * HOUR)
    assert escalated is not None
    assert escalated.to == ((THERAPIST, START + 33 * HOUR),)


@pytest.mark.parametrize(("sign", "waits"), [("T", {PATIENT, THERAPIST, OPERATOR}), ("H", {PATIENT})], ids=["normal", "grave"])
def test_quiet_hours_delay_the_patient_always_and_those_on_duty_unless_it_is_grave(sign: str, waits: set[Recipient]) -> None:
    life = Life(Policy((PATIENT, THERAPIST, OPERATOR), quiet=(22 * 60, 7 * 60), expires_after_ms=HOUR))
    said = life.find(sign, START + 2 * HOUR)
    assert said is not None
    assert {recipient for recipient, not_before in said.to if not_before == START + 7 * HOUR} == waits
    assert {recipient for recipient, not_before in said.to if not_before == START + 2 * HOUR} == {*Recipient} - waits
    assert said.expires_ms == START + 3 * HOUR


def test_a_snooze_delays_what_is_still_open_and_drops_nothing() -> None:
    life = Life(PLAIN)
    assert life.find("T", START, snoozed=True) is None
    assert life.find("L", START + HOUR) is not None  # it was true while it was the present, and is open


def test_a_snooze_stops_escalation_and_not_what_is_grave() -> None:
    life = Life(replace(PLAIN, escalate_after_ms=HOUR))
    assert life.find("T", START) is not None
    assert life.find("T", START + 2 * HOUR, snoozed=True) is None
    raised = life.find("H", START + 3 * HOUR, snoozed=True)
    assert raised is not None
    assert (raised.news, raised.priority) == (News.RAISED, Priority.HIGH)


BERLIN = "Europe/Berlin"
NIGHT = (22 * 60, 7 * 60)


@pytest.mark.parametrize(
    ("zone", "at", "quiet", "expected", "hours"),
    [
        pytest.param(BERLIN, (2026, 1, 10, 23, 0), NIGHT, (2026, 1, 11, 7, 0), 8, id="a plain night"),
        pytest.param(BERLIN, (2026, 3, 28, 23, 0), NIGHT, (2026, 3, 29, 7, 0), 7, id="the night of 23 hours"),
        pytest.param(BERLIN, (2026, 10, 24, 23, 0), NIGHT, (2026, 10, 25, 7, 0), 9, id="the night of 25 hours"),
        pytest.param(BERLIN, (2026, 3, 29, 1, 0), (0, 150), (2026, 3, 29, 3, 0), 1, id="it ends in the hour that is not"),
        pytest.param(BERLIN, (2026, 1, 10, 12, 0), NIGHT, (2026, 1, 10, 12, 0), 0, id="by day"),
        pytest.param(BERLIN, (2026, 1, 10, 7, 0), NIGHT, (2026, 1, 10, 7, 0), 0, id="at its end it is over"),
        pytest.param(BERLIN, (2026, 1, 10, 22, 0), NIGHT, (2026, 1, 11, 7, 0), 9, id="at its start it has begun"),
        pytest.param(BERLIN, (2026, 1, 10, 13, 0), (780, 840), (2026, 1, 10, 14, 0), 1, id="within one day"),
    ],
)
def test_end_of_quiet(zone: str, at: tuple[int, ...], quiet: tuple[int, int], expected: tuple[int, ...], hours: int) -> None:
    at_ms = wall_ms(zone, *at)
    assert end_of_quiet(at_ms, quiet, offset_of(zone)) == wall_ms(zone, *expected) == at_ms + hours * HOUR


def test_quiet_hours_that_end_in_the_hour_that_comes_twice() -> None:
    first = wall_ms(BERLIN, 2026, 10, 25, 2, 30)
    second = wall_ms(BERLIN, 2026, 10, 25, 2, 30, fold=1)
    quiet, offset_at = (0, 150), offset_of(BERLIN)
    assert end_of_quiet(first - HOUR, quiet, offset_at) == first
    assert end_of_quiet(second - 15 * MIN, quiet, offset_at) == second  # 02:15 for the second time: quiet again


zones = st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
nights = st.sampled_from([(2026, 3, 7), (2026, 3, 28), (2026, 4, 4), (2026, 10, 3), (2026, 10, 24), (2026, 10, 31), (2026, 6, 1)])
minutes = st.integers(0, 1439)


@settings(max_examples=30, deadline=None)
@given(zones, nights, st.integers(0, 2 * DAY), st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]))
def test_quiet_hours_are_quiet_to_their_end_and_no_longer(
    zone: str, night: tuple[int, int, int], after: int, quiet: tuple[int, int]
) -> None:
    offset_at, at_ms = offset_of(zone), wall_ms(zone, *night, 12, 0) + after
    inside = set(range(*quiet)) if quiet[0] < quiet[1] else {*range(quiet[0], 1440), *range(quiet[1])}

    def is_quiet(instants: Iterable[int]) -> list[bool]:
        return [(one + offset_at(one)) // MIN % 1440 in inside for one in instants]

    end = end_of_quiet(at_ms, quiet, offset_at)
    assert not any(is_quiet([end]))
    assert all(is_quiet(range(at_ms, end, 5 * MIN)))
    assert end == at_ms or all(is_quiet([end - 1]))


lives = st.lists(
    st.tuples(st.sampled_from("THECLUO"), st.sampled_from([MIN, HOUR, 9 * HOUR]), st.booleans(), st.booleans()), max_size=40
)
policies = st.builds(
    Policy,
    recipients=st.sampled_from([(PATIENT,), (THERAPIST, PATIENT)]),
    hold_ms=st.sampled_from([0, HOUR]),
    keep_ms=st.sampled_from([0, HOUR]),
    cooldown_ms=st.sampled_from([0, 2 * HOUR, DAY]),
    daily_max=st.sampled_from([None, 1, 2]),
    quiet=st.sampled_from([None, NIGHT]),
    escalate_after_ms=st.sampled_from([None, HOUR]),
    tell_resolved=st.sampled_from([(), (PATIENT,)]),
)


@settings(max_examples=120, deadline=None)
@given(lives, policies)
def test_limits_hold_whatever_comes(taken: list[tuple[str, int, bool, bool]], policy: Policy) -> None:
    life, at_ms, said = Life(policy), START, []
    for sign, gap, live, snoozed in taken:
        at_ms += gap
        one = life.find(sign, at_ms, live=live, snoozed=snoozed)
        said += [one] if one else []
        assert one is None or live
        assert one is None or sign in "THE" or one.news in {News.OPENED, News.ESCALATED, News.RESOLVED}
        assert one is None or sign in "LC" or one.news is not News.RESOLVED
    opened = [one.at_ms for one in said if one.news is News.OPENED]
    assert all(later - earlier >= policy.cooldown_ms for earlier, later in pairwise(opened))
    per_day = [local_day(one, utc) for one in opened]
    assert policy.daily_max is None or all(per_day.count(day) <= policy.daily_max for day in per_day)
    assert [one.number for one in said] == list(range(1, len(said) + 1))
    for one in said:
        assert all(not_before >= one.at_ms for _, not_before in one.to)
        quiet = [not_before // MIN % 1440 for who, not_before in one.to if who is PATIENT and policy.quiet]
        assert all(7 * 60 <= minute < 22 * 60 for minute in quiet)
