"""Google Fit's takeout: one JSON a data stream, points with nanoseconds of UTC. One device a stream: they overlap.

The stream to prefer is one that Google merged: `merge_step_deltas` or `estimated_steps`, which the device's name says.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.cells import Cells, clean_name, parse_decimals, parse_integers
from devices.files.textual.encoding import head_text
from devices.files.textual.records import Record, Records, read_records
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.recording import Device, Recording, Reject, Rejects

# The type within a stream's id -> our metric and the key of its value.
_TYPES = {
    "com.google.step_count.delta": ("steps", "intVal"),
    "com.google.heart_rate.bpm": ("heart_rate", "fpVal"),
}
_STREAM = re.compile(r'"Data Source"\s*:\s*"((?:[^"\\]|\\.){1,400})"')
_POINTS = re.compile(r'^\s*\{.*"Data Points"\s*:\s*\[', re.DOTALL)
_NS_PER_MS = 1_000_000


class GoogleFitReader(SingleFile):
    """Google Fit's "All Data" JSON."""

    name = "google_fit"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        text = head_text(head)
        return not members and bool(_STREAM.search(text) and _POINTS.match(text))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        found = _STREAM.search(head_text(read_head(source)))
        stream = found.group(1) if found else ""
        kind = next((kind for kind in _TYPES if kind in stream), None)
        if kind is None:
            yield Reject(source.name, "a stream of " + " or ".join(_TYPES), clean_name(stream))
            return
        rejects = Rejects()
        yield from with_rejects(_read_points(source, kind, _device_of(stream, kind), rejects), rejects)


def _device_of(stream: str, kind: str) -> Device:
    """Return the stream's device: its id without the type, such as `derived com.google.android.gms:merge_step_deltas`."""
    return Device("google_fit", name=clean_name(stream.replace(f":{kind}:", " ").replace(f":{kind}", "")))


def _read_points(source: Source, kind: str, device: Device, rejects: Rejects) -> Iterator[Recording]:
    metric, key = _TYPES[kind]
    place = f"{source.name} point"
    for records in read_records(source, 2, rejects):
        start, end, value, good = _columns(records, key)
        reject_rows(rejects, place, records.numbers, ~good, f"startTimeNanos, endTimeNanos and a value {key}", "another point")
        samples = Samples(start, end, value, records.numbers).take(good)
        stream = build_stream(metric, samples, rejects, place)
        if stream is not None:
            yield Recording(device, streams=(stream,))


def _columns(records: Records, key: str) -> tuple[Any, Any, Any, Any]:
    start, is_start = parse_integers(Cells.of([_digits(row.get("startTimeNanos")) for row in records.rows]))
    end, is_end = parse_integers(Cells.of([_digits(row.get("endTimeNanos")) for row in records.rows]))
    value, is_number = parse_decimals(Cells.of([_value_of(row, key) for row in records.rows]))
    return start // _NS_PER_MS, end // _NS_PER_MS, value, np.all([is_start, is_end, is_number], axis=0)


def _digits(value: object) -> str:
    return str(value) if type(value) in (int, str) else ""


def _value_of(row: Record, key: str) -> str:
    """Return the text of a point's first value."""
    values = row.get("fitValue")
    first = values[0] if type(values) is list and values else None
    value = first.get("value") if type(first) is dict else None
    number = value.get(key) if type(value) is dict else None
    return str(number) if type(number) in (int, float) else ""
