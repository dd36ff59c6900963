"""The lives themselves: recovery, habits, clocks and what the device can know."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from devices.virtual import Day, Habit, Stage, State, Trip, Wearer, cast, days_from, recovery_share, truth

SURGERY = date(2026, 1, 12)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def week_share(people: list[Wearer], first_day: int) -> float:
    shares = [
        day.total_steps / wearer.baseline
        for wearer in people
        for day in truth(wearer, days_from(wearer.surgery + timedelta(days=first_day), 7))
    ]
    return float(np.mean(shares))


def test_a_cast_recovers_as_published() -> None:
    people = cast(3, 40)
    assert week_share(people, -7) == pytest.approx(1.0, abs=0.05)
    # Stienen 2020: 71, 37 and 23 % below the baseline in weeks 1, 2 and 4; most of it is back within 8 weeks.
    assert week_share(people, 1) == pytest.approx(0.29, abs=0.05)
    assert week_share(people, 8) == pytest.approx(0.63, abs=0.04)
    assert week_share(people, 22) == pytest.approx(0.77, abs=0.04)
    assert week_share(people, 50) > 0.88
    assert np.mean([wearer.baseline for wearer in people]) == pytest.approx(5_600, abs=500)


def test_the_usual_share_never_falls_and_ends_at_the_baseline() -> None:
    shares = [recovery_share(day) for day in range(200)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert recovery_share(-1) == 1.0


def test_a_day_is_the_same_alone_and_among_others() -> None:
    wearer = Wearer(4, SURGERY, habit=Habit.SITTER)
    month = truth(wearer, days_from(date(2026, 2, 1), 28))
    alone = truth(wearer, [date(2026, 2, 14)])[0]
    assert np.array_equal(month[13].steps, alone.steps)
    assert np.array_equal(month[13].heart_rate, alone.heart_rate)
    assert np.array_equal(month[13].state, alone.state)
    assert month[13].walks == alone.walks


def test_other_settings_leave_the_dice_of_other_themes_alone() -> None:
    one, other = Wearer(5, SURGERY), Wearer(5, SURGERY, faults=0)
    days = days_from(SURGERY, 10)
    assert all(np.array_equal(a.steps, b.steps) for a, b in zip(truth(one, days), truth(other, days), strict=True))
    assert not np.array_equal(truth(one, days)[3].steps, truth(Wearer(6, SURGERY), days)[3].steps)


@pytest.mark.parametrize("habit", list(Habit))
def test_the_walks_are_exactly_the_minutes_of_40_steps_or_more(habit: Habit) -> None:
    for day in truth(Wearer(8, SURGERY, habit=habit), days_from(SURGERY, 60)):
        walked = [run for run in runs(day.steps >= 40) if run[1] - run[0] >= 2]
        assert [(walk.start_ms, walk.end_ms) for walk in day.walks] == [
            (day.start_ms + a * 60_000, day.start_ms + b * 60_000) for a, b in walked
        ]
        assert all(walk.steps == day.steps[a:b].sum() for walk, (a, b) in zip(day.walks, walked, strict=True))
        for start, end in day.still:
            assert day.steps[(start - day.start_ms) // 60_000 : (end - day.start_ms) // 60_000].sum() == 0


def longest_rests(days: list[Day]) -> list[int]:
    """The longest run below 10 steps of each waking day, in minutes."""
    found = []
    for day in days:
        wake, bed = (day.wake_ms - day.start_ms) // 60_000, (day.bed_ms - day.start_ms) // 60_000
        waking = (day.steps[wake:bed] < 10) & (day.stage[wake:bed] == Stage.AWAKE)
        found.append(max(b - a for a, b in runs(waking)))
    return found


def test_habits_differ_in_what_the_rules_look_for() -> None:
    lives = {habit: truth(Wearer(9, SURGERY, habit=habit), days_from(SURGERY + timedelta(days=15), 28)) for habit in Habit}
    credited = {habit: np.mean([sum(walk.minutes >= 10 for walk in day.walks) for day in days]) for habit, days in lives.items()}
    assert credited[Habit.STEADY] > 3
    assert credited[Habit.FEARFUL] == 0
    longest = {habit: max(walk.minutes for day in days for walk in day.walks) for habit, days in lives.items()}
    assert longest[Habit.STEADY] <= 14
    assert longest[Habit.OVERDOING] > 24
    brisk = {
        habit: max(np.median(walk.steps / walk.minutes) for day in days for walk in day.walks) for habit, days in lives.items()
    }
    assert brisk[Habit.STEADY] < 100 < brisk[Habit.OVERDOING]
    rests = {habit: np.median(longest_rests(days)) for habit, days in lives.items()}
    assert rests[Habit.STEADY] < 45 < 90 < rests[Habit.SITTER]
    steps = {habit: np.mean([day.total_steps for day in days]) for habit, days in lives.items()}
    assert steps[Habit.FEARFUL] < 0.85 * steps[Habit.STEADY] < steps[Habit.OVERDOING]


CLOCKS = {
    "spring": (Wearer(1, SURGERY), date(2026, 3, 27), [1440, 1440, 1380, 1440]),
    "autumn": (Wearer(1, SURGERY, "America/New_York"), date(2026, 10, 30), [1440, 1440, 1500, 1440]),
    "no midnight": (Wearer(1, SURGERY, "America/Sao_Paulo"), date(2018, 11, 2), [1440, 1440, 1380, 1440]),
    "midnight twice": (Wearer(1, SURGERY, "America/Havana"), date(2026, 10, 30), [1440, 1440, 1500, 1440]),
    "half an hour": (Wearer(1, SURGERY, "Australia/Lord_Howe"), date(2026, 4, 3), [1440, 1440, 1470, 1440]),
    "to the west": (
        Wearer(1, SURGERY, trips=(Trip(date(2026, 2, 3), "America/Los_Angeles"),)),
        date(2026, 2, 1),
        [1440, 1440, 1980, 1440],
    ),
    "to the east": (Wearer(1, SURGERY, trips=(Trip(date(2026, 2, 3), "Asia/Tokyo"),)), date(2026, 2, 1), [1440, 1440, 960, 1440]),
    "there and back": (
        Wearer(1, SURGERY, trips=(Trip(date(2026, 2, 2), "Asia/Kolkata"), Trip(date(2026, 2, 3), "Europe/Berlin"))),
        date(2026, 2, 1),
        [1440, 1170, 1710, 1440],
    ),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_local_days_join_and_show_their_own_date(case: str) -> None:
    wearer, first, lengths = CLOCKS[case]
    days = truth(wearer, days_from(first, 4))
    assert [len(day.steps) for day in days] == lengths
    for one, following in pairwise(days):
        assert one.end_ms == following.start_ms
    for day in days:
        assert day.end_ms - day.start_ms == 60_000 * len(day.steps)
        shown = (day.at_ms // 1000 + day.offset_s).astype("datetime64[s]").astype("datetime64[D]")
        assert set(shown.tolist()) == {day.day}
        assert day.start_ms < day.wake_ms < day.bed_ms <= day.end_ms
        woke = datetime.fromtimestamp(day.wake_ms / 1000, UTC) + timedelta(
            seconds=int(day.offset_s[(day.wake_ms - day.start_ms) // 60_000])
        )
        assert 5 <= woke.hour <= 8


def test_a_trip_that_changes_the_date_is_refused() -> None:
    with pytest.raises(ValueError, match="changes the date"):
        truth(Wearer(1, SURGERY, trips=(Trip(date(2026, 2, 3), "Pacific/Auckland"),)), [date(2026, 2, 3)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "trips": (Trip(date(2026, 3, 1), "Asia/Tokyo"), Trip(date(2026, 2, 1), "Asia/Tokyo"))}, "trips"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wearer(surgery=SURGERY, **settings)


def test_the_device_knows_only_what_it_was_worn_for() -> None:
    people = cast(6, 10)
    days = [day for wearer in people for day in truth(wearer, days_from(wearer.surgery, 60))]
    for day in days:
        assert day.recorded_steps <= day.total_steps
        assert day.recorded[day.state != State.WORN].sum() == 0
        assert np.array_equal(day.recorded[day.state == State.WORN], day.steps[day.state == State.WORN])
        assert day.heart_rate.min() >= 40
        assert day.heart_rate.max() <= 185
        assert ((day.phone == -1) | ((day.phone >= 0) & (day.phone <= day.steps))).all()
        for workout in day.workouts:
            inside = (day.at_ms >= workout.start_ms) & (day.at_ms < workout.end_ms)
            assert (day.state[inside] == State.WORN).all()
    minutes = {state: sum(day.count(state) for day in days) for state in State}
    assert all(count > 0 for count in minutes.values())
    assert 0.85 < sum(day.recorded_steps for day in days) / sum(day.total_steps for day in days) < 0.99


def test_without_faults_the_device_knows_everything() -> None:
    for day in truth(Wearer(7, SURGERY, faults=0), days_from(SURGERY, 90)):
        assert day.count(State.WORN) == len(day.steps)
        assert day.recorded_steps == day.total_steps


def test_silent_days_are_silent() -> None:
    silent = frozenset({date(2026, 2, 3)})
    before, day, after = truth(Wearer(7, SURGERY, faults=0, silent=silent), days_from(date(2026, 2, 2), 3))
    assert day.count(State.SILENT) == len(day.steps)
    assert day.recorded_steps == 0 < day.total_steps
    assert before.count(State.SILENT) == after.count(State.SILENT) == 0


def test_nights_and_naps() -> None:
    days = truth(Wearer(10, SURGERY), days_from(SURGERY, 40))
    asleep_h = [(day.stage > 0).sum() / 60 for day in days]
    assert 7 < np.mean(asleep_h) < 10
    naps = [(day.stage > 0) & (day.at_ms > day.wake_ms) & (day.at_ms < day.bed_ms) for day in days]
    assert 5 < sum(nap.any() for nap in naps) < 35
    assert all(day.steps[nap].sum() == 0 for day, nap in zip(days, naps, strict=True))
    assert {int(stage) for day in days for stage in np.unique(day.stage)} == {0, 1, 2, 3}


def test_a_cast_is_many_people() -> None:
    people = cast(2, 25)
    assert len({wearer.seed for wearer in people}) == 25
    assert {wearer.habit for wearer in people} == set(Habit)
    assert len({wearer.zone for wearer in people}) > 3
    assert cast(2, 25) == people
    assert {wearer.zone for wearer in cast(2, 25, zone="Europe/Paris")} == {"Europe/Paris"}
    assert cast(2, 0) == []
    assert not {wearer.seed for wearer in cast(3, 25)} & {wearer.seed for wearer in people}
