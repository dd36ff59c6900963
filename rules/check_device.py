"""Is the device heard, and can what it says be true?"""

from collections.abc import Sequence
from itertools import dropwhile

import numpy as np

from rules.check_case import DAY_MS, HOUR_MS, MINUTE_MS, Case, Window, end_of, hours, weakest, window_of
from rules.day import DaySummary
from rules.finding import Finding, Truth
from rules.minutes import WearSource
from rules.rule_settings import DeviceFault, DeviceSilent


def check_device_silent(case: Case[DeviceSilent]) -> Finding:
    """Have no data come for long, or was the device worn too little on most of the last days?

    Steps alone cannot tell an armchair from a bedside table: a day whose wear was inferred from them is no day worn too little.
    """
    settings = case.settings
    early = case.phase is not None and case.phase.name in settings.early_in
    limit_h = settings.early_silent_h if early else settings.silent_h
    since_ms = _heard_until(case)
    silent_ms = case.at_ms - since_ms
    seen = _days_of_use(case.view.days, settings.of_days)
    guessed = [day for day in seen if day.has_data and day.wear_source is WearSource.STEPS_INFERRED]
    few = [day for day in seen if day not in guessed and day.worn_waking_min < settings.worn_h * 60]
    thresholds = {"silent_h": limit_h, "worn_h": settings.worn_h, "days": settings.days, "of_days": settings.of_days}
    measured = {"silent_h": silent_ms / HOUR_MS, "days": len(few)}
    if silent_ms > limit_h * HOUR_MS:
        window = Window(since_ms, case.at_ms, 0.0, case.today.wear_source)
        said = f"no data for {hours(silent_ms)}; {limit_h:g} h are too long"
        return case.say(Truth.TRUE, said, window, measured=measured, thresholds=thresholds)
    window = window_of(seen) if seen else case.instant()
    said = f"worn for under {settings.worn_h:g} waking hours on {len(few)} of the last {settings.of_days} days"
    said += f"; steps alone do not tell of {len(guessed)} of them" if guessed else ""
    low = len(seen) == settings.of_days and len(few) >= settings.days
    return case.say(Truth.TRUE if low else Truth.FALSE, said, window, measured=measured, thresholds=thresholds)


def _heard_until(case: Case[DeviceSilent]) -> int:
    """Return the end of the newest data; where none ever came, the day on which the prescription came into force."""
    if case.view.last_data_ms is not None:
        return case.view.last_data_ms
    days = (case.today.day - case.prescription.effective).days
    return min(case.at_ms, case.today.start_ms - days * DAY_MS)


def _days_of_use(days: Sequence[DaySummary], many: int) -> Sequence[DaySummary]:
    """Return the last `many` days, without those before the very first data."""
    last = days[-many:]
    if any(day.has_data for day in days[: -len(last)]):
        return last
    return list(dropwhile(lambda day: not day.has_data, last))


def check_device_fault(case: Case[DeviceFault]) -> Finding:
    """Do the newest data hold what cannot be: a cadence nobody has, a clock that jumped, hours that do not add up?"""
    settings, view = case.settings, case.view
    window = (*view.days[max(0, len(view.days) - settings.window_days + 1) :], case.today)
    start_ms = window[0].start_ms
    days = [day for day in window if day.has_data]
    jumps = sum(start_ms <= jump <= case.at_ms for jump in view.clock_jumps_ms)
    wrong = _wrong_hours(case, start_ms)
    fast = [one for one in view.fast_minutes if start_ms <= one.at_ms < case.at_ms and one.steps > settings.max_spm]
    if not days and not jumps and not wrong and not fast:
        return case.unknown("no data of these days")
    believed = [span for day in days for span in _impossible(day, settings.max_spm) if not _is_trusted(view.trusted, span)]
    impossible = {*believed, *((one.at_ms, one.at_ms + MINUTE_MS) for one in fast)}
    fastest = max((int(day.cadence.max(initial=0)) for day in days), default=0)
    fastest = max([fastest, *(one.steps for one in fast)])
    minutes = (*sorted(impossible), *wrong)
    faults = [
        f"a minute of {fastest} steps" if impossible else "",
        f"the clock jumped {jumps} times" if jumps else "",
        f"{len(wrong)} hours differ from the vendor's own count" if wrong else "",
    ]
    said = "; ".join(filter(None, faults))
    wear = weakest(day.wear_source for day in days)
    return case.say(
        Truth.TRUE if said else Truth.FALSE,
        said or "no impossible minute, no clock that jumped, no hour that differs from the vendor's",
        Window(start_ms, max((end_of(day) for day in days), default=case.at_ms), None, wear),
        minutes=minutes,
        measured={"fastest_spm": fastest, "clock_jumps": jumps, "wrong_hours": len(wrong)},
        thresholds={"max_spm": settings.max_spm, "vendor_share": settings.vendor_share, "vendor_steps": settings.vendor_steps},
    )


def _impossible(day: DaySummary, max_spm: int) -> list[tuple[int, int]]:
    at = day.start_ms + np.flatnonzero(day.cadence > max_spm) * MINUTE_MS
    return [(start, start + MINUTE_MS) for start in at.tolist()]


def _is_trusted(trusted: Sequence[tuple[int, int]], span: tuple[int, int]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in trusted)


def _wrong_hours(case: Case[DeviceFault], start_ms: int) -> tuple[tuple[int, int], ...]:
    settings = case.settings
    return tuple(
        (hour.start_ms, hour.end_ms)
        for hour in case.view.vendor_hours
        if hour.ours is not None
        and start_ms <= hour.start_ms < case.at_ms
        and abs(hour.ours - hour.vendor) > max(settings.vendor_steps, settings.vendor_share * hour.vendor)
    )
