"""Our own table: one row an interval, complete by hand and exact in a round trip. Defined in docs/formats/plain-csv.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from devices.errors import Hostile
from devices.files.coverage import cover
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.attributes import Attributes, read_attributes
from devices.files.textual.cells import Cells, Index, Mask, clean_name, factorise, group_rows, parse_decimals
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.files.textual.table import Rows, find_header, read_table
from devices.files.textual.times import find_offsets, parse_iso
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    MINUTE_MS,
    Activity,
    Device,
    Intervals,
    Ms,
    Recording,
    Reject,
    Rejects,
    Span,
    SpanKind,
    Stream,
    VendorTotal,
)

COLUMNS: Mapping[str, str] = {
    "start": "when it begins: RFC 3339 with an offset or Z; of a total, the local day",
    "end": "when it ends; a minute after the start if empty",
    "kind": "sample (if empty), covered, total, or a span: sleep, in_bed, workout, not_worn, charging",
    "metric": "of a sample, a covered row or a total: steps (if empty), heart_rate, counts, intensity",
    "value": "of a sample or a total: the number, over the whole interval for steps and counts",
    "vendor": "who made the device",
    "model": "which model it is",
    "serial": "its serial number, if one is known",
    "device": "its name, if no serial number is known",
    "stage": "of a sleep: light, deep, rem, awake or asleep",
    "activity": "of a workout: walking, running, hiking, treadmill, strength, yoga, … or other",
    "name": "of a workout: what its wearer called it",
    "steps": "of a workout: the steps counted in it",
    "attributes": "of a span: what else is said of it, a JSON object of texts and numbers",
}
"""Each column and what it says, in the order in which our export writes them; only `start` must be there."""

OWN_COLUMNS: Mapping[SpanKind, tuple[str, ...]] = {SpanKind.SLEEP: ("stage",), SpanKind.WORKOUT: ("activity", "name", "steps")}
"""The attributes that have a column each; every other one of a span stands in `attributes`."""

SAMPLE, COVERED, TOTAL = "sample", "covered", "total"

_DELIMITERS = (",", ";", "\t")
# What the kinds and metrics of rows are called; the first of each is meant by an empty cell, spans follow the totals.
_KINDS = (SAMPLE, COVERED, TOTAL, *(kind.value for kind in SpanKind))
_METRICS = tuple(METRICS)
_SAMPLE, _COVERED, _TOTAL = range(3)
_STAGES = frozenset({"light", "deep", "rem", "awake", "asleep"})
_ACTIVITIES = frozenset(activity.value for activity in Activity)
_LONGEST_MS = 31 * DAY_MS
_STEPS_DIGITS = 6
_MOST_OF_A_DAY = 200_000
_MOST_DEVICES = 1_000
_NAMELESS = Device("plain", name="unnamed device")
_NO_SAMPLES = Intervals(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32))


class PlainCsvReader(SingleFile):
    """The plain CSV."""

    name = "plain_csv"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and _delimiter_of(head) is not None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        yield from with_rejects(_read_rows(source, _delimiter_of(read_head(source)) or ",", rejects), rejects)


def _delimiter_of(head: bytes) -> str | None:
    """Return what parts the cells if the header is ours: only columns of ours, `start` and something to say of it."""
    for delimiter in _DELIMITERS:
        names = find_header(head, delimiter)
        if "start" in names and {"value", "kind"} & set(names) and set(names) <= set(COLUMNS) and len(set(names)) == len(names):
            return delimiter
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Parsed:
    """Rows whose times, kinds and metrics are known.

    start, end: (n,) int64.  kind, metric: (n,) the places in _KINDS and _METRICS.  value: (n,) float64, of those with a number
    """

    rows: Rows
    place: str
    start: Ms
    end: Ms
    offset_s: npt.NDArray[np.int32]
    kind: Index
    metric: Index
    value: npt.NDArray[np.float64]
    is_number: Mask

    def text(self, column: str, row: int) -> str:
        return self.rows[column].text(row).strip() if column in self.rows.columns else ""


def _read_rows(source: Source, delimiter: str, rejects: Rejects) -> Iterator[Recording]:
    optional = tuple(name for name in COLUMNS if name != "start")
    for rows in read_table(source, ("start",), optional, rejects, delimiter=delimiter):
        parsed, good = _parse(rows, f"{source.name} line", rejects)
        devices, owner = _devices(rows)
        if len(devices) > _MOST_DEVICES:
            raise Hostile(source.name, f"at most {_MOST_DEVICES:,} devices in a file", f"{len(devices):,}")
        for code, chosen in group_rows(owner):
            mine = chosen[good[chosen]]
            streams, spans = tuple(_streams(parsed, mine, rejects)), tuple(_spans(parsed, mine, rejects))
            totals = tuple(_totals(parsed, mine, rejects))
            stated = mine[parsed.kind[mine] != _TOTAL]
            if streams or spans or totals:
                offsets = find_offsets(parsed.start[stated], parsed.offset_s[stated])
                yield Recording(devices[code], streams, spans, offsets, totals)


def _parse(rows: Rows, place: str, rejects: Rejects) -> tuple[_Parsed, Mask]:
    """Return the rows parsed, and which of them have a kind, a metric and times that are known."""
    kind, metric = _places(rows, "kind", _KINDS), _places(rows, "metric", _METRICS)
    start, has_start = _starts(rows, kind)
    end, has_end = _ends(rows, start)
    value, is_number = parse_decimals(rows["value"].trimmed()) if "value" in rows.columns else (np.zeros(len(rows)), None)
    timed = has_start & has_end & (end >= start) & (end - start <= _LONGEST_MS)
    timed &= (start >= EARLIEST_MS) & (end <= LATEST_MS)
    reject_rows(rejects, place, rows.lines, kind < 0, "a kind: " + ", ".join(_KINDS), "another word")
    reject_rows(rejects, place, rows.lines, metric < 0, "a metric: " + ", ".join(_METRICS), "another word")
    expected = "a start and an end with their zones, such as 2026-08-01T07:30:00+02:00, or a total's day"
    reject_rows(rejects, place, rows.lines, (kind >= 0) & (metric >= 0) & ~timed, expected, "other times")
    numbers = np.zeros(len(rows), bool) if is_number is None else is_number
    offset_s = parse_iso(rows["start"].trimmed()).offset_s
    return _Parsed(rows, place, start, end, offset_s, kind, metric, value, numbers), timed & (kind >= 0) & (metric >= 0)


def _places(rows: Rows, column: str, words: tuple[str, ...]) -> Index:
    """Return each cell's place among the words, 0 where it is empty, -1 where it is none of them: (n,) int64."""
    if column not in rows.columns:
        return np.zeros(len(rows), np.int64)
    codes, names = factorise(rows[column].trimmed())
    places = [words.index(word) if (word := name.lower() or words[0]) in words else -1 for name in names]
    return np.array(places, dtype=np.int64)[codes]


def _starts(rows: Rows, kind: Index) -> tuple[Ms, Mask]:
    """Return the starts, those of totals as their days' midnights in UTC, and which are known."""
    cells = rows["start"].trimmed()
    times = parse_iso(cells)
    start, good = times.ms.copy(), times.good & ~times.naive
    days = np.flatnonzero(kind == _TOTAL)
    midnights = parse_iso(Cells.of([f"{text}T00:00" for text in cells.take(days).texts()]))
    start[days], good[days] = midnights.ms, midnights.naive
    return start, good


def _ends(rows: Rows, start: Ms) -> tuple[Ms, Mask]:
    if "end" not in rows.columns:
        return start + MINUTE_MS, np.ones(len(rows), bool)
    cells = rows["end"].trimmed()
    times = parse_iso(cells)
    return np.where(cells.blank(), start + MINUTE_MS, times.ms), cells.blank() | (times.good & ~times.naive)


def _devices(rows: Rows) -> tuple[list[Device], Index]:
    """Return the devices that the rows name, and which of them each row is of: (n,) int64."""
    owner, parts = np.zeros(len(rows), np.int64), [list[str]()]
    for column in ("vendor", "model", "serial", "device"):
        if column in rows.columns:
            codes, names = factorise(rows[column].trimmed())
        else:
            codes, names = np.zeros(len(rows), np.int64), [""]
        both, owner = np.unique(owner * len(names) + codes, return_inverse=True)
        parts = [[*parts[place // len(names)], names[place % len(names)]] for place in both.tolist()]
    return [_device(*part) for part in parts], owner


def _device(vendor: str, model: str, serial: str, name: str) -> Device:
    if not (vendor or model or serial or name):
        return _NAMELESS
    return Device(vendor or _NAMELESS.vendor, model, serial or None, name)


def _streams(parsed: _Parsed, rows: Index, rejects: Rejects) -> Iterator[Stream]:
    """Yield a stream for each metric: its samples, and what is covered by them and by rows that say so."""
    for place, name in enumerate(_METRICS):
        mine = rows[parsed.metric[rows] == place]
        samples, covered = mine[parsed.kind[mine] == _SAMPLE], mine[parsed.kind[mine] == _COVERED]
        is_sum = METRICS[name].kind == "sum"
        lines = parsed.rows.lines
        reject_rows(rejects, parsed.place, lines[samples], ~parsed.is_number[samples], "a number for the value", "none")
        vain = (parsed.end[covered] <= parsed.start[covered]) | (not is_sum)
        reject_rows(rejects, parsed.place, lines[covered], vain, "a covered time of steps or counts", "another one")
        samples, covered = samples[parsed.is_number[samples]], covered[~vain]
        columns = Samples(parsed.start, parsed.end, parsed.value, lines).take(samples)
        stream = build_stream(name, columns, rejects, parsed.place)
        if not len(covered):
            if stream is not None:
                yield stream
            continue
        stream = stream or Stream(name, _NO_SAMPLES)
        start = np.concatenate((stream.coverage[:, 0], parsed.start[covered]))
        end = np.concatenate((stream.coverage[:, 1], parsed.end[covered]))
        yield replace(stream, coverage=cover(start, end))


def _spans(parsed: _Parsed, rows: Index, rejects: Rejects) -> Iterator[Span]:
    for row in rows[parsed.kind[rows] > _TOTAL].tolist():
        kind = SpanKind(_KINDS[parsed.kind[row]])
        attributes = _attributes(parsed, kind, row)
        if attributes is not None and parsed.end[row] > parsed.start[row]:
            yield Span(kind, int(parsed.start[row]), int(parsed.end[row]), attributes)
        else:
            place = f"{parsed.place} {parsed.rows.lines[row]}"
            expected = "a span with a length, a known stage or activity, steps as a number, and other attributes as a JSON object"
            rejects.add(place, expected, "another one")


def _attributes(parsed: _Parsed, kind: SpanKind, row: int) -> Attributes | None:
    """Return what a span says beside its times, or None if one of its words is unknown or a thing is said twice."""
    said = _cells_of(kind, {column: parsed.text(column, row) for column in OWN_COLUMNS.get(kind, ())})
    more = read_attributes(parsed.text("attributes", row))
    return None if said is None or more is None or said.keys() & more.keys() else {**said, **more}


def _cells_of(kind: SpanKind, cells: Mapping[str, str]) -> Attributes | None:
    """Return what a span's own columns say, or None if one of the words is unknown."""
    if kind is SpanKind.SLEEP:
        stage = cells["stage"].lower() or "asleep"
        return {"stage": stage} if stage in _STAGES else None
    if kind is not SpanKind.WORKOUT:
        return {}
    attributes: Attributes = {"activity": cells["activity"].lower() or Activity.OTHER.value}
    if cells["name"]:
        attributes["name"] = clean_name(cells["name"])
    if cells["steps"]:
        if not (cells["steps"].isascii() and cells["steps"].isdigit() and len(cells["steps"]) <= _STEPS_DIGITS):
            return None
        attributes["steps"] = int(cells["steps"])
    return attributes if attributes["activity"] in _ACTIVITIES else None


def has_own_column(kind: SpanKind, name: str, value: str | int | float) -> bool:
    """Would an attribute that is written into the span's own columns be read as the same again?"""
    if name not in OWN_COLUMNS.get(kind, ()):
        return False
    if name == "steps":
        return type(value) is int and 0 <= value < 10**_STEPS_DIGITS
    return type(value) is str and value != "" and clean_name(value) == value


def _totals(parsed: _Parsed, rows: Index, rejects: Rejects) -> Iterator[VendorTotal]:
    for row in rows[parsed.kind[rows] == _TOTAL].tolist():
        value = float(parsed.value[row])
        if parsed.is_number[row] and 0 <= value <= _MOST_OF_A_DAY:
            day = datetime.fromtimestamp(int(parsed.start[row]) / 1000, tz=UTC).date()
            yield VendorTotal(day, _METRICS[parsed.metric[row]], round(value))
        else:
            rejects.add(f"{parsed.place} {parsed.rows.lines[row]}", "a day's total", value)


READER = PlainCsvReader()
