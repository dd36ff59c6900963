"""One local day in numbers: what was worn, still, walked and unknown."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from rules.bouts import Bouts
from rules.fragmentation import Fragmentation
from rules.minutes import WakingSource, WearSource


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """The hours of the clock that this day touches, (h,) each; a repeated hour of a 25-hour day stands twice.

    start:    int64, minutes since the local day began
    hour:     int64, what the clock shows, 0..23
    steps:    int64, known steps
    judged:   int64, its worn and waking minutes; below the threshold (45) the hour is not judged
    """

    start: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    judged: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class DaySummary:
    """What one local day amounts to. None is unknown, everywhere; a count of 0 was measured.

    Metrics of bouts, cadence, fragmentation and frequency are None if the steps come in intervals longer than a minute
    (`resolution_s` > 60: insufficient resolution) or if no minute is known. Times are minutes since the local day began.

    states:          (n,) uint8, a State each
    waking_start, waking_end: first waking minute, and the one after the last; None if there is none
    waking_min:      minutes of the waking window, known or not
    worn_min:        worn minutes with known steps; worn_waking_min of these the waking ones
    not_worn_min, unknown_min, asleep_min, still_min: minutes of these states
    unknown_waking_min: waking minutes that are neither worn nor known to be not worn
    moving_min:      minutes of 1 step or more; walking_min at walking cadence
    coverage:        worn_waking_min / waking_min
    valid:           600 worn waking minutes or more
    partial:         something is known, but the day is not valid or its coverage is below 80 %: show it as partial, never as low
    steps:           the sum of the known minutes
    stationary:      every stationary bout; `longest_stationary_min`, `prolonged` {at least: how many} and `breaks` follow
    walking:         every walking bout of 2 minutes or more
    credited_walks:  those of the prescribed length; None without a prescription
    cadence_bands:   minutes by band; `peak_1`, `peak_30`, `peak_60` in steps/min are None on a day that is not valid
    hours_judged, hours_reached, hourly_coverage: waking hours, those with the prescribed steps, and their share
    move_every_30:   of the minutes whose previous 30 are waking and worn, the share that follows a break
    walk_gap_median_min: between credited walks; walk_thirds the share of the waking day's thirds that hold one
    """

    day: date
    start_ms: int
    n_min: int
    resolution_s: int
    wear_source: WearSource
    waking_source: WakingSource
    waking_start: int | None
    waking_end: int | None
    waking_min: int
    worn_min: int
    worn_waking_min: int
    not_worn_min: int
    unknown_min: int
    unknown_waking_min: int
    asleep_min: int
    coverage: float
    valid: bool
    partial: bool
    states: npt.NDArray[np.uint8]
    steps: int | None
    hours: Hours
    hours_judged: int
    hours_reached: int | None
    hourly_coverage: float | None
    still_min: int | None
    moving_min: int | None
    walking_min: int | None
    moderate_min: int | None
    stationary: Bouts | None
    longest_stationary_min: int | None
    prolonged: dict[int, int] | None
    breaks: int | None
    breaks_per_stationary_hour: float | None
    walking: Bouts | None
    credited_walks: int | None
    walk_gap_median_min: float | None
    walk_thirds: float | None
    move_every_30: float | None
    cadence_bands: dict[str, int] | None
    peak_1: float | None
    peak_30: float | None
    peak_60: float | None
    fragmentation_stationary: Fragmentation | None
    fragmentation_active: Fragmentation | None
    longest_brisk_min: int | None
