"""Samsung Health's CSV export: a line that names the table, a header, rows with a comma at their end; times in UTC.

Sources: Samsung Health SDK, HealthConstants: START_TIME is UTC, TIME_OFFSET what the wearer's clock stood ahead of it; public
importers for the tables' names. The binned JSON files of the export name no device and are not read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.cells import Cells, Index, Mask, clean_name, factorise, group_rows, parse_decimals, parse_integers
from devices.files.textual.encoding import first_line
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.files.textual.table import Rows, read_table
from devices.files.textual.times import find_offsets, parse_iso, parse_offsets
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    Activity,
    Device,
    Ms,
    Offset,
    Recording,
    Reject,
    Rejects,
    Span,
    SpanKind,
    VendorTotal,
)

VENDOR = "samsung"
# The vendor's own merge over all devices of the account.
_ALL_DEVICES = Device(VENDOR, name="all devices")
_MERGED = -2

_STAGES = {40001: "awake", 40002: "light", 40003: "deep", 40004: "rem"}
# Samsung Health SDK, exercise types; the others keep their number as their name.
_ACTIVITIES = {
    1001: Activity.WALKING,
    1002: Activity.RUNNING,
    9001: Activity.PILATES,
    9002: Activity.YOGA,
    11007: Activity.CYCLING,
    13001: Activity.HIKING,
    14001: Activity.SWIMMING,
    15002: Activity.STRENGTH,
    15003: Activity.CYCLING,
    15005: Activity.TREADMILL,
}

_MOST_OF_A_DAY = 200_000  # steps


class SamsungReader(SingleFile):
    """Samsung Health."""

    name = "samsung"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and _table_of(head) is not None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        table = _table_of(read_head(source)) or ""
        reading = _READINGS.get(table)
        if reading is None:
            yield Reject(source.name, "a table of steps, heart rate, sleep or exercise", clean_name(table))
            return
        rejects = Rejects()
        yield from with_rejects(reading(source, rejects), rejects)


def _table_of(head: bytes) -> str | None:
    """Return the name of the table that the first line gives: `com.samsung.…,version,count`."""
    name, *rest = first_line(head).split(",")
    return name if name.startswith("com.samsung.") and rest and rest[0].strip().isdigit() else None


def _read_steps(source: Source, rejects: Rejects) -> Iterator[Recording]:
    return _read_samples(source, rejects, "count", "steps")


def _read_heart_rate(source: Source, rejects: Rejects) -> Iterator[Recording]:
    return _read_samples(source, rejects, "heart_rate", "heart_rate")


def _read_samples(source: Source, rejects: Rejects, column: str, metric: str) -> Iterator[Recording]:
    place = f"{source.name} line"
    for rows in _read(source, ("start_time", column), ("end_time", "time_offset", "deviceuuid"), rejects):
        start, is_start = _times(rows["start_time"])
        end, is_end = _times(rows["end_time"]) if "end_time" in rows.columns else (start, is_start)
        end = np.where(is_end, end, start)
        value, is_number = parse_decimals(rows[column])
        good = is_start & is_number
        reject_rows(rejects, place, rows.lines, ~good, f"a start_time and a number for {column}", "another value")
        samples = Samples(start, end, value, rows.lines)
        for device, chosen in _devices(rows):
            kept = chosen[good[chosen]]
            stream = build_stream(metric, samples.take(kept), rejects, place)
            if stream is not None:
                yield Recording(device, streams=(stream,), offsets=_offsets(rows, start, kept))


def _read_sleep(source: Source, rejects: Rejects) -> Iterator[Recording]:
    return _read_spans(source, rejects, "", lambda _: Span(SpanKind.IN_BED, 0, 0))


def _read_sleep_stages(source: Source, rejects: Rejects) -> Iterator[Recording]:
    return _read_spans(source, rejects, "stage", _stage_span)


def _read_exercise(source: Source, rejects: Rejects) -> Iterator[Recording]:
    return _read_spans(source, rejects, "exercise_type", _workout_span)


def _stage_span(code: int) -> Span | None:
    stage = _STAGES.get(code)
    return Span(SpanKind.SLEEP, 0, 0, {"stage": stage}) if stage else None


def _workout_span(code: int) -> Span:
    activity = _ACTIVITIES.get(code, Activity.OTHER)
    return Span(SpanKind.WORKOUT, 0, 0, {"activity": activity.value, "name": f"exercise type {code}"})


def _read_spans(source: Source, rejects: Rejects, column: str, describe: Callable[[int], Span | None]) -> Iterator[Recording]:
    """Yield spans of what `describe` makes of the code in the column; it is asked once for each code."""
    place = f"{source.name} line"
    required = ("start_time", "end_time", column) if column else ("start_time", "end_time")
    for rows in _read(source, required, ("time_offset", "deviceuuid"), rejects):
        (start, is_start), (end, is_end) = _times(rows["start_time"]), _times(rows["end_time"])
        code, is_code = parse_integers(rows[column]) if column else (np.zeros(len(rows), np.int64), np.ones(len(rows), bool))
        kinds = {number: describe(number) for number in np.unique(code[is_code]).tolist()}
        known = is_code & np.array([kinds.get(number) is not None for number in code.tolist()], dtype=bool)
        good = is_start & is_end & known & (end > start) & (end - start <= DAY_MS)
        reject_rows(rejects, place, rows.lines, ~good, f"a span of up to a day with a known {column or 'end'}", "another one")
        for device, chosen in _devices(rows):
            kept = chosen[good[chosen]]
            spans = tuple(
                Span(kind.kind, int(start[row]), int(end[row]), kind.attributes)
                for row in kept.tolist()
                if (kind := kinds[int(code[row])]) is not None
            )
            if spans:
                yield Recording(device, spans=spans, offsets=_offsets(rows, start, kept))


def _read_totals(source: Source, rejects: Rejects) -> Iterator[Recording]:
    """The days' totals; of a day that stands there again, the newest row counts. Small: a row a day and device."""
    place = f"{source.name} line"
    newest: dict[tuple[Device, int], tuple[int, int]] = {}
    for rows in _read(source, ("day_time", "count"), ("source_type", "deviceuuid", "update_time"), rejects):
        day, is_day = _times(rows["day_time"])
        count, is_count = parse_integers(rows["count"])
        good = is_day & is_count & (count >= 0) & (count <= _MOST_OF_A_DAY) & (day >= EARLIEST_MS) & (day < LATEST_MS)
        reject_rows(rejects, place, rows.lines, ~good, "a day_time and a day's count of steps", "another value")
        updated = _times(rows["update_time"])[0] if "update_time" in rows.columns else np.zeros(len(rows), np.int64)
        for device, chosen in _devices(rows):
            for row in chosen[good[chosen]].tolist():
                key = (device, int(day[row]) // DAY_MS)
                newest[key] = max(newest.get(key, (-1, 0)), (int(updated[row]), int(count[row])))
    totals: dict[Device, list[VendorTotal]] = {}
    for (device, number), (_, value) in newest.items():
        # The day stands there as its midnight in UTC, wherever it was lived.
        date = datetime.fromtimestamp(number * 86_400, tz=UTC).date()
        totals.setdefault(device, []).append(VendorTotal(date, "steps", value))
    for device, days in totals.items():
        yield Recording(device, totals=tuple(days))


_READINGS: Mapping[str, Callable[[Source, Rejects], Iterator[Recording]]] = {
    "com.samsung.shealth.tracker.pedometer_step_count": _read_steps,
    "com.samsung.shealth.tracker.heart_rate": _read_heart_rate,
    "com.samsung.shealth.sleep": _read_sleep,
    "com.samsung.health.sleep_stage": _read_sleep_stages,
    "com.samsung.shealth.exercise": _read_exercise,
    "com.samsung.shealth.step_daily_trend": _read_totals,
}


def _read(source: Source, required: Sequence[str], optional: Sequence[str], rejects: Rejects) -> Iterator[Rows]:
    return read_table(source, required, optional, rejects, skip=1, rename=_short_names)


def _short_names(names: Sequence[str]) -> list[str]:
    """Return the names without what stands before them: `com.samsung.health.step_count.count` is `count`.

    Where a short name occurs with and without, the long one is the data's, and the other keeps out of its way.
    """
    prefixed = {name.rpartition(".")[2] for name in names if "." in name}
    return [name.rpartition(".")[2] if "." in name or name not in prefixed else f"other {name}" for name in names]


def _times(cells: Cells) -> tuple[Ms, Mask]:
    """Parse times as text without a zone, which is UTC, or as milliseconds."""
    times = parse_iso(cells)
    ms, is_number = parse_integers(cells)
    return np.where(times.good, times.ms, ms), times.good | is_number


def _devices(rows: Rows) -> Iterator[tuple[Device, Index]]:
    """Yield each device and its rows: by its uuid, and the rows that the vendor merged as those of all devices."""
    if "deviceuuid" in rows.columns:
        codes, names = factorise(rows["deviceuuid"])
    else:
        codes, names = np.zeros(len(rows), np.int64), [""]
    devices = [Device(VENDOR, serial=name) if name else Device(VENDOR, name="unnamed device") for name in names]
    if "source_type" in rows.columns:
        source_type, is_number = parse_integers(rows["source_type"])
        codes = np.where(is_number & (source_type == _MERGED), len(names), codes)
        devices.append(_ALL_DEVICES)
    for code, chosen in group_rows(codes):
        yield devices[code], chosen


def _offsets(rows: Rows, at_ms: Ms, chosen: Index) -> tuple[Offset, ...]:
    if "time_offset" not in rows.columns:
        return ()
    offset_s, good = parse_offsets(rows["time_offset"])
    kept = chosen[good[chosen]]
    return find_offsets(at_ms[kept], offset_s[kept])


READER = SamsungReader()
