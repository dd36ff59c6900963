"""Known minutes as the fewest intervals that say the same: each minute with steps, and the time without any by the hour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.recording import MINUTE_MS, Ms
from ingest.known import Column

_MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """start_ms, end_ms: (k,) int64.  value: (k,) int16, the total of each.  row: (k,) int64, where each begins in the minutes."""

    start_ms: Ms
    end_ms: Ms
    value: npt.NDArray[np.int16]
    row: Column


def find_runs(minute: Column, value: npt.NDArray[np.int16], owner: npt.NDArray[np.int16] | None = None) -> Runs:
    """Return the intervals of a `sum`.

    minute: (n,) int64, minutes since 1970, rising.  owner: (n,) whose each is; no interval is of two
    A nothing that was measured over several minutes is one nothing: so nights cost eight rows and not five hundred. None
    reaches over an hour of UTC, so that readers that sort intervals into hours and days need not split any.
    """
    if not len(minute):
        return Runs(minute, minute, value, minute)
    apart = (np.diff(minute) != 1) | (value[1:] != 0) | (value[:-1] != 0) | (minute[1:] % _MINUTES_PER_HOUR == 0)
    if owner is not None:
        apart |= owner[1:] != owner[:-1]
    row = np.flatnonzero(np.concatenate(([True], apart)))
    last = np.append(row[1:], len(minute)) - 1
    return Runs(minute[row] * MINUTE_MS, (minute[last] + 1) * MINUTE_MS, value[row], row)
