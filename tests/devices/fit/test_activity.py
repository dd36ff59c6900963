"""Recorded workouts."""

from datetime import UTC, datetime
from itertools import islice

import fitparse
import pytest
from garmin_fit_sdk.profile import Profile

from devices.files.fit.activity import activity_of
from devices.recording import Activity, SpanKind
from tests.devices.fit.read import intervals, one, read
from tests.devices.fit.writer import ENUM, UINT8, UINT32, file_id, fit, fit_time, message
from tests.shared import shared

START = int(datetime(2024, 6, 5, 14, tzinfo=UTC).timestamp())
ACTIVITY = 4
SESSION = [
    (253, UINT32, "I"),
    (2, UINT32, "I"),
    (5, ENUM, "B"),
    (6, ENUM, "B"),
    (7, UINT32, "I"),
    (9, UINT32, "I"),
    (10, UINT32, "I"),
]


def session(sport: int, sub_sport: int, cycles: int = 0xFFFF_FFFF, *, stamp: int = START, elapsed_ms: int = 1_800_500) -> bytes:
    return message(0, 18, SESSION, (fit_time(stamp), fit_time(START), sport, sub_sport, elapsed_ms, 150_000, cycles))


def sport_number(name: str, kind: str = "sport") -> int:
    return next(number for number, text in Profile["types"][kind].items() if text == name)


@pytest.mark.parametrize(
    ("sport", "sub_sport", "expected"),
    [
        ("walking", "generic", Activity.WALKING),
        ("walking", "indoor_walking", Activity.WALKING),
        ("walking", "casual_walking", Activity.WALKING),
        ("walking", "speed_walking", Activity.WALKING),
        ("fitness_equipment", "indoor_walking", Activity.WALKING),
        ("running", "generic", Activity.RUNNING),
        ("running", "trail", Activity.RUNNING),
        ("running", "indoor_running", Activity.RUNNING),
        ("running", "treadmill", Activity.TREADMILL),
        ("hiking", "generic", Activity.HIKING),
        ("hiking", "rucking", Activity.HIKING),
        ("cycling", "indoor_cycling", Activity.CYCLING),
        ("e_biking", "generic", Activity.CYCLING),
        ("swimming", "lap_swimming", Activity.SWIMMING),
        ("swimming", "open_water", Activity.SWIMMING),
        ("training", "strength_training", Activity.STRENGTH),
        ("fitness_equipment", "strength_training", Activity.STRENGTH),
        ("training", "flexibility_training", Activity.FLEXIBILITY),
        ("training", "yoga", Activity.YOGA),
        ("training", "pilates", Activity.PILATES),
        ("training", "cardio_training", Activity.CARDIO),
        ("training", "hiit", Activity.CARDIO),
        ("hiit", "generic", Activity.CARDIO),
        ("hiit", "tabata", Activity.CARDIO),
        ("training", "breathing", Activity.BREATHWORK),
        ("mobility", "generic", Activity.MOBILITY),
        ("tennis", "generic", Activity.OTHER),
        ("training", "generic", Activity.OTHER),
        ("fitness_equipment", "elliptical", Activity.OTHER),
    ],
)
def test_kinds_of_workout_by_the_sdks_names(sport: str, sub_sport: str, expected: Activity) -> None:
    assert activity_of(sport_number(sport), sport_number(sub_sport, "sub_sport")) is expected


def test_a_session_is_a_span_with_its_steps_as_an_attribute_only() -> None:
    fraction = message(
        0, 18, [*SESSION, (94, UINT8, "B")], (fit_time(START), fit_time(START), 11, 0, 1_800_500, 150_000, 1_200, 64)
    )
    recording = one(fit(file_id(ACTIVITY), fraction))
    (span,) = recording.spans
    assert (span.kind, span.start_ms, span.end_ms) == (SpanKind.WORKOUT, START * 1000, START * 1000 + 1_800_500)
    assert dict(span.attributes) == {
        "activity": "walking",
        "sport": "walking",
        "sub_sport": "generic",
        "elapsed_s": 1_800.5,
        "distance_m": 1_500.0,
        "steps": 2_401,  # 1,200 and a half strides
    }
    assert recording.streams == ()


def test_cycles_off_foot_are_no_steps() -> None:
    for sport, sub_sport in ((2, 0), (5, 17), (10, 20)):
        (span,) = one(fit(file_id(ACTIVITY), session(sport, sub_sport, 1_200))).spans
        assert "steps" not in span.attributes


def test_the_end_is_start_and_elapsed_time_whatever_the_messages_own_time() -> None:
    (span,) = one(fit(file_id(ACTIVITY), session(11, 0, stamp=START + 90_000))).spans
    assert span.end_ms - span.start_ms == 1_800_500


def test_several_sessions_are_several_spans() -> None:
    spans = one(fit(file_id(ACTIVITY), session(5, 18), session(3, 0), session(1, 0, 900))).spans
    assert [span.attributes["activity"] for span in spans] == ["swimming", "other", "running"]
    assert spans[1].attributes["sport"] == "transition"


def test_a_sport_that_nobody_names_keeps_its_number() -> None:
    (span,) = one(fit(file_id(ACTIVITY), session(200, 0xFF))).spans
    assert (span.attributes["activity"], span.attributes["sport"]) == ("other", "200")
    assert "sub_sport" not in span.attributes


@pytest.mark.parametrize("elapsed_ms", [0, 0xFFFF_FFFF, 8 * 86_400_000])
def test_a_session_that_took_no_time_or_no_bodys_is_told(elapsed_ms: int) -> None:
    recordings, (reject,) = read(fit(file_id(ACTIVITY), session(11, 0, elapsed_ms=elapsed_ms)))
    assert recordings == []
    assert reject.expected == "a session with a start and a time that it took"


def test_heart_rate_of_every_record() -> None:
    rows = [(fit_time(START + i), rate) for i, rate in enumerate((88, 0xFF, 0, 90, 20, 251))]
    (recording,), (reject,) = read(fit(file_id(ACTIVITY), message(0, 20, [(253, UINT32, "I"), (3, UINT8, "B")], *rows)))
    t = START * 1000
    assert intervals(recording, "heart_rate") == [(t, t, 88), (t + 3_000, t + 3_000, 90)]
    assert (reject.expected, reject.count) == ("a heart rate from 25 to 250", 2)


def test_times_since_switch_on_are_told_and_nothing_is_made_of_them() -> None:
    beats = message(0, 20, [(253, UINT32, "I"), (3, UINT8, "B")], (16_441_241, 88), (16_441_242, 89))
    recordings, (reject,) = read(fit(file_id(ACTIVITY), beats))
    assert recordings == []
    assert (reject.expected, reject.count) == ("a heart rate at a time since 1990", 2)


def test_files_of_other_kinds_hold_no_movement() -> None:
    for kind, name in ((2, "settings"), (9, "weight"), (5, "workout"), (7, "schedules"), (77, "not in the profile")):
        recordings, (reject,) = read(fit(file_id(kind)))
        assert recordings == []
        assert reject.found == f"a file of type {kind}: {name}"


def test_what_is_chained_on_without_a_file_id_belongs_to_the_file_before() -> None:
    walk = fit(file_id(ACTIVITY), session(11, 0))
    (first, second), rejects = read(walk + fit(session(10, 20)))
    assert not rejects
    assert first.device == second.device
    (third,), _ = read(fit(session(10, 20)))
    assert third.device.vendor == "unknown"


# Real files: what a person would read off the screen of the watch.
def test_a_real_walk() -> None:
    recording = one(shared("samples/fit/python-fitparse/garmin-fenix-5-walk.fit").read_bytes())
    (span,) = recording.spans
    assert dict(span.attributes) == {
        "activity": "walking",
        "sport": "walking",
        "sub_sport": "generic",
        "elapsed_s": 45.379,
        "distance_m": 67.85,
        "steps": 82,
    }
    assert recording.device.key == "garmin/fenix5/3945849289"
    assert [o.offset_s for o in recording.offsets] == [-7 * 3600]


def test_a_real_strength_session_and_a_real_yoga_session() -> None:
    for name, activity in (("suunto-weight", "strength"), ("failed", "yoga")):
        (recording, *_), _ = read(shared(f"samples/fit/fit-parser/{name}.fit").read_bytes())
        assert [span.attributes["activity"] for span in recording.spans] == [activity]


def test_a_real_triathlon_is_the_same_whether_its_summary_comes_first_or_last() -> None:
    first, last = (shared(f"samples/fit/fit/triathlon_summary_{which}.fit").read_bytes() for which in ("first", "last"))
    expected = [
        (
            message.get_value("sport"),
            int(message.get_value("start_time").replace(tzinfo=UTC).timestamp()) * 1000,
            round(message.get_value("total_elapsed_time") * 1000),
        )
        for message in islice(fitparse.FitFile(first).get_messages("session"), 5)
    ]
    assert [sport for sport, *_ in expected] == ["swimming", "transition", "cycling", "transition", "running"]
    for data in (first, last):
        spans = one(data).spans
        assert [(span.attributes["sport"], span.start_ms, span.end_ms - span.start_ms) for span in spans] == expected
        assert [span.attributes["activity"] for span in spans] == ["swimming", "other", "cycling", "other", "running"]


def test_the_heart_rates_of_a_real_run_are_fitparses() -> None:
    data = shared("samples/fit/python-fitparse/activity-small-fenix2-run.fit").read_bytes()
    expected = [
        (int(r.get_value("timestamp").replace(tzinfo=UTC).timestamp()) * 1000, r.get_value("heart_rate"))
        for r in fitparse.FitFile(data).get_messages("record")
        if r.get_value("heart_rate")
    ]
    assert [(at, rate) for at, _, rate in intervals(one(data), "heart_rate")] == expected
    assert len(expected) == 2_808
