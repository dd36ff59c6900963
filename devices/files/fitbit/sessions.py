"""Nights and workouts: spans from JSON in local time and from CSV with the offsets beside it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np

from devices.files.fitbit.clock import find_instants, reject_skipped, require_answer, require_zone
from devices.files.fitbit.minutes import ACCOUNT, plain_text, wall_times
from devices.files.reader import ReadOptions
from devices.files.source import Source
from devices.files.textual.activity import find_activity
from devices.files.textual.cells import Cells, Mask, clean_name, parse_integers
from devices.files.textual.localtime import Instants, to_instants
from devices.files.textual.records import Record, Records, read_records
from devices.files.textual.series import reject_rows
from devices.files.textual.table import Rows, read_table
from devices.files.textual.times import NAIVE, Times, find_offsets, parse_iso, parse_offsets, parse_us
from devices.recording import DAY_MS, MINUTE_MS, Ms, Offset, Recording, Rejects, Span, SpanKind

# Of a classic night Fitbit counts restless time as awake, as its own minutesAsleep shows.
_STAGES = {
    "light": "light",
    "deep": "deep",
    "rem": "rem",
    "wake": "awake",
    "awake": "awake",
    "restless": "awake",
    "asleep": "asleep",
}
"""A level or stage of the vendor, in lower case -> ours."""


def read_sleep_json(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    """Nights in local time; where an hour repeats, the night's own duration says which of the two was meant."""
    zone = require_zone(options, source.name)
    for records in read_records(source, 1, rejects):
        nights = _Nights(records, zone, rejects, f"{source.name} record")
        spans = [span for number in range(len(records.rows)) for span in nights.read(number)]
        if spans:
            yield Recording(ACCOUNT, spans=tuple(spans))


def read_exercise_json(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    require_answer(options, source.name)
    place = f"{source.name} record"
    for records in read_records(source, 1, rejects):
        wall, is_time = parse_us(wall_times(records.rows, "startTime"))
        lengths = [plain_text(row.get("duration") or row.get("activeDuration")) for row in records.rows]
        length, is_length = parse_integers(Cells.of(lengths))
        good = is_time & is_length & (length > 0) & (length <= DAY_MS)
        expected = "a startTime as MM/DD/YY HH:MM:SS and a duration of up to a day"
        reject_rows(rejects, place, records.numbers, ~good, expected, "another value")
        rows = np.flatnonzero(good)
        numbers = records.numbers[rows]
        start, known = find_instants(wall[rows], options, ordered=False, places=numbers, rejects=rejects, place=place)
        spans = [
            _workout(start_ms, start_ms + length_ms, records.rows[row].get("activityName"), records.rows[row].get("steps"))
            for row, start_ms, length_ms in zip(
                rows[known].tolist(), start[known].tolist(), length[rows][known].tolist(), strict=True
            )
        ]
        if spans:
            yield Recording(ACCOUNT, spans=tuple(spans))


def read_sleeps_csv(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} line"
    for rows in read_table(source, ("sleep_start", "sleep_end"), ("start_utc_offset", "end_utc_offset"), rejects):
        start, end, good = _bounds(rows, "sleep_start", "sleep_end", rejects, place)
        spans = [
            Span(SpanKind.IN_BED, start_ms, end_ms)
            for start_ms, end_ms in zip(start[good].tolist(), end[good].tolist(), strict=True)
        ]
        offsets = _offsets(rows, good, (("start_utc_offset", start), ("end_utc_offset", end)))
        if spans:
            yield Recording(ACCOUNT, spans=tuple(spans), offsets=offsets)


def read_sleep_stages_csv(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} line"
    for rows in read_table(source, ("sleep_stage_type", "sleep_stage_start", "sleep_stage_end"), (), rejects):
        start, end, good = _bounds(rows, "sleep_stage_start", "sleep_stage_end", rejects, place)
        stages = [_STAGES.get(text.strip().lower()) for text in rows["sleep_stage_type"].texts()]
        known = np.array([stage is not None for stage in stages], dtype=bool)
        reject_rows(rejects, place, rows.lines, good & ~known, "a sleep stage that is known here", "another one")
        spans = [
            Span(SpanKind.SLEEP, int(start[row]), int(end[row]), {"stage": str(stages[row])})
            for row in np.flatnonzero(good & known).tolist()
        ]
        if spans:
            yield Recording(ACCOUNT, spans=tuple(spans))


def read_exercises_csv(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} line"
    optional = ("utc_offset", "tracker_total_steps")
    for rows in read_table(source, ("exercise_start", "exercise_end", "activity_name"), optional, rejects):
        start, end, good = _bounds(rows, "exercise_start", "exercise_end", rejects, place)
        steps = rows.columns["tracker_total_steps"].texts() if "tracker_total_steps" in rows.columns else None
        spans = [
            _workout(int(start[row]), int(end[row]), rows["activity_name"].text(row), steps[row] if steps else None)
            for row in np.flatnonzero(good).tolist()
        ]
        if spans:
            offsets = _offsets(rows, good, (("utc_offset", start),))
            yield Recording(ACCOUNT, spans=tuple(spans), offsets=offsets)


class _Nights:
    """The wall times of many nights, turned into instants at once; each night then is read by itself."""

    def __init__(self, records: Records, zone: ZoneInfo, rejects: Rejects, place: str) -> None:
        self._records, self._rejects, self._place = records, rejects, place
        self._levels = [_levels_of(row) for row in records.rows]
        texts, first = list[str](), list[int]()
        for row, levels in zip(records.rows, self._levels, strict=True):
            first.append(len(texts))
            texts += [_text(row.get("startTime")), _text(row.get("endTime"))]
            texts += [_text(level.get("dateTime")) for level in levels]
        self._first = first
        self._times: Times = parse_iso(Cells.of(texts))
        self._good = self._times.good & (self._times.offset_s == NAIVE)
        self._instants: Instants = to_instants(self._times.ms, zone, ordered=False)
        numbers = np.repeat(records.numbers, np.diff([*first, len(texts)]))
        reject_skipped(self._instants.skipped & self._good, numbers, rejects, place)

    def read(self, number: int) -> Iterator[Span]:
        """Yield the spans of one night: the time in bed, and its stages."""
        first, levels = self._first[number], self._levels[number]
        place = f"{self._place} {self._records.numbers[number]}"
        duration = self._records.rows[number].get("duration")
        bounds = self._bounds(first, duration if type(duration) is int else None)
        if bounds is None:
            self._rejects.add(place, "a night of up to a day between two local times that are known", "another one")
            return
        start_ms, end_ms = bounds
        yield Span(SpanKind.IN_BED, start_ms, end_ms)
        if not levels:
            yield Span(SpanKind.SLEEP, start_ms, end_ms, {"stage": "asleep"})
        reached = start_ms
        for place_of, level in enumerate(levels, start=first + 2):
            stage, seconds = _STAGES.get(_text(level.get("level")).lower()), level.get("seconds")
            at = self._first_after(place_of, reached, end_ms)
            if stage is None or at is None or type(seconds) is not int or not 0 < seconds * 1000 <= end_ms - at + MINUTE_MS:
                self._rejects.add(place, "a known stage with its time and seconds within the night", "another one")
                continue
            reached = at
            yield Span(SpanKind.SLEEP, at, min(at + seconds * 1000, end_ms), {"stage": stage})

    def _candidates(self, place: int) -> tuple[int, ...]:
        """Return the instants that a wall time may mean, the earlier first."""
        if not self._good[place] or self._instants.skipped[place]:
            return ()
        return tuple(dict.fromkeys((int(self._instants.ms[place]), int(self._instants.second[place]))))

    def _bounds(self, first: int, duration_ms: int | None) -> tuple[int, int] | None:
        pairs = [
            (start, end) for start in self._candidates(first) for end in self._candidates(first + 1) if 0 < end - start <= DAY_MS
        ]
        if len(pairs) > 1 and duration_ms is not None:
            pairs = [(start, end) for start, end in pairs if abs(end - start - duration_ms) <= MINUTE_MS]
        return pairs[0] if len(pairs) == 1 else None

    def _first_after(self, place: int, reached: int, end_ms: int) -> int | None:
        return next((at for at in self._candidates(place) if reached <= at < end_ms), None)


def _levels_of(row: Record) -> list[Record]:
    """Return a night's stages in order; short awakenings, which Fitbit lists beside them, lie within other stages."""
    levels = row.get("levels")
    stages = levels.get("data") if type(levels) is dict else None
    return [level for level in stages if type(level) is dict] if type(stages) is list else []


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _workout(start_ms: int, end_ms: int, name: object, steps: object) -> Span:
    said = clean_name(name) if type(name) is str else ""
    attributes: dict[str, str | int | float] = {"activity": find_activity(said).value, "name": said}
    count = plain_text(steps)
    if count.isascii() and count.isdigit() and len(count) <= 6 and int(count) > 0:
        attributes["steps"] = int(count)
    return Span(SpanKind.WORKOUT, start_ms, end_ms, attributes)


def _bounds(rows: Rows, first: str, last: str, rejects: Rejects, place: str) -> tuple[Ms, Ms, Mask]:
    """Return the (n,) starts and ends of spans in UTC, and which of them are some."""
    start, end = parse_iso(rows[first]), parse_iso(rows[last])
    good = start.good & end.good & ~start.naive & ~end.naive
    good &= (end.ms > start.ms) & (end.ms - start.ms <= DAY_MS)
    expected = f"{first} and {last} with their zone, up to a day apart"
    reject_rows(rejects, place, rows.lines, ~good, expected, "another value")
    return start.ms, end.ms, good


def _offsets(rows: Rows, good: Mask, columns: tuple[tuple[str, Ms], ...]) -> tuple[Offset, ...]:
    """Return the UTC offsets that stand beside times, each where it changes."""
    at, offset = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for name, ms in columns:
        if name in rows.columns:
            offset_s, known = parse_offsets(rows[name])
            at.append(ms[good & known])
            offset.append(offset_s[good & known])
    return find_offsets(np.concatenate(at), np.concatenate(offset))
