"""The Apple, Fitbit and Gadgetbridge exports, read back with lxml, json, csv and sqlite3."""

import csv
import hashlib
import json
import re
import sqlite3
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

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

SURGERY = date(2026, 1, 12)
CASES = {
    "home": (Wearer(41, SURGERY), date(2026, 2, 20)),
    "spring": (Wearer(42, SURGERY, habit=Habit.OVERDOING), date(2026, 3, 27)),
    "autumn": (Wearer(43, SURGERY, "America/Denver"), date(2026, 10, 30)),
    "west": (Wearer(54, SURGERY, trips=(Trip(date(2026, 2, 4), "America/New_York"),)), date(2026, 2, 2)),
    "half hours": (Wearer(45, SURGERY, "Asia/Kolkata", night_wear=False), date(2026, 2, 1)),
}
EACH_CASE = pytest.mark.parametrize("case", CASES)


def lived(case: str, count: int = 5) -> tuple[Wearer, list[date], list[Day]]:
    wearer, first = CASES[case]
    days = truth(wearer, days_from(first, count))
    assert all(day.recorded_steps for day in days), "a day that tests nothing"
    return wearer, days_from(first, count), days


def by_day(days: list[Day], samples: Iterable[tuple[datetime, int]]) -> dict[date, int]:
    totals = {day.day: 0 for day in days}
    for at, value in samples:
        at_ms = at.timestamp() * 1000
        totals[next(day.day for day in days if day.start_ms <= at_ms < day.end_ms)] += value
    return totals


def recorded(days: list[Day]) -> dict[date, int]:
    return {day.day: day.recorded_steps for day in days}


def on_the_phone(days: list[Day]) -> dict[date, int]:
    return {day.day: int(day.phone[day.phone > 0].sum()) for day in days}


WRITERS: dict[str, Callable[[Wearer, list[date], Path], list[Path]]] = {
    "fit": write_fit,
    "apple": write_apple,
    "apple zip": lambda wearer, days, folder: write_apple(wearer, days, folder, zipped=True),
    "fitbit": write_fitbit,
    "fitbit zip": lambda wearer, days, folder: write_fitbit(wearer, days, folder, zipped=True),
    "gadgetbridge": lambda wearer, days, folder: write_gadgetbridge(
        wearer, days, folder, families=("mi_band", "huami", "garmin")
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_wearer_and_days_give_the_same_bytes(writer: str, tmp_path: Path) -> None:
    wearer, days, _ = lived("spring")

    def digest(folder: Path, who: Wearer) -> str:
        paths = WRITERS[writer](who, days, folder)
        parts = [path.relative_to(folder).as_posix().encode() + path.read_bytes() for path in paths]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    first = digest(tmp_path / "a", wearer)
    assert first == digest(tmp_path / "b", Wearer(42, SURGERY, habit=Habit.OVERDOING))
    assert first == digest(tmp_path / "a", wearer), "writing over what is there changes it"
    assert first != digest(tmp_path / "c", Wearer(46, SURGERY, habit=Habit.OVERDOING))


@pytest.mark.parametrize("writer", WRITERS)
def test_no_days_make_a_readable_nothing(writer: str, tmp_path: Path) -> None:
    for path in WRITERS[writer](Wearer(1, SURGERY), [], tmp_path):
        assert path.stat().st_size > 0


def apple_time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")


def apple_records(path: Path) -> list[dict[str, str]]:
    return [dict(element.attrib) for element in etree.parse(str(path)).getroot().iter("Record")]


@EACH_CASE
def test_apple_steps_sum_to_the_truth_by_source(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    records = [r for r in apple_records(write_apple(wearer, dates, tmp_path)[0]) if r["type"].endswith("StepCount")]
    for source, expected in (("Watch", recorded(days)), ("iPhone", on_the_phone(days))):
        mine = [r for r in records if r["sourceName"].endswith(source)]
        assert by_day(days, ((apple_time(r["startDate"]), int(r["value"])) for r in mine)) == expected
        assert by_day(days, ((apple_time(r["endDate"]), int(r["value"])) for r in mine)) == expected
        for r in mine:
            length_s = (apple_time(r["endDate"]) - apple_time(r["startDate"])).total_seconds()
            assert 0 < length_s <= 600
            assert apple_time(r["creationDate"]) > apple_time(r["endDate"])
    assert sum(recorded(days).values()) > 8_000


def test_apple_writes_attributes_in_apples_order(tmp_path: Path) -> None:
    wearer, dates, _ = lived("home")
    orders = Counter(tuple(r) for r in apple_records(write_apple(wearer, dates, tmp_path)[0]))
    with_unit = ("type", "sourceName", "sourceVersion", "device", "unit", "creationDate", "startDate", "endDate", "value")
    assert set(orders) == {with_unit, tuple(name for name in with_unit if name != "unit")}
    root = etree.parse(str(tmp_path / "export.xml")).getroot()
    assert [child.tag for child in root][:2] == ["ExportDate", "Me"]


def test_apple_pulse_sleep_and_standing(tmp_path: Path) -> None:
    wearer, dates, days = lived("half hours")
    worn = wearer.night_wear
    records = apple_records(write_apple(wearer, dates, tmp_path, offsets="own")[0])
    for r in records:
        if r["type"].endswith("HeartRate"):
            at_ms = round(apple_time(r["startDate"]).timestamp() * 1000)
            day = next(day for day in days if day.start_ms <= at_ms < day.end_ms)
            minute = (at_ms - day.start_ms) // 60_000
            assert day.state[minute] == State.WORN
            assert int(r["value"]) == day.heart_rate[minute]
        if r["type"].endswith("AppleStandHour"):
            assert r["startDate"].endswith(":00:00 +0530")
    assert not worn
    nights = [r for r in records if r["type"].endswith("SleepAnalysis") and r["value"].endswith("InBed")]
    assert all(apple_time(r["startDate"]).hour in range(11, 18) for r in nights), "only naps: the watch lay aside at night"
    stood = Counter(r["value"][-5:] for r in records if r["type"].endswith("AppleStandHour"))
    assert stood["Stood"] > 40


def test_apple_sleep_is_the_night_that_was_slept(tmp_path: Path) -> None:
    wearer, dates = Wearer(47, SURGERY, faults=0), days_from(date(2026, 2, 20), 4)
    records = [r for r in apple_records(write_apple(wearer, dates, tmp_path)[0]) if r["type"].endswith("SleepAnalysis")]
    minutes: Counter[str] = Counter()
    for r in records:
        length = apple_time(r["endDate"]) - apple_time(r["startDate"])
        minutes[r["value"].removeprefix("HKCategoryValueSleepAnalysis")] += round(length.total_seconds() / 60)
    days = truth(wearer, dates)
    expected = {name: sum(int((day.stage == i).sum()) for day in days) for i, name in ((1, "Core"), (2, "Deep"), (3, "REM"))}
    assert {name: minutes[f"Asleep{name}"] for name in expected} == expected
    assert minutes["InBed"] == sum(expected.values()) + minutes["Awake"]


def test_apple_workouts(tmp_path: Path) -> None:
    wearer, dates = Wearer(48, date(2025, 10, 1)), days_from(date(2026, 1, 1), 20)
    workouts = [workout for day in truth(wearer, dates) for workout in day.workouts]
    found = list(etree.parse(str(write_apple(wearer, dates, tmp_path)[0])).getroot().iter("Workout"))
    assert len(found) == len(workouts) > 10
    for element, workout in zip(found, workouts, strict=True):
        assert apple_time(element.get("startDate")).timestamp() * 1000 == workout.start_ms
        assert float(element.get("duration")) * 60_000 == workout.end_ms - workout.start_ms
        sums = {s.get("type"): s.get("sum") for s in element.iter("WorkoutStatistics")}
        if workout.kind == "walking":
            assert int(sums["HKQuantityTypeIdentifierStepCount"]) == workout.steps


def test_a_later_apple_export_holds_the_earlier_one_again(tmp_path: Path) -> None:
    wearer, first = CASES["home"]
    early = apple_records(write_apple(wearer, days_from(first, 4), tmp_path / "a")[0])
    late = apple_records(write_apple(wearer, days_from(first, 7), tmp_path / "b")[0])
    quantity = [r for r in early if "Quantity" in r["type"]]

    def identities(records: list[dict[str, str]]) -> Counter[tuple[str, ...]]:
        return Counter(tuple(value for name, value in r.items() if name != "device") for r in records)

    assert not identities(quantity) - identities(late)
    assert len(identities(quantity)) == len(quantity)
    devices = {r["device"] for r in early} & {r["device"] for r in late}
    assert not devices, "the address in it differs"
    assert {re.sub("0x[0-9a-f]+", "", r["device"]) for r in early} == {re.sub("0x[0-9a-f]+", "", r["device"]) for r in late}


def test_an_apple_export_shows_all_dates_with_one_offset_or_each_with_its_own(tmp_path: Path) -> None:
    wearer, dates, _ = lived("spring")
    for offsets, expected in (("export", {"+0200"}), ("own", {"+0100", "+0200"})):
        records = apple_records(write_apple(wearer, dates, tmp_path, offsets=offsets)[0])
        assert {r["startDate"][-5:] for r in records} == expected
    summer = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    write_apple(*CASES["home"][:1], days_from(date(2026, 2, 1), 2), tmp_path, exported=summer)
    assert {r["startDate"][-5:] for r in apple_records(tmp_path / "export.xml")} == {"+0200"}


def test_an_apple_zip_holds_the_same_export(tmp_path: Path) -> None:
    wearer, dates, _ = lived("home")
    plain = write_apple(wearer, dates, tmp_path)[0].read_bytes()
    with zipfile.ZipFile(write_apple(wearer, dates, tmp_path, zipped=True)[0]) as archive:
        assert archive.namelist() == ["apple_health_export/export.xml", "apple_health_export/export_cda.xml"]
        assert archive.read("apple_health_export/export.xml") == plain


def fitbit_rows(paths: list[Path], start: str) -> list[dict[str, Any]]:
    return [row for path in paths if re.match(rf"{start}-\d", path.name) for row in json.loads(path.read_text())]


def fitbit_csv(paths: list[Path], start: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for path in paths:
        if path.name.startswith(f"{start}_"):
            with path.open(newline="") as stream:
                rows += csv.DictReader(stream)
    return rows


@EACH_CASE
def test_fitbit_json_in_utc_sums_to_the_truth(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    rows = fitbit_rows(write_fitbit(wearer, dates, tmp_path, forms=("json",)), "steps")
    samples = [(datetime.strptime(r["dateTime"], "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC), int(r["value"])) for r in rows]
    assert by_day(days, samples) == recorded(days)
    assert len(rows) == sum(len(day.steps) - day.count(State.SILENT) for day in days), "zeros where it lay on the table"


@EACH_CASE
def test_fitbit_json_in_local_time_sums_to_the_truth_by_its_own_dates(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    totals = {day.day: 0 for day in days}
    for row in fitbit_rows(write_fitbit(wearer, dates, tmp_path, forms=("json",), times="local"), "steps"):
        totals[datetime.strptime(row["dateTime"][:8], "%m/%d/%y").replace(tzinfo=UTC).date()] += int(row["value"])
    assert totals == recorded(days)


@EACH_CASE
def test_fitbit_csv_sums_to_the_truth_by_source(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    paths = write_fitbit(wearer, dates, tmp_path, forms=("csv",), round_trip=True)
    samples = defaultdict(list)
    for row in fitbit_csv(paths, "steps"):
        samples[row["data source"]].append((datetime.fromisoformat(row["timestamp"]), int(row["steps"])))
    assert by_day(days, samples["Inspire 3"]) == recorded(days)
    assert by_day(days, samples["MobileTrack"]) == on_the_phone(days)
    assert samples["Fit Health Connect"] == samples["MobileTrack"]
    pulses = fitbit_csv(paths, "heart_rate")
    assert len(pulses) == sum(day.count(State.WORN) for day in days)


def test_fitbit_sleep_json_and_csv_tell_the_same_nights(tmp_path: Path) -> None:
    wearer, dates = Wearer(49, SURGERY, faults=0), days_from(date(2026, 2, 20), 5)
    days = truth(wearer, dates)
    paths = write_fitbit(wearer, dates, tmp_path)
    logs = fitbit_rows(paths, "sleep")
    assert sum(log["minutesAsleep"] for log in logs) == sum(int((day.stage > 0).sum()) for day in days)
    for log in logs:
        assert sum(part["seconds"] for part in log["levels"]["data"]) * 1000 == log["duration"]
        assert log["dateOfSleep"] == log["endTime"][:10]
    assert {log["type"] for log in logs} >= {"stages"}
    nights = fitbit_csv(paths, "UserSleeps")
    assert len(nights) == len(logs)
    for night, log in zip(nights, logs, strict=True):
        start = datetime.strptime(night["sleep_start"], "%Y-%m-%d %H:%M:%S%z")
        local = start.astimezone(ZoneInfo(wearer.zone))
        assert local.strftime("%Y-%m-%dT%H:%M:%S.000") == log["startTime"]
        assert local.strftime("%z") == night["start_utc_offset"].replace(":", "")
    stages = fitbit_csv(paths, "UserSleepStages")
    assert {row["sleep_stage_type"] for row in stages} == {"WAKE", "LIGHT", "DEEP", "REM"}


def test_a_fitbit_night_of_summer_time_shows_the_clock_as_it_went(tmp_path: Path) -> None:
    wearer = Wearer(51, SURGERY, faults=0)
    logs = fitbit_rows(write_fitbit(wearer, days_from(date(2026, 3, 28), 2), tmp_path), "sleep")
    (night,) = [log for log in logs if log["dateOfSleep"] == "2026-03-29"]
    start, end = (datetime.fromisoformat(night[name]) for name in ("startTime", "endTime"))
    assert (end - start).total_seconds() * 1000 == night["duration"] + 3_600_000
    hours = [part["dateTime"][11:13] for part in night["levels"]["data"]]
    assert "02" not in hours


def test_fitbit_pulse_json_has_the_minutes_worn(tmp_path: Path) -> None:
    wearer, dates, days = lived("home")
    rows = fitbit_rows(write_fitbit(wearer, dates, tmp_path, forms=("json",)), "heart_rate")
    assert len(rows) == sum(day.count(State.WORN) for day in days)
    assert sum(row["value"]["bpm"] for row in rows) == sum(int(day.heart_rate[day.state == State.WORN].sum()) for day in days)


def test_a_fitbit_zip_holds_the_same_files(tmp_path: Path) -> None:
    wearer, dates, _ = lived("home")
    paths = write_fitbit(wearer, dates, tmp_path / "a")
    with zipfile.ZipFile(write_fitbit(wearer, dates, tmp_path / "b", zipped=True)[0]) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.relative_to(tmp_path / "a").as_posix(): path.read_bytes() for path in paths
        }


def gadgetbridge(wearer: Wearer, dates: list[date], folder: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    path = write_gadgetbridge(wearer, dates, folder, families=("mi_band", "huami", "garmin"))[0]

    def ask(query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as database:
            return database.execute(query).fetchall()

    return ask


@EACH_CASE
def test_gadgetbridge_minutes_sum_to_the_truth(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    ask = gadgetbridge(wearer, dates, tmp_path)
    assert ask("PRAGMA integrity_check") == [("ok",)]
    assert [name for (name,) in ask("SELECT TYPE_NAME FROM DEVICE ORDER BY _id")] == [
        "MIBAND3",
        "AMAZFITBIP5",
        "GARMIN_INSTINCT_2S",
    ]
    for table in ("MI_BAND_ACTIVITY_SAMPLE", "HUAMI_EXTENDED_ACTIVITY_SAMPLE"):
        rows = ask(f"SELECT TIMESTAMP, STEPS FROM {table}")
        assert by_day(days, ((datetime.fromtimestamp(at, UTC), steps) for at, steps in rows)) == recorded(days)
        assert len(rows) == sum(len(day.steps) - day.count(State.SILENT) for day in days)


@EACH_CASE
def test_gadgetbridge_counts_of_the_day_end_at_the_truth(case: str, tmp_path: Path) -> None:
    wearer, dates, days = lived(case)
    rows = gadgetbridge(wearer, dates, tmp_path)("SELECT TIMESTAMP, STEPS FROM GARMIN_ACTIVITY_SAMPLE WHERE STEPS >= 0")
    for day in days:
        counts = [steps for at, steps in rows if day.start_ms < at * 1000 <= day.end_ms]
        assert counts == sorted(counts)
        assert (counts[-1] if counts else 0) == day.recorded_steps


def test_gadgetbridge_kinds_say_what_the_band_was_doing(tmp_path: Path) -> None:
    wearer, dates, days = lived("home")
    ask = gadgetbridge(wearer, dates, tmp_path)
    minutes = {state: sum(day.count(state) for day in days) for state in State}
    (counts,) = ask(
        "SELECT sum(RAW_KIND = 115), sum(RAW_KIND = 118), sum(RAW_KIND = 120), sum(HEART_RATE < 255)"
        " FROM HUAMI_EXTENDED_ACTIVITY_SAMPLE"
    )
    asleep = sum(int(((day.stage > 0) & (day.state == State.WORN)).sum()) for day in days)
    assert counts == (minutes[State.NOT_WORN], minutes[State.CHARGING], asleep, minutes[State.WORN])
    # The first family says "as before" now and then, and has other bits above the kind.
    carried, kinds = 0, Counter()
    for (raw,) in ask("SELECT RAW_KIND FROM MI_BAND_ACTIVITY_SAMPLE ORDER BY TIMESTAMP"):
        carried = raw & 15 or carried
        kinds[carried] += 1
    assert kinds[3] == minutes[State.NOT_WORN]
    assert kinds[6] == minutes[State.CHARGING]
    assert kinds[9] + kinds[11] == asleep
    assert ask("SELECT count(*) FROM MI_BAND_ACTIVITY_SAMPLE WHERE RAW_KIND & 15 = 0")[0][0] > 100


def test_gadgetbridge_sleep_and_workouts(tmp_path: Path) -> None:
    wearer, dates = Wearer(50, date(2025, 11, 1), faults=0), days_from(date(2026, 1, 10), 8)
    days = truth(wearer, dates)
    ask = gadgetbridge(wearer, dates, tmp_path)
    workouts = [workout for day in days for workout in day.workouts]
    kinds = {"walking": 0x20, "strength": 0x200000, "flexibility": 0x04000074, "cycling": 0x80}
    assert ask("SELECT START_TIME, END_TIME, ACTIVITY_KIND FROM BASE_ACTIVITY_SUMMARY ORDER BY START_TIME") == [
        (workout.start_ms, workout.end_ms, kinds[workout.kind.value]) for workout in workouts
    ]
    starts = [at for (at,) in ask("SELECT TIMESTAMP FROM GARMIN_EVENT_SAMPLE WHERE EVENT = 74 AND EVENT_TYPE = 0 ORDER BY 1")]
    ends = ask("SELECT TIMESTAMP, STAGE FROM GARMIN_SLEEP_STAGE_SAMPLE ORDER BY TIMESTAMP")
    asleep_ms, before = 0, 0
    for at, stage in ends:
        begin = max([start for start in starts if start < at])
        asleep_ms += (at - max(begin, before)) * (stage > 1)
        before = at
    assert asleep_ms == 60_000 * sum(int((day.stage > 0).sum()) for day in days)
