"""What trackers store of sleep, stress and rest beside their counters.

Sources: FIT profile of SDK 21; stages and sleep events as Gadgetbridge found them (a stage's time is its end); stress values
below zero as the Garmin Health API names them.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from devices.files.fit.container import FitFile, Ints
from devices.files.fit.local_time import LocalClock, date_of
from devices.files.fit.messages import EVENT, MONITORING_HR_DATA, NAP_EVENT, SLEEP_LEVEL, STRESS_LEVEL
from devices.files.fit.rows import gather_rows, unix_seconds
from devices.recording import EARLIEST_MS, LATEST_MS, METRICS, Span, SpanKind, VendorTotal

_LEVEL = 0
_STAGES: Mapping[int, str] = MappingProxyType({1: "awake", 2: "light", 3: "deep", 4: "rem"})  # 0 is "unmeasurable"
_EVENT, _EVENT_TYPE = 0, 1
_SLEEP_EVENT, _STARTS = 74, 0
_LONGEST_STAGE_S = 6 * 3600

_NAP_START, _NAP_END, _NAP_DELETED = 0, 2, 5
_LONGEST_NAP_S = 24 * 3600

_STRESS, _STRESS_TIME = 0, 1
_OFF_WRIST = -1
"""-2 is large motion, -3 not enough data, -4 recovering from exercise, -5 unidentified: the watch is worn, or may be."""
_STRESS_EVERY_S = 180

_RESTING_TODAY = 1


def read_sleep(file: FitFile) -> Iterator[Span]:
    """Yield the stages of sleep. A stage ends at its own time and starts where the one before it, or the sleep, did."""
    levels = gather_rows(file, {SLEEP_LEVEL: (_LEVEL,), EVENT: (_EVENT, _EVENT_TYPE)})
    at_s = unix_seconds(levels.fit_time)
    is_level = levels.number == SLEEP_LEVEL
    is_start = (levels.column(EVENT, _EVENT) == _SLEEP_EVENT) & (levels.column(EVENT, _EVENT_TYPE) == _STARTS)
    marks = np.flatnonzero((is_level | is_start) & _timed(at_s))
    marks = marks[np.lexsort((is_level[marks], at_s[marks]))]
    stages = levels.column(SLEEP_LEVEL, _LEVEL)
    for before, mark in zip(marks[:-1].tolist(), marks[1:].tolist(), strict=True):
        start, end, stage = int(at_s[before]), int(at_s[mark]), _STAGES.get(int(stages[mark]))
        if stage is not None and 0 < end - start <= _LONGEST_STAGE_S:
            yield Span(SpanKind.SLEEP, start * 1000, end * 1000, {"stage": stage})


def read_naps(file: FitFile) -> Iterator[Span]:
    """Yield the naps that were not taken back; devices do not stage them."""
    rows = gather_rows(file, {NAP_EVENT: (_NAP_START, _NAP_END, _NAP_DELETED)})
    start, end = unix_seconds(rows.column(NAP_EVENT, _NAP_START)), unix_seconds(rows.column(NAP_EVENT, _NAP_END))
    good = _timed(start) & _timed(end) & (end > start) & (end - start <= _LONGEST_NAP_S)
    good &= rows.column(NAP_EVENT, _NAP_DELETED) != 1
    for first, last in zip(start[good].tolist(), end[good].tolist(), strict=True):
        yield Span(SpanKind.SLEEP, first * 1000, last * 1000, {"stage": "asleep"})


def read_off_wrist(file: FitFile) -> Iterator[Span]:
    """Yield when the stress measurement found no wrist. A reading stands until the next one, three minutes at most."""
    rows = gather_rows(file, {STRESS_LEVEL: (_STRESS, _STRESS_TIME)})
    if not (rows.column(STRESS_LEVEL, _STRESS) == _OFF_WRIST).any():
        return
    own = unix_seconds(rows.column(STRESS_LEVEL, _STRESS_TIME))
    at_s = np.where(own >= 0, own, unix_seconds(rows.fit_time))
    order = _timed(at_s).nonzero()[0]
    order = order[at_s[order].argsort(kind="stable")]
    at_s, stress = at_s[order], rows.column(STRESS_LEVEL, _STRESS)[order]
    start, end = 0, 0
    following = np.append(at_s[1:], LATEST_MS)
    for at, until in zip(*(column[stress == _OFF_WRIST].tolist() for column in (at_s, following)), strict=True):
        if at > end:
            if end:
                yield Span(SpanKind.NOT_WORN, start * 1000, end * 1000)
            start = at
        end = min(until, at + _STRESS_EVERY_S)
    if end > start:
        yield Span(SpanKind.NOT_WORN, start * 1000, end * 1000)


def read_resting_heart_rate(file: FitFile, clock: LocalClock) -> tuple[VendorTotal, ...]:
    """Return the resting heart rate of each local day; the last that the device wrote of a day stands."""
    rows = gather_rows(file, {MONITORING_HR_DATA: (_RESTING_TODAY,)})
    at_s, rate = unix_seconds(rows.fit_time), rows.column(MONITORING_HR_DATA, _RESTING_TODAY)
    limits = METRICS["heart_rate"]
    good = _timed(at_s) & (rate >= limits.low) & (rate <= limits.high)
    if not good.any() or not clock.is_known:
        return ()
    order = np.argsort(at_s[good], kind="stable")
    _, days = clock.days(at_s[good][order])
    by_day = dict(zip(days.tolist(), rate[good][order].tolist(), strict=True))
    return tuple(VendorTotal(date_of(day), "resting_heart_rate", value) for day, value in by_day.items())


def _timed(at_s: Ints) -> npt.NDArray[np.bool_]:
    return np.greater_equal(at_s, EARLIEST_MS // 1000) & (at_s <= LATEST_MS // 1000)
