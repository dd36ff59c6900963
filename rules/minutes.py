"""The nouns: one local day of one patient, minute by minute, as every rule reads it."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

NA = -32768  # unknown, never zero: the int16 that the minute store writes where it has no value
DAY_MINUTES = 1440
MINUTE_S = 60

Minutes = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]


class State(IntEnum):
    """What the day strip shows for a minute; each minute has one.

    UNKNOWN:  no data, or nobody can say whether the device was worn
    NOT_WORN: the wear source says so
    ASLEEP:   outside the waking window or asleep by the record, and fewer than 10 steps: nothing is judged there
    STILL:    stationary: worn, waking, fewer than 10 steps. A minute of 1-9 steps is still, though it counts in `moving_min`
    MOVING:   worn and 10 steps or more, at any hour
    WALKING:  worn and at walking cadence, at any hour
    """

    UNKNOWN = 0
    NOT_WORN = 1
    ASLEEP = 2
    STILL = 3
    MOVING = 4
    WALKING = 5


class WearSource(StrEnum):
    """What says that the device was worn, best first; published with every result."""

    DEVICE = "device"
    HEART_RATE = "hr"
    COUNTS = "counts"
    STEPS_INFERRED = "steps_inferred"
    NONE = "none"  # nothing is known of this day


class WakingSource(StrEnum):
    SLEEP_RECORD = "sleep_record"
    PRESCRIPTION = "prescription"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, eq=False)
class DayMinutes:
    """One local day. All columns have one row per elapsed minute: 1,440, or 1,380 and 1,500 where the clock changes, or
    another number on a day of travel.

    start_ms:         UTC, the first minute of the local day
    local_minute:     (n,) int16, the minute that a clock on the wall shows, 0..1439
    steps:            (n,) int16, NA where unknown
    heart_rate:       (n,) int16, NA where there is no sample
    counts:           (n,) int16, NA where unknown; None where no accelerometer counts exist
    not_worn:         (n,) bool, the device says it is off the body
    charging:         (n,) bool, the device says it is on its charger
    device_says_worn: the device reports wear at all, so that a minute it does not call `not_worn` is worn
    asleep:           (n,) bool, by the device's sleep record
    has_sleep_record: there is a record for this day; without one `asleep` says nothing
    resolution_s:     the length of the intervals that the steps came in; above 60 no rule that needs minutes may run
    set_aside:        (n,) bool, unknown because what the device said cannot be true; None: no such minute
    Raises: ValueError if a column has another length or type
    """

    day: date
    start_ms: int
    local_minute: Minutes
    steps: Minutes
    heart_rate: Minutes
    not_worn: Mask
    charging: Mask
    asleep: Mask
    counts: Minutes | None = None
    device_says_worn: bool = False
    has_sleep_record: bool = False
    resolution_s: int = MINUTE_S
    set_aside: Mask | None = None

    def __post_init__(self) -> None:
        columns = (
            ("local_minute", self.local_minute, np.int16),
            ("steps", self.steps, np.int16),
            ("heart_rate", self.heart_rate, np.int16),
            ("counts", self.steps if self.counts is None else self.counts, np.int16),
            ("not_worn", self.not_worn, np.bool_),
            ("charging", self.charging, np.bool_),
            ("asleep", self.asleep, np.bool_),
            ("set_aside", self.asleep if self.set_aside is None else self.set_aside, np.bool_),
        )
        for name, column, kind in columns:
            if column.shape != self.steps.shape or column.ndim != 1 or column.dtype != kind:
                expected = f"{self.steps.shape} {np.dtype(kind)}"
                raise ValueError(f"{self.day} {name}: expected {expected}, found {column.shape} {column.dtype}")
        if self.resolution_s < 1:
            raise ValueError(f"{self.day} resolution_s: expected 1 or more, found {self.resolution_s}")

    def __len__(self) -> int:
        return int(self.steps.size)


def build_day(
    day: date,
    steps: npt.ArrayLike,
    *,
    start_ms: int = 0,
    local_minute: npt.ArrayLike | None = None,
    heart_rate: npt.ArrayLike | None = None,
    counts: npt.ArrayLike | None = None,
    not_worn: npt.ArrayLike | None = None,
    charging: npt.ArrayLike | None = None,
    device_says_worn: bool = False,
    asleep: npt.ArrayLike | None = None,
    resolution_s: int = MINUTE_S,
) -> DayMinutes:
    """Return the day with what is not given set to unknown; the clock on the wall then starts at midnight and never changes.

    Raises: ValueError as DayMinutes does
    """
    known_steps = np.asarray(steps, dtype=np.int16)
    shape = known_steps.shape
    wall = np.arange(known_steps.size, dtype=np.int16) % DAY_MINUTES if local_minute is None else local_minute
    return DayMinutes(
        day=day,
        start_ms=start_ms,
        local_minute=np.asarray(wall, dtype=np.int16),
        steps=known_steps,
        heart_rate=np.full(shape, NA, np.int16) if heart_rate is None else np.asarray(heart_rate, np.int16),
        counts=None if counts is None else np.asarray(counts, np.int16),
        not_worn=np.zeros(shape, np.bool_) if not_worn is None else np.asarray(not_worn, np.bool_),
        charging=np.zeros(shape, np.bool_) if charging is None else np.asarray(charging, np.bool_),
        device_says_worn=device_says_worn,
        asleep=np.zeros(shape, np.bool_) if asleep is None else np.asarray(asleep, np.bool_),
        has_sleep_record=asleep is not None,
        resolution_s=resolution_s,
    )
