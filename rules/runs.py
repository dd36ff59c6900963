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

    def at_least(self, minutes: int) -> "Runs":
        return self.where(self.length >= minutes)


def find_runs(mask: Mask) -> Runs:
    """Return the maximal runs of true in `mask`, (n,) bool; none if n == 0."""
    padded = np.zeros(mask.size + 2, np.bool_)
    padded[1:-1] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return Runs(edges[0::2], edges[1::2])


def encode_runs(classes: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], Index, Index]:
    """Return the run-length code of `classes`, (n,): value, start and length of each maximal run, (k,); k == 0 if n == 0."""
    if not classes.size:
        return classes, np.empty(0, np.int64), np.empty(0, np.int64)
    start = np.concatenate(([0], np.flatnonzero(classes[1:] != classes[:-1]) + 1))
    return classes[start], start, np.diff(start, append=classes.size)


def paint(runs: Runs, n: int) -> Mask:
    """Return the (n,) mask that is true within `runs`, which must not overlap."""
    edges = np.zeros(n + 1, np.int8)
    edges[runs.start] += 1
    edges[runs.end] -= 1
    return np.cumsum(edges[:n], dtype=np.int8).view(np.bool_)


def fill_short_gaps(mask: Mask, longest: int) -> Mask:
    """Return `mask` with the gaps of at most `longest` minutes between two true minutes made true; edges stay."""
    gaps = find_runs(~mask)
    inner = (gaps.start > 0) & (gaps.end < mask.size) & (gaps.length <= longest)
    return mask | paint(gaps.where(inner), mask.size)


def add_up(values: npt.NDArray[np.generic]) -> Index:
    """Return the (n + 1,) running totals of `values`, (n,), so that values[a:b] sums to totals[b] - totals[a]."""
    totals = np.zeros(values.size + 1, np.int64)
    np.cumsum(values, out=totals[1:])
    return totals
