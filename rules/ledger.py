"""Alert state in SQL: how each rule of each patient stands, what happened, who was told, what people did about it.

Every function takes the caller's connection and commits nothing, so that the state, the audit and the queued messages are one
commit. The same tables on SQLite and PostgreSQL, each led by the patient. Times are UTC milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    and_,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from rules import alerts, telling
from rules.alerts import RED_FLAG, Acknowledgement, AlertState, Kind, Policy, Sign, Standing, States, Transition
from rules.finding import Evidence, Finding, Priority, Recipient, Truth
from rules.messages import body_of
from rules.minutes import WearSource
from rules.telling import News, OffsetAt, Present, Telling, Told, alert_id, local_day

EVERY_RULE = ""  # of a snooze: the whole patient

# A raised alert reads as one that opened, of high priority: that is what its reader has to act on.
_MESSAGE_KINDS = {News.OPENED: "opened", News.RAISED: "opened", News.ESCALATED: "escalated", News.RESOLVED: "resolved"}

_Value = TypeVar("_Value")

rules_metadata = MetaData()

judged = Table(
    "alert_patients",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("judged_ms", BigInteger, comment="the states are as of this instant; null before the first"),
    Column("newest_ms", BigInteger, comment="the newest instant ever judged; a rewind leaves it"),
    Column("live_ms", BigInteger, comment="the newest instant judged as the present"),
    Column("day", Integer, comment="local day of judged_ms, as days since 1970"),
)

states = Table(
    "alert_states",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("rule", String, primary_key=True),
    Column("standing", String, nullable=False),
    Column("since_ms", BigInteger),
    Column("opened_ms", BigInteger),
    Column("priority", String, nullable=False),
    Column("finding", JSON(none_as_null=True)),
    Column("held_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger, nullable=False),
    Column("cooldown_until_ms", BigInteger),
    Column("day", Integer),
    Column("opened_today", Integer, nullable=False),
    Column("sign", String, nullable=False),
    Column("last_at_ms", BigInteger),
)
Index("alert_states_open", states.c.standing)

transitions = Table(
    "alert_transitions",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("rule", String, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("opened_ms", BigInteger, nullable=False, comment="which alert"),
    Column("priority", String, nullable=False),
    Column("version", Integer, nullable=False, comment="of the prescription"),
    Column("finding", JSON, nullable=False),
    Column("by", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("superseded", Boolean, nullable=False, comment="late data say that it was otherwise"),
)

told = Table(
    "alert_told",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("rule", String, primary_key=True),
    Column("told_ms", BigInteger),
    Column("outstanding", Boolean, nullable=False),
    Column("priority", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("level_from_ms", BigInteger, nullable=False),
    Column("again_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger),
    Column("day", Integer),
    Column("told_today", Integer, nullable=False),
    Column("number", Integer, nullable=False),
)

tellings = Table(
    "alert_tellings",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("rule", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("news", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column("priority", String, nullable=False),
    Column("to", JSON, nullable=False, comment="[[recipient, not before], ...]"),
    Column("expires_ms", BigInteger),
    Column("finding", JSON, nullable=False),
)

acknowledgements = Table(
    "alert_acknowledgements",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("rule", String, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("by", String, nullable=False),
    Column("note", Text, nullable=False),
)

snoozes = Table(
    "alert_snoozes",
    rules_metadata,
    Column("id", Integer, primary_key=True),
    Column("patient_id", Integer, nullable=False),
    Column("rule", String, nullable=False, comment="empty: every rule"),
    Column("at_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("why", Text, nullable=False),
)
Index("alert_snoozes_by_patient", snoozes.c.patient_id)

checkpoints = Table(
    "alert_checkpoints",
    rules_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, primary_key=True),
    Column("day", Integer, nullable=False),
    Column("states", JSON, nullable=False, comment="as of at_ms, the last instant judged in a local day"),
)


class UnknownAlert(LookupError):
    """There is no such alert, or it is closed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What all rules found of one patient at one instant. live: it is the present, not the past judged again."""

    at_ms: int
    findings: Sequence[Finding]
    live: bool


@dataclass(frozen=True, slots=True)
class Stepped:
    """What came of judging: the record's transitions, and what is to be told now (`pending_messages`)."""

    transitions: list[Transition]
    tellings: list[Telling]


@dataclass(frozen=True, slots=True)
class Snooze:
    """A person wants no messages of a rule (EVERY_RULE: of any) until an instant."""

    rule: str
    at_ms: int
    until_ms: int
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stands, or stood. finding: what opened or last raised it; acknowledged_*: by the last who did.

    closed_by, closing_note: of a red flag, which no rule closes
    """

    id: str
    patient_id: int
    rule: str
    standing: Standing
    opened_ms: int
    closed_ms: int | None
    withdrawn: bool
    priority: Priority
    finding: Finding
    acknowledged_ms: int | None = None
    acknowledged_by: str = ""
    note: str = ""
    closed_by: str = ""
    closing_note: str = ""


@dataclass(slots=True)
class _Position:
    """How far a patient has been judged."""

    judged_ms: int | None
    newest_ms: int | None
    live_ms: int | None
    day: int | None


def step(
    connection: Connection,
    patient_id: int,
    findings: Sequence[Finding],
    policies: Mapping[str, Policy],
    at_ms: int,
    offset_at: OffsetAt,
    *,
    live: bool,
) -> Stepped:
    """Judge a patient for one instant: `steps` of one."""
    return steps(connection, patient_id, [Judged(at_ms, findings, live)], policies, offset_at)


def steps(
    connection: Connection,
    patient_id: int,
    history: Iterable[Judged],
    policies: Mapping[str, Policy],
    offset_at: OffsetAt,
) -> Stepped:
    """Take what was found at several instants, in the order of time, into the record; say what the present calls for.

    offset_at: the patient's UTC offset at an instant, both in ms
    Nothing is told for an instant older than the newest one judged, nor twice for one, whatever `live` says.
    Raises: ValueError for an instant before the last one judged (`rewind` first), a finding of another instant than its own,
            a rule without a policy
    """
    position = lock(connection, patient_id)
    before = {rule: state for rule, state in _read_states(connection, patient_id).items() if rule != RED_FLAG}
    known = load_told(connection, patient_id)
    acts = _read_acts(connection, patient_id, position.judged_ms)
    rests = _read_snoozes(connection, patient_id)
    now, people, start = dict(before), dict(known), position.judged_ms
    happened: list[Transition] = []
    said: list[Telling] = []
    for one in history:
        _check(one, position)
        day = local_day(one.at_ms, offset_at)
        if position.day is not None and position.judged_ms is not None and day > position.day:
            _save_checkpoint(connection, patient_id, position, now)
        now, noted = _acknowledge_all(now, acts, position.judged_ms, one.at_ms)
        now, moved = alerts.advance_all(now, one.findings, policies, day)
        happened += noted + moved
        if _is_present(one, position):
            said += _tell_all(people, now, one, policies, rests, offset_at)
            position.live_ms = one.at_ms
        position.judged_ms = one.at_ms
        position.newest_ms = one.at_ms if position.newest_ms is None else max(position.newest_ms, one.at_ms)
        position.day = day if position.day is None else max(day, position.day)
    _, pending = _acknowledge_all(now, acts, position.judged_ms, None)
    if acts:
        _supersede(connection, patient_id, start)
    _save_position(connection, patient_id, position)
    save(connection, patient_id, _changed(before, now), happened + pending)
    save_told(connection, patient_id, _changed(known, people), said)
    return Stepped(happened, said)


def rewind(connection: Connection, patient_id: int, at_ms: int) -> int | None:
    """Forget what was judged at `at_ms` and after, because the data it rests on changed.

    Returns: the instant up to which the record still stands: every later one is to be judged again, in order, by `steps`; None
             where all of the patient's history is. It may lie before `at_ms`: the record is kept once a local day.
    What people were told and what they did stays.
    """
    position = lock(connection, patient_id)
    if position.judged_ms is None or position.judged_ms < at_ms:
        return position.judged_ms
    mine = checkpoints.c.patient_id == patient_id
    kept = select(checkpoints).where(mine, checkpoints.c.at_ms < at_ms).order_by(checkpoints.c.at_ms.desc()).limit(1)
    found = connection.execute(kept).mappings().first()
    position.judged_ms, position.day = (found["at_ms"], found["day"]) if found else (None, None)
    connection.execute(delete(states).where(states.c.patient_id == patient_id, states.c.rule != RED_FLAG))
    connection.execute(delete(checkpoints).where(mine, checkpoints.c.at_ms >= at_ms))
    _supersede(connection, patient_id, position.judged_ms)
    _save_position(connection, patient_id, position)
    save(connection, patient_id, {row["rule"]: _state(row) for row in found["states"]} if found else {}, [])
    return position.judged_ms


def pending_messages(patient_id: int, said: Iterable[Telling]) -> list[dict[str, Any]]:
    """Return what `outbox.queue` takes, in the same transaction, of what a step said: one row for each recipient.

    An id follows from what was said: alert, number of the message, recipient.
    """
    return [_message(patient_id, one, recipient, not_before) for one in said for recipient, not_before in one.to]


def acknowledge(connection: Connection, alert: str, *, by: str, note: str, at_ms: int) -> Alert:
    """A person takes an open alert on: it is escalated no further. Doing it again changes nothing.

    alert: its id (`Alert.id`)
    Raises: UnknownAlert if there is none of that id, or it is closed
    """
    patient_id, rule = split_id(alert)
    position = lock(connection, patient_id)
    state = load_states(connection, patient_id).get(rule)
    if state is None or not state.is_open or state.opened_ms is None or alert_id(patient_id, rule, state.opened_ms) != alert:
        raise UnknownAlert(f"alert {alert}: expected an open one")
    if state.standing is Standing.OPEN:
        # After what was judged for the same instant, so that a replay takes the two in the same order.
        at_ms = max(at_ms, (position.judged_ms or 0) + 1, (state.since_ms or 0) + 1)
        act = Acknowledgement(rule, at_ms, by, note)
        after, happened = alerts.acknowledge(state, act)
        if rule == RED_FLAG:
            save(connection, patient_id, {rule: after}, happened)
        else:
            _upsert_rows(connection, acknowledgements, [{"patient_id": patient_id, **asdict(act)}])
            save(connection, patient_id, {}, happened)
    return find_alert(connection, alert)


def find_alert(connection: Connection, alert: str) -> Alert:
    """Return the alert of an id (`Alert.id`), open or closed. Raises: UnknownAlert"""
    patient_id, _ = split_id(alert)
    found = next((one for one in list_alerts(connection, patient_id) if one.id == alert), None)
    if found is None:
        raise UnknownAlert(f"alert {alert}: there is none")
    return found


def snooze(
    connection: Connection, patient_id: int, *, until_ms: int, by: str, why: str, at_ms: int, rule: str = EVERY_RULE
) -> Snooze:
    """A person wants no messages of a rule, or of any, until an instant; the last word of each counts. The record goes on."""
    lock(connection, patient_id)
    made = Snooze(rule, at_ms, until_ms, by, why)
    connection.execute(snoozes.insert(), {"patient_id": patient_id, **asdict(made)})
    return made


def load_states(connection: Connection, patient_id: int) -> States:
    """Return how each rule of a patient stands now, with what people acknowledged since it was judged last."""
    judged_ms = connection.execute(select(judged.c.judged_ms).where(judged.c.patient_id == patient_id)).scalar()
    now = _read_states(connection, patient_id)
    return _acknowledge_all(now, _read_acts(connection, patient_id, judged_ms), judged_ms, None)[0]


def load_told(connection: Connection, patient_id: int) -> dict[str, Told]:
    """Return what people know of each rule of a patient."""
    rows = connection.execute(select(told).where(told.c.patient_id == patient_id)).mappings()
    names = [field.name for field in fields(Told)]
    return {row["rule"]: replace(Told(**{name: row[name] for name in names}), priority=Priority(row["priority"])) for row in rows}


def save(connection: Connection, patient_id: int, changed: Mapping[str, AlertState], happened: Iterable[Transition]) -> None:
    """Write states and transitions. A transition that was superseded and comes again stands again."""
    _upsert_rows(connection, states, [_state_row(patient_id, rule, state) for rule, state in changed.items()])
    _upsert_rows(connection, transitions, [_transition_row(patient_id, one) for one in happened])


def list_alerts(connection: Connection, patient_id: int | None = None, *, open_only: bool = False) -> list[Alert]:
    """Return alerts, of one patient or of all, in the order in which they opened; what late data took back is left out."""
    wanted = select(transitions).where(transitions.c.superseded.is_(False))
    if patient_id is not None:
        wanted = wanted.where(transitions.c.patient_id == patient_id)
    if open_only:
        same = and_(*(states.c[name] == transitions.c[name] for name in ("patient_id", "rule", "opened_ms")))
        wanted = wanted.join(states, same).where(states.c.standing != Standing.RESOLVED.value)
    found: dict[str, Alert] = {}
    for row in connection.execute(wanted.order_by(transitions.c.at_ms)).mappings():
        one = alert_id(row["patient_id"], row["rule"], row["opened_ms"])
        found[one] = _tell_on(found.get(one), one, row)
    return sorted(found.values(), key=lambda alert: (alert.opened_ms, alert.patient_id, alert.rule))


def list_transitions(connection: Connection, patient_id: int, *, superseded: bool = False) -> list[Transition]:
    """Return what happened to a patient's alerts, oldest first; `superseded`: what late data took back, instead."""
    wanted = select(transitions).where(transitions.c.patient_id == patient_id, transitions.c.superseded.is_(superseded))
    order = (transitions.c.at_ms, transitions.c.rule, transitions.c.kind)
    return [_transition(row) for row in connection.execute(wanted.order_by(*order)).mappings()]


def list_tellings(connection: Connection, patient_id: int) -> list[Telling]:
    """Return all that was ever said about a patient, oldest first."""
    wanted = select(tellings).where(tellings.c.patient_id == patient_id)
    order = (tellings.c.at_ms, tellings.c.rule, tellings.c.number)
    return [_telling(row) for row in connection.execute(wanted.order_by(*order)).mappings()]


def list_snoozes(connection: Connection, patient_id: int, at_ms: int) -> list[Snooze]:
    """Return the snoozes in force at an instant."""
    latest: dict[str, Snooze] = {}
    for one in _read_snoozes(connection, patient_id):
        if one.at_ms <= at_ms:
            latest[one.rule] = one
    return [one for one in latest.values() if at_ms < one.until_ms]


def forget(connection: Connection, patient_id: int) -> None:
    """Erase all that is kept here of a patient."""
    for table in rules_metadata.tables.values():
        connection.execute(delete(table).where(table.c.patient_id == patient_id))


def _check(one: Judged, position: _Position) -> None:
    if position.judged_ms is not None and one.at_ms < position.judged_ms:
        raise ValueError(f"judged for {one.at_ms}, expected {position.judged_ms} or later: rewind first")
    for finding in one.findings:
        if finding.at_ms != one.at_ms:
            raise ValueError(f"{finding.rule}: found for {finding.at_ms}, expected {one.at_ms}")


def _is_present(one: Judged, position: _Position) -> bool:
    newest = position.newest_ms is None or one.at_ms >= position.newest_ms
    return one.live and newest and (position.live_ms is None or one.at_ms > position.live_ms)


def _acknowledge_all(
    now: States, acts: Sequence[Acknowledgement], after_ms: int | None, until_ms: int | None
) -> tuple[States, list[Transition]]:
    """Take on what people did after one instant, up to another, that one included."""
    now, happened = dict(now), []
    for act in acts:
        if (after_ms is None or act.at_ms > after_ms) and (until_ms is None or act.at_ms <= until_ms) and act.rule in now:
            now[act.rule], noted = alerts.acknowledge(now[act.rule], act)
            happened += noted
    return now, happened


def _tell_all(
    people: dict[str, Told],
    now: States,
    one: Judged,
    policies: Mapping[str, Policy],
    rests: Sequence[Snooze],
    offset_at: OffsetAt,
) -> list[Telling]:
    findings = {finding.rule: finding for finding in one.findings}
    silent = alerts.is_inhibited(now, policies)
    said = []
    for rule in sorted(now):
        if rule not in policies or (rule not in people and not now[rule].is_open):
            continue
        policy = policies[rule]
        present = Present(
            one.at_ms,
            offset_at,
            findings.get(rule),
            snoozed=_is_snoozed(rests, rule, one.at_ms),
            inhibited=silent and policy.inhibited and not policy.inhibits,
        )
        people[rule], news = telling.tell(people.get(rule, Told()), now[rule], policy, present)
        said += [] if news is None else [news]
    return said


def _is_snoozed(rests: Sequence[Snooze], rule: str, at_ms: int) -> bool:
    for scope in (rule, EVERY_RULE):
        until = next((one.until_ms for one in reversed(rests) if one.rule == scope and one.at_ms <= at_ms), None)
        if until is not None and at_ms < until:
            return True
    return False


def _tell_on(alert: Alert | None, id_: str, row: RowMapping) -> Alert:
    """Carry an alert on by its next transition."""
    kind, finding = Kind(row["kind"]), _read_finding(row["finding"])
    if alert is None or kind is Kind.OPENED:
        alert = Alert(
            id=id_,
            patient_id=row["patient_id"],
            rule=row["rule"],
            standing=Standing.OPEN,
            opened_ms=row["opened_ms"],
            closed_ms=None,
            withdrawn=False,
            priority=Priority(row["priority"]),
            finding=finding,
        )
    if kind is Kind.RAISED:
        return replace(alert, standing=Standing.OPEN, priority=Priority(row["priority"]), finding=finding)
    if kind is Kind.ACKNOWLEDGED:
        return replace(
            alert,
            standing=Standing.ACKNOWLEDGED,
            acknowledged_ms=row["at_ms"],
            acknowledged_by=row["by"],
            note=row["note"],
        )
    if kind in (Kind.RESOLVED, Kind.WITHDRAWN):
        return replace(
            alert,
            standing=Standing.RESOLVED,
            closed_ms=row["at_ms"],
            withdrawn=kind is Kind.WITHDRAWN,
            closed_by=row["by"],
            closing_note=row["note"],
        )
    return alert


def _message(patient_id: int, said: Telling, recipient: Recipient, not_before_ms: int) -> dict[str, Any]:
    alert = alert_id(patient_id, said.rule, said.opened_ms)
    return {
        "id": f"{alert}:{said.number}:{recipient.value}",
        "patient_id": patient_id,
        "recipient": recipient.value,
        "rule": said.rule,
        "kind": _MESSAGE_KINDS[said.news],
        "priority": said.priority.value,
        "at_ms": said.at_ms,
        "not_before_ms": not_before_ms,
        "expires_ms": said.expires_ms,
        "body": {"alert": alert, "opened_ms": said.opened_ms, "level": said.level, **body_of(said.finding)},
    }


def split_id(alert: str) -> tuple[int, str]:
    """Return patient and rule of an alert's id. Raises: UnknownAlert if it is none"""
    parts = alert.split(":")
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[0].isascii():
        raise UnknownAlert(f"alert {alert!r}: expected patient:rule:instant")
    return int(parts[0]), parts[1]


def lock(connection: Connection, patient_id: int) -> _Position:
    """Read how far a patient was judged; on PostgreSQL nobody else judges the patient until the caller commits."""
    empty = {"patient_id": patient_id, "judged_ms": None, "newest_ms": None, "live_ms": None, "day": None}
    wanted = select(judged).where(judged.c.patient_id == patient_id).with_for_update()
    row = connection.execute(wanted).mappings().first()
    if row is None:
        connection.execute(_insert(connection, judged).on_conflict_do_nothing(), empty)
        row = connection.execute(wanted).mappings().one()
    return _Position(row["judged_ms"], row["newest_ms"], row["live_ms"], row["day"])


def _save_position(connection: Connection, patient_id: int, position: _Position) -> None:
    connection.execute(update(judged).where(judged.c.patient_id == patient_id).values(**asdict(position)))


def _save_checkpoint(connection: Connection, patient_id: int, position: _Position, now: States) -> None:
    body = [_state_row(patient_id, rule, state) for rule, state in now.items()]
    row = {"patient_id": patient_id, "at_ms": position.judged_ms, "day": position.day, "states": body}
    _upsert_rows(connection, checkpoints, [row])


def _supersede(connection: Connection, patient_id: int, after_ms: int | None) -> None:
    mine = update(transitions).where(transitions.c.patient_id == patient_id, transitions.c.rule != RED_FLAG)
    if after_ms is not None:
        mine = mine.where(transitions.c.at_ms > after_ms)
    connection.execute(mine.values(superseded=True))


def _read_states(connection: Connection, patient_id: int) -> States:
    rows = connection.execute(select(states).where(states.c.patient_id == patient_id)).mappings()
    return {row["rule"]: _state(row) for row in rows}


def _read_acts(connection: Connection, patient_id: int, after_ms: int | None) -> list[Acknowledgement]:
    wanted = select(acknowledgements).where(acknowledgements.c.patient_id == patient_id)
    if after_ms is not None:
        wanted = wanted.where(acknowledgements.c.at_ms > after_ms)
    rows = connection.execute(wanted.order_by(acknowledgements.c.at_ms, acknowledgements.c.rule)).mappings()
    return [Acknowledgement(row["rule"], row["at_ms"], row["by"], row["note"]) for row in rows]


def _read_snoozes(connection: Connection, patient_id: int) -> list[Snooze]:
    """In the order in which they were said."""
    rows = connection.execute(select(snoozes).where(snoozes.c.patient_id == patient_id).order_by(snoozes.c.id)).mappings()
    return [Snooze(row["rule"], row["at_ms"], row["until_ms"], row["by"], row["why"]) for row in rows]


def _changed(before: Mapping[str, _Value], after: Mapping[str, _Value]) -> dict[str, _Value]:
    return {rule: value for rule, value in after.items() if before.get(rule) != value}


def save_told(connection: Connection, patient_id: int, changed: Mapping[str, Told], said: Iterable[Telling]) -> None:
    """Write what people know, and what is said to them."""
    rows = [
        {"patient_id": patient_id, "rule": rule, **asdict(one), "priority": one.priority.value} for rule, one in changed.items()
    ]
    _upsert_rows(connection, told, rows)
    _upsert_rows(connection, tellings, [_telling_row(patient_id, one) for one in said])


def _state_row(patient_id: int, rule: str, state: AlertState) -> dict[str, Any]:
    return {
        "patient_id": patient_id,
        "rule": rule,
        "standing": state.standing.value,
        "since_ms": state.since_ms,
        "opened_ms": state.opened_ms,
        "priority": state.priority.value,
        "finding": None if state.finding is None else _write_finding(state.finding),
        "held_ms": state.held_ms,
        "cleared_ms": state.cleared_ms,
        "cooldown_until_ms": state.cooldown_until_ms,
        "day": state.day,
        "opened_today": state.opened_today,
        "sign": state.sign.value,
        "last_at_ms": state.last_at_ms,
    }


def _state(row: RowMapping | Mapping[str, Any]) -> AlertState:
    return AlertState(
        standing=Standing(row["standing"]),
        since_ms=row["since_ms"],
        opened_ms=row["opened_ms"],
        priority=Priority(row["priority"]),
        finding=None if row["finding"] is None else _read_finding(row["finding"]),
        held_ms=row["held_ms"],
        cleared_ms=row["cleared_ms"],
        cooldown_until_ms=row["cooldown_until_ms"],
        day=row["day"],
        opened_today=row["opened_today"],
        sign=Sign(row["sign"]),
        last_at_ms=row["last_at_ms"],
    )


def _transition_row(patient_id: int, one: Transition) -> dict[str, Any]:
    return {
        "patient_id": patient_id,
        "rule": one.rule,
        "at_ms": one.at_ms,
        "kind": one.kind.value,
        "opened_ms": one.opened_ms,
        "priority": one.priority.value,
        "version": one.finding.version,
        "finding": _write_finding(one.finding),
        "by": one.by,
        "note": one.note,
        "superseded": False,
    }


def _transition(row: RowMapping) -> Transition:
    return Transition(
        rule=row["rule"],
        kind=Kind(row["kind"]),
        at_ms=row["at_ms"],
        opened_ms=row["opened_ms"],
        priority=Priority(row["priority"]),
        finding=_read_finding(row["finding"]),
        by=row["by"],
        note=row["note"],
    )


def _telling_row(patient_id: int, one: Telling) -> dict[str, Any]:
    return {
        "patient_id": patient_id,
        "rule": one.rule,
        "number": one.number,
        "news": one.news.value,
        "at_ms": one.at_ms,
        "opened_ms": one.opened_ms,
        "level": one.level,
        "priority": one.priority.value,
        "to": [[recipient.value, not_before_ms] for recipient, not_before_ms in one.to],
        "expires_ms": one.expires_ms,
        "finding": _write_finding(one.finding),
    }


def _telling(row: RowMapping) -> Telling:
    return Telling(
        rule=row["rule"],
        news=News(row["news"]),
        at_ms=row["at_ms"],
        opened_ms=row["opened_ms"],
        number=row["number"],
        level=row["level"],
        priority=Priority(row["priority"]),
        to=tuple((Recipient(recipient), not_before_ms) for recipient, not_before_ms in row["to"]),
        expires_ms=row["expires_ms"],
        finding=_read_finding(row["finding"]),
    )


def _write_finding(finding: Finding) -> dict[str, Any]:
    rest = {
        "rule": finding.rule,
        "truth": finding.truth.value,
        "at_ms": finding.at_ms,
        "priority": finding.priority.value,
        "clears": finding.clears,
        "escalates": finding.escalates,
    }
    return {**body_of(finding), **rest}


def _read_finding(body: Mapping[str, Any]) -> Finding:
    evidence = body["evidence"]
    return Finding(
        rule=body["rule"],
        truth=Truth(body["truth"]),
        at_ms=body["at_ms"],
        version=body["version"],
        reason=body["reason"],
        evidence=Evidence(
            start_ms=evidence["start_ms"],
            end_ms=evidence["end_ms"],
            coverage=evidence["coverage"],
            wear_source=WearSource(evidence["wear_source"]),
            minutes=tuple((start_ms, end_ms) for start_ms, end_ms in evidence["minutes"]),
            measured=evidence["measured"],
            thresholds=evidence["thresholds"],
        ),
        priority=Priority(body["priority"]),
        clears=body["clears"],
        escalates=body["escalates"],
    )


def _insert(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


@cache
def _upsert(dialect: str, table: Table) -> Any:
    """Building a statement costs more than running it, so each is built once."""
    statement: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def _upsert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), list(rows))
