"""The worker of the outbox: composes what is due into messages, and sends each to every channel of its recipient.

At least once: a try is begun in one transaction and its end is stored in another. A process that dies in between leaves a try
that counts as lost after `Retries.lost_ms` and is made again, with the same id and the same text.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from rules import outbox
from rules.channels import Outcome, Result, Sender
from rules.finding import Recipient
from rules.messages import Notice, Subject, Text, find_language, write_message
from rules.outbox import NO_ROUTE, Delivery, State
from rules.routes import Route, find_route, routes_for

WORKERS = 4

NO_CHANNEL = "no channel is set"
EXPIRED = "expired before it could be sent"
NO_PATIENT = "the patient is no longer there"
CHANNEL_GONE = "the channel has been removed"
LOST = "every try was cut off before it ended"


class Database(Protocol):
    """Where the outbox lives, as `ingest.store.Store` gives it: each `writing` is one transaction."""

    def writing(self) -> AbstractContextManager[Connection]: ...

    def reading(self) -> AbstractContextManager[Connection]: ...


# The patient as messages name them; None once there is no such patient.
FindSubject = Callable[[Connection, int], Subject | None]


@dataclass(frozen=True, slots=True)
class Retries:
    """When a failed try is made again: after `first_ms`, then twice as long each time, at most `longest_ms`.

    spread:  the share of each delay that chance takes away, so that many do not come back at once
    tries:   for failures that may pass, about a day by default
    unclear: for failures of which nothing is known
    lost_ms: how long a try may take; longer than any send, see `channels.SEND_TIMEOUT_S`
    """

    first_ms: int = 30_000
    longest_ms: int = 3_600_000
    spread: float = 0.25
    tries: int = 30
    unclear: int = 8
    lost_ms: int = 120_000

    def delay_ms(self, tries: int, chance: float) -> int:
        """Return the delay after so many tries (1 or more). chance: 0..1"""
        whole = min(self.longest_ms, self.first_ms << min(tries - 1, 32))
        return round(whole * (1 - self.spread * chance))


RETRIES = Retries()


def flush(
    database: Database,
    sender: Sender,
    at_ms: int,
    *,
    find_subject: FindSubject,
    chance: Callable[[], float],
    clock: Callable[[], int] | None = None,
    retries: Retries = RETRIES,
    workers: int = WORKERS,
) -> list[Delivery]:
    """Send what is due at `at_ms`: one message per patient and recipient, to each of the recipient's channels.

    sender: called from `workers` threads; one that is slow or refused holds up none of the others' work
    chance: 0..1, spreads the repeats
    clock:  UTC milliseconds, for when tries begin and end; at_ms if it is None
    Returns: what was tried, and what failed without a try; a recipient without a channel is told of once
    """
    now = clock or (lambda: at_ms)
    with database.writing() as connection:
        failed = compose(connection, at_ms, find_subject)
    with database.reading() as connection:
        due = outbox.find_due(connection, at_ms)

    def deliver(key: tuple[str, int, int]) -> str | None:
        return _deliver(database, sender, key, now, chance, retries)

    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(due)))) as pool:
        # All are made before anything that one of them raised goes on: it would take back those that have not begun.
        tries = [pool.submit(deliver, key) for key in due]
    tried = {(key[0], key[1]) for key, made in zip(due, tries, strict=True) if made.result()}
    told = tried | {(message_id, NO_ROUTE) for message_id in failed}
    if not told:
        return []
    with database.reading() as connection:
        listed = outbox.list_deliveries(connection, message_ids=sorted({message_id for message_id, _ in told}))
    return [one for one in listed if (one.message_id, one.route_id) in told]


def compose(connection: Connection, at_ms: int, find_subject: FindSubject) -> list[str]:
    """Make messages of the transitions that are due. Returns the ids of those that failed at once and are news."""
    news = []
    for (patient_id, recipient), rows in outbox.take_due(connection, at_ms).items():
        alive = [row for row in rows if row.expires_ms is None or row.expires_ms > at_ms]
        late = [row.id for row in rows if row not in alive]
        if late:
            news.append(_fail(connection, late, patient_id, recipient, at_ms, EXPIRED))
        if alive and (found := _compose(connection, alive, patient_id, recipient, at_ms, find_subject)):
            news.append(found)
    return news


def _compose(
    connection: Connection, rows: Sequence[Row[Any]], patient_id: int, recipient: str, at_ms: int, find_subject: FindSubject
) -> str | None:
    """One message to one recipient. Returns its id if it failed at once and that is news."""
    ids = [row.id for row in rows]
    subject = find_subject(connection, patient_id)
    if subject is None:
        return _fail(connection, ids, patient_id, recipient, at_ms, NO_PATIENT)
    channels = routes_for(connection, patient_id, Recipient(recipient))
    if not channels:
        failed = _fail(connection, ids, patient_id, recipient, at_ms, NO_CHANNEL)
        return failed if outbox.note_without_route(connection, patient_id, recipient, at_ms) else None
    outbox.note_with_route(connection, patient_id, recipient)
    message_id = outbox.message_id_of(ids)
    expires = None if any(row.expires_ms is None for row in rows) else max(row.expires_ms for row in rows)
    notices = [Notice(row.rule, row.kind, row.priority, row.at_ms, row.body) for row in rows]
    made = []
    for route in channels:
        text = write_message(notices, Recipient(recipient), subject, find_language(route.language), message_id)
        made.append(_row(message_id, route, patient_id, recipient, text, at_ms) | {"expires_ms": expires})
    outbox.store_message(connection, message_id, ids, made)
    return None


def _fail(connection: Connection, ids: Sequence[str], patient_id: int, recipient: str, at_ms: int, reason: str) -> str:
    message_id = outbox.message_id_of(ids)
    row = _row(message_id, None, patient_id, recipient, Text("", "", ""), at_ms)
    expires = at_ms if reason == EXPIRED else None
    failed = {"state": State.FAILED.value, "ended_ms": at_ms, "reason": reason, "expires_ms": expires}
    outbox.store_message(connection, message_id, ids, [row | failed])
    return message_id


def _row(message_id: str, route: Route | None, patient_id: int, recipient: str, text: Text, at_ms: int) -> dict[str, Any]:
    """A delivery that waits for its first try."""
    return {
        "message_id": message_id,
        "route_id": NO_ROUTE if route is None else route.id,
        "patient_id": patient_id,
        "recipient": recipient,
        "title": text.title,
        "text": text.body,
        "short": text.short,
        "created_ms": at_ms,
        "expires_ms": None,
        "state": State.QUEUED.value,
        "tries": 0,
        "next_ms": at_ms,
        "ended_ms": None,
        "reason": "",
    }


def _deliver(
    database: Database,
    sender: Sender,
    key: tuple[str, int, int],
    now: Callable[[], int],
    chance: Callable[[], float],
    retries: Retries,
) -> str | None:
    """One try of one delivery. Returns its message's id, or None if another process has it."""
    begun_ms = now()
    with database.writing() as connection:
        claimed = outbox.claim(connection, key, begun_ms, begun_ms + retries.lost_ms)
        if claimed is None:
            return None
        route = find_route(connection, claimed.route_id)
        if hopeless := _hopeless(claimed, route, begun_ms, retries):
            outbox.end_try(connection, claimed, State.FAILED, begun_ms, hopeless, begun_ms)
            return str(claimed.message_id)
    assert route is not None
    outcome = sender(route.url, claimed.message_id, Text(claimed.title, claimed.text, claimed.short))
    ended_ms = now()
    state = _state(outcome, claimed, retries)
    next_ms = ended_ms + (retries.delay_ms(claimed.tries, chance()) if state is State.QUEUED else 0)
    with database.writing() as connection:
        outbox.end_try(connection, claimed, state, ended_ms, outcome.reason, next_ms)
    return str(claimed.message_id)


def _hopeless(claimed: Row[Any], route: Route | None, at_ms: int, retries: Retries) -> str:
    """Why there is no sense in a try; empty if there is."""
    if route is None:
        return CHANNEL_GONE
    if claimed.expires_ms is not None and claimed.expires_ms <= at_ms:
        return f"{EXPIRED}; last: {claimed.reason}" if claimed.reason else EXPIRED
    # Tries that end are counted where they end; only one that never does comes here again.
    return LOST if claimed.tries > retries.tries else ""


def _state(outcome: Outcome, claimed: Row[Any], retries: Retries) -> State:
    if outcome.result is Result.SENT:
        return State.SENT
    allowed = {Result.PASSING: retries.tries, Result.UNCLEAR: retries.unclear, Result.PERMANENT: 0}[outcome.result]
    return State.QUEUED if claimed.tries < allowed else State.FAILED
