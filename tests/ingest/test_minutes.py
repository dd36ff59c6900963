"""Evidence -> minutes, against a second, slow way with fractions, and against days placed by hand."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.recording import METRICS, Stream
from ingest.minutes import ABSENT, plain_minutes, to_minutes
from tests.ingest.making import DAY, MINUTE, counter, evidence, intervals

T0 = 20_000 * DAY
STEPS = METRICS["steps"]


def placed(*streams: Stream, days: int = 1, metric: str = "steps") -> dict[int, int]:
    """Return {minute since T0: value} of the known minutes."""
    grid = to_minutes(METRICS[metric], evidence(*streams), np.arange(20_000, 20_000 + days))
    flat = grid.minutes.ravel()
    return {int(minute): int(flat[minute]) for minute in np.flatnonzero(flat != ABSENT)}


def test_a_minute_is_its_sample() -> None:
    assert placed(intervals([(T0 + 5 * MINUTE, T0 + 6 * MINUTE, 42)])) == {5: 42}


def test_a_long_interval_keeps_its_total_and_its_length_is_the_resolution() -> None:
    stream = intervals([(T0, T0 + 15 * MINUTE, 100)])
    minutes = placed(stream)
    assert sum(minutes.values()) == 100
    assert set(minutes) == set(range(15))
    assert max(minutes.values()) - min(minutes.values()) == 1
    grid = to_minutes(STEPS, evidence(stream), np.array([20_000]))
    assert grid.resolution_s.tolist() == [900]


def test_no_data_is_absent_and_coverage_is_zero() -> None:
    assert placed(intervals([], coverage=[(T0 + 10 * MINUTE, T0 + 13 * MINUTE)])) == {10: 0, 11: 0, 12: 0}
    # A minute covered in part is not known: its other part may have held steps.
    assert placed(intervals([], coverage=[(T0 + 30_000, T0 + 150_000)])) == {1: 0}
    # Two parts that meet cover it.
    assert placed(intervals([], coverage=[(T0, T0 + 20_000), (T0 + 20_000, T0 + 60_000)])) == {0: 0}


def test_an_interval_over_midnight_is_split_between_the_days() -> None:
    assert placed(intervals([(T0 + DAY - MINUTE, T0 + DAY + MINUTE, 9)]), days=2) == {1439: 4, 1440: 5}


def test_two_accounts_of_the_same_time_are_not_added() -> None:
    # A vendor's 30-second record, and the minute that replaced it.
    assert placed(intervals([(T0, T0 + 30_000, 20), (T0, T0 + MINUTE, 50)])) == {0: 50}
    # A phone and its successor under one name, the same walk.
    twice = [(T0, T0 + 4 * MINUTE, 400), (T0 + MINUTE, T0 + 3 * MINUTE, 100)]
    assert placed(intervals(twice)) == {0: 100, 1: 100, 2: 100, 3: 100}


def test_a_level_is_the_mean_of_its_minute() -> None:
    beats = [(T0 + 1_000, T0 + 1_000, 60), (T0 + 31_000, T0 + 31_000, 71), (T0 + 61_000, T0 + 61_000, 90)]
    assert placed(intervals(beats, metric="heart_rate"), metric="heart_rate") == {0: 66, 1: 90}
    assert placed(intervals([(T0, T0 + 3 * MINUTE, 55)], metric="heart_rate"), metric="heart_rate") == {0: 55, 1: 55, 2: 55}


def test_a_count_belongs_to_the_time_since_the_reading_before_it() -> None:
    rows = [(T0, T0, -1, 0), (T0 + 10 * MINUTE, T0, 6, 0), (T0 + 12 * MINUTE, T0, 6, 120), (T0 + 15 * MINUTE, T0, -1, 0)]
    minutes = placed(counter(rows))
    assert minutes == {**dict.fromkeys(range(10), 0), 10: 60, 11: 60, 12: 0, 13: 0, 14: 0}


def test_counters_of_two_activities_add_up() -> None:
    rows = [(T0, T0, -1, 0), (T0 + 2 * MINUTE, T0, 6, 100), (T0 + 4 * MINUTE, T0, 1, 300), (T0 + 6 * MINUTE, T0, 6, 140)]
    assert placed(counter(rows)) == {0: 50, 1: 50, 2: 150, 3: 150, 4: 20, 5: 20}


def test_the_first_count_of_a_stretch_that_began_after_midnight_is_unplaced() -> None:
    noon = T0 + 720 * MINUTE
    stream = counter([(noon, T0, 6, 3000), (noon + 2 * MINUTE, T0, 6, 3100), (noon + 4 * MINUTE, T0, 1, 50)])
    assert placed(stream) == {720: 50, 721: 50, 722: 0, 723: 0}
    assert to_minutes(STEPS, evidence(stream), np.array([20_000])).unplaced.tolist() == [3050]


def test_a_gap_between_two_files_holds_no_steps_and_no_zero() -> None:
    first = counter([(T0, T0, -1, 0), (T0 + 2 * MINUTE, T0, 6, 100)])
    later = T0 + 300 * MINUTE
    second = counter([(later, T0, -1, 0), (later + 2 * MINUTE, T0, 6, 500), (later + 3 * MINUTE, T0, 6, 560)])
    assert placed(first, second) == {0: 50, 1: 50, 300: 0, 301: 0, 302: 60}
    assert to_minutes(STEPS, evidence(first, second), np.array([20_000])).unplaced.tolist() == [400]


def test_a_day_closed_at_midnight_and_the_next_begun() -> None:
    end = T0 + DAY
    rows = [
        (end - 4 * MINUTE, T0, 6, 1000),
        (end - 2 * MINUTE, T0, 6, 1010),
        (end, T0, 6, 1030),
        (end, end, 6, 0),
        (end + 3 * MINUTE, end, 6, 30),
    ]
    minutes = placed(counter(rows), days=2)
    assert minutes == {1436: 5, 1437: 5, 1438: 10, 1439: 10, 1440: 10, 1441: 10, 1442: 10}


def test_a_clock_set_on_a_journey_does_not_begin_the_day_again() -> None:
    west = T0 + 60 * MINUTE
    rows = [
        (T0, T0, -1, 0),
        (T0 + 600 * MINUTE, T0, 6, 900),
        (T0 + 602 * MINUTE, west, 6, 1000),
        (T0 + 603 * MINUTE, west, 6, 1000),
    ]
    assert sum(placed(counter(rows)).values()) == 1000


def test_a_walk_between_two_readings_is_told_to_the_minute_and_a_stroll_is_not() -> None:
    def resolution(steps: int) -> int:
        stream = counter([(T0, T0, 6, 0), (T0 + 17 * MINUTE, T0, 6, steps)])
        return int(to_minutes(STEPS, evidence(stream), np.array([20_000])).resolution_s[0])

    assert resolution(17 * 80) == 60
    assert resolution(17 * 20) == 17 * 60


def test_a_counter_that_falls_adds_nothing() -> None:
    rows = [(T0, T0, 6, 0), (T0 + MINUTE, T0, 6, 100), (T0 + 2 * MINUTE, T0, 6, 40), (T0 + 3 * MINUTE, T0, 6, 50)]
    assert placed(counter(rows)) == {0: 100, 1: 0, 2: 10}


def test_a_thousand_day_long_claims_on_one_day_are_placed_quickly() -> None:
    rows = [(T0 + k * 1_000, T0 + k * 1_000 + DAY - 2_000_000, 1 + k % 300) for k in range(1_000)]
    minutes = placed(intervals(rows), days=2)
    # The steepest claim is 300 in a day, so the envelope of all is little more.
    assert 300 <= sum(minutes.values()) <= 310


samples = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 1_500), st.integers(0, 400)), min_size=1, max_size=20)


@given(samples)
def test_apart_samples_are_placed_as_fractions_would(rows: list[tuple[int, int, int]]) -> None:
    """A second way: walk the samples in turn, cut them at minutes with exact fractions, round the running sum down."""
    at, stream, expected = T0 + 3 * MINUTE, [], {}
    for gap_s, length_s, value in rows:
        start = at + gap_s * 1000
        at = start + length_s * 1000
        if at > T0 + 2 * DAY:
            break
        stream.append((start, at, value))
        if value == 0:
            edges = range(-(-start // MINUTE), at // MINUTE)
            expected.update({minute - T0 // MINUTE: expected.get(minute - T0 // MINUTE, 0) for minute in edges})
            continue
        for minute in range(start // MINUTE, (at - 1) // MINUTE + 1):
            low, high = max(start, minute * MINUTE), min(at, (minute + 1) * MINUTE)
            share = [Fraction(value * (edge - start), at - start) for edge in (low, high)]
            amount = share[1].__floor__() - share[0].__floor__()
            expected[minute - T0 // MINUTE] = expected.get(minute - T0 // MINUTE, 0) + amount
    if stream:
        found = placed(intervals(stream), days=2)
        assert sum(found.values()) == sum(value for _, _, value in stream)
        assert {minute: value for minute, value in found.items() if value} == {k: v for k, v in expected.items() if v}
        assert set(expected) <= set(found)


@given(
    st.dictionaries(st.integers(0, 2 * 1440 - 1), st.integers(0, 400)),
    st.lists(st.tuples(st.integers(0, 2800), st.integers(1, 80))),
)
def test_the_short_way_is_the_long_way(values: dict[int, int], cover: list[tuple[int, int]]) -> None:
    """Whole minutes can be placed without cutting anything; both ways must agree."""
    rows = [(T0 + minute * MINUTE, T0 + (minute + 1) * MINUTE, value) for minute, value in values.items()]
    within = [(T0 + minute * MINUTE, T0 + (minute + length) * MINUTE) for minute, length in cover]
    whole, days = evidence(intervals(rows, within)), np.arange(20_000, 20_002)
    np.testing.assert_array_equal(plain_minutes(STEPS, whole, days), to_minutes(STEPS, whole, days).minutes)
