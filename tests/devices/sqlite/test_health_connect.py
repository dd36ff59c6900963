"""Health Connect: records of several apps on several devices, worked out by hand, and the made sample."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from devices.files.health_connect import EXERCISES, READER
from devices.files.source import FileSource
from devices.files.sqlite import table_names
from devices.recording import Device, Offset, SpanKind
from tests.devices.sqlite.build import HEALTH_CONNECT, coverage, make, read, samples, spans
from tests.shared import shared

T = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()) * 1_000
STEPS = "steps_record_table"
NAMES = {
    "application_info_table": [(1, "com.example.watch", "Watch", b"icon"), (2, "com.example.phone", "Phone", None)],
    "device_info_table": [(1, "Acme", "Watch 5", 1), (2, None, "Pixel", 2)],
}


def minute(number: int) -> int:
    return T + 60_000 * number


def record(
    start: int, end: int, app: int = 1, device: int | None = 1, offset: int | None = 7200, **more: object
) -> dict[str, object]:
    times = {"start_time": minute(start), "end_time": minute(end), "start_zone_offset": offset, "end_zone_offset": offset}
    return {**times, "app_info_id": app, "device_info_id": device, **more}


def test_steps_are_kept_apart_by_app_and_device(tmp_path: Path) -> None:
    rows = [
        record(0, 1, count=12),
        record(0, 1, app=2, device=2, count=11),
        record(5, 20, count=900),
        record(5, 20, app=1, device=None, count=3),
        record(30, 31, app=9, count=1),
    ]
    recordings, rejects = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, STEPS: rows}))
    found = {recording.device: samples([recording], "steps") for recording in recordings}
    assert found == {
        Device("health_connect", "Acme Watch 5", None, "com.example.watch"): [
            (minute(0), minute(1), 12),
            (minute(5), minute(20), 900),
        ],
        Device("health_connect", "Pixel", None, "com.example.phone"): [(minute(0), minute(1), 11)],
        Device("health_connect", "", None, "com.example.watch"): [(minute(5), minute(20), 3)],
        Device("health_connect", "Acme Watch 5", None, "unknown app"): [(minute(30), minute(31), 1)],
    }
    assert rejects == []


def test_nothing_is_vouched_for(tmp_path: Path) -> None:
    recordings, _ = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, STEPS: [record(0, 1, count=0)]}))
    assert coverage(recordings) == []
    assert samples(recordings, "steps") == [(minute(0), minute(1), 0)]


def test_offsets_are_given_where_they_change(tmp_path: Path) -> None:
    given = [(0, 7200), (10, 7200), (20, 3600), (30, None), (40, 3600), (50, 90_000), (60, 7200)]
    rows = [record(start, start + 1, offset=offset, count=1) for start, offset in given]
    recordings, _ = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, STEPS: rows}))
    assert recordings[0].offsets == (Offset(minute(0), 7200), Offset(minute(20), 3600), Offset(minute(60), 7200))


def test_an_offset_that_stays_is_given_every_day(tmp_path: Path) -> None:
    rows = [record(hour * 60, hour * 60 + 1, offset=-18_000, count=1) for hour in range(0, 9 * 24, 5)]
    recordings, _ = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, STEPS: rows}))
    given = recordings[0].offsets
    assert {offset.offset_s for offset in given} == {-18_000}
    assert len(given) in (9, 10)
    assert all(after.at_ms - before.at_ms <= 28 * 3_600_000 for before, after in pairwise(given))


def test_numbers_typed_in_by_hand_and_impossible_ones_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [
        record(0, 1, count=10, recording_method=2),
        record(1, 2, count=9000, recording_method=3),
        record(3, 4, count=500),
        record(5, 4, count=5),
        record(6, 6, count=5),
        record(7, 8, count="x"),
        record(0, 3000, count=5),
    ]
    recordings, rejects = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, STEPS: rows}))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 10)]
    assert {(reject.expected, reject.count) for reject in rejects} == {("a measurement", 1), ("a believable steps and time", 5)}


def test_heart_rates_belong_to_the_record_they_are_of(tmp_path: Path) -> None:
    rows = {
        **NAMES,
        "heart_rate_record_table": [record(0, 5, app=1, row_id=7), record(0, 5, app=2, device=2, row_id=3)],
        "heart_rate_record_series_table": [
            (7, 61, minute(0)),
            (3, 99, minute(1)),
            (7, 62, minute(2)),
            (5, 70, minute(3)),
            (3, 0, minute(4)),
        ],
    }
    recordings, rejects = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, rows))
    by_app = {recording.device.name: samples([recording], "heart_rate") for recording in recordings}
    assert by_app == {
        "com.example.watch": [(minute(0), minute(0), 61), (minute(2), minute(2), 62)],
        "com.example.phone": [(minute(1), minute(1), 99)],
    }
    assert {(reject.expected, reject.count) for reject in rejects} == {
        ("rows of a record that is there", 1),
        ("a believable heart_rate and time", 1),
    }


def test_a_session_with_stages_is_time_in_bed_and_one_without_is_sleep(tmp_path: Path) -> None:
    rows = {
        **NAMES,
        "sleep_session_record_table": [record(0, 480, row_id=1, title="bad night"), record(1440, 1900, row_id=2, offset=3600)],
        "sleep_stages_table": [
            (None, 1, minute(start), minute(end), stage)
            for start, end, stage in (
                (0, 10, 1),
                (10, 60, 4),
                (60, 90, 5),
                (90, 120, 6),
                (120, 130, 0),
                (130, 140, 2),
                (140, 150, 7),
            )
        ],
    }
    recordings, rejects = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, rows))
    assert spans(recordings, SpanKind.IN_BED) == [(minute(0), minute(480), {})]
    stages = [((start - T) // 60_000, attributes["stage"]) for start, _, attributes in spans(recordings, SpanKind.SLEEP)]
    assert stages == [(0, "awake"), (10, "light"), (60, "deep"), (90, "rem"), (130, "asleep"), (140, "awake"), (1440, "asleep")]
    assert [offset for recording in recordings for offset in recording.offsets] == [
        Offset(minute(0), 7200),
        Offset(minute(1440), 3600),
    ]
    assert rejects == []
    assert "bad night" not in repr(recordings)


def test_exercises_have_the_platforms_types(tmp_path: Path) -> None:
    kinds = (53, 33, 34, 21, 45, 46, 57, 27, 60, 58, 99, None)
    rows = [record(100 * n, 100 * n + 30, exercise_type=kind, title="with Ann") for n, kind in enumerate(kinds)]
    recordings, _ = read(READER, make(tmp_path / "a.db", HEALTH_CONNECT, {**NAMES, "exercise_session_record_table": rows}))
    found = [attributes for _, _, attributes in spans(recordings, SpanKind.WORKOUT)]
    activities = ["walking", "running", "treadmill", "hiking", "strength", "flexibility", "yoga", "pilates", *["other"] * 4]
    assert [attributes["activity"] for attributes in found] == activities
    assert [attributes["name"] for attributes in found[8:11]] == ["elliptical", "other", "exercise type 99"]
    assert "Ann" not in repr(recordings)


def test_the_types_of_exercise_are_numbered_as_the_platform_numbers_them() -> None:
    assert len(EXERCISES) == 62
    numbers = {
        "biking": 4,
        "hiking": 21,
        "pilates": 27,
        "running": 33,
        "strength training": 45,
        "walking": 53,
        "yoga": 57,
        "rowing machine": 61,
    }
    assert {name: EXERCISES.index(name) for name in numbers} == numbers


def test_it_is_known_by_its_tables_or_by_its_name_if_they_cannot_be_read(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", HEALTH_CONNECT)
    head, tables = path.read_bytes()[:4096], table_names(FileSource(path, "a.db"))
    assert READER.identify("a.db", head, tables)
    assert READER.identify("export.zip!health_connect_export.db", head, ())
    assert not READER.identify("health_connect_export.db", head, ("DEVICE",))
    assert not READER.identify("health_connect_export.db", b"PK\x03\x04", ())


def test_the_made_sample() -> None:
    recordings, rejects = read(READER, shared("samples/synthetic/health_connect_export.db"))
    totals = {recording.device.name: sum(value for _, _, value in samples([recording], "steps")) for recording in recordings}
    assert totals == {"com.example.watch": 62, "com.google.android.apps.fitness": 12}
    assert rejects == []
