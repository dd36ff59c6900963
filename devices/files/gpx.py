"""GPX: tracks of positions. Of use here: when somebody was out and how, and the heart rate that some devices put beside it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devices.errors import DecodeError
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.textual.activity import find_activity
from devices.files.track import Track, read_instant, read_level, record
from devices.files.xml import Event, find_root, read_events
from devices.recording import Device, Recording, Reject, Rejects

# Diaries of places write tracks of these; nobody moved.
VEHICLES = frozenset(("car", "bus", "train", "tram", "metro", "subway", "airplane", "boat", "taxi", "motorcycle", "driving"))
# The routes in an Apple Health export: the workouts that they belong to are in `export.xml` beside them.
APPLE = "Apple Health Export"

_ADDRESS = re.compile(r"[\s,-]*\b(?:https?://|www\.)\S*")
_VERSION = re.compile(r"[\s,/-]*\b(?:v|version\s*)?[0-9]+(?:\.[0-9]+)+\S*", re.I)


@dataclass(frozen=True, slots=True)
class Gpx(SingleFile):
    """The reader."""

    name: str = "gpx"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return find_root(head) == "gpx"

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        reading = _Reading(options)
        try:
            for event in read_events(source):
                yield from reading.take(event)
        except DecodeError:
            yield from reading.end_track()  # the good part of a file that breaks off
            yield from reading.rejects.drain()
            raise
        yield from reading.rejects.drain()


class _Reading:
    """One file while it is read."""

    def __init__(self, options: ReadOptions) -> None:
        self.rejects = Rejects()
        self._options = options
        self._device = Device("gpx")
        self._passed_over = False
        self._found = False
        self._track: Track | None = None
        self._places = Track("waypoints")  # they are no workout, but some carry a heart rate
        self._type, self._time, self._beat = "", "", ""

    def take(self, event: Event) -> Iterator[Recording]:
        if len(event.path) == 1:
            yield from self._take_root(event)
        elif self._passed_over:
            return
        elif event.path[1:] == ("trk",):
            yield from self.end_track()
            if event.opens:
                self._track, self._type, self._found = Track(f"line {event.line}"), "", True
        elif event.opens:
            if event.path[-1] in ("trkpt", "wpt"):
                self._time, self._beat = "", ""
        else:
            self._end_part(event.path, event.text, event.line)

    def end_track(self) -> Iterator[Recording]:
        """Yield the track that was open, if one was."""
        track, self._track = self._track, None
        if track is not None:
            words = re.findall("[a-z]+", self._type.lower())
            attributes = {"activity": str(find_activity(self._type)), "name": self._type}
            spans = track.span(attributes, self.rejects) if VEHICLES.isdisjoint(words) else ()
            yield from record(self._device, track.heart_rate(self.rejects), spans)

    def _take_root(self, event: Event) -> Iterator[Recording]:
        if event.opens:
            self._device = read_creator(event.attributes.get("creator", ""))
            self._passed_over = self._device.name == APPLE
            return
        yield from record(self._device, self._places.heart_rate(self.rejects), ())
        if not self._found and not self._passed_over:
            self.rejects.add("line 1", "a track, or a heart rate", "neither")

    def _end_part(self, path: tuple[str, ...], text: str, line: int) -> None:
        names = path[-2:]
        if names == ("trk", "type"):
            self._type = text[:80]
        elif names in (("trkpt", "time"), ("wpt", "time")):
            self._time = text
        elif names[1].lower() in ("hr", "heartrate") and "extensions" in path:
            self._beat = text
        elif names[1] == "trkpt" and self._track is not None:
            self._add_point(self._track, line)
        elif names[1] == "wpt" and read_level(self._beat) is not None:
            self._found = True
            self._add_point(self._places, line)

    def _add_point(self, track: Track, line: int) -> None:
        at_ms = read_instant(self._time, self._options)
        if at_ms is None:
            self.rejects.add(f"line {line}", "a time since 1990 like 2015-12-11T15:43:13Z at every point", repr(self._time))
        else:
            track.add_point(at_ms, read_level(self._beat))


def read_creator(creator: str) -> Device:
    """Return what wrote the file, without its web address and its version, which change."""
    plain = _VERSION.sub("", _ADDRESS.sub("", creator))
    return Device("gpx", name=" ".join(plain.split())[:80])


READER = Gpx()
