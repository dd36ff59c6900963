"""Still too long: now, and day after day."""

import numpy as np

from rules.check_case import MINUTE_MS, VOUCHED, Case, Judged, Window, span_of, window_between
from rules.check_days import judge_days
from rules.day import DaySummary
from rules.finding import Finding, Truth
from rules.minutes import State
from rules.prescription import Phase
from rules.rule_settings import ProlongedStationaryDay, StationaryNow
from rules.waking import DEFAULT_WINDOW


def check_stationary_now(case: Case[StationaryNow]) -> Finding:
    """Has the stillness that goes on now lasted as long as the prescribed nudge? It clears with a minute of movement."""
    today, phase = case.today, case.phase
    if phase is None or not _is_waking(case):
        return case.off("outside the waking hours")
    if today.stationary is None:
        return case.unknown(_why_no_bouts(today))
    now = min((case.at_ms - today.start_ms) // MINUTE_MS, today.n_min)
    known = np.flatnonzero(today.states[:now] != State.UNKNOWN)
    end = int(known[-1]) + 1 if known.size else 0
    if not end or now - end > case.settings.newest_min:
        return case.unknown(f"nothing is known of the last {now - end} min")
    if today.states[end - 1] == State.ASLEEP:
        return case.off("outside the waking hours or asleep")
    if today.states[end - 1] == State.NOT_WORN:
        return case.unknown("not worn")
    return _judge_run(case, phase, end)


def _is_waking(case: Case[StationaryNow]) -> bool:
    """Is it now a waking hour, by the prescription's clock and by what is known of the day?

    A sleep record says when last night ended, not when the coming one begins: there the prescription decides.
    """
    today = case.today
    now = (case.at_ms - today.start_ms) // MINUTE_MS
    if today.waking_start is None or today.waking_end is None or not today.waking_start <= now <= today.waking_end:
        return False
    if case.view.today_minutes is None:
        return True
    window = case.prescription.waking_window or DEFAULT_WINDOW
    clock = case.view.today_minutes.local_minute
    return bool(window.covers(clock[min(now, clock.size - 1) :][:1]).all())


def _judge_run(case: Case[StationaryNow], phase: Phase, end: int) -> Finding:
    today, nudge = case.today, phase.stationary_nudge_min
    moving = np.flatnonzero(today.states[:end] != State.STILL)
    start = int(moving[-1]) + 1 if moving.size else 0
    run = end - start
    window = Window(*span_of(today, start, end), 1.0, today.wear_source)
    measured, thresholds = {"minutes": run}, {"stationary_nudge_min": nudge}
    if run >= nudge:
        said = f"still for {run} min; a nudge comes from {nudge} on"
        minutes = (span_of(today, start, end),)
        return case.say(Truth.TRUE, said, window, minutes=minutes, measured=measured, thresholds=thresholds)
    if start and today.states[start - 1] >= State.MOVING:
        said = f"moved {run} min ago"
        return case.say(Truth.FALSE, said, window, measured=measured, thresholds=thresholds)
    # What came before the run is not known or no waking minute: was anything seen in the time that a nudge looks back on?
    first = max(0, end - nudge)
    window = window_between(case.view, *span_of(today, first, end))
    if window.coverage is None or window.coverage < case.share_needed:
        return case.unknown(f"still for {run} min, but what came before is not known", window)
    moved = bool((today.states[first:end] >= State.MOVING).any())
    said = f"still for {run} min; a nudge comes from {nudge} on"
    return case.say(Truth.FALSE, said, window, measured=measured, thresholds=thresholds, clears=moved)


def check_prolonged_stationary_day(case: Case[ProlongedStationaryDay]) -> Finding:
    """Were most of the last valid days days of long stillness? Only a device or a pulse that vouches for wear can tell."""
    settings = case.settings

    def fits(day: DaySummary, phase: Phase) -> bool:
        return day.stationary is not None and day.wear_source in VOUCHED

    def is_long(one: Judged) -> bool:
        still = one.day.stationary
        return still is not None and (
            len(still.at_least(settings.bout_min)) >= settings.bouts or still.longest >= settings.longest_min
        )

    return judge_days(
        case,
        days=settings.days,
        of_days=settings.of_days,
        lookback_days=settings.lookback_days,
        is_bad=is_long,
        fits=fits,
        clear_days=settings.clear_days,
        said=f"with {settings.bouts} still stretches of {settings.bout_min} min, or one of {settings.longest_min} min",
        unfit="with a pulse or a device that tells wear",
        thresholds={"bout_min": settings.bout_min, "bouts": settings.bouts, "longest_min": settings.longest_min},
    )


def _why_no_bouts(day: DaySummary) -> str:
    if not day.has_data:
        return "nothing is known of today"
    return f"insufficient resolution: steps come in intervals of {day.resolution_s} s"
