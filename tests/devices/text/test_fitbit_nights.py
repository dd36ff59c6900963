"""One hour of offset, told by the nights of an export: virtual wearers' JSON alone, as it is and made worse."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from devices.files.fitbit import READERS
from devices.files.fitbit.nights import read_rests
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource, FileSource, Source
from devices.virtual import Habit, Trip, Wearer, days_from, write_fitbit

READER = READERS[0]
FIRST = date(2026, 1, 8)
BERLIN = Wearer(seed=4, surgery=FIRST - timedelta(days=20))
Nights = list[dict[str, Any]]


def export(wearer: Wearer, folder: Path, times: str, days: int = 30) -> list[Source]:
    """The JSON of steps and sleep, without a CSV that would settle it."""
    paths = write_fitbit(wearer, days_from(FIRST, days), folder, times=times, forms=("json",))  # type: ignore[arg-type]
    return [FileSource(path, path.name) for path in paths if path.name.startswith(("steps", "sleep"))]


def changed(sources: list[Source], change: Callable[[Nights], Nights]) -> list[Source]:
    found: list[Source] = []
    for source in sources:
        with source.open() as stream:
            data = stream.read()
        if source.name.startswith("sleep"):
            data = json.dumps(change(json.loads(data))).encode()
        found.append(BytesSource(data, source.name))
    return found


def infer(sources: list[Source], zone: str) -> str | None:
    return READER.survey(sources, ReadOptions(ZoneInfo(zone))).naive_time


@pytest.mark.parametrize("times", ["utc", "local"])
@pytest.mark.parametrize(
    ("zone", "habit"),
    [
        ("Europe/Berlin", Habit.STEADY),
        ("Europe/Berlin", Habit.FEARFUL),
        ("Africa/Lagos", Habit.SITTER),
        ("Atlantic/Cape_Verde", Habit.OVERDOING),
    ],
)
def test_one_hour_is_told_by_a_month_of_nights(zone: str, habit: Habit, times: str, tmp_path: Path) -> None:
    wearer = replace(BERLIN, zone=zone, habit=habit)
    sources = export(wearer, tmp_path, times)
    assert infer(sources, zone) == times
    # The same files once more, as overlapping exports bring them, are the same nights.
    few = export(wearer, tmp_path / "few", times, days=12)
    assert infer(few * 4, zone) is None
    assert infer(sources * 2, zone) == times


def shift(nights: Nights, minutes: int) -> Nights:
    """Nights whose every time is later than it was."""

    def later(text: str) -> str:
        return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")

    for night in nights:
        for part in (night, *night["levels"]["data"]):
            part |= {key: later(part[key]) for key in ("startTime", "endTime", "dateTime") if key in part}
    return nights


@pytest.mark.parametrize("times", ["utc", "local"])
@pytest.mark.parametrize("minutes", [-45, -30, 30, 45])
def test_nights_that_fit_neither_reading_say_nothing(times: str, minutes: int, tmp_path: Path) -> None:
    """The nearer reading would be the wrong one; it leaves some nights not still, and that is enough."""
    sources = export(BERLIN, tmp_path, times, days=45)
    assert infer(sources, "Europe/Berlin") == times
    assert infer(changed(sources, lambda nights: shift(nights, minutes)), "Europe/Berlin") is None


@pytest.mark.parametrize("times", ["utc", "local"])
def test_a_long_journey_leaves_it_open(times: str, tmp_path: Path) -> None:
    """In London in winter local time and UTC are one: half of the nights speak for either."""
    trips = (Trip(FIRST + timedelta(days=15), "Europe/London"),)
    found = infer(export(replace(BERLIN, trips=trips), tmp_path, times, days=32), "Europe/Berlin")
    assert found == (None if times == "utc" else "local")


def test_nights_that_somebody_typed_in_or_that_have_no_stages_say_nothing(tmp_path: Path) -> None:
    sources = export(BERLIN, tmp_path, "utc")
    assert infer(changed(sources, lambda nights: [night | {"logType": "manual"} for night in nights]), "Europe/Berlin") is None
    assert infer(changed(sources, lambda nights: [night | {"levels": {"data": []}} for night in nights]), "Europe/Berlin") is None
    assert infer(sources, "Atlantic/Reykjavik") == "utc"
    assert READER.survey(sources, ReadOptions()).naive_time is None


def test_rests_are_what_lies_between_awakenings() -> None:
    """Worked out by hand, with awakenings that overlap, stand in the other list or reach beyond the night."""
    night = {
        "startTime": "2026-01-08T23:00:00.000",
        "endTime": "2026-01-09T06:00:00.000",
        "logType": "auto_detected",
        "levels": {
            "data": [
                {"dateTime": "2026-01-08T23:00:00.000", "level": "light", "seconds": 3600},
                {"dateTime": "2026-01-09T00:00:00.000", "level": "wake", "seconds": 600},
                {"dateTime": "2026-01-09T05:50:00.000", "level": "wake", "seconds": 6000},
            ],
            "shortData": [
                {"dateTime": "2026-01-09T00:05:00.000", "level": "wake", "seconds": 600},
                {"dateTime": "2026-01-09T03:00:00.000", "level": "wake", "seconds": 30},
                {"dateTime": "2026-01-09T04:00:00.000", "level": "wake", "seconds": "60"},
                "x",
            ],
        },
    }
    hostile: Nights = [
        {},
        night | {"levels": []},
        night | {"startTime": 5},
        night | {"endTime": "2026-01-08T22:00:00.000"},
        night | {"endTime": "2027-01-08T22:00:00.000"},
        {**night, "levels": {"data": [{"dateTime": None, "level": "wake", "seconds": 60}]}},
    ]
    source = BytesSource(json.dumps([*hostile, night, night]).encode(), "sleep-1.json")
    rests = read_rests([source], ZoneInfo("Europe/Berlin"))
    minutes = (rests.wall - np.datetime64("2026-01-08T23:00", "ms").astype(np.int64)) / 60_000
    assert minutes.tolist() == [[0, 60], [75, 240], [240.5, 410]]
    assert rests.night.tolist() == [0, 0, 0]
    assert (rests.wall - rests.utc == 3_600_000).all()
    assert read_rests([], ZoneInfo("Europe/Berlin")).night.tolist() == []
