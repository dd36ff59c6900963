"""The watch's FIT files, read back by fitparse and by a plain derivation of steps."""

import hashlib
import struct
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import fitparse
import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Stream

from devices.virtual import Habit, State, Trip, Wearer, cast, days_from, fit_serial, truth, write_fit
from devices.virtual.fit import FAULTS, broken, checksum
from tests.devices.virtual.derive import fit_day_steps, fit_increments, fit_messages, fit_readings, fit_time

SURGERY = date(2026, 1, 12)
CASES = {
    "home": (Wearer(11, SURGERY), SURGERY),
    "overdoing": (Wearer(12, date(2025, 12, 1), "America/New_York", Habit.OVERDOING), SURGERY),
    "spring": (Wearer(13, SURGERY, "Europe/Berlin"), date(2026, 3, 28)),
    "autumn": (Wearer(19, SURGERY, "America/Denver", Habit.SITTER), date(2026, 10, 31)),
    "west": (Wearer(15, SURGERY, trips=(Trip(date(2026, 2, 4), "America/New_York"),)), date(2026, 2, 3)),
    "east": (Wearer(16, SURGERY, trips=(Trip(date(2026, 2, 4), "Asia/Tokyo"),)), date(2026, 2, 3)),
    "silent": (Wearer(17, SURGERY, silent=frozenset({date(2026, 2, 3)})), date(2026, 2, 2)),
    "half hours": (Wearer(18, SURGERY, "Asia/Kolkata", night_wear=False), date(2026, 2, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_increments_sum_to_the_truth_of_each_local_day(case: str, tmp_path: Path) -> None:
    wearer, first = CASES[case]
    lived = truth(wearer, days_from(first, 3))
    paths = write_fit(wearer, days_from(first, 3), tmp_path, sleep=False, activities=False)
    edges = {day.day: (day.start_ms, day.end_ms) for day in lived}
    assert fit_day_steps(paths, edges) == {day.day: day.recorded_steps for day in lived}
    assert [day.recorded_steps > 0 for day in lived] == [case != "silent" or i != 1 for i in range(3)]


def test_each_increment_is_what_was_walked_since_the_record_before(tmp_path: Path) -> None:
    wearer = Wearer(21, SURGERY)
    day = truth(wearer, [date(2026, 2, 10)])[0]
    before = np.concatenate(([0], np.cumsum(day.recorded)))
    increments = fit_increments(write_fit(wearer, [day.day], tmp_path, sleep=False, activities=False))
    assert len(increments) > 40
    for after, until, steps in increments:
        first, last = (max(round((fit_time(at).timestamp() * 1000 - day.start_ms) / 60_000), 0) for at in (after, until))
        assert steps == before[last] - before[first]
        assert steps / (last - first) < 220


def test_the_files_hold_what_days_of_summer_time_and_travel_are() -> None:
    lengths = {case: [len(day.steps) for day in truth(wearer, days_from(first, 3))] for case, (wearer, first) in CASES.items()}
    assert lengths["home"] == [1440] * 3
    assert lengths["spring"] == [1440, 1380, 1440]
    assert lengths["autumn"] == [1440, 1500, 1440]
    assert lengths["west"] == [1440, 1440 + 6 * 60, 1440]
    assert lengths["east"] == [1440, 1440 - 8 * 60, 1440]


def test_fitparse_and_the_sdk_read_every_file(tmp_path: Path) -> None:
    wearer = Wearer(31, date(2025, 11, 1), habit=Habit.OVERDOING)
    paths = write_fit(wearer, days_from(date(2026, 1, 20), 5), tmp_path)
    kinds = {path.stem.rsplit("_")[-1] for path in paths}
    assert kinds == {"WELLNESS", "SLEEP", "ACTIVITY"}
    assert paths == sorted(paths)
    for path in paths:
        messages = fit_messages(path)
        assert messages[0].get_value("serial_number") == fit_serial(wearer)
        decoder = Decoder(Stream.from_file(str(path)))
        assert decoder.check_integrity()
        _, errors = decoder.read()
        assert errors == []


def test_a_file_begins_at_midnight_and_at_each_sync_and_repeats_half_an_hour(tmp_path: Path) -> None:
    wearer = Wearer(32, SURGERY, faults=0)
    paths = write_fit(wearer, [SURGERY + timedelta(days=30)], tmp_path, syncs=4, sleep=False, activities=False)
    assert len(paths) == 5
    per_file = [{(r.at, r.kind) for r in fit_readings([path])} for path in paths]
    for earlier, later in pairwise(per_file):
        assert len(earlier & later) >= 1
        assert max(at for at, _ in earlier) > min(at for at, _ in later)
    alone = write_fit(wearer, [SURGERY + timedelta(days=30)], tmp_path / "b", overlap_min=0, sleep=False, activities=False)
    per_file = [{(r.at, r.kind) for r in fit_readings([path])} for path in alone]
    assert not any(earlier & later for earlier, later in pairwise(per_file))


def offsets(case: str, folder: Path) -> list[tuple[datetime, int]]:
    """What each file says: when it begins, and how far the clock stood ahead of UTC, in s."""
    wearer, first = CASES[case]
    found = []
    for path in write_fit(wearer, days_from(first, 3), folder, sleep=False, activities=False):
        info = next(message for message in fit_messages(path) if message.name == "monitoring_info")
        at, local = info.get("timestamp").raw_value, info.get("local_timestamp").raw_value
        found.append((fit_time(at), local - at))
    return found


def test_the_offset_is_that_of_the_clock(tmp_path: Path) -> None:
    found = offsets("spring", tmp_path)
    zone = ZoneInfo("Europe/Berlin")
    assert [timedelta(seconds=offset) for _, offset in found] == [at.astimezone(zone).utcoffset() for at, _ in found]
    assert {offset for _, offset in found} == {3_600, 7_200}


def test_the_clock_set_on_a_journey_begins_a_file(tmp_path: Path) -> None:
    noon = datetime(2026, 2, 4, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    overlap = timedelta(minutes=30)
    for at, offset in offsets("west", tmp_path):
        assert offset == (-18_000 if at >= noon - overlap else 3_600)
    assert noon - overlap in [at for at, _ in offsets("west", tmp_path)]


def test_closing_records_stand_at_local_midnight(tmp_path: Path) -> None:
    wearer, first = CASES["autumn"]
    lived = truth(wearer, days_from(first, 3))
    closing = [
        r for r in fit_readings(write_fit(wearer, days_from(first, 3), tmp_path, sleep=False, activities=False)) if r.closes
    ]
    ends = {day.end_ms for day in lived if day.state[-1] != State.SILENT and day.recorded_steps}
    assert {round(fit_time(r.at).timestamp() * 1000) for r in closing} == ends


def test_pulse_only_where_worn_and_stress_negative_where_not(tmp_path: Path) -> None:
    wearer = Wearer(33, SURGERY, night_wear=False)
    day = truth(wearer, [date(2026, 2, 20)])[0]
    worn_pulses, off_wrist = 0, 0
    for path in write_fit(wearer, [day.day], tmp_path, sleep=False, activities=False, overlap_min=0):
        at = 0
        for message in fit_messages(path):
            raw = {field.name: field.raw_value for field in message.fields}
            at = raw.get("timestamp", at) if message.name == "monitoring_info" else at
            if message.name == "monitoring" and "timestamp_16" in raw:
                at += (raw["timestamp_16"] - (at & 0xFFFF)) & 0xFFFF
            if raw.get("heart_rate") is not None:
                minute = int((fit_time(at).timestamp() * 1000 - day.start_ms) // 60_000)
                assert day.state[minute] == State.WORN
                assert raw["heart_rate"] == day.heart_rate[minute]
                worn_pulses += 1
            if message.name == "stress_level":
                minute = int((fit_time(raw["stress_level_time"]).timestamp() * 1000 - day.start_ms) // 60_000)
                assert (raw["stress_level_value"] == -1) == (day.state[minute] != State.WORN)
                off_wrist += raw["stress_level_value"] == -1
    assert worn_pulses == pytest.approx(day.count(State.WORN) / 2, abs=8)
    assert off_wrist == pytest.approx((day.count(State.NOT_WORN) + day.count(State.CHARGING)) / 3, abs=8)


def test_activities_hold_the_workouts(tmp_path: Path) -> None:
    wearer = Wearer(34, date(2025, 10, 1))
    days = days_from(date(2026, 1, 1), 30)
    workouts = [workout for day in truth(wearer, days) for workout in day.workouts]
    assert {workout.kind.value for workout in workouts} == {"walking", "strength", "flexibility", "cycling"}
    paths = [path for path in write_fit(wearer, days, tmp_path) if path.stem.endswith("ACTIVITY")]
    assert len(paths) == len(workouts)
    sports = {"walking": (11, 0), "strength": (10, 20), "flexibility": (10, 19), "cycling": (2, 6)}
    for path, workout in zip(paths, workouts, strict=True):
        session = next(message for message in fit_messages(path) if message.name == "session")
        raw = {field.field_def.def_num: field.raw_value for field in session.fields if field.field_def}
        assert (raw[5], raw[6]) == sports[workout.kind.value]
        assert fit_time(raw[2]).timestamp() * 1000 == workout.start_ms
        assert raw[7] == workout.end_ms - workout.start_ms
        if workout.kind == "walking":
            assert 2 * (raw[10] + raw[94] / 128) == workout.steps


def test_sleep_levels_end_with_the_night(tmp_path: Path) -> None:
    wearer = Wearer(35, SURGERY, faults=0)
    days = days_from(date(2026, 2, 20), 3)
    lived = truth(wearer, days)
    paths = [path for path in write_fit(wearer, days, tmp_path) if path.stem.endswith("SLEEP")]
    wakes = {day.wake_ms for day in lived}
    assert wakes <= {round(fit_time(fit_messages(path)[-1].get("timestamp").raw_value).timestamp() * 1000) for path in paths}
    asleep = 0
    for path in paths:
        messages = fit_messages(path)
        previous = next(m for m in messages if m.name == "event").get("timestamp").raw_value
        for message in messages:
            if message.name == "unknown_275":
                raw = {field.name: field.raw_value for field in message.fields}
                until, level = raw["unknown_253"], raw["unknown_0"]
                asleep += (until - previous) // 60 * (level > 1)
                previous = until
    assert asleep == sum(int((day.stage > 0).sum()) for day in lived)


def test_the_same_wearer_writes_the_same_bytes(tmp_path: Path) -> None:
    wearer = cast(5, 4)[2]

    def digest(folder: Path) -> str:
        paths = write_fit(wearer, days_from(SURGERY, 20), folder)
        return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()

    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_days_written_one_by_one_hold_the_same_records(tmp_path: Path) -> None:
    wearer, days = Wearer(36, SURGERY), days_from(date(2026, 2, 1), 4)
    together = write_fit(wearer, days, tmp_path / "a", sleep=False)
    apart = [path for day in days for path in write_fit(wearer, [day], tmp_path / "b", sleep=False)]

    def readings(paths: list[Path]) -> list[tuple[int, int, int | None, bool]]:
        return [(r.at, r.kind, r.count, r.closes) for r in fit_readings(path for path in paths if "WELLNESS" in path.stem)]

    assert readings(together) == readings(apart)


def test_the_checksum_is_that_of_the_protocol() -> None:
    # The FIT protocol's own nibble table.
    table = (
        0x0,
        0xCC01,
        0xD801,
        0x1400,
        0xF001,
        0x3C00,
        0x2800,
        0xE401,
        0xA001,
        0x6C00,
        0x7800,
        0xB401,
        0x5000,
        0x9C01,
        0x8801,
        0x4400,
    )

    def by_nibbles(data: bytes) -> int:
        crc = 0
        for byte in data:
            for nibble in (byte & 0xF, byte >> 4):
                crc = (crc >> 4) & 0xFFF ^ table[crc & 0xF] ^ table[nibble]
        return crc

    assert checksum(b"123456789") == 0xBB3D  # CRC-16/ARC, the catalogue's check value
    data = np.random.Generator(np.random.PCG64(1)).bytes(1_001)
    assert [checksum(data[:n]) for n in (0, 1, 2, 3, 1_000, 1_001)] == [by_nibbles(data[:n]) for n in (0, 1, 2, 3, 1_000, 1_001)]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_broken_files_are_broken(fault: str, tmp_path: Path) -> None:
    day = SURGERY + timedelta(days=9)
    good = write_fit(Wearer(37, SURGERY), [day], tmp_path, sleep=False, activities=False)[1].read_bytes()
    bad = broken(good, fault)
    assert bad != good
    header_whole = len(bad) >= 14 and bad[8:12] == b".FIT" and struct.unpack_from("<I", bad, 4)[0] + 16 == len(bad)
    if fault != "no_definition":
        assert not (header_whole and checksum(bad[:14]) == 0 and checksum(bad) == 0)
        return
    assert checksum(bad) == 0
    with pytest.raises(fitparse.FitParseError):
        fitparse.FitFile(bad).parse()


def test_a_dead_watch_writes_no_file(tmp_path: Path) -> None:
    wearer, first = CASES["silent"]
    names = [path.name for path in write_fit(wearer, days_from(first, 3), tmp_path, sleep=False, activities=False)]
    # The silent day is that from 23:00Z to 23:00Z.
    assert not [name for name in names if "2026-02-02-23" <= name < "2026-02-03-23"]
    assert len(names) == 8
    assert write_fit(wearer, [], tmp_path / "none") == []


def test_days_out_of_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in time order"):
        write_fit(Wearer(1, SURGERY), [SURGERY, SURGERY], tmp_path)
