"""What captures say, as plain values that can be compared."""

from collections.abc import Iterable

from devices.files import identify
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.recording import METRICS, Ms, Recording, Reject, Span
from ingest.evidence import Evidence, combine, from_streams


def read(capture: bytes) -> list[Recording | Reject]:
    source = BytesSource(capture, "ring.capture")
    return list(identify(source).read(source, ReadOptions()))


def recordings(captures: Iterable[bytes]) -> list[Recording]:
    return [item for capture in captures for item in read(capture) if isinstance(item, Recording)]


def rejects(captures: Iterable[bytes]) -> list[Reject]:
    return [item for capture in captures for item in read(capture) if isinstance(item, Reject)]


def evidence(captures: Iterable[bytes], metric: str = "steps") -> Evidence:
    """All that the captures say of a metric, as the store adds it up: in any order, each as often as it likes."""
    streams = [stream for item in recordings(captures) for stream in item.streams if stream.metric == metric]
    return combine(METRICS[metric], [from_streams(METRICS[metric], streams)])


def totals(captures: Iterable[bytes], metric: str = "steps") -> dict[tuple[int, int], int]:
    found = evidence(captures, metric)
    return dict(zip(zip(found.start_ms.tolist(), found.end_ms.tolist(), strict=True), found.value.tolist(), strict=True))


def covered(captures: Iterable[bytes]) -> Ms:
    return evidence(captures).coverage


def spans(captures: Iterable[bytes]) -> list[Span]:
    return sorted(
        {(s.kind, s.start_ms, s.end_ms): s for r in recordings(captures) for s in r.spans}.values(), key=lambda s: s.start_ms
    )
