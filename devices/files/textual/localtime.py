"""Which instant did the wall clock mean? Local times become UTC, with the hours that daylight saving skips or repeats.

A wall time that no clock showed is left out. One that was shown twice is resolved by the order in the file, where that order
steps back by a minute or more exactly once within the repeated hour; otherwise nobody can know which of the two it was, and
it is left out too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from devices.files.textual.cells import Index, Mask
from devices.recording import DAY_MS, EARLIEST_MS, LATEST_MS, MINUTE_MS, Ms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_OFFSET_MS = DAY_MS


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """A zone over a range: stretch i lasts from change i-1 to change i, open at both ends.

    change_ms: (k,) int64, the instants at which the offset changes.  offset_ms: (k+1,) int64, the offset of each stretch
    """

    change_ms: Ms
    offset_ms: Index


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """What wall times mean.

    ms:     (n,) int64, the instant; of a repeated wall time the first, unless the order in the file says the second
    known:  (n,) bool, which wall times have one meaning, by the clock or by the order
    second: (n,) int64, the second meaning where there is one, else equal to `ms`
    skipped: (n,) bool, which wall times no clock showed
    """

    ms: Ms
    known: Mask
    second: Ms
    skipped: Mask


def find_shifts(zone: ZoneInfo, start_ms: int, end_ms: int) -> Shifts:
    """Return the changes of the zone's offset within [start_ms, end_ms), to the second, found by halving changed days."""
    first = max(start_ms, EARLIEST_MS) // DAY_MS
    last = min(max(end_ms, start_ms), LATEST_MS) // DAY_MS + 1
    days = [day * 86_400 for day in range(first, last + 1)] or [first * 86_400]
    offsets = [_offset_s(zone, second) for second in days]
    changes = [_halve(zone, days[i], days[i + 1]) for i in range(len(days) - 1) if offsets[i] != offsets[i + 1]]
    stretches = [offsets[0]] + [_offset_s(zone, second) for second in changes]
    return Shifts(np.array(changes, dtype=np.int64) * 1000, np.array(stretches, dtype=np.int64) * 1000)


def to_instants(wall_ms: Ms, zone: ZoneInfo, *, ordered: bool) -> Instants:
    """Return the instants of wall times, read as if they were UTC.

    ordered: the times are in the order in which they were recorded, so that it may tell the passes of a repeated hour apart
    """
    if not len(wall_ms):
        nothing = np.zeros(0, dtype=bool)
        return Instants(wall_ms, nothing, wall_ms, nothing)
    low, high = np.clip([wall_ms.min(), wall_ms.max()], EARLIEST_MS, LATEST_MS).tolist()
    shifts = find_shifts(zone, low - _LONGEST_OFFSET_MS, high + _LONGEST_OFFSET_MS)
    change, offset = shifts.change_ms, shifts.offset_ms
    stretch = np.searchsorted(change + offset[:-1], wall_ms, side="right")
    earliest = np.concatenate(([np.iinfo(np.int64).min], change + offset[1:]))
    skipped = wall_ms < earliest[stretch]
    following = np.minimum(stretch + 1, len(change))
    repeated = ~skipped & (following > stretch) & (wall_ms >= earliest[following])
    ms = wall_ms - offset[stretch]
    second = np.where(repeated, wall_ms - offset[following], ms)
    known = ~skipped & ~repeated
    for fold in np.unique(stretch[repeated]).tolist() if ordered else ():
        rows = np.flatnonzero(repeated & (stretch == fold))
        back = np.flatnonzero(np.diff(wall_ms[rows]) <= -MINUTE_MS)
        if len(back) == 1:
            ms[rows[back[0] + 1 :]] = second[rows[back[0] + 1 :]]
            known[rows] = True
    return Instants(ms, known, second, skipped)


def always_utc(zone: ZoneInfo) -> bool:
    """Does this zone's wall clock always show UTC, so that it makes no difference which of the two a file wrote?"""
    return not any(_offset_s(zone, second) for second in range(EARLIEST_MS // 1000, LATEST_MS // 1000, 30 * 86_400))


def _offset_s(zone: ZoneInfo, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()
    return round(offset.total_seconds())


def _halve(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first second of (low, high] whose offset is no longer that of `low`."""
    before = _offset_s(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high
