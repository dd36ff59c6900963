"""Google Fit's takeout, made by hand from public descriptions."""

import json

import pytest

from devices.files.reader import ReadOptions
from tests.devices.text.reading import claims, coverage, ms, read_bytes, samples

MERGED = "derived:com.google.step_count.delta:com.google.android.gms:merge_step_deltas"
NIGHT_MS = ms("2026-08-01T07:30")


def point(start: object, end: object, value: object) -> dict[str, object]:
    return {"fitValue": [{"value": value}], "originDataSourceId": "raw:x", "startTimeNanos": start, "endTimeNanos": end,
            "dataTypeName": "x"}  # fmt: skip


def takeout(stream: str, points: list[dict[str, object]]) -> bytes:
    return json.dumps({"Data Source": stream, "Data Points": points}, indent=2).encode()


def test_steps() -> None:
    first = NIGHT_MS * 1_000_000 + 123_456
    steps = {"intVal": 3}
    points = [
        point(first, first + 45_000_000_000, {"intVal": 51}),
        point(str(first), str(first), steps),
        point(first, 2**70, steps),
        point(None, first, steps),
        point(first, first, {"fpVal": 2.0}),
        point(first, first, {}),
    ]
    data = takeout(MERGED, points)
    recordings, rejects = read_bytes(data, "derived_com.google.step_count.delta_com.google(1).json", ReadOptions())
    assert samples(recordings) == [(NIGHT_MS, NIGHT_MS + 45_000, 51)]
    assert coverage(recordings) == [[NIGHT_MS, NIGHT_MS + 45_000]]
    assert recordings[0].device.key == "google_fit//~derived com.google.android.gms:merge_step_deltas"
    assert sum(reject.count for reject in rejects) == 5


def test_heart_rate_is_of_the_moment() -> None:
    at = NIGHT_MS * 1_000_000
    stream = "derived:com.google.heart_rate.bpm:com.google.android.gms:merge_heart_rate_bpm"
    recordings, _ = read_bytes(takeout(stream, [point(at, at, {"fpVal": 71.5})]), "x.json")
    assert samples(recordings, "heart_rate") == [(NIGHT_MS, NIGHT_MS, 72)]


def test_streams_of_one_phone_stay_apart() -> None:
    at = NIGHT_MS * 1_000_000
    keys = set()
    for stream in (MERGED, MERGED.replace("merge_step_deltas", "estimated_steps"), "raw:com.google.step_count.delta:Mi:Band:x:"):
        recordings, _ = read_bytes(takeout(stream, [point(at, at + 60_000_000_000, {"intVal": 5})]), "x.json")
        keys.add(recordings[0].device.key)
    assert len(keys) == 3


def test_another_stream_is_one_reject() -> None:
    recordings, rejects = read_bytes(
        takeout("derived:com.google.calories.expended:x", [point(1, 2, {"fpVal": 1.0})] * 9), "x.json"
    )
    assert not recordings
    assert [reject.count for reject in rejects] == [1]


@pytest.mark.parametrize(
    "data", [b'{"Data Source": "x"}', b'{"Data Points": []}', b'[{"Data Source": "x", "Data Points": []}]', b"{}"]
)
def test_other_json_is_not_claimed(data: bytes) -> None:
    assert claims(data, "derived_com.google.step_count.delta.json") == []
