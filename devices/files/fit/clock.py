"""Times of which a file holds the low bits only: compressed timestamps (5 bits) and monitoring's timestamp_16."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

NONE = -1
"""No time: FIT times are never negative."""


def unwrap(full: Ints, low: Ints, mask: int) -> Ints:
    """Return the whole time of every record, NONE where nothing before it says.

    full: (n,) int64, the time where the record holds all of it, else NONE
    low:  (n,) int64, its low bits where it holds these only, else NONE; ignored beside a full time
    mask: the bits of `low`
    A time is the first one at or after the time before it that ends in its low bits. Records with neither take no part.
    """
    result = full.copy()
    timed = ((full >= 0) | (low >= 0)).nonzero()[0]
    if not len(timed):
        return result
    whole = full[timed]
    is_full = whole >= 0
    bits = np.where(is_full, whole & mask, low[timed])
    step = np.zeros(len(timed), dtype=np.int64)
    step[1:] = (bits[1:] - bits[:-1]) & mask
    step[is_full] = 0
    passed = np.cumsum(step)
    order = np.arange(len(timed))
    anchor = np.maximum.accumulate(np.where(is_full, order, -1))
    times = whole[anchor] + passed - passed[anchor]
    times[anchor < 0] = NONE
    result[timed] = times
    return result
