"""What must hold of any patient: silence is never held against anybody."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.checks import RULES
from rules.day import DaySummary, summarise_day
from rules.evaluate import evaluate
from rules.finding import Finding, PainReport, Truth, View
from rules.minutes import NA, DayMinutes, WearSource, build_day
from tests.rules.checks.made import DAY_MS, HOUR_MS, MIN_MS, NOW_MIN, date_of, made_day, no_day, prescribe, thin_day, view

INACTIVITY = (
    "stationary_now",
    "prolonged_stationary_day",
    "frequency_low",
    "hourly_coverage",
    "sudden_drop",
    "below_floor",
    "no_progress",
    "secondary_decline",
    "avoidance_pattern",
)
OF_DAYS = ("prolonged_stationary_day", "frequency_low", "hourly_coverage")
PRESCRIPTION = prescribe()
KINDS: tuple[dict[str, Any] | None, ...] = (
    {"steps": 4000, "walks": (15,) * 4},
    {"steps": 4100, "walks": (15,) * 4, "still": (60,) * 4},
    {"steps": 900, "walks": (), "still": (200,), "reached": 3},
    {"steps": 300, "walks": (5,), "still": (70,) * 5, "reached": 0},
    {"steps": 12_000, "walks": (60,), "cadence": (130, 20)},
    {"steps": 2500, "walks": (10,), "source": WearSource.STEPS_INFERRED},
)

kinds = st.lists(st.sampled_from(range(len(KINDS))), min_size=0, max_size=45)
marks = st.lists(st.sampled_from(("whole", "whole", "whole", "none", "thin")), min_size=45, max_size=45)


def live(chosen: Sequence[int], known: Sequence[str]) -> list[DaySummary]:
    """Return the days from the first after surgery on, as `chosen`, as far as they are `known`."""
    makers = {"whole": made_day, "none": lambda since, **_: no_day(since), "thin": thin_day}
    return [makers[mark](since + 1, **(KINDS[kind] or {})) for since, (kind, mark) in enumerate(zip(chosen, known, strict=False))]


def seen(days: list[DaySummary], **fields: Any) -> View:
    since = len(days) + 1
    pain = [PainReport((since - 2) * DAY_MS, 2)]
    return view(since, days, **({"today": no_day(since), "pain": pain, "sync_interval_ms": 10 * DAY_MS} | fields))


def truths(found: View) -> dict[str, Truth]:
    """Return what the rules say by themselves, without the inhibition by silence."""
    return {rule.name: rule.judge(found, PRESCRIPTION).truth for rule in RULES}


@settings(max_examples=150, deadline=None)
@given(kinds, marks, st.integers(1, 6))
def test_silence_brings_no_alert(chosen: list[int], known: list[str], silent: int) -> None:
    """However long nothing comes: what was not true when the newest data came never becomes true of itself.

    Even where silence did not inhibit, and data of ten days ago were taken for fresh.
    """
    days = live(chosen, known)
    before = truths(seen(days))
    later = [*days, *(no_day(len(days) + 1 + day) for day in range(silent))]
    after = truths(seen(later))
    for name in INACTIVITY:
        assert after[name] in (before[name], Truth.UNKNOWN, Truth.OFF) or before[name] is Truth.OFF, name


@settings(max_examples=100, deadline=None)
@given(kinds, marks)
def test_silence_inhibits(chosen: list[int], known: list[str]) -> None:
    found = evaluate(replace(seen(live(chosen, known)), last_data_ms=0, sync_interval_ms=10**12), [PRESCRIPTION])
    if found[0].truth is Truth.TRUE:
        assert {one.truth for one in found[1:]} <= {Truth.UNKNOWN, Truth.OFF}
        assert not any(one.clears for one in found[1:])


@settings(max_examples=100, deadline=None)
@given(kinds, marks, marks)
def test_losing_days_makes_no_bad_day(chosen: list[int], known: list[str], lost: list[str]) -> None:
    """An alert rests on bad days that were seen, so many as the rule asks for; losing days adds none to them."""
    days = live(chosen, known)
    fewer = [no_day(place + 1) if mark == "none" else day for place, (day, mark) in enumerate(zip(days, lost, strict=False))]
    whole = {day.start_ms: day for day in fewer}
    for name in OF_DAYS:
        rule = next(rule for rule in RULES if rule.name == name)
        finding = rule.judge(seen(fewer), PRESCRIPTION)
        if finding.truth is Truth.TRUE:
            bad = [whole[start] for start, _ in finding.evidence.minutes]
            assert len(bad) >= finding.evidence.thresholds["days"]
            assert all(day.conclusive for day in bad)
        if rule.judge(seen(days), PRESCRIPTION).truth is Truth.UNKNOWN:
            assert finding.truth is Truth.UNKNOWN


@settings(max_examples=60, deadline=None)
@given(kinds, marks)
def test_days_of_which_little_is_known_may_as_well_be_none(chosen: list[int], known: list[str]) -> None:
    """A partial day is never low: whatever it holds, no rule about whole days says anything else than without it."""
    days = live(chosen, known)
    without = [no_day(place + 1) if day.partial else day for place, day in enumerate(days)]
    for rule in RULES:
        if rule.name in INACTIVITY or rule.name == "load_ratio":
            assert rule.judge(seen(days), PRESCRIPTION).truth is rule.judge(seen(without), PRESCRIPTION).truth


@settings(max_examples=60, deadline=None)
@given(kinds, marks, st.integers(0, 4 * 24))
def test_a_true_or_false_finding_is_well_known(chosen: list[int], known: list[str], age_h: int) -> None:
    found = seen(live(chosen, known))
    found = replace(found, sync_interval_ms=12 * HOUR_MS, last_data_ms=found.at_ms - age_h * HOUR_MS)
    for finding in evaluate(found, [PRESCRIPTION])[1:]:
        if finding.truth in (Truth.TRUE, Truth.FALSE) and finding.rule != "device_fault":
            assert age_h <= 24
            assert finding.evidence.wear_source is not WearSource.NONE
            assert finding.evidence.coverage is None or finding.evidence.coverage >= 0.8
            assert finding.reason
        if finding.truth is not Truth.FALSE:
            assert finding.truth is Truth.TRUE or not finding.clears


pieces = st.lists(st.tuples(st.sampled_from((0, 0, 0, 3, 9, 10, 40, 110, NA)), st.integers(1, 150)), min_size=1, max_size=20)


def stationary(minutes: DayMinutes) -> Finding:
    summary = summarise_day(minutes, PRESCRIPTION.day_settings(minutes.day))
    rule = RULES[0]
    return rule.judge(view(8, [], today=summary, today_minutes=minutes), PRESCRIPTION)


@settings(max_examples=200, deadline=None)
@given(pieces, st.lists(st.tuples(st.integers(0, NOW_MIN), st.integers(1, 200)), max_size=4), st.booleans())
def test_losing_minutes_never_makes_a_nudge(runs: list[tuple[int, int]], lost: list[tuple[int, int]], vouched: bool) -> None:
    values, lengths = [value for value, _ in runs], [length for _, length in runs]
    steps = np.resize(np.repeat(np.array(values, np.int16), lengths), 1440)
    steps[NOW_MIN:] = NA
    whole = stationary(build_day(date_of(8), steps, start_ms=8 * DAY_MS, device_says_worn=vouched))
    fewer = steps.copy()
    for start, length in lost:
        fewer[start : start + length] = NA
    after = stationary(build_day(date_of(8), fewer, start_ms=8 * DAY_MS, device_says_worn=vouched))
    if after.truth is Truth.TRUE:
        assert whole.truth is Truth.TRUE or not vouched
        start, end = after.evidence.minutes[0]
        run = fewer[(start - 8 * DAY_MS) // MIN_MS : (end - 8 * DAY_MS) // MIN_MS]
        assert run.size >= 30
        assert ((run >= 0) & (run < 10)).all()
