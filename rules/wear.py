"""Was the device on the body, minute by minute, and who says so?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rules.counts import (
    Counts,
    find_nonwear_by_zeros,
    find_nonwear_choi,
    find_nonwear_choi_actilife,
    find_nonwear_troiano,
)
from rules.minutes import NA, DayMinutes, Mask, Minutes, WearSource
from rules.runs import Runs, fill_short_gaps, find_runs, paint
from rules.thresholds import Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Wear:
    """worn, not_worn: (n,) bool, never both; a minute that is neither is unknown. A worn minute has known steps."""

    source: WearSource
    worn: Mask
    not_worn: Mask


def decide_wear(minutes: DayMinutes, waking: Mask, limits: Thresholds) -> Wear:
    """Return the wear of the day by the best source that it has: device, heart rate, counts, steps.

    Whatever the source says: the device's own `not_worn` and `charging` stand; a minute without steps data is never worn;
    a minute of at least `stationary_below_steps` vouches for itself, because an optical pulse is lost while walking.
    """
    known = minutes.steps != NA
    off = minutes.not_worn | minutes.charging
    moving = minutes.steps >= limits.stationary_below_steps
    source, vouched, denied = _hear(minutes, waking, known, moving, limits)
    worn = known & ~off & (vouched | moving)
    return Wear(source, worn, off | (known & denied & ~worn))


def _hear(minutes: DayMinutes, waking: Mask, known: Mask, moving: Mask, limits: Thresholds) -> tuple[WearSource, Mask, Mask]:
    """Return the best source, the minutes that it calls worn, and those that it calls not worn."""
    nothing = np.zeros(known.size, np.bool_)
    if minutes.device_says_worn:
        return WearSource.DEVICE, known, nothing
    pulse = find_worn_by_pulse(minutes.heart_rate, bridge_min=limits.hr_bridge_min)
    if _pulse_tells_wear(minutes.heart_rate, pulse, moving, limits):
        return WearSource.HEART_RATE, pulse, ~pulse
    if minutes.counts is not None and (minutes.counts != NA).any():
        nonwear = COUNTS_RULES[limits.counts_rule](minutes.counts, limits)
        return WearSource.COUNTS, (minutes.counts != NA) & ~nonwear, nonwear
    if known.any():
        return WearSource.STEPS_INFERRED, find_worn_by_steps(minutes.steps, waking, limits.steps_unknown_min), nothing
    return WearSource.NONE, nothing, nothing


def find_worn_by_pulse(heart_rate: Minutes, *, bridge_min: int) -> Mask:
    """Return the minutes with a heart-rate sample, and the gaps of at most `bridge_min` between two of them.

    heart_rate: (n,) int16, NA where there is no sample.  Returns: (n,) bool
    """
    return fill_short_gaps(heart_rate != NA, bridge_min)


def _pulse_tells_wear(heart_rate: Minutes, pulse: Mask, moving: Mask, limits: Thresholds) -> bool:
    """Is the pulse taken all the time that the device is worn, and by the device that counts the steps?

    Not where samples are usually further apart than the bridge (a spot measurement), nor where most of the day and most of
    its moving minutes have none (a chest strap beside a phone): then every minute between would be taken for non-wear.
    """
    at = np.flatnonzero(heart_rate != NA)
    if at.size < 2 or np.median(np.diff(at)) > limits.hr_bridge_min + 1:
        return False
    share = limits.hr_vouch_share
    if np.count_nonzero(pulse & moving) >= share * np.count_nonzero(moving):
        return True
    return bool(np.count_nonzero(pulse) >= share * pulse.size)


def find_worn_by_steps(steps: Minutes, waking: Mask, unknown_min: int) -> Mask:
    """Return the minutes that steps alone can call worn: any with a step, and waking zero runs shorter than `unknown_min`.

    A longer zero run may be a device on a table, and outside the waking window any zero may: those are unknown. A zero run
    reaches over the unknown minutes within it, or else less data would make more stillness.
    steps: (n,) int16, NA where unknown.  waking: (n,) bool.  Returns: (n,) bool
    """
    still: Mask = waking & (steps == 0)
    silent = find_runs(waking & ((steps == 0) | (steps == NA)))
    zeros = np.flatnonzero(still)
    first, last = np.searchsorted(zeros, silent.start), np.searchsorted(zeros, silent.end) - 1
    some = last >= first
    silences = Runs(zeros[first[some]], zeros[last[some]] + 1).at_least(unknown_min)
    moved: Mask = steps > 0
    return moved | (still & ~paint(silences, steps.size))


# Which non-wear algorithm the settings name; each takes the counts and the thresholds.
COUNTS_RULES: Mapping[str, Callable[[Counts, Thresholds], Mask]] = {
    "zero": lambda counts, limits: find_nonwear_by_zeros(counts, frame_min=limits.zero_nonwear_min),
    "troiano": lambda counts, limits: find_nonwear_troiano(
        counts,
        frame_min=limits.zero_nonwear_min,
        spike_min=limits.troiano_spike_min,
        spike_counts=limits.troiano_spike_counts,
    ),
    "choi": lambda counts, limits: find_nonwear_choi(
        counts,
        frame_min=limits.choi_frame_min,
        stream_min=limits.choi_stream_min,
        allowance_min=limits.choi_allowance_min,
    ),
    "choi_actilife": lambda counts, limits: find_nonwear_choi_actilife(
        counts,
        frame_min=limits.choi_frame_min,
        window_min=limits.choi_stream_min,
        spike_min=limits.choi_allowance_min,
    ),
}
