"""ActiGraph AGD: counts and steps by epoch, as ActiLife keeps them in SQLite. Of the wearer, nothing is read."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError, MissingAnswer
from devices.files.coverage import cover
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.sqlite import MISSING, Database, is_sqlite, open_database, shown
from devices.recording import (
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    Device,
    Intervals,
    Ms,
    Recording,
    Reject,
    Rejects,
    Stream,
    believable,
)

Column = npt.NDArray[np.int64]

_OWN_TABLES = frozenset({"data", "settings", "filters"})
_SETTINGS = ("deviceserial", "devicename", "epochlength")
_TICKS_PER_MS = 10_000
_UNIX_TICKS = 621_355_968_000_000_000  # 1970-01-01 in ticks of 100 ns since the year 1
_LONGEST_EPOCH_S = 3_600
_MOST_SETTINGS = 100
_COLUMNS = (("counts", "axis1"), ("steps", "steps"))


class ActiGraph(SingleFile):
    """Reads the `data` table and three of the `settings`.

    Only the wall time at the start is local: the device's clock then runs on, past any change to or from summer time.
    """

    @property
    def name(self) -> str:
        return "actigraph"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        if not is_sqlite(head):
            return False
        if not members:
            return name.lower().endswith(".agd")
        return _OWN_TABLES.issubset(members) or (name.lower().endswith(".agd") and {"data", "settings"}.issubset(members))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        with open_database(source) as database:
            device, epoch_ms = _read_settings(database, source.name)
            if options.zone is None:
                raise MissingAnswer("zone", f"{source.name}: its times are local; in which zone was the device started?")
            yield from _read_epochs(database, device, epoch_ms, options.zone, rejects)
        yield from rejects.drain()


READER = ActiGraph()


def _read_settings(database: Database, name: str) -> tuple[Device, int]:
    """Return the device and the length of its epochs in milliseconds. Raises: DecodeError if there is no such length"""
    rows = database.rows("settings", ("settingName", "settingValue"), only=("settingName", _SETTINGS))
    settings = {str(key): str(value or "") for key, value in islice(rows, _MOST_SETTINGS)}
    text = settings.get("epochlength", "")
    epoch_s = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    if not 1 <= epoch_s <= _LONGEST_EPOCH_S:
        raise DecodeError(f"{name}: settings", f"an epoch of 1 to {_LONGEST_EPOCH_S} seconds", text or "none")
    return Device("actigraph", settings.get("devicename", ""), settings.get("deviceserial") or None), epoch_s * 1_000


def _read_epochs(database: Database, device: Device, epoch_ms: int, zone: ZoneInfo, rejects: Rejects) -> Iterator[Recording]:
    offset_ms: int | None = None
    for batch in database.batches("data", ("dataTimestamp", "axis1"), ("steps",)):
        local = (batch.columns["dataTimestamp"] - _UNIX_TICKS) // _TICKS_PER_MS
        good = (local >= EARLIEST_MS) & (local < LATEST_MS)
        rejects.add(batch.place, "a time from 1990 to 2100", "another", int((~good).sum()))
        if not good.any():
            continue
        if offset_ms is None:
            offset_ms = _offset_at(int(local[good][0]), zone)
        start = local[good] - offset_ms
        streams = [
            _stream(metric, start, start + epoch_ms, batch.columns[column][good], batch.place, rejects)
            for metric, column in _COLUMNS
        ]
        yield Recording(device, tuple(stream for stream in streams if len(stream.coverage)))


def _offset_at(local_ms: int, zone: ZoneInfo) -> int:
    """Return how far the zone's clock stood ahead of UTC when it showed this; of two such times, the earlier."""
    wall = datetime(1970, 1, 1, tzinfo=zone) + timedelta(milliseconds=local_ms)
    offset = wall.utcoffset()
    return round(offset.total_seconds() * 1_000) if offset is not None else 0


def _stream(metric: str, start: Ms, end: Ms, value: Column, place: str, rejects: Rejects) -> Stream:
    """Return one column, every epoch of which the device vouches for: a zero is by its coverage alone."""
    good = believable(METRICS[metric], start, end, value)
    bad = ~good & (value != MISSING)
    rejects.add(place, f"believable {metric}", shown(int(value[bad][0])) if bad.any() else "", int(bad.sum()))
    some = good & (value > 0)
    return Stream(metric, Intervals(start[some], end[some], value[some].astype(np.int32)), cover(start[good], end[good]))
