"""When a research accelerometer lay still, by its counts. Never for steps: they are zero far more often than counts.

Every function here takes counts, (n,) int16 or wider, NA where unknown, and returns the minutes of non-wear, (n,) bool;
an unknown minute is never among them and, unless said otherwise, ends a run.
"""

import numpy as np
import numpy.typing as npt

from rules.minutes import NA, Mask
from rules.runs import Runs, add_up, encode_runs, find_runs, paint

Counts = npt.NDArray[np.integer]
Classes = npt.NDArray[np.int8]

UNKNOWN_CLASS = -1


def find_nonwear_by_zeros(counts: Counts, *, frame_min: int) -> Mask:
    """Runs of `frame_min` or more zero minutes.

    Source: accelerometry 3.1 `weartime(tol = 0)`, 60 minutes; arctools uses 90
    """
    return paint(find_runs(counts == 0).at_least(frame_min), counts.size)


def find_nonwear_by_windows(counts: Counts, *, window_min: int, allowance_min: int, ceiling: int) -> Mask:
    """Every window of `window_min` minutes with at most `allowance_min` minutes of 1..`ceiling` counts and none above.

    Source: accelerometry 3.1 `weartime(tol > 0)`
    """
    if counts.size < window_min:
        return np.zeros(counts.size, np.bool_)
    weight = np.where(counts == 0, 0, np.where((counts > 0) & (counts <= ceiling), 1, allowance_min + 1))
    totals = add_up(weight)
    silent = totals[window_min:] - totals[:-window_min] <= allowance_min
    covered = np.zeros(counts.size + 1, np.int64)
    covered[: silent.size] += silent
    covered[window_min:] -= silent
    return np.cumsum(covered[:-1]).astype(np.bool_)


def find_nonwear_troiano(counts: Counts, *, frame_min: int, spike_min: int, spike_counts: int) -> Mask:
    """Zero runs of `frame_min` or more, after faint short spikes took the class of what stood before them.

    Classes: 0 none, 1 up to `spike_counts`, 2 above. A run of class 1 of at most `spike_min` minutes with class 0 right
    after it takes the class before it; where nothing stands before it, it stays.
    Source: Troiano 2008 as ActiLife 6 computes it (a sequence of non-zero minutes ends a spike)
    """
    classes = np.where(counts == NA, UNKNOWN_CLASS, np.where(counts <= 0, 0, np.where(counts <= spike_counts, 1, 2)))
    value, _, length = encode_runs(classes.astype(np.int8))
    spike = (value[1:-1] == 1) & (length[1:-1] <= spike_min) & (value[2:] == 0) & (value[:-2] != UNKNOWN_CLASS)
    value[1:-1] = np.where(spike, value[:-2], value[1:-1])
    return paint(find_runs(np.repeat(value == 0, length)).at_least(frame_min), counts.size)


def find_nonwear_choi(counts: Counts, *, frame_min: int, stream_min: int, allowance_min: int) -> Mask:
    """Choi 2011: gaps of `frame_min` or more between what moved, lone spikes left out.

    A run of at most `allowance_min` non-zero minutes is left out if the `stream_min` minutes before and after it are silent;
    all are judged on the original counts, once. Zeros before the first and after the last run left are non-wear at any
    length. An unknown minute counts as zero within the runs.
    Source: Choi 2011 as R PhysicalActivity 0.2-4 `marking`, whose default stream is half the frame; there the last minute
            takes the mark of the one before it, and here too
    """
    moved = counts > 0
    runs = find_runs(moved)
    totals = add_up(moved)
    before = totals[runs.start] - totals[np.maximum(runs.start - stream_min, 0)]
    after = totals[np.minimum(runs.end + stream_min, moved.size)] - totals[runs.end]
    kept = runs.where((runs.length > allowance_min) | (before > 0) | (after > 0))
    known: Mask = counts != NA
    if not len(kept):
        return known
    split = kept.start[1:] - kept.end[:-1] >= frame_min
    start = kept.start[np.concatenate(([True], split))]
    end = kept.end[np.concatenate((split, [True]))]
    worn = paint(Runs(start, end), counts.size)
    if worn.size > 1:
        worn[-1] = worn[-2]
    return ~worn & known


def find_nonwear_choi_actilife(counts: Counts, *, frame_min: int, window_min: int, spike_min: int) -> Mask:
    """Choi 2011 with no special edges: zero runs of `frame_min` or more, after lone spikes became zero.

    First a zero run shorter than `spike_min` between non-zero minutes joins them; then a non-zero run of at most
    `spike_min` minutes with `window_min` or more zero minutes on both sides becomes zero.
    Source: Choi 2011 as ActiLife 6 computes it
    """
    classes = np.where(counts == NA, UNKNOWN_CLASS, counts > 0).astype(np.int8)
    value, _, length = encode_runs(classes)
    value[(value == 0) & (length < spike_min)] = 1
    value, _, length = encode_runs(np.repeat(value, length))
    zeros = np.where(value == 0, length, 0)
    lone = (value[1:-1] == 1) & (length[1:-1] <= spike_min) & (zeros[:-2] >= window_min) & (zeros[2:] >= window_min)
    value[1:-1][lone] = 0
    return paint(find_runs(np.repeat(value == 0, length)).at_least(frame_min), counts.size)
