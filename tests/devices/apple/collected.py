"""What a reader yielded, added up as a set, so that two readings can be compared."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from devices.errors import DecodeError
from devices.files.reader import Reader, ReadOptions
from devices.files.source import BytesSource
from devices.recording import Device, Intervals, Recording, Reject, Span


@dataclass
class Collected:
    """samples: by device and metric, {(start_ms, end_ms): value}.  coverage: by device, merged [start, end) pairs"""

    samples: dict[tuple[Device, str], dict[tuple[int, int], int]] = field(default_factory=dict)
    coverage: dict[Device, list[tuple[int, int]]] = field(default_factory=dict)
    spans: dict[Device, list[Span]] = field(default_factory=dict)
    offsets: dict[Device, set[tuple[int, int]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    error: DecodeError | None = None

    def only_device(self) -> Device:
        devices = {device for device, _ in self.samples} | self.spans.keys()
        assert len(devices) == 1, devices
        return devices.pop()

    def all_samples(self, metric: str) -> dict[tuple[int, int], int]:
        merged: dict[tuple[int, int], int] = {}
        for (_, name), samples in self.samples.items():
            if name == metric:
                merged |= samples
        return merged

    def count(self, metric: str) -> int:
        return sum(len(samples) for (_, name), samples in self.samples.items() if name == metric)


def collect(parts: Iterable[Recording | Reject]) -> Collected:
    """Add up all that was yielded, and keep the error that ended it."""
    found = Collected()
    iterator = iter(parts)
    while True:
        try:
            part = next(iterator)
        except StopIteration:
            break
        except DecodeError as error:
            found.error = error
            break
        if isinstance(part, Reject):
            found.rejects.append(part)
        else:
            _add(found, part)
    for device, pairs in found.coverage.items():
        found.coverage[device] = _union(pairs)
    for spans in found.spans.values():
        spans.sort(key=lambda span: (span.start_ms, span.end_ms, span.kind, str(span.attributes)))
    return found


def read_bytes(reader: Reader, data: bytes, name: str = "export.xml") -> Collected:
    return collect(reader.read(BytesSource(data, name), ReadOptions()))


def _add(found: Collected, part: Recording) -> None:
    for stream in part.streams:
        assert isinstance(stream.samples, Intervals)
        columns = (stream.samples.start_ms, stream.samples.end_ms, stream.samples.value)
        assert [column.dtype for column in columns] == [np.int64, np.int64, np.int32]
        if len(columns[0]):
            samples = found.samples.setdefault((part.device, stream.metric), {})
            for start, end, value in zip(*(column.tolist() for column in columns), strict=True):
                samples[start, end] = max(value, samples.get((start, end), value))
        if len(stream.coverage):
            assert stream.metric == "steps"
            found.coverage.setdefault(part.device, []).extend(map(tuple, stream.coverage.tolist()))
    if part.spans:
        found.spans.setdefault(part.device, []).extend(part.spans)
    if part.offsets:
        found.offsets.setdefault(part.device, set()).update((offset.at_ms, offset.offset_s) for offset in part.offsets)


def _union(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
