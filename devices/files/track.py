"""A workout as files of tracks have it: points in time, some with a heart rate."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from devices.errors import MissingAnswer
from devices.files.reader import ReadOptions
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    Device,
    Intervals,
    Recording,
    Rejects,
    Span,
    SpanKind,
    Stream,
    believable,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Track:
    """One workout while it is read.

    place: where it begins.  at_ms: the instants that it touches.  beat_ms, beats: the heart rate, where a point has one
    """

    place: str
    at_ms: "array[int]" = field(default_factory=lambda: array("q"))
    beat_ms: "array[int]" = field(default_factory=lambda: array("q"))
    beats: "array[float]" = field(default_factory=lambda: array("d"))

    def add_point(self, at_ms: int, beat: float | None) -> None:
        self.at_ms.append(at_ms)
        if beat is not None:
            self.beat_ms.append(at_ms)
            self.beats.append(beat)

    def heart_rate(self, rejects: Rejects) -> tuple[Stream, ...]:
        """The samples that a heart can make, as one stream; none if there are none."""
        at_ms, value = np.array(self.beat_ms, dtype=np.int64), np.floor(np.array(self.beats) + 0.5)
        good = believable(METRICS["heart_rate"], at_ms, at_ms, value)
        if not good.all():
            found = f"{self.beats[int(np.argmin(good))]:g}"
            rejects.add(self.place, "a heart rate that a body can have", found, int((~good).sum()))
        if not good.any():
            return ()
        return (Stream("heart_rate", Intervals(at_ms[good], at_ms[good], value[good].astype(np.int32))),)

    def span(self, attributes: Mapping[str, str | int | float], rejects: Rejects) -> tuple[Span, ...]:
        """The workout from its first to its last instant; none if that cannot be."""
        if not self.at_ms:
            rejects.add(self.place, "a track with times", "none")
            return ()
        start_ms, end_ms = min(self.at_ms), max(self.at_ms)
        if not 0 < end_ms - start_ms <= DAY_MS:
            rejects.add(self.place, "a workout of up to a day", f"{(end_ms - start_ms) / 1000:g} s")
            return ()
        return (Span(SpanKind.WORKOUT, start_ms, end_ms, dict(attributes)),)


def record(device: Device, streams: tuple[Stream, ...], spans: tuple[Span, ...]) -> Iterator[Recording]:
    if streams or spans:
        yield Recording(device, streams, spans)


def read_instant(text: str, options: ReadOptions) -> int | None:
    """Return the instant in ms of an ISO 8601 date and time, or None; a clock that was never set stands before 1990.

    One without a zone is UTC, as both formats ask for, unless the options say that it is local.
    Raises: MissingAnswer if it is said to be local, and not of which zone
    """
    if text[10:11] not in ("T", " "):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        if options.naive_time == "local" and options.zone is None:
            raise MissingAnswer("zone", "the times have no zone and are said to be local: of which zone?")
        at = at.replace(tzinfo=options.zone if options.naive_time == "local" else UTC)
    at_ms = (at - _EPOCH) // timedelta(milliseconds=1)
    return at_ms if EARLIEST_MS <= at_ms <= LATEST_MS else None


def read_level(text: str) -> float | None:
    """Return a plain number above 0, or None: 0 is how devices say that they measured nothing."""
    plain = text.strip()
    if len(plain) > 20 or not plain.replace(".", "", 1).isdecimal():
        return None
    return float(plain) or None
