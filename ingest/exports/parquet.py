"""Parquet files for analysis: minutes, spans, vendor totals and devices. Their columns are those of docs/exports.md."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from devices.recording import DAY_MS, METRICS, MINUTE_MS
from ingest import tables
from ingest.errors import IngestError
from ingest.exports.marked import read_marked
from ingest.exports.wall import Stretch, Wall, by_month
from ingest.known import known_minutes, part
from ingest.local_days import LocalDay
from ingest.minutes import MINUTES_PER_DAY
from ingest.people import OwnedDevice, Patient, list_devices
from ingest.store import DeviceMinutes, read_minutes

LAYOUT = b"1"


class MissingExtra(IngestError):
    """A package that only some need is not installed."""


def write_parquet(connection: Connection, patient: Patient, days: Sequence[LocalDay], folder: Path) -> list[Path]:
    """Write minutes.parquet, spans.parquet, totals.parquet and devices.parquet into the folder, which is made if need be.

    Files of these names are replaced, each when it is complete. Return their paths.
    Raises: MissingExtra without pyarrow, DamagedStore, OSError
    """
    arrow, parquet = _pyarrow()
    schemas = _schemas(arrow, patient)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.parquet" for name in schemas}
    parts = {name: folder / f"{name}.parquet.part" for name in schemas}
    try:
        with ExitStack() as stack:
            writers = {
                name: stack.enter_context(parquet.ParquetWriter(parts[name], schema, compression="zstd"))
                for name, schema in schemas.items()
            }
            for name, columns in _tables(connection, patient, days, arrow):
                writers[name].write_table(arrow.table(columns, schema=schemas[name]))
        for name, path in paths.items():
            parts[name].replace(path)
    finally:
        for path in parts.values():
            path.unlink(missing_ok=True)
    return list(paths.values())


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("Parquet needs the package pyarrow: pip install 'afoot[parquet]'") from error
    return pyarrow, pyarrow.parquet


def _schemas(arrow: Any, patient: Patient) -> dict[str, Any]:
    word, instant = arrow.dictionary(arrow.int32(), arrow.string()), arrow.timestamp("ms", tz="UTC")
    fields = {
        "minutes": {
            "device": word,
            "metric": word,
            "minute": instant,
            "offset_min": arrow.int16(),
            "value": arrow.int32(),
            "resolution_s": arrow.int32(),
        },
        "spans": {
            "device": word,
            "kind": word,
            "start": instant,
            "end": instant,
            "offset_min": arrow.int16(),
            "attributes": arrow.string(),
        },
        "totals": {"device": word, "metric": word, "day": arrow.date32(), "value": arrow.int64()},
        "devices": {
            "device": arrow.string(),
            "vendor": arrow.string(),
            "model": arrow.string(),
            "serial": arrow.string(),
            "name": arrow.string(),
            "priority": arrow.int32(),
        },
    }
    about = {b"afoot.patient": patient.pseudonym.encode(), b"afoot.layout": LAYOUT}
    return {
        name: arrow.schema([arrow.field(column, kind, nullable=column == "serial") for column, kind in own.items()], about)
        for name, own in fields.items()
    }


_Table = tuple[str, dict[str, Any]]


def _tables(connection: Connection, patient: Patient, days: Sequence[LocalDay], arrow: Any) -> Iterator[_Table]:
    """Yield (file, columns), each of them a row group."""
    devices = sorted(list_devices(connection, patient.id), key=lambda owned: owned.device.key)
    yield "devices", _devices(devices)
    if not days:
        return
    wall = Wall(days)
    by_id = {owned.id: owned for owned in devices}
    for stretch in by_month(days):
        for metric in METRICS:
            first_day, last_day = stretch.start_ms // DAY_MS, (stretch.end_ms - 1) // DAY_MS
            for found in read_minutes(connection, patient.id, metric, first_day, last_day):
                yield "minutes", _minutes(found, by_id[found.device_id], metric, stretch, wall, arrow)
        for owned in devices:
            yield "spans", _spans(connection, owned, stretch, wall)
    yield "totals", _totals(connection, patient, days, by_id)


def _devices(devices: Sequence[OwnedDevice]) -> dict[str, Any]:
    return {
        "device": [owned.device.key for owned in devices],
        "vendor": [owned.device.vendor for owned in devices],
        "model": [owned.device.model for owned in devices],
        "serial": [owned.device.serial for owned in devices],
        "name": [owned.device.name for owned in devices],
        "priority": [owned.priority for owned in devices],
    }


def _minutes(found: DeviceMinutes, owned: OwnedDevice, metric: str, stretch: Stretch, wall: Wall, arrow: Any) -> dict[str, Any]:
    known = part(known_minutes(found.grid), stretch.start_ms, stretch.end_ms)
    at = known.minute * MINUTE_MS
    of_day = np.searchsorted(found.grid.days, known.minute // MINUTES_PER_DAY)

    def repeated(word: str) -> Any:
        return arrow.DictionaryArray.from_arrays(np.zeros(len(at), dtype=np.int32), [word])

    return {
        "device": repeated(owned.device.key),
        "metric": repeated(metric),
        "minute": at.astype("datetime64[ms]"),
        "offset_min": wall.offsets_min(at),
        "value": known.value.astype(np.int32),
        "resolution_s": found.grid.resolution_s[of_day],
    }


def _spans(connection: Connection, owned: OwnedDevice, stretch: Stretch, wall: Wall) -> dict[str, Any]:
    spans = read_marked(connection, owned.patient_id, owned.id, stretch)
    start, end = (np.array([getattr(span, edge) for span in spans], dtype=np.int64) for edge in ("start_ms", "end_ms"))
    return {
        "device": [owned.device.key] * len(spans),
        "kind": [span.kind for span in spans],
        "start": start.astype("datetime64[ms]"),
        "end": end.astype("datetime64[ms]"),
        "offset_min": wall.offsets_min(start),
        "attributes": [span.text for span in spans],
    }


def _totals(
    connection: Connection, patient: Patient, days: Sequence[LocalDay], devices: dict[int, OwnedDevice]
) -> dict[str, Any]:
    table = tables.totals
    rows = connection.execute(
        select(table.c.device_id, table.c.metric, table.c.day, table.c.value)
        .where(table.c.patient_id == patient.id, table.c.day.between(days[0].day, days[-1].day))
        .order_by(table.c.day, table.c.device_id, table.c.metric)
    ).all()
    return {
        "device": [devices[row.device_id].device.key for row in rows],
        "metric": [row.metric for row in rows],
        "day": [row.day for row in rows],
        "value": [row.value for row in rows],
    }
