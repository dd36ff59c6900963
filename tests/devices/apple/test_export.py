"""Made exports with every kind of element that is read: what comes out, in numbers worked out by hand."""

import pytest

from devices.files.apple import READER
from devices.recording import Device, Span, SpanKind
from tests.devices.apple.collected import read_bytes
from tests.devices.apple.made import HEART_RATE, PHONE, SLEEP, STEPS, export, metadata, ms, record

WATCH = Device("apple", "Watch6,2", name="Eva’s Apple Watch")
NINE, TEN_PAST = "2023-03-26 09:00:00 +0200", "2023-03-26 09:10:00 +0200"


def test_steps_are_intervals_of_whole_seconds_in_utc() -> None:
    found = read_bytes(READER, export(record(STEPS, NINE, TEN_PAST, 812)))
    # 09:00 at +02:00 is 07:00 in UTC; 2023-03-26 is day 19,442 since 1970.
    start = (19_442 * 24 + 7) * 3_600_000
    assert found.samples == {(WATCH, "steps"): {(start, start + 600_000): 812}}
    assert found.rejects == []
    assert found.error is None


def test_phone_and_watch_are_two_devices_and_the_phone_vouches_for_nothing() -> None:
    phone = record(STEPS, NINE, TEN_PAST, 300, source="Eva’s iPhone", device=PHONE)
    found = read_bytes(READER, export(phone, record(STEPS, NINE, TEN_PAST, 290)))
    assert {device.key for device, _ in found.samples} == {
        "apple/iPhone12,1/~Eva’s iPhone",
        "apple/Watch6,2/~Eva’s Apple Watch",
    }
    assert found.coverage == {}


def test_a_heart_rate_sample_is_an_instant_and_rounds_half_up() -> None:
    beats = [
        record(HEART_RATE, f"2023-03-26 09:0{m}:00 +0200", f"2023-03-26 09:0{m}:00 +0200", v)
        for m, v in enumerate(("72", "70.5", "71.5", "64.4128", "64.4999999999999999"))
    ]
    found = read_bytes(READER, export(*beats))
    first = ms(NINE)
    assert found.samples[WATCH, "heart_rate"] == {
        (first + minute * 60_000, first + minute * 60_000): value for minute, value in enumerate((72, 71, 72, 64, 65))
    }


def test_a_worn_watch_vouches_for_zero_steps_between_beats_up_to_ten_minutes_apart() -> None:
    minutes = (0, 5, 10, 20, 31, 36)
    beats = [record(HEART_RATE, f"2023-03-26 09:{m:02}:00 +0200", f"2023-03-26 09:{m:02}:00 +0200", 70) for m in minutes]
    found = read_bytes(READER, export(*beats))
    first = ms(NINE)
    # 20 to 31 is eleven minutes: nobody knows whether it was worn.
    assert found.coverage == {WATCH: [(first, first + 20 * 60_000), (first + 31 * 60_000, first + 36 * 60_000)]}


def test_beats_of_a_strap_or_a_phone_vouch_for_no_steps() -> None:
    strap = "&lt;&lt;HKDevice: {address}&gt;, name:Polar H10 5F2, manufacturer:Polar Electro Oy, model:H10, hardware:1&gt;"
    beats = [
        record(HEART_RATE, f"2023-03-26 09:0{m}:00 +0200", f"2023-03-26 09:0{m}:00 +0200", 70, source="Polar Beat", device=strap)
        for m in range(5)
    ]
    found = read_bytes(READER, export(*beats))
    assert found.coverage == {}
    assert found.only_device() == Device("polar electro oy", "H10 1", name="Polar Beat Polar H10 5F2")


@pytest.mark.parametrize(
    ("value", "kind", "stage"),
    [
        ("InBed", SpanKind.IN_BED, None),
        ("Awake", SpanKind.SLEEP, "awake"),
        ("AsleepCore", SpanKind.SLEEP, "light"),
        ("AsleepDeep", SpanKind.SLEEP, "deep"),
        ("AsleepREM", SpanKind.SLEEP, "rem"),
        ("AsleepUnspecified", SpanKind.SLEEP, "asleep"),
        ("Asleep", SpanKind.SLEEP, "asleep"),
    ],
)
def test_stages_of_sleep(value: str, kind: SpanKind, stage: str | None) -> None:
    found = read_bytes(READER, export(record(SLEEP, NINE, TEN_PAST, f"HKCategoryValueSleepAnalysis{value}")))
    assert found.spans == {WATCH: [Span(kind, ms(NINE), ms(TEN_PAST), {"stage": stage} if stage else {})]}


def test_an_unknown_stage_of_sleep_is_named() -> None:
    found = read_bytes(READER, export(record(SLEEP, NINE, TEN_PAST, "HKCategoryValueSleepAnalysisNap")))
    assert found.spans == {}
    assert "HKCategoryValueSleepAnalysisNap" in found.rejects[0].found


OLD_WORKOUT = """ <Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="30.5" durationUnit="min"
  totalDistance="1.5" totalDistanceUnit="mi" sourceName="Eva’s Apple Watch"
  startDate="2019-07-01 10:00:00 +0200" endDate="2019-07-01 10:31:00 +0200"/>
"""
NEW_WORKOUT = """ <Workout workoutActivityType="HKWorkoutActivityTypeFunctionalStrengthTraining" duration="20" durationUnit="min"
  sourceName="Eva’s Apple Watch" startDate="2023-07-01 10:00:00 +0200" endDate="2023-07-01 10:20:00 +0200">
  <MetadataEntry key="HKIndoorWorkout" value="1"/>
  <MetadataEntry key="HKTimeZone" value="America/New_York"/>
  <WorkoutEvent type="HKWorkoutEventTypePause" date="2023-07-01 10:10:00 +0200"/>
  <WorkoutActivity uuid="1" startDate="2023-07-01 10:00:00 +0200" endDate="2023-07-01 10:10:00 +0200">
   <WorkoutStatistics type="HKQuantityTypeIdentifierStepCount" sum="55" unit="count"/>
  </WorkoutActivity>
  <WorkoutStatistics type="HKQuantityTypeIdentifierStepCount" sum="120" unit="count"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="0.25" unit="km"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="100" unit="count/min"/>
 </Workout>
"""


def test_workouts_of_both_generations() -> None:
    found = read_bytes(READER, export(OLD_WORKOUT, NEW_WORKOUT))
    old, new = found.spans[found.only_device()]
    assert old.kind == new.kind == SpanKind.WORKOUT
    assert old.attributes == {"activity": "walking", "name": "Walking", "duration_s": 1830.0, "distance_m": 2414.0}
    assert new.attributes == {
        "activity": "strength",
        "name": "FunctionalStrengthTraining",
        "duration_s": 1200.0,
        "steps": 120,
        "distance_m": 250.0,
        "indoor": 1,
    }
    # The dates carry the offset of the phone that exported; the zone of the workout is the one in its metadata.
    assert found.offsets == {found.only_device(): {(ms("2023-07-01 10:00:00 +0200"), -4 * 3600)}}


def test_the_zone_of_sleep_gives_the_first_offset_of_each_utc_day_and_every_change() -> None:
    berlin = metadata("HKTimeZone", "Europe/Berlin")
    night = [
        record(
            SLEEP,
            f"2023-03-2{day} {hour}:00:00 +0200",
            f"2023-03-2{day} {hour}:30:00 +0200",
            "HKCategoryValueSleepAnalysisAsleepCore",
            children=berlin,
        )
        for day in (5, 6)
        for hour in ("01", "02", "05")
    ]
    found = read_bytes(READER, export(*night))
    assert found.offsets == {
        WATCH: {
            (ms("2023-03-25 01:00:00 +0200"), 3600),
            (ms("2023-03-25 02:00:00 +0200"), 3600),
            (ms("2023-03-26 02:00:00 +0200"), 3600),
            (ms("2023-03-26 05:00:00 +0200"), 7200),
        }
    }


@pytest.mark.parametrize("name", ["Nowhere/Atall", "../../etc/passwd", "Europe", "\0", "é" * 300, ""])
def test_a_zone_that_is_none_tells_nothing(name: str) -> None:
    sleep = record(SLEEP, NINE, TEN_PAST, "HKCategoryValueSleepAnalysisAsleepCore", children=metadata("HKTimeZone", name))
    found = read_bytes(READER, export(sleep))
    assert found.offsets == {}
    assert len(found.spans[WATCH]) == 1


def test_what_was_typed_in_is_a_device_of_its_own() -> None:
    by_hand = metadata("HKWasUserEntered", "1")
    found = read_bytes(
        READER,
        export(
            record(STEPS, NINE, TEN_PAST, 900, children=by_hand),
            record(STEPS, NINE, TEN_PAST, 100, children=metadata("HKWasUserEntered", "0")),
        ),
    )
    manual = Device("apple", "manual", name="Eva’s Apple Watch")
    assert {key[0]: list(samples.values()) for key, samples in found.samples.items()} == {manual: [900], WATCH: [100]}


def test_the_mark_of_a_correlation_is_not_that_of_the_record_before_it() -> None:
    correlation = (
        ' <Correlation type="HKCorrelationTypeIdentifierFood" sourceName="x">\n'
        + record(STEPS, NINE, TEN_PAST, 100)
        + metadata("HKWasUserEntered", "1")
        + " </Correlation>\n"
    )
    found = read_bytes(READER, export(correlation))
    assert found.samples == {(WATCH, "steps"): {(ms(NINE), ms(TEN_PAST)): 100}}


def test_the_address_and_the_version_are_no_part_of_the_device() -> None:
    records = [
        record(
            STEPS,
            f"2023-03-26 09:{m:02}:00 +0200",
            f"2023-03-26 09:{m:02}:30 +0200",
            10,
            address=hex(0x280000000 + m),
            version=f"9.{m}",
        )
        for m in range(40)
    ]
    found = read_bytes(READER, export(*records))
    assert found.only_device() == WATCH
    assert found.count("steps") == 40


def test_steps_within_one_second_are_kept_and_a_days_total_at_an_instant_is_not() -> None:
    found = read_bytes(READER, export(record(STEPS, NINE, NINE, 3), record(STEPS, TEN_PAST, TEN_PAST, 5000)))
    assert found.samples == {(WATCH, "steps"): {(ms(NINE), ms(NINE) + 1000): 3}}
    assert [(reject.count, reject.found) for reject in found.rejects] == [(1, "5000 in 0 s")]


def test_samples_that_no_body_can_make_are_counted_and_the_rest_kept() -> None:
    found = read_bytes(
        READER,
        export(
            record(STEPS, TEN_PAST, NINE, 3),
            record(STEPS, NINE, TEN_PAST, -3),
            record(STEPS, NINE, TEN_PAST, 40_000),
            record(STEPS, "1970-01-01 00:00:00 +0000", "1970-01-01 00:01:00 +0000", 4),
            record(HEART_RATE, NINE, NINE, 0),
            record(HEART_RATE, TEN_PAST, TEN_PAST, 60),
        ),
    )
    assert found.all_samples("steps") == {}
    assert found.all_samples("heart_rate") == {(ms(TEN_PAST), ms(TEN_PAST)): 60}
    assert {reject.expected: reject.count for reject in found.rejects} == {
        "a steps sample that a body can make": 4,
        "a heart_rate sample that a body can make": 1,
    }


@pytest.mark.parametrize("unit", ["km", "count/min", "counts", ""])
def test_another_unit_is_refused(unit: str) -> None:
    odd = record(STEPS, NINE, TEN_PAST, 5).replace('unit="count"', f'unit="{unit}"')
    found = read_bytes(READER, export(odd, record(STEPS, TEN_PAST, "2023-03-26 09:20:00 +0200", 7)))
    assert list(found.all_samples("steps").values()) == [7]
    assert found.rejects[0].expected == "HKQuantityTypeIdentifierStepCount in count"
    assert found.rejects[0].found == repr(unit)


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "1_000", "0x10", "12 34", "١٢", "1" * 60, "1e999"])
def test_what_is_no_number_is_refused(value: str) -> None:
    found = read_bytes(READER, export(record(STEPS, NINE, TEN_PAST, value)))
    assert found.all_samples("steps") == {}
    assert [reject.count for reject in found.rejects] == [1]


def test_a_record_in_a_correlation_repeats_one_outside() -> None:
    step = record(STEPS, NINE, TEN_PAST, 100)
    found = read_bytes(READER, export(step, f' <Correlation type="x" sourceName="y">\n{step} </Correlation>\n'))
    assert found.samples == {(WATCH, "steps"): {(ms(NINE), ms(TEN_PAST)): 100}}


def test_the_place_of_a_bad_record_is_its_byte() -> None:
    good, bad = record(STEPS, NINE, TEN_PAST, 1), record(STEPS, NINE, TEN_PAST, "x")
    data = export(good, bad)
    assert read_bytes(READER, data).rejects[0].place == f"byte {data.index(b'<Record', data.index(b'<Record ') + 1)}"
