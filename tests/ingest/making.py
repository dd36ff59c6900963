"""Small makers that the tests of this room share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select

from devices.recording import METRICS, Counter, Device, Intervals, Stream
from ingest import people, tables
from ingest.evidence import Evidence, from_streams
from ingest.store import Store

MINUTE = 60_000
DAY = 86_400_000


def intervals(rows: Sequence[tuple[int, int, int]], coverage: Sequence[tuple[int, int]] = (), metric: str = "steps") -> Stream:
    """rows: (start_ms, end_ms, value)."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    samples = Intervals(columns[:, 0].copy(), columns[:, 1].copy(), columns[:, 2].astype(np.int32))
    return Stream(metric, samples, np.array(coverage, dtype=np.int64).reshape(-1, 2))


def counter(rows: Sequence[tuple[int, int, int, int]], coverage: Sequence[tuple[int, int]] = ()) -> Stream:
    """rows: (at_ms, since_ms, channel, count). coverage: default is from the first to the last reading."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    if len(columns) and not coverage:
        coverage = [(int(columns[:, 0].min()), int(columns[:, 0].max()))]
    samples = Counter(columns[:, 0].copy(), columns[:, 1].copy(), columns[:, 2].astype(np.int16), columns[:, 3].astype(np.int32))
    return Stream("steps", samples, np.array(coverage, dtype=np.int64).reshape(-1, 2))


def evidence(*streams: Stream) -> Evidence:
    return from_streams(METRICS[streams[0].metric], streams)


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{folder / 'afoot.db'}", durable=False)
    try:
        yield store
    finally:
        store.close()


def new_device(store: Store, patient: str = "p", zone: str = "UTC", key: str = "ring") -> tuple[int, int]:
    """Return the ids of a patient and a device of theirs."""
    with store.writing() as connection:
        names = {one.name: one.id for one in people.list_patients(connection)}
        owner = names[patient] if patient in names else people.add_patient(connection, patient, zone, 0).id
        return owner, people.own_device(connection, owner, Device("maker", key, f"{patient}-{key}"))


def dump_minutes(connection: Connection, device_id: int) -> list[tuple[object, ...]]:
    """Every row of the device's minutes, whole, in key order."""
    table = tables.minutes
    query = select(table).where(table.c.device_id == device_id).order_by(*table.primary_key)
    return [tuple(row) for row in connection.execute(query)]
