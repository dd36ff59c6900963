"""Which stretches of a day were one thing: stationary bouts, the breaks between them, walking bouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rules.minutes import Mask


class Bout(NamedTuple):
    """One bout: start and end as minutes since the local day began, half-open."""

    start: int
    end: int
    active: int
    censored: bool

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Bouts:
    """Bouts in time order, as columns of k rows.

    start, end: (k,) int64, minutes since the local day began, half-open
    active:     (k,) int64, the minutes within that are of the bout's own state; below `length` where a pause was bridged
    censored:   (k,) bool, an unknown or unworn minute or the day's edge ends it, so that its true length is unknown
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    active: npt.NDArray[np.int64]
    censored: Mask

    @property
    def length(self) -> npt.NDArray[np.int64]:
        return self.end - self.start

    def __len__(self) -> int:
        return int(self.start.size)

    def __iter__(self) -> Iterator[Bout]:
        columns = (self.start.tolist(), self.end.tolist(), self.active.tolist(), self.censored.tolist())
        return (Bout(*row) for row in zip(*columns, strict=True))

    def where(self, chosen: Mask) -> "Bouts":
        return Bouts(self.start[chosen], self.end[chosen], self.active[chosen], self.censored[chosen])

    def at_least(self, minutes: int) -> "Bouts":
        return self.where(self.length >= minutes)
