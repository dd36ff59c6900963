"""Workouts: elements that stay open over others, so that one may begin in one piece of the file and end in another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from devices.files.apple.attributes import is_empty, read_tag
from devices.files.apple.identity import Identities, read_device
from devices.files.apple.metadata import ENTERED_BY_HAND, INDOOR, TIME_ZONE, Metadata
from devices.files.apple.pieces import Piece
from devices.files.apple.records import read_number, read_span
from devices.files.apple.words import among, word
from devices.recording import DAY_MS, EARLIEST_MS, LATEST_MS, Activity, Rejects, Span, SpanKind

_TAGS = (word(b"<Workout"), word(b"</Workou"))
_NAME = re.compile(rb"<(Workout|WorkoutStatistics|/Workout)(?=[\s/>])")
_PREFIX = "HKWorkoutActivityType"
_STEPS, _DISTANCE = "HKQuantityTypeIdentifierStepCount", "HKQuantityTypeIdentifierDistance"
_METRES: Mapping[str, float] = MappingProxyType({"km": 1000, "m": 1, "mi": 1609.344, "yd": 0.9144, "ft": 0.3048, "cm": 0.01})
_SECONDS: Mapping[str, float] = MappingProxyType({"min": 60, "s": 1, "hr": 3600, "h": 3600})

# HKWorkoutActivityType of HealthKit; what is not here is `other`, with Apple's name beside it.
ACTIVITIES: Mapping[str, Activity] = MappingProxyType(
    {
        "Walking": Activity.WALKING,
        "Running": Activity.RUNNING,
        "Hiking": Activity.HIKING,
        "Cycling": Activity.CYCLING,
        "Swimming": Activity.SWIMMING,
        "TraditionalStrengthTraining": Activity.STRENGTH,
        "FunctionalStrengthTraining": Activity.STRENGTH,
        "CoreTraining": Activity.STRENGTH,
        "Flexibility": Activity.FLEXIBILITY,
        "Yoga": Activity.YOGA,
        "Pilates": Activity.PILATES,
        "PreparationAndRecovery": Activity.MOBILITY,
        "Cooldown": Activity.MOBILITY,
        "MixedCardio": Activity.CARDIO,
        "MixedMetabolicCardioTraining": Activity.CARDIO,
        "HighIntensityIntervalTraining": Activity.CARDIO,
        "Elliptical": Activity.CARDIO,
        "Rowing": Activity.CARDIO,
        "StairClimbing": Activity.CARDIO,
        "Stairs": Activity.CARDIO,
        "StepTraining": Activity.CARDIO,
        "JumpRope": Activity.CARDIO,
    }
)


class Workout(NamedTuple):
    device: int
    span: Span
    zone: str | None  # where it took place, as an IANA name


class Workouts:
    """The workouts of one file, from their tags in order; those that have ended wait until they are drained."""

    def __init__(self, identities: Identities, rejects: Rejects) -> None:
        self._identities, self._rejects = identities, rejects
        self._open: _OpenWorkout | None = None
        self._ended: list[Workout] = []

    def read(self, piece: Piece, entries: Sequence[Metadata]) -> None:
        """Go on with a piece, and with its metadata that no record holds."""
        tags = [(tag, None) for tag in np.flatnonzero(among(piece.names, _TAGS)).tolist()]
        for tag, entry in sorted([*tags, *((entry.tag, entry) for entry in entries)], key=itemgetter(0)):
            if entry is None:
                self._read_tag(piece, tag)
            elif self._open is not None:
                self._open.metadata.setdefault(entry.key, entry.value)

    def _read_tag(self, piece: Piece, tag: int) -> None:
        start, end = piece.tag_span(tag)
        name = _NAME.match(piece.data, start, end)
        if name is None:
            return
        if name[1] == b"/Workout":
            self._end()
        elif name[1] == b"WorkoutStatistics":
            self._add_statistics(read_tag(piece.data, start, end) or {})
        else:
            self._begin(read_tag(piece.data, start, end), piece.place(tag))
            if is_empty(piece.data, start, end):
                self._end()

    def _begin(self, attributes: Mapping[str, str] | None, place: str) -> None:
        self._open = None
        if attributes is None:
            self._rejects.add(place, "a workout whose attributes can be read", "none")
        elif span := read_span(attributes, place, self._rejects, "workout"):
            self._open = _OpenWorkout(place, *span, attributes)

    def _add_statistics(self, attributes: Mapping[str, str]) -> None:
        """Take the sums of steps and distance; a workout of several parts has its own sum beside theirs, and is the largest."""
        if self._open is not None:
            self._open.add_sum(attributes.get("type", ""), attributes.get("sum", ""), attributes.get("unit", ""))

    def _end(self) -> None:
        if self._open is None:
            return
        workout, self._open = self._open, None
        if not (EARLIEST_MS <= workout.start_ms < workout.end_ms <= min(LATEST_MS, workout.start_ms + DAY_MS)):
            found = f"{(workout.end_ms - workout.start_ms) // 1000} s from {workout.attributes.get('startDate')}"
            self._rejects.add(workout.place, "a workout of up to a day", found)
            return
        by_hand = workout.metadata.get(ENTERED_BY_HAND) == "1"
        device = self._identities.number(read_device(workout.attributes, entered_by_hand=by_hand))
        span = Span(SpanKind.WORKOUT, workout.start_ms, workout.end_ms, workout.describe())
        self._ended.append(Workout(device, span, None if by_hand else workout.metadata.get(TIME_ZONE)))

    def drain(self) -> list[Workout]:
        ended, self._ended = self._ended, []
        return ended


@dataclass(slots=True)
class _OpenWorkout:
    place: str
    start_ms: int
    end_ms: int
    attributes: Mapping[str, str]
    metadata: dict[str, str] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add_sum(_DISTANCE, self.attributes.get("totalDistance", ""), self.attributes.get("totalDistanceUnit", ""))

    def add_sum(self, quantity: str, text: str, unit: str) -> None:
        value = read_number(text)
        if value is None:
            return
        if quantity == _STEPS and unit == "count":
            self.sums["steps"] = max(self.sums.get("steps", 0), value)
        elif quantity.startswith(_DISTANCE) and unit in _METRES:
            self.sums["distance_m"] = max(self.sums.get("distance_m", 0), value * _METRES[unit])

    def describe(self) -> dict[str, str | int | float]:
        name = self.attributes.get("workoutActivityType", "").removeprefix(_PREFIX)[:80]
        found: dict[str, str | int | float] = {"activity": str(ACTIVITIES.get(name, Activity.OTHER)), "name": name}
        duration, unit = read_number(self.attributes.get("duration", "")), self.attributes.get("durationUnit", "")
        if duration is not None and unit in _SECONDS:
            found["duration_s"] = round(duration * _SECONDS[unit], 1)
        if "steps" in self.sums:
            found["steps"] = round(self.sums["steps"])
        if "distance_m" in self.sums:
            found["distance_m"] = round(self.sums["distance_m"], 1)
        if self.metadata.get(INDOOR) == "1":
            found["indoor"] = 1
        return found
