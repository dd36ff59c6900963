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
FORMAT = 3

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


def _names(made: type, *types: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(made) if item.type in types)


# The numbers of a day by the column that they are written in, then those of each fragmentation.
_BOOLS = _names(DaySummary, bool)
_INTS, _FLOATS = _names(DaySummary, int, int | None), _names(DaySummary, float, float | None)
_FRAGMENTATIONS = ("fragmentation_stationary", "fragmentation_active")
_PART_INTS, _PART_FLOATS = _names(Fragmentation, int, int | None), _names(Fragmentation, float, float | None)
_MANY_INTS = len(_INTS) + len(_FRAGMENTATIONS) * len(_PART_INTS)
_MANY_FLOATS = len(_FLOATS) + len(_FRAGMENTATIONS) * len(_PART_FLOATS)
_NO_INT, _NO_FLOAT = -(2**63), float("nan")


def encode(days: Iterable[KnownDay]) -> list[bytes]:
    """Return days as bytes, each a line of JSON, then its numbers, then its columns."""
    writer = zstandard.ZstdCompressor(level=1)
    return [writer.compress(_encode(day)) for day in days]


def _encode(known: KnownDay) -> bytes:
    day = known.summary
    hours = _stack((day.hours.start, day.hours.hour, day.hours.steps, day.hours.judged, day.hours.waking))
    bouts = [
        None if one is None else _stack((one.start, one.end, one.active, one.censored)) for one in (day.stationary, day.walking)
    ]
    head = {
        "last_ms": known.last_ms,
        "day": day.day.isoformat(),
        "wear_source": day.wear_source,
        "waking_source": day.waking_source,
        "prolonged": None if day.prolonged is None else list(day.prolonged.items()),
        "cadence_bands": day.cadence_bands,
        "flags": [getattr(day, name) for name in _BOOLS],
        "lengths": [hours.shape[1], *(None if one is None else one.shape[1] for one in bouts)],
    }
    parts = [getattr(day, name) for name in _FRAGMENTATIONS]
    ints = [getattr(day, name) for name in _INTS] + [_of(part, name) for part in parts for name in _PART_INTS]
    floats = [getattr(day, name) for name in _FLOATS] + [_of(part, name) for part in parts for name in _PART_FLOATS]
    numbers = [
        np.array([_NO_INT if one is None else one for one in ints], "<i8"),
        np.array([_NO_FLOAT if one is None else one for one in floats], "<f8"),
    ]
    columns = [day.states.astype("u1"), day.cadence.astype("<i2"), hours, *(one for one in bouts if one is not None)]
    return b"".join((json.dumps(head).encode(), b"\n", *(part.tobytes() for part in (*numbers, *columns))))


def _of(part: Fragmentation | None, name: str) -> Any:
    return None if part is None else getattr(part, name)


def decode(blocks: Iterable[bytes]) -> list[KnownDay]:
    """Return the days that `encode` wrote."""
    reader = zstandard.ZstdDecompressor()
    return [_decode(reader.decompress(block)) for block in blocks]


def _decode(raw: bytes) -> KnownDay:
    at = raw.index(b"\n") + 1
    head = json.loads(raw[:at])
    last_ms, lengths = head.pop("last_ms"), head.pop("lengths")
    ints = [None if one == _NO_INT else one for one in np.frombuffer(raw, "<i8", _MANY_INTS, at).tolist()]
    at += 8 * _MANY_INTS
    floats = [None if one != one else one for one in np.frombuffer(raw, "<f8", _MANY_FLOATS, at).tolist()]
    at += 8 * _MANY_FLOATS
    numbers: dict[str, Any] = dict(zip(_INTS, ints, strict=False))
    numbers.update(zip(_FLOATS, floats, strict=False))
    numbers.update(zip(_BOOLS, head["flags"], strict=True))
    for place, name in enumerate(_FRAGMENTATIONS):
        numbers[name] = _fragmentation(
            ints[len(_INTS) + place * len(_PART_INTS) :], floats[len(_FLOATS) + place * len(_PART_FLOATS) :]
        )
    size = numbers["n_min"]
    states = np.frombuffer(raw, np.uint8, size, at)
    cadence = np.frombuffer(raw, "<i2", size, at + size).astype(np.int16, copy=False)
    at += 3 * size
    tables: list[npt.NDArray[np.int64] | None] = []
    for rows, length in zip((5, 4, 4), lengths, strict=True):
        if length is None:
            tables.append(None)
            continue
        tables.append(np.frombuffer(raw, "<i4", rows * length, at).reshape(rows, length).astype(np.int64))
        at += 4 * rows * length
    hours, stationary, walking = tables
    assert hours is not None  # a day always has its hours
    summary = DaySummary(
        day=date.fromisoformat(head["day"]),
        wear_source=WearSource(head["wear_source"]),
        waking_source=WakingSource(head["waking_source"]),
        prolonged=None if head["prolonged"] is None else dict(head["prolonged"]),
        cadence_bands=head["cadence_bands"],
        states=states,
        cadence=cadence,
        hours=Hours(*hours),
        stationary=_bouts(stationary),
        walking=_bouts(walking),
        **numbers,
    )
    return KnownDay(summary, last_ms)


def _fragmentation(ints: Sequence[int | None], floats: Sequence[float | None]) -> Fragmentation | None:
    """Return what the next numbers say; there is none where its first is not known."""
    if ints[0] is None:
        return None
    values: dict[str, Any] = dict(zip(_PART_INTS, ints, strict=False))
    values.update(zip(_PART_FLOATS, floats, strict=False))
    return Fragmentation(**values)


def _bouts(columns: npt.NDArray[np.int64] | None) -> Bouts | None:
    return None if columns is None else Bouts(columns[0], columns[1], columns[2], columns[3] != 0)


def _stack(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int32]:
    return np.concatenate(columns).astype("<i4").reshape(len(columns), -1)
