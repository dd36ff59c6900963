"""The sleeps of a life, as a device at the wrist saw them: from going to bed until getting up, naps too."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from devices.virtual.clock import MINUTE_MS
from devices.virtual.life import Codes, Day, State

_SHORTEST_MIN = 20
_WORN_SHARE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Sleep:
    """stage: (n,) uint8, `Stage` of each minute, wakeful ones among them.  offset_s: (n,) int32, of the clocks"""

    start_ms: int
    end_ms: int
    stage: Codes
    offset_s: npt.NDArray[np.int32]

    def offset_at(self, at_ms: int) -> int:
        """Return how far the clocks stood ahead of UTC; at the end, as in the minute before it. In s."""
        return int(self.offset_s[min((at_ms - self.start_ms) // MINUTE_MS, len(self.offset_s) - 1)])

    def runs(self) -> list[tuple[int, int, int]]:
        """Return the unbroken stages as (start_ms, end_ms, stage)."""
        edges = [0, *(np.flatnonzero(np.diff(self.stage)) + 1).tolist(), len(self.stage)]
        return [
            (self.start_ms + start * MINUTE_MS, self.start_ms + end * MINUTE_MS, int(self.stage[start]))
            for start, end in pairwise(edges)
        ]


def sleeps(days: Sequence[Day]) -> list[Sleep]:
    """Return, in time order, the sleeps through which the device was worn; one that the range cuts is as long as it is."""
    if not days:
        return []
    at = np.concatenate([day.at_ms for day in days])
    stage = np.concatenate([day.stage for day in days])
    worn = np.concatenate([day.state == State.WORN for day in days])
    offset = np.concatenate([day.offset_s for day in days])
    in_bed = (stage > 0) | np.concatenate([(day.at_ms < day.wake_ms) | (day.at_ms >= day.bed_ms) for day in days])
    breaks = np.flatnonzero((np.diff(in_bed) != 0) | (np.diff(at) != MINUTE_MS)) + 1
    edges = np.concatenate(([0], breaks, [len(at)])).tolist()
    return [
        Sleep(int(at[start]), int(at[end - 1]) + MINUTE_MS, stage[start:end], offset[start:end])
        for start, end in pairwise(edges)
        if in_bed[start] and end - start >= _SHORTEST_MIN and worn[start:end].mean() >= _WORN_SHARE
    ]
