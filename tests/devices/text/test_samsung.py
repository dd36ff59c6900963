"""Samsung Health's tables, made by hand from public descriptions."""

from datetime import date

import pytest

from devices.errors import DecodeError
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import Offset, VendorTotal
from tests.devices.text.reading import claims, coverage, ms, read_bytes, read_source, samples, spans
from tests.shared import shared

PREFIX = "com.samsung.health.step_count."


def table(name: str, columns: list[str], *rows: str) -> bytes:
    return "\r\n".join([f"{name},6230001,3", ",".join(columns), *(f"{row}," for row in rows)]).encode("utf-8-sig")


STEPS = table(
    "com.samsung.shealth.tracker.pedometer_step_count",
    ["duration", *(PREFIX + name for name in ("start_time", "end_time", "count", "time_offset", "deviceuuid")), "count"],
    "1,2026-10-25 00:59:00.000,2026-10-25 01:00:00.000,12,UTC+0200,watch,99",
    f"1,{ms('2026-10-25T01:00')},{ms('2026-10-25T01:01')},34,UTC+0100,watch,99",
    "1,2026-10-25 01:00:00.000,2026-10-25 01:01:00.000,30,UTC+0100,phone,99",
    "1,2026-10-25 01:02:00.000,2026-10-25 01:01:00.000,5,UTC+0100,phone,99",
    "1,x,2026-10-25 01:01:00.000,5,UTC+0100,phone,99",
)


def test_steps_of_each_device() -> None:
    recordings, rejects = read_bytes(STEPS, "com.samsung.shealth.tracker.pedometer_step_count.20261101.csv", ReadOptions())
    at = ms("2026-10-25T01:00")
    assert samples(recordings, device="samsung//watch") == [(at - 60_000, at, 12), (at, at + 60_000, 34)]
    assert samples(recordings, device="samsung//phone") == [(at, at + 60_000, 30)]
    assert coverage(recordings) == [[at - 60_000, at + 60_000], [at, at + 60_000]]
    watch = next(recording for recording in recordings if recording.device.serial == "watch")
    assert watch.offsets == (Offset(at - 60_000, 7200), Offset(at, 3600))
    assert sorted((reject.place.rpartition(" ")[2], reject.count) for reject in rejects) == [("6", 1), ("7", 1)]


def test_heart_rate_of_a_moment_and_of_an_interval() -> None:
    names = [f"com.samsung.health.heart_rate.{name}" for name in ("start_time", "end_time", "heart_rate", "deviceuuid")]
    rows = [
        ",2026-08-01 07:30:00.000,2026-08-01 07:30:00.000,71.0,w",
        ",2026-08-01 08:00:00.000,2026-08-01 08:59:59.000,80.6,w",
        ",2026-08-01 09:00:00.000,,0.0,w",
    ]
    data = table("com.samsung.shealth.tracker.heart_rate", ["source", *names], *rows)
    recordings, rejects = read_bytes(data, "x.csv")
    at = ms("2026-08-01T07:30")
    assert samples(recordings, "heart_rate") == [(at, at, 71), (at + 1_800_000, at + 5_399_000, 81)]
    assert [reject.place for reject in rejects] == ["x.csv line 5"]


def test_sleep_and_its_stages() -> None:
    columns = [f"com.samsung.health.sleep.{name}" for name in ("start_time", "end_time", "time_offset", "deviceuuid")]
    row = "77,2026-08-01 21:30:00.000,2026-08-02 04:30:00.000,UTC+0200,w"
    night = table("com.samsung.shealth.sleep", ["sleep_score", *columns], row)
    recordings, rejects = read_bytes(night, "x.csv")
    assert spans(recordings, "in_bed") == [(ms("2026-08-01T21:30"), ms("2026-08-02T04:30"), {})]
    assert recordings[0].offsets == (Offset(ms("2026-08-01T21:30"), 7200),)
    stages = table("com.samsung.health.sleep_stage", ["start_time", "sleep_id", "stage", "end_time"],
                   *(f"2026-08-01 2{number}:00:00.000,s,4000{number},2026-08-01 2{number}:30:00.000" for number in range(4)),
                   "2026-08-02 01:00:00.000,s,40004,2026-08-02 01:30:00.000")  # fmt: skip
    recordings, rejects = read_bytes(stages, "x.csv")
    assert [attributes["stage"] for _, _, attributes in spans(recordings, "sleep")] == ["awake", "light", "deep", "rem"]
    assert [reject.place for reject in rejects] == ["x.csv line 3"]


def test_workouts() -> None:
    names = [f"com.samsung.health.exercise.{name}" for name in ("start_time", "end_time", "exercise_type")]
    rows = [
        "other,2026-08-01 07:30:00.000,2026-08-01 08:00:00.000,1001",
        "other,2026-08-01 09:30:00.000,2026-08-01 10:00:00.000,777",
    ]
    data = table("com.samsung.shealth.exercise", ["start_time", *names], *rows)
    recordings, _ = read_bytes(data, "x.csv")
    assert [attributes for _, _, attributes in spans(recordings, "workout")] == [
        {"activity": "walking", "name": "exercise type 1001"},
        {"activity": "other", "name": "exercise type 777"},
    ]


def test_the_newest_total_of_a_day_counts() -> None:
    day = ms("2026-08-01T00:00")
    rows = [
        f"{day},5000,-2,x,2026-08-01 20:00:00.000",
        f"{day},7000,-2,y,2026-08-02 01:00:00.000",
        f"{day},6999,-2,y,2026-08-01 23:00:00.000",
        f"{day},4000,0,phone,2026-08-02 01:00:00.000",
        "2026-08-02 00:00:00.000,1,-2,y,2026-08-02 01:00:00.000",
        f"{day},-4,0,phone,1",
        f"{9 * 10**18},4,0,phone,1",
    ]
    columns = ["day_time", "count", "source_type", "deviceuuid", "update_time"]
    data = table("com.samsung.shealth.step_daily_trend", columns, *rows)
    recordings, rejects = read_bytes(data, "x.csv")
    assert {recording.device.key: recording.totals for recording in recordings} == {
        "samsung//~all devices": (VendorTotal(date(2026, 8, 1), "steps", 7000), VendorTotal(date(2026, 8, 2), "steps", 1)),
        "samsung//phone": (VendorTotal(date(2026, 8, 1), "steps", 4000),),
    }
    assert [reject.count for reject in rejects] == [2]


def test_another_table_is_one_reject() -> None:
    recordings, rejects = read_bytes(table("com.samsung.health.weight", ["a"], "1", "2"), "x.csv")
    assert not recordings
    assert [(reject.found, reject.count) for reject in rejects] == [("com.samsung.health.weight", 1)]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DecodeError, match="the columns start_time, count"):
        read_bytes(table("com.samsung.shealth.tracker.pedometer_step_count", ["a", "b"], "1,2"), "x.csv")


@pytest.mark.parametrize("data", [b"com.samsung.x", b"com.samsung.x,y,z\n", b"a.com.samsung.x,1,2\n"])
def test_other_tables_are_not_claimed(data: bytes) -> None:
    assert claims(data, "com.samsung.shealth.sleep.csv") == []


def test_the_public_description() -> None:
    name = "com.samsung.shealth.tracker.pedometer_step_count.20240607120000.csv"
    recordings, rejects = read_source(FileSource(shared(f"samples/synthetic/{name}"), name))
    at = ms("2024-06-07T09:22")
    assert samples(recordings) == [(at, at + 60_000, 12)]
    assert recordings[0].device.key == "samsung//dev"
    assert not rejects
