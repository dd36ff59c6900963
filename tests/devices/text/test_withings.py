"""Withings' raw tables, made by hand from public descriptions."""

import pytest

from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import Offset
from tests.devices.text.reading import coverage, ms, read_bytes, read_source, samples, spans
from tests.shared import shared

STEPS = (
    b"start,duration,value\n"
    b'2026-10-25T02:59:00+02:00,"[60,120,30]","[12,0,55]"\n'
    b"2026-10-25T02:30:00+01:00,[60],[7]\n"
    b"2026-10-25T02:40:00+01:00,60,8\n"
    b'2026-10-25T02:50:00+01:00,"[60,60]",[7]\n'
    b"2026-10-25T02:55:00,[60],[7]\n"
    b"2026-10-25T02:55:00Z,[-60],[7]\n"
    b"2026-10-25T02:55:00Z,[60],[true]\n"
    b"2026-10-25T02:55:00Z,[[60]],[[1]]\n"
)


def test_arrays_follow_one_another() -> None:
    recordings, rejects = read_bytes(STEPS, "raw_tracker_steps.csv", ReadOptions())
    at = ms("2026-10-25T00:59")
    assert samples(recordings) == [
        (at, at + 60_000, 12),
        (at + 60_000, at + 180_000, 0),
        (at + 180_000, at + 210_000, 55),
        (ms("2026-10-25T01:30"), ms("2026-10-25T01:31"), 7),
        (ms("2026-10-25T01:40"), ms("2026-10-25T01:41"), 8),
    ]
    assert coverage(recordings)[0] == [at, at + 210_000]
    assert recordings[0].offsets == (Offset(at, 7200), Offset(ms("2026-10-25T01:30"), 3600))
    assert [(reject.place, reject.count) for reject in rejects] == [("raw_tracker_steps.csv line 5", 5)]


@pytest.mark.parametrize("name", ["raw_hr_hr.csv", "raw_tracker_hr.csv", "Withings export/raw_tracker_hr (2).csv"])
def test_a_pulse_is_of_its_moment(name: str) -> None:
    recordings, _ = read_bytes(b'start,duration,value\n2026-08-01T07:30:00+02:00,"[600,600]","[61,0]"\n', name)
    at = ms("2026-08-01T05:30")
    assert samples(recordings, "heart_rate") == [(at, at, 61)]


def test_equal_stages_in_a_row_are_one() -> None:
    data = (
        b'start,duration,value\n2026-08-01T23:00:00+02:00,"[60,60,60,60,60,60]","[0,1,1,2,3,9]"\n'
        b"2026-08-01T23:10:00+02:00,[60],[1]\n"
    )
    recordings, rejects = read_bytes(data, "raw_tracker_sleep-state.csv")
    at = ms("2026-08-01T21:00")
    assert [(start - at, end - at, attributes["stage"]) for start, end, attributes in spans(recordings, "sleep")] == [
        (0, 60_000, "awake"),
        (60_000, 180_000, "light"),
        (180_000, 240_000, "deep"),
        (240_000, 300_000, "rem"),
        (600_000, 660_000, "light"),
    ]
    assert [reject.count for reject in rejects] == [1]


@pytest.mark.parametrize("name", ["raw_tracker_distance.csv", "renamed.csv"])
def test_the_name_says_what_the_numbers_are(name: str) -> None:
    recordings, rejects = read_bytes(STEPS, name)
    assert not recordings
    assert len(rejects) == 1


def test_the_public_description() -> None:
    name = "withings_raw_tracker_steps.csv"
    recordings, rejects = read_source(FileSource(shared(f"samples/synthetic/{name}"), name))
    assert [value for _, _, value in samples(recordings)] == [12, 0, 55, 7]
    assert coverage(recordings) == [
        [ms("2024-06-07T07:22"), ms("2024-06-07T07:25")],
        [ms("2024-06-07T07:30"), ms("2024-06-07T07:31")],
    ]
    assert not rejects
