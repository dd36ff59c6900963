"""Which local days hold everything that is stored of a patient?"""

from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from devices.recording import DAY_MS
from ingest import tables
from ingest.local_days import EPOCH, LocalDay
from ingest.people import Patient
from ingest.timeline import known_range, read_days


def every_day(connection: Connection, patient: Patient) -> list[LocalDay]:
    """Return the local days around every minute, span and vendor total, whatever the zone; empty if there is none."""
    edges: list[date] = list(known_range(connection, patient) or ())
    spans, totals = tables.spans, tables.totals
    first, last = connection.execute(
        select(func.min(spans.c.start_ms), func.max(spans.c.end_ms)).where(spans.c.patient_id == patient.id)
    ).one()
    if first is not None:
        edges += [EPOCH + timedelta(days=first // DAY_MS - 1), EPOCH + timedelta(days=last // DAY_MS + 1)]
    first, last = connection.execute(
        select(func.min(totals.c.day), func.max(totals.c.day)).where(totals.c.patient_id == patient.id)
    ).one()
    if first is not None:
        edges += [first, last]
    return read_days(connection, patient, min(edges), max(edges)) if edges else []
