"""The judged days as they are kept, so that a check after a sync reads the old ones and computes only what changed.

All of it can be made again from the minutes; dropping the table only costs time.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, delete, select

from ingest.local_days import EPOCH
from ingest.store import upsert
from rules.bouts import Bouts
from rules.day import DaySummary
from rules.fragmentation import Fragmentation
from rules.frequency import Hours
from rules.minutes import WakingSource, WearSource
from rules.prescription import Prescription

# Raise it when a day's numbers come out otherwise, or are written otherwise, than before.
FORMAT = 1

summaries_metadata = MetaData()

day_summaries = Table(
    "day_summaries",
    summaries_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="local day, as days since 1970"),
    Column("key", String, nullable=False, comment="by what it was judged"),
    Column("block", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, eq=False)
class KnownDay:
    """A whole local day. last_ms: the end of its last minute of which a device said anything; None if there is none."""

    summary: DaySummary
    last_ms: int | None


def key_of(day: date, prescription: Prescription | None) -> str:
    """Return what a day's numbers depend on beside its minutes: a version never changes, so its number stands for it."""
    if prescription is None:
        return f"{FORMAT}"
    phase = prescription.phase_on(day)
    return f"{FORMAT}:{prescription.version}:{phase.name if phase else ''}"


def read_known(connection: Connection, patient_id: int, first: date, last: date) -> dict[date, tuple[str, bytes]]:
    """Return the key and the bytes of each kept day of first..last."""
    table = day_summaries
    where = (table.c.patient_id == patient_id, table.c.day.between((first - EPOCH).days, (last - EPOCH).days))
    rows = connection.execute(select(table.c.day, table.c.key, table.c.block).where(*where))
    return {EPOCH + timedelta(days=row.day): (row.key, row.block) for row in rows}


def keep(connection: Connection, patient_id: int, days: Mapping[date, tuple[str, bytes]]) -> None:
    """Keep days as `encode` wrote them, in the caller's transaction."""
    rows = [
        {"patient_id": patient_id, "day": (day - EPOCH).days, "key": key, "block": block} for day, (key, block) in days.items()
    ]
    upsert(connection, day_summaries, rows)


def drop(connection: Connection, patient_id: int, days: Iterable[date]) -> None:
    """Drop days of which the minutes changed."""
    numbers = sorted((day - EPOCH).days for day in days)
    table = day_summaries
    for first in range(0, len(numbers), 500):
        some = numbers[first : first + 500]
        connection.execute(delete(table).where(table.c.patient_id == patient_id, table.c.day.in_(some)))


_COLUMNS = ("states", "cadence", "hours", "stationary", "walking")
_NUMBERS = tuple(item.name for item in fields(DaySummary) if item.name not in _COLUMNS)


def encode(known: KnownDay) -> bytes:
    """Return a day as bytes: a line of JSON, then its columns."""
    day = known.summary
    hours = _stack((day.hours.start, day.hours.hour, day.hours.steps, day.hours.judged, day.hours.waking))
    bouts = [
        None if one is None else _stack((one.start, one.end, one.active, one.censored)) for one in (day.stationary, day.walking)
    ]
    head = {
        "last_ms": known.last_ms,
        "numbers": [_plain(getattr(day, name)) for name in _NUMBERS],
        "lengths": [hours.shape[1], *(None if one is None else one.shape[1] for one in bouts)],
    }
    parts = [day.states.astype("u1"), day.cadence.astype("<i2"), hours, *(one for one in bouts if one is not None)]
    raw = b"".join((json.dumps(head).encode(), b"\n", *(part.tobytes() for part in parts)))
    return zstandard.ZstdCompressor(level=1).compress(raw)


def decode(blocks: Sequence[bytes]) -> list[KnownDay]:
    """Return the days that `encode` wrote."""
    reader = zstandard.ZstdDecompressor()
    return [_decode(reader.decompress(block)) for block in blocks]


def _decode(raw: bytes) -> KnownDay:
    split = raw.index(b"\n")
    head = json.loads(raw[:split])
    numbers: dict[str, Any] = dict(zip(_NUMBERS, head["numbers"], strict=True))
    numbers["day"] = date.fromisoformat(numbers["day"])
    numbers["wear_source"] = WearSource(numbers["wear_source"])
    numbers["waking_source"] = WakingSource(numbers["waking_source"])
    if numbers["prolonged"] is not None:
        numbers["prolonged"] = {int(limit): count for limit, count in numbers["prolonged"].items()}
    for name in ("fragmentation_stationary", "fragmentation_active"):
        if numbers[name] is not None:
            numbers[name] = Fragmentation(*numbers[name])
    size, at = numbers["n_min"], split + 1
    states = np.frombuffer(raw, np.uint8, size, at)
    cadence = np.frombuffer(raw, "<i2", size, at + size).astype(np.int16, copy=False)
    at += 3 * size
    tables: list[npt.NDArray[np.int64] | None] = []
    for rows, length in zip((5, 4, 4), head["lengths"], strict=True):
        if length is None:
            tables.append(None)
            continue
        tables.append(np.frombuffer(raw, "<i4", rows * length, at).reshape(rows, length).astype(np.int64))
        at += 4 * rows * length
    hours, stationary, walking = tables
    assert hours is not None  # a day always has its hours
    summary = DaySummary(
        states=states, cadence=cadence, hours=Hours(*hours), stationary=_bouts(stationary), walking=_bouts(walking), **numbers
    )
    return KnownDay(summary, head["last_ms"])


def _bouts(columns: npt.NDArray[np.int64] | None) -> Bouts | None:
    return None if columns is None else Bouts(columns[0], columns[1], columns[2], columns[3] != 0)


def _stack(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int32]:
    return np.concatenate(columns).astype("<i4").reshape(len(columns), -1)


def _plain(value: Any) -> Any:
    if isinstance(value, Fragmentation):
        return [getattr(value, item.name) for item in fields(value)]
    return value.isoformat() if isinstance(value, date) else value
