"""Withings' raw tracker tables: a start with its offset, and arrays of durations and values that follow one another.

All tables share one header, so the name alone says what one holds. Sources: Withings' README of the export, public importers.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.textual.cells import Index, clean_name
from devices.files.textual.series import Samples, build_stream, with_rejects
from devices.files.textual.table import Rows, find_header, read_table
from devices.files.textual.times import Times, find_offsets, parse_iso
from devices.recording import DAY_MS, Device, Ms, Offset, Recording, Reject, Rejects, Span, SpanKind

# The export names no device: what was worn, and then another, is one.
TRACKER = Device("withings", name="tracker")

_STAGES = {0: "awake", 1: "light", 2: "deep", 3: "rem"}


class WithingsReader(SingleFile):
    """Withings."""

    name = "withings"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and find_header(head, ",") == ("start", "duration", "value")

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        base = re.split(r"[/\\!]", source.name)[-1].lower()
        reading = next((reading for part, reading in _READINGS.items() if part in base), None)
        if reading is None:
            expected = "a name that holds " + " or ".join(_READINGS)
            yield Reject(source.name, expected, clean_name(base))
            return
        rejects = Rejects()
        yield from with_rejects(reading(source, rejects), rejects)


def _read_steps(source: Source, rejects: Rejects) -> Iterator[Recording]:
    for start, end, value, lines, offsets in _read_arrays(source, rejects):
        stream = build_stream("steps", Samples(start, end, value, lines), rejects, f"{source.name} line")
        if stream is not None:
            yield Recording(TRACKER, streams=(stream,), offsets=offsets)


def _read_heart_rate(source: Source, rejects: Rejects) -> Iterator[Recording]:
    """A reading stands at the start of its interval, which may be ten minutes long: it says nothing of the rest."""
    for start, _, value, lines, offsets in _read_arrays(source, rejects):
        stream = build_stream("heart_rate", Samples(start, start, value, lines), rejects, f"{source.name} line")
        if stream is not None:
            yield Recording(TRACKER, streams=(stream,), offsets=offsets)


def _read_sleep(source: Source, rejects: Rejects) -> Iterator[Recording]:
    for start, end, value, lines, offsets in _read_arrays(source, rejects):
        good = np.isin(value, list(_STAGES)) & (end > start) & (end - start <= DAY_MS)
        bad = np.flatnonzero(~good)
        if len(bad):
            rejects.add(f"{source.name} line {lines[bad[0]]}", "a known sleep stage of up to a day", value[bad[0]], len(bad))
        spans = tuple(_join_stages(start[good], end[good], value[good]))
        if spans:
            yield Recording(TRACKER, spans=spans, offsets=offsets)


def _join_stages(start: Ms, end: Ms, value: Index) -> Iterator[Span]:
    """Yield the stages, equal ones that follow one another as one."""
    if not len(start):
        return
    opens = np.concatenate(([True], (value[1:] != value[:-1]) | (start[1:] != end[:-1])))
    last = np.append(np.flatnonzero(opens)[1:] - 1, len(start) - 1)
    for first_ms, last_ms, stage in zip(start[opens].tolist(), end[last].tolist(), value[opens].tolist(), strict=True):
        yield Span(SpanKind.SLEEP, first_ms, last_ms, {"stage": _STAGES[stage]})


# Part of a table's name -> how to read it
_READINGS: Mapping[str, Callable[[Source, Rejects], Iterator[Recording]]] = {
    "raw_tracker_steps": _read_steps,
    "raw_tracker_hr": _read_heart_rate,
    "raw_hr_hr": _read_heart_rate,
    "raw_tracker_sleep-state": _read_sleep,
}


def _read_arrays(source: Source, rejects: Rejects) -> Iterator[tuple[Ms, Ms, Index, Index, tuple[Offset, ...]]]:
    """Yield (n,) int64 starts, ends, values and lines of the elements of the rows' arrays, and the offsets of the rows."""
    for rows in read_table(source, ("start", "duration", "value"), (), rejects):
        times = parse_iso(rows["start"])
        kept, lengths, durations, values = _elements(rows, times, rejects, f"{source.name} line")
        if not kept:
            continue
        lasts = np.cumsum(durations)
        # Each row's durations run from its own start: what the rows before it took is taken off again.
        firsts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        row_of = np.repeat(np.arange(len(kept)), lengths)
        before = (lasts - durations)[firsts]
        end = times.ms[kept][row_of] + lasts - before[row_of]
        offsets = find_offsets(times.ms[kept], times.offset_s[kept])
        yield end - durations, end, values, rows.lines[kept][row_of], offsets


def _elements(rows: Rows, times: Times, rejects: Rejects, place: str) -> tuple[list[int], list[int], Ms, Index]:
    """Return the rows that are sound, how many elements each has, and the elements: durations in ms, and values."""
    kept, lengths = list[int](), list[int]()
    durations, values = list[int](), list[int]()
    sound = times.good & ~times.naive
    for row, (duration, value) in enumerate(zip(rows["duration"].texts(), rows["value"].texts(), strict=True)):
        seconds, numbers = _array(duration), _array(value)
        if sound[row] and seconds and numbers and len(seconds) == len(numbers) and min(seconds) > 0:
            kept.append(row)
            lengths.append(len(seconds))
            durations += seconds
            values += numbers
        else:
            expected = "a start with its offset, and as many durations as values"
            rejects.add(f"{place} {rows.lines[row]}", expected, f"{len(seconds)} and {len(numbers)}")
    return kept, lengths, np.array(durations, dtype=np.int64) * 1000, np.array(values, dtype=np.int64)


def _array(text: str) -> list[int]:
    """Return an array's whole numbers of up to seven digits; empty if it holds anything else."""
    try:
        value = json.loads(text) if text.startswith("[") and not text.startswith("[[") else [json.loads(text)]
    except (ValueError, RecursionError):
        return []
    return value if all(type(number) is int and abs(number) < 10**7 for number in value) else []


READER = WithingsReader()
