"""Fitbit and Google Health: made files of every kind with their numbers written down by hand, and the public samples."""

import json

import pytest

from devices.errors import MissingAnswer
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import Offset
from tests.devices.text.reading import (
    BERLIN,
    LOCAL_MEANT,
    claims,
    coverage,
    ms,
    read_bytes,
    read_damaged,
    read_source,
    samples,
    spans,
)
from tests.shared import shared

ACCOUNT = "fitbit//~account"


def dump(rows: object) -> bytes:
    return json.dumps(rows, indent=1).encode()


def minutes(*rows: tuple[str, object]) -> bytes:
    return dump([{"dateTime": at, "value": value} for at, value in rows])


STEPS = minutes(("08/01/26 09:30:00", "66"), ("08/01/26 09:31:00", "0"), ("08/01/26 09:33:00", "12"))
HEART_RATE = dump(
    [
        {"dateTime": "08/01/26 09:30:05", "value": {"bpm": 70, "confidence": 0}},
        {"dateTime": "08/01/26 09:30:10", "value": {"bpm": 70, "confidence": 1}},
        {"dateTime": "08/01/26 09:30:15", "value": {"bpm": 92, "confidence": 3}},
    ]
)
NIGHT = {
    "logId": 1,
    "dateOfSleep": "2026-08-02",
    "startTime": "2026-08-01T23:30:00.000",
    "endTime": "2026-08-02T06:30:00.000",
    "duration": 25_200_000,
    "type": "stages",
    "levels": {
        "summary": {"deep": {"count": 1, "minutes": 60}},
        "data": [
            {"dateTime": "2026-08-01T23:30:00.000", "level": "wake", "seconds": 600},
            {"dateTime": "2026-08-01T23:40:00.000", "level": "light", "seconds": 7200},
            {"dateTime": "2026-08-02T01:40:00.000", "level": "deep", "seconds": 3600},
            {"dateTime": "2026-08-02T02:40:00.000", "level": "rem", "seconds": 13_800},
        ],
        "shortData": [{"dateTime": "2026-08-02T00:40:00.000", "level": "wake", "seconds": 60}],
    },
}
WALK = {
    "logId": 2,
    "activityName": "Outdoor Walk",
    "activityTypeId": 90013,
    "duration": 1_200_000,
    "steps": 2100,
    "startTime": "08/01/26 09:30:00",
}
STEPS_CSV = (
    b"timestamp,steps,data source\n2026-08-01T07:29:37Z,2,MobileTrack\n2026-08-01T07:30:00Z,66,Google Fitbit Air\n"
    b"2026-08-01T07:30:37.250Z,36,MobileTrack\n2026-08-01T07:30:37Z,36,Fit Health Connect\n"
)
HEART_RATE_CSV = b"timestamp,beats per minute,data source\n2026-08-01T07:30:00Z,71.6,Google Fitbit Air\n"
RESTING_CSV = b"timestamp,beats per minute,data source\n2026-08-01T00:00:00Z,57,Air\n2026-08-02T00:00:00Z,0,Air\n"
SLEEPS_CSV = (
    b"sleep_id,sleep_type,minutes_asleep,start_utc_offset,sleep_start,end_utc_offset,sleep_end,data_source\n"
    b"1,STAGES,400,+02:00,2026-10-24T21:30:00Z,+01:00,2026-10-25 05:30:00+0000,DERIVED\n"
)
SLEEP_STAGES_CSV = (
    b"sleep_id,sleep_stage_id,sleep_stage_type,start_utc_offset,sleep_stage_start,end_utc_offset,sleep_stage_end\n"
    b"1,1,LIGHT,+02:00,2026-10-24T21:30:00Z,+02:00,2026-10-24T22:30:00Z\n"
    b"1,2,RESTLESS,+02:00,2026-10-24T22:30:00Z,+02:00,2026-10-24T22:40:00Z\n"
    b"1,3,UNSPECIFIED,+02:00,2026-10-24T22:40:00Z,+02:00,2026-10-24T22:50:00Z\n"
)
EXERCISES_CSV = (
    b"exercise_id,exercise_start,exercise_end,utc_offset,activity_name,log_type,tracker_total_steps,activity_type_probabilities\n"
    b'9,2026-10-04T12:54:29Z,2026-10-04T14:03:06Z,+02:00,Weight Machines,AUTO_DETECTED,412,"[{""a"":1,""b"":2}]"\n'
)


def test_steps_in_utc() -> None:
    recordings, rejects = read_bytes(STEPS, "steps-2026-08-01.json")
    at = ms("2026-08-01T09:30")
    assert {recording.device.key for recording in recordings} == {ACCOUNT}
    assert samples(recordings) == [(at, at + 60_000, 66), (at + 60_000, at + 120_000, 0), (at + 180_000, at + 240_000, 12)]
    # The minute without a row stays unknown.
    assert coverage(recordings) == [[at, at + 120_000], [at + 180_000, at + 240_000]]
    assert not rejects


def test_steps_in_local_time() -> None:
    recordings, _ = read_bytes(STEPS, "fitbit_steps-2026-08-01 (1).json", LOCAL_MEANT)
    assert samples(recordings)[0] == (ms("2026-08-01T07:30"), ms("2026-08-01T07:31"), 66)


@pytest.mark.parametrize(
    ("options", "setting"),
    [(ReadOptions(), "naive_time"), (ReadOptions(BERLIN), "naive_time"), (ReadOptions(None, "local"), "zone")],
)
@pytest.mark.parametrize(
    ("data", "name"), [(STEPS, "steps-1.json"), (HEART_RATE, "heart_rate-1.json"), (dump([WALK]), "exercise-0.json")]
)
def test_nothing_is_guessed(data: bytes, name: str, options: ReadOptions, setting: str) -> None:
    with pytest.raises(MissingAnswer, match=setting) as caught:
        read_bytes(data, name, options)
    assert caught.value.setting == setting


def test_nights_need_the_zone_only() -> None:
    with pytest.raises(MissingAnswer, match="zone"):
        read_bytes(dump([NIGHT]), "sleep-1.json", ReadOptions(None, "utc"))
    assert read_bytes(dump([NIGHT]), "sleep-1.json", ReadOptions(BERLIN))[0]


def test_what_one_shape_holds_is_told_by_the_name() -> None:
    for name in ("calories-2026-08-01.json", "distance-2026-08-01.json", "renamed.json"):
        recordings, rejects = read_bytes(STEPS, name, ReadOptions())
        assert not recordings
        assert [reject.place for reject in rejects] == [name]


def test_heart_rate_leaves_out_the_placeholder() -> None:
    recordings, rejects = read_bytes(HEART_RATE, "whatever.json")
    at = ms("2026-08-01T09:30:10")
    assert samples(recordings, "heart_rate") == [(at, at, 70), (at + 5000, at + 5000, 92)]
    assert [(reject.place, reject.count) for reject in rejects] == [("whatever.json record 1", 1)]


def test_a_night_in_local_time() -> None:
    recordings, rejects = read_bytes(dump([NIGHT]), "sleep-2026-08-01.json", ReadOptions(BERLIN))
    start = ms("2026-08-01T21:30")
    assert spans(recordings, "in_bed") == [(start, ms("2026-08-02T04:30"), {})]
    assert spans(recordings, "sleep") == [
        (start, start + 600_000, {"stage": "awake"}),
        (start + 600_000, start + 7_800_000, {"stage": "light"}),
        (start + 7_800_000, start + 11_400_000, {"stage": "deep"}),
        (start + 11_400_000, start + 25_200_000, {"stage": "rem"}),
    ]
    assert not rejects


def test_a_night_without_stages_is_sleep_as_a_whole() -> None:
    night = {key: value for key, value in NIGHT.items() if key != "levels"}
    assert [span[2] for span in spans(read_bytes(dump([night]), "s.json")[0], "sleep")] == [{"stage": "asleep"}]


@pytest.mark.parametrize(
    ("start", "end", "minutes_long", "expected"),
    [
        ("2026-10-24T23:30:00.000", "2026-10-25T06:30:00.000", 480, "2026-10-24T21:30/2026-10-25T05:30"),
        ("2026-10-25T02:30:00.000", "2026-10-25T06:30:00.000", 300, "2026-10-25T00:30/2026-10-25T05:30"),
        ("2026-10-25T02:30:00.000", "2026-10-25T06:30:00.000", 240, "2026-10-25T01:30/2026-10-25T05:30"),
        ("2026-10-24T23:30:00.000", "2026-10-25T02:15:00.000", 225, "2026-10-24T21:30/2026-10-25T01:15"),
        ("2026-03-28T23:30:00.000", "2026-03-29T06:30:00.000", 360, "2026-03-28T22:30/2026-03-29T04:30"),
    ],
)
def test_nights_across_daylight_saving_by_their_duration(start: str, end: str, minutes_long: int, expected: str) -> None:
    night = {"logId": 1, "dateOfSleep": "x", "startTime": start, "endTime": end, "duration": minutes_long * 60_000}
    recordings, _ = read_bytes(dump([night]), "sleep-1.json")
    first, last = expected.split("/")
    assert spans(recordings, "in_bed") == [(ms(first), ms(last), {})]


def test_a_nap_within_the_repeated_hour_stays_unknown() -> None:
    nap = {"logId": 1, "dateOfSleep": "x", "startTime": "2026-10-25T02:10:00.000", "endTime": "2026-10-25T02:50:00.000",
           "duration": 2_400_000}  # fmt: skip
    recordings, rejects = read_bytes(dump([nap]), "sleep-1.json")
    assert not recordings
    assert [reject.place for reject in rejects] == ["sleep-1.json record 1"]


def test_a_workout() -> None:
    recordings, rejects = read_bytes(dump([WALK, {**WALK, "duration": -1}]), "exercise-0.json", LOCAL_MEANT)
    at = ms("2026-08-01T07:30")
    attributes = {"activity": "walking", "name": "Outdoor Walk", "steps": 2100}
    assert spans(recordings, "workout") == [(at, at + 1_200_000, attributes)]
    assert [reject.place for reject in rejects] == ["exercise-0.json record 2"]


def test_each_data_source_is_a_device() -> None:
    recordings, rejects = read_bytes(STEPS_CSV, "steps_2026-08-01.csv", ReadOptions())
    at = ms("2026-08-01T07:30")
    assert samples(recordings, device="fitbit//~Google Fitbit Air") == [(at, at + 60_000, 66)]
    assert samples(recordings, device="fitbit//~Fit Health Connect") == [(at + 37_000, at + 97_000, 36)]
    assert samples(recordings, device="fitbit//~MobileTrack") == [(at - 23_000, at + 37_000, 2), (at + 37_250, at + 97_250, 36)]
    assert not rejects


def test_heart_rate_csv() -> None:
    at = ms("2026-08-01T07:30")
    assert samples(read_bytes(HEART_RATE_CSV, "x.csv")[0], "heart_rate") == [(at, at, 72)]


def test_the_resting_heart_rate_is_none_of_the_moment() -> None:
    recordings, rejects = read_bytes(RESTING_CSV, "daily_resting_heart_rate.csv")
    assert not recordings
    assert len(rejects) == 1


def test_nights_csv_with_offsets() -> None:
    recordings, rejects = read_bytes(SLEEPS_CSV, "UserSleeps_2026-10-01.csv")
    assert spans(recordings, "in_bed") == [(ms("2026-10-24T21:30"), ms("2026-10-25T05:30"), {})]
    assert recordings[0].offsets == (Offset(ms("2026-10-24T21:30"), 7200), Offset(ms("2026-10-25T05:30"), 3600))
    assert not rejects


def test_stages_csv() -> None:
    recordings, rejects = read_bytes(SLEEP_STAGES_CSV, "UserSleepStages_2026-10-01.csv")
    assert [span[2]["stage"] for span in spans(recordings, "sleep")] == ["light", "awake"]
    assert [reject.place for reject in rejects] == ["UserSleepStages_2026-10-01.csv line 4"]


def test_workouts_csv() -> None:
    recordings, _ = read_bytes(EXERCISES_CSV, "UserExercises_2026-10-01.csv")
    attributes = {"activity": "strength", "name": "Weight Machines", "steps": 412}
    assert spans(recordings, "workout") == [(ms("2026-10-04T12:54:29"), ms("2026-10-04T14:03:06"), attributes)]
    assert recordings[0].offsets == (Offset(ms("2026-10-04T12:54:29"), 7200),)


@pytest.mark.parametrize(("data", "name"), [(b"no data\n", "glucose.csv"), (b"[]", "steps-2026-08-01.json")])
def test_a_file_may_say_that_there_is_nothing(data: bytes, name: str) -> None:
    assert read_bytes(data, name, ReadOptions()) == ([], [])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (
            b"timestamp,steps,distance millimeters,data source\n2026-08-01T07:30:00Z,1,2,x\n",
            "live_pace.csv",
        ),
        (b"timestamp,calories,data source\n2026-08-01T07:30:00Z,1.2,x\n", "calories_2026-08-01.csv"),
        (b"user_id,created,probability\n1,2,3\n", "UserActivityProbabilities_2026-08-01.csv"),
        (dump([{"logId": 1, "weight": 150.1, "bmi": 22.0, "date": "08/01/26", "time": "07:00:00"}]), "weight-2026-08-01.json"),
        (minutes(("08/01/26 00:00:00", {"valuesInZones": {}})), "time_in_heart_rate_zones-2026-08-01.json"),
    ],
)
def test_what_says_nothing_about_movement_is_one_reject(data: bytes, name: str) -> None:
    recordings, rejects = read_bytes(data, name, ReadOptions())
    assert not recordings
    assert len(rejects) == 1


def test_bad_rows_are_counted_by_kind() -> None:
    values = ["66", "1", "x", "9999", None, True, "-1"]
    days = ["01", "32", *["01"] * 5]
    data = minutes(*((f"08/{day}/26 09:3{number}:00", values[number]) for number, day in enumerate(days)))
    recordings, rejects = read_bytes(data, "steps-1.json")
    assert [row[2] for row in samples(recordings)] == [66]
    assert sorted((reject.place, reject.count) for reject in rejects) == [
        ("steps-1.json record 2", 1),
        ("steps-1.json record 3", 3),
        ("steps-1.json record 4", 2),
    ]


def test_a_truncated_file_keeps_its_good_part() -> None:
    recordings, _, damage = read_damaged(STEPS[:-40], "steps-1.json")
    assert damage is not None
    assert "byte" in damage.place
    assert [row[2] for row in samples(recordings)] == [66, 0]


@pytest.mark.parametrize(
    ("name", "metric", "count", "total"),
    [("steps-1995-06-23_Fitbit.json", "steps", 34, 607), ("heart_rate-1995-06-24.json", "heart_rate", 199, 15_625)],
)
def test_public_minutes(name: str, metric: str, count: int, total: int) -> None:
    path = shared(f"samples/ggirread_mixed/GGIRread/{name}")
    recordings, _ = read_source(FileSource(path, name))
    rows = json.loads(path.read_bytes())
    expected = [
        int(row["value"]) if metric == "steps" else row["value"]["bpm"]
        for row in rows
        if row["value"] != {"bpm": 70, "confidence": 0}
    ]
    assert [value for _, _, value in samples(recordings, metric)] == expected
    assert (len(expected), sum(expected)) == (count, total)


def test_a_public_night() -> None:
    name = "sleep-1995-06-23_Fitbit.json"
    path = shared(f"samples/ggirread_mixed/GGIRread/{name}")
    recordings, rejects = read_source(FileSource(path, name))
    nights = json.loads(path.read_bytes())
    assert len(spans(recordings, "in_bed")) == len(nights)
    for stage, levels in (("deep", ["deep"]), ("rem", ["rem"]), ("light", ["light"]), ("awake", ["wake", "awake", "restless"])):
        seconds = sum(part["seconds"] for night in nights for part in night["levels"]["data"] if part["level"] in levels)
        found = sum(end - start for start, end, attributes in spans(recordings, "sleep") if attributes["stage"] == stage)
        assert found == seconds * 1000
    assert not rejects


@pytest.mark.parametrize("name", ["fitbit_steps-2026-08-01.json", "google_health_steps_2026-08-01.csv", "google_no_data.csv"])
def test_public_descriptions(name: str) -> None:
    path = shared(f"samples/synthetic/{name}")
    assert claims(path.read_bytes(), name) == ["fitbit"]
    total = sum(value for _, _, value in samples(read_source(FileSource(path, name))[0]))
    assert total == {"fitbit_steps-2026-08-01.json": 66, "google_health_steps_2026-08-01.csv": 140, "google_no_data.csv": 0}[name]
