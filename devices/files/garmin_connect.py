"""Garmin Connect's JSON, as its web service answers and download tools store it: a day of steps, pulse or sleep, or workouts.

Times named GMT are UTC; the day's own start in GMT and local time gives the offset. A watch's FIT files hold more and finer data.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from devices.errors import DecodeError
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.activity import find_activity
from devices.files.textual.cells import Cells, Index, clean_name, parse_decimals
from devices.files.textual.encoding import head_text
from devices.files.textual.records import Record, read_document, read_records
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.files.textual.times import Times, parse_iso
from devices.recording import DAY_MS, Device, Offset, Recording, Reject, Rejects, Span, SpanKind

# The answers merge all of an account's devices.
ACCOUNT = Device("garmin", name="Garmin Connect account")

# dailySleepDTO's own sums of seconds show which level is which.
_STAGES = {0.0: "deep", 1.0: "light", 2.0: "rem", 3.0: "awake"}
_NO_RECORD = "none"  # the activity level of a quarter hour of which the account has nothing


class GarminConnectReader(SingleFile):
    """Garmin Connect."""

    name = "garmin_connect"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and _find_reading(head) is not None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        reading = _find_reading(read_head(source))
        if reading is None:
            raise DecodeError(source.name, "an answer of Garmin Connect", "another file")
        rejects = Rejects()
        yield from with_rejects(reading(source, rejects), rejects)


def _read_steps(source: Source, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} record"
    for records in read_records(source, 1, rejects):
        rows = records.rows
        start, end = _times(rows, "startGMT"), _times(rows, "endGMT")
        value, is_number = parse_decimals(Cells.of([_number(row.get("steps")) for row in rows]))
        good = start.naive & end.naive & is_number
        reject_rows(rejects, place, records.numbers, ~good, "startGMT, endGMT and steps", "another record")
        silent = np.array([row.get("primaryActivityLevel") == _NO_RECORD for row in rows], dtype=bool) & (value == 0)
        kept = np.flatnonzero(good & ~silent)
        stream = build_stream("steps", Samples(start.ms, end.ms, value, records.numbers).take(kept), rejects, place)
        if stream is not None:
            yield Recording(ACCOUNT, streams=(stream,))


def _read_heart_rate(source: Source, rejects: Rejects) -> Iterator[Recording]:
    document = read_document(source)
    place = f"{source.name} heartRateValues"
    pairs = _list(document.get("heartRateValues")) if type(document) is dict else []
    read = [pair for pair in pairs if type(pair) is list and len(pair) == 2 and type(pair[1]) is int]
    kept = [pair for pair in read if type(pair[0]) is int and 0 <= pair[0] < 2**62 and 0 <= pair[1] < 2**31]
    rejects.add(place, "times in milliseconds and a pulse", "other values", len(read) - len(kept))
    at = np.array([pair[0] for pair in kept], dtype=np.int64)
    pulse = np.array([pair[1] for pair in kept], dtype=np.int64)
    stream = build_stream("heart_rate", Samples(at, at, pulse, np.arange(len(kept))), rejects, place)
    if stream is not None:
        yield Recording(ACCOUNT, streams=(stream,), offsets=_day_offset(document))


def _read_sleep(source: Source, rejects: Rejects) -> Iterator[Recording]:
    document = read_document(source)
    night = document.get("dailySleepDTO") if type(document) is dict else None
    if type(night) is not dict:
        raise DecodeError(source.name, "a dailySleepDTO", "none")
    bed, up = night.get("sleepStartTimestampGMT"), night.get("sleepEndTimestampGMT")
    spans = [Span(SpanKind.IN_BED, bed, up)] if isinstance(bed, int) and isinstance(up, int) and _is_span(bed, up) else []
    levels = [level for level in _list(document.get("sleepLevels")) if type(level) is dict]
    start, end = _times(levels, "startGMT"), _times(levels, "endGMT")
    for number, level in enumerate(levels):
        stage = _STAGES.get(value) if isinstance(value := level.get("activityLevel"), int | float) else None
        first, last = int(start.ms[number]), int(end.ms[number])
        if stage is not None and start.naive[number] and end.naive[number] and _is_span(first, last):
            spans.append(Span(SpanKind.SLEEP, first, last, {"stage": stage}))
        else:
            rejects.add(f"{source.name} sleepLevels {number}", "a known level between two times", "another one")
    if spans:
        yield Recording(ACCOUNT, spans=tuple(spans), offsets=_night_offset(night))


def _read_activities(source: Source, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} record"
    for records in read_records(source, 1, rejects):
        start = _times(records.rows, "startTimeGMT")
        lengths = [_number(row.get("elapsedDuration") or row.get("duration")) for row in records.rows]
        seconds, is_number = parse_decimals(Cells.of(lengths))
        end: Index = start.ms + np.rint(np.minimum(seconds, 10**6) * 1000).astype(np.int64)
        good = start.naive & is_number & (end > start.ms) & (end - start.ms <= DAY_MS)
        reject_rows(rejects, place, records.numbers, ~good, "a startTimeGMT and a duration of up to a day", "another record")
        spans = tuple(_workout(records.rows[row], int(start.ms[row]), int(end[row])) for row in np.flatnonzero(good).tolist())
        if spans:
            yield Recording(ACCOUNT, spans=spans)


def _read_nothing(source: Source, rejects: Rejects) -> Iterator[Recording]:
    rejects.add(source.name, "steps, heart rate, sleep or activities", "another answer of Garmin Connect")
    return iter(())


# What the first bytes hold -> how to read the file; the first that fits.
_READINGS: Sequence[tuple[re.Pattern[str], Callable[[Source, Rejects], Iterator[Recording]]]] = (
    (re.compile(r'\s*\[\s*\{(?=[^}]*"startGMT")(?=[^}]*"endGMT")(?=[^}]*"steps")'), _read_steps),
    (re.compile(r'\s*\[\s*\{(?=.*"activityId")(?=.*"startTimeGMT")', re.DOTALL), _read_activities),
    (re.compile(r'\s*\{\s*"dailySleepDTO"\s*:'), _read_sleep),
    (re.compile(r'\s*\{(?=.*"userProfilePK")(?=.*"heartRateValues")', re.DOTALL), _read_heart_rate),
    (re.compile(r'\s*\{\s*"userProfileP[Kk]"\s*:'), _read_nothing),
)


def _find_reading(head: bytes) -> Callable[[Source, Rejects], Iterator[Recording]] | None:
    text = head_text(head)
    return next((reading for pattern, reading in _READINGS if pattern.match(text)), None)


def _times(rows: Sequence[Record], key: str) -> Times:
    return parse_iso(Cells.of([text if type(text := row.get(key)) is str else "" for row in rows]))


def _number(value: object) -> str:
    return str(value) if type(value) in (int, float) else ""


def _list(value: object) -> list[Any]:
    return value if type(value) is list else []


def _is_span(start_ms: int, end_ms: int) -> bool:
    return 0 < end_ms - start_ms <= DAY_MS and 0 < start_ms < 2**62


def _workout(row: Record, start_ms: int, end_ms: int) -> Span:
    kind = row.get("activityType")
    key = kind.get("typeKey") if type(kind) is dict else None
    said = clean_name(key.replace("_", " ")) if type(key) is str else ""
    attributes: dict[str, str | int | float] = {"activity": find_activity(said).value, "name": said}
    steps = row.get("steps")
    if type(steps) is int and 0 < steps < 10**6:
        attributes["steps"] = steps
    return Span(SpanKind.WORKOUT, start_ms, end_ms, attributes)


def _day_offset(document: Record) -> tuple[Offset, ...]:
    """Return the offset between the day's start in GMT and on the wearer's clock."""
    times = _times([document], "startTimestampGMT"), _times([document], "startTimestampLocal")
    if not (times[0].naive[0] and times[1].naive[0]):
        return ()
    return _offset(int(times[0].ms[0]), int(times[1].ms[0]))


def _night_offset(night: Record) -> tuple[Offset, ...]:
    utc, local = night.get("sleepStartTimestampGMT"), night.get("sleepStartTimestampLocal")
    return _offset(utc, local) if isinstance(utc, int) and isinstance(local, int) else ()


def _offset(utc_ms: int, local_ms: int) -> tuple[Offset, ...]:
    offset_s = (local_ms - utc_ms) // 1000
    return (Offset(utc_ms, offset_s),) if abs(offset_s) <= 15 * 3600 else ()


READER = GarminConnectReader()
