"""Steps of local days, end to end: virtual wearers with a known truth, their files, the store, the judged days.

On days of 23, 24, 24.5 and 25 hours and on journeys east and west, for every format that the wearers write. What may differ:
- FIT says every three minutes whether it is worn, so up to two minutes after it was put on again may be lost;
- where there is a phone, it counts what the watch did not see; up to ten minutes around an end of wear it is not yet believed;
- Gadgetbridge's Garmin tables hold a day's count so far, and no row while the watch lies somewhere: what it counted between two
  rows that are far apart has no minutes, and is reported as such.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from afoot.judging import judge_days
from devices.files.reader import ReadOptions
from devices.virtual import (
    Day,
    Habit,
    State,
    Trip,
    Wearer,
    days_from,
    truth,
    write_apple,
    write_fit,
    write_fitbit,
    write_gadgetbridge,
)
from ingest import people
from ingest.archive import Archive
from ingest.collect.files import find_files, import_files
from ingest.local_days import LocalDay
from ingest.timeline import read_timeline
from rules.day import DaySummary
from tests.ingest.making import open_store

SURGERY = date(2026, 1, 12)
WEARERS = {
    "spring": (Wearer(42, SURGERY, habit=Habit.OVERDOING), date(2026, 3, 28)),
    "autumn": (Wearer(43, SURGERY, "America/Denver"), date(2026, 10, 31)),
    "half an hour": (Wearer(49, SURGERY, "Australia/Lord_Howe"), date(2026, 4, 4)),
    "east": (Wearer(47, SURGERY, trips=(Trip(date(2026, 2, 4), "Asia/Kolkata"),)), date(2026, 2, 3)),
    "west": (Wearer(45, SURGERY, trips=(Trip(date(2026, 2, 4), "America/New_York"),)), date(2026, 2, 3)),
}
HOURS = {
    "spring": [24, 23, 24],
    "autumn": [24, 25, 24],
    "half an hour": [24, 24.5, 24],
    "east": [24, 19.5, 24],
    "west": [24, 30, 24],
}
Write = Callable[[Wearer, Sequence[date], Path], object]
FORMATS: dict[str, Write] = {
    "fit": write_fit,
    "apple": write_apple,
    "fitbit": lambda wearer, days, folder: write_fitbit(wearer, days, folder, times="utc"),
    "mi_band": lambda wearer, days, folder: write_gadgetbridge(wearer, days, folder, families=("mi_band",)),
    "huami": lambda wearer, days, folder: write_gadgetbridge(wearer, days, folder, families=("huami",)),
    "garmin": lambda wearer, days, folder: write_gadgetbridge(wearer, days, folder, families=("garmin",)),
}
WITH_PHONE = {"apple", "fitbit"}
EXACT = {"mi_band", "huami"}


@dataclass
class Found:
    """What afoot makes of one wearer's files: days judged, and by day the steps that have no minutes."""

    days: list[DaySummary]
    unplaced: list[int]


def follow(folder: Path, write: Write, wearer: Wearer, days: Sequence[date], *, told: bool) -> Found:
    write(wearer, days, folder / "export")
    with open_store(folder) as store:
        with store.writing() as connection:
            patient = people.add_patient(connection, "P", wearer.zone, 0)
            zone = wearer.zone
            for trip in wearer.trips if told else ():
                noon = datetime(trip.day.year, trip.day.month, trip.day.day, 12, tzinfo=ZoneInfo(zone))
                people.set_zone(connection, patient.id, trip.zone, round(noon.timestamp() * 1000))
                zone = trip.zone
        options = ReadOptions(ZoneInfo(wearer.zone), "utc")
        outcomes = list(import_files(store, Archive(folder / "archive"), patient, find_files([folder / "export"]), options, 0))
        assert not any(outcome.refused for outcome in outcomes)
        with store.reading() as connection:
            judged = [one.summary for one in judge_days(connection, patient, days[0], days[-1])]
            unplaced = [read_timeline(connection, patient, [_whole(day)]).unplaced for day in truth(wearer, days)]
    return Found(judged, unplaced)


def _whole(day: Day) -> LocalDay:
    return LocalDay(day.day, day.start_ms, day.end_ms, np.zeros(len(day.steps), dtype=np.int16))


def best(day: Day, name: str) -> int:
    """What an honest result is: what the watch saw, and where it was off, what a phone did."""
    phone = np.maximum(day.phone, 0) if name in WITH_PHONE else 0
    return int(np.where(day.state == State.WORN, day.steps, phone).sum())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", WEARERS)
def test_the_steps_of_each_day_are_those_that_were_taken(name: str, case: str, tmp_path: Path) -> None:
    wearer, first = WEARERS[case]
    days = days_from(first, 3)
    found = follow(tmp_path, FORMATS[name], wearer, days, told=True)
    lived = truth(wearer, days)
    assert [len(day.steps) / 60 for day in lived] == HOURS[case]
    assert [(one.day, one.start_ms, one.n_min / 60) for one in found.days] == [
        (day.day, day.start_ms, hours) for day, hours in zip(lived, HOURS[case], strict=True)
    ]
    differences = [(one.steps or 0) - best(day, name) for one, day in zip(found.days, lived, strict=True)]
    if name in EXACT:
        assert differences == [0, 0, 0]
    elif name == "garmin":
        # What is missing was counted, and has no minutes; a UTC day's loss may belong to either of two local days.
        assert -sum(differences) <= sum(found.unplaced)
        assert all(difference <= 0 for difference in differences), (differences, found.unplaced)
        assert -sum(differences) <= 0.02 * sum(best(day, name) for day in lived)
    else:
        ends = [np.count_nonzero(np.diff(day.state.astype(np.int8))) for day in lived]
        for difference, day, wear_ends in zip(differences, lived, ends, strict=True):
            assert difference <= 5
            assert -difference <= max(0.005 * best(day, name), 5) + 25 * wear_ends


@pytest.mark.parametrize(
    ("name", "case", "hours"),
    [
        ("fit", "east", [24, 19.5, 24]),
        ("fit", "west", [24, 30, 24]),
        ("apple", "east", [24, 19.5, 24]),
        # A phone names its zone with a night's sleep: by then the day at home was over, and the longer day is the next one.
        ("apple", "west", [24, 24, 30]),
    ],
)
def test_a_device_tells_of_the_journey_by_itself(name: str, case: str, hours: list[float], tmp_path: Path) -> None:
    wearer, first = WEARERS[case]
    days = days_from(first, 3)
    found = follow(tmp_path, FORMATS[name], wearer, days, told=False)
    assert [one.n_min / 60 for one in found.days] == hours
    taken = [best(day, name) for day in truth(wearer, days)]
    assert sum(one.steps or 0 for one in found.days) == pytest.approx(sum(taken), rel=0.005)
    if hours == HOURS[case]:
        assert [one.steps for one in found.days] == pytest.approx(taken, rel=0.005)


@pytest.mark.parametrize(("zone", "hours"), [("America/Los_Angeles", 33), ("Pacific/Honolulu", 35), ("Europe/London", 25)])
def test_a_count_that_goes_on_over_the_midnight_at_home_is_counted_once(zone: str, hours: int, tmp_path: Path) -> None:
    """The watch's midnight moved west; its count of the day says so by not returning to zero at that of the phone's zone."""
    day = date(2026, 2, 4)
    wearer = Wearer(45, SURGERY, trips=(Trip(day, zone),))
    days = days_from(day - timedelta(days=1), 5)
    found = follow(tmp_path, FORMATS["garmin"], wearer, days, told=True)
    lived = truth(wearer, days)
    assert [one.n_min / 60 for one in found.days] == [24, hours, 24, 24, 24]
    taken = [best(one, "garmin") for one in lived]
    assert sum(one.steps or 0 for one in found.days) <= sum(taken)
    assert sum(one.steps or 0 for one in found.days) == pytest.approx(sum(taken), rel=0.02)
    assert [one.steps for one in found.days] == pytest.approx(taken, rel=0.04)
