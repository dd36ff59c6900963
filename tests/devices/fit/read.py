"""Shorthand for reading bytes with the reader."""

from zoneinfo import ZoneInfo

from devices.files.fit import READER
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.recording import Counter, Intervals, Recording, Reject, Stream


def read(data: bytes, zone: str | None = None) -> tuple[list[Recording], list[Reject]]:
    options = ReadOptions(zone=ZoneInfo(zone) if zone else None)
    rows = list(READER.read(BytesSource(data, "made.fit"), options))
    return [r for r in rows if isinstance(r, Recording)], [r for r in rows if isinstance(r, Reject)]


def one(data: bytes, zone: str | None = None) -> Recording:
    """Return the only recording, nothing rejected."""
    (recording,), rejects = read(data, zone)
    assert not rejects
    return recording


def stream(recording: Recording, metric: str) -> Stream:
    (found,) = (s for s in recording.streams if s.metric == metric)
    return found


def counter(recording: Recording) -> Counter:
    samples = stream(recording, "steps").samples
    assert isinstance(samples, Counter)
    return samples


def intervals(recording: Recording, metric: str) -> list[tuple[int, int, int]]:
    samples = stream(recording, metric).samples
    assert isinstance(samples, Intervals)
    return list(zip(samples.start_ms.tolist(), samples.end_ms.tolist(), samples.value.tolist(), strict=True))


def readings(recording: Recording) -> list[tuple[int, int, int, int]]:
    """(at, since, channel, value) in seconds"""
    samples = counter(recording)
    return [
        (at // 1000, since // 1000, channel, value)
        for at, since, channel, value in zip(
            samples.at_ms.tolist(), samples.since_ms.tolist(), samples.channel.tolist(), samples.value.tolist(), strict=True
        )
    ]
