"""Activity files: one recorded workout or several.

The steps of a session are an attribute of its span and never a step sample: the same watch's monitoring counts these steps too,
so adding them would count them twice.
Source: FIT activity (messages 18 and 20), profile of SDK 20.8.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from devices.files.fit.container import MISSING, FitFile
from devices.files.fit.messages import RECORD, SESSION
from devices.files.fit.profile import type_name
from devices.files.fit.rows import Rows, gather_rows, unix_seconds
from devices.files.fit.samples import heart_rate_stream
from devices.recording import DAY_MS, EARLIEST_MS, LATEST_MS, Activity, Rejects, Span, SpanKind, Stream

_HEART_RATE = 3
_START, _SPORT, _SUB_SPORT, _ELAPSED, _DISTANCE, _CYCLES, _FRACTION = 2, 5, 6, 7, 9, 10, 94
_SESSION = (_START, _SPORT, _SUB_SPORT, _ELAPSED, _DISTANCE, _CYCLES, _FRACTION)
_LONGEST_MS = 7 * DAY_MS  # an expedition goes on for days

# What a sub-sport says goes before what its sport says: a yoga session is "training" or "fitness equipment" by its sport.
_BY_SUB_SPORT: Mapping[int, Activity] = MappingProxyType(
    {
        1: Activity.TREADMILL,
        17: Activity.SWIMMING,
        18: Activity.SWIMMING,
        19: Activity.FLEXIBILITY,
        20: Activity.STRENGTH,
        26: Activity.CARDIO,
        27: Activity.WALKING,  # indoor
        30: Activity.WALKING,  # casual
        31: Activity.WALKING,  # speed
        43: Activity.YOGA,
        44: Activity.PILATES,
        45: Activity.RUNNING,  # indoor
        62: Activity.BREATHWORK,
        70: Activity.CARDIO,  # high-intensity intervals
        73: Activity.CARDIO,  # its forms: amrap, emom, tabata
        74: Activity.CARDIO,
        75: Activity.CARDIO,
        124: Activity.HIKING,  # rucking
    }
)
_BY_SPORT: Mapping[int, Activity] = MappingProxyType(
    {
        1: Activity.RUNNING,
        2: Activity.CYCLING,
        5: Activity.SWIMMING,
        11: Activity.WALKING,
        17: Activity.HIKING,
        21: Activity.CYCLING,  # with a motor
        62: Activity.CARDIO,
        86: Activity.MOBILITY,
    }
)
_ON_FOOT = frozenset({Activity.WALKING, Activity.RUNNING, Activity.HIKING, Activity.TREADMILL})
"""Their cycles are strides, two steps each."""


def activity_of(sport: int, sub_sport: int) -> Activity:
    """Return the kind of workout that a sport and a sub-sport, by the profile's numbers, make."""
    return _BY_SUB_SPORT.get(sub_sport) or _BY_SPORT.get(sport, Activity.OTHER)


def read_sessions(file: FitFile, rejects: Rejects) -> Iterator[Span]:
    """Yield a span for each session. Its end is start and elapsed time: files written summary first have another timestamp."""
    rows = gather_rows(file, {SESSION: _SESSION})
    starts = (unix_seconds(rows.column(SESSION, _START)) * 1000).tolist()
    for i, start_ms in enumerate(starts):
        elapsed_ms = _value(rows, _ELAPSED, i)
        if elapsed_ms is None or not 0 < elapsed_ms <= _LONGEST_MS or not EARLIEST_MS <= start_ms <= LATEST_MS - elapsed_ms:
            rejects.add(
                f"byte {rows.at[i]}", "a session with a start and a time that it took", f"start {start_ms} ms, {elapsed_ms} ms"
            )
            continue
        yield Span(SpanKind.WORKOUT, start_ms, start_ms + elapsed_ms, _attributes(rows, i, elapsed_ms))


def read_heart_rate(file: FitFile, rejects: Rejects) -> Stream | None:
    """Return the heart rate of every record message."""
    rows = gather_rows(file, {RECORD: (_HEART_RATE,)})
    return heart_rate_stream(unix_seconds(rows.fit_time) * 1000, rows.column(RECORD, _HEART_RATE), rejects)


def _attributes(rows: Rows, i: int, elapsed_ms: int) -> dict[str, str | int | float]:
    sport, sub_sport = _value(rows, _SPORT, i), _value(rows, _SUB_SPORT, i)
    activity = activity_of(-1 if sport is None else sport, -1 if sub_sport is None else sub_sport)
    attributes: dict[str, str | int | float] = {"activity": activity.value, "elapsed_s": elapsed_ms / 1000}
    for key, kind, number in (("sport", "sport", sport), ("sub_sport", "sub_sport", sub_sport)):
        if number is not None:
            attributes[key] = type_name(kind, number) or str(number)
    if (distance_cm := _value(rows, _DISTANCE, i)) is not None:
        attributes["distance_m"] = distance_cm / 100
    cycles = _value(rows, _CYCLES, i)
    if cycles is not None and activity in _ON_FOOT:
        attributes["steps"] = 2 * cycles + round((_value(rows, _FRACTION, i) or 0) / 64)
    return attributes


def _value(rows: Rows, field: int, i: int) -> int | None:
    value = int(rows.column(SESSION, field)[i])
    return None if value == MISSING else value
