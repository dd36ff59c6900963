"""One local day in numbers: what was worn, still, walked and unknown."""

from dataclasses import dataclass, field, fields
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.bouts import (
    Bouts,
    find_breaks,
    find_stationary_bouts,
    find_walking_bouts,
    find_walking_minutes,
)
from rules.cadence import count_bands, find_peaks
from rules.fragmentation import Fragmentation, measure_fragmentation
from rules.frequency import Hours, find_median_gap, find_move_every, find_thirds, sum_hours
from rules.minutes import MINUTE_S, NA, DayMinutes, Mask, Minutes, State, WakingSource, WearSource
from rules.runs import fill_short_gaps, find_runs
from rules.thresholds import Thresholds
from rules.waking import DEFAULT_WINDOW, WakingWindow, decide_waking
from rules.wear import Wear, decide_wear

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class DaySettings:
    """What the metrics of one day need to know of the patient.

    walking_aid:       walking begins at a lower cadence
    waking:            the prescribed waking window; None: infer it from the steps
    credited_walk_min: the prescribed length of a walk; None: no prescription, so no walk is credited
    hourly_steps:      the prescribed steps an hour, likewise
    """

    limits: Thresholds = field(default_factory=Thresholds)
    walking_aid: bool = False
    waking: WakingWindow | None = DEFAULT_WINDOW
    credited_walk_min: int | None = None
    hourly_steps: int | None = None

    @property
    def walking_spm(self) -> int:
        return self.limits.walking_aid_spm if self.walking_aid else self.limits.walking_spm


@dataclass(frozen=True, slots=True, eq=False)
class DaySummary:
    """What one local day amounts to. None is unknown, everywhere; a count of 0 was measured.

    Whatever needs minutes is None if no minute is known or if the steps came in longer intervals: breaks, cadence and
    fragmentation from a `resolution_s` above `exact_within_s` on, bouts from one above `bouts_within_s` on. Times are minutes
    since the local day began.

    states:          (n,) uint8, a State each
    cadence:         (n,) int16, steps of the worn minutes, NA elsewhere; never written out
    waking_start, waking_end: first waking minute, and the one after the last; None if there is none
    waking_min:      minutes of the waking window, known or not
    worn_min:        worn minutes with known steps; worn_waking_min of these the waking ones
    not_worn_min, unknown_min, asleep_min, still_min: minutes of these states
    unknown_waking_min: waking minutes that are neither worn nor known to be not worn
    moving_min:      worn minutes of 1 step or more; walking_min at walking cadence; moderate_min at 100 steps or more
    coverage:        worn_waking_min / waking_min; 0 if there is no waking minute
    valid:           600 worn waking minutes or more
    partial:         something is known, but the day is not valid or its coverage is below 80 %: show it as partial, never low
    steps:           the sum of the known minutes
    stationary:      every stationary bout; `prolonged` counts those of at least 20, 30, 60 minutes
    walking:         every walking bout of 2 minutes or more
    credited_walks:  those of the prescribed length
    walk_gap_median_min: between credited walks; walk_thirds: share of the waking day's thirds in which one begins
    cadence_bands:   waking or moving minutes by band; the peaks, in steps/min, are None on a day that is not valid
    hours_judged, hours_reached, hourly_coverage: hours with 45 worn waking minutes, those with the prescribed steps, the share
    move_every_30:   of the minutes whose previous 30 are waking and worn, the share with movement in them
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
    cadence: Minutes
    steps: int | None
    hours: Hours
    hours_judged: int
    hours_reached: int | None
    hourly_coverage: float | None
    still_min: int | None = None
    moving_min: int | None = None
    walking_min: int | None = None
    moderate_min: int | None = None
    stationary: Bouts | None = None
    longest_stationary_min: int | None = None
    prolonged: dict[int, int] | None = None
    breaks: int | None = None
    breaks_per_stationary_hour: float | None = None
    walking: Bouts | None = None
    credited_walks: int | None = None
    walk_gap_median_min: float | None = None
    walk_thirds: float | None = None
    move_every_30: float | None = None
    cadence_bands: dict[str, int] | None = None
    peak_1: float | None = None
    peak_30: float | None = None
    peak_60: float | None = None
    fragmentation_stationary: Fragmentation | None = None
    fragmentation_active: Fragmentation | None = None

    @property
    def has_data(self) -> bool:
        return self.steps is not None

    @property
    def conclusive(self) -> bool:
        """Is enough of the day known to say what was not done?"""
        return self.has_data and not self.partial

    @property
    def has_bouts(self) -> bool:
        """Do the steps come finely enough to tell walks and still stretches?"""
        return self.stationary is not None

    @property
    def has_cadence(self) -> bool:
        """Do the steps come as finely as minutes?"""
        return self.cadence_bands is not None

    def to_json(self) -> dict[str, Any]:
        """Return everything but the minutes themselves in plain types; of the stationary bouts the prolonged ones."""
        row = {item.name: _plain(getattr(self, item.name)) for item in fields(self) if item.name not in _NOT_WRITTEN}
        shortest = min(self.prolonged, default=0) if self.prolonged else 0
        row["stationary"] = None if self.stationary is None else _plain(self.stationary.at_least(shortest))
        return row


_NOT_WRITTEN = ("states", "cadence", "stationary")


def summarise_day(
    minutes: DayMinutes,
    settings: DaySettings | None = None,
    *,
    before: DayMinutes | None = None,
    after: DayMinutes | None = None,
) -> DaySummary:
    """Return the metrics of one local day.

    before, after: its neighbours, used only where the waking window is to be inferred from the steps
    """
    chosen = settings or DaySettings()
    limits = chosen.limits
    waking = decide_waking(minutes, chosen.waking, limits, before, after)
    wear = decide_wear(minutes, waking.mask, limits)
    cadence = np.where(wear.worn, minutes.steps, np.int16(NA))
    marks = _Marks(minutes, wear, waking.mask, chosen)
    summary = _account(minutes, wear, waking.source, marks, cadence, chosen)
    if summary["steps"] is not None and minutes.resolution_s <= limits.bouts_within_s:
        summary |= _measure_stillness(marks, limits)
        summary |= _measure_walking(marks, chosen, summary)
        if minutes.resolution_s <= limits.exact_within_s:
            summary |= _measure_breaks(marks, limits, summary["stationary"])
            summary |= _measure_cadence(marks, cadence, limits, valid=summary["valid"])
    return DaySummary(**summary)


class _Marks:
    """The masks of one day, (n,) bool each, that more than one metric reads."""

    __slots__ = ("active", "blind", "judged", "moving", "states", "stationary", "waking", "walking", "worn")

    def __init__(self, minutes: DayMinutes, wear: Wear, waking: Mask, settings: DaySettings) -> None:
        known = minutes.steps != NA
        self.waking = waking
        self.worn = wear.worn
        self.walking = _find_walking(minutes, wear.worn, settings)
        self.judged = wear.worn & waking
        self.moving = wear.worn & _find_moving(minutes, settings.limits)
        self.stationary = self.judged & ~self.moving
        self.active = self.judged & self.moving
        # Beyond the waking window wear is not asked of steps; there only missing data hides how long a bout was.
        self.blind = wear.not_worn | ~known | (waking & ~wear.worn)
        self.states = _colour(self, wear.not_worn, known)


def _find_moving(minutes: DayMinutes, limits: Thresholds) -> Mask:
    """Return the minutes that end stillness, (n,) bool: 10 steps; of coarser intervals every minute of one with any step.

    An interval's steps were spread over its minutes evenly: which of these were still, nobody knows, so none is called so.
    """
    if minutes.resolution_s <= limits.exact_within_s:
        enough: Mask = minutes.steps >= limits.stationary_below_steps
        return enough
    stepped: Mask = minutes.steps > 0
    if minutes.resolution_s <= limits.bouts_within_s:
        # A device that ends an interval where something ends: what lies between two minutes of one is part of it.
        return fill_short_gaps(stepped, minutes.resolution_s // MINUTE_S)
    since_s = minutes.start_ms // 1000 + MINUTE_S * np.arange(len(minutes))
    _, interval = np.unique(since_s // minutes.resolution_s, return_inverse=True)
    moved: Mask = np.bincount(interval, weights=stepped)[interval] > 0 if len(minutes) else stepped
    return moved


def _find_walking(minutes: DayMinutes, worn: Mask, settings: DaySettings) -> Mask:
    if minutes.resolution_s > settings.limits.bouts_within_s:
        return np.zeros(len(minutes), np.bool_)
    stay_spm = settings.limits.walking_stay_spm
    return find_walking_minutes(minutes.steps, worn, start_spm=settings.walking_spm, stay_spm=stay_spm)


def _colour(marks: _Marks, not_worn: Mask, known: Mask) -> npt.NDArray[np.uint8]:
    """Return the state of each minute, (n,) uint8; what is said later stands."""
    states = np.full(known.size, State.UNKNOWN, np.uint8)
    states[known & ~marks.waking] = State.ASLEEP
    states[marks.stationary] = State.STILL
    states[not_worn] = State.NOT_WORN
    states[marks.moving] = State.MOVING
    states[marks.walking] = State.WALKING
    return states


def _account(
    minutes: DayMinutes, wear: Wear, waking_source: WakingSource, marks: _Marks, cadence: Minutes, settings: DaySettings
) -> dict[str, Any]:
    """Return what can be said at any resolution: wear, coverage, total steps, hours."""
    limits = settings.limits
    known = minutes.steps[minutes.steps != NA]
    at = np.flatnonzero(marks.waking)
    waking_min = at.size
    worn_waking = int(np.count_nonzero(marks.judged))
    coverage = worn_waking / waking_min if waking_min else 0.0
    valid = worn_waking >= limits.valid_worn_min
    of_state = np.bincount(marks.states, minlength=len(State)).tolist()
    hours = sum_hours(minutes.local_minute, cadence, marks.judged, marks.waking)
    judged = hours.judged >= limits.hourly_worn_min
    hours_judged = int(np.count_nonzero(judged))
    reached = None
    if settings.hourly_steps is not None and known.size and minutes.resolution_s <= HOUR_S:
        reached = int(np.count_nonzero(judged & (hours.steps >= settings.hourly_steps)))
    return {
        "day": minutes.day,
        "start_ms": minutes.start_ms,
        "n_min": len(minutes),
        "resolution_s": minutes.resolution_s,
        "wear_source": wear.source,
        "waking_source": waking_source,
        "waking_start": int(at[0]) if waking_min else None,
        "waking_end": int(at[-1]) + 1 if waking_min else None,
        "waking_min": waking_min,
        "worn_min": int(np.count_nonzero(wear.worn)),
        "worn_waking_min": worn_waking,
        "not_worn_min": of_state[State.NOT_WORN],
        "unknown_min": of_state[State.UNKNOWN],
        "unknown_waking_min": int(np.count_nonzero(marks.waking & ~wear.worn & ~wear.not_worn)),
        "asleep_min": of_state[State.ASLEEP],
        "coverage": coverage,
        "valid": valid,
        "partial": known.size > 0 and not (valid and coverage >= limits.coverage_share),
        "states": marks.states,
        "cadence": cadence,
        "steps": int(known.sum()) if known.size else None,
        "hours": hours,
        "hours_judged": hours_judged,
        "hours_reached": reached,
        "hourly_coverage": reached / hours_judged if reached is not None and hours_judged else None,
    }


def _measure_stillness(marks: _Marks, limits: Thresholds) -> dict[str, Any]:
    still = find_stationary_bouts(marks.stationary, marks.blind)
    lengths = still.length
    return {
        "still_min": int(np.count_nonzero(marks.stationary)),
        "stationary": still,
        "longest_stationary_min": still.longest,
        "prolonged": {limit: int(np.count_nonzero(lengths >= limit)) for limit in limits.prolonged_min},
    }


def _measure_breaks(marks: _Marks, limits: Thresholds, still: Bouts) -> dict[str, Any]:
    active = find_runs(marks.active)
    still_min = int(np.count_nonzero(marks.stationary))
    breaks = int(np.count_nonzero(find_breaks(marks.stationary, marks.moving)))
    return {
        "breaks": breaks,
        "breaks_per_stationary_hour": breaks / (still_min / 60) if still_min else 0.0,
        "move_every_30": find_move_every(marks.moving, marks.judged, window_min=limits.move_every_min),
        "fragmentation_stationary": measure_fragmentation(
            still.length, unfinished=len(still) - breaks, min_runs=limits.fragmentation_runs
        ),
        "fragmentation_active": measure_fragmentation(
            active.length,
            unfinished=len(active) - int(np.count_nonzero(find_breaks(marks.active, marks.stationary))),
            min_runs=limits.fragmentation_runs,
        ),
    }


def _measure_walking(marks: _Marks, settings: DaySettings, day: dict[str, Any]) -> dict[str, Any]:
    limits = settings.limits
    walks = find_walking_bouts(
        marks.walking,
        marks.worn,
        marks.blind,
        gap_min=limits.walk_gap_min,
        active_share=limits.walk_active_share,
        min_length_min=limits.walk_counted_min,
    )
    row: dict[str, Any] = {"walking": walks, "walking_min": int(np.count_nonzero(marks.walking))}
    if settings.credited_walk_min is None:
        return row
    credited = walks.at_least(settings.credited_walk_min)
    row["credited_walks"] = len(credited)
    row["walk_gap_median_min"] = find_median_gap(credited)
    if day["waking_start"] is not None:
        row["walk_thirds"] = find_thirds(credited, day["waking_start"], day["waking_end"])
    return row


def _measure_cadence(marks: _Marks, cadence: Minutes, limits: Thresholds, *, valid: bool) -> dict[str, Any]:
    awake = cadence[marks.waking | (cadence > 0)]
    peak_1, peak_30, peak_60 = find_peaks(cadence) if valid else (None, None, None)
    return {
        "moving_min": int(np.count_nonzero(cadence > 0)),
        "moderate_min": int(np.count_nonzero(cadence >= limits.moderate_spm)),
        "cadence_bands": count_bands(awake),
        "peak_1": peak_1,
        "peak_30": peak_30,
        "peak_60": peak_60,
    }


def _plain(value: Any) -> Any:
    """Return `value` in types that JSON knows; bouts and hours as one row each."""
    if isinstance(value, Bouts):
        return [{"start": b.start, "length": b.length, "active": b.active, "censored": b.censored} for b in value]
    if isinstance(value, Hours):
        names = [item.name for item in fields(value)]
        columns = [getattr(value, name).tolist() for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if isinstance(value, Fragmentation):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
