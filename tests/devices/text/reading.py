"""What the tests of text readers share: all readers, how to read bytes, and what must hold of whatever they yield."""

import io
from dataclasses import dataclass
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np

from devices.errors import DecodeError, MissingAnswer
from devices.files import READERS as ALL_READERS
from devices.files import fitbit, garmin_connect, omh, plain_csv, samsung, withings
from devices.files.reader import Reader, ReadOptions
from devices.files.source import BytesSource, Source, read_head
from devices.recording import METRICS, Intervals, Recording, Reject, believable

READERS: tuple[Reader, ...] = (
    *fitbit.READERS,
    samsung.READER,
    withings.READER,
    omh.READER,
    plain_csv.READER,
    garmin_connect.READER,
)
BERLIN = ZoneInfo("Europe/Berlin")
UTC_MEANT = ReadOptions(BERLIN, "utc")
LOCAL_MEANT = ReadOptions(BERLIN, "local")


def ms(text: str) -> int:
    """Milliseconds of an ISO time in UTC."""
    return int(np.datetime64(text, "ms").astype(np.int64))


def claims(data: bytes, name: str) -> list[str]:
    """The names of those that claim the bytes, of all readers that there are."""
    return [reader.name for reader in ALL_READERS if reader.identify(name, data[:4096], ())]


def read_bytes(data: bytes, name: str, options: ReadOptions = UTC_MEANT) -> tuple[list[Recording], list[Reject]]:
    """Read with the one reader that claims the bytes."""
    return read_source(BytesSource(data, name), options)


def read_source(source: Source, options: ReadOptions = UTC_MEANT) -> tuple[list[Recording], list[Reject]]:
    found = [reader for reader in READERS if reader.identify(source.name, read_head(source), source.members)]
    assert len(found) == 1, [reader.name for reader in found]
    items = list(found[0].read(source, options))
    for item in items:
        check(item)
    return [item for item in items if isinstance(item, Recording)], [item for item in items if isinstance(item, Reject)]


def read_damaged(
    data: bytes, name: str, options: ReadOptions = UTC_MEANT
) -> tuple[list[Recording], list[Reject], DecodeError | MissingAnswer | None]:
    """Read with every reader that claims the bytes, up to its end or its error."""
    source, recordings, rejects = BytesSource(data, name), list[Recording](), list[Reject]()
    for reader in READERS:
        if reader.identify(name, data[:4096], ()):
            reading = iter(reader.read(source, options))
            while True:
                try:
                    item = next(reading, None)
                except (DecodeError, MissingAnswer) as error:
                    return recordings, rejects, error
                if item is None:
                    break
                check(item)
                if isinstance(item, Recording):
                    recordings.append(item)
                else:
                    rejects.append(item)
    return recordings, rejects, None


def samples(recordings: list[Recording], metric: str = "steps", device: str | None = None) -> list[tuple[int, int, int]]:
    """All (start, end, value) of a metric, in time order."""
    rows: list[tuple[int, int, int]] = []
    for recording in recordings:
        if device is None or recording.device.key == device:
            for stream in recording.streams:
                if stream.metric == metric and isinstance(stream.samples, Intervals):
                    part = stream.samples
                    rows += zip(part.start_ms.tolist(), part.end_ms.tolist(), part.value.tolist(), strict=True)
    return sorted(rows)


def coverage(recordings: list[Recording], metric: str = "steps") -> list[list[int]]:
    return sorted(
        pair
        for recording in recordings
        for stream in recording.streams
        if stream.metric == metric
        for pair in stream.coverage.tolist()
    )


def spans(recordings: list[Recording], kind: str) -> list[tuple[int, int, dict[str, str | int | float]]]:
    found = [span for recording in recordings for span in recording.spans if span.kind == kind]
    return sorted(((span.start_ms, span.end_ms, dict(span.attributes)) for span in found), key=lambda row: row[:2])


def check(item: Recording | Reject) -> None:
    """What the contract of a recording demands of anything a reader yields."""
    assert isinstance(item, Recording | Reject)
    if isinstance(item, Reject):
        assert item.count > 0
        assert item.place
        assert len(item.found) <= 80
        return
    assert item.streams or item.spans or item.totals or item.offsets
    assert item.device.key.isprintable()
    for stream in item.streams:
        part = stream.samples
        assert isinstance(part, Intervals)
        assert part.start_ms.dtype == part.end_ms.dtype == np.int64
        assert part.value.dtype == np.int32
        assert len(part.start_ms) == len(part.end_ms) == len(part.value)
        assert believable(METRICS[stream.metric], part.start_ms, part.end_ms, part.value).all()
        assert stream.coverage.shape == (len(stream.coverage), 2)
        assert stream.coverage.dtype == np.int64
        assert (stream.coverage[:, 1] > stream.coverage[:, 0]).all()
        assert (stream.coverage[1:, 0] >= stream.coverage[:-1, 0]).all()
        if METRICS[stream.metric].kind == "mean":
            assert not len(stream.coverage)
    for span in item.spans:
        assert isinstance(span.start_ms, int)
        assert span.end_ms > span.start_ms
    for offset in item.offsets:
        assert abs(offset.offset_s) <= 16 * 3600
    for total in item.totals:
        assert total.value >= 0


@dataclass(frozen=True)
class Dribble:
    """A source that gives a few bytes at a time."""

    data: bytes
    name: str
    size: int
    members: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        return _Slow(self.data, self.size)

    def member(self, name: str) -> Source:
        raise KeyError(name)


class _Slow(io.BytesIO):
    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._size if size is None or size < 0 else min(size, self._size)
        return super().read(wanted)
