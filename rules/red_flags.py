"""A yes to a question about a warning sign, as an alert: a patient opens it, people acknowledge and close it, no rule judges it.

It rests on what somebody said and not on minutes. So no check opens or closes it and none is waited for, late data and judging
the past again leave it alone, and neither a silent device nor quiet hours, snoozes, cool-downs or daily limits hold it back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from rules import ledger, telling
from rules.alerts import RED_FLAG, AlertState, Kind, Policy, Sign, Standing, Transition
from rules.finding import Evidence, Finding, Priority, Recipient, Truth
from rules.ledger import Alert, UnknownAlert
from rules.minutes import WearSource
from rules.telling import News, Present, Telling, Told

MINUTE_MS = 60_000
# While nobody acknowledges it, the therapist and the operator are told in turn, so often and so many times [G].
ESCALATE_AFTER_MS = 30 * MINUTE_MS
POLICY = Policy(
    recipients=(Recipient.THERAPIST,),
    escalate_after_ms=ESCALATE_AFTER_MS,
    escalation=(Recipient.THERAPIST, Recipient.OPERATOR) * 2,
    inhibited=False,
)


class NotAcknowledged(ValueError):
    """Nobody has said yet that they look after it, so nobody can say that it is done."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Warning signs that were answered with yes together. codes: which; said_ms: when it was so; by: who entered it"""

    codes: Sequence[str]
    said_ms: int
    by: str


def open_alert(connection: Connection, patient_id: int, answered: Answered, at_ms: int) -> list[dict[str, Any]]:
    """Open the patient's alert; if it is open already, raise it: somebody has to look again, whoever acknowledged it before.

    Returns: the messages to queue in the same transaction (`outbox.queue`); they are due at once
    """
    ledger.lock(connection, patient_id)
    before = _states(connection, [patient_id]).get(patient_id, AlertState())
    # The record goes forward, though the clock may have been set back since the last that happened.
    since_ms = max(at_ms, (before.since_ms or 0) + 1)
    finding = _finding(answered, at_ms)
    state = replace(
        before,
        standing=Standing.OPEN,
        since_ms=since_ms,
        opened_ms=before.opened_ms if before.is_open else since_ms,
        priority=Priority.HIGH,
        finding=finding,
        sign=Sign.TRUE,
        last_at_ms=at_ms,
    )
    kind, news = (Kind.RAISED, News.RAISED) if before.is_open else (Kind.OPENED, News.OPENED)
    _write(connection, patient_id, state, kind)
    told = ledger.load_told(connection, patient_id).get(RED_FLAG, Told())
    if before.standing is not Standing.OPEN:
        told = replace(told, outstanding=False)
    return _tell(connection, patient_id, *telling.insist(told, state, POLICY, _present(at_ms, finding), news))


def escalate_due(connection: Connection, at_ms: int) -> list[dict[str, Any]]:
    """Tell the next of every red flag that nobody acknowledged in time. Returns the messages to queue in the same transaction."""
    rows = []
    for patient_id in sorted(unacknowledged(connection)):
        ledger.lock(connection, patient_id)
        state = _states(connection, [patient_id])[patient_id]
        if state.standing is not Standing.OPEN:
            continue
        told = ledger.load_told(connection, patient_id)[RED_FLAG]
        if told.level_from_ms - at_ms > ESCALATE_AFTER_MS:
            # The clock was ahead when it was told; that must not hold back anything for so long.
            told = replace(told, level_from_ms=at_ms - ESCALATE_AFTER_MS)
        rows += _tell(connection, patient_id, *telling.escalate(told, state, POLICY, _present(at_ms)))
    return rows


def unacknowledged(connection: Connection) -> set[int]:
    """Return the patients whose red flag waits for somebody to acknowledge it."""
    states = ledger.states
    waits = (states.c.rule == RED_FLAG, states.c.standing == Standing.OPEN.value)
    return set(connection.execute(select(states.c.patient_id).where(*waits)).scalars())


def close_alert(connection: Connection, alert: str, *, by: str, note: str, at_ms: int) -> Alert:
    """A person says that it has been looked after; nothing else closes it.

    Raises: UnknownAlert if it is no open red flag, NotAcknowledged if nobody acknowledged what was said last
    """
    patient_id, rule = ledger.split_id(alert)
    if rule != RED_FLAG:
        raise UnknownAlert(f"alert {alert}: expected a red flag; what a rule opened closes when the rule is clear")
    ledger.lock(connection, patient_id)
    state = _states(connection, [patient_id]).get(patient_id)
    if state is None or not state.is_open or telling.alert_id(patient_id, RED_FLAG, state.opened_ms or 0) != alert:
        raise UnknownAlert(f"alert {alert}: expected an open one")
    if state.standing is Standing.OPEN:
        raise NotAcknowledged(f"alert {alert}: expected one that somebody has acknowledged")
    at_ms = max(at_ms, (state.since_ms or 0) + 1)
    state = replace(state, standing=Standing.RESOLVED, since_ms=at_ms)
    _write(connection, patient_id, state, Kind.RESOLVED, by=by, note=note)
    return ledger.find_alert(connection, alert)


def _states(connection: Connection, patient_ids: Iterable[int]) -> dict[int, AlertState]:
    found = {one: ledger.load_states(connection, one).get(RED_FLAG) for one in patient_ids}
    return {one: state for one, state in found.items() if state is not None}


def _finding(answered: Answered, at_ms: int) -> Finding:
    named = ", ".join(code.replace("_", " ") for code in answered.codes)
    return Finding(
        rule=RED_FLAG,
        truth=Truth.TRUE,
        at_ms=at_ms,
        version=0,
        reason=f"answered with yes: {named}; entered by {answered.by}",
        evidence=Evidence(
            start_ms=answered.said_ms,
            end_ms=answered.said_ms,
            coverage=None,
            wear_source=WearSource.NONE,
            measured=dict.fromkeys(answered.codes, 1),
        ),
        priority=Priority.HIGH,
    )


def _present(at_ms: int, finding: Finding | None = None) -> Present:
    # The policy has no quiet hours and no daily maximum, so no local time is asked for.
    return Present(at_ms, lambda _: 0, finding)


def _write(connection: Connection, patient_id: int, state: AlertState, kind: Kind, by: str = "", note: str = "") -> None:
    """Store how the alert came to stand, and that it did."""
    assert state.since_ms is not None  # it is or was open
    assert state.opened_ms is not None
    assert state.finding is not None
    happened = Transition(RED_FLAG, kind, state.since_ms, state.opened_ms, Priority.HIGH, state.finding, by, note)
    ledger.save(connection, patient_id, {RED_FLAG: state}, [happened])


def _tell(connection: Connection, patient_id: int, told: Told, said: Telling | None) -> list[dict[str, Any]]:
    ledger.save_told(connection, patient_id, {RED_FLAG: told}, [] if said is None else [said])
    return ledger.pending_messages(patient_id, [] if said is None else [said])
