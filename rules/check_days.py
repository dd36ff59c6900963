"""Rules of the form: on x of the last y valid days."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from rules.check_case import Case, Judged, span_of, window_of
from rules.day import DaySummary
from rules.finding import Finding, Number, Truth
from rules.prescription import Phase
from rules.rule_settings import RuleParameters

S = TypeVar("S", bound=RuleParameters)


def judge_days(
    case: Case[S],
    *,
    days: int,
    of_days: int,
    lookback_days: int,
    is_bad: Callable[[Judged], bool],
    fits: Callable[[DaySummary, Phase], bool],
    said: str,
    unfit: str,
    thresholds: Mapping[str, Number],
    clear_days: int | None = None,
    is_lingering: Callable[[Judged], bool] | None = None,
) -> Finding:
    """Return whether `is_bad` holds on `days` of the last `of_days` valid days that `fits` accepts.

    clear_days:   so many good days in a row at the end make it false, whatever was before, and only they make it clear
    is_lingering: it clears only when fewer than `days` of them are such days; a weaker `is_bad`
    said, unfit:  what a bad day is, and what a day must come with to be judged, in words
    """
    chosen = case.last_valid(of_days, lookback_days, fits)
    if len(chosen) < of_days:
        return case.unknown(_why_few(case, len(chosen), of_days, lookback_days, unfit))
    bad = [is_bad(one) for one in chosen]
    good_end = clear_days is not None and not any(bad[-clear_days:])
    truth = Truth.TRUE if sum(bad) >= days and not good_end else Truth.FALSE
    lingering = is_lingering is not None and sum(map(is_lingering, chosen)) >= days
    return case.say(
        truth,
        f"{sum(bad)} of the last {of_days} valid days {said}; {days} are too many",
        window_of([one.day for one in chosen]),
        minutes=tuple(span_of(one.day, 0, one.day.n_min) for one, is_so in zip(chosen, bad, strict=True) if is_so),
        measured={"days": sum(bad), "valid_days": len(chosen)},
        thresholds={"days": days, "of_days": of_days, **thresholds},
        clears=truth is Truth.FALSE and not lingering and (clear_days is None or good_end),
    )


def _why_few(case: Case[S], found: int, needed: int, lookback: int, unfit: str) -> str:
    return f"{found} of the last {lookback} days are valid days {unfit} in a phase of this rule; {needed} are needed"
