"""Sessions of people who signed in: a random cookie, kept as its hash, that ends when unused and when old."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select, update

from afoot.service.accounts import Account, groups_of
from afoot.service.roles import Role, Scope
from afoot.service.secret import digest_of, new_secret
from afoot.service.tables import accounts, sessions

# How exactly it is kept when a session was used last: else every request would write.
SEEN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Lifetime:
    """idle_ms: without a request; whole_ms: in all."""

    idle_ms: int
    whole_ms: int


def begin_session(connection: Connection, account_id: int, at_ms: int) -> str:
    """Return the secret of a new session, which is not kept."""
    secret = new_secret()
    row = {"digest": digest_of(secret), "account_id": account_id, "created_ms": at_ms, "seen_ms": at_ms}
    connection.execute(sessions.insert().values(row))
    return secret


def find_session(connection: Connection, secret: str, at_ms: int, lifetime: Lifetime) -> tuple[Account, int] | None:
    """Return whose session it is and when it was used last; None if it is none, or over."""
    columns = (accounts.c.id, accounts.c.name, accounts.c.role, accounts.c.patient_id, sessions.c.created_ms, sessions.c.seen_ms)
    query = select(*columns).join(sessions, accounts.c.id == sessions.c.account_id)
    row = connection.execute(query.where(sessions.c.digest == digest_of(secret))).one_or_none()
    if row is None or at_ms - row.seen_ms >= lifetime.idle_ms or at_ms - row.created_ms >= lifetime.whole_ms:
        return None
    scope = Scope(Role(row.role), row.patient_id, groups_of(connection, row.id))
    return Account(row.id, row.name, scope), row.seen_ms


def note_seen(connection: Connection, secret: str, at_ms: int) -> None:
    connection.execute(update(sessions).where(sessions.c.digest == digest_of(secret)).values(seen_ms=at_ms))


def end_session(connection: Connection, secret: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.digest == digest_of(secret)))


def drop_expired(connection: Connection, at_ms: int, lifetime: Lifetime) -> int:
    """Remove the sessions that are over; returns how many."""
    old = or_(sessions.c.seen_ms <= at_ms - lifetime.idle_ms, sessions.c.created_ms <= at_ms - lifetime.whole_ms)
    return connection.execute(delete(sessions).where(old)).rowcount
