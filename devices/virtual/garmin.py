"""A Garmin-like watch: monitoring, sleep and activity files.

The watch writes a record whenever the kind or the intensity of what is done changes, and at each sync; counts run up from
local midnight, one counter for each kind. A sync ends a file; the next one repeats the last half hour of it.
Source: the layouts of a real monitoring file; fields beyond it from the public FIT profile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from devices.virtual.clock import MINUTE_MS
from devices.virtual.fit import (
    BYTE,
    ENUM,
    EPOCH_S,
    SINT16,
    UINT8,
    UINT16,
    UINT32,
    UINT32Z,
    Field,
    Layout,
    Records,
    fit_day_time,
    fit_file,
    fit_seconds,
    interleave,
)
from devices.virtual.life import Day, State, Workout, truth
from devices.virtual.nights import Sleep, sleeps
from devices.virtual.plan import WorkoutKind
from devices.virtual.wearer import Theme, Wearer, dice

_MANUFACTURER, _PRODUCT, _SOFTWARE = 1, 2697, 1_350
_FILE_ACTIVITY, _FILE_MONITORING_B, _FILE_SLEEP = 4, 32, 49
_RUNNING, _CYCLING, _WALKING, _SEDENTARY = 1, 2, 6, 8
_COUNTED = (_WALKING, _RUNNING, _CYCLING)
_RUNNING_FROM_SPM = 130
_DAY_MIN = 1_440

_FILE_ID = Layout(
    0, 0, (Field(3, UINT32Z), Field(4, UINT32), Field(1, UINT16), Field(2, UINT16), Field(5, UINT16), Field(0, ENUM))
)
_DEVICE_INFO = Layout(
    0,
    23,
    (
        Field(253, UINT32),
        Field(3, UINT32Z),
        Field(2, UINT16),
        Field(4, UINT16),
        Field(5, UINT16),
        Field(10, UINT16),
        Field(6, UINT8),
    ),
)
_MONITORING_INFO = Layout(
    0, 103, (Field(253, UINT32), Field(0, UINT32), Field(3, UINT16, 2), Field(4, UINT16, 2), Field(5, UINT16), Field(1, ENUM, 2))
)
_DAY_TOTAL = Layout(
    1, 55, (Field(253, UINT32), Field(3, UINT32), Field(4, UINT32), Field(19, UINT16), Field(29, UINT16), Field(5, ENUM))
)
_KIND = Layout(3, 55, (Field(26, UINT16), Field(24, BYTE)))
_COUNT = Layout(4, 55, (Field(3, UINT32), Field(26, UINT16), Field(24, BYTE)))
_PULSE = Layout(5, 55, (Field(26, UINT16), Field(27, UINT8)))
_STRESS = Layout(6, 227, (Field(0, SINT16), Field(1, UINT32)))
_MONITORING_DEFINITIONS = b"".join(layout.definition for layout in (_DAY_TOTAL, _KIND, _COUNT, _PULSE, _STRESS))

_EVENT = Layout(1, 21, (Field(253, UINT32), Field(0, ENUM), Field(1, ENUM)))
_SLEEP_LEVEL = Layout(2, 275, (Field(253, UINT32), Field(0, ENUM)))
_EVENT_TIMER, _EVENT_SLEEP, _EVENT_ACTIVITY, _EVENT_SESSION = 0, 74, 26, 8
_START, _STOP, _STOP_ALL = 0, 1, 4
_SLEEP_LEVELS = (1, 2, 3, 4)  # by `Stage`: awake, light, deep, rem

_RECORD = Layout(2, 20, (Field(253, UINT32), Field(5, UINT32), Field(3, UINT8), Field(4, UINT8)))
_SET = Layout(
    3, 225, (Field(254, UINT32), Field(0, UINT32), Field(6, UINT32), Field(3, UINT16), Field(4, UINT16), Field(5, UINT8))
)
_SESSION = Layout(
    4,
    18,
    (
        Field(253, UINT32),
        Field(2, UINT32),
        Field(7, UINT32),
        Field(8, UINT32),
        Field(9, UINT32),
        Field(10, UINT32),
        Field(11, UINT16),
        Field(5, ENUM),
        Field(6, ENUM),
        Field(16, UINT8),
        Field(17, UINT8),
        Field(18, UINT8),
        Field(94, UINT8),
        Field(0, ENUM),
        Field(1, ENUM),
    ),
)
_ACTIVITY = Layout(
    5,
    34,
    (Field(253, UINT32), Field(0, UINT32), Field(5, UINT32), Field(1, UINT16), Field(2, ENUM), Field(3, ENUM), Field(4, ENUM)),
)
_SPORTS: Mapping[WorkoutKind, tuple[int, int]] = MappingProxyType(
    {
        WorkoutKind.WALKING: (11, 0),
        WorkoutKind.STRENGTH: (10, 20),
        WorkoutKind.FLEXIBILITY: (10, 19),
        WorkoutKind.CYCLING: (2, 6),
    }
)
_STEP_M = 0.68
_RECORD_EVERY_S = 10
_PULSE_EVERY_MIN, _STRESS_EVERY_MIN = 2, 3
_OFF_WRIST, _TOO_MUCH_MOTION = -1, -2


def write_fit(
    wearer: Wearer,
    days: Iterable[date],
    folder: Path,
    *,
    syncs: int = 3,
    overlap_min: int = 30,
    sleep: bool = True,
    activities: bool = True,
) -> list[Path]:
    """Write what the watch recorded on these local days, as files by time of their start. Returns the paths, in time order.

    syncs:       a day, in waking hours; each begins a new file, as does local midnight
    overlap_min: how far back into the same day a file repeats the records of the one before it
    Raises:      ValueError as `truth` does
    """
    lived = truth(wearer, days)
    folder.mkdir(parents=True, exist_ok=True)
    files = list(_monitoring_files(wearer, lived, syncs, overlap_min))
    if sleep:
        files += [_sleep_file(wearer, night) for night in sleeps(lived)]
    if activities:
        files += [_activity_file(wearer, day, workout) for day in lived for workout in day.workouts]
    paths = []
    for at_ms, suffix, data in sorted(files):
        path = folder / f"{fit_day_time(at_ms)}_{suffix}.fit"
        path.write_bytes(data)
        paths.append(path)
    return paths


def fit_serial(wearer: Wearer) -> int:
    """Return the serial number of this wearer's watch."""
    return int(dice(wearer, Theme.GARMIN).integers(3_200_000_000, 4_100_000_000))


_File = tuple[int, str, bytes]


def _head(serial: int, file_type: int, number: int, created_s: int) -> bytes:
    return _FILE_ID.one(
        f3=serial, f4=fit_seconds(created_s), f1=_MANUFACTURER, f2=_PRODUCT, f5=number & 0x7FFF, f0=file_type
    ) + _DEVICE_INFO.one(f253=fit_seconds(created_s), f3=serial, f2=_MANUFACTURER, f4=_PRODUCT, f5=_SOFTWARE, f10=1_000, f6=1)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file holds: minutes [start, end) of a day, and from `cover` on the repeated ones."""

    day: Day
    cover: int
    start: int
    end: int

    def at_s(self, minute: int) -> int:
        return self.day.start_ms // 1000 + 60 * minute


def _monitoring_files(wearer: Wearer, days: Sequence[Day], syncs: int, overlap_min: int) -> Iterator[_File]:
    if not days:
        return
    serial = fit_serial(wearer)
    rolls = [dice(wearer, Theme.GARMIN, day.day) for day in days]
    cuts = [_cuts(day, syncs, rng) for day, rng in zip(days, rolls, strict=True)]
    records = _records(days, cuts, rolls)
    number = 0
    for day, edges in zip(days, cuts, strict=True):
        for start, end in pairwise(edges):
            number += 1
            if (day.state[start:end] == State.SILENT).all():
                continue
            part = _Part(day, max(start - overlap_min, 0), start, end)
            yield part.at_s(part.cover) * 1000, "WELLNESS", _monitoring_file(part, records, serial, number)


def _monitoring_file(part: _Part, records: Records, serial: int, number: int) -> bytes:
    covers_s = part.at_s(part.cover)
    info = _MONITORING_INFO.one(
        f253=fit_seconds(covers_s),
        f0=fit_seconds(covers_s + int(part.day.offset_s[part.start])),
        f3=(7_560, 9_720),
        f4=(219, 593),
        f5=2_042,
        f1=(_WALKING, _RUNNING),
    )
    body = records.between(covers_s, part.at_s(part.end))
    return fit_file(_head(serial, _FILE_MONITORING_B, number, covers_s) + info + _MONITORING_DEFINITIONS + body)


def _cuts(day: Day, syncs: int, rng: np.random.Generator) -> list[int]:
    """Return the minutes at which files of this day begin, and its end: midnight, syncs, and the clocks set to a new zone."""
    n = len(day.steps)
    wake, bed = ((instant - day.start_ms) // MINUTE_MS for instant in (day.wake_ms, day.bed_ms))
    spread = wake + (bed - wake) * (np.arange(syncs) + 0.5) / max(syncs, 1) + rng.integers(-40, 41, syncs)
    turn = np.flatnonzero(np.diff(day.offset_s)) + 1 if day.journey else np.empty(0, dtype=np.int64)
    asked = np.concatenate([spread.astype(np.int64), turn])
    asked = np.unique(asked[(asked > 0) & (asked < n)])
    awake = asked[day.state[asked] != State.SILENT]
    return [0, *awake.tolist(), n]


@dataclass(frozen=True, slots=True, eq=False)
class _Minutes:
    """All days' minutes on end, (n,) each. `resets`: at which of them the counters of its day began"""

    end_s: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]
    amount: npt.NDArray[np.int64]
    resets: npt.NDArray[np.int64]


def _records(days: Sequence[Day], cuts: Sequence[list[int]], rolls: Sequence[np.random.Generator]) -> Records:
    state = np.concatenate([day.state for day in days])
    worn = state == State.WORN
    steps = np.concatenate([day.recorded for day in days]).astype(np.int64)
    strokes = np.where(worn, np.concatenate([day.strokes for day in days]), 0)
    kind = np.select([steps >= _RUNNING_FROM_SPM, steps > 0, strokes > 0], [_RUNNING, _WALKING, _CYCLING], _SEDENTARY)
    lengths = [len(day.steps) for day in days]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    minutes = _Minutes(
        end_s=np.concatenate([day.at_ms for day in days]) // 1000 + 60,
        state=state,
        kind=kind.astype(np.uint8),
        # The raw count is steps for walking and running, but half strokes for cycling (scale 2).
        amount=np.where(kind == _CYCLING, 2 * strokes, steps),
        resets=np.repeat(first, lengths),
    )
    fidgets = np.concatenate([_fidgets(day, rng) for day, rng in zip(days, rolls, strict=True)])
    code = minutes.kind | (np.where(kind == _SEDENTARY, fidgets, np.minimum(1 + steps // 30, 7)) << 5).astype(np.uint8)
    code[~worn] = _SEDENTARY
    last = np.concatenate([np.array(edges[1:]) + start for edges, start in zip(cuts, first, strict=True)]) - 1
    speaks = np.concatenate((code[1:] != code[:-1], [True]))
    speaks[last] = True
    speaks &= state != State.SILENT
    counting = kind != _SEDENTARY
    return interleave(
        [
            _pulses(days),
            _stresses(days, rolls),
            _kinds(minutes, code, np.flatnonzero(speaks & ~counting)),
            _counts(minutes, code, np.flatnonzero(speaks & counting)),
            _day_totals(days, minutes),
        ]
    )


def _fidgets(day: Day, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The intensity of minutes without a step: mostly 0, now and then the arm moves."""
    moved = rng.random(len(day.steps)) < np.where(day.stage > 0, 0.03, 0.09)
    return np.where(moved, rng.integers(1, 6, len(moved)), 0)


_Rows = tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]


def _low16(at_s: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (at_s - EPOCH_S) & 0xFFFF


def _kinds(minutes: _Minutes, code: npt.NDArray[np.uint8], at: npt.NDArray[np.int64]) -> _Rows:
    when = minutes.end_s[at]
    return _KIND.rows(len(at), f26=_low16(when), f24=code[at]), when


def _running_totals(minutes: _Minutes) -> Mapping[int, npt.NDArray[np.int64]]:
    """Return what each kind's counter shows at the end of every minute: from 0 at each local midnight."""
    totals = {}
    for kind in _COUNTED:
        before = np.concatenate(([0], np.cumsum(np.where(minutes.kind == kind, minutes.amount, 0))))
        totals[kind] = before[1:] - before[minutes.resets]
    return totals


def _counts(minutes: _Minutes, code: npt.NDArray[np.uint8], at: npt.NDArray[np.int64]) -> _Rows:
    totals = _running_totals(minutes)
    value = np.select([minutes.kind[at] == kind for kind in _COUNTED], [totals[kind][at] for kind in _COUNTED], 0)
    when = minutes.end_s[at]
    return _COUNT.rows(len(at), f3=value, f26=_low16(when), f24=code[at]), when


def _day_totals(days: Sequence[Day], minutes: _Minutes) -> _Rows:
    """The records at local midnight that close the day before it, one for each kind that counted."""
    totals = _running_totals(minutes)
    last = np.cumsum([len(day.steps) for day in days]) - 1
    rows, times = [], []
    for kind in _COUNTED:
        at = last[(totals[kind][last] > 0) & (minutes.state[last] != State.SILENT)]
        active = np.concatenate(([0], np.cumsum((minutes.kind == kind) & (minutes.amount > 0))))
        active_min = active[at + 1] - active[minutes.resets[at]]
        rows.append(
            _DAY_TOTAL.rows(
                len(at),
                f253=minutes.end_s[at] - EPOCH_S,
                f3=totals[kind][at],
                f4=active_min * 60_000,
                f19=active_min * 3,
                f29=_DAY_MIN,
                f5=kind,
            )
        )
        times.append(minutes.end_s[at])
    return np.concatenate(rows), np.concatenate(times)


def _pulses(days: Sequence[Day]) -> _Rows:
    at = np.concatenate([day.at_ms for day in days]) // 1000 + 30
    pulse = np.concatenate([day.heart_rate for day in days])
    worn = np.concatenate([day.state for day in days]) == State.WORN
    chosen = np.flatnonzero(worn & (at // 60 % _PULSE_EVERY_MIN == 0))
    return _PULSE.rows(len(chosen), f26=_low16(at[chosen]), f27=pulse[chosen]), at[chosen]


def _stresses(days: Sequence[Day], rolls: Sequence[np.random.Generator]) -> _Rows:
    at = np.concatenate([day.at_ms for day in days]) // 1000 + 30
    state = np.concatenate([day.state for day in days])
    moving = np.concatenate([day.recorded for day in days]) > 0
    level = np.concatenate([rng.integers(12, 60, len(day.steps)) for day, rng in zip(days, rolls, strict=True)])
    level = np.select([state != State.WORN, moving], [_OFF_WRIST, _TOO_MUCH_MOTION], level)
    chosen = np.flatnonzero((state != State.SILENT) & (at // 60 % _STRESS_EVERY_MIN == 0))
    return _STRESS.rows(len(chosen), f0=level[chosen], f1=at[chosen] - EPOCH_S), at[chosen]


def _sleep_file(wearer: Wearer, night: Sleep) -> _File:
    """Each level stands at the end of its stretch: that is what those who read many such files found."""
    start_s, end_s = night.start_ms // 1000, night.end_ms // 1000
    runs = night.runs()
    levels = _SLEEP_LEVEL.rows(
        len(runs),
        f253=[fit_seconds(end // 1000) for _, end, _ in runs],
        f0=[_SLEEP_LEVELS[stage] for _, _, stage in runs],
    )
    fell_asleep = _EVENT.one(f253=fit_seconds(start_s), f0=_EVENT_SLEEP, f1=_START)
    woke = _EVENT.rows(1, f253=fit_seconds(end_s), f0=_EVENT_SLEEP, f1=_STOP).tobytes()
    head = _head(fit_serial(wearer), _FILE_SLEEP, end_s // 86_400, end_s)
    return night.end_ms, "SLEEP", fit_file(head + fell_asleep + _SLEEP_LEVEL.definition + levels.tobytes() + woke)


def _activity_file(wearer: Wearer, day: Day, workout: Workout) -> _File:
    start_s, end_s = workout.start_ms // 1000, workout.end_ms // 1000
    first, last = ((instant - day.start_ms) // MINUTE_MS for instant in (workout.start_ms, workout.end_ms))
    pulse, steps, strokes = (series[first:last] for series in (day.heart_rate, day.steps, day.strokes))
    on_foot = workout.kind is WorkoutKind.WALKING
    # Strides on foot, turns of the pedals on a bicycle; a half stride goes into the fraction, in 1/128.
    half_cycles = int(steps.sum()) if on_foot else 2 * int(strokes.sum())
    per_minute = steps // 2 if on_foot else strokes
    distance_cm = round(100 * _STEP_M * int(steps.sum())) if on_foot else 0
    length_ms = workout.end_ms - workout.start_ms
    sport, sub_sport = _SPORTS[workout.kind]
    at = np.arange(start_s, end_s, _RECORD_EVERY_S)
    minute = (at - start_s) // 60
    records = _RECORD.rows(
        len(at),
        f253=at - EPOCH_S,
        f5=distance_cm * np.arange(len(at)) // len(at),
        f3=pulse[minute],
        f4=per_minute[minute],
    )
    session = _SESSION.one(
        f253=fit_seconds(end_s),
        f2=fit_seconds(start_s),
        f7=length_ms,
        f8=length_ms,
        f9=distance_cm,
        f10=half_cycles // 2,
        f11=length_ms // MINUTE_MS * 4,
        f5=sport,
        f6=sub_sport,
        f16=int(pulse.mean()),
        f17=int(pulse.max()),
        f18=int(per_minute.mean()),
        f94=half_cycles % 2 * 64,
        f0=_EVENT_SESSION,
        f1=_STOP,
    )
    activity = _ACTIVITY.one(
        f253=fit_seconds(end_s),
        f0=length_ms,
        f5=fit_seconds(end_s + int(day.offset_s[last - 1])),
        f1=1,
        f2=0,
        f3=_EVENT_ACTIVITY,
        f4=_STOP,
    )
    data = fit_file(
        _head(fit_serial(wearer), _FILE_ACTIVITY, start_s // 86_400, start_s)
        + _EVENT.one(f253=fit_seconds(start_s), f0=_EVENT_TIMER, f1=_START)
        + _RECORD.definition
        + records.tobytes()
        + (_sets(start_s, end_s) if workout.kind is WorkoutKind.STRENGTH else b"")
        + _EVENT.rows(1, f253=fit_seconds(end_s), f0=_EVENT_TIMER, f1=_STOP_ALL).tobytes()
        + session
        + activity
    )
    return workout.start_ms, "ACTIVITY", data


def _sets(start_s: int, end_s: int) -> bytes:
    """Three sets of ten without a weight, each a fifth of the time, with rests between."""
    part_s = (end_s - start_s) // 5
    starts = start_s + part_s * np.array([0, 2, 4])
    rows = _SET.rows(3, f254=starts + part_s - EPOCH_S, f0=part_s * 1000, f6=starts - EPOCH_S, f3=10, f4=0, f5=1)
    return _SET.definition + rows.tobytes()
