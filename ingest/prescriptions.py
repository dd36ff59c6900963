"""Prescription versions as they were written: this room keeps them, the rules read them."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from ingest import tables


def add_version(connection: Connection, patient_id: int, effective: date, body: dict[str, Any], created_ms: int) -> int:
    """Keep a new version and return its number. Old versions stay: findings name the version that they were judged by."""
    table = tables.prescriptions
    newest = connection.execute(select(func.max(table.c.version)).where(table.c.patient_id == patient_id)).scalar()
    version = (newest or 0) + 1
    row = {"patient_id": patient_id, "version": version, "effective": effective, "created_ms": created_ms}
    connection.execute(table.insert().values(row | {"body": body | {"version": version}}))
    return version


_kept = tables.prescriptions.c
_BODIES = select(_kept.body).where(_kept.patient_id == bindparam("patient")).order_by(_kept.version)


def list_versions(connection: Connection, patient_id: int) -> list[dict[str, Any]]:
    """Return the bodies, oldest version first."""
    return list(connection.execute(_BODIES, {"patient": patient_id}).scalars())
