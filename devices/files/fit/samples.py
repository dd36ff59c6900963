"""Samples that several kinds of FIT file hold."""

import numpy as np

from devices.files.fit.container import Ints
from devices.files.fit.rows import present
from devices.recording import METRICS, Intervals, Rejects, Stream, believable


def heart_rate_stream(at_ms: Ints, rate: Ints, rejects: Rejects) -> Stream | None:
    """Return the heart rates as instants; None if there are none. A rate of 0 is no sample.

    at_ms, rate: (n,) int64, MISSING rates left out
    """
    held = present(rate) & (rate != 0)
    at_ms, rate = at_ms[held], rate[held]
    untimed = int((at_ms < 0).sum())
    rejects.add("heart_rate", "a heart rate at a time since 1990", "one at a time since the device was switched on", untimed)
    good = believable(METRICS["heart_rate"], at_ms, at_ms, rate)
    if not good.all():
        wild = rate[~good & (at_ms >= 0)]
        rejects.add("heart_rate", "a heart rate from 25 to 250", wild[:1].tolist(), len(wild))
        at_ms, rate = at_ms[good], rate[good]
    return Stream("heart_rate", Intervals(at_ms, at_ms, rate.astype(np.int32))) if len(at_ms) else None
