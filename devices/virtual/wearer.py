"""Who wears the device: a person after a lumbar fusion, described by a few settings and a seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np


class Habit(StrEnum):
    """How this person follows a prescription of short, gentle and frequent walks."""

    STEADY = "steady"  # as prescribed, well spread over the day
    FEARFUL = "fearful"  # avoids walking: few, slow, very short walks and long rests
    OVERDOING = "overdoing"  # one or two walks, too long and too brisk, with slumps after
    SITTER = "sitter"  # walks, but sits for hours in between


@dataclass(frozen=True, slots=True)
class Trip:
    """From noon of `day`, by the clock at home, this person's clocks stand in `zone`."""

    day: date
    zone: str


@dataclass(frozen=True, slots=True)
class Wearer:
    """One virtual person. Equal wearers live equal lives, whichever days are asked for and in whatever order.

    seed:       everything that happens follows from it, from the settings below and from the date alone
    surgery:    the day of the operation; what is asked for before it is the time before the operation
    zone:       IANA zone of the home
    baseline:   steps a day before the operation
    trips:      in time order; a change of more than half a day, which would change the date at noon, is refused
    silent:     days on which the device recorded nothing, beside those that chance brings
    faults:     how often the device is taken off, charged, forgotten or dead: 1 as people are, 0 never
    night_wear: is the device worn in bed?
    """

    seed: int
    surgery: date
    zone: str = "Europe/Berlin"
    habit: Habit = Habit.STEADY
    baseline: int = 5_600
    trips: tuple[Trip, ...] = ()
    silent: frozenset[date] = frozenset()
    faults: float = 1.0
    night_wear: bool = True

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, found {self.seed}")
        if list(self.trips) != sorted(self.trips, key=lambda trip: trip.day):
            raise ValueError("trips: expected in time order")
        for zone in (self.zone, *(trip.zone for trip in self.trips)):
            ZoneInfo(zone)

    @property
    def name(self) -> str:
        return f"V{self.seed:04d}"


class Theme(IntEnum):
    """What a stream of random numbers is for: a change in one leaves the others as they were."""

    PERSON = 0
    LIFE = 1
    WEAR = 2
    HEART = 3
    PHONE = 4
    GARMIN = 5
    APPLE = 6
    FITBIT = 7
    GADGETBRIDGE = 8


def dice(wearer: Wearer, theme: Theme, day: date | None = None) -> np.random.Generator:
    """Return the random numbers of one theme, of this person as such or of one of their days."""
    return np.random.Generator(np.random.PCG64([wearer.seed, theme, 0 if day is None else day.toordinal()]))


# Share of the baseline by day after surgery. Source: week means of 29, 63 and 77 % in weeks 1, 2 and 4 and most of the
# recovery within 8 weeks, Stienen 2020 (PMC7080733); the shape between is ours.
_RECOVERY_DAY = (0.0, 1.0, 4.0, 7.0, 8.0, 11.0, 14.0, 18.0, 25.0, 32.0, 39.0, 46.0, 53.0, 60.0, 91.0)
_RECOVERY_SHARE = (0.03, 0.12, 0.29, 0.46, 0.58, 0.63, 0.68, 0.71, 0.77, 0.82, 0.87, 0.91, 0.94, 0.96, 1.00)


def recovery_share(days_since_surgery: int) -> float:
    """Return which share of the steps before the operation is usual so many days after it; 1 before it."""
    if days_since_surgery < 0:
        return 1.0
    return float(np.interp(days_since_surgery, _RECOVERY_DAY, _RECOVERY_SHARE))


_ZONES = ("Europe/Berlin", "America/New_York", "Europe/Zurich", "Asia/Kolkata", "Australia/Sydney", "America/Denver")
# Half follow their prescription; the means of the others' steps cancel out, so that a cast recovers as published.
_HABITS = (
    *(Habit.STEADY,) * 5,
    *(Habit.FEARFUL,) * 2,
    *(Habit.OVERDOING,) * 2,
    Habit.SITTER,
)


def cast(seed: int, n: int, *, surgery: date = date(2026, 1, 12), zone: str | None = None) -> list[Wearer]:
    """Return n different people, operated upon within the four weeks from `surgery` on.

    zone: everybody's; None gives each one of several
    """
    people = np.random.Generator(np.random.PCG64([seed, n]))
    habits = [_HABITS[i] for i in np.concatenate([people.permutation(len(_HABITS)) for _ in range(n // len(_HABITS) + 1)])[:n]]
    zones = people.integers(0, len(_ZONES), n)
    delay = people.integers(0, 28, n)
    baseline = np.clip(people.normal(5_600, 800, n), 3_500, 8_500).astype(int)
    nights = people.random(n) < 0.8
    return [
        Wearer(
            seed=seed * 1_000_003 + i,
            surgery=surgery + timedelta(days=int(delay[i])),
            zone=zone or _ZONES[zones[i]],
            habit=habits[i],
            baseline=int(baseline[i]),
            night_wear=bool(nights[i]),
        )
        for i in range(n)
    ]


def days_from(first: date, count: int) -> list[date]:
    """Return `count` dates in a row."""
    return [first + timedelta(days=i) for i in range(count)]


def in_order(days: Iterable[date]) -> list[date]:
    """Return the days as a list. Raises: ValueError if they are not in time order or one comes twice."""
    listed = list(days)
    if any(later <= earlier for earlier, later in pairwise(listed)):
        raise ValueError("days: expected in time order, each once")
    return listed
