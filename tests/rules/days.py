"""Days made by hand for the tests of this room."""

import datetime as dt
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from rules.minutes import NA, DayMinutes, build_day

DAY = dt.date(2024, 5, 20)


def make_day(
    *walks: tuple[int, int],
    cadence: int = 70,
    stir_every: int | None = 20,
    unknown: Iterable[tuple[int, int]] = (),
    not_worn: Iterable[tuple[int, int]] = (),
    day: dt.date = DAY,
    n: int = 1440,
    device_says_worn: bool = True,
) -> DayMinutes:
    """Return a day of stillness with `walks` at `cadence`, and 12 steps every `stir_every` minutes of 07:00-22:00."""
    steps = np.zeros(n, np.int16)
    if stir_every:
        steps[420:1320:stir_every] = 12
    for start, end in walks:
        steps[start:end] = cadence
    off = mark(not_worn, n)
    steps[off] = 0
    steps[mark(unknown, n)] = NA
    return build_day(day, steps, not_worn=off, device_says_worn=device_says_worn)


def mark(spans: Iterable[tuple[int, int]], n: int = 1440) -> npt.NDArray[np.bool_]:
    made = np.zeros(n, np.bool_)
    for start, end in spans:
        made[start:end] = True
    return made
