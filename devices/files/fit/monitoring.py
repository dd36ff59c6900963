"""Monitoring files: the day as a tracker keeps it. Counters of steps, heart rate, intensity, and the closing rows of each day.

Source: FIT monitoring (messages 55 and 103), profile of SDK 20.8; and measured on real files, see docs/formats/fit.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.errors import MissingAnswer
from devices.files.fit.clock import NONE, unwrap
from devices.files.fit.container import FitFile, Ints
from devices.files.fit.local_time import LocalClock, date_of
from devices.files.fit.messages import MONITORING, MONITORING_INFO
from devices.files.fit.rows import gather_rows, present, unix_seconds
from devices.files.fit.samples import heart_rate_stream
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    Counter,
    Intervals,
    Rejects,
    Stream,
    VendorTotal,
)

TICK = -1

_CYCLES, _TYPE, _CYCLES_16, _TYPE_INTENSITY, _TIME_16 = 3, 5, 9, 24, 26
_HEART_RATE, _INTENSITY, _DURATION_MIN = 27, 28, 29
_FIELDS = (_CYCLES, _TYPE, _CYCLES_16, _TYPE_INTENSITY, _TIME_16, _HEART_RATE, _INTENSITY, _DURATION_MIN)

# Kinds whose raw cycles are steps. Those of cycling and swimming are half strokes, and other kinds' are not named.
_RUNNING, _WALKING = 1, 6
_NO_TYPE = 31  # the low five bits of an invalid byte
_SHORTEST_DAY_MIN, _LONGEST_DAY_MIN = 23 * 60, 25 * 60
_LONGEST_PAUSE_S = 86_400
_MOST_STEPS = METRICS["steps"].high * 24 * 60


@dataclass(frozen=True, eq=False)
class _Records:
    """Monitoring and monitoring_info records in time order; the columns are (n,).

    at_s: seconds since 1970.  kind: activity type.  steps: cumulative.  MISSING where the record has none
    is_whole: the record holds all of its time, not the low bits only
    """

    at_s: Ints
    is_whole: npt.NDArray[np.bool_]
    kind: Ints
    intensity: Ints
    steps: Ints
    heart_rate: Ints
    duration_min: Ints


@dataclass(frozen=True, eq=False)
class Monitoring:
    streams: tuple[Stream, ...]
    totals: tuple[VendorTotal, ...]


def read_monitoring(file: FitFile, clock: LocalClock, rejects: Rejects) -> Monitoring:
    """Return what the monitoring records of a file say.

    Raises: MissingAnswer where they count steps, and neither the file nor a setting says when local midnight was
    """
    records = _records(file, rejects)
    streams = [heart_rate_stream(records.at_s * 1000, records.heart_rate, rejects), _intensity(records)]
    totals: tuple[VendorTotal, ...] = ()
    # A file whose records never name an activity (a heart-rate log) is none of a step counter.
    if present(records.kind).any():
        if not clock.is_known:
            raise MissingAnswer(
                "zone", "the file counts steps since local midnight and does not say when that was; set the wearer's zone"
            )
        counted = _counted(records, rejects)
        since_s, day, closes = _since(records, counted, clock)
        streams.insert(0, Stream("steps", _counter(records, counted, since_s), _running(records.at_s)))
        totals = _totals(records, day, closes)
    return Monitoring(tuple(stream for stream in streams if stream is not None), totals)


def _records(file: FitFile, rejects: Rejects) -> _Records:
    rows = gather_rows(file, {MONITORING: _FIELDS, MONITORING_INFO: ()})
    at_s = unix_seconds(unwrap(rows.fit_time, np.maximum(rows.column(MONITORING, _TIME_16), NONE), 0xFFFF))
    timed = (at_s >= EARLIEST_MS // 1000) & (at_s <= LATEST_MS // 1000)
    if not timed.all() or (at_s[1:] < at_s[:-1]).any():
        untimed, order = (~timed).nonzero()[0], timed.nonzero()[0]
        place = f"byte {rows.at[untimed[0]]}" if len(untimed) else ""
        rejects.add(place, "a monitoring record with a time", "none that counts", len(untimed))
        order = order[at_s[order].argsort(kind="stable")]
        rows, at_s = rows.take(order), at_s[order]
    kind, intensity = rows.column(MONITORING, _TYPE), rows.column(MONITORING, _INTENSITY)
    if rows.has(MONITORING, _TYPE_INTENSITY):
        packed = rows.column(MONITORING, _TYPE_INTENSITY)
        is_packed = present(packed) & (packed & 31 != _NO_TYPE)
        kind = np.where(is_packed & ~present(kind), packed & 31, kind)
        intensity = np.where(is_packed & ~present(intensity), packed >> 5 & 7, intensity)
    return _Records(
        at_s,
        rows.fit_time >= 0,
        kind,
        intensity,
        rows.either(MONITORING, _CYCLES, _CYCLES_16),
        rows.column(MONITORING, _HEART_RATE),
        rows.column(MONITORING, _DURATION_MIN),
    )


def _counted(records: _Records, rejects: Rejects) -> npt.NDArray[np.bool_]:
    """Return which records read a step counter: (n,) bool."""
    counted: npt.NDArray[np.bool_] = ((records.kind == _WALKING) | (records.kind == _RUNNING)) & present(records.steps)
    wild = counted & (records.steps > _MOST_STEPS)
    if wild.any():
        found = int(records.steps[wild][0])
        rejects.add("monitoring", f"at most {_MOST_STEPS:,} steps since midnight", f"{found:,}", int(wild.sum()))
        counted &= ~wild
    return counted


def _since(records: _Records, counted: npt.NDArray[np.bool_], clock: LocalClock) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Return when each record's counter last was zero, (n,) seconds, of which day it counts, and which records close a day.

    A row with a whole time on local midnight itself, over a duration of one day, closes the day before.
    """
    closes = counted & records.is_whole
    closes &= (records.duration_min >= _SHORTEST_DAY_MIN) & (records.duration_min <= _LONGEST_DAY_MIN)
    own, count = closes.nonzero()[0], len(closes)
    since_s, day = clock.days(np.append(records.at_s, records.at_s[own] - 1))
    before_s, day_before = since_s[count:], day[count:]
    since_s, day = since_s[:count], day[:count]
    on_midnight = since_s[own] == records.at_s[own]
    closes[own] = on_midnight
    since_s[own[on_midnight]], day[own[on_midnight]] = before_s[on_midnight], day_before[on_midnight]
    return since_s, day, closes


def _counter(records: _Records, counted: npt.NDArray[np.bool_], since_s: Ints) -> Counter:
    """Return the readings, and as ticks the other records of an activity, in time order; of two readings at once the larger.

    A record of the heart rate alone, or of the start of a file, says nothing of when steps were made: between two readings
    they were made all the while.
    """
    channel = np.where(counted, records.kind, TICK)
    value = np.where(counted, records.steps, 0)
    order = np.lexsort((value, since_s, channel, records.at_s))
    order = order[present(records.kind)[order]]
    keys = np.stack((records.at_s, channel, since_s))[:, order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    order = order[last]
    return Counter(
        records.at_s[order] * 1000, since_s[order] * 1000, channel[order].astype(np.int16), value[order].astype(np.int32)
    )


def _running(at_s: Ints) -> Ints:
    """Return the stretches in which the counters ran, (k, 2) ms: from record to record, of whatever kind.

    A still or sleeping wearer makes no record for hours; but a device that made none for a whole day may have been off.
    """
    pauses = (at_s[1:] - at_s[:-1] > _LONGEST_PAUSE_S).nonzero()[0]
    stretches = np.stack((at_s[np.append(0, pauses + 1)], at_s[np.append(pauses, len(at_s) - 1)]), axis=1) * 1000
    return stretches[stretches[:, 1] > stretches[:, 0]]


def _totals(records: _Records, day: Ints, closes: npt.NDArray[np.bool_]) -> tuple[VendorTotal, ...]:
    """Return the steps of each closed day: the sum over the activity types."""
    by_day: dict[int, dict[int, int]] = {}
    for number, kind, steps in zip(*(column[closes].tolist() for column in (day, records.kind, records.steps)), strict=True):
        by_kind = by_day.setdefault(number, {})
        by_kind[kind] = max(steps, by_kind.get(kind, 0))
    return tuple(VendorTotal(date_of(number), "steps", sum(by_kind.values())) for number, by_kind in by_day.items())


def _intensity(records: _Records) -> Stream | None:
    """Return the intensity, 0 to 7, over the time since the record before, to which it belongs."""
    start, end, value = records.at_s[:-1] * 1000, records.at_s[1:] * 1000, records.intensity[1:]
    good = present(value) & (end > start) & (end - start <= DAY_MS)
    if not good.any():
        return None
    return Stream("intensity", Intervals(start[good], end[good], value[good].astype(np.int32)))
