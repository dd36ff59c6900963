"""Training Center XML: the workouts that watches and training apps hand on. Not the steps of a day, which it has no place for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from devices.errors import DecodeError
from devices.files.fit.profile import type_name
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.textual.activity import find_activity
from devices.files.track import Track, read_instant, read_level, record
from devices.files.xml import Event, find_root, read_events
from devices.recording import DAY_MS, Device, Recording, Reject, Rejects

ROOT = "TrainingCenterDatabase"

_SOFTWARE = re.compile(r"\s+(?:Software )?Version\b.*", re.I | re.S)
# Apps fill these fields with zeros, small numbers and examples; a Garmin device with its serial number and its product in FIT.
_UNIT_ID = re.compile(r"[1-9][0-9]{7,9}", re.A)
_EXAMPLES = frozenset(("123456789", "1234567890", "2147483647", "4294967295"))
_PRODUCT = re.compile(r"[1-9][0-9]{0,4}", re.A)
# Newer than the profile, yet Garmin's own.
_FAMILIES = re.compile(
    r"(garmin|forerunner|f[eē]nix|v[ií]vo[a-z]*|edge|venu|instinct|epix|etrex|approach|lily|quatix|tactix|d2|marq|enduro|descent)\b",
    re.I,
)
_DURATION = "duration_s"
# What is added up over the laps. Steps are of both feet: in real files, twice the strides of `RunCadence` over the lap.
_SUMS: Mapping[tuple[str, str], str] = MappingProxyType(
    {("LX", "Steps"): "steps", ("Lap", "TotalTimeSeconds"): _DURATION, ("Lap", "DistanceMeters"): "distance_m"}
)


@dataclass(frozen=True, slots=True)
class Tcx(SingleFile):
    """The reader."""

    name: str = "tcx"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return find_root(head) == ROOT

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        reading = _Reading(options)
        try:
            for event in read_events(source):
                yield from reading.take(event)
        except DecodeError:
            yield from reading.end_activity()  # the good part of a file that breaks off
            yield from reading.rejects.drain()
            raise
        reading.end_file()
        yield from reading.rejects.drain()


@dataclass(slots=True)
class _Activity:
    sport: str
    track: Track
    creator: dict[str, str] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)  # over its laps
    lap_start_ms: int | None = None
    lap_length_s: float = 0
    lap_has_points: bool = False

    def begin_lap(self, start_ms: int | None) -> None:
        self.lap_start_ms, self.lap_length_s, self.lap_has_points = start_ms, 0, False

    def end_lap(self) -> None:
        """A lap indoors may have no points; then it lasts as long as it says."""
        if self.lap_start_ms is not None and not self.lap_has_points and self.lap_length_s * 1000 <= DAY_MS:
            self.track.add_point(self.lap_start_ms + round(self.lap_length_s * 1000), None)

    def add(self, name: str, text: str) -> None:
        value = read_level(text) or 0
        self.sums[name] = self.sums.get(name, 0) + value
        if name == _DURATION:
            self.lap_length_s = value

    def describe(self) -> dict[str, str | int | float]:
        found: dict[str, str | int | float] = {"activity": str(find_activity(self.sport)), "name": self.sport}
        if "steps" in self.sums:
            found["steps"] = round(self.sums["steps"])
        return found | {name: round(self.sums[name], 1) for name in (_DURATION, "distance_m") if name in self.sums}


class _Reading:
    """One file while it is read: an activity's device is named after its last lap."""

    def __init__(self, options: ReadOptions) -> None:
        self.rejects = Rejects()
        self._options = options
        self._activity: _Activity | None = None
        self._found = False
        self._time, self._beat = "", ""

    def take(self, event: Event) -> Iterator[Recording]:
        if event.path[-1] == "Activity":
            yield from self.end_activity()
            if event.opens:
                self._found = True
                self._activity = _Activity(event.attributes.get("Sport", "")[:80], Track(f"line {event.line}"))
        elif self._activity is not None:
            (self._begin_part if event.opens else self._end_part)(self._activity, event)

    def end_activity(self) -> Iterator[Recording]:
        """Yield the activity that was open, if one was."""
        activity, self._activity = self._activity, None
        if activity is not None:
            streams = activity.track.heart_rate(self.rejects)
            yield from record(read_creator(activity.creator), streams, activity.track.span(activity.describe(), self.rejects))

    def end_file(self) -> None:
        if not self._found:
            self.rejects.add("line 1", "an activity", "none: a course or a plan is no recording")

    def _begin_part(self, activity: _Activity, event: Event) -> None:
        if event.path[-1] == "Lap":
            start_ms = self._read_time(event.attributes.get("StartTime", ""), event.line)
            activity.begin_lap(start_ms)
            if start_ms is not None:
                activity.track.add_point(start_ms, None)
        elif event.path[-1] == "Trackpoint":
            self._time, self._beat = "", ""

    def _end_part(self, activity: _Activity, event: Event) -> None:
        names = (event.path[-2], event.path[-1])
        if names == ("Trackpoint", "Time"):
            self._time = event.text
        elif names == ("HeartRateBpm", "Value"):
            self._beat = event.text
        elif names == ("Track", "Trackpoint"):
            at_ms = self._read_time(self._time, event.line)
            if at_ms is not None:
                activity.lap_has_points = True
                activity.track.add_point(at_ms, read_level(self._beat))
        elif names[0] == "Creator":
            activity.creator[names[1]] = event.text
        elif names in _SUMS:
            activity.add(_SUMS[names], event.text)
        elif names[1] == "Lap":
            activity.end_lap()

    def _read_time(self, text: str, line: int) -> int | None:
        at_ms = read_instant(text, self._options)
        if at_ms is None:
            self.rejects.add(f"line {line}", "a time since 1990 like 2012-10-19T06:15:36Z at every lap and point", repr(text))
        return at_ms


def read_creator(creator: Mapping[str, str]) -> Device:
    """Return who recorded: a Garmin by the same product and serial number as in its FIT files, so that both are one device.

    Any other by name, without the version of the software, which older devices wrote into it.
    """
    unit, product = creator.get("UnitId", ""), creator.get("ProductID", "")
    name = " ".join(_SOFTWARE.sub("", creator.get("Name", "")).split())[:80]
    if _UNIT_ID.fullmatch(unit) and unit not in _EXAMPLES and _PRODUCT.fullmatch(product):
        model = type_name("garmin_product", int(product))
        if model or _FAMILIES.match(name):
            return Device("garmin", model or product, serial=unit)
    return Device("tcx", name=name)


READER = Tcx()
