"""What a wearer means to do on one day: when they sleep, walk, exercise, sit, and how far they get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from devices.virtual.clock import LocalDay
from devices.virtual.wearer import Habit, Wearer, recovery_share


class WorkoutKind(StrEnum):
    """What a wearer starts by hand on the watch."""

    WALKING = "walking"
    STRENGTH = "strength"
    FLEXIBILITY = "flexibility"
    CYCLING = "cycling"  # on a stationary bicycle: strokes, no steps


class Stretch(NamedTuple):
    """Minutes of the day, half-open."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlannedWalk:
    at: Stretch
    cadence_spm: float


@dataclass(frozen=True, slots=True)
class PlannedWorkout:
    kind: WorkoutKind
    at: Stretch


@dataclass(frozen=True, slots=True)
class Plan:
    """Minutes since the day began. Nights lie before `wake` and from `bed` on; nothing else overlaps anything else."""

    wake: int
    bed: int
    target_steps: float
    get_up_every_min: float
    naps: tuple[Stretch, ...]
    walks: tuple[PlannedWalk, ...]
    workouts: tuple[PlannedWorkout, ...]
    still: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class _Phase:
    until_day: int
    walks: int
    minutes: int


# Source: the prescription that MOVEMENT's table gives by default, by days since surgery.
_BEFORE = _Phase(0, 2, 10)
_PHASES = (_Phase(15, 3, 5), _Phase(43, 4, 10), _Phase(85, 3, 15), _Phase(1 << 30, 2, 20))


@dataclass(frozen=True, slots=True)
class _Style:
    """share: of the steps usual at this time.  still: how many long rests a day, and how long.  get_up: min between stirrings"""

    share: float
    brisker_spm: float
    still_count: float
    still_min: tuple[int, int]
    get_up_every_min: float


_STYLES: Mapping[Habit, _Style] = MappingProxyType(
    {
        Habit.STEADY: _Style(1.0, 0, 0.35, (30, 55), 19),
        Habit.FEARFUL: _Style(0.7, -6, 2.2, (60, 130), 40),
        Habit.OVERDOING: _Style(1.3, 24, 0.8, (45, 100), 28),
        Habit.SITTER: _Style(1.0, 2, 2.6, (75, 170), 32),
    }
)
_AS_BEFORE = _Style(1.0, 8, 0.8, (30, 80), 24)


def _walks_before(phase: _Phase, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(1, phase.walks + 2)), phase.minutes + int(rng.integers(-3, 6))


def _walks_as_prescribed(phase: _Phase, rng: np.random.Generator) -> tuple[int, int]:
    return phase.walks + int(rng.choice((-1, 0, 1), p=(0.1, 0.78, 0.12))), phase.minutes + int(rng.integers(0, 3))


def _walks_avoided(phase: _Phase, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(0, 3)), int(rng.integers(2, 5))


def _walks_too_long(phase: _Phase, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(1, 3)), round(phase.minutes * float(rng.uniform(2.2, 3.5)))


def _walks_between_sitting(phase: _Phase, rng: np.random.Generator) -> tuple[int, int]:
    return max(1, round(phase.walks * 0.6)), phase.minutes + int(rng.integers(-1, 3))


_WALKS: Mapping[Habit, Callable[[_Phase, np.random.Generator], tuple[int, int]]] = MappingProxyType(
    {
        Habit.STEADY: _walks_as_prescribed,
        Habit.FEARFUL: _walks_avoided,
        Habit.OVERDOING: _walks_too_long,
        Habit.SITTER: _walks_between_sitting,
    }
)

# kind: first day after surgery, chance on a day, minutes (low, high)
_WORKOUTS: Mapping[WorkoutKind, tuple[int, float, tuple[int, int]]] = MappingProxyType(
    {
        WorkoutKind.FLEXIBILITY: (12, 0.40, (8, 14)),
        WorkoutKind.STRENGTH: (42, 0.28, (12, 22)),
        WorkoutKind.CYCLING: (49, 0.15, (12, 25)),
    }
)


def plan_day(wearer: Wearer, local: LocalDay, rng: np.random.Generator) -> Plan:
    """Return the plan of one local day, drawn from `rng`."""
    age = (local.day - wearer.surgery).days
    before = age < 0
    phase = _BEFORE if before else next(phase for phase in _PHASES if age < phase.until_day)
    style = _AS_BEFORE if before else _STYLES[wearer.habit]
    wake, bed = _waking_hours(local, rng)
    target = wearer.baseline * recovery_share(age) * style.share * float(np.exp(rng.normal(-0.01, 0.14)))
    if not before and wearer.habit is Habit.OVERDOING:
        target *= 0.55 if rng.random() < 0.25 else 1.15
    busy = np.zeros(local.minutes, dtype=np.bool_)
    busy[:wake], busy[bed:] = True, True
    naps = _naps(local, age, busy, rng)
    still = _journey(local, busy)
    walks = _walks(wearer.habit, phase, style, age, target, (wake, bed), busy, rng)
    workouts = _workouts(age, (wake, bed), busy, rng)
    still += _still(style, (wake, bed), busy, rng)
    return Plan(wake, bed, target, style.get_up_every_min, naps, walks, workouts, tuple(sorted(still)))


def _waking_hours(local: LocalDay, rng: np.random.Generator) -> tuple[int, int]:
    wake = local.elapsed(int(np.clip(rng.normal(400, 22), 330, 500)))
    bed = local.elapsed(int(np.clip(rng.normal(1_335, 28), 1_260, 1_420)))
    return wake, max(bed, wake + 300)


def _take(busy: npt.NDArray[np.bool_], nominal: int, length: int, margin: int = 3) -> Stretch | None:
    """Book the first free stretch of that length at or after `nominal`, and a margin around it; None if the day is full."""
    last = len(busy) - length - margin
    for start in range(max(nominal, margin), last, 5):
        if not busy[start - margin : start + length + margin].any():
            busy[start - margin : start + length + margin] = True
            return Stretch(start, start + length)
    return None


def _naps(local: LocalDay, age: int, busy: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[Stretch, ...]:
    chance = 0.08 if age < 0 else 0.65 if age < 15 else 0.30 if age < 43 else 0.12
    drawn, length, wall = rng.random(), int(rng.integers(25, 95)), int(rng.integers(770, 850))
    if drawn >= chance or local.journey:
        return ()
    nap = _take(busy, local.elapsed(wall), length)
    return () if nap is None else (nap,)


def _journey(local: LocalDay, busy: npt.NDArray[np.bool_]) -> list[Stretch]:
    """The hours in a seat before the clocks are set to another zone."""
    if not local.journey:
        return []
    seat = Stretch(max(local.turn - 200, 0), local.turn)
    if busy[seat.start : seat.end].any():
        return []
    busy[seat.start : seat.end] = True
    return [seat]


def _walks(
    habit: Habit,
    phase: _Phase,
    style: _Style,
    age: int,
    target: float,
    waking: tuple[int, int],
    busy: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[PlannedWalk, ...]:
    count, minutes = (_walks_before if age < 0 else _WALKS[habit])(phase, rng)
    cadence = max(50 + 42 * recovery_share(age) + style.brisker_spm, 104 if style.brisker_spm >= 20 else 52)
    count, minutes = _within(target * 0.9 / cadence, count, minutes)
    walks = []
    for index, shift in enumerate(rng.integers(-25, 26, count).tolist()):
        nominal = waking[0] + 50 + (waking[1] - waking[0] - 170) * (index + 0.5) / count
        at = _take(busy, int(nominal) + shift, minutes + (int(rng.integers(0, 2)) if index else 0))
        if at is not None:
            walks.append(PlannedWalk(at, cadence + float(rng.normal(0, 1.5))))
    return tuple(sorted(walks, key=lambda walk: walk.at))


def _within(minutes_in_all: float, count: int, minutes: int) -> tuple[int, int]:
    """Leave out walks, then shorten the one that remains, until the legs can carry them."""
    while count > 1 and count * minutes > minutes_in_all:
        count -= 1
    minutes = min(minutes, int(minutes_in_all))
    return (count, minutes) if minutes >= 2 else (0, 0)


def _workouts(
    age: int, waking: tuple[int, int], busy: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[PlannedWorkout, ...]:
    found = []
    for kind, (first_day, chance, (low, high)) in _WORKOUTS.items():
        drawn, length, place = rng.random(), int(rng.integers(low, high + 1)), rng.random()
        if age >= first_day and drawn < chance:
            at = _take(busy, int(waking[0] + 60 + place * (waking[1] - waking[0] - 200)), length)
            if at is not None:
                found.append(PlannedWorkout(kind, at))
    return tuple(sorted(found, key=lambda workout: workout.at))


def _still(style: _Style, waking: tuple[int, int], busy: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[Stretch]:
    found = []
    for place in rng.random(int(rng.poisson(style.still_count))):
        length = int(rng.integers(*style.still_min))
        at = _take(busy, int(waking[0] + 30 + place * (waking[1] - waking[0] - 60)), length, margin=1)
        if at is not None:
            found.append(at)
    return found
