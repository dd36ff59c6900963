"""Everything that is kept of a patient in one zip: raw files as they came, and records in forms that others read."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Table, select

from afoot.app import STATE, App
from ingest import ledger, tables
from ingest.exports.extent import every_day
from ingest.exports.fhir import write_fhir
from ingest.exports.plain import write_csv
from ingest.people import Patient

CHUNK_BYTES = 1 << 20
# Secret, or bytes that the raw files and the CSV say better.
_LEFT_OUT = frozenset({"minutes", "day_summaries", "tokens", "accounts", "routes", "objects"})


def hand_over(app: App, connection: Connection, patient: Patient, path: Path) -> None:
    """Write the zip. Raises: OSError if the file cannot be written, DamagedStore if raw bytes are not as they were kept"""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in ledger.list_imports(connection, patient.id):
            name = f"raw/{entry.hash[:12]}-{Path(entry.name).name or 'file'}"
            source = app.archive.open(connection, entry.hash, entry.name)
            with source.open() as raw, out.open(name, "w", force_zip64=True) as member:
                while chunk := raw.read(CHUNK_BYTES):
                    member.write(chunk)
        if days := every_day(connection, patient):
            with _text(out, "minutes.csv") as text:
                write_csv(connection, patient, days, text)
            with _text(out, "minutes.fhir.json") as text:
                write_fhir(connection, patient, days, text)
        records = dict(_records(connection, patient))
        out.writestr("records.json", json.dumps(records, ensure_ascii=False, indent=1, default=_plain))


def _text(out: zipfile.ZipFile, name: str) -> TextIO:
    return io.TextIOWrapper(out.open(name, "w", force_zip64=True), encoding="utf-8", newline="")


def _records(connection: Connection, patient: Patient) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every table that has rows of the patient, and these rows."""
    yield "patients", _rows(connection, tables.patients, tables.patients.c.id == patient.id)
    for metadata in (tables.metadata, *STATE):
        for table in metadata.sorted_tables:
            if "patient_id" in table.c and table.name not in _LEFT_OUT:
                yield table.name, _rows(connection, table, table.c.patient_id == patient.id)


def _rows(connection: Connection, table: Table, mine: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).where(mine)).mappings()]


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
