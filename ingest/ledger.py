"""The import ledger: what arrived, for whom, what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from devices.recording import Reject
from ingest import tables
from ingest.errors import NotKnown
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


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one import."""

    import_id: int
    options: dict[str, Any]
    readers: Iterable[str]
    refused: Sequence[str]
    rejects: Sequence[Reject]
    change: Change


def register(connection: Connection, patient_id: int, inputs: Sequence[tuple[str, str]], received_ms: int) -> dict[str, Import]:
    """Return the imports of these (hash, name) inputs of one patient, by hash; what is new is made now."""
    table = tables.imports
    query = select(table).where(table.c.patient_id == patient_id, table.c.hash.in_([digest for digest, _ in inputs]))
    known = {row.hash for row in connection.execute(query)}
    blank = {"state": ARCHIVED, "readers": "", "error": "", "inserted": 0, "changed": 0, "unchanged": 0, "options": {}}
    common = blank | {"patient_id": patient_id, "received_ms": received_ms}
    new = {digest: common | {"hash": digest, "name": name} for digest, name in inputs if digest not in known}
    if new:
        connection.execute(table.insert(), list(new.values()))
    return {row.hash: _import(row) for row in connection.execute(query)}


_FINISH = (
    tables.imports.update()
    .where(tables.imports.c.id == bindparam("import_id"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "options", "readers", "error")})
    .values({name: bindparam(f"new_{name}") for name in ("inserted", "changed", "unchanged")})
)
_FORGET = tables.rejects.delete().where(tables.rejects.c.import_id == bindparam("import_id"))


def finish(connection: Connection, results: Sequence[Result]) -> None:
    """Say what became of the imports; what was said of them before is replaced."""
    if not results:
        return
    rows = [
        {
            "import_id": result.import_id,
            "new_state": REFUSED if result.refused else DONE,
            "new_options": result.options,
            "new_readers": ", ".join(sorted(result.readers)),
            "new_error": "\n".join(result.refused),
            "new_inserted": result.change.inserted,
            "new_changed": result.change.changed,
            "new_unchanged": result.change.unchanged,
        }
        for result in results
    ]
    connection.execute(_FINISH, rows)
    connection.execute(_FORGET, [{"import_id": result.import_id} for result in results])
    rejects = [
        {"import_id": result.import_id, "row": row} | asdict(reject)
        for result in results
        for row, reject in enumerate(result.rejects)
    ]
    upsert(connection, tables.rejects, rejects)


def list_imports(connection: Connection, patient_id: int | None = None, state: str | None = None) -> list[Import]:
    """Return the imports in the order in which they arrived."""
    table = tables.imports
    query = select(table).order_by(table.c.id)
    if patient_id is not None:
        query = query.where(table.c.patient_id == patient_id)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_import(row) for row in connection.execute(query)]


def list_newest(connection: Connection, patient_id: int, most: int) -> list[tuple[Import, int]]:
    """Return the imports that arrived last, the newest first, each with the instant at which it came."""
    table = tables.imports
    query = select(table).where(table.c.patient_id == patient_id).order_by(table.c.id.desc()).limit(most)
    return [(_import(row), row.received_ms) for row in connection.execute(query)]


def find_import(connection: Connection, patient_id: int, digest: str) -> Import:
    """Return the patient's import of that hash, or of the one hash that begins so. Raises: NotKnown"""
    table = tables.imports
    query = select(table).where(table.c.patient_id == patient_id, table.c.hash.startswith(digest, autoescape=True))
    rows = connection.execute(query.limit(2)).all()
    if len(rows) != 1 or not digest:
        found = "none" if not rows else "several"
        raise NotKnown(f"import {digest!r}: expected one import of this patient whose hash begins so, found {found}")
    return _import(rows[0])


def remove(connection: Connection, entry: Import) -> None:
    """Take an import out of the ledger; what was derived from it goes with the next rebuild."""
    connection.execute(tables.rejects.delete().where(tables.rejects.c.import_id == entry.id))
    connection.execute(tables.imports.delete().where(tables.imports.c.id == entry.id))


def list_rejects(connection: Connection, import_id: int) -> list[Reject]:
    table = tables.rejects
    columns = (table.c.place, table.c.expected, table.c.found, table.c.count)
    rows = connection.execute(select(*columns).where(table.c.import_id == import_id).order_by(table.c.row))
    return [Reject(*row) for row in rows]


def _import(row: Any) -> Import:
    change = Change(row.inserted, row.changed, row.unchanged)
    return Import(row.id, row.patient_id, row.hash, row.name, row.options, row.state, row.readers, row.error, change)
