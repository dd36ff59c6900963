"""Which instants does an export hold, and what did the clock on the wall show at them?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.recording import MINUTE_MS, Ms
from ingest.local_days import EPOCH, LocalDay
from ingest.minutes import MINUTES_PER_DAY

# Clocks stand at most 14 hours ahead of UTC, and 12 behind.
_MOST_AHEAD_MIN, _MOST_BEHIND_MIN = 14 * 60, -12 * 60
_NONE = MINUTES_PER_DAY


class Wall:
    """The patient's clock over some local days, and before and after them as at their edges."""

    def __init__(self, days: Sequence[LocalDay]) -> None:
        """days: from `read_days`, at least one."""
        from_ms: list[int] = []
        offset_min: list[int] = []
        for day in days:
            offsets = _offsets_min(day)
            for minute in np.flatnonzero(np.diff(offsets, prepend=offset_min[-1] if offset_min else _NONE)).tolist():
                from_ms.append(day.start_ms + minute * MINUTE_MS)
                offset_min.append(int(offsets[minute]))
        self._from_ms, self._offset_min = np.array(from_ms), np.array(offset_min)

    def offsets_min(self, at_ms: Ms) -> npt.NDArray[np.int16]:
        """Return how far the clock stood ahead of UTC at each instant, in minutes: (n,)."""
        index = np.searchsorted(self._from_ms, at_ms, side="right") - 1
        return self._offset_min[np.maximum(index, 0)].astype(np.int16)

    def texts(self, at_ms: Ms) -> list[str]:
        """Return RFC 3339 texts of the instants, with offset: to the second, or all to the millisecond if any needs it."""
        if not len(at_ms):
            return []
        offset = self.offsets_min(at_ms)
        local: npt.NDArray[np.datetime64] = (at_ms + offset.astype(np.int64) * MINUTE_MS).astype("datetime64[ms]")
        suffixes = {int(one): _suffix(int(one)) for one in np.unique(offset)}
        written = np.datetime_as_string(local, unit="ms" if (at_ms % 1000).any() else "s").tolist()
        return [text + suffixes[one] for text, one in zip(written, offset.tolist(), strict=True)]


def _offsets_min(day: LocalDay) -> npt.NDArray[np.int64]:
    utc = day.start_ms // MINUTE_MS + np.arange(len(day), dtype=np.int64)
    offset = (day.day - EPOCH).days * MINUTES_PER_DAY + day.wall.astype(np.int64) - utc
    # Minutes that a clock set back over midnight shows again belong to the date that had begun before.
    offset[offset > _MOST_AHEAD_MIN] -= MINUTES_PER_DAY
    offset[offset < _MOST_BEHIND_MIN] += MINUTES_PER_DAY
    return offset


def _suffix(offset_min: int) -> str:
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02d}:{minutes:02d}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start_ms, end_ms), one step of an export. The first one also takes what began before it and reaches into it."""

    start_ms: int
    end_ms: int
    is_first: bool


def by_month(days: Sequence[LocalDay]) -> Iterator[Stretch]:
    """Yield the time of the days, cut where a month of UTC begins: what one step holds in memory."""
    if not days:
        return
    start, last = days[0].start_ms, days[-1].end_ms
    month = np.datetime64(start, "ms").astype("datetime64[M]")
    while start < last:
        month += 1
        end = min(int(month.astype("datetime64[ms]").astype(np.int64)), last)
        yield Stretch(start, end, start == days[0].start_ms)
        start = end
