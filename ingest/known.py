"""The known minutes of a grid as two flat columns, and what they add up to over any stretches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.recording import MINUTE_MS, Ms
from ingest.minutes import ABSENT, MINUTES_PER_DAY, Grid

Column = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """minute: (n,) int64, minutes since 1970, rising.  value: (n,) int16."""

    minute: Column
    value: npt.NDArray[np.int16]


def known_minutes(grid: Grid) -> Known:
    """Return the grid without its absent minutes; its days are in order."""
    row, of_day = np.nonzero(grid.minutes != ABSENT)
    return Known(grid.days[row] * MINUTES_PER_DAY + of_day, grid.minutes[row, of_day])


def part(known: Known, start_ms: int, end_ms: int) -> Known:
    """Return the minutes that begin within [start_ms, end_ms)."""
    first, last = np.searchsorted(known.minute, (-(-start_ms // MINUTE_MS), -(-end_ms // MINUTE_MS)))
    return Known(known.minute[first:last], known.value[first:last])


def sum_between(known: Known, start_ms: Ms, end_ms: Ms) -> tuple[Column, Column]:
    """Return for each stretch [start, end) the sum of its known minutes and how many they are: (k,) int64 each."""
    so_far = np.concatenate(([0], known.value.cumsum(dtype=np.int64)))
    first, last = (np.searchsorted(known.minute, -(-edge // MINUTE_MS)) for edge in (start_ms, end_ms))
    return so_far[last] - so_far[first], (last - first).astype(np.int64)
