"""One input -> what it says, by device, ready to be stored. A pure function of bytes and options, so any executor may run it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from devices.errors import DecodeError, MissingAnswer, Unrecognised
from devices.files import identify
from devices.files.reader import Reader, ReadOptions
from devices.files.source import Source, ZipSource, read_head
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    LONGEST_DAY_MS,
    METRICS,
    MINUTE_MS,
    Counter,
    Device,
    Intervals,
    Offset,
    Recording,
    Reject,
    Span,
    Stream,
    VendorHour,
    VendorTotal,
    believable,
)
from ingest.evidence import Evidence, from_streams

SAMPLES_AT_ONCE = 2_000_000
# No wearable records longer without a break; a clock that jumped seems to, and years of false zeros would follow.
LONGEST_COVERAGE_MS = 40 * DAY_MS
_ZIP = b"PK\x03\x04"


@dataclass(slots=True)
class DeviceDigest:
    """What one device said: evidence by metric, and the rest."""

    device: Device
    evidence: dict[str, Evidence] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    offsets: list[Offset] = field(default_factory=list)
    totals: list[VendorTotal] = field(default_factory=list)
    hours: list[VendorHour] = field(default_factory=list)


@dataclass(slots=True)
class Digest:
    """A part of one input. readers: who read it. refused: why nothing (further) of some part could be read.

    samples: how many it holds, as a measure of its size
    """

    devices: list[DeviceDigest] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    readers: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A readable piece of an input (the input itself, or a member of a zip) and the reader that claims it."""

    source: Source
    reader: Reader


def open_container(source: Source) -> Source:
    """Return the source, as a container if it is a zip. Raises: DecodeError"""
    return ZipSource(source) if read_head(source)[:4] == _ZIP else source


def find_parts(source: Source) -> tuple[list[Part], list[Reject]]:
    """Return what of the input can be read, and what no reader claims.

    A zip is one input if a reader claims it whole; otherwise each member stands for itself, zips within it too.
    source: made by `open_container`
    Raises: DecodeError if it, or all in it that could be claimed, cannot be opened; Unrecognised if nothing in it is claimed
    """
    try:
        return [Part(source, identify(source))], []
    except Unrecognised:
        if not isinstance(source, ZipSource):
            raise
    parts: list[Part] = []
    strangers: list[str] = []
    rejects: list[Reject] = []
    damaged: list[DecodeError] = []
    for name in source.members:
        member = source.member(name)
        try:
            inner = read_head(member)[:4] == _ZIP
            found, left = find_parts(ZipSource(member, source.limits, source.depth + 1) if inner else member)
            parts += found
            rejects += left
        except Unrecognised:
            strangers.append(name)
        except DecodeError as error:
            damaged.append(error)
    if not parts and damaged:
        raise damaged[0]
    if not parts:
        raise Unrecognised(f"{source.name}: none of its {len(source.members)} members is of a format that afoot reads")
    rejects += [Reject(error.place, error.expected, error.found) for error in damaged]
    if strangers:
        rejects.append(Reject(source.name, "members of a format that afoot reads", strangers[0], len(strangers)))
    return parts, rejects


def digest(parts: list[Part], options: ReadOptions) -> Iterator[Digest]:
    """Yield what the parts say, in pieces of bounded size. Damage ends a part, never the others."""
    gathered = _Gathered()
    for part in parts:
        gathered.digest.readers.add(part.reader.name)
        try:
            for item in part.reader.read(part.source, options):
                if isinstance(item, Reject):
                    gathered.digest.rejects.append(item)
                else:
                    gathered.take(item, part.source.name)
                    if gathered.digest.samples >= SAMPLES_AT_ONCE:
                        yield gathered.flush()
        except (DecodeError, MissingAnswer, OSError) as error:
            gathered.digest.refused.append(f"{part.reader.name}: {error}")
    yield gathered.flush()


class _Gathered:
    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.digest = Digest()
        self._devices: dict[str, DeviceDigest] = {}
        self._streams: dict[tuple[str, str], list[Stream]] = {}

    def take(self, recording: Recording, name: str) -> None:
        key = recording.device.key
        own = self._devices.setdefault(key, DeviceDigest(recording.device))
        own.spans += recording.spans
        own.offsets += recording.offsets
        own.totals += recording.totals
        own.hours += recording.hours
        for stream in recording.streams:
            good, rejects = _believable(stream, name)
            self.digest.rejects += rejects
            self._streams.setdefault((key, stream.metric), []).append(good)
            self.digest.samples += len(good.samples.value)

    def flush(self) -> Digest:
        for (key, metric), streams in self._streams.items():
            self._devices[key].evidence[metric] = from_streams(METRICS[metric], streams)
        full = self.digest
        full.devices = list(self._devices.values())
        self._start()
        return full


def _believable(stream: Stream, name: str) -> tuple[Stream, list[Reject]]:
    """Return the stream without what no body and no clock can have made: the last line behind every reader."""
    metric, samples = METRICS[stream.metric], stream.samples
    if isinstance(samples, Counter):
        since, at = samples.since_ms, samples.at_ms
        length = at - since
        good = (since >= EARLIEST_MS) & (at <= LATEST_MS) & (length >= 0) & (length <= LONGEST_DAY_MS)
        good &= (samples.value >= 0) & (samples.value <= metric.high * (length // MINUTE_MS + 1))
        columns: Intervals | Counter = Counter(at[good], since[good], samples.channel[good], samples.value[good])
    else:
        good = believable(metric, samples.start_ms, samples.end_ms, samples.value)
        columns = Intervals(samples.start_ms[good], samples.end_ms[good], samples.value[good])
    lasts = stream.coverage[:, 1] - stream.coverage[:, 0]
    covers = (lasts <= LONGEST_COVERAGE_MS) & (stream.coverage[:, 0] >= EARLIEST_MS) & (stream.coverage[:, 1] <= LATEST_MS)
    if good.all() and covers.all():
        return stream, []
    rejects = []
    if not good.all():
        expected = f"{metric.name} of {metric.low} to {metric.high} a minute, at a believable time"
        rejects.append(Reject(name, expected, str(samples.value[~good][0]), int((~good).sum())))
    if not covers.all():
        rejects.append(Reject(name, "unbroken recording of at most 40 days", "more", int((~covers).sum())))
    return Stream(stream.metric, columns, stream.coverage[covers]), rejects
