"""The course of recovery: medians, baseline and what others did."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.pages.recovery import build_recovery, find_medians, find_reference
from rules.day import DaySummary, summarise_day
from rules.minutes import NA, build_day
from rules.prescription import DEFAULT_PHASES, Prescription

FIRST = date(2026, 2, 2)


def day_of(place: int, steps: int | None) -> DaySummary:
    """A whole day with that many steps, or an unknown one."""
    minutes = np.full(1440, NA if steps is None else 0)
    if steps is not None:
        minutes[600:1200] = steps // 600
        minutes[600 : 600 + steps % 600] += 1
    return summarise_day(build_day(FIRST + timedelta(days=place), minutes, device_says_worn=True))


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(0, 9_000), min_size=1, max_size=30), st.integers(0, 30))
def test_medians_are_those_of_pandas_on_each_side_of_the_surgery(steps: list[int | None], turn: int) -> None:
    days = [day_of(place, value) for place, value in enumerate(steps)]
    series = pd.Series([np.nan if value is None else float(value) for value in steps])
    sides = [series[:turn], series[turn:]]
    expected = pd.concat([side.rolling(7, min_periods=4).median() for side in sides])
    found = find_medians(days, FIRST + timedelta(days=turn))
    assert [np.nan if value is None else value for value in found] == pytest.approx(expected.tolist(), nan_ok=True)


def test_partial_day_is_in_no_median() -> None:
    minutes = np.zeros(1440)
    minutes[600:] = NA
    partial = summarise_day(build_day(FIRST, minutes, device_says_worn=True))
    assert partial.partial
    days = [partial, *(day_of(place, 1_000) for place in range(1, 5))]
    assert find_medians(days) == [None, None, None, None, 1_000]


def test_references_of_the_programme_can_be_drawn() -> None:
    ends = [find_reference(phase.reference, 5_600) for phase in DEFAULT_PHASES]
    assert ends == [pytest.approx(pair) for pair in ((1624, 3528), (3528, 4312), (3500, 3500), (5600, 5600))]


def test_reference_that_needs_a_baseline_has_none_without_one() -> None:
    assert [find_reference(phase.reference, None) for phase in DEFAULT_PHASES] == [None, None, (3500, 3500), None]
    assert find_reference("as the surgeon said", 5_600) is None
    assert find_reference("", 5_600) is None


def test_curve_of_others_begins_at_the_surgery_and_ends_with_its_phase() -> None:
    prescription = Prescription(
        author="x", effective=FIRST, reason="x", surgery_date=FIRST + timedelta(days=2), baseline_steps=1_000
    )
    view = build_recovery([(day_of(place, 500), None) for place in range(10)], prescription)
    (line,) = view.reference
    assert (line.x1, line.x2) == (2, 10)
    # The axis ends at 1,000 over 200 pixels; after 8 of the 15 days of the first phase: .29 + 8/15 of .34.
    assert line.y1 == pytest.approx(200 * (1 - 0.29))
    assert line.y2 == pytest.approx(200 * (1 - (0.29 + 0.34 * 8 / 15)))
    assert view.baseline is not None
    assert view.baseline.y == 0


def test_line_of_medians_is_broken_where_too_little_is_known() -> None:
    steps: list[int | None] = [100] * 5 + [None] * 7 + [100] * 5
    view = build_recovery([(day_of(place, value), None) for place, value in enumerate(steps)], None)
    assert view.median.count("M") == 2
    assert view.headline == (
        "The latest 7-day median is 100 steps a day. "
        "No baseline from before the surgery is known, so nothing is compared with one."
    )
