"""Which days of which patients changed since they were last judged, or published: marked in the transaction that changed them.

A day stays marked until somebody who judged it, or published it, says which mark was seen, so that what arrives meanwhile is
never lost. The two are marked apart: `tables.dirty_days`, `tables.unpublished_days`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from devices.recording import DAY_MS, SpanKind
from ingest import tables
from ingest.local_days import OFFSET_HOLDS_MS

# What the timeline is made of.
METRICS = frozenset({"steps", "heart_rate", "counts"})
_KINDS = frozenset({SpanKind.NOT_WORN.value, SpanKind.CHARGING.value, SpanKind.SLEEP.value})

_COLUMNS = ("patient_id", "day", "marks")

# (patient id, UTC day since 1970)
PatientDay = tuple[int, int]
_Device = tuple[int, int]
_BOTH = (tables.dirty_days, tables.unpublished_days)


def mark(connection: Connection, days: Iterable[PatientDay]) -> None:
    """Mark these days as to be judged and to be published, in the caller's transaction."""
    # In one order for all writers, so that none waits for another that waits for it.
    rows = [{"patient_id": patient_id, "day": day, "marks": 1} for patient_id, day in sorted(set(days))]
    if rows:
        for table in _BOTH:
            connection.execute(_marking(connection.dialect.name, table), rows)


def mark_unpublished(connection: Connection, days: Iterable[PatientDay]) -> None:
    """Mark these days as to be published: what changed bears on no rule."""
    rows = [{"patient_id": patient_id, "day": day, "marks": 1} for patient_id, day in sorted(set(days))]
    if rows:
        connection.execute(_marking(connection.dialect.name, tables.unpublished_days), rows)


def mark_since(connection: Connection, patient_id: int, first_day: int | None = None) -> None:
    """Mark every day of a patient that has minutes, from a UTC day on, as to be judged and to be published."""
    for table in _BOTH:
        _mark_since(connection, table, patient_id, first_day)


def mark_all_unpublished(connection: Connection, patient_id: int) -> None:
    """Mark every day of a patient that has minutes as to be published."""
    _mark_since(connection, tables.unpublished_days, patient_id, None)


def _mark_since(connection: Connection, table: Table, patient_id: int, first_day: int | None) -> None:
    minutes = tables.minutes
    known = select(minutes.c.patient_id, minutes.c.day, literal(1)).where(minutes.c.patient_id == patient_id).distinct()
    if first_day is not None:
        known = known.where(minutes.c.day >= first_day)
    insert = _insert(connection.dialect.name, table)
    connection.execute(insert.from_select(_COLUMNS, known).on_conflict_do_update(**_again(table)))


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def _again(table: Table) -> dict[str, Any]:
    return {"index_elements": _COLUMNS[:2], "set_": {"marks": table.c.marks + 1}}


@cache
def _marking(dialect: str, table: Table) -> Any:
    """Building a statement costs more than running it, so it is built once."""
    return _insert(dialect, table).on_conflict_do_update(**_again(table))


def read_marks(connection: Connection, patient_id: int, table: Table = tables.dirty_days) -> dict[int, int]:
    """Return the patient's marked UTC days, in order, and how often each was marked."""
    rows = connection.execute(select(table.c.day, table.c.marks).where(table.c.patient_id == patient_id).order_by(table.c.day))
    return {row.day: row.marks for row in rows}


def list_patients(connection: Connection, table: Table = tables.dirty_days) -> list[int]:
    """Return the ids of the patients that have a marked day."""
    return list(connection.execute(select(table.c.patient_id).distinct().order_by(table.c.patient_id)).scalars())


def clear(connection: Connection, patient_id: int, seen: Mapping[int, int], table: Table = tables.dirty_days) -> None:
    """Unmark the days of `read_marks`; one that was marked again since stays."""
    if seen:
        gone = delete(table).where(
            table.c.patient_id == patient_id, table.c.day == bindparam("at"), table.c.marks == bindparam("seen")
        )
        connection.execute(gone, [{"at": day, "seen": marks} for day, marks in seen.items()])


def days_of_spans(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[PatientDay]:
    """Return the days that spans, about to be kept, change; rows are those of `tables.spans`."""
    read = [row for row in rows if row["kind"] in _KINDS]
    days: set[PatientDay] = set()
    for row in _news(connection, tables.spans, read, "start_ms", ("end_ms", "attributes")):
        last = max(row["start_ms"], row["end_ms"] - 1) // DAY_MS
        days |= {(row["patient_id"], day) for day in range(row["start_ms"] // DAY_MS, last + 1)}
    return days


def days_of_offsets(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[PatientDay]:
    """Return the days whose bounds clock readings, about to be kept, may move; rows are those of `tables.offsets`."""
    days: set[PatientDay] = set()
    for row in _news(connection, tables.offsets, rows, "at_ms", ("offset_s",)):
        first, last = row["at_ms"] // DAY_MS, (row["at_ms"] + OFFSET_HOLDS_MS) // DAY_MS
        days |= {(row["patient_id"], day) for day in range(first, last + 1)}
    return days


def days_of_hours(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[PatientDay]:
    """Return the days whose minutes the vendors' hours, about to be kept, judge anew; rows are those of `tables.hours`."""
    news = _news(connection, tables.hours, rows, "start_ms", ("end_ms", "value"))
    return {(row["patient_id"], row["start_ms"] // DAY_MS) for row in news}


def _news(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], time: str, largest: tuple[str, ...]
) -> list[Mapping[str, Any]]:
    """Return the rows that are not in the table, or larger than what is."""
    keys = [column.name for column in table.primary_key]
    found: list[Mapping[str, Any]] = []
    for (patient_id, device_id), own in _by_device(rows).items():
        begin, end = (bound(row[time] for row in own) for bound in (min, max))
        where = (table.c.patient_id == patient_id, table.c.device_id == device_id, table.c[time].between(begin, end))
        columns = [table.c[name] for name in (*keys, *largest)]
        stored = {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in connection.execute(select(*columns).where(*where))}
        for row in own:
            before = stored.get(tuple(row[name] for name in keys))
            if before is None or tuple(row[name] for name in largest) > before:
                found.append(row)
    return found


def _by_device(rows: Sequence[Mapping[str, Any]]) -> dict[_Device, list[Mapping[str, Any]]]:
    found: dict[_Device, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["patient_id"], row["device_id"]), []).append(row)
    return found


def takes_first_pulse(connection: Connection, patient_id: int, device_id: int) -> bool:
    """Whether the device never took a pulse: once it has, its minutes without one mean something else, the earlier ones too."""
    table = tables.minutes
    mine = (table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.metric == "heart_rate")
    return connection.execute(select(table.c.day).where(*mine).limit(1)).first() is None


def first_wear_reports(connection: Connection, rows: Collection[Mapping[str, Any]]) -> set[int]:
    """Return the patients of whose devices one, by these spans about to be kept, says for the first time that it is not worn.

    From then on its silence about wear means worn, on earlier days too.
    """
    table, kind = tables.spans, SpanKind.NOT_WORN.value
    devices = {(row["patient_id"], row["device_id"]) for row in rows if row["kind"] == kind}
    count = select(func.count()).select_from(table).where(table.c.kind == kind)
    return {
        patient_id
        for patient_id, device_id in devices
        if not connection.execute(count.where(table.c.patient_id == patient_id, table.c.device_id == device_id)).scalar()
    }
