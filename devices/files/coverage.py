"""Which time do rows that last vouch for?"""

import numpy as np
import numpy.typing as npt

from devices.recording import DAY_MS, NO_COVERAGE, Ms


def join_touching(start: Ms, end: Ms, apart: npt.NDArray[np.int64] | None = None) -> Ms:
    """Return the time that rows cover: (k, 2) int64, sorted; rows that touch or overlap are one.

    start, end: (n,) int64, any order; n >= 1
    apart:      (n,) int64; rows that differ in it are not joined
    """
    if not (start[1:] >= start[:-1]).all():
        order = np.argsort(start, kind="stable")
        start, end, apart = start[order], end[order], None if apart is None else apart[order]
    reach = np.maximum.accumulate(end)
    new = start[1:] > reach[:-1]
    if apart is not None:
        new |= apart[1:] != apart[:-1]
    first = np.flatnonzero(np.concatenate(([True], new)))
    return np.stack((start[first], np.maximum.reduceat(end, first)), axis=1)


def cover(start: Ms, end: Ms) -> Ms:
    """Return the coverage that rows make, cut at days of UTC: so a wearable that is worn for months on end stays believable,
    and one absurd row costs a day."""
    return join_touching(start, end, start // DAY_MS) if len(start) else NO_COVERAGE
