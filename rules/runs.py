"""Where a series stays the same: the one primitive under wear, bouts and fragmentation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.minutes import Mask

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Maximal runs of true minutes, in time order: [start, end) each. start, end: (k,) int64."""

    start: Index
    end: Index

    @property
    def length(self) -> Index:
        return self.end - self.start

    def __len__(self) -> int:
        return int(self.start.size)

    def where(self, chosen: Mask) -> "Runs":
        return Runs(self.start[chosen], self.end[chosen])


def find_runs(mask: Mask) -> Runs:
    """Return the maximal runs of true in `mask`, (n,) bool; none if n == 0."""
    padded = np.zeros(mask.size + 2, np.int8)
    padded[1:-1] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return Runs(edges[0::2], edges[1::2])


def paint(runs: Runs, n: int) -> Mask:
    """Return the (n,) mask that is true within `runs`, which must not overlap."""
    steps = np.zeros(n + 1, np.int8)
    steps[runs.start] += 1
    steps[runs.end] -= 1
    return np.cumsum(steps[:n], dtype=np.int8).astype(np.bool_)


def fill_short_gaps(mask: Mask, longest: int) -> Mask:
    """Return `mask` with the gaps of at most `longest` minutes between two true minutes made true; edges stay."""
    gaps = find_runs(~mask)
    inner = (gaps.start > 0) & (gaps.end < mask.size) & (gaps.length <= longest)
    return mask | paint(gaps.where(inner), mask.size)
