"""Too seldom: walks a day, and hours of the day with some steps."""

from functools import cache

import numpy as np

from rules.check_case import Case, Judged
from rules.check_days import judge_days
from rules.day import HOUR_S, DaySummary
from rules.finding import Finding
from rules.prescription import Phase
from rules.rule_settings import FrequencyLow, HourlyCoverage


def check_frequency_low(case: Case[FrequencyLow]) -> Finding:
    """Were there too few credited walks on most of the last valid days? Each day is held against its own phase."""
    if case.phase is None or not case.phase.walks_per_day:
        return case.off("no walks are prescribed")
    settings = case.settings

    def fits(day: DaySummary, phase: Phase) -> bool:
        return day.walking is not None and phase.walks_per_day > 0

    def is_low(one: Judged) -> bool:
        walks = one.day.walking
        return walks is not None and len(walks.at_least(one.phase.credited_walk_min)) < one.phase.walks_per_day

    return judge_days(
        case,
        days=settings.days,
        of_days=settings.of_days,
        lookback_days=settings.lookback_days,
        is_bad=is_low,
        fits=fits,
        clear_days=settings.clear_days,
        said="with fewer walks than prescribed",
        unfit="with steps fine enough to tell walks",
        thresholds={"walks_per_day": case.phase.walks_per_day, "credited_walk_min": case.phase.credited_walk_min},
    )


def check_hourly_coverage(case: Case[HourlyCoverage]) -> Finding:
    """Did too few of the judged hours reach the prescribed steps on most of the last valid days?"""
    if case.phase is None or not case.phase.hourly_steps:
        return case.off("no steps an hour are prescribed")
    settings, limits = case.settings, case.prescription.thresholds

    @cache
    def share(day: DaySummary, phase: Phase) -> float | None:
        judged = day.hours.judged >= limits.hourly_worn_min
        eligible = int(np.count_nonzero(judged))
        if not eligible or day.resolution_s > HOUR_S or not phase.hourly_steps:
            return None
        return int(np.count_nonzero(judged & (day.hours.steps >= phase.hourly_steps))) / eligible

    def is_below(limit: float, one: Judged) -> bool:
        reached = share(*one)
        return reached is not None and reached < limit

    return judge_days(
        case,
        days=settings.days,
        of_days=settings.of_days,
        lookback_days=settings.lookback_days,
        is_bad=lambda one: is_below(limits.hourly_share, one),
        is_lingering=lambda one: is_below(settings.clear_share, one),
        fits=lambda day, phase: share(day, phase) is not None,
        said=f"with under {limits.hourly_share:.0%} of the judged hours at the prescribed steps",
        unfit="with hours to judge",
        thresholds={
            "hourly_steps": case.phase.hourly_steps,
            "hourly_share": limits.hourly_share,
            "clear_share": settings.clear_share,
        },
    )
