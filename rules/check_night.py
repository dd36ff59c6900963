"""More steps than usual in the nights."""

from itertools import pairwise
from statistics import median

import numpy as np

from rules.check_case import VOUCHED, Case, Window, end_of, weakest
from rules.day import DaySummary
from rules.finding import Finding, Truth
from rules.minutes import State
from rules.rule_settings import NightActivity


def check_night_activity(case: Case[NightActivity]) -> Finding:
    """Did the last nights hold far more steps than the patient's own nights before them?

    A night reaches from the end of one day's waking hours to the start of the next day's, and is known only if a device or
    a pulse vouches for wear: steps alone cannot tell a quiet night from a bedside table.
    """
    settings = case.settings
    days = case.days[-(settings.nights + settings.own_nights + 1) :]
    counted = [count_night(*pair, case.share_needed) for pair in pairwise(days)]
    last, before = counted[-settings.nights :], [steps for steps in counted[: -settings.nights] if steps is not None]
    known = [steps for steps in last if steps is not None]
    if len(known) < settings.nights or len(before) < settings.own_known_nights:
        return case.unknown(f"{len(known)} of the last {settings.nights} nights are known, and {len(before)} before them")
    usual = float(median(before))
    limit = max(settings.times * usual, settings.least_steps)
    nights = days[-settings.nights - 1 :]
    window = Window(nights[0].start_ms, end_of(nights[-1]), None, weakest(day.wear_source for day in nights))
    return case.say(
        Truth.TRUE if min(known) > limit else Truth.FALSE,
        f"{' and '.join(str(steps) for steps in known)} steps in the last nights; the median before them is {usual:.0f}",
        window,
        measured={"least": min(known), "median": usual},
        thresholds={"times": settings.times, "least_steps": settings.least_steps},
    )


def count_night(evening: DaySummary, morning: DaySummary, share_needed: float) -> int | None:
    """Return the steps of the night between two days; None if it is not known well enough."""
    if evening.waking_end is None or morning.waking_start is None or not {evening.wear_source, morning.wear_source} <= VOUCHED:
        return None
    states = np.concatenate((evening.states[evening.waking_end :], morning.states[: morning.waking_start]))
    cadence = np.concatenate((evening.cadence[evening.waking_end :], morning.cadence[: morning.waking_start]))
    if np.count_nonzero(states >= State.ASLEEP) < share_needed * max(states.size, 1):
        return None
    return int(np.maximum(cadence, 0).sum(dtype=np.int64))
