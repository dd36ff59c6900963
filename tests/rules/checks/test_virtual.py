"""Virtual patients: who follows the prescription is left alone, who does not is noticed."""

import datetime as dt
from functools import cache

import numpy as np
import pytest

from devices import virtual
from rules.day import summarise_day
from rules.evaluate import evaluate
from rules.finding import Finding, Truth, View
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription
from tests.rules.checks.made import HOUR_MS, MIN_MS

SURGERY = dt.date(2026, 1, 12)
# The clocks of Berlin go forward on day 76.
LAST = 78


def prescription() -> Prescription:
    return Prescription(author="Dr Example", effective=SURGERY, reason="fusion", surgery_date=SURGERY, baseline_steps=5600)


@cache
def live(habit: virtual.Habit) -> list[virtual.Day]:
    wearer = virtual.Wearer(seed=11, surgery=SURGERY, habit=habit, faults=0)
    return list(virtual.truth(wearer, virtual.days_from(SURGERY, LAST)))


@cache
def life(habit: virtual.Habit, silent_from: int = LAST) -> list[DayMinutes]:
    return [_minutes(day, place >= silent_from) for place, day in enumerate(live(habit))]


def _minutes(day: virtual.Day, silent: bool) -> DayMinutes:
    wall = ((day.at_ms // 1000 + day.offset_s) % 86_400 // 60).astype(np.int16)
    steps = np.full(day.recorded.size, NA, np.int16) if silent else day.recorded
    pulse = np.where(steps == NA, np.int16(NA), day.heart_rate)
    return build_day(day.day, steps, start_ms=day.start_ms, local_minute=wall, heart_rate=pulse)


def check(days: list[DayMinutes], today: int, now_min: int = 1200) -> dict[str, Finding]:
    """Return the findings at 20:00 of a day after surgery; what comes later is not known yet."""
    chosen, own = prescription(), days[today]
    steps, pulse = own.steps.copy(), own.heart_rate.copy()
    steps[now_min:], pulse[now_min:] = NA, NA
    cut = build_day(own.day, steps, start_ms=own.start_ms, local_minute=own.local_minute, heart_rate=pulse)
    whole = [summarise_day(one, chosen.day_settings(one.day)) for one in days[max(0, today - 30) : today]]
    known = [place for place in range(today + 1) if (days[place].steps != NA).any()]
    newest = days[known[-1]]
    at_ms = own.start_ms + now_min * MIN_MS
    last_ms = min(at_ms, newest.start_ms + len(newest) * MIN_MS)
    seen = View(at_ms, whole, summarise_day(cut, chosen.day_settings(cut.day)), cut, last_ms, HOUR_MS)
    return {finding.rule: finding for finding in evaluate(seen, [chosen])}


def fired(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.truth is Truth.TRUE}


@pytest.mark.parametrize("today", [9, 25, 60, 77])
def test_who_follows_it_is_left_alone(today: int) -> None:
    """But for the steps an hour, which are a guess, and for walks that were left out."""
    assert fired(check(life(virtual.Habit.STEADY), today)) <= {"stationary_now", "hourly_coverage", "frequency_low"}


@pytest.mark.parametrize("habit", [virtual.Habit.STEADY, virtual.Habit.FEARFUL])
def test_walks_left_out_are_counted_as_they_were_lived(habit: virtual.Habit) -> None:
    """By the walks that the virtual patient took, not by those found in the minutes."""
    seen = set()
    for today in range(5, LAST, 4):
        few = []
        for day in live(habit)[today - 4 : today]:
            since = (day.day - SURGERY).days
            walks, minutes = (3, 5) if since < 15 else (4, 10) if since < 43 else (3, 15)
            few.append(sum(walk.minutes >= minutes for walk in day.walks) < walks)
        expected = sum(few) >= 3 and any(few[-2:])
        assert (check(life(habit), today)["frequency_low"].truth is Truth.TRUE) == expected
        seen.add(expected)
    assert True in seen


@pytest.mark.parametrize("today", [9, 25, 60])
def test_who_avoids_walking_is_noticed(today: int) -> None:
    assert "frequency_low" in fired(check(life(virtual.Habit.FEARFUL), today))
    assert fired(check(life(virtual.Habit.FEARFUL), today)).isdisjoint({"too_long", "too_brisk", "spike", "device_silent"})


@pytest.mark.parametrize("today", [9, 25])
def test_who_overdoes_it_is_noticed(today: int) -> None:
    whole = [check(life(virtual.Habit.OVERDOING), today - back) for back in range(4)]
    assert any("too_long" in fired(found) for found in whole)
    assert any("too_brisk" in fired(found) for found in whole)


def test_a_device_that_falls_silent_brings_its_own_alert_and_no_other() -> None:
    days = life(virtual.Habit.FEARFUL, 30)
    assert "device_silent" not in fired(check(days, 29))
    for today in (31, 32, 40, 77):
        found = check(days, today)
        assert fired(found) == {"device_silent"}
        assert {one.truth for name, one in found.items() if name != "device_silent"} == {Truth.UNKNOWN, Truth.OFF}
