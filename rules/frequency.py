"""How often: hours with movement, half hours without any, and walks spread over the day."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.bouts import Bouts
from rules.minutes import Mask, Minutes
from rules.runs import Index, add_up


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """The hours of the clock that a day touches, (h,) int64 each; a repeated hour of a 25-hour day stands twice.

    start:  minutes since the local day began
    hour:   what the clock shows, 0..23
    steps:  its known steps
    judged: its worn and waking minutes: what there is to judge it by
    waking: its waking minutes, known or not
    """

    start: Index
    hour: Index
    steps: Index
    judged: Index
    waking: Index


def sum_hours(local_minute: Minutes, steps: Minutes, judged: Mask, waking: Mask) -> Hours:
    """Return what each hour of the clock holds.

    local_minute: (n,) int16, 0..1439; where the clock jumps, a new hour begins
    steps:        (n,) int16, NA (negative) counts nothing.  judged, waking: (n,) bool
    """
    clock = local_minute // 60
    begins = np.ones(clock.size, np.bool_)
    begins[1:] = (clock[1:] != clock[:-1]) | (local_minute[1:] < local_minute[:-1])
    start = np.flatnonzero(begins)
    bounds = np.append(start, clock.size)
    return Hours(
        start=start,
        hour=clock[start].astype(np.int64),
        steps=np.diff(add_up(np.maximum(steps, 0))[bounds]),
        judged=np.diff(add_up(judged)[bounds]),
        waking=np.diff(add_up(waking)[bounds]),
    )


def find_move_every(moving: Mask, judged: Mask, *, window_min: int) -> float | None:
    """Return the share of minutes whose previous `window_min` held at least one of movement; None if none can be judged.

    moving: (n,) bool, worn and 10 steps or more
    judged: (n,) bool, waking and worn: only minutes with all of the previous `window_min` judged take part
    """
    if moving.size <= window_min:
        return None
    seen, moved = add_up(judged), add_up(moving)
    # The window before minute t is [t - w, t): the last one that ends within the day belongs to its last minute.
    whole = seen[window_min:-1] - seen[: -window_min - 1] == window_min
    some = moved[window_min:-1] - moved[: -window_min - 1] > 0
    judged_windows = int(np.count_nonzero(whole))
    return int(np.count_nonzero(whole & some)) / judged_windows if judged_windows else None


def find_median_gap(walks: Bouts) -> float | None:
    """Return the median of the minutes from the end of one walk to the start of the next; None under two walks."""
    return float(np.median(walks.start[1:] - walks.end[:-1])) if len(walks) > 1 else None


def find_thirds(walks: Bouts, waking_start: int, waking_end: int) -> float | None:
    """Return the share of the three thirds of [waking_start, waking_end) in which a walk begins; None without a window.

    A walk before or after the waking window belongs to the third next to it.
    """
    if waking_end <= waking_start:
        return None
    third: npt.NDArray[np.int64] = np.clip((walks.start - waking_start) * 3 // (waking_end - waking_start), 0, 2)
    return np.unique(third).size / 3
