"""More than before: a day far beyond the usual, and three days beyond the two weeks before them."""

from collections.abc import Sequence

from rules.check_case import Case, Window, end_of, window_between, window_of
from rules.day import DaySummary
from rules.finding import Finding, Number, Truth
from rules.rule_settings import LoadRatio, Spike


def check_spike(case: Case[Spike]) -> Finding:
    """Did today so far, or yesterday, exceed what the patient is used to and what is prescribed?"""
    days = [*case.days[-1:], case.today]
    befores = [case.days[:-1], case.days][-len(days) :]
    found = [_judge_day(case, day, before) for day, before in zip(days, befores, strict=True)]
    said = [one for one in reversed(found) if one is not None]
    for truth in (Truth.TRUE, Truth.UNKNOWN, Truth.FALSE, Truth.OFF):
        for one in said:
            if one.truth is truth:
                return one
    return case.unknown("no waking minute of today or yesterday has passed yet")


def _judge_day(case: Case[Spike], day: DaySummary, before: Sequence[DaySummary]) -> Finding | None:
    """Return what is to be said of one day up to now; None if none of its waking minutes has passed."""
    settings, phase = case.settings, case.applies_on(day)
    window = window_between(case.view, day.start_ms, min(end_of(day), case.at_ms))
    if phase is None or (window.coverage is None and day is case.today):
        return None
    cap_only = phase.name in settings.cap_only_in
    if cap_only and settings.cap_steps is None:
        return case.off(f"in phase {phase.name} only a prescribed cap is judged, and none is set")
    if day.steps is None or window.coverage is None or window.coverage < case.share_needed:
        return case.unknown(f"{window.coverage or 0:.0%} of the waking minutes of {day.day} are known", window)
    usual = case.own_median(before)
    if usual is None and not cap_only:
        return case.unknown("too few valid days before it to know the usual", window)
    return _hold_against(case, day, window, None if cap_only else usual)


def _hold_against(case: Case[Spike], day: DaySummary, window: Window, median: float | None) -> Finding:
    settings, steps = case.settings, day.steps or 0
    measured: dict[str, Number] = {"steps": steps}
    thresholds: dict[str, Number] = {}
    beyond = settings.cap_steps is None or steps > settings.cap_steps
    said = f"{steps:,} steps on {day.day}"
    if settings.cap_steps is not None:
        thresholds["cap_steps"] = settings.cap_steps
        said += f"; the cap is {settings.cap_steps:,}"
    if median is not None:
        measured["median"] = median
        thresholds |= {"times": settings.times, "extra_steps": settings.extra_steps}
        beyond = beyond and steps > settings.times * median and steps >= median + settings.extra_steps
        said += f"; the median of the days before is {median:,.0f}"
    return case.say(Truth.TRUE if beyond else Truth.FALSE, said, window, measured=measured, thresholds=thresholds)


def check_load_ratio(case: Case[LoadRatio]) -> Finding:
    """Are the last days' mean steps far above the mean of the days before them? The two stretches do not overlap."""
    settings, phase = case.settings, case.phase
    valid = sum(day.conclusive for day in case.days)
    if phase is None or valid < settings.valid_days:
        return case.off(f"{valid} valid days since the surgery; it takes {settings.valid_days}")
    days = case.up_to_valid()[-(settings.acute_days + settings.chronic_days) :]
    acute, chronic = days[-settings.acute_days :], days[: -settings.acute_days]
    if len(chronic) < settings.chronic_days:
        return case.unknown(f"too few days since the surgery: {len(days)}")
    windows = window_of(acute, valid_only=True), window_of(chronic, valid_only=True)
    if any(window.coverage is None or window.coverage < case.share_needed for window in windows):
        return case.unknown("too few of these days are known well enough", window_of(days, valid_only=True))
    now, usual = _mean(acute), _mean(chronic)
    if usual < 1:
        return case.unknown("there were no steps before to compare with", window_of(days, valid_only=True))
    limit = settings.early_ratio if phase.name in settings.early_in else settings.ratio
    ratio = now / usual
    return case.say(
        Truth.TRUE if ratio > limit else Truth.FALSE,
        f"{now:,.0f} steps a day over {len(acute)} days, {usual:,.0f} over the {len(chronic)} before: a ratio of {ratio:.2f}",
        window_of(days, valid_only=True),
        measured={"ratio": ratio, "acute": now, "chronic": usual},
        thresholds={"ratio": limit, "clear_ratio": settings.clear_ratio},
        clears=ratio < settings.clear_ratio,
    )


def _mean(days: Sequence[DaySummary]) -> float:
    steps = [day.steps for day in days if day.conclusive and day.steps is not None]
    return sum(steps) / len(steps)
