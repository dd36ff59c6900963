"""The patient's local days: which instants belong to which date, under summer time and travel."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.recording import DAY_MS, MINUTE_MS

EPOCH = date(1970, 1, 1)
# A device that once showed another offset and then fell silent says nothing about next week [G].
OFFSET_HOLDS_MS = 48 * 3_600_000
_QUARTER_S = 900


@dataclass(frozen=True, slots=True, eq=False)
class LocalDay:
    """One date as its wearer lived it, [start_ms, end_ms): 24 hours, 23 or 25 where the clock changes, others while travelling.

    wall: (n,) int16, what a clock on the wall shows in each elapsed minute, 0..1439
    """

    day: date
    start_ms: int
    end_ms: int
    wall: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.wall)


@dataclass(frozen=True, slots=True)
class OffsetReading:
    """A device's clock stood `offset_s` ahead of UTC at `at_ms`. rank: of two devices, the higher is believed."""

    at_ms: int
    offset_s: int
    rank: int = 0


Segments = list[tuple[int, int]]


def local_days(
    zones: Sequence[tuple[int, str]], first: date, last: date, readings: Iterable[OffsetReading] = ()
) -> list[LocalDay]:
    """Return the dates first..last, both included, that had any minute.

    zones:    (from_ms, IANA zone) in time order, the first since ever: where the patient lives
    readings: what the devices' clocks said. One that agrees with the zone at that instant says that the patient is at home, and
              the zone's own rules hold; another moves the day's bounds until the next reading, for two days at most
    Every minute belongs to one date: a clock that goes back over midnight does not begin the day again.
    """
    lower = (first - EPOCH).days * DAY_MS - 2 * DAY_MS
    upper = (last - EPOCH).days * DAY_MS + 3 * DAY_MS
    zones = [(from_ms // MINUTE_MS * MINUTE_MS, zone) for from_ms, zone in zones]
    segments = _with_readings(_home_segments(zones, lower, upper), zones, readings, upper)
    starts: dict[int, int] = {}
    highest = (segments[0][0] + segments[0][1]) // DAY_MS
    edges = [*(start for start, _ in segments), upper]
    for (start, offset_ms), end in zip(segments, edges[1:], strict=True):
        label = (end - 1 + offset_ms) // DAY_MS
        for day in range(highest + 1, label + 1):
            starts[day] = max(start, day * DAY_MS - offset_ms)
        highest = max(highest, label)
    days = []
    for number in range((first - EPOCH).days, (last - EPOCH).days + 1):
        begin, end = starts[number], starts[number + 1]
        if end > begin:
            days.append(LocalDay(EPOCH + timedelta(days=number), begin, end, _wall(segments, begin, end)))
    return days


def _wall(segments: Segments, start_ms: int, end_ms: int) -> npt.NDArray[np.int16]:
    at = np.arange(start_ms, end_ms, MINUTE_MS, dtype=np.int64)
    begins, offsets = (np.array(column, dtype=np.int64) for column in zip(*segments, strict=True))
    offset = offsets[np.searchsorted(begins, at, side="right") - 1]
    return ((at + offset) // MINUTE_MS % 1440).astype(np.int16)


def _home_segments(zones: Sequence[tuple[int, str]], lower: int, upper: int) -> Segments:
    """Return (from_ms, offset_ms) over [lower, upper): the zones' own offsets, one row at each change."""
    edges = [max(lower, from_ms) for from_ms, _ in zones[1:]]
    bounds = [lower, *(min(edge, upper) for edge in edges), upper]
    segments: Segments = []
    for (_, zone), start, end in zip(zones, bounds, bounds[1:], strict=False):
        if end > start:
            segments += _transitions(zone, start, end)
    return segments


def _transitions(zone: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    offset = zone_offset_ms(zone, start)
    yield start, offset
    at = start
    while at < end:
        following = min(at + DAY_MS, end)
        if zone_offset_ms(zone, following) != offset:
            before, after = at, following
            while after - before > MINUTE_MS:
                middle = (before + after) // 2 // MINUTE_MS * MINUTE_MS
                if middle == before:
                    break
                before, after = (middle, after) if zone_offset_ms(zone, middle) == offset else (before, middle)
            offset = zone_offset_ms(zone, after)
            if after < end:
                yield after, offset
            following = after
        at = following


@lru_cache(maxsize=65_536)
def zone_offset_ms(zone: str, at_ms: int) -> int:
    """Return how far that zone's clocks stand ahead of UTC at an instant, in ms."""
    offset = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None  # an aware time has one
    return round(offset.total_seconds()) * 1000


def _with_readings(home: Segments, zones: Sequence[tuple[int, str]], readings: Iterable[OffsetReading], upper: int) -> Segments:
    """Lay the readings that differ from home over it, the least believed device first."""
    segments, lower = home, home[0][0]
    by_rank: dict[int, list[OffsetReading]] = {}
    for reading in readings:
        if -12 * 3600 <= reading.offset_s <= 14 * 3600 and reading.offset_s % _QUARTER_S == 0:
            by_rank.setdefault(reading.rank, []).append(reading)
    for rank in sorted(by_rank):
        own = sorted(by_rank[rank], key=lambda reading: (reading.at_ms, reading.offset_s))
        for reading, following in zip(own, [*own[1:], None], strict=True):
            start = max(reading.at_ms, lower)
            end = min(reading.at_ms + OFFSET_HOLDS_MS, following.at_ms if following else upper, upper)
            if end <= start:
                continue
            # At home the zone holds: it knows of a summer time that began after the device last said anything.
            if reading.offset_s * 1000 != _home_offset(zones, reading.at_ms):
                segments = _overlay(segments, start, end, reading.offset_s * 1000)
            elif segments is not home:
                segments = _restore(segments, home, start, end)
    return segments


def _home_offset(zones: Sequence[tuple[int, str]], at_ms: int) -> int:
    """Return the offset at home at any instant: a reading from before the days asked for must mean what it meant then."""
    zone = next(zone for from_ms, zone in reversed(zones) if from_ms <= at_ms)
    return zone_offset_ms(zone, at_ms)


def _offset_at(segments: Segments, at_ms: int) -> int:
    offset = segments[0][1]
    for start, value in segments:
        if start > at_ms:
            break
        offset = value
    return offset


def _overlay(segments: Segments, start: int, end: int, offset: int) -> Segments:
    start, end = start // MINUTE_MS * MINUTE_MS, -(-end // MINUTE_MS) * MINUTE_MS
    kept = [segment for segment in segments if segment[0] < start]
    after = [segment for segment in segments if segment[0] > end]
    return _joined([*kept, (start, offset), (end, _offset_at(segments, end)), *after])


def _restore(segments: Segments, home: Segments, start: int, end: int) -> Segments:
    for begin, offset in [(start, _offset_at(home, start)), *(one for one in home if start < one[0] < end)]:
        segments = _overlay(segments, begin, end, offset)
    return segments


def _joined(segments: Segments) -> Segments:
    joined = segments[:1]
    for start, offset in segments[1:]:
        if start == joined[-1][0]:
            joined[-1] = (start, offset)
        elif offset != joined[-1][1]:
            joined.append((start, offset))
    return joined
