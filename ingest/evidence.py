"""What a device said about one metric, as a set that can be added to in any order.

The minutes of a day must not depend on the order in which files arrive, nor on where a file was cut. So the store keeps, beside
the minutes of a day, the samples they were made of wherever the minutes alone do not say them; a new file adds its samples to the
set, and the minutes are placed anew. Adding is commutative and idempotent: the same (start, end) again is the same sample, and
the larger value stands.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from devices.recording import DAY_MS, MINUTE_MS, Counter, Metric, Ms, Stream, Values
from ingest import spans
from ingest.errors import DamagedStore


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The samples of one device and metric, canonical: equal sets are equal column by column.

    intervals: start_ms, end_ms (n,) int64, value (n,) int32, by (start, end); of a `sum`, never zero
    readings:  at_ms, since_ms (m,) int64, channel (m,) int16, count (m,) int32, by (at, since, channel)
    coverage:  (k, 2) int64, the time for which no sample means zero, the intervals' own time included
    """

    start_ms: Ms
    end_ms: Ms
    value: Values
    at_ms: Ms
    since_ms: Ms
    channel: npt.NDArray[np.int16]
    count: Values
    coverage: Ms

    @property
    def is_empty(self) -> bool:
        return not (len(self.start_ms) or len(self.at_ms) or len(self.coverage))


_MS = np.empty(0, dtype=np.int64)
_VALUES = np.empty(0, dtype=np.int32)
_CHANNELS = np.empty(0, dtype=np.int16)
NOTHING = Evidence(_MS, _MS, _VALUES, _MS, _MS, _CHANNELS, _VALUES, spans.empty())


def from_streams(metric: Metric, streams: Iterable[Stream]) -> Evidence:
    """Return the evidence in the streams, which all are of this metric and one device."""
    parts = []
    for stream in streams:
        samples = stream.samples
        if isinstance(samples, Counter):
            counted = (samples.at_ms, samples.since_ms, samples.channel, samples.value)
            parts.append(Evidence(_MS, _MS, _VALUES, *counted, stream.coverage))
        else:
            nothing = (_MS, _MS, _CHANNELS, _VALUES)
            parts.append(Evidence(samples.start_ms, samples.end_ms, samples.value, *nothing, stream.coverage))
    return _joined(metric, parts)


def combine(metric: Metric, parts: Sequence[Evidence]) -> Evidence:
    """Return the union of the parts."""
    return parts[0] if len(parts) == 1 else _joined(metric, parts)


def _joined(metric: Metric, parts: Sequence[Evidence]) -> Evidence:
    """Return the union of the parts, which need not be in canonical form themselves."""
    if not parts:
        return NOTHING
    start, end = _join([part.start_ms for part in parts]), _join([part.end_ms for part in parts])
    value = _join([part.value for part in parts])
    if metric.kind == "sum":
        # A sample covers its own time; one of zero says nothing else.
        coverage = spans.union(np.concatenate([*(part.coverage for part in parts), np.stack((start, end), axis=1)]))
        some = value > 0
        if not some.all():
            start, end, value = start[some], end[some], value[some]
    else:
        coverage = spans.empty()
    start, end, value = _distinct_intervals(start, end, value)
    readings = _distinct_readings(
        _join([part.at_ms for part in parts]),
        _join([part.since_ms for part in parts]),
        _join([part.channel for part in parts]),
        _join([part.count for part in parts]),
    )
    return Evidence(start, end, value, *readings, coverage)


_T = TypeVar("_T", bound=np.generic)


def _join(columns: Sequence[npt.NDArray[_T]]) -> npt.NDArray[_T]:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _distinct_intervals(start: Ms, end: Ms, value: Values) -> tuple[Ms, Ms, Values]:
    if len(start) < 2 or (start[1:] > start[:-1]).all():
        return start, end, value
    order = np.lexsort((-value.astype(np.int64), end, start))
    start, end, value = start[order], end[order], value[order]
    first = np.concatenate(([True], (start[1:] != start[:-1]) | (end[1:] != end[:-1])))
    return start[first], end[first], value[first]


def _distinct_readings(
    at: Ms, since: Ms, channel: npt.NDArray[np.int16], count: Values
) -> tuple[Ms, Ms, npt.NDArray[np.int16], Values]:
    if len(at) < 2:
        return at, since, channel, count
    order = np.lexsort((-count.astype(np.int64), channel, since, at))
    at, since, channel, count = at[order], since[order], channel[order], count[order]
    same = (at[1:] == at[:-1]) & (since[1:] == since[:-1]) & (channel[1:] == channel[:-1])
    first = np.concatenate(([True], ~same))
    return at[first], since[first], channel[first], count[first]


def touched_days(evidence: Evidence) -> npt.NDArray[np.int64]:
    """Return the UTC days (since 1970) that hold any of it: sorted, distinct."""
    ends = np.maximum(evidence.end_ms - 1, evidence.start_ms)
    edges = (evidence.start_ms, ends, evidence.at_ms, evidence.coverage[:, 0], evidence.coverage[:, 1] - 1)
    some = [column for column in edges if len(column)]
    if not some:
        return _MS
    first, last = (int(edge) // DAY_MS for edge in (min(map(np.min, some)), max(map(np.max, some))))
    if first == last:
        return np.array([first], dtype=np.int64)
    covered = spans.split_days(evidence.coverage, DAY_MS)[:, 0]
    return np.unique(np.concatenate((evidence.start_ms, ends, evidence.at_ms, covered)) // DAY_MS)


def part_of_day(evidence: Evidence, day: int) -> Evidence:
    """Return what of the evidence touches one UTC day: whole samples, coverage cut at the day's edges."""
    lower, upper = day * DAY_MS, (day + 1) * DAY_MS
    # A sample lasts a day at most, so those that reach into this one start within the day before.
    left, right = np.searchsorted(evidence.start_ms, (lower - DAY_MS, upper))
    start, end, value = evidence.start_ms[left:right], evidence.end_ms[left:right], evidence.value[left:right]
    inside = (end > lower) | (start >= lower)
    if not inside.all():
        start, end, value = start[inside], end[inside], value[inside]
    a, b = np.searchsorted(evidence.at_ms, (lower, upper))
    first = np.searchsorted(evidence.coverage[:, 1], lower, side="right")
    last = np.searchsorted(evidence.coverage[:, 0], upper, side="left")
    return Evidence(
        start,
        end,
        value,
        evidence.at_ms[a:b],
        evidence.since_ms[a:b],
        evidence.channel[a:b],
        evidence.count[a:b],
        np.clip(evidence.coverage[first:last], lower, upper),
    )


def is_told_by_minutes(metric: Metric, day: Evidence) -> bool:
    """Whether a day's minute values alone say all of it: every sample one whole minute, or an instant at its start."""
    if len(day.at_ms):
        return False
    length = MINUTE_MS if metric.kind == "sum" else 0
    return bool(
        (day.start_ms % MINUTE_MS == 0).all()
        and (day.end_ms - day.start_ms == length).all()
        and (day.coverage % MINUTE_MS == 0).all()
    )


# Layout of the bytes: version, then the three counts, then each column as int32 from the day's start, its four byte planes
# one after the other (near-constant planes shrink to nothing), all zlib level 1.
_VERSION = 1
_COUNTS = struct.Struct("<III")
_MOST_BYTES = 64 << 20


def encode(day: int, evidence: Evidence) -> bytes:
    """Return the bytes of one UTC day's evidence, made by `part_of_day`."""
    origin = day * DAY_MS
    silent = evidence.coverage
    if len(silent) and len(evidence.start_ms):
        own_time = np.clip(np.stack((evidence.start_ms, evidence.end_ms), axis=1), origin, origin + DAY_MS)
        silent = spans.subtract(silent, spans.union(own_time))
    columns = (
        np.diff(evidence.start_ms, prepend=origin),
        evidence.end_ms - evidence.start_ms,
        evidence.value,
        np.diff(evidence.at_ms, prepend=origin),
        origin - evidence.since_ms,
        evidence.channel,
        evidence.count,
        np.diff(silent.ravel(), prepend=origin),
    )
    some = (column.astype("<i4") for column in columns if len(column))
    planes = b"".join(column.view(np.uint8).reshape(-1, 4).T.tobytes() for column in some)
    counts = _COUNTS.pack(len(evidence.start_ms), len(evidence.at_ms), len(silent))
    return bytes([_VERSION]) + zlib.compress(counts + planes, 1)


def decode(metric: Metric, day: int, data: bytes) -> Evidence:
    """Return the evidence in the bytes. Raises: DamagedStore if they are not what `encode` wrote."""
    if data[:1] != bytes([_VERSION]):
        raise DamagedStore(f"evidence of day {day}: expected version {_VERSION}, found {data[:1]!r}")
    try:
        raw = zlib.decompressobj().decompress(data[1:], _MOST_BYTES)
        n, m, k = _COUNTS.unpack_from(raw)
        lengths = [n, n, n, m, m, m, m, 2 * k]
        if len(raw) != _COUNTS.size + 4 * sum(lengths):
            raise DamagedStore(f"evidence of day {day}: expected {4 * sum(lengths)} bytes of columns, found {len(raw)}")
    except (zlib.error, struct.error) as error:
        raise DamagedStore(f"evidence of day {day}: {error}") from error
    columns, place = [], _COUNTS.size
    for length in lengths:
        planes = np.frombuffer(raw, np.uint8, 4 * length, place).reshape(4, length)
        columns.append(np.ascontiguousarray(planes.T).view("<i4").ravel().astype(np.int64))
        place += 4 * length
    origin = day * DAY_MS
    start, duration, value, at, since, channel, count, silent = columns
    start = origin + start.cumsum()
    whole = Evidence(
        start,
        start + duration,
        value.astype(np.int32),
        origin + at.cumsum(),
        origin - since,
        channel.astype(np.int16),
        count.astype(np.int32),
        (origin + silent.cumsum()).reshape(-1, 2),
    )
    if metric.kind == "mean":
        return whole
    own_time = np.clip(np.stack((whole.start_ms, whole.end_ms), axis=1), origin, origin + DAY_MS)
    return replace(whole, coverage=spans.union(np.concatenate((whole.coverage, own_time))))


def from_minutes(metric: Metric, day: int, minutes: npt.NDArray[np.int16], absent: int) -> Evidence:
    """Return the evidence of a day whose minutes tell all: the inverse of `is_told_by_minutes`. minutes: (1440,) int16."""
    known = np.flatnonzero(minutes != absent)
    at = day * DAY_MS + known * MINUTE_MS
    value = minutes[known].astype(np.int32)
    if metric.kind == "mean":
        return Evidence(at, at, value, _MS, _MS, _CHANNELS, _VALUES, spans.empty())
    coverage = spans.union(np.stack((at, at + MINUTE_MS), axis=1))
    some = value > 0
    return Evidence(at[some], at[some] + MINUTE_MS, value[some], _MS, _MS, _CHANNELS, _VALUES, coverage)
