"""The record: when an alert opens, what keeps it open, what closes it."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.alerts import (
    Acknowledgement,
    AlertState,
    Kind,
    Policy,
    Standing,
    Transition,
    acknowledge,
    advance,
    advance_all,
)
from rules.finding import Priority, Recipient
from tests.rules.alerts.making import DAY, HOUR, MIN, START, found

PATIENT = (Recipient.PATIENT,)
PLAIN = Policy(PATIENT)


def live_through(signs: str, policy: Policy, step_ms: int = 10 * MIN) -> str:
    """What happens to a rule judged every ten minutes, each with the number of the judgement."""
    state, happened = AlertState(), list[str]()
    for number, sign in enumerate(signs):
        at_ms = START + number * step_ms
        state, transitions = advance(state, found("rule", sign, at_ms), policy, at_ms // DAY)
        happened += [f"{one.kind.value} {number}" for one in transitions]
    return ", ".join(happened)


@pytest.mark.parametrize(
    ("signs", "policy", "expected"),
    [
        pytest.param("CT", PLAIN, "opened 1", id="true opens at once where nothing holds it"),
        pytest.param("TTTT", PLAIN, "opened 0", id="true goes on: nothing is repeated"),
        pytest.param("TTT", replace(PLAIN, hold_ms=20 * MIN), "opened 2", id="true for the hold"),
        pytest.param("TTCTT", replace(PLAIN, hold_ms=20 * MIN), "", id="clear starts the hold anew"),
        pytest.param("TTLTT", replace(PLAIN, hold_ms=20 * MIN), "", id="false starts the hold anew, clear or not"),
        pytest.param("TTUTT", replace(PLAIN, hold_ms=20 * MIN), "opened 4", id="unknown pauses the hold"),
        pytest.param("TUTUTUT", replace(PLAIN, hold_ms=10 * MIN), "", id="time beside unknown is not time known true"),
        pytest.param("UUUU", PLAIN, "", id="unknown opens nothing"),
        pytest.param("TUUU", PLAIN, "opened 0", id="unknown closes nothing"),
        pytest.param("TL", PLAIN, "opened 0", id="false but not clear keeps it open"),
        pytest.param("TLC", PLAIN, "opened 0, resolved 2", id="clear resolves"),
        pytest.param("TCCC", replace(PLAIN, keep_ms=20 * MIN), "opened 0, resolved 3", id="clear for the keep"),
        pytest.param("TCCTCC", replace(PLAIN, keep_ms=20 * MIN), "opened 0", id="true starts the keep anew"),
        pytest.param("TCCLCC", replace(PLAIN, keep_ms=20 * MIN), "opened 0", id="not clear starts the keep anew"),
        pytest.param("TCCUCC", replace(PLAIN, keep_ms=20 * MIN), "opened 0, resolved 5", id="unknown pauses the keep"),
        pytest.param("TO", PLAIN, "opened 0, withdrawn 1", id="switched off: withdrawn, not resolved"),
        pytest.param("OOTO", PLAIN, "opened 2, withdrawn 3", id="off with nothing open is nothing"),
        pytest.param("TCTTT", replace(PLAIN, cooldown_ms=20 * MIN), "opened 0, resolved 1, opened 3", id="cool-down"),
        # Switching a rule off and on is no way round the cool-down.
        pytest.param(
            "TOTTT", replace(PLAIN, cooldown_ms=20 * MIN), "opened 0, withdrawn 1, opened 3", id="cool-down after withdrawal"
        ),
        pytest.param("TCTCT", replace(PLAIN, daily_max=2), "opened 0, resolved 1, opened 2, resolved 3", id="daily maximum"),
        pytest.param("TTHHT", PLAIN, "opened 0, raised 2", id="grave: raised once, never lowered"),
        pytest.param("HT", PLAIN, "opened 0", id="grave from the start"),
    ],
)
def test_scenario(signs: str, policy: Policy, expected: str) -> None:
    assert live_through(signs, policy) == expected


def test_the_daily_maximum_is_of_the_local_day_and_ends_with_it() -> None:
    policy = replace(PLAIN, daily_max=1)
    expected = "opened 0, resolved 1, opened 4"
    assert live_through("TCTTT", policy, step_ms=6 * HOUR) == expected


def test_a_day_that_comes_again_over_the_date_line_is_counted_on() -> None:
    policy, state, opened = replace(PLAIN, daily_max=1), AlertState(), 0
    for number, (sign, day) in enumerate([("T", 9), ("C", 9), ("T", 8), ("T", 9), ("T", 10)]):
        state, happened = advance(state, found("rule", sign, START + number * HOUR), policy, day)
        opened += sum(one.kind is Kind.OPENED for one in happened)
        assert opened == (2 if day == 10 else 1)


def test_an_alert_keeps_the_version_it_was_judged_by() -> None:
    state, _ = advance(AlertState(), found("rule", "T", START, version=4), PLAIN, 0)
    state, _ = advance(state, found("rule", "T", START + HOUR, version=5), PLAIN, 0)
    assert state.finding is not None
    assert state.finding.version == 4


def test_acknowledged_once_and_again_only_when_it_became_worse() -> None:
    state, _ = advance(AlertState(), found("rule", "T", START), PLAIN, 0)
    state, happened = acknowledge(state, Acknowledgement("rule", START + MIN, "Kim", "called"))
    assert [(one.kind, one.by, one.note, one.opened_ms) for one in happened] == [(Kind.ACKNOWLEDGED, "Kim", "called", START)]
    assert acknowledge(state, Acknowledgement("rule", START + 2 * MIN, "Lee", "")) == (state, [])
    state, happened = advance(state, found("rule", "H", START + HOUR), PLAIN, 0)
    assert [one.kind for one in happened] == [Kind.RAISED]
    assert (state.standing, state.priority) == (Standing.OPEN, Priority.HIGH)


def test_nothing_to_acknowledge() -> None:
    assert acknowledge(AlertState(), Acknowledgement("rule", START, "Kim", "")) == (AlertState(), [])


def test_going_back_in_time_is_refused() -> None:
    state, _ = advance(AlertState(), found("rule", "T", START), PLAIN, 0)
    with pytest.raises(ValueError, match=f"judged for {START - 1}, expected {START} or later"):
        advance(state, found("rule", "T", START - 1), PLAIN, 0)


POLICIES = {
    "silent": Policy((Recipient.OPERATOR,), inhibits=True),
    "still": PLAIN,
    "fault": Policy((Recipient.OPERATOR,), inhibited=False),
}


def judge(states: dict[str, AlertState], number: int, **signs: str) -> tuple[dict[str, AlertState], list[tuple[str, str]]]:
    at_ms = START + number * HOUR
    after, happened = advance_all(states, [found(rule, sign, at_ms) for rule, sign in signs.items()], POLICIES, 0)
    return after, [(one.rule, one.kind.value) for one in happened]


def test_a_silent_device_inhibits_the_rest() -> None:
    states, happened = judge({}, 0, still="T", silent="C")
    assert happened == [("still", "opened")]
    states, happened = judge(states, 1, still="C", silent="T", fault="T")
    assert happened == [("silent", "opened"), ("fault", "opened")]  # `still` cannot resolve while the device is silent
    states, happened = judge(states, 2, still="C", silent="C")
    assert happened == [("silent", "resolved"), ("still", "resolved")]
    states, happened = judge(states, 3, still="T", silent="T")
    assert happened == [("silent", "opened")]  # nor fire
    states, happened = judge(states, 4, still="T", silent="U")
    assert happened == []
    assert judge(states, 5, still="O", silent="U")[1] == []


def test_a_rule_may_be_switched_off_while_the_device_is_silent() -> None:
    states, _ = judge({}, 0, still="T", silent="C")
    states, _ = judge(states, 1, still="T", silent="T")
    assert judge(states, 2, still="O", silent="T")[1] == [("still", "withdrawn")]


@pytest.mark.parametrize(
    ("rules", "text"), [(("odd",), "odd: expected a policy"), (("still", "still"), "still: expected one finding")]
)
def test_findings_that_do_not_fit(rules: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        advance_all({}, [found(rule, "T", START) for rule in rules], POLICIES, 0)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"recipients": ()}, "at least one recipient"),
        ({"recipients": PATIENT, "hold_ms": -1}, "hold_ms: expected 0 or more, found -1"),
        ({"recipients": PATIENT, "daily_max": -1}, "daily_max"),
        ({"recipients": PATIENT, "quiet": (60, 60)}, "two different minutes"),
        ({"recipients": PATIENT, "quiet": (60, 1440)}, "0..1439"),
    ],
)
def test_a_policy_that_cannot_be(given: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Policy(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipients", "chain"),
    [((Recipient.PATIENT,), ["therapist", "operator"]), ((Recipient.THERAPIST,), ["operator"]), ((Recipient.OPERATOR,), [])],
)
def test_who_comes_next_where_the_policy_does_not_say(recipients: tuple[Recipient, ...], chain: list[str]) -> None:
    assert [one.value for one in Policy(recipients).chain] == chain


steps_taken = st.lists(st.tuples(st.sampled_from("THECLUO"), st.sampled_from([MIN, 7 * MIN, HOUR, 9 * HOUR])), max_size=40)
policies = st.builds(
    Policy,
    recipients=st.just(PATIENT),
    hold_ms=st.sampled_from([0, MIN, HOUR, 10 * HOUR]),
    keep_ms=st.sampled_from([0, MIN, HOUR]),
    cooldown_ms=st.sampled_from([0, HOUR, DAY]),
    daily_max=st.sampled_from([None, 0, 1, 2]),
)


def lived(taken: list[tuple[str, int]], policy: Policy) -> tuple[list[tuple[str, int]], list[Transition]]:
    state, at_ms, judged, happened = AlertState(), START, [], []
    for sign, gap in taken:
        at_ms += gap
        state, transitions = advance(state, found("rule", sign, at_ms), policy, at_ms // DAY)
        assert advance(state, found("rule", sign, at_ms), policy, at_ms // DAY) == (state, [])  # again is the same
        judged.append((sign, at_ms))
        happened += transitions
    return judged, happened


def known(judged: list[tuple[str, int]], upto: int, like: str) -> int:
    """How long the last stretch of `like`, with unknown in between, was known to be so: looked back over, not counted on."""
    total = 0
    for (sign, at_ms), (before, before_ms) in zip(judged[upto:0:-1], judged[upto - 1 :: -1] if upto else [], strict=False):
        if sign not in like + "U":
            break
        total += at_ms - before_ms if sign in like and before in like else 0
    return total


@settings(max_examples=150, deadline=None)
@given(steps_taken, policies)
def test_what_opens_and_what_closes_by_looking_back(taken: list[tuple[str, int]], policy: Policy) -> None:
    judged, happened = lived(taken, policy)
    at = {one.at_ms: one for one in happened}
    opened, until, per_day = False, 0, Counter[int]()
    for number, (sign, at_ms) in enumerate(judged):
        one = at.get(at_ms)
        may_open = sign in "THE" and known(judged, number, "THE") >= policy.hold_ms and at_ms >= until
        may_open = may_open and (policy.daily_max is None or per_day[at_ms // DAY] < policy.daily_max)
        may_close = sign == "O" or (sign == "C" and known(judged, number, "C") >= policy.keep_ms)
        if not opened:
            assert (one is not None) == may_open
            if one:
                assert one.kind is Kind.OPENED
                per_day[at_ms // DAY] += 1
                opened = True
        elif may_close:
            assert one is not None
            assert one.kind is (Kind.WITHDRAWN if sign == "O" else Kind.RESOLVED)
            opened, until = False, at_ms + policy.cooldown_ms
        else:
            assert one is None or (one.kind is Kind.RAISED and sign == "H")


@settings(max_examples=80, deadline=None)
@given(steps_taken, policies, st.randoms(use_true_random=False))
def test_the_order_of_the_rules_does_not_matter(taken: list[tuple[str, int]], policy: Policy, chance: object) -> None:
    policies = {"silent": replace(policy, inhibits=True), "a": policy, "z": policy}
    one: dict[str, AlertState] = {}
    other: dict[str, AlertState] = {}
    at_ms = START
    for number, (sign, gap) in enumerate(taken):
        at_ms += gap
        signs = {"a": sign, "silent": taken[number - 1][0], "z": taken[number // 2][0]}
        findings = [found(rule, sign, at_ms) for rule, sign in signs.items()]
        mixed = list(findings)
        chance.shuffle(mixed)  # type: ignore[attr-defined]
        was_silent = "silent" in one and one["silent"].is_open
        one, happened = advance_all(one, findings, policies, at_ms // DAY)
        other, again = advance_all(other, mixed, policies, at_ms // DAY)
        assert (one, happened) == (other, again)
        if was_silent and one["silent"].is_open:
            assert all(two.rule == "silent" or two.kind is Kind.WITHDRAWN for two in happened)
