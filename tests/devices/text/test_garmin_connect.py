"""Garmin Connect's answers: one person's public day, and made ones."""

import json
from pathlib import Path

import pytest

from devices.errors import DecodeError
from devices.files.garmin_connect import READER
from devices.files.source import BytesSource, FileSource, read_head
from devices.recording import Offset, Recording, Reject
from tests.devices.text.reading import UTC_MEANT, check, claims, coverage, ms, samples, spans
from tests.shared import shared

QUARTER = {"startGMT": "2025-08-07T07:00:00.0", "endGMT": "2025-08-07T07:15:00.0", "steps": 12, "primaryActivityLevel": "active"}
PULSE = {
    "userProfilePK": 1,
    "startTimestampGMT": "2025-08-07T07:00:00.0",
    "startTimestampLocal": "2025-08-07T00:00:00.0",
    "heartRateValues": [[1_754_550_000_000, 49], [1_754_550_120_000, None]],
}
NIGHT = {
    "dailySleepDTO": {"sleepStartTimestampGMT": 1_754_548_926_000, "sleepEndTimestampGMT": 1_754_572_986_000},
    "sleepLevels": [{"startGMT": "2025-08-07T06:42:06.0", "endGMT": "2025-08-07T06:53:06.0", "activityLevel": 1.0}],
}
RUN = {"activityId": 1, "startTimeGMT": "2025-08-07 14:14:04", "duration": 3219.5, "activityType": {"typeKey": "running"}}

FOLDER = "samples/garmin_connect_json/openetl"


def read(source: BytesSource | FileSource) -> tuple[list[Recording], list[Reject]]:
    items = list(READER.read(source, UTC_MEANT))
    for item in items:
        check(item)
    return [item for item in items if isinstance(item, Recording)], [item for item in items if isinstance(item, Reject)]


def public(kind: str) -> Path:
    return shared(f"{FOLDER}/12345678_{kind}_2025-08-07T12:00:00Z.json")


def read_public(kind: str) -> tuple[list[Recording], list[Reject]]:
    path = public(kind)
    return read(FileSource(path, path.name))


def made(value: object) -> BytesSource:
    return BytesSource(json.dumps(value).encode(), "x.json")


def test_a_public_day_of_quarter_hours() -> None:
    recordings, rejects = read_public("STEPS")
    start = ms("2025-08-07T07:00")
    rows = json.loads(public("STEPS").read_bytes())
    assert [value for _, _, value in samples(recordings)] == [row["steps"] for row in rows]
    assert sum(value for _, _, value in samples(recordings)) == 17_778
    assert coverage(recordings)[0][0] == start
    assert sum(end - first for first, end in coverage(recordings)) == 86_400_000
    assert not rejects


def test_a_public_day_of_pulse() -> None:
    recordings, rejects = read_public("HEART_RATE")
    pulse = [value for _, _, value in samples(recordings, "heart_rate")]
    document = json.loads(public("HEART_RATE").read_bytes())
    assert (max(pulse), min(pulse)) == (document["maxHeartRate"], document["minHeartRate"]) == (183, 43)
    assert len(pulse) == sum(value is not None for _, value in document["heartRateValues"])
    assert recordings[0].offsets == (Offset(ms("2025-08-07T07:00"), -7 * 3600),)
    assert not rejects


def test_a_public_night_by_its_own_sums() -> None:
    recordings, rejects = read_public("SLEEP")
    night = json.loads(public("SLEEP").read_bytes())["dailySleepDTO"]
    for stage, key in (("deep", "deep"), ("light", "light"), ("rem", "rem"), ("awake", "awake")):
        found = sum(end - start for start, end, attributes in spans(recordings, "sleep") if attributes["stage"] == stage)
        assert found == night[f"{key}SleepSeconds"] * 1000
    assert spans(recordings, "in_bed") == [(night["sleepStartTimestampGMT"], night["sleepEndTimestampGMT"], {})]
    assert recordings[0].offsets == (Offset(1_754_548_926_000, -7 * 3600),)
    assert not rejects


def test_public_workouts() -> None:
    recordings, _ = read_public("ACTIVITIES_LIST")
    start, end, attributes = spans(recordings, "workout")[0]
    assert (start, end) == (ms("2025-08-07T14:14:04"), ms("2025-08-07T15:07:43.558"))
    assert attributes == {"activity": "running", "name": "running", "steps": 7482}


@pytest.mark.parametrize("kind", ["STEPS", "HEART_RATE", "SLEEP", "ACTIVITIES_LIST", "INTENSITY_MINUTES", "STRESS"])
def test_no_other_reader_claims_them(kind: str) -> None:
    path = public(kind)
    assert claims(path.read_bytes(), path.name) == claims(path.read_bytes(), "x") == ["garmin_connect"]


@pytest.mark.parametrize("kind", ["INTENSITY_MINUTES", "STRESS"])
def test_other_answers_are_one_reject(kind: str) -> None:
    recordings, rejects = read_public(kind)
    assert not recordings
    assert [reject.count for reject in rejects] == [1]


def test_a_quarter_hour_without_a_record_is_unknown() -> None:
    times = {"startGMT": "2025-08-07T07:00:00.0", "endGMT": "2025-08-07T07:15:00.0", "primaryActivityLevel": "none"}
    rows = [{**times, "steps": 0}, {**times, "endGMT": "x", "steps": 3}, {**times, "steps": None}]
    recordings, rejects = read(made(rows))
    assert not recordings
    assert [(reject.place, reject.count) for reject in rejects] == [("x.json record 2", 2)]
    assert coverage(read(made([{**times, "steps": 0, "primaryActivityLevel": "sedentary"}]))[0])


@pytest.mark.parametrize(
    "value",
    [
        {"dailySleepDTO": None},
        {
            "dailySleepDTO": {"sleepStartTimestampGMT": "x", "sleepEndTimestampGMT": 2**70},
            "sleepLevels": [{}, 3, {"activityLevel": []}],
        },
        {"userProfilePK": 1, "heartRateValues": [[1, 2, 3], 4, [2**70, 3], ["x", 3], [1, None], [-1, 2**40]]},
        {"userProfilePK": 1, "heartRateValues": {"a": 1}},
        [{"activityId": 1, "startTimeGMT": "2025-08-07 14:14:04", "duration": 1e300, "activityType": 7}],
        [{"activityId": 1, "startTimeGMT": 7}],
    ],
)
def test_strange_values(value: object) -> None:
    source = made(value)
    assert READER.identify(source.name, read_head(source), ())
    try:
        recordings, _ = read(source)
    except DecodeError:
        recordings = []
    assert not recordings


@pytest.mark.parametrize(
    "data", [b'{"dailySleepDTO": {', b'{"dailySleepDTO": ' + b"[" * 100_000, b'{"dailySleepDTO": "' + b"x" * 20_000_000]
)
def test_damage(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read(BytesSource(data, "x.json"))
