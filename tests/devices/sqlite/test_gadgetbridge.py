"""Gadgetbridge: what each family's rows mean, against rows worked out by hand and totals that SQLite itself adds up."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from devices.errors import DecodeError, MissingAnswer
from devices.files.gadgetbridge import READER
from devices.files.gadgetbridge.families import FAMILIES, HEART_RATES, STAGES
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.files.sqlite import table_names
from devices.recording import Device, SpanKind
from tests.devices.sqlite import build
from tests.devices.sqlite.build import coverage, gadgetbridge, read, readings, sample_table, samples, spans

T = 1_717_200_000  # 2024-06-01T00:00Z
MS = 1_000
MI_BAND = "MI_BAND_ACTIVITY_SAMPLE"
BERLIN = ReadOptions(zone=ZoneInfo("Europe/Berlin"))


def band(minute: int, steps: int = 0, kind: int = 1, rate: int = 255, intensity: int = 20, second: int = 0) -> tuple[int, ...]:
    return (T + 60 * minute + second, 1, 1, intensity, steps, kind, rate)


def minute(number: int) -> int:
    return (T + 60 * number) * MS


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def test_a_minute_with_a_row_is_vouched_for_and_others_are_not(tmp_path: Path) -> None:
    rows = [band(0, 0), band(1, 12), band(2, 0), band(5, 90), band(6, -1), band(7, 3)]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert samples(recordings, "steps") == [(minute(1), minute(2), 12), (minute(5), minute(6), 90), (minute(7), minute(8), 3)]
    assert coverage(recordings) == [(minute(0), minute(3)), (minute(5), minute(6)), (minute(7), minute(8))]
    assert rejects == []


def test_the_device_is_known_by_its_address_and_not_by_what_its_wearer_calls_it(tmp_path: Path) -> None:
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: [band(0, 1)]}))
    assert recordings[0].device == Device("huami", "Amazfit Bip", "AA:BB:CC:DD:EE:01")
    assert "Ann" not in repr(recordings)


def test_heart_rates_are_instants_and_no_rate_is_no_sample(tmp_path: Path) -> None:
    rows = [band(n, rate=rate) for n, rate in enumerate((255, 0, -1, 60, 25, 250, 24, 251))]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert samples(recordings, "heart_rate") == [(minute(n), minute(n), rate) for n, rate in ((3, 60), (4, 25), (5, 250))]
    assert [(reject.expected, reject.found, reject.count) for reject in rejects] == [("a heart rate of 25 to 250", "24", 2)]


def test_mi_band_kinds_become_spans_and_what_is_off_the_wrist_has_no_coverage(tmp_path: Path) -> None:
    # High bits do not count; 0 and 10 mean "as before"; 3 not worn, 6 charging, 9 light sleep, 11 deep sleep, 1 activity.
    kinds = [1, 0x5B, 0x70, 0x79, 0x50, 1, 3, 0x60, 10, 0x7C, 6, 16, 1]
    rows = [band(n, 0, kind) for n, kind in enumerate(kinds)]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert spans(recordings, SpanKind.SLEEP) == [
        (minute(1), minute(3), {"stage": "deep"}),
        (minute(3), minute(5), {"stage": "light"}),
    ]
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(6), minute(9), {})]
    assert spans(recordings, SpanKind.CHARGING) == [(minute(10), minute(12), {})]
    assert coverage(recordings) == [(minute(0), minute(6)), (minute(9), minute(10)), (minute(12), minute(13))]


def test_a_minute_with_steps_was_worn(tmp_path: Path) -> None:
    rows = [band(0, 0, 3), band(1, 25, 0), band(2, 0, 0)]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert samples(recordings, "steps") == [(minute(1), minute(2), 25)]
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(0), minute(1), {}), (minute(2), minute(3), {})]


def test_the_first_mi_band_has_kinds_of_its_own(tmp_path: Path) -> None:
    devices = [(1, "MI", "Huami", "AA:01", 10, None, None, None), (2, "MI", "Huami", "AA:02", 0, "MIBAND", None, None)]
    rows = [(T + 60 * n, device, 1, 20, 0, kind, 255) for n, kind in enumerate((4, 4, 5, 3)) for device in (1, 2)]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}, devices=devices))
    for address in ("AA:01", "AA:02"):
        own = [recording for recording in recordings if recording.device.serial == address]
        stages = [(start, end, attributes["stage"]) for start, end, attributes in spans(own, SpanKind.SLEEP)]
        assert stages == [(minute(0), minute(2), "deep"), (minute(2), minute(3), "light")]
        assert spans(own, SpanKind.NOT_WORN) == [(minute(3), minute(4), {})]


def test_rows_of_a_live_screen_give_their_heart_rate_only(tmp_path: Path) -> None:
    # Seen in the field: between the minutes, one row a second, STEPS the day's count so far.
    rows = [band(0, 6), band(0, 2941, 1, 77, -1, second=42), band(0, -1, 1, -1, -1, second=43), band(1, 8)]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 6), (minute(1), minute(2), 8)]
    assert samples(recordings, "heart_rate") == [(minute(0) + 42_000, minute(0) + 42_000, 77)]
    assert coverage(recordings) == [(minute(0), minute(2))]
    assert rejects == []


def test_devices_do_not_mix(tmp_path: Path) -> None:
    devices = [(n, f"Band {n}", "Huami", f"AA:{n:02}", 11, "MIBAND2", None, None) for n in (1, 2, 3)]
    rows = [
        (T + 60 * n, device, 1, 20, 10 * device, 11 if device == 2 else 0, 50 + device)
        for n in range(50)
        for device in (1, 2, 3, 4)
    ]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}, devices=devices))
    for device in (1, 2, 3):
        own = [recording for recording in recordings if recording.device.serial == f"AA:{device:02}"]
        assert sum(value for _, _, value in samples(own, "steps")) == 500 * device
        assert {value for _, _, value in samples(own, "heart_rate")} == {50 + device}
        assert len(spans(own, SpanKind.SLEEP)) == (1 if device == 2 else 0)
    assert [(reject.expected, reject.found, reject.count) for reject in rejects] == [
        ("a device that the DEVICE table has", "4", 50)
    ]


def test_runs_and_kinds_go_on_from_one_batch_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    kinds = draw.choice([0, 0, 0, 10, 1, 3, 9, 11, 6], 400).tolist()
    rows = [band(n, int(draw.integers(0, 2)) * 40, kind) for n, kind in enumerate(kinds) if n % 37]
    path = gadgetbridge(tmp_path / "a.db", {MI_BAND: rows})
    whole, _ = read(READER, path)
    monkeypatch.setattr("devices.files.sqlite._BATCH_ROWS", 7)
    pieces, _ = read(READER, path)
    assert len(pieces) > 50 > len(whole)
    for kind in (SpanKind.SLEEP, SpanKind.NOT_WORN, SpanKind.CHARGING):
        assert spans(pieces, kind) == spans(whole, kind) != []
    assert samples(pieces, "steps") == samples(whole, "steps")
    assert coverage(pieces) == coverage(whole)


def test_huami_extended_kinds_and_stages(tmp_path: Path) -> None:
    table = "HUAMI_EXTENDED_ACTIVITY_SAMPLE"
    schema = sample_table(
        table, "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE", "UNKNOWN1", "SLEEP", "DEEP_SLEEP", "REM_SLEEP"
    )
    # (kind, deep, rem): REM beyond 55, else deep beyond 42, after the high bit is taken off.
    given = [
        (1, 0, 0),
        (120, 0, 0),
        (120, 43, 0),
        (120, 42, 55),
        (120, 128 + 43, 128 + 56),
        (120, 90, 12),
        (115, 0, 0),
        (118, 0, 0),
        (64, 0, 0),
    ]
    rows = [
        (T + 60 * n, 1, 1, 20, 5 if kind in (1, 64) else 0, kind, 70, 0, 0, deep, rem)
        for n, (kind, deep, rem) in enumerate(given)
    ]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {table: rows}, schema))
    stages = [(start, attributes["stage"]) for start, _, attributes in spans(recordings, SpanKind.SLEEP)]
    assert stages == [(minute(1), "light"), (minute(2), "deep"), (minute(3), "light"), (minute(4), "rem"), (minute(5), "deep")]
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(6), minute(7), {})]
    assert spans(recordings, SpanKind.CHARGING) == [(minute(7), minute(8), {})]
    assert coverage(recordings) == [(minute(0), minute(6)), (minute(8), minute(9))]
    assert sum(value for _, _, value in samples(recordings, "steps")) == 10


def test_xiaomi_stages_hold_until_the_next_or_until_waking(tmp_path: Path) -> None:
    tables = (
        sample_table("XIAOMI_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE", "STRESS", "SPO2"),
        sample_table("XIAOMI_SLEEP_STAGE_SAMPLE", "STAGE"),
        sample_table("XIAOMI_SLEEP_TIME_SAMPLE", "WAKEUP_TIME", "IS_AWAKE"),
    )
    rows = {
        "XIAOMI_ACTIVITY_SAMPLE": [(T, 1, 1, 0, 33, 0, 66, 20, 98)],
        "XIAOMI_SLEEP_STAGE_SAMPLE": [
            (minute(n), 1, 1, stage) for n, stage in ((0, 3), (30, 2), (60, 4), (90, 5), (500, 3), (520, 0))
        ],
        "XIAOMI_SLEEP_TIME_SAMPLE": [(minute(0), 1, 1, minute(95), 1), (minute(500), 1, 1, minute(530), 1)],
    }
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", rows, *tables))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 33)]
    stages = [
        ((start - minute(0)) // 60_000, (end - minute(0)) // 60_000, attributes["stage"])
        for start, end, attributes in spans(recordings, SpanKind.SLEEP)
    ]
    assert stages == [(0, 30, "light"), (30, 60, "deep"), (60, 90, "rem"), (90, 95, "awake"), (500, 520, "light")]


def test_the_last_xiaomi_stage_ends_when_its_wearer_wakes(tmp_path: Path) -> None:
    tables = (sample_table("XIAOMI_SLEEP_STAGE_SAMPLE", "STAGE"), sample_table("XIAOMI_SLEEP_TIME_SAMPLE", "WAKEUP_TIME"))
    rows = {"XIAOMI_SLEEP_STAGE_SAMPLE": [(minute(0), 1, 1, 2)], "XIAOMI_SLEEP_TIME_SAMPLE": [(minute(0), 1, 1, minute(40))]}
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", rows, *tables))
    assert spans(recordings, SpanKind.SLEEP) == [(minute(0), minute(40), {"stage": "deep"})]
    without, _ = read(READER, gadgetbridge(tmp_path / "b.db", {"XIAOMI_SLEEP_STAGE_SAMPLE": [(minute(0), 1, 1, 2)]}, *tables))
    assert spans(without, SpanKind.SLEEP) == []


def test_garmin_stages_hold_back_to_the_one_before_or_to_falling_asleep(tmp_path: Path) -> None:
    tables = (
        sample_table("GARMIN_SLEEP_STAGE_SAMPLE", "STAGE"),
        sample_table("GARMIN_EVENT_SAMPLE", "EVENT", "EVENT_TYPE", "DATA"),
    )
    rows = {
        "GARMIN_SLEEP_STAGE_SAMPLE": [(minute(n), 1, 1, stage) for n, stage in ((30, 2), (60, 3), (70, 1), (500, 4), (510, 0))],
        "GARMIN_EVENT_SAMPLE": [
            (minute(n), 1, 1, event, kind, 0) for n, event, kind in ((10, 74, 0), (70, 74, 1), (480, 74, 0), (490, 5, 0))
        ],
    }
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", rows, *tables))
    stages = [
        ((start - minute(0)) // 60_000, (end - minute(0)) // 60_000, attributes["stage"])
        for start, end, attributes in spans(recordings, SpanKind.SLEEP)
    ]
    assert stages == [(10, 30, "light"), (30, 60, "deep"), (60, 70, "awake"), (480, 500, "rem")]


def test_huawei_keeps_the_row_that_starts_and_leaves_its_twin(tmp_path: Path) -> None:
    table = "HUAWEI_ACTIVITY_SAMPLE"
    schema = (
        f"CREATE TABLE {table} (TIMESTAMP INTEGER, DEVICE_ID INTEGER, USER_ID INTEGER, OTHER_TIMESTAMP INTEGER, SOURCE INTEGER, "
        "RAW_KIND INTEGER, RAW_INTENSITY INTEGER, STEPS INTEGER, CALORIES INTEGER, DISTANCE INTEGER, SPO INTEGER, "
        "HEART_RATE INTEGER, PRIMARY KEY (TIMESTAMP, DEVICE_ID, OTHER_TIMESTAMP, SOURCE)) WITHOUT ROWID"
    )

    def pair(start: int, end: int, source: int, kind: int, steps: int, rate: int) -> list[tuple[int, ...]]:
        one = (T + 60 * start, 1, 1, T + 60 * end, source, kind, 1, steps, -1, -1, -1, rate)
        twin = (T + 60 * end, 1, 1, T + 60 * start, source, kind, 1, -1, -1, -1, -1, -1)
        return [one, twin]

    rows = pair(0, 1, 11, -1, 40, 80) + pair(1, 2, 11, -1, 50, -1) + pair(2, 3, 11, -1, -1, 61) + pair(60, 120, 13, 7, -1, -1)
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {table: rows}, schema))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 40), (minute(1), minute(2), 50)]
    assert [value for _, _, value in samples(recordings, "heart_rate")] == [80, 61]
    assert spans(recordings, SpanKind.SLEEP) == [(minute(60), minute(120), {"stage": "deep"})]
    assert coverage(recordings) == [(minute(0), minute(2))]
    assert rejects == []


@pytest.mark.parametrize(("table", "column", "length"), [
    ("COLMI_ACTIVITY_SAMPLE", "RAW_KIND", 60),
    ("XWATCH_ACTIVITY_SAMPLE", "RAW_KIND", 15),
    ("PEBBLE_HEALTH_ACTIVITY_SAMPLE", "RAW_INTENSITY", 1),
    ("WENA3_ACTIVITY_SAMPLE", "RAW_KIND", 1),
])  # fmt: skip
def test_rows_last_as_long_as_their_family_says(tmp_path: Path, table: str, column: str, length: int) -> None:
    rows = [(minute(length * n) // MS, 1, 1, 0, steps, 70) for n, steps in enumerate((100, 0, 250))]
    recordings, _ = read(
        READER, gadgetbridge(tmp_path / "a.db", {table: rows}, sample_table(table, column, "STEPS", "HEART_RATE"))
    )
    assert [(end - start, value) for start, end, value in samples(recordings, "steps")] == [
        (length * 60_000, 100),
        (length * 60_000, 250),
    ]
    assert coverage(recordings) == [(minute(0), minute(3 * length))]


def test_withings_rows_say_how_long_they_last(tmp_path: Path) -> None:
    table = "WITHINGS_STEEL_HRACTIVITY_SAMPLE"
    schema = sample_table(table, "DURATION", "RAW_KIND", "STEPS", "HEART_RATE")
    rows = [(T, 1, 1, 120, 32, 150, 0), (T + 120, 1, 1, 0, 0, 0, 72), (T + 300, 1, 1, 60, 0, 0, 0), (T + 400, 1, 1, -9, 0, 9, 0)]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {table: rows}, schema))
    assert samples(recordings, "steps") == [(minute(0), minute(2), 150)]
    assert coverage(recordings) == [(minute(0), minute(2)), (minute(5), minute(6))]


def test_hybrid_hr_says_when_it_is_not_worn(tmp_path: Path) -> None:
    table = "HYBRID_HRACTIVITY_SAMPLE"
    rows = [(T + 60 * n, 1, 1, steps, wear, 66) for n, (steps, wear) in enumerate(((10, 0), (0, 1), (0, 1), (0, 2)))]
    recordings, _ = read(
        READER, gadgetbridge(tmp_path / "a.db", {table: rows}, sample_table(table, "STEPS", "WEAR_TYPE", "HEART_RATE"))
    )
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(1), minute(3), {})]
    assert coverage(recordings) == [(minute(0), minute(1)), (minute(3), minute(4))]


GARMIN = "GARMIN_ACTIVITY_SAMPLE"
GARMIN_TABLE = sample_table(GARMIN, "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE")


def garmin(path: Path, given: list[tuple[int, int]], rate: int = -1, kind: int = 1) -> Path:
    return gadgetbridge(path, {GARMIN: [(when, 1, 1, -1, steps, kind, rate) for when, steps in given]}, GARMIN_TABLE)


def test_counts_of_a_day_are_readings_since_local_midnight(tmp_path: Path) -> None:
    # Berlin is two hours ahead: its 2 June starts at 22:00 UTC of the 1st; the reading at that instant closes the day before.
    given = [(at(2024, 6, 1, 10), 500), (at(2024, 6, 1, 11), 900), (at(2024, 6, 1, 22), 7000), (at(2024, 6, 1, 22, 1), 4)]
    recordings, rejects = read(READER, garmin(tmp_path / "a.db", given), BERLIN)
    first, second = at(2024, 5, 31, 22) * MS, at(2024, 6, 1, 22) * MS
    assert readings(recordings) == [
        (at(2024, 6, 1, 10) * MS, first, 0, 500),
        (at(2024, 6, 1, 11) * MS, first, 0, 900),
        (at(2024, 6, 1, 22) * MS, first, 0, 7000),
        (at(2024, 6, 1, 22, 1) * MS, second, 0, 4),
    ]
    assert rejects == []


@pytest.mark.parametrize(("zone", "when", "midnight"), [
    ("Europe/Berlin", (2024, 3, 31, 21, 59), (2024, 3, 30, 23)),  # the day of 23 hours, its last minute
    ("Europe/Berlin", (2024, 10, 27, 22, 59), (2024, 10, 26, 22)),  # the day of 25 hours, its last minute
    ("Europe/Berlin", (2024, 10, 27, 23, 0), (2024, 10, 26, 22)),  # its closing reading
    ("America/Los_Angeles", (2024, 6, 2, 6, 59), (2024, 6, 1, 7)),
    ("Asia/Kathmandu", (2024, 6, 1, 18, 15), (2024, 5, 31, 18, 15)),
    ("Africa/Cairo", (2024, 4, 26, 10), (2024, 4, 25, 22)),  # its clocks go from 00:00 to 01:00
])  # fmt: skip
def test_midnights_are_right_in_any_zone(tmp_path: Path, zone: str, when: tuple[int, ...], midnight: tuple[int, ...]) -> None:
    recordings, rejects = read(READER, garmin(tmp_path / "a.db", [(at(*when), 10)]), ReadOptions(zone=ZoneInfo(zone)))
    assert readings(recordings) == [(at(*when) * MS, at(*midnight) * MS, 0, 10)]
    assert rejects == []


def test_a_count_that_falls_within_its_day_counts_no_less_than_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file that begins within the day lacks the running steps until running goes on: 5000, 4900, then 5050 are 50 steps.
    given = [(at(2024, 6, 1, 10, n), steps) for n, steps in enumerate((5000, 4900, 4950, 5050))] + [(at(2024, 6, 2, 10), 7)]
    expected = [5000, 5000, 5000, 5050, 7]
    path = garmin(tmp_path / "a.db", given)
    assert [value for *_, value in readings(read(READER, path, BERLIN)[0])] == expected
    monkeypatch.setattr("devices.files.sqlite._BATCH_ROWS", 2)
    assert [value for *_, value in readings(read(READER, path, BERLIN)[0])] == expected


@pytest.mark.parametrize("batch_rows", [1 << 16, 2])
def test_a_watch_that_counts_is_alive_from_row_to_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int) -> None:
    monkeypatch.setattr("devices.files.sqlite._BATCH_ROWS", batch_rows)
    # (minute, steps, kind, heart rate): a rate shows it too; the rows that only fill a gap do not, nor a pause of 16 minutes.
    given = [(0, -1, 1, 61), (1, -1, 1, -1), (2, 30, 1, 62), (17, 40, 1, -1), (18, -1, 8, -1), (33, 41, 1, -1), (34, 45, 1, -1)]
    rows = [(T + 60 * number, 1, 1, -1, steps, kind, rate) for number, steps, kind, rate in given]
    path = gadgetbridge(tmp_path / "a.db", {GARMIN: rows}, GARMIN_TABLE)
    recordings, _ = read(READER, path, ReadOptions(zone=ZoneInfo("UTC")))
    counts = [(when, channel, value) for when, _, channel, value in readings(recordings)]
    assert counts == [(minute(n), 0, value) for n, value in ((2, 30), (17, 40), (33, 41), (34, 45))]
    assert coverage(recordings) == [(minute(0), minute(17)), (minute(33), minute(34))]
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(18), minute(19), {})]
    assert [value for _, _, value in samples(recordings, "heart_rate")] == [61, 62]


def test_a_count_that_no_day_holds_is_left_out(tmp_path: Path) -> None:
    given = [
        (at(2024, 6, 1, 22, 1), 300),
        (at(2024, 6, 1, 22, 2), 900_000),
        (at(2024, 6, 1, 22, 3), -7),
        (at(2024, 6, 1, 22, 4), 310),
    ]
    recordings, rejects = read(READER, garmin(tmp_path / "a.db", given), BERLIN)
    assert [value for *_, value in readings(recordings)] == [300, 310]
    assert [(reject.found, reject.count) for reject in rejects] == [("900000", 2)]


@pytest.mark.parametrize("table", [family.table for family in FAMILIES if family.cumulative])
def test_counts_of_a_day_need_the_phones_zone(tmp_path: Path, table: str) -> None:
    path = gadgetbridge(
        tmp_path / "a.db",
        {table: [(T, 1, 1, -1, 5, 1, -1)]},
        sample_table(table, "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE"),
    )
    with pytest.raises(MissingAnswer) as raised:
        read(READER, path)
    assert raised.value.setting == "zone"


def test_an_empty_table_of_counts_needs_no_zone(tmp_path: Path) -> None:
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: [band(0, 5)]}, GARMIN_TABLE))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 5)]


def test_stages_with_a_length(tmp_path: Path) -> None:
    tables = (
        sample_table("CMF_SLEEP_STAGE_SAMPLE", "DURATION", "STAGE"),
        sample_table("COLMI_SLEEP_STAGE_SAMPLE", "DURATION", "STAGE"),
        "CREATE TABLE PEBBLE_HEALTH_ACTIVITY_OVERLAY (TIMESTAMP_FROM INTEGER, TIMESTAMP_TO INTEGER, RAW_KIND INTEGER, "
        "DEVICE_ID INTEGER)",
        "CREATE TABLE WENA3_BEHAVIOR_SAMPLE (TIMESTAMP INTEGER, DEVICE_ID INTEGER, USER_ID INTEGER, RAW_KIND INTEGER, "
        "TIMESTAMP_FROM INTEGER, TIMESTAMP_TO INTEGER)",
    )
    rows = {
        "CMF_SLEEP_STAGE_SAMPLE": [(minute(0), 1, 1, 600, 1), (minute(10), 1, 1, 60, 9)],
        "COLMI_SLEEP_STAGE_SAMPLE": [(minute(20), 1, 1, 10, 5), (minute(30), 1, 1, 9000, 2)],
        "PEBBLE_HEALTH_ACTIVITY_OVERLAY": [(T + 2400, T + 3000, 4, 1), (T + 2400, T + 3000, 5, 1)],
        "WENA3_BEHAVIOR_SAMPLE": [(minute(60), 1, 1, 1, minute(60), minute(61)), (minute(70), 1, 1, 7, minute(70), minute(71))],
    }
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", rows, *tables))
    assert spans(recordings, SpanKind.SLEEP) == [
        (minute(0), minute(10), {"stage": "deep"}),
        (minute(20), minute(30), {"stage": "awake"}),
        (minute(40), minute(50), {"stage": "deep"}),
        (minute(70), minute(71), {"stage": "rem"}),
    ]
    assert spans(recordings, SpanKind.NOT_WORN) == [(minute(60), minute(61), {})]
    assert [(reject.expected, reject.count) for reject in rejects] == [("a stage of up to 12 hours", 1)]
    assert {table.split('"')[1] if '"' in table else table.split()[2] for table in tables} == {stages.table for stages in STAGES}


@pytest.mark.parametrize("table", HEART_RATES)
def test_tables_of_heart_rates(tmp_path: Path, table: str) -> None:
    rows = [(minute(0) + 500, 1, 1, 64), (minute(1), 1, 1, 0), (minute(2), 1, 1, 300)]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {table: rows}, sample_table(table, "HEART_RATE")))
    assert samples(recordings, "heart_rate") == [(minute(0) + 500, minute(0) + 500, 64)]
    assert [reject.count for reject in rejects] == [1]


def test_exercises(tmp_path: Path) -> None:
    given = [(32, 30), (0x4000, 20), (0x200000, 20), (0x040000DD, 10), (0x04000099, 10), (8, 10), (16, 0), (16, 3000)]
    rows = [
        (None, "Walk with Ann", minute(100 * n), minute(100 * n + length), kind, 1, 1) for n, (kind, length) in enumerate(given)
    ]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {"BASE_ACTIVITY_SUMMARY": rows}))
    found = spans(recordings, SpanKind.WORKOUT)
    assert [attributes["activity"] for _, _, attributes in found] == ["walking", "yoga", "strength", "flexibility", "other"]
    assert found[0][:2] == (minute(0), minute(30))
    assert found[4][2]["name"] == "Gadgetbridge kind 0x4000099"
    assert [reject.count for reject in rejects] == [2]
    assert "Ann" not in repr(recordings)


def test_a_table_of_unknown_meaning_is_named_and_not_guessed_at(tmp_path: Path) -> None:
    tables = [
        sample_table(name, "STEPS", "RAW_KIND", "HEART_RATE")
        for name in ("PINE_TIME_ACTIVITY_SAMPLE", "NEW_ACTIVITY_SAMPLE", "LEFUN_ACTIVITY_SAMPLE")
    ]
    rows = {
        "PINE_TIME_ACTIVITY_SAMPLE": [(T, 1, 1, 5, 0, 0)],
        "NEW_ACTIVITY_SAMPLE": [(T, 1, 1, 5, 0, 0), (T + 60, 1, 1, 6, 0, 0)],
        MI_BAND: [band(0, 9)],
    }
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", rows, *tables))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 9)]
    assert [(reject.place, reject.count) for reject in rejects] == [("NEW_ACTIVITY_SAMPLE", 2), ("PINE_TIME_ACTIVITY_SAMPLE", 1)]


def test_values_of_the_wrong_kind_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [
        band(0, 5),
        (T + 60, 1, 1, 20, "many", 1, 255),
        (T + 120, 1, 1, 20, b"\xff" * 9, 1, 255),
        (5, 1, 1, 20, 7, 1, 80),
        (1 << 61, 1, 1, 20, 7, 1, 80),
        band(3, 401),
    ]
    recordings, rejects = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    assert samples(recordings, "steps") == [(minute(0), minute(1), 5)]
    assert {(reject.expected, reject.count) for reject in rejects} == {
        ("steps of 0 to 400 a minute", 3),
        ("a time from 1990 to 2100", 2),
    }


def test_totals_agree_with_what_sqlite_adds_up(tmp_path: Path) -> None:
    draw = np.random.default_rng(6)
    kinds = (1, 1, 1, 16, 17, 80, 96, 3, 6, 9, 11, 12)
    rows = [
        band(
            n,
            int(draw.integers(0, 130)) if draw.random() < 0.3 else 0,
            int(draw.choice(kinds)),
            int(draw.choice((255, 0, 58, 140))),
        )
        for n in range(4000)
        if draw.random() < 0.95
    ]
    path = gadgetbridge(tmp_path / "a.db", {MI_BAND: rows})
    recordings, _ = read(READER, path)
    own = sqlite3.connect(path)
    # Charging minutes have no steps of anybody; kinds that carry on are judged by the row that they carry on.
    kind_of = "SELECT b.RAW_KIND & 15 FROM MI_BAND_ACTIVITY_SAMPLE b WHERE b.TIMESTAMP <= a.TIMESTAMP"
    query = (
        f"WITH k AS (SELECT STEPS s, ifnull(({kind_of} AND b.RAW_KIND & 15 NOT IN (0, 10) ORDER BY b.TIMESTAMP DESC LIMIT 1), 1) "
        "kind FROM MI_BAND_ACTIVITY_SAMPLE a) "
        "SELECT SUM(CASE WHEN kind != 6 THEN s END), SUM(kind != 6 AND NOT (kind = 3 AND s = 0)) FROM k"
    )
    steps, minutes = own.execute(query).fetchone()
    rates = own.execute(f"SELECT SUM(HEART_RATE) FROM {MI_BAND} WHERE HEART_RATE IN (58, 140)").fetchone()[0]
    own.close()
    assert sum(value for _, _, value in samples(recordings, "steps")) == steps
    assert sum(end - start for start, end in coverage(recordings)) == minutes * 60_000
    assert sum(value for _, _, value in samples(recordings, "heart_rate")) == rates


def test_coverage_is_cut_at_days_so_that_months_on_end_are_believed(tmp_path: Path) -> None:
    rows = [band(n) for n in range(3 * 1440)]
    recordings, _ = read(READER, gadgetbridge(tmp_path / "a.db", {MI_BAND: rows}))
    pieces = [piece for recording in recordings for stream in recording.streams for piece in stream.coverage.tolist()]
    assert max(end - start for start, end in pieces) == 86_400_000
    assert coverage(recordings) == [(minute(0), minute(3 * 1440))]


def test_it_is_known_by_its_tables_and_by_its_name_only_if_they_cannot_be_read(tmp_path: Path) -> None:
    path = gadgetbridge(tmp_path / "renamed.bin", {})
    head, tables = path.read_bytes()[:4096], table_names(FileSource(path, "renamed.bin"))
    assert READER.identify("renamed.bin", head, tables)
    assert not READER.identify("Gadgetbridge.db", head, ("data", "settings"))
    assert not READER.identify("Gadgetbridge.db", b"PK\x03\x04", tables)
    assert READER.identify("backup.zip!database/Gadgetbridge", head, ())
    assert not READER.identify("gadgetbridge.zip!other.db", head, ())


def test_without_its_devices_nothing_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="DEVICE"):
        read(READER, build.make(tmp_path / "a.db", build.GADGETBRIDGE[-1:]))
