"""What people enter: numbered for each patient, corrected by later entries, never overwritten."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, func, select

from ingest import tables
from ingest.errors import Conflict, NotKnown

MOST_SIGNS = 4000


def append(
    connection: Connection, table: Table, patient_id: int, row: Mapping[str, Any], replaces: int | None = None
) -> Row[tuple[object, ...]]:
    """Store one entry under the patient's next number and return it, in the caller's transaction.

    Raises: NotKnown if the patient has no entry of the number that it replaces, Conflict if that one was replaced before
    """
    # One writer a patient at a time, so that a number is given once; SQLite has one writer in all.
    connection.execute(select(tables.patients.c.id).where(tables.patients.c.id == patient_id).with_for_update())
    if replaces is not None:
        find_standing(connection, table, patient_id, replaces)
    newest = connection.execute(select(func.max(table.c.number)).where(table.c.patient_id == patient_id)).scalar()
    number = (newest or 0) + 1
    connection.execute(table.insert().values(**row, patient_id=patient_id, number=number, replaces=replaces))
    return _find(connection, table, patient_id, number)


def find_standing(connection: Connection, table: Table, patient_id: int, number: int) -> Row[tuple[object, ...]]:
    """Return an entry that nothing has replaced. Raises: NotKnown if there is none, Conflict if it does not stand any more"""
    row = _find(connection, table, patient_id, number)
    mine = (table.c.patient_id == patient_id, table.c.replaces == number)
    later = connection.execute(select(table.c.number).where(*mine)).scalar()
    if later is not None:
        raise Conflict(f"entry {number}: expected one that stands; entry {later} replaced it")
    if row.withdrawn:
        raise Conflict(f"entry {number}: expected one that stands; it took another back")
    return row


def standing(table: Table) -> ColumnElement[bool]:
    """Return the condition that an entry stands: nothing replaced it, and it is not itself the taking back of another."""
    later = table.alias()
    replaced = exists().where(and_(later.c.patient_id == table.c.patient_id, later.c.replaces == table.c.number))
    return and_(table.c.withdrawn.is_(False), ~replaced)


def checked_text(name: str, text: str, *, most: int = MOST_SIGNS, lines: bool = False) -> str:
    """Return the text without blanks around it.

    lines: line ends and tabs may be in it
    Raises: ValueError for a text that is empty, too long, or could not be shown as it was given
    """
    text = text.strip()
    shown = text.replace("\n", "").replace("\t", "") if lines else text
    if not text or len(text) > most or not shown.isprintable():
        raise ValueError(f"{name} {text[:80]!r}: expected printable text of 1 to {most} signs")
    return text


def _find(connection: Connection, table: Table, patient_id: int, number: int) -> Row[tuple[object, ...]]:
    row = connection.execute(select(table).where(table.c.patient_id == patient_id, table.c.number == number)).one_or_none()
    if row is None:
        raise NotKnown(f"entry {number}: the patient has none of that number")
    return row
