"""Which offsets of the wearer's clock does a reader tell on, of those that its records name one by one?"""

import numpy as np
import numpy.typing as npt

from devices.recording import DAY_MS, Ms, Offset

# Who crosses every zone of the earth in a day changes it 24 times; a file in which it jumps on and on has made it up.
MOST_CHANGES_A_DAY = 96


def tell_offsets(at_ms: Ms, offset_s: npt.NDArray[np.integer]) -> tuple[Offset, ...]:
    """Return the first reading of each day of UTC, and each that differs from the one before it, in time order.

    at_ms, offset_s: (n,), any order
    An unchanged offset is told again every day, because one reading is believed for two days only: a journey may be longer.
    Of a day no more than MOST_CHANGES_A_DAY are told, the first ones.
    """
    order = np.argsort(at_ms, kind="stable")
    at, offset, day = at_ms[order], offset_s[order], at_ms[order] // DAY_MS
    is_news = np.ones(len(at), dtype=bool)
    is_news[1:] = (offset[1:] != offset[:-1]) | (day[1:] != day[:-1])
    told = np.flatnonzero(is_news)
    _, first, of_day = np.unique(day[told], return_index=True, return_inverse=True)
    told = told[np.arange(len(told)) - first[of_day] < MOST_CHANGES_A_DAY]
    return tuple(Offset(*reading) for reading in zip(at[told].tolist(), offset[told].tolist(), strict=True))
