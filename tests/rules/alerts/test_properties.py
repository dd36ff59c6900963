"""However a patient's days arrive, are judged again, acknowledged and snoozed: one record, and nothing said about the past."""

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine

from rules import ledger
from rules.alerts import Acknowledgement, AlertState, Kind, Policy, Transition, acknowledge, advance_all
from rules.finding import Recipient
from rules.ledger import Judged
from rules.telling import News, Telling, Told, local_day
from tests.rules.alerts.making import DAY, HOUR, MIN, START, found, offset_of

OFFSET_AT = offset_of("Europe/Berlin")
BEGIN = START
RULES = ("low", "still", "zsilent")
POLICIES = {
    "low": Policy((Recipient.THERAPIST,), hold_ms=2 * HOUR, keep_ms=HOUR, cooldown_ms=DAY, tell_resolved=(Recipient.THERAPIST,)),
    "still": Policy((Recipient.PATIENT,), cooldown_ms=HOUR, daily_max=2, quiet=(1320, 420), escalate_after_ms=6 * HOUR),
    "zsilent": Policy((Recipient.OPERATOR,), inhibits=True, escalate_after_ms=HOUR, escalation=(Recipient.PATIENT,)),
}
signs = st.tuples(st.sampled_from("TTHECLUO"), st.sampled_from("TTCCLU"), st.sampled_from("CCCCTU"))
gaps = st.sampled_from([10 * MIN, HOUR, 5 * HOUR, 11 * HOUR])

Signs = tuple[str, str, str]
Acts = list[Acknowledgement]


def findings(at_ms: int, of: Signs) -> list[Any]:
    return [found(rule_, sign, at_ms) for rule_, sign in zip(RULES, of, strict=True)]


def fold(history: dict[int, Signs], acts: Acts) -> tuple[dict[str, AlertState], list[Transition]]:
    """The record of a life in the order of time, nothing stored and nothing judged twice."""
    states: dict[str, AlertState] = {}
    happened: list[Transition] = []
    moments = [(at_ms, 1, of) for at_ms, of in history.items()] + [(act.at_ms, 0, act) for act in acts]
    for at_ms, _, what in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(what, Acknowledgement):
            if what.rule in states:
                states[what.rule], noted = acknowledge(states[what.rule], what)
                happened += noted
            continue
        states, moved = advance_all(states, findings(at_ms, what), POLICIES, local_day(at_ms, OFFSET_AT))
        happened += moved
    return states, happened


def in_order(happened: list[Transition]) -> list[Transition]:
    return sorted(happened, key=lambda one: (one.at_ms, one.rule, one.kind))


class Living(RuleBasedStateMachine):
    """A patient lived, with late data, a restart at every step, and people who act."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection = self.engine.connect()
        self.history: dict[int, Signs] = {}
        self.acts: Acts = []
        self.said: list[Telling] = []
        self.now = BEGIN

    @initialize()
    def nothing_yet(self) -> None:
        assert ledger.load_states(self.connection, 1) == {}

    @rule(of=signs, gap=gaps)
    def time_passes(self, of: Signs, gap: int) -> None:
        self.now += gap
        self.history[self.now] = of
        stepped = ledger.step(self.connection, 1, findings(self.now, of), POLICIES, self.now, OFFSET_AT, live=True)
        assert all(one.at_ms == self.now for one in stepped.tellings)
        self.said += stepped.tellings

    @precondition(lambda self: self.history)
    @rule(of=signs, back=st.integers(0, 30), beside=st.sampled_from([0, 0, 3 * MIN]))
    def late_data_change_the_past(self, of: Signs, back: int, beside: int) -> None:
        instants = sorted(self.history)
        at_ms = min(instants[-1 - back % len(instants)] + beside, instants[-1])
        self.history[at_ms] = of
        resume_ms = ledger.rewind(self.connection, 1, at_ms)
        assert resume_ms is None or resume_ms < at_ms
        again = [
            Judged(one, findings(one, self.history[one]), live=True)
            for one in sorted(self.history)
            if resume_ms is None or one > resume_ms
        ]
        assert ledger.steps(self.connection, 1, again, POLICIES, OFFSET_AT).tellings == []

    @rule()
    def the_same_again(self) -> None:
        if self.history:
            last = max(self.history)
            stepped = ledger.step(self.connection, 1, findings(last, self.history[last]), POLICIES, last, OFFSET_AT, live=True)
            assert (stepped.transitions, stepped.tellings) == ([], [])

    @rule(which=st.integers(0, 2))
    def somebody_acknowledges(self, which: int) -> None:
        waiting = ledger.list_alerts(self.connection, 1, open_only=True)
        if waiting:
            alert = waiting[which % len(waiting)]
            done = ledger.acknowledge(self.connection, alert.id, by="Kim", note="", at_ms=self.now)
            assert done.acknowledged_ms is not None
            act = Acknowledgement(alert.rule, done.acknowledged_ms, "Kim", "")
            self.acts += [] if act in self.acts else [act]

    @rule(for_ms=gaps, scope=st.sampled_from(["", "still"]))
    def somebody_snoozes(self, for_ms: int, scope: str) -> None:
        ledger.snooze(self.connection, 1, rule=scope, until_ms=self.now + for_ms, by="Kim", why="", at_ms=self.now)

    @invariant()
    def it_is_the_record_of_the_life_in_order(self) -> None:
        states, happened = fold(self.history, self.acts)
        assert ledger.load_states(self.connection, 1) == states
        assert ledger.list_transitions(self.connection, 1) == in_order(happened)
        waiting = {one.rule for one in ledger.list_alerts(self.connection, 1, open_only=True)}
        assert waiting == {name for name, state in states.items() if state.is_open}

    @invariant()
    def transitions_alternate(self) -> None:
        standing: dict[str, bool] = defaultdict(bool)
        for one in ledger.list_transitions(self.connection, 1):
            assert standing[one.rule] != (one.kind is Kind.OPENED)
            standing[one.rule] = one.kind not in (Kind.RESOLVED, Kind.WITHDRAWN)
            if one.kind is not Kind.ACKNOWLEDGED:
                assert self.history[one.at_ms][RULES.index(one.rule)] != "U"

    @invariant()
    def what_was_said_keeps_the_limits(self) -> None:
        assert ledger.list_tellings(self.connection, 1) == sorted(self.said, key=lambda one: (one.at_ms, one.rule))
        ids = [row["id"] for row in ledger.pending_messages(1, self.said)]
        assert len(ids) == len(set(ids))
        for name, policy in POLICIES.items():
            opened = [one.at_ms for one in self.said if one.rule == name and one.news is News.OPENED]
            assert all(later - earlier >= policy.cooldown_ms for earlier, later in pairwise(opened))
            days = [local_day(at_ms, OFFSET_AT) for at_ms in opened]
            assert all(policy.daily_max is None or days.count(day) <= policy.daily_max for day in days)

    def teardown(self) -> None:
        self.connection.rollback()
        self.connection.close()


def run(engine: Engine, examples: int, steps: int) -> None:
    living = type("LivingOn", (Living,), {"engine": engine})
    wanted = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(living, settings=wanted)


def test_living_on_sqlite(sqlite_engine: Engine) -> None:
    run(sqlite_engine, 20, 20)


@pytest.mark.live
def test_living_on_postgresql(postgresql_engine: Engine) -> None:
    run(postgresql_engine, 3, 15)


Lives = st.lists(st.tuples(signs, gaps), min_size=1, max_size=25)


def as_history(life: list[tuple[Signs, int]]) -> dict[int, Signs]:
    history, at_ms = {}, BEGIN
    for of, gap in life:
        at_ms += gap
        history[at_ms] = of
    return history


def undone(engine: Engine, does: Callable[[Connection], Any]) -> Any:
    with engine.connect() as connection:
        result = does(connection)
        connection.rollback()
        return result


def everything(connection: Connection) -> tuple[Any, ...]:
    told: dict[str, Told] = ledger.load_told(connection, 1)
    return ledger.load_states(connection, 1), ledger.list_transitions(connection, 1), ledger.list_tellings(connection, 1), told


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=Lives)
def test_a_restart_between_any_two_steps_changes_nothing(sqlite_engine: Engine, life: list[tuple[Signs, int]]) -> None:
    judged = [Judged(at_ms, findings(at_ms, of), live=True) for at_ms, of in as_history(life).items()]

    def in_one(connection: Connection) -> Any:
        ledger.steps(connection, 1, judged, POLICIES, OFFSET_AT)
        return everything(connection)

    def one_by_one(connection: Connection) -> Any:
        for one in judged:
            ledger.steps(connection, 1, [one], POLICIES, OFFSET_AT)
        return everything(connection)

    assert undone(sqlite_engine, in_one) == undone(sqlite_engine, one_by_one)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=Lives, chance=st.randoms(use_true_random=False))
def test_arriving_in_any_order_ends_in_the_same_record(sqlite_engine: Engine, life: list[tuple[Signs, int]], chance: Any) -> None:
    history = as_history(life)
    order = list(history)
    chance.shuffle(order)

    def shuffled(connection: Connection) -> Any:
        arrived: set[int] = set()
        for at_ms in order:
            newest = max(arrived, default=-1)
            arrived.add(at_ms)
            resume_ms = ledger.rewind(connection, 1, at_ms)
            later = sorted(one for one in arrived if resume_ms is None or one > resume_ms)
            judged = [Judged(one, findings(one, history[one]), live=True) for one in later]
            said = ledger.steps(connection, 1, judged, POLICIES, OFFSET_AT).tellings
            assert all(one.at_ms > newest for one in said)
        return ledger.load_states(connection, 1), ledger.list_transitions(connection, 1)

    def backfilled(connection: Connection) -> Any:
        judged = [Judged(at_ms, findings(at_ms, of), live=False) for at_ms, of in history.items()]
        assert ledger.steps(connection, 1, judged, POLICIES, OFFSET_AT).tellings == []
        return ledger.load_states(connection, 1), ledger.list_transitions(connection, 1)

    states, happened = fold(history, [])
    assert undone(sqlite_engine, shuffled) == (states, in_order(happened))
    assert undone(sqlite_engine, backfilled) == (states, in_order(happened))
