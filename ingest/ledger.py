"""The import ledger: what arrived, for whom, what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from devices.recording import Reject
from ingest import tables
from ingest.store import Change, upsert

ARCHIVED, DONE, REFUSED = "archived", "done", "refused"


@dataclass(frozen=True, slots=True)
class Import:
    """One input of one patient, known by the hash of its bytes.

    state: `archived` (kept; not read yet, or its reading was cut short), `done`, or `refused` (not all of it could be read)
    """

    id: int
    patient_id: int
    hash: str
    name: str
    options: dict[str, Any]
    state: str
    readers: str
    error: str
    change: Change


def register(connection: Connection, patient_id: int, digest: str, name: str, received_ms: int) -> Import:
    """Return the import of these bytes for this patient, made now if it is new."""
    table = tables.imports
    query = select(table).where(table.c.patient_id == patient_id, table.c.hash == digest)
    row = connection.execute(query).one_or_none()
    if row is None:
        values = {"patient_id": patient_id, "hash": digest, "name": name, "options": {}, "received_ms": received_ms}
        blank = {"state": ARCHIVED, "readers": "", "error": "", "inserted": 0, "changed": 0, "unchanged": 0}
        connection.execute(table.insert().values(values | blank))
        row = connection.execute(query).one()
    return _import(row)


def finish(
    connection: Connection,
    import_id: int,
    *,
    options: dict[str, Any],
    readers: Iterable[str],
    refused: Sequence[str],
    rejects: Sequence[Reject],
    change: Change,
) -> None:
    """Say what became of an import; what was said of it before is replaced."""
    table = tables.imports
    values = {
        "state": REFUSED if refused else DONE,
        "options": options,
        "readers": ", ".join(sorted(readers)),
        "error": "\n".join(refused),
        "inserted": change.inserted,
        "changed": change.changed,
        "unchanged": change.unchanged,
    }
    connection.execute(table.update().where(table.c.id == import_id).values(values))
    connection.execute(tables.rejects.delete().where(tables.rejects.c.import_id == import_id))
    rows = [
        {"import_id": import_id, "row": row, "place": reject.place, "expected": reject.expected, "found": reject.found}
        | {"count": reject.count}
        for row, reject in enumerate(rejects)
    ]
    upsert(connection, tables.rejects, rows)


def list_imports(connection: Connection, patient_id: int | None = None, state: str | None = None) -> list[Import]:
    """Return the imports in the order in which they arrived."""
    table = tables.imports
    query = select(table).order_by(table.c.id)
    if patient_id is not None:
        query = query.where(table.c.patient_id == patient_id)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_import(row) for row in connection.execute(query)]


def list_rejects(connection: Connection, import_id: int) -> list[Reject]:
    table = tables.rejects
    columns = (table.c.place, table.c.expected, table.c.found, table.c.count)
    rows = connection.execute(select(*columns).where(table.c.import_id == import_id).order_by(table.c.row))
    return [Reject(*row) for row in rows]


def _import(row: Any) -> Import:
    change = Change(row.inserted, row.changed, row.unchanged)
    return Import(row.id, row.patient_id, row.hash, row.name, row.options, row.state, row.readers, row.error, change)
