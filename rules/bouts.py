"""Which stretches of a day were one thing: stationary bouts, the breaks between them, walking bouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rules.minutes import Mask, Minutes
from rules.runs import Runs, add_up, fill_short_gaps, find_runs, paint


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

    @property
    def longest(self) -> int:
        """The longest bout in minutes; 0 if there is none."""
        return int(self.length.max()) if len(self) else 0


def find_stationary_bouts(stationary: Mask, blind: Mask) -> Bouts:
    """Return the maximal stationary runs of one local day, of any length.

    stationary: (n,) bool, worn, waking and below 10 steps
    blind:      (n,) bool, unknown or not worn: such a neighbour leaves the true length of a run unknown
    Raises: ValueError if the shapes differ
    Source: Chastin & Granat 2010, 2.2; differs: an unknown minute ends a run
    """
    _same_shape(stationary, blind)
    runs = find_runs(stationary)
    return Bouts(runs.start, runs.end, runs.length, _censored(runs, blind))


def find_breaks(stationary: Mask, broken: Mask) -> Mask:
    """Return the minutes that end a stationary run by movement, (n,) bool.

    stationary: (n,) bool, worn and stationary.  broken: (n,) bool, worn and not stationary
    Raises: ValueError if the shapes differ
    Source: accelerometry 3.1 `sedbreaks`: both minutes must be worn
    """
    _same_shape(stationary, broken)
    breaks = np.zeros(stationary.size, np.bool_)
    np.logical_and(stationary[:-1], broken[1:], out=breaks[1:])
    return breaks


def find_walking_minutes(steps: Minutes, worn: Mask, *, start_spm: int, stay_spm: int | None = None) -> Mask:
    """Return the minutes at walking cadence, (n,) bool.

    steps:     (n,) int16, steps per minute
    worn:      (n,) bool
    start_spm: a walk starts at this cadence
    stay_spm:  and then goes on down to this one; None: down to `start_spm`
    """
    started = worn & (steps >= start_spm)
    if stay_spm is None:
        return started
    runs = find_runs(worn & (steps >= stay_spm))
    totals = add_up(started)
    walks = runs.where(totals[runs.end] > totals[runs.start])
    at = np.flatnonzero(started)
    return paint(Runs(at[np.searchsorted(at, walks.start)], walks.end), steps.size)


def find_walking_bouts(
    walking: Mask, worn: Mask, blind: Mask, *, gap_min: int, active_share: float, min_length_min: int
) -> Bouts:
    """Return the walks of one local day.

    Walking runs at most `gap_min` worn minutes apart are one walk, from its first to its last walking minute; it counts if
    it lasts `min_length_min` or more and walking fills `active_share` of it.
    walking: (n,) bool, worn and at walking cadence.  worn: (n,) bool, with known steps.  blind: (n,) bool
    Raises: ValueError if the shapes differ
    Source: stepcount (share of 80 %); differs: pauses of 1 minute, not 3 windows; a pause of unknown minutes is none
    """
    _same_shape(walking, blind)
    runs = find_runs(fill_short_gaps(walking, gap_min) & (walking | worn))
    totals = add_up(walking)
    active = totals[runs.end] - totals[runs.start]
    bouts = Bouts(runs.start, runs.end, active, _censored(runs, blind))
    return bouts.where((bouts.length >= min_length_min) & (active >= active_share * bouts.length))


def find_activity_bouts(active: Mask, *, min_length_min: int) -> Runs:
    """Return the runs of `active`, (n,) bool, of `min_length_min` or more: an activity bout that tolerates nothing.

    Source: GGIR 3.3 `g.getbout` with boutcriter 1. Below 1 that implementation contradicts itself (its search for the end
            of a bout tests the gaps of the start), so a tolerance is not offered here; a walk has its own
    """
    return find_runs(active).at_least(min_length_min)


def _censored(runs: Runs, blind: Mask) -> Mask:
    """Return which runs have a blind minute or the day's edge beside them, (k,) bool."""
    bounded = np.ones(blind.size + 2, np.bool_)
    bounded[1:-1] = blind
    return bounded[runs.start] | bounded[runs.end + 1]


def _same_shape(one: Mask, other: Mask) -> None:
    if one.shape != other.shape:
        raise ValueError(f"expected columns of one length, found {one.shape} and {other.shape}")
