"""Less than before: a sudden drop, no rise where one is due, and a decline from the best."""

from itertools import combinations
from statistics import median

import numpy as np
import numpy.typing as npt

from rules.check_case import Case, span_of, window_of
from rules.finding import Finding, Priority, Truth
from rules.rule_settings import NoProgress, SecondaryDecline, SuddenDrop


def check_sudden_drop(case: Case[SuddenDrop]) -> Finding:
    """Are the last valid days, in a row, far below the median of the days before the first of them?"""
    settings = case.settings
    low = case.last_valid(settings.days, settings.within_days)
    if len(low) < settings.days:
        return case.unknown(f"{len(low)} of the last {settings.within_days} days are valid; {settings.days} are needed")
    days = [one.day for one in low]
    before = case.days[: (days[0].day - case.days[0].day).days]
    usual = case.own_median(before)
    if not usual:
        return case.unknown("no usual level is known from the days before them", window_of(days))
    shares = [(day.steps or 0) / usual for day in days]
    dropped = max(shares) < settings.share
    counted = " and ".join(f"{day.steps or 0:,}" for day in days)
    return case.say(
        Truth.TRUE if dropped else Truth.FALSE,
        f"{counted} steps on the last valid days; the median before them is {usual:,.0f}",
        window_of(days),
        minutes=tuple(span_of(day, 0, day.n_min) for day in days) if dropped else (),
        measured={"share": max(shares), "lowest_share": min(shares), "median": usual},
        thresholds={"share": settings.share, "high_share": settings.high_share, "clear_share": settings.clear_share},
        priority=Priority.HIGH if max(shares) < settings.high_share else Priority.NORMAL,
        clears=min(shares) >= settings.clear_share,
    )


def check_no_progress(case: Case[NoProgress]) -> Finding:
    """Do the steps not rise over the window, while they are well below the baseline?"""
    settings, baseline = case.settings, case.prescription.baseline_steps
    days = case.up_to_valid()[-settings.window_days :]
    if baseline is None or len(days) < settings.window_days:
        return case.unknown(f"{len(days)} days since the surgery up to a valid one; {settings.window_days} are needed")
    window = window_of(days, valid_only=True)
    if window.coverage is None or window.coverage < case.share_needed:
        return case.unknown("too few of these days are known well enough", window)
    known = [(place, day.steps) for place, day in enumerate(days) if day.conclusive and day.steps is not None]
    slope = find_slope(known)
    share = median(steps for _, steps in known) / baseline
    return case.say(
        Truth.TRUE if slope <= settings.slope and share < settings.share else Truth.FALSE,
        f"{slope:+.0f} steps a day each day over {len(days)} days, at {share:.0%} of the baseline of {baseline:,}",
        window,
        measured={"slope": slope, "share": share, "valid_days": len(known)},
        thresholds={"slope": settings.slope, "share": settings.share},
    )


def find_slope(points: list[tuple[int, int]]) -> float:
    """Return the median of the slopes between all pairs of (x, y), of two points at least, no x twice.

    Source: Theil 1950; Sen 1968
    """
    return float(median((y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in combinations(points, 2)))


def check_secondary_decline(case: Case[SecondaryDecline]) -> Finding:
    """Has the week's median been well below the best one since the surgery for a whole week?"""
    settings, common = case.settings, case.prescription.rules.common
    days = case.up_to_valid()
    if len(days) < common.median_days:
        return case.unknown(f"{len(days)} days since the surgery up to a valid one; {common.median_days} are needed")
    steps = np.array([day.steps if day.conclusive and day.steps is not None else np.nan for day in days], np.float64)
    medians = roll_medians(steps, common.median_days, common.median_valid_days)
    window = window_of(days[-(common.median_days + settings.days - 1) :], valid_only=True)
    if np.isnan(medians[-1]) or window.coverage is None or window.coverage < case.share_needed:
        return case.unknown("too few of these days are known well enough", window)
    best = np.fmax.accumulate(medians)
    low = medians[-settings.days :] < settings.share * best[-settings.days :]
    lasting = low.size == settings.days and bool(low.all())
    return case.say(
        Truth.TRUE if lasting else Truth.FALSE,
        f"a week's median of {medians[-1]:,.0f} steps; the best since the surgery was {best[-1]:,.0f}",
        window,
        measured={"median": float(medians[-1]), "best": float(best[-1]), "days": int(low.sum())},
        thresholds={"share": settings.share, "days": settings.days},
        clears=not low[-1],
    )


def roll_medians(steps: npt.NDArray[np.float64], length: int, least: int) -> npt.NDArray[np.float64]:
    """Return the median of each `length` days in a row, (n - length + 1,); NaN where fewer than `least` are known.

    steps: (n,) float64, NaN where unknown, n >= length
    """
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(steps, length), axis=1)
    known = length - np.count_nonzero(np.isnan(ordered), axis=1)
    rows = np.arange(known.size)
    middle = (ordered[rows, np.maximum(known - 1, 0) // 2] + ordered[rows, np.minimum(known // 2, length - 1)]) / 2
    return np.where(known >= least, middle, np.nan)
