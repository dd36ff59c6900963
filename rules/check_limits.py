"""Too much at once: a walk beyond the cap, a stretch beyond the cadence cap.

A walk that was seen was seen, whatever else of the day is unknown: a finding that it was too long rests on the walk's own
minutes. That there was none rests on the whole window.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rules.check_case import DAY_MS, HOUR_MS, MINUTE_MS, Case, S, Window, end_of, span_of, window_between
from rules.day import DaySummary
from rules.finding import Finding, Number, Truth
from rules.minutes import WearSource
from rules.rule_settings import TooBrisk, TooLong
from rules.runs import find_runs


class Event(NamedTuple):
    """What was too much: a walk or a stretch, half-open UTC."""

    start_ms: int
    end_ms: int
    wear_source: WearSource

    @property
    def length_min(self) -> int:
        return (self.end_ms - self.start_ms) // MINUTE_MS

    @property
    def window(self) -> Window:
        return Window(self.start_ms, self.end_ms, 1.0, self.wear_source)


def check_too_long(case: Case[TooLong]) -> Finding:
    """Was a walk of the last day longer than the cap and its tolerance? A second such day is told to the therapist."""
    if case.phase is None or case.phase.walk_cap_min is None:
        return case.off("no limit on a single walk in this phase")
    settings, overrun = case.settings, case.prescription.thresholds.cap_overrun
    since_ms = case.at_ms - settings.window_h * HOUR_MS
    recent = [one for day in _days(case, since_ms) for one in _long_walks(case, day, overrun) if one.end_ms > since_ms]
    thresholds = {"walk_cap_min": case.phase.walk_cap_min, "cap_overrun": overrun}
    if not recent:
        fine = all(day.has_bouts for day in _days(case, since_ms) if day.has_data)
        return _say_none(case, since_ms, fine, "no walk beyond the limit", thresholds)
    week_ms = case.today.start_ms - (settings.therapist_of_days - 1) * DAY_MS
    days = sum(any(_long_walks(case, day, overrun)) for day in _days(case, week_ms))
    longest = max(recent, key=lambda one: one.length_min)
    return case.say(
        Truth.TRUE,
        f"a walk of {longest.length_min} min; the limit is {case.phase.walk_cap_min} min",
        longest.window,
        minutes=tuple((one.start_ms, one.end_ms) for one in recent),
        measured={"minutes": longest.length_min, "walks": len(recent), "days": days},
        thresholds=thresholds | {"therapist_days": settings.therapist_days},
        escalates=days >= settings.therapist_days,
    )


def _long_walks(case: Case[S], day: DaySummary, overrun: float) -> Iterator[Event]:
    phase = case.applies_on(day)
    if phase is None or phase.walk_cap_min is None or day.walking is None:
        return
    for walk in day.walking.where(day.walking.length > phase.walk_cap_min * overrun):
        yield Event(*span_of(day, walk.start, walk.end), day.wear_source)


def check_too_brisk(case: Case[TooBrisk]) -> Finding:
    """Did a stretch of the last day keep to the cadence cap or above for too long?"""
    if case.phase is None or case.phase.cadence_cap_spm is None:
        return case.off("no limit on cadence in this phase")
    run_min = case.prescription.thresholds.brisk_run_min
    since_ms = case.at_ms - case.settings.window_h * HOUR_MS
    recent = [one for day in _days(case, since_ms) for one in _brisk_runs(case, day, run_min) if one.end_ms > since_ms]
    thresholds = {"cadence_cap_spm": case.phase.cadence_cap_spm, "brisk_run_min": run_min}
    if not recent:
        # The mean of a longer interval can hide a brisk stretch, but not make one up.
        fine = all(day.has_cadence for day in _days(case, since_ms) if day.has_data)
        return _say_none(case, since_ms, fine, "no stretch at the cadence limit", thresholds)
    longest = max(recent, key=lambda one: one.length_min)
    return case.say(
        Truth.TRUE,
        f"{longest.length_min} min in a row at {case.phase.cadence_cap_spm} steps/min or more; {run_min} are too brisk",
        longest.window,
        minutes=tuple((one.start_ms, one.end_ms) for one in recent),
        measured={"minutes": longest.length_min, "stretches": len(recent)},
        thresholds=thresholds,
    )


def _brisk_runs(case: Case[S], day: DaySummary, run_min: int) -> Iterator[Event]:
    phase = case.applies_on(day)
    if phase is None or phase.cadence_cap_spm is None or not day.has_bouts:
        return
    runs = find_runs(day.cadence >= phase.cadence_cap_spm).at_least(run_min)
    for start, end in zip(runs.start.tolist(), runs.end.tolist(), strict=True):
        yield Event(*span_of(day, start, end), day.wear_source)


def _say_none(case: Case[S], since_ms: int, fine: bool, said: str, thresholds: Mapping[str, Number]) -> Finding:
    window = window_between(case.view, since_ms, case.at_ms)
    if not fine:
        return case.unknown(f"{said} was seen, but insufficient resolution: steps come in intervals too long to tell", window)
    if window.coverage is None or window.coverage < case.share_needed:
        return case.unknown(f"{said} was seen, but {window.coverage or 0:.0%} of the waking minutes are known", window)
    return case.say(Truth.FALSE, said, window, thresholds=thresholds)


def _days(case: Case[S], since_ms: int) -> list[DaySummary]:
    """Return today and the days before it that end after `since_ms`."""
    many = max(0, -(-(case.today.start_ms - since_ms) // DAY_MS)) + 1
    return [day for day in (*case.days[max(0, len(case.days) - many) :], case.today) if end_of(day) > since_ms]
