"""Who looked at which patient, and who changed what: one row each, without the values."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, select, update

from afoot.service.tables import audit

# Whoever runs commands on the machine itself.
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Act:
    """action: `read` or `change` and of what, such as `read days`. patient_id: None where no one patient is meant."""

    at_ms: int
    who: str
    role: str
    action: str
    patient_id: int | None = None


def note(connection: Connection, acts: Iterable[Act]) -> None:
    rows = [asdict(act) for act in acts]
    if rows:
        connection.execute(audit.insert(), rows)


def list_acts(
    connection: Connection,
    *,
    patient_id: int | None = None,
    who: str | None = None,
    since_ms: int | None = None,
    most: int = 1000,
) -> list[Act]:
    """Return the newest acts, oldest first."""
    query = select(audit)
    if patient_id is not None:
        query = query.where(audit.c.patient_id == patient_id)
    if who is not None:
        query = query.where(audit.c.who == who)
    if since_ms is not None:
        query = query.where(audit.c.at_ms >= since_ms)
    rows = connection.execute(query.order_by(audit.c.at_ms.desc(), audit.c.id.desc()).limit(most)).all()
    return [Act(row.at_ms, row.who, row.role, row.action, row.patient_id) for row in reversed(rows)]


def drop_older(connection: Connection, before_ms: int) -> int:
    """Remove what happened before; returns how many rows."""
    return connection.execute(delete(audit).where(audit.c.at_ms < before_ms)).rowcount


def forget_names(connection: Connection, names: Iterable[str], role: str) -> None:
    """Of accounts that go: that somebody of the role did it stays, the name does not."""
    for name in names:
        connection.execute(update(audit).where(audit.c.who == name, audit.c.role == role).values(who="erased"))
