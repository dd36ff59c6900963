"""The truth: what a wearer's body did in every minute, and in which of them the device could know it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from devices.virtual.clock import MINUTE_MS, LocalDay, local_day
from devices.virtual.plan import Plan, Stretch, WorkoutKind, plan_day
from devices.virtual.wearer import Habit, Theme, Wearer, dice, in_order

Steps = npt.NDArray[np.int16]
Codes = npt.NDArray[np.uint8]


class State(IntEnum):
    """Of the device that is worn at the wrist."""

    WORN = 0
    NOT_WORN = 1  # on, lying somewhere
    CHARGING = 2
    SILENT = 3  # off or dead: of these minutes no device holds anything


class Stage(IntEnum):
    AWAKE = 0
    LIGHT = 1
    DEEP = 2
    REM = 3


@dataclass(frozen=True, slots=True)
class Walk:
    """A planned walk as it was walked; every minute of it has 40 steps or more."""

    start_ms: int
    end_ms: int
    steps: int

    @property
    def minutes(self) -> int:
        return (self.end_ms - self.start_ms) // MINUTE_MS


@dataclass(frozen=True, slots=True)
class Workout:
    """What the wearer started and stopped by hand on the device, which was worn all the while."""

    kind: WorkoutKind
    start_ms: int
    end_ms: int
    steps: int


@dataclass(frozen=True, eq=False)
class Day:
    """One local day, all of it, by UTC minute.

    start_ms, end_ms: half-open; (end_ms - start_ms) / 60,000 = n minutes: 1,380, 1,440, 1,500, or a day of travel
    offset_s:   (n,) int32, how far the clocks stand ahead of UTC
    steps:      (n,) int16, of the body, seen or not
    strokes:    (n,) int16, turns of a stationary bicycle's pedals
    heart_rate: (n,) int16, 1/min, of the body
    state:      (n,) uint8, `State`
    stage:      (n,) uint8, `Stage`
    phone:      (n,) int16, the steps that a phone in the pocket counted; -1 where it was not carried
    still:      rests without a step, half-open UTC ms
    """

    day: date
    start_ms: int
    end_ms: int
    offset_s: npt.NDArray[np.int32]
    steps: Steps
    strokes: Steps
    heart_rate: Steps
    state: Codes
    stage: Codes
    phone: Steps
    walks: tuple[Walk, ...]
    workouts: tuple[Workout, ...]
    still: tuple[tuple[int, int], ...]
    wake_ms: int
    bed_ms: int
    journey: bool

    @cached_property
    def at_ms(self) -> npt.NDArray[np.int64]:
        """(n,) int64, when each minute starts."""
        return self.start_ms + MINUTE_MS * np.arange(len(self.steps), dtype=np.int64)

    @cached_property
    def recorded(self) -> Steps:
        """(n,) int16, what the device at the wrist counted: 0 wherever it was not worn."""
        return np.where(self.state == State.WORN, self.steps, 0).astype(np.int16)

    @property
    def total_steps(self) -> int:
        return int(self.steps.sum())

    @property
    def recorded_steps(self) -> int:
        """What an honest result for this day is: no device can do better."""
        return int(self.recorded.sum())

    def count(self, state: State) -> int:
        """Return how many minutes the device spent in that state."""
        return int((self.state == state).sum())


def truth(wearer: Wearer, days: Iterable[date]) -> list[Day]:
    """Return these local days of this wearer's life, the same however and in whatever company they are asked for.

    Raises: ValueError if the days are not in time order, or a trip changes the date
    """
    return [_live(wearer, local_day(wearer, day)) for day in in_order(days)]


def _live(wearer: Wearer, local: LocalDay) -> Day:
    rng = dice(wearer, Theme.LIFE, local.day)
    plan = plan_day(wearer, local, rng)
    stage = _sleep(plan, local.minutes, rng)
    steps = _steps(plan, stage, wearer, rng)
    strokes = np.zeros(local.minutes, dtype=np.int16)
    for workout in plan.workouts:
        if workout.kind is WorkoutKind.CYCLING:
            strokes[slice(*workout.at)] = rng.integers(48, 60, workout.at.end - workout.at.start)
    state = _wear(plan, wearer, local)
    offset = np.where(np.arange(local.minutes) < local.turn, local.offset_s, local.offset_after_s).astype(np.int32)

    def instants(at: Stretch) -> tuple[int, int]:
        return local.start_ms + at.start * MINUTE_MS, local.start_ms + at.end * MINUTE_MS

    return Day(
        day=local.day,
        start_ms=local.start_ms,
        end_ms=local.end_ms,
        offset_s=offset,
        steps=steps,
        strokes=strokes,
        heart_rate=_heart_rate(plan, steps, stage, wearer, local),
        state=state,
        stage=stage,
        phone=_phone(plan, steps, wearer, local),
        walks=tuple(Walk(*instants(walk.at), int(steps[slice(*walk.at)].sum())) for walk in plan.walks),
        workouts=tuple(
            Workout(kind, *instants(at), int(steps[slice(*at)].sum()))
            for kind, at in _started_by_hand(plan, rng)
            if (state[slice(*at)] == State.WORN).all()
        ),
        still=tuple(instants(at) for at in plan.still),
        wake_ms=local.start_ms + plan.wake * MINUTE_MS,
        bed_ms=local.start_ms + plan.bed * MINUTE_MS,
        journey=local.journey,
    )


def _started_by_hand(plan: Plan, rng: np.random.Generator) -> list[tuple[WorkoutKind, Stretch]]:
    recorded = rng.random(len(plan.walks)) < 0.3
    walks = [(WorkoutKind.WALKING, walk.at) for walk, yes in zip(plan.walks, recorded, strict=True) if yes]
    return sorted([*walks, *((workout.kind, workout.at) for workout in plan.workouts)], key=lambda found: found[1])


# One cycle of sleep, minutes of each stage.
_CYCLE = np.repeat(np.array([Stage.LIGHT, Stage.DEEP, Stage.LIGHT, Stage.REM], dtype=np.uint8), (25, 30, 17, 18))


def _sleep(plan: Plan, minutes: int, rng: np.random.Generator) -> Codes:
    """The night's two ends within this day, wakeful minutes among them, and naps."""
    stage = np.zeros(minutes, dtype=np.uint8)
    stage[: plan.wake] = np.resize(np.roll(_CYCLE, -int(rng.integers(40, 90))), plan.wake)
    stage[plan.bed :] = np.resize(_CYCLE, minutes - plan.bed)
    for start in rng.integers(20, max(plan.wake - 15, 21), int(rng.integers(0, 3))).tolist():
        stage[start : start + int(rng.integers(3, 9))] = Stage.AWAKE
    for nap in plan.naps:
        stage[slice(*nap)] = Stage.LIGHT
    return stage


def _steps(plan: Plan, stage: Codes, wearer: Wearer, rng: np.random.Generator) -> Steps:
    steps = np.zeros(len(stage), dtype=np.int64)
    free = np.ones(len(stage), dtype=np.bool_)
    free[: plan.wake], free[plan.bed :] = False, False
    for stretch in (*plan.naps, *plan.still, *(workout.at for workout in plan.workouts)):
        free[slice(*stretch)] = False
    for walk in plan.walks:
        free[walk.at.start - 1 : walk.at.end + 1] = False
        # 42: a walking minute is one of 40 steps or more, and the truth must not hang on the edge of a definition.
        steps[slice(*walk.at)] = np.maximum(rng.normal(walk.cadence_spm, 2.5, walk.at.end - walk.at.start).round(), 42)
    to_the_bathroom = np.flatnonzero((stage[1 : plan.wake] == Stage.AWAKE) & (stage[: plan.wake - 1] != Stage.AWAKE)) + 1
    steps[to_the_bathroom] = rng.integers(8, 26, len(to_the_bathroom))
    places = np.flatnonzero(free)
    shuffles = places[rng.random(len(places)) < 0.03]
    steps[shuffles] = rng.integers(2, 8, len(shuffles))
    rest = plan.target_steps - steps.sum()
    chosen = _stirrings(places, rest, plan.get_up_every_min, rng)
    steps[chosen] = _small_steps(rest, len(chosen), rng)
    if len(chosen) and rng.random() < (0.2 if wearer.habit is Habit.OVERDOING else 0.06):
        # A dash, to a bus or a telephone: the one thing a watch calls running here.
        steps[rng.choice(chosen)] = rng.integers(132, 150)
    return steps.astype(np.int16)


def _stirrings(
    places: npt.NDArray[np.int64], rest: float, get_up_every_min: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Choose the minutes, among the free ones, in which somebody moves about: bursts of one to three, well spread."""
    if not len(places):
        return places
    bursts = max(len(places) / get_up_every_min, rest / 20 / 1.9)
    mean_gap = max(len(places) / bursts, 3.0)
    # Never much longer than usual: long rests are planned ones, and come from the habit.
    starts = np.cumsum(rng.uniform(0.45, 1.5, int(len(places) / mean_gap * 1.2) + 4) * mean_gap).astype(np.int64)
    lengths = (
        rng.choice((1, 2, 3), len(starts), p=(0.35, 0.4, 0.25)) if rest / bursts > 22 else np.ones(len(starts), dtype=np.int64)
    )
    reach = np.concatenate([starts + i for i in range(3)])[np.concatenate([lengths > i for i in range(3)])]
    chosen: npt.NDArray[np.int64] = places[np.unique(reach[reach < len(places)])]
    return chosen


_SMALLEST, _LARGEST = 10, 37  # of a minute in which somebody gets up


def _small_steps(total: float, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Share out `total` over n minutes, each within the limits: below them it is no movement, above them it is a walk."""
    if not n:
        return np.zeros(0, dtype=np.int64)
    spread = rng.gamma(2.0, 1.0, n)
    extra = max(total - (_SMALLEST + 1.5) * n, 0)
    shared: npt.NDArray[np.int64] = np.minimum(
        _SMALLEST + rng.integers(0, 4, n) + rng.poisson(extra * spread / spread.sum()), _LARGEST
    )
    return shared


def _wear(plan: Plan, wearer: Wearer, local: LocalDay) -> Codes:
    """Later ones of these stand over earlier ones."""
    rng = dice(wearer, Theme.WEAR, local.day)
    n, faults = local.minutes, wearer.faults
    chance, length, place = rng.random(8), rng.random(8), rng.random(8)
    state = np.zeros(n, dtype=np.uint8)
    if not wearer.night_wear:
        state[: plan.wake + 6], state[plan.bed - 8 :] = State.NOT_WORN, State.NOT_WORN
    if local.day == wearer.surgery and faults > 0:
        state[plan.wake : plan.wake + 540] = State.NOT_WORN
    if chance[0] < 0.8 * faults:
        _lay(state, State.NOT_WORN, plan.wake + 8 + 20 * place[0], 9 + 16 * length[0])  # in the shower
    if chance[1] < 0.06 * faults:
        _lay(state, State.NOT_WORN, plan.wake + place[1] * (plan.bed - plan.wake), 60 + 420 * length[1])  # left at home
    if chance[2] < 0.012 * faults:
        state[:] = State.NOT_WORN  # in a drawer
    if chance[3] < 0.28 * faults:
        _lay(state, State.CHARGING, plan.bed - 170 + 60 * place[3], 50 + 50 * length[3])
    if chance[4] < 0.015 * faults:
        state[int(plan.wake + place[4] * (plan.bed - plan.wake)) :] = State.SILENT  # the battery died
    if chance[5] < 0.012 * faults or local.day in wearer.silent:
        state[:] = State.SILENT
    return state


def _lay(state: Codes, kind: State, start: float, minutes: float) -> None:
    state[max(int(start), 0) : max(int(start + minutes), 0)] = kind


_SMOOTH = np.exp(-np.arange(12) / 3.0)
_SMOOTH /= _SMOOTH.sum()
_EFFORT_BPM = {WorkoutKind.STRENGTH: 24, WorkoutKind.FLEXIBILITY: 9, WorkoutKind.CYCLING: 38}


def _heart_rate(plan: Plan, steps: Steps, stage: Codes, wearer: Wearer, local: LocalDay) -> Steps:
    rng = dice(wearer, Theme.HEART, local.day)
    rest = float(dice(wearer, Theme.PERSON).uniform(56, 72))
    age = (local.day - wearer.surgery).days
    effort = 0.40 * steps.astype(np.float64)
    for workout in plan.workouts:
        effort[slice(*workout.at)] += _EFFORT_BPM[workout.kind]
    effort = np.convolve(effort, _SMOOTH)[: len(effort)]
    strain = 11.0 * float(np.exp(-age / 14)) if age >= 0 else 0.0
    slow = np.interp(
        np.arange(len(steps)), np.arange(0, len(steps) + 30, 30), rng.normal(0, 3, len(steps) // 30 + 1 + (len(steps) % 30 > 0))
    )
    level = rest + strain + slow + effort + np.where(stage > 0, -5.0, 7.0) + rng.normal(0, 1.6, len(steps))
    return np.clip(level.round(), 42, 185).astype(np.int16)


def _phone(plan: Plan, steps: Steps, wearer: Wearer, local: LocalDay) -> Steps:
    """Carried on most walks and for part of the rest of the day; a step now and then escapes it."""
    rng = dice(wearer, Theme.PHONE, local.day)
    carried = np.zeros(len(steps), dtype=np.bool_)
    for start in rng.integers(plan.wake, plan.bed, 5).tolist():
        carried[start : start + int(rng.integers(30, 120))] = True
    for walk, taken in zip(plan.walks, rng.random(len(plan.walks)) < 0.75, strict=True):
        carried[slice(*walk.at)] = taken
    carried[plan.bed :] = False
    return np.where(carried, rng.binomial(steps, 0.97), -1).astype(np.int16)
