"""What must hold on any day."""

import json

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.day import DaySettings, DaySummary, summarise_day
from rules.minutes import NA, DayMinutes, State, WearSource, build_day
from rules.prescription import Prescription
from rules.runs import Runs, find_runs, paint
from rules.verdict import Status, judge_day
from tests.rules.days import DAY, make_day

SETTINGS = DaySettings(credited_walk_min=5, hourly_steps=50)
EACH_HOUR_DAY = (1380, 1440, 1500)

# Days are drawn as runs, as days are: (steps a minute, how long).
pieces = st.lists(
    st.tuples(st.sampled_from((0, 0, 0, 3, 9, 10, 35, 40, 70, 110, 130, NA)), st.integers(1, 200)), min_size=1, max_size=25
)


@st.composite
def any_day(draw: st.DrawFn) -> DayMinutes:
    n = draw(st.sampled_from((*EACH_HOUR_DAY, 0, 1, 59, 1200, 1700)))
    return build_day(
        DAY,
        run_out(draw(pieces), n),
        heart_rate=draw(st.none() | pieces.map(lambda runs: np.where(run_out(runs, n) > 0, 70, NA))),
        counts=draw(st.none() | pieces.map(lambda runs: run_out(runs, n))),
        not_worn=draw(st.none() | pieces.map(lambda runs: run_out(runs, n) > 100)),
        asleep=draw(st.none() | pieces.map(lambda runs: run_out(runs, n) == 0)),
        device_says_worn=draw(st.booleans()),
        resolution_s=draw(st.sampled_from((60, 60, 60, 900))),
    )


def run_out(runs: list[tuple[int, int]], n: int) -> npt.NDArray[np.int16]:
    values, lengths = [value for value, _ in runs], [length for _, length in runs]
    return np.resize(np.repeat(np.array(values, np.int16), lengths), n)


def lose(day: DayMinutes, lost: npt.NDArray[np.bool_]) -> DayMinutes:
    steps = np.where(lost, np.int16(NA), day.steps)
    return build_day(day.day, steps, device_says_worn=day.device_says_worn)


def still(made: DaySummary) -> npt.NDArray[np.bool_]:
    return made.states == State.STILL


@settings(max_examples=150, deadline=None)
@given(any_day())
def test_every_minute_has_one_state_and_every_number_is_consistent(day: DayMinutes) -> None:
    made = summarise_day(day, SETTINGS)
    counted = np.bincount(made.states, minlength=6)
    assert counted.sum() == made.n_min == len(day)
    assert made.worn_waking_min <= min(made.worn_min, made.waking_min)
    assert 0 <= made.coverage <= 1
    known = day.steps != NA
    assert made.steps == (int(day.steps[known].sum()) if known.any() else None)
    # What is unknown is neither still, nor moving, nor walking; what the device takes off is not worn.
    seen = np.isin(made.states, (State.STILL, State.MOVING, State.WALKING))
    assert not (seen & ~known).any()
    assert not (seen & day.not_worn).any()
    assert not made.valid or made.worn_waking_min >= 600
    assert json.loads(json.dumps(made.to_json(), allow_nan=False))["n_min"] == len(day)
    if made.stationary is not None and made.walking is not None and made.cadence_bands is not None:
        assert made.stationary.length.sum() == made.still_min == counted[State.STILL]
        assert made.walking.active.sum() <= made.walking_min == counted[State.WALKING]
        assert sum(made.cadence_bands.values()) <= made.worn_min
        assert (made.hours.steps.sum()) == day.steps[made.cadence >= 0].sum()


@settings(max_examples=150, deadline=None)
@given(any_day(), st.sampled_from((None, 4000)))
def test_what_is_not_known_is_never_missed(day: DayMinutes, baseline: int | None) -> None:
    prescription = Prescription(author="A", effective=DAY, reason="r", surgery_date=DAY, baseline_steps=baseline)
    made = summarise_day(day, prescription.day_settings(DAY))
    verdict = judge_day(made, prescription)
    if not made.conclusive:
        assert Status.MISSED not in {item.status for item in verdict.items}
    assert len(verdict.items) == 6
    assert all(item.reason for item in verdict.items)
    assert json.dumps(verdict.to_json(), allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(pieces, pieces, st.sampled_from(EACH_HOUR_DAY))
def test_less_data_is_never_more_of_anything(runs: list[tuple[int, int]], holes: list[tuple[int, int]], n: int) -> None:
    """On a device that says when it is worn; the number of bouts alone may grow, by splitting."""
    day = build_day(DAY, run_out(runs, n), device_says_worn=True)
    lost = run_out(holes, n) == NA
    whole, less = summarise_day(day, SETTINGS), summarise_day(lose(day, lost), SETTINGS)
    assert not (still(less) & ~still(whole)).any()
    assert (less.states[lost] == State.UNKNOWN).all()
    assert (less.worn_min, less.coverage) <= (whole.worn_min, whole.coverage)
    if less.stationary is None or less.walking is None:
        return
    assert whole.stationary is not None
    assert whole.walking is not None
    assert less.stationary.length.sum() <= whole.stationary.length.sum()
    assert less.stationary.longest <= whole.stationary.longest
    assert less.walking.longest <= whole.walking.longest
    assert (less.steps or 0) <= (whole.steps or 0)
    assert (less.moving_min or 0) <= (whole.moving_min or 0)
    # Every bout that is new was cut out of an old one, and says so.
    ends = {(bout.start, bout.end) for bout in whole.stationary}
    assert all(bout.censored for bout in less.stationary if (bout.start, bout.end) not in ends)


@settings(max_examples=100, deadline=None)
@given(pieces, st.integers(1, 1438), st.integers(1, 300), st.sampled_from(EACH_HOUR_DAY))
def test_steps_alone_make_no_stillness_of_a_hole(runs: list[tuple[int, int]], start: int, length: int, n: int) -> None:
    """A hole within a zero run, with a zero left on both of its sides."""
    day = build_day(DAY, run_out(runs, n))
    lost = np.zeros(n, np.bool_)
    lost[start : min(start + length, n - 1)] = True
    zeros = find_runs(day.steps == 0)
    inner = zeros.where(zeros.length > 2)
    lost &= paint(Runs(inner.start + 1, inner.end - 1), n)
    whole, less = summarise_day(day, SETTINGS), summarise_day(lose(day, lost), SETTINGS)
    assert whole.wear_source in (WearSource.STEPS_INFERRED, WearSource.NONE)
    window_edge = np.isin(np.arange(n), (419, 420, 421, 1318, 1319, 1320))  # a hole there shortens the waking zero run
    if not (lost & window_edge).any():
        assert not (still(less) & ~still(whole)).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=48, max_size=48))
def test_walks_done_stay_done_whatever_else_is_lost(lost_half_hours: list[bool]) -> None:
    day = make_day((600, 606), (800, 805), (1000, 1010))
    lost = np.repeat(np.array(lost_half_hours), 30) & (day.steps < 40)
    prescription = Prescription(author="A", effective=DAY, reason="r", surgery_date=DAY)
    verdict = judge_day(summarise_day(lose(day, lost), prescription.day_settings(DAY)), prescription)
    assert (verdict.item("walks").status, verdict.adherence) == (Status.MET, 1.0)
