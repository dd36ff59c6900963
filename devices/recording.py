"""The nouns: what a reader or a radio codec makes of bytes.

Instants are int64 milliseconds since 1970-01-01T00:00Z; intervals are half-open, [start, end). Values are integers in the
metric's unit. Samples are columns, never an object each: one export holds tens of millions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from devices.errors import shown

MINUTE_MS = 60_000
DAY_MS = 86_400_000

Ms = npt.NDArray[np.int64]
Values = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured quantity.

    kind: `sum` adds up over time (steps); `mean` is a level (heart rate)
    low, high: the limits of a believable value of one minute; a longer interval may hold `high` for each minute it touches
    """

    name: str
    unit: str
    kind: Literal["sum", "mean"]
    low: int
    high: int


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            # 220 steps/min is already a fault for the rules; beyond 400 no body can be the source.
            Metric("steps", "1", "sum", 0, 400),
            Metric("heart_rate", "1/min", "mean", 25, 250),
            # Research accelerometers: vertical-axis counts of an epoch; 32,767 is the sensor's own ceiling.
            Metric("counts", "1", "sum", 0, 32_767),
            # A vendor's own scale; comparable within one device only.
            Metric("intensity", "1", "mean", 0, 255),
        )
    }
)


class SpanKind(StrEnum):
    SLEEP = "sleep"  # attributes: stage = light | deep | rem | awake | asleep
    IN_BED = "in_bed"
    WORKOUT = "workout"  # attributes: activity = walking | running | strength | yoga | ..., steps, name
    NOT_WORN = "not_worn"
    CHARGING = "charging"


class Activity(StrEnum):
    """Kinds of workout that the programme after a fusion asks about; every other is `other`, its own name beside it."""

    WALKING = "walking"
    RUNNING = "running"
    HIKING = "hiking"
    TREADMILL = "treadmill"
    CYCLING = "cycling"
    SWIMMING = "swimming"
    STRENGTH = "strength"
    FLEXIBILITY = "flexibility"
    YOGA = "yoga"
    PILATES = "pilates"
    MOBILITY = "mobility"
    CARDIO = "cardio"
    BREATHWORK = "breathwork"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Device:
    """Who recorded. Firmware and any other thing that changes on one device never belongs here.

    serial: unique over all devices of this vendor (a serial number, a MAC address); None where the export has none, and
            then the device is told apart within its patient only, by the other fields
    """

    vendor: str
    model: str = ""
    serial: str | None = None
    name: str = ""

    @property
    def key(self) -> str:
        own = self.serial if self.serial is not None else f"~{self.name}"
        return "/".join(part.replace("/", "_") for part in (self.vendor, self.model, own))


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Samples over [start, end) each; start == end is an instant (allowed for `mean` metrics only).

    start_ms, end_ms: (n,) int64.  value: (n,) int32, the total of the interval (`sum`) or its level (`mean`).
    Any order; the same (start, end) again is the same sample, and the larger value stands.
    """

    start_ms: Ms
    end_ms: Ms
    value: Values


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """Readings of counters that run up and return to zero, one counter a channel (an activity type, say).

    at_ms:    (n,) int64, when it was read
    since_ms: (n,) int64, when this counter last was zero as the device has it (its local midnight)
    channel:  (n,) int16; -1 is a tick: what the wearer did changed at `at_ms`, and no counter was read (its value is 0)
    value:    (n,) int32, the count since `since_ms`
    An increment belongs to the time since the reading before it, of any channel.
    """

    at_ms: Ms
    since_ms: Ms
    channel: npt.NDArray[np.int16]
    value: Values


NO_COVERAGE: Ms = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One metric of one device.

    coverage: (k, 2) int64 [start, end): the time for which the device vouches, so that no sample there means zero.
              Outside it, no sample means unknown. Only for `sum` metrics. Of a `Counter`: the stretches in which the device kept
              its counts without a break, so that what it counts is known to lie between two of its readings
    """

    metric: str
    samples: Intervals | Counter
    coverage: Ms = field(default_factory=lambda: NO_COVERAGE)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that the device or its wearer named. Of two with the same kind and start, the longer stands."""

    kind: SpanKind
    start_ms: int
    end_ms: int
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offset:
    """The device's own clock stood `offset_s` ahead of UTC at `at_ms`, and until its next reading as far as it says."""

    at_ms: int
    offset_s: int


@dataclass(frozen=True, slots=True)
class VendorTotal:
    """What the vendor says the local day amounts to: a separate measurement, never mixed with the minutes."""

    day: date
    metric: str
    value: int


@dataclass(frozen=True, slots=True)
class VendorHour:
    """What the vendor says a metric sums to over [start_ms, end_ms): to check the minutes by, never mixed with them."""

    start_ms: int
    end_ms: int
    metric: str
    value: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A part of the input that was left out, and why; the rest was kept. `count` is how many alike it stands for."""

    place: str
    expected: str
    found: str
    count: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", shown(self.place))
        object.__setattr__(self, "found", shown(self.found))


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What one device recorded. A reader may yield any number of them for one device: they add up as a set."""

    device: Device
    streams: tuple[Stream, ...] = ()
    spans: tuple[Span, ...] = ()
    offsets: tuple[Offset, ...] = ()
    totals: tuple[VendorTotal, ...] = ()
    hours: tuple[VendorHour, ...] = ()


class Rejects:
    """Counts what a reader leaves out, by expectation, with the first place of each: a million bad rows cost one line."""

    def __init__(self) -> None:
        self._first: dict[str, Reject] = {}
        self._count: dict[str, int] = {}

    def add(self, place: str, expected: str, found: object, count: int = 1) -> None:
        if count <= 0:
            return
        if expected not in self._first:
            self._first[expected] = Reject(place, expected, shown(str(found), 80))
        self._count[expected] = self._count.get(expected, 0) + count

    def drain(self) -> list[Reject]:
        rows = [
            Reject(first.place, first.expected, first.found, self._count[expected]) for expected, first in self._first.items()
        ]
        self._first, self._count = {}, {}
        return rows


def believable(metric: Metric, start_ms: Ms, end_ms: Ms, value: npt.NDArray[np.number]) -> npt.NDArray[np.bool_]:
    """Return which samples a body and a clock can have made: (n,) bool.

    A sample must not end before it starts nor last longer than a day, must lie in 1990..2100, and its value must be within
    the metric's limits; a `sum` needs a length, and may hold the limit once for every minute that it touches.
    """
    length = end_ms - start_ms
    good = (start_ms >= EARLIEST_MS) & (end_ms <= LATEST_MS) & (length >= 0) & (length <= DAY_MS) & (value >= metric.low)
    if metric.kind == "mean":
        return good & (value <= metric.high)
    minutes = -(-end_ms // MINUTE_MS) - start_ms // MINUTE_MS
    return good & (length > 0) & (value <= metric.high * minutes)


LONGEST_DAY_MS = 25 * 3_600_000  # a local day on which summer time ends
EARLIEST_MS = 631_152_000_000  # 1990-01-01T00:00Z
LATEST_MS = 4_102_444_800_000  # 2100-01-01T00:00Z
