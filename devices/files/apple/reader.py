"""Apple Health: `export.xml` to recordings, a piece of the file at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.files.apple.attributes import read_tag
from devices.files.apple.identity import Identities, is_apple_watch, read_device
from devices.files.apple.metadata import ENTERED_BY_HAND, TIME_ZONE, Metadata, find_metadata
from devices.files.apple.pieces import CHUNK_BYTES, Piece, is_export, read_pieces
from devices.files.apple.records import HEART_RATE, SLEEP, STEPS, find_record_tags, find_records
from devices.files.apple.regular import Records, select
from devices.files.apple.words import word
from devices.files.apple.workouts import Workouts
from devices.files.apple.zones import Zones
from devices.files.coverage import cover
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    NO_COVERAGE,
    Intervals,
    Ms,
    Offset,
    Recording,
    Reject,
    Rejects,
    Span,
    SpanKind,
    Stream,
    believable,
)

# [G] A worn watch measures the heart about every 5 minutes; two samples at most this far apart say that it was worn between them.
WORN_BETWEEN_MS = 10 * 60_000
# Dates are written in whole seconds, so a burst of a few steps can end in the second in which it began. Nobody takes more in one.
STEPS_IN_A_SECOND = 5
SECOND_MS = 1000
NO_STEPS = Intervals(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))

# `export_cda.xml` stands beside every `export.xml` and repeats some of it for clinics: known, and passed over.
_CLINICAL_COPY = b'<id extension="Health Export CDA"'
_ROOT_END = word(b"</Health")
_STAGE_PREFIX = "HKCategoryValueSleepAnalysis"
STAGES: Mapping[str, tuple[SpanKind, str | None]] = MappingProxyType(
    {
        "InBed": (SpanKind.IN_BED, None),
        "Awake": (SpanKind.SLEEP, "awake"),
        "AsleepCore": (SpanKind.SLEEP, "light"),
        "AsleepDeep": (SpanKind.SLEEP, "deep"),
        "AsleepREM": (SpanKind.SLEEP, "rem"),
        "AsleepUnspecified": (SpanKind.SLEEP, "asleep"),
        "Asleep": (SpanKind.SLEEP, "asleep"),  # before iOS 16
    }
)


@dataclass(frozen=True, slots=True)
class AppleHealth(SingleFile):
    """The reader. chunk_bytes: how much of the file is looked at at once; the result is the same for any."""

    name: str = "apple-health"
    chunk_bytes: int = CHUNK_BYTES

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        """By the root element. An `export.zip` is no input of its own: its members are judged one by one."""
        return not members and (is_export(head) or _CLINICAL_COPY in head)

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        if _CLINICAL_COPY in read_head(source):
            return
        export = _Export()
        try:
            yield from self._read_pieces(export, source)
        except DecodeError:
            yield from export.rejects.drain()
            raise
        yield from export.rejects.drain()

    def _read_pieces(self, export: "_Export", source: Source) -> Iterator[Recording]:
        closed, end = False, 0
        with source.open() as stream:
            for piece in read_pieces(stream, source.name, self.chunk_bytes):
                yield from export.read(piece)
                closed, end = closed or bool((piece.names == _ROOT_END).any()), piece.base + piece.end
        if not closed:
            raise DecodeError(f"{source.name}, byte {end}", "</HealthData>", "the end of the file")


@dataclass(slots=True)
class _Found:
    """What one piece holds of one device."""

    streams: list[Stream] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    offsets: list[Offset] = field(default_factory=list)


class _Export:
    """One file while it is read: what must outlast a piece of it."""

    def __init__(self) -> None:
        self.rejects = Rejects()
        self._identities = Identities()
        self._workouts = Workouts(self._identities, self.rejects)
        self._zones = Zones()
        self._last_beat: dict[int, int] = {}  # by device, the instant of its last heart-rate sample in the order of the file
        self._last_offset: dict[int, tuple[int, int]] = {}  # by device, the UTC day and the offset last told

    def read(self, piece: Piece) -> Iterator[Recording]:
        tags = find_record_tags(piece)
        records = find_records(piece, tags, self._identities, self.rejects)
        wanted = np.sort(np.concatenate([of_kind.tag for of_kind in records.values()]))
        entries = list(find_metadata(piece, tags, wanted))
        of_records = [(entry.record, entry.key, entry.value) for entry in entries if entry.record is not None]
        by_hand = {record for record, key, value in of_records if key == ENTERED_BY_HAND and value == "1"}
        zones = {record: value for record, key, value in of_records if key == TIME_ZONE and record not in by_hand}
        for of_kind in records.values():
            self._reattribute(piece, of_kind, by_hand)
        found: dict[int, _Found] = defaultdict(_Found)
        worn = self._add_heart_rate(piece, records[HEART_RATE], found)
        self._add_steps(piece, records[STEPS], worn, found)
        self._add_sleep(piece, records[SLEEP], zones, found)
        self._add_workouts(piece, [entry for entry in entries if entry.record is None], found)
        for number, parts in found.items():
            device = self._identities.devices[number]
            yield Recording(device, tuple(parts.streams), tuple(parts.spans), tuple(parts.offsets))

    def _reattribute(self, piece: Piece, records: Records, by_hand: Collection[int]) -> None:
        """Give what the wearer typed in to a device of its own: it is no measurement of the phone that it was typed on."""
        for row in np.flatnonzero(np.isin(records.tag, list(by_hand))).tolist():
            attributes = read_tag(piece.data, *piece.tag_span(int(records.tag[row]))) or {}
            records.device[row] = self._identities.number(read_device(attributes, entered_by_hand=True))

    def _add_steps(self, piece: Piece, records: Records, worn: Mapping[int, Ms], found: dict[int, _Found]) -> None:
        value = np.floor(records.value + 0.5)
        within_a_second = (records.start_ms == records.end_ms) & (value <= STEPS_IN_A_SECOND)
        records = records._replace(value=value, end_ms=records.end_ms + np.where(within_a_second, SECOND_MS, 0))
        steps = {number: _intervals(rows) for number, rows in self._by_device(piece, "steps", records)}
        for number in sorted(steps.keys() | worn.keys()):
            stream = Stream("steps", steps.get(number, NO_STEPS), worn.get(number, NO_COVERAGE))
            found[number].streams.append(stream)

    def _add_heart_rate(self, piece: Piece, records: Records, found: dict[int, _Found]) -> dict[int, Ms]:
        """Add the samples; return the time for which they show that a watch was worn, by device."""
        worn = {}
        for number, rows in self._by_device(piece, "heart_rate", records._replace(value=np.floor(records.value + 0.5))):
            found[number].streams.append(Stream("heart_rate", _intervals(rows)))
            if is_apple_watch(self._identities.devices[number]):
                coverage = self._worn(number, rows.start_ms)
                if len(coverage):
                    worn[number] = coverage
        return worn

    def _by_device(self, piece: Piece, metric: str, records: Records) -> Iterator[tuple[int, Records]]:
        """Yield what is believable of each device, in the order of the file, and count the rest as rejected."""
        good = believable(METRICS[metric], records.start_ms, records.end_ms, records.value)
        if not good.all():
            self._reject(piece, metric, records, ~good)
            records = select(records, good)
        for number in np.unique(records.device).tolist():
            yield number, select(records, records.device == number)

    def _reject(self, piece: Piece, metric: str, records: Records, bad: npt.NDArray[np.bool_]) -> None:
        first = int(np.argmax(bad))
        length_s = int(records.end_ms[first] - records.start_ms[first]) // 1000
        found = f"{records.value[first]:g} in {length_s} s"
        place = piece.place(int(records.tag[first]))
        self.rejects.add(place, f"a {metric} sample that a body can make", found, int(bad.sum()))

    def _worn(self, number: int, at_ms: Ms) -> Ms:
        """Return the time between samples of the heart that follow one another in the file at most `WORN_BETWEEN_MS` apart."""
        before = self._last_beat.get(number)
        beats = at_ms if before is None else np.concatenate(([before], at_ms))
        self._last_beat[number] = int(at_ms[-1])
        low, high = np.minimum(beats[:-1], beats[1:]), np.maximum(beats[:-1], beats[1:])
        near = (high - low <= WORN_BETWEEN_MS) & (high > low)
        return cover(low[near], high[near])

    def _add_sleep(self, piece: Piece, records: Records, zones: Mapping[int, str], found: dict[int, _Found]) -> None:
        columns = (records.tag, records.start_ms, records.end_ms, records.device)
        for (tag, start_ms, end_ms, number), name in zip(np.stack(columns, axis=1).tolist(), records.name, strict=True):
            kind, stage = STAGES.get(name.removeprefix(_STAGE_PREFIX), (None, None))
            if kind is None:
                self.rejects.add(piece.place(tag), "a stage of sleep that HealthKit has", repr(name))
            elif not EARLIEST_MS <= start_ms < end_ms <= min(LATEST_MS, start_ms + DAY_MS):
                self.rejects.add(piece.place(tag), "a stage of sleep of up to a day", f"{(end_ms - start_ms) // 1000} s")
            else:
                found[number].spans.append(Span(kind, start_ms, end_ms, {"stage": stage} if stage else {}))
                self._add_offset(zones.get(tag), start_ms, number, found[number])

    def _add_workouts(self, piece: Piece, entries: Sequence[Metadata], found: dict[int, _Found]) -> None:
        self._workouts.read(piece, entries)
        for number, span, zone in self._workouts.drain():
            found[number].spans.append(span)
            self._add_offset(zone, span.start_ms, number, found[number])

    def _add_offset(self, zone: str | None, at_ms: int, number: int, found: _Found) -> None:
        """Keep the first offset of each day, and every change: a night has dozens of stages, each with its zone."""
        offset = self._zones.offset(zone, at_ms) if zone else None
        if offset is None:
            return
        seen = (at_ms // DAY_MS, offset.offset_s)
        if self._last_offset.get(number) != seen:
            self._last_offset[number] = seen
            found.offsets.append(offset)


def _intervals(records: Records) -> Intervals:
    return Intervals(records.start_ms, records.end_ms, records.value.astype(np.int32))
