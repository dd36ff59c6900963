"""Open mHealth data points: step-count 1.0 to 3.0, heart-rate and physical-activity, in a list, JSON lines or Shimmer's answer.

Source: schemas omh:data-point, omh:header, omh:step-count, omh:heart-rate, omh:physical-activity, omh:time-frame.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.activity import find_activity
from devices.files.textual.cells import Cells, Index, Mask, clean_name, group_rows, parse_decimals
from devices.files.textual.encoding import head_text, utf8_chunks
from devices.files.textual.records import Record, read_records
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.files.textual.times import NAIVE, ZULU, find_offsets, parse_iso
from devices.recording import DAY_MS, EARLIEST_MS, LATEST_MS, Device, Ms, Recording, Reject, Rejects, Span, SpanKind, VendorTotal

Offsets = npt.NDArray[np.int32]

_JSON = re.compile(r"\s*[\[{]")
_MARK = re.compile(r'"effective_time_frame"\s*:|"namespace"\s*:\s*"omh"')
_ANSWER = re.compile(r'\s*\{.*"body"\s*:\s*\[', re.DOTALL)
_USER = re.compile(rb'"user_id"\s*:\s*"([^"\\]{0,200})"')

_UNIT_MS = {"ms": 1, "sec": 1000, "s": 1000, "min": 60_000, "h": 3_600_000, "d": DAY_MS}
# A count over so long is what somebody says that a day amounts to, not a sample.
_DAY_TOTAL_MS = 23 * 3_600_000
_MOST_OF_A_DAY = 200_000  # steps

# The key of the value in the body -> our metric
_METRICS = {"step_count": "steps", "heart_rate": "heart_rate"}
_WORKOUT = "activity_name"
_KEY = re.compile(r"([^/]*)/([^/]*)/([^/]+)")


class OpenMhealthReader(SingleFile):
    """Open mHealth."""

    name = "open_mhealth"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        text = head_text(head)
        return not members and bool(_JSON.match(text) and _MARK.search(text))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        _require_one_user(source)
        rejects = Rejects()
        yield from with_rejects(_read_points(source, rejects), rejects)


def parse_device(source_name: str) -> Device:
    """Return who recorded: from `vendor/model/serial` or `vendor/model/~name`, as our export writes it, or any name."""
    key = _KEY.fullmatch(source_name)
    if key is None:
        return Device("open_mhealth", name=clean_name(source_name) or "unnamed source")
    vendor, model, own = (clean_name(part) for part in key.groups())
    return Device(vendor, model, name=own[1:]) if own.startswith("~") else Device(vendor, model, own)


def _require_one_user(source: Source) -> None:
    """Raises: DecodeError if the header names several users, before anything of one is kept"""
    users, rest = set[bytes](), b""
    with source.open() as stream:
        for chunk in utf8_chunks(stream):
            users |= set(_USER.findall(rest + chunk))
            rest = chunk[-300:]
            if len(users) > 1:
                raise DecodeError(f"{source.name} user_id", "one user, for an import is one person's", "several")


@dataclass(slots=True)
class _Points:
    """The fields of some data points, one list each, as they stand."""

    source: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    start: list[str] = field(default_factory=list)
    end: list[str] = field(default_factory=list)
    duration: list[float] = field(default_factory=list)
    value: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        body = record.get("body")
        inner: Record = body if type(body) is dict else record
        key = next((key for key in (*_METRICS, _WORKOUT) if key in inner), "")
        start, end, duration = _frame(_dict(inner.get("effective_time_frame")))
        plain = "descriptive_statistic" not in inner or inner["descriptive_statistic"] in ("count", "sum")
        self.source.append(_source_name(record))
        self.key.append(key if plain else "")
        self.start.append(start)
        self.end.append(end)
        self.duration.append(duration)
        self.value.append(_value_text(inner.get(key)))


def _read_points(source: Source, rejects: Rejects) -> Iterator[Recording]:
    place = f"{source.name} data point"
    text = head_text(read_head(source))
    depth = 1 if text.lstrip().startswith("[") else 2 if _ANSWER.match(text) else 0
    for records in read_records(source, depth, rejects):
        points = _Points()
        for record in records.rows:
            points.add(record)
        yield from _build(points, records.numbers, rejects, place)


def _build(points: _Points, numbers: Index, rejects: Rejects, place: str) -> Iterator[Recording]:
    start, end, offset_s, good = _bounds(points)
    known = np.array([bool(key) for key in points.key], dtype=bool)
    reject_rows(rejects, place, numbers, ~known, "a plain step_count, heart_rate or activity_name", "another body")
    expected = "an effective_time_frame with times that name their zone"
    reject_rows(rejects, place, numbers, known & ~good, expected, "another one")
    value, is_number = parse_decimals(Cells.of(points.value))
    keys = np.array(points.key)
    reject_rows(
        rejects, place, numbers, known & good & (keys != _WORKOUT) & ~is_number, "a number for the value", "another value"
    )
    names = {name: code for code, name in enumerate(dict.fromkeys(points.source))}
    devices = [parse_device(name) for name in names]
    is_day = (keys == "step_count") & (end - start >= _DAY_TOTAL_MS)
    for code, rows in group_rows(np.array([names[name] for name in points.source], dtype=np.int64)):
        usable = rows[good[rows]]
        streams = []
        for key, metric in _METRICS.items():
            chosen = usable[(keys[usable] == key) & is_number[usable] & ~is_day[usable]]
            stream = build_stream(metric, Samples(start, end, value, numbers).take(chosen), rejects, place)
            streams += [stream] if stream is not None else []
        totals = _totals(start, end, offset_s, value, usable[is_day[usable] & is_number[usable]])
        spans = tuple(
            _workout(int(start[row]), int(end[row]), points.value[row])
            for row in usable[keys[usable] == _WORKOUT].tolist()
            if 0 < end[row] - start[row] <= DAY_MS
        )
        if streams or totals or spans:
            offsets = find_offsets(start[usable], offset_s[usable])
            yield Recording(devices[code], tuple(streams), spans, offsets, totals)


def _bounds(points: _Points) -> tuple[Ms, Ms, Offsets, Mask]:
    """Return (n,) starts and ends in ms, offsets as `times` has them, and which points have all of it."""
    first, last = parse_iso(Cells.of(points.start)), parse_iso(Cells.of(points.end))
    has_first, has_last = first.good & (first.offset_s != NAIVE), last.good & (last.offset_s != NAIVE)
    duration = np.array(points.duration)
    has_duration = (duration >= 0) & (duration <= 32 * DAY_MS)
    length = np.where(has_duration, duration, 0).astype(np.int64)
    start = np.where(has_first, first.ms, last.ms - length)
    end = np.where(has_last, last.ms, first.ms + length)
    offset_s = np.where(has_first, first.offset_s, last.offset_s)
    in_range = (start >= EARLIEST_MS) & (end <= LATEST_MS) & (end >= start)
    return start, end, offset_s, in_range & ((has_first & has_last) | ((has_first | has_last) & has_duration))


def _totals(start: Ms, end: Ms, offset_s: Offsets, value: npt.NDArray[np.float64], rows: Index) -> tuple[VendorTotal, ...]:
    """Return the days' counts; where the times are in UTC only, the local day is the one around their middle."""
    stated = offset_s[rows] != ZULU
    local = np.where(stated, start[rows] + offset_s[rows].astype(np.int64) * 1000, (start[rows] + end[rows]) // 2)
    return tuple(
        VendorTotal(datetime.fromtimestamp(at / 1000, tz=UTC).date(), "steps", count)
        for at, count in zip(local.tolist(), np.rint(value[rows]).astype(np.int64).tolist(), strict=True)
        if 0 <= count <= _MOST_OF_A_DAY
    )


def _workout(start_ms: int, end_ms: int, name: str) -> Span:
    said = clean_name(name)
    return Span(SpanKind.WORKOUT, start_ms, end_ms, {"activity": find_activity(said).value, "name": said})


def _frame(frame: Record) -> tuple[str, str, float]:
    """Return a time frame's start, end and duration in ms; empty or -1 where it names none."""
    at = frame.get("date_time")
    if type(at) is str:
        return at, at, 0.0
    interval = _dict(frame.get("time_interval"))
    start = interval.get("start_date_time", interval.get("start_time"))
    end = interval.get("end_date_time", interval.get("end_time"))
    duration = _dict(interval.get("duration"))
    number, unit = duration.get("value"), duration.get("unit")
    length = -1.0
    if isinstance(number, int | float) and isinstance(unit, str) and unit in _UNIT_MS and 0 <= number < 10**9:
        length = float(round(number * _UNIT_MS[unit]))
    return start if type(start) is str else "", end if type(end) is str else "", length


def _source_name(record: Record) -> str:
    provenance = _dict(_dict(record.get("header")).get("acquisition_provenance"))
    name = provenance.get("source_name")
    said = name[:1000] if type(name) is str else ""
    # What somebody typed in is not what a device measured.
    return f"{said} (self-reported)" if provenance.get("modality") == "self-reported" else said


def _value_text(value: object) -> str:
    """Return the text of a number, of a value with a unit, or of a name."""
    inner = value.get("value") if type(value) is dict else value
    return str(inner) if type(inner) in (int, float, str) else ""


def _dict(value: object) -> Record:
    return value if type(value) is dict else {}


READER = OpenMhealthReader()
