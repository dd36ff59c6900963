"""The outbox in SQL: transitions wait in it, become messages, and each message goes to every channel of its recipient.

`transitions` is written in the transaction that made them. A message's id and text are committed before the first try,
so that whatever happens after it, a repeat is the same message. Times are UTC milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

NO_ROUTE = 0  # the route_id of a message that has no channel
ID_SIGNS = 32
AT_ONCE = 500

outbox_metadata = MetaData()

routes = Table(
    "routes",
    outbox_metadata,
    Column("id", Integer, primary_key=True),
    Column("patient_id", Integer, nullable=False, comment="0: serves every patient"),
    Column("recipient", String, nullable=False),
    Column("url", Text, nullable=False, comment="secret: an Apprise URL with passwords and tokens"),
    Column("digest", String(64), nullable=False, comment="of the URL: a database that complains of a key shows it"),
    Column("label", String, nullable=False),
    Column("language", String, nullable=False),
    UniqueConstraint("patient_id", "recipient", "digest"),
)

transitions = Table(
    "outbox",
    outbox_metadata,
    Column("id", String, primary_key=True),
    Column("patient_id", Integer, nullable=False),
    Column("recipient", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("not_before_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("body", JSON, nullable=False),
    Column("message_id", String(ID_SIGNS), comment="null until it is part of a message"),
)
Index(
    "outbox_waiting",
    transitions.c.not_before_ms,
    sqlite_where=transitions.c.message_id.is_(None),
    postgresql_where=transitions.c.message_id.is_(None),
)
Index("outbox_by_message", transitions.c.message_id)

deliveries = Table(
    "deliveries",
    outbox_metadata,
    Column("message_id", String(ID_SIGNS), primary_key=True),
    Column("route_id", Integer, primary_key=True, autoincrement=False),
    Column("patient_id", Integer, nullable=False),
    Column("recipient", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("short", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("state", String, nullable=False, comment="queued | sending | sent | failed"),
    Column("tries", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False, comment="queued: the next try; sending: when the try counts as lost"),
    Column("ended_ms", BigInteger, comment="when it was sent or given up"),
    Column("reason", String, nullable=False),
)
Index("deliveries_due", deliveries.c.state, deliveries.c.next_ms)
Index("deliveries_by_patient", deliveries.c.patient_id)

# For whom it has been said that no channel is set: it is said once, until there is one.
without_route = Table(
    "without_route",
    outbox_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("recipient", String, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)


class State(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one channel.

    route_id:    NO_ROUTE where the recipient has no channel, or all expired before there was a message
    tries:       begun so far
    next_ms:     of a queued one: its next try
    ended_ms:    when it was sent or given up
    reason:      of the last failure; holds no address and no URL
    transitions: the ids of what it tells
    """

    message_id: str
    route_id: int
    patient_id: int
    recipient: str
    state: State
    tries: int
    created_ms: int
    next_ms: int
    expires_ms: int | None
    ended_ms: int | None
    reason: str
    transitions: tuple[str, ...] = ()


def queue(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Queue transitions in the caller's transaction. One whose id is there already is left as it is.

    rows: id, patient_id, recipient, rule, kind, priority, at_ms, not_before_ms, expires_ms (or None), and body, which is
          what a message needs of the finding as JSON: `messages.body_of`, and more if one likes
    """
    wanted = [dict(row) for row in rows]
    if wanted:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(transitions).on_conflict_do_nothing(index_elements=["id"]), wanted)


def message_id_of(ids: Iterable[str]) -> str:
    """Return the id of the message that tells these transitions: the same for the same ones, whoever composes it."""
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()[:ID_SIGNS]


Group = tuple[int, str]


def take_due(connection: Connection, at_ms: int) -> dict[Group, list[Row[Any]]]:
    """Return what is due and part of no message yet, by patient and recipient. Another composing at once sees none of it."""
    due = (
        select(transitions)
        .where(transitions.c.message_id.is_(None), transitions.c.not_before_ms <= at_ms)
        .order_by(transitions.c.at_ms, transitions.c.id)
        .with_for_update(skip_locked=True)  # nothing on SQLite, which has one writer
    )
    groups: dict[Group, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(due):
        groups[row.patient_id, row.recipient].append(row)
    return groups


def store_message(connection: Connection, message_id: str, ids: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Make transitions part of a message and store its deliveries."""
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        connection.execute(update(transitions).where(transitions.c.id.in_(some)).values(message_id=message_id))
    connection.execute(insert(deliveries), list(rows))


def note_without_route(connection: Connection, patient_id: int, recipient: str, at_ms: int) -> bool:
    """Note that there is no channel. Returns whether that is new."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"patient_id": patient_id, "recipient": recipient, "since_ms": at_ms}
    noted = dialect.insert(without_route).values(row).on_conflict_do_nothing().returning(without_route.c.patient_id)
    return connection.execute(noted).one_or_none() is not None


def note_with_route(connection: Connection, patient_id: int, recipient: str) -> None:
    same = (without_route.c.patient_id == patient_id, without_route.c.recipient == recipient)
    connection.execute(delete(without_route).where(*same))


def _due(at_ms: int) -> Any:
    """Waiting for its turn, or begun by a process that never told how it ended."""
    return and_(deliveries.c.state.in_((State.QUEUED.value, State.SENDING.value)), deliveries.c.next_ms <= at_ms)


def find_due(connection: Connection, at_ms: int) -> list[tuple[str, int, int]]:
    """Return (message id, route id, tries so far) of every delivery that is due, oldest message first."""
    columns = (deliveries.c.message_id, deliveries.c.route_id, deliveries.c.tries)
    wanted = select(*columns).where(_due(at_ms)).order_by(deliveries.c.created_ms, *columns[:2])
    return [(row.message_id, row.route_id, row.tries) for row in connection.execute(wanted)]


def claim(connection: Connection, key: tuple[str, int, int], at_ms: int, until_ms: int) -> Row[Any] | None:
    """Begin a try that counts as lost at `until_ms`. Returns the delivery, or None if another has it."""
    message_id, route_id, tries = key
    mine = and_(_same(message_id, route_id), deliveries.c.tries == tries, _due(at_ms))
    begun = update(deliveries).where(mine).values(state=State.SENDING.value, tries=tries + 1, next_ms=until_ms)
    if not connection.execute(begun).rowcount:
        return None
    return connection.execute(select(deliveries).where(_same(message_id, route_id))).one()


def end_try(connection: Connection, claimed: Row[Any], state: State, at_ms: int, reason: str, next_ms: int) -> None:
    """Store how a try ended. What was sent is sent, whoever has begun another try meanwhile; a failure is the owner's to tell."""
    same = _same(claimed.message_id, claimed.route_id)
    mine = and_(same, deliveries.c.tries == claimed.tries, deliveries.c.state == State.SENDING.value)
    ended = None if state is State.QUEUED else at_ms
    values = {"state": state.value, "ended_ms": ended, "reason": reason, "next_ms": next_ms}
    connection.execute(update(deliveries).where(same if state is State.SENT else mine).values(values))


def _same(message_id: str, route_id: int) -> Any:
    return and_(deliveries.c.message_id == message_id, deliveries.c.route_id == route_id)


def list_deliveries(
    connection: Connection, *, patient_id: int | None = None, state: State | None = None, message_ids: Sequence[str] = ()
) -> list[Delivery]:
    """Return deliveries in the order in which their messages were made."""
    wanted = select(deliveries).order_by(deliveries.c.created_ms, deliveries.c.message_id, deliveries.c.route_id)
    if patient_id is not None:
        wanted = wanted.where(deliveries.c.patient_id == patient_id)
    if state is not None:
        wanted = wanted.where(deliveries.c.state == state.value)
    if message_ids:
        wanted = wanted.where(deliveries.c.message_id.in_(message_ids))
    rows = connection.execute(wanted).all()
    told = _told(connection, sorted({row.message_id for row in rows}))
    return [_delivery(row, told[row.message_id]) for row in rows]


def _told(connection: Connection, message_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the transitions of each message."""
    told: dict[str, list[str]] = defaultdict(list)
    columns = (transitions.c.message_id, transitions.c.id)
    for first in range(0, len(message_ids), AT_ONCE):
        some = message_ids[first : first + AT_ONCE]
        for row in connection.execute(select(*columns).where(columns[0].in_(some)).order_by(transitions.c.at_ms, columns[1])):
            told[row.message_id].append(row.id)
    return told


def _delivery(row: Row[Any], told: Iterable[str]) -> Delivery:
    return Delivery(
        message_id=row.message_id,
        route_id=row.route_id,
        patient_id=row.patient_id,
        recipient=row.recipient,
        state=State(row.state),
        tries=row.tries,
        created_ms=row.created_ms,
        next_ms=row.next_ms,
        expires_ms=row.expires_ms,
        ended_ms=row.ended_ms,
        reason=row.reason,
        transitions=tuple(told),
    )


def list_waiting(connection: Connection, patient_id: int | None = None) -> list[str]:
    """Return the ids of transitions that are part of no message yet, in time order."""
    wanted = select(transitions.c.id).where(transitions.c.message_id.is_(None)).order_by(transitions.c.at_ms, transitions.c.id)
    if patient_id is not None:
        wanted = wanted.where(transitions.c.patient_id == patient_id)
    return list(connection.execute(wanted).scalars())


def requeue_failed(connection: Connection, at_ms: int, *, patient_id: int | None = None) -> int:
    """Try again what has failed and has not expired, with all its tries; returns how many messages to channels that are.

    A message that had no channel was never tried: it is composed anew, for the channels that there are now.
    """
    wanted = and_(
        deliveries.c.state == State.FAILED.value,
        or_(deliveries.c.expires_ms.is_(None), deliveries.c.expires_ms > at_ms),
    )
    if patient_id is not None:
        wanted = and_(wanted, deliveries.c.patient_id == patient_id)
    homeless = and_(wanted, deliveries.c.route_id == NO_ROUTE)
    ids = list(connection.execute(select(deliveries.c.message_id).where(homeless)).scalars())
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        connection.execute(update(transitions).where(transitions.c.message_id.in_(some)).values(message_id=None))
    connection.execute(delete(deliveries).where(homeless))
    again = {"state": State.QUEUED.value, "tries": 0, "next_ms": at_ms, "ended_ms": None}
    return len(ids) + connection.execute(update(deliveries).where(wanted).values(again)).rowcount


def erase_patient(connection: Connection, patient_id: int) -> None:
    """Remove everything of a patient: what was told, what waits, and the channels."""
    for table in (transitions, deliveries, without_route, routes):
        connection.execute(delete(table).where(table.c.patient_id == patient_id))
