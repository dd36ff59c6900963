"""Patients with everything that an export can meet, and the way back into an empty store."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.recording import Device, Span, SpanKind, Stream, VendorTotal
from ingest import people, tables
from ingest.archive import Archive
from ingest.collect.files import Outcome, import_files
from ingest.exports.extent import every_day
from ingest.local_days import LocalDay
from ingest.minutes import ABSENT
from ingest.people import Patient
from ingest.store import Store, add, read_minutes, upsert
from tests.ingest.making import MINUTE, evidence

Write = Callable[[Connection, Patient, Sequence[LocalDay]], bytes]


def add_patient(store: Store, zone: str = "Europe/Berlin", name: str = "p") -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, name, zone, 0)


def put(
    store: Store,
    patient: Patient,
    device: Device,
    streams: Sequence[Stream] = (),
    spans: Sequence[Span] = (),
    totals: Sequence[VendorTotal] = (),
    offsets: Sequence[tuple[int, int]] = (),
) -> int:
    """Store what a device said; return the device's id."""
    with store.writing() as connection:
        device_id = people.own_device(connection, patient.id, device)
        owner = {"patient_id": patient.id, "device_id": device_id}
        for stream in streams:
            add(connection, patient.id, device_id, stream.metric, evidence(stream))
        rows = [
            owner | {"kind": span.kind.value, "start_ms": span.start_ms, "end_ms": span.end_ms}
            | {"attributes": json.dumps(dict(span.attributes), sort_keys=True)}
            for span in spans
        ]  # fmt: skip
        upsert(connection, tables.spans, rows)
        upsert(connection, tables.totals, [owner | {"day": one.day, "metric": one.metric, "value": one.value} for one in totals])
        upsert(connection, tables.offsets, [owner | {"at_ms": at, "offset_s": offset} for at, offset in offsets])
    return device_id


def export(store: Store, patient: Patient, write: Write, days: Sequence[LocalDay] | None = None) -> bytes:
    with store.reading() as connection:
        return write(connection, patient, every_day(connection, patient) if days is None else days)


def bring_back(folder: Path, store: Store, patient: Patient, data: bytes, name: str) -> Outcome:
    """Import an exported file, and insist that all of it was taken."""
    (outcome,) = import_files(store, Archive(folder / "archive"), patient, [BytesSource(data, name)], ReadOptions(), 0)
    assert outcome.refused == ()
    return outcome


def minutes_of(store: Store, patient: Patient, metrics: Sequence[str]) -> dict[tuple[str, str, int], tuple[list[int], int]]:
    """Return (device key, metric, UTC day) -> (its 1,440 minutes, its resolution), of days with any known minute."""
    with store.reading() as connection:
        keys = {owned.id: owned.device.key for owned in people.list_devices(connection, patient.id)}
        return {
            (keys[found.device_id], metric, int(day)): (minutes.tolist(), int(resolution))
            for metric in metrics
            for found in read_minutes(connection, patient.id, metric, 0, 40_000)
            for day, minutes, resolution in zip(found.grid.days, found.grid.minutes, found.grid.resolution_s, strict=True)
            if (minutes != ABSENT).any()
        }


def spans_of(store: Store, patient: Patient) -> set[tuple[str, str, int, int, str]]:
    table, owners = tables.spans, tables.devices
    query = select(owners.c.key, table.c.kind, table.c.start_ms, table.c.end_ms, table.c.attributes)
    with store.reading() as connection:
        rows = connection.execute(query.join(owners, owners.c.id == table.c.device_id).where(table.c.patient_id == patient.id))
        return {(row.key, row.kind, row.start_ms, row.end_ms, row.attributes) for row in rows}


def totals_of(store: Store, patient: Patient) -> set[tuple[object, ...]]:
    table, owners = tables.totals, tables.devices
    query = select(owners.c.key, table.c.metric, table.c.day, table.c.value)
    with store.reading() as connection:
        rows = connection.execute(query.join(owners, owners.c.id == table.c.device_id).where(table.c.patient_id == patient.id))
        return {tuple(row) for row in rows}


RING = Device("maker", "ring 2", 'S-1,"7"')
PHONE = Device("apple", "iPhone", None, "Änna's phone")
STRAP = Device("maker", "strap", "H-9")


def walk_through(rng: np.random.Generator, start_ms: int, minutes: int, share: float = 0.15) -> list[tuple[int, int, int]]:
    """Whole minutes with steps, here and there."""
    chosen = np.flatnonzero(rng.random(minutes) < share)
    return [(start_ms + int(at) * MINUTE, start_ms + (int(at) + 1) * MINUTE, int(rng.integers(1, 130))) for at in chosen]


EXAMPLE_SPANS: tuple[tuple[SpanKind, dict[str, str | int | float]], ...] = (
    (SpanKind.SLEEP, {"stage": "deep"}),
    (SpanKind.SLEEP, {"stage": "awake"}),
    (SpanKind.IN_BED, {}),
    (SpanKind.WORKOUT, {"activity": "walking", "name": 'Round the "block", twice', "steps": 812}),
    (SpanKind.WORKOUT, {"activity": "yoga"}),
    (SpanKind.WORKOUT, {"activity": "treadmill", "name": "", "distance_m": 1234.56, "elapsed_s": 1800.0, "indoor": 1}),
    (SpanKind.WORKOUT, {"activity": "other", "name": ' Wörld, "cup" ', "steps": 1_234_567, "value": "=1+1", "start": "x"}),
    (SpanKind.SLEEP, {"stage": "rem", "name": "nap"}),
    (SpanKind.NOT_WORN, {"why": "shower; long"}),
    (SpanKind.CHARGING, {}),
)


def example_totals(first: date) -> list[VendorTotal]:
    return [VendorTotal(first, "steps", 4321), VendorTotal(first.replace(day=first.day + 1), "steps", 0)]
