"""Tokens: for devices, gateways, scripts and scrapers. Random, shown once, kept as hashes, revocable."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, select, update

from afoot.service.roles import Role, Scope, checked_scope
from afoot.service.secret import TOKEN_PREFIX, digest_of, new_secret
from afoot.service.tables import token_groups, tokens
from ingest.entries import checked_text
from ingest.errors import NotKnown

# When a token was used last is kept no more exactly than this: else every request would write.
USED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Token:
    """used_ms: to the hour; None: never."""

    id: int
    label: str
    scope: Scope
    created_ms: int
    used_ms: int | None


def add_token(
    connection: Connection,
    label: str,
    role: Role,
    created_ms: int,
    *,
    patient_id: int | None = None,
    group_ids: Collection[int] = (),
) -> tuple[Token, str]:
    """Return the new token and its secret, which is not kept. Raises: Conflict if role and scope do not fit, ValueError"""
    scope = checked_scope(role, patient_id, group_ids)
    label, secret = checked_text("label", label, most=100), TOKEN_PREFIX + new_secret()
    row = {"digest": digest_of(secret), "role": role.value, "label": label, "patient_id": patient_id}
    connection.execute(tokens.insert().values(row | {"created_ms": created_ms, "used_ms": None}))
    made = find_token(connection, secret)
    assert made is not None  # it was made in this transaction
    if scope.group_ids:
        rows = [{"token_id": made.id, "group_id": group_id} for group_id in sorted(scope.group_ids)]
        connection.execute(token_groups.insert(), rows)
    return Token(made.id, label, scope, created_ms, None), secret


def find_token(connection: Connection, secret: str) -> Token | None:
    """Return the token of that secret; None if there is none (any more)."""
    row = connection.execute(select(tokens).where(tokens.c.digest == digest_of(secret))).one_or_none()
    return None if row is None else _token(connection, row)


def list_tokens(connection: Connection) -> list[Token]:
    return [_token(connection, row) for row in connection.execute(select(tokens).order_by(tokens.c.id)).all()]


def note_use(connection: Connection, token_id: int, at_ms: int) -> None:
    connection.execute(update(tokens).where(tokens.c.id == token_id).values(used_ms=at_ms // USED_MS * USED_MS))


def revoke_token(connection: Connection, token_id: int) -> None:
    """Raises: NotKnown if there is none of that number"""
    connection.execute(delete(token_groups).where(token_groups.c.token_id == token_id))
    if connection.execute(delete(tokens).where(tokens.c.id == token_id)).rowcount == 0:
        raise NotKnown(f"token {token_id}: there is none of that number")


def _token(connection: Connection, row: Row[tuple[object, ...]]) -> Token:
    role, groups = Role(row.role), frozenset[int]()
    if role is Role.THERAPIST:
        groups = frozenset(connection.execute(select(token_groups.c.group_id).where(token_groups.c.token_id == row.id)).scalars())
    return Token(row.id, row.label, Scope(role, row.patient_id, groups), row.created_ms, row.used_ms)
