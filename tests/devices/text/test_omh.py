"""Open mHealth data points: the forms of the schemas' own examples, made by hand."""

import json
from datetime import date
from typing import Any

import pytest

from devices.errors import DecodeError
from devices.files.omh import parse_device
from devices.files.reader import ReadOptions
from devices.recording import Device, Offset, VendorTotal
from tests.devices.text.reading import claims, coverage, ms, read_bytes, samples, spans

AT = ms("2026-08-01T05:30")


def interval(start: str, end: str) -> dict[str, Any]:
    return {"effective_time_frame": {"time_interval": {"start_date_time": start, "end_date_time": end}}}


def data_point(body: dict[str, Any], source: str = "garmin/fenix 5/1234", **provenance: Any) -> dict[str, Any]:
    header = {
        "id": "1",
        "creation_date_time": "2026-08-01T12:00:00Z",
        "schema_id": {"namespace": "omh", "name": "step-count", "version": "3.0"},
        "acquisition_provenance": {"source_name": source, "modality": "sensed", **provenance},
        "user_id": "one",
    }
    return {"header": header, "body": body}


MINUTE = interval("2026-08-01T07:30:00+02:00", "2026-08-01T07:31:00+02:00")
STEPS = data_point({"step_count": {"value": 66, "unit": "steps"}, **MINUTE})


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (json.dumps(STEPS).encode(), 1),
        (json.dumps([STEPS, STEPS], indent=2).encode(), 2),
        (b"\n".join([json.dumps(STEPS).encode()] * 3), 3),
        (json.dumps({"shim": "fitbit", "timeStamp": 1, "body": [STEPS, STEPS]}).encode(), 2),
        (json.dumps([STEPS]).encode("utf-16"), 1),
    ],
    ids=["one", "list", "lines", "answer", "utf-16"],
)
def test_the_forms_of_a_file(data: bytes, count: int) -> None:
    recordings, rejects = read_bytes(data, "steps.json", ReadOptions())
    assert samples(recordings) == [(AT, AT + 60_000, 66)] * count
    assert coverage(recordings) == [[AT, AT + 60_000]]
    assert recordings[0].device == Device("garmin", "fenix 5", "1234")
    assert recordings[0].offsets == (Offset(AT, 7200),)
    assert not rejects


@pytest.mark.parametrize(
    "frame",
    [
        {"start_date_time": "2026-08-01T05:30:00Z", "duration": {"value": 1, "unit": "min"}},
        {"end_date_time": "2026-08-01T05:31:00Z", "duration": {"value": 60.0, "unit": "sec"}},
        {"start_time": "2026-08-01T05:30:00.000Z", "duration": {"value": 60_000, "unit": "ms"}},
        {"start_date_time": "2026-08-01T00:30:00-05:00", "end_date_time": "2026-08-01T07:31:00+02:00"},
    ],
)
@pytest.mark.parametrize("value", [66, {"value": 66, "unit": "steps"}, {"value": 66.0}])
def test_the_forms_of_a_count(frame: dict[str, Any], value: object) -> None:
    data = json.dumps([{"body": {"step_count": value, "effective_time_frame": {"time_interval": frame}}}]).encode()
    assert samples(read_bytes(data, "x.json")[0]) == [(AT, AT + 60_000, 66)]


def test_a_body_alone_and_a_pulse() -> None:
    body = {"heart_rate": {"value": 71.5, "unit": "beats/min"}, "effective_time_frame": {"date_time": "2026-08-01T05:30:00Z"}}
    recordings, _ = read_bytes(json.dumps([body]).encode(), "x.json")
    assert samples(recordings, "heart_rate") == [(AT, AT, 72)]
    assert recordings[0].device.key == "open_mhealth//~unnamed source"


def test_a_workout() -> None:
    body = {"activity_name": "Nordic walking", **interval("2026-08-01T05:30:00Z", "2026-08-01T06:00:00Z")}
    recordings, _ = read_bytes(json.dumps([data_point(body)]).encode(), "x.json")
    assert spans(recordings, "workout") == [(AT, AT + 1_800_000, {"activity": "walking", "name": "Nordic walking"})]


def test_a_day_is_the_vendors_total() -> None:
    days = [
        interval("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        interval("2026-08-01T00:00:00-05:00", "2026-08-02T00:00:00-05:00"),
        interval("2026-07-31T22:00:00Z", "2026-08-01T22:00:00Z"),
    ]
    data = json.dumps([data_point({"step_count": 4000 + number, **day}) for number, day in enumerate(days)]).encode()
    recordings, rejects = read_bytes(data, "x.json")
    assert recordings[0].totals == (
        VendorTotal(date(2026, 10, 25), "steps", 4000),
        VendorTotal(date(2026, 8, 1), "steps", 4001),
        VendorTotal(date(2026, 8, 1), "steps", 4002),
    )
    assert not recordings[0].streams
    assert not rejects


@pytest.mark.parametrize(
    "body",
    [
        {"step_count": 66, "effective_time_frame": {"date_time": "2026-08-01T05:30:00Z"}},
        {"step_count": 66, **interval("2026-08-01T05:30:00", "2026-08-01T05:31:00")},
        {"step_count": 66, **interval("2026-08-01T05:31:00Z", "2026-08-01T05:30:00Z")},
        {"step_count": 66, "descriptive_statistic": "average", **MINUTE},
        {"step_count": "x", **MINUTE},
        {"step_count": None, **MINUTE},
        {"step_count": 66, "effective_time_frame": {"time_interval": {"date": "2026-08-01", "part_of_day": "morning"}}},
        {"step_count": 66, "effective_time_frame": {"time_interval": {"start_date_time": "2026-08-01T05:30:00Z",
                                                                        "duration": {"value": 1, "unit": "Mo"}}}},
        {"body_weight": {"value": 80, "unit": "kg"}, **MINUTE},
    ],
)  # fmt: skip
def test_what_is_no_plain_count_is_left_out(body: dict[str, Any]) -> None:
    recordings, rejects = read_bytes(json.dumps([data_point(body), STEPS]).encode(), "x.json")
    assert samples(recordings) == [(AT, AT + 60_000, 66)]
    assert [(reject.place, reject.count) for reject in rejects] == [("x.json data point 1", 1)]


def test_sources_are_devices_and_what_was_typed_in_is_another() -> None:
    points = [STEPS, data_point(STEPS["body"], "Some App"), data_point(STEPS["body"], "Some App", modality="self-reported")]
    recordings, _ = read_bytes(json.dumps(points).encode(), "x.json")
    assert sorted(recording.device.key for recording in recordings) == [
        "garmin/fenix 5/1234",
        "open_mhealth//~Some App",
        "open_mhealth//~Some App (self-reported)",
    ]


@pytest.mark.parametrize(
    "device", [Device("garmin", "fenix 5", "12"), Device("fitbit", name="Google Fitbit Air"), Device("a", "b", name="c")]
)
def test_a_device_survives_its_key(device: Device) -> None:
    assert parse_device(device.key) == device


def test_several_users_are_refused_before_anything_is_kept() -> None:
    other = {**STEPS, "header": {**STEPS["header"], "user_id": "two"}}
    with pytest.raises(DecodeError, match="one user"):
        read_bytes(json.dumps([STEPS, other]).encode(), "x.json")


@pytest.mark.parametrize("data", [b"[]", b"{}", b'[{"step_count": 3}]', b'"effective_time_frame":'])
def test_other_json_is_not_claimed(data: bytes) -> None:
    assert claims(data, "step-count.json") == []
