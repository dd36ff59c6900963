"""Minutes gathered into the longer samples that phones and watches write."""

import numpy as np
import numpy.typing as npt


def gather(
    counts: npt.NDArray[np.int16], *, longest: int, pause: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the stretches with counts in them as (first, end, total), in minutes, half-open.

    counts: (n,) per minute; 0 and less is none
    longest: minutes that one stretch may touch.  pause: minutes of nothing that do not end one
    """
    active = np.flatnonzero(counts > 0)
    if not len(active):
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    new_run = np.concatenate(([True], np.diff(active) > pause + 1))
    run_start = active[np.flatnonzero(new_run)[np.cumsum(new_run) - 1]]
    # A run that is too long is cut every `longest` minutes from its start.
    piece = (active - run_start) // longest
    new = new_run | np.concatenate(([True], np.diff(piece) != 0))
    first = np.flatnonzero(new)
    last = np.concatenate((first[1:], [len(active)])) - 1
    return active[first], active[last] + 1, np.add.reduceat(counts[active].astype(np.int64), first)
