"""Accounts: a name, a password, a role and what it is bound to. The first one is made on the command line."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, select, update

from afoot.service.roles import Role, Scope, checked_scope
from afoot.service.secret import NOBODYS, hash_password, password_matches
from afoot.service.tables import account_groups, accounts, sessions
from ingest.entries import checked_text
from ingest.errors import Conflict, NotKnown
from ingest.naming import find_alike, find_name

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    scope: Scope


def add_account(
    connection: Connection,
    name: str,
    password: str,
    role: Role,
    created_ms: int,
    *,
    patient_id: int | None = None,
    group_ids: Collection[int] = (),
) -> Account:
    """Raises: Conflict if the name is taken or role and scope do not fit; ValueError for a name or password that cannot be"""
    if role is Role.DEVICE:
        raise Conflict("role device: expected a token (`afoot token create`); a device has no password")
    scope = checked_scope(role, patient_id, group_ids)
    name = checked_text("account name", name, most=LONGEST_NAME)
    if other := find_alike(name, _names(connection)):
        raise Conflict(f"account {name!r}: {other!r} is there already; expected a name that differs in more than letter case")
    row = {"name": name, "role": role.value, "patient_id": patient_id, "created_ms": created_ms}
    connection.execute(accounts.insert().values(row | {"password": hash_password(password)}))
    made = find_account(connection, name)
    if scope.group_ids:
        rows = [{"account_id": made.id, "group_id": group_id} for group_id in sorted(scope.group_ids)]
        connection.execute(account_groups.insert(), rows)
    return Account(made.id, name, scope)


def _names(connection: Connection) -> Sequence[str]:
    return connection.execute(select(accounts.c.name)).scalars().all()


def find_account(connection: Connection, name: str) -> Account:
    """Raises: NotKnown if there is none of that name"""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
    if row is None:
        raise NotKnown(f"account {name!r}: there is none of that name")
    return _account(connection, row)


def list_accounts(connection: Connection) -> list[Account]:
    return [_account(connection, row) for row in connection.execute(select(accounts).order_by(accounts.c.name)).all()]


def read_password(connection: Connection, name: str) -> tuple[Account | None, str]:
    """Return the account and what is kept of its password; of nobody's that no password fits, for a name that is none.

    Letter case and blanks around the name are no matter, unless older accounts differ in nothing else: these go by the very name.
    """
    meant = find_name(name, _names(connection))
    row = None if meant is None else connection.execute(select(accounts).where(accounts.c.name == meant)).one_or_none()
    return (None, NOBODYS) if row is None else (_account(connection, row), row.password)


def set_password(connection: Connection, account_id: int, password: str) -> None:
    """Set another password, and end the account's sessions. Raises: ValueError for a password that cannot be"""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(password=hash_password(password)))
    connection.execute(delete(sessions).where(sessions.c.account_id == account_id))


def remove_account(connection: Connection, account_id: int) -> None:
    """Remove the account and end its sessions; what it did stays in the audit."""
    for table in (sessions, account_groups):
        connection.execute(delete(table).where(table.c.account_id == account_id))
    connection.execute(delete(accounts).where(accounts.c.id == account_id))


def groups_of(connection: Connection, account_id: int) -> frozenset[int]:
    rows = connection.execute(select(account_groups.c.group_id).where(account_groups.c.account_id == account_id))
    return frozenset(rows.scalars())


def _account(connection: Connection, row: Row[tuple[object, ...]]) -> Account:
    return Account(row.id, row.name, Scope(Role(row.role), row.patient_id, groups_of(connection, row.id)))


__all__ = [
    "Account",
    "add_account",
    "find_account",
    "groups_of",
    "list_accounts",
    "password_matches",
    "read_password",
    "remove_account",
    "set_password",
]
