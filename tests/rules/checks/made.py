"""Patients made by hand: summaries of days with just the numbers that a rule reads, and what a rule may know of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from rules.bouts import Bouts
from rules.checks import RULES
from rules.day import DaySummary, summarise_day
from rules.finding import Finding, View
from rules.frequency import Hours
from rules.minutes import NA, WearSource, build_day
from rules.prescription import Prescription
from tests.rules.days import make_day

SURGERY = dt.date(2024, 5, 1)
MIN_MS = 60_000
HOUR_MS = 60 * MIN_MS
DAY_MS = 24 * HOUR_MS
P1, P2, P3, P4 = 8, 30, 60, 120  # a day after surgery in each phase
NOW_MIN = 15 * 60  # 15:00


def prescribe(**fields: Any) -> Prescription:
    row: dict[str, Any] = {
        "version": 3,
        "author": "Dr Example",
        "effective": SURGERY - dt.timedelta(days=30),
        "reason": "fusion",
        "surgery_date": SURGERY,
        "baseline_steps": 5000,
    }
    return Prescription(**(row | fields))


def date_of(since: int) -> dt.date:
    return SURGERY + dt.timedelta(days=since)


@cache
def _whole() -> DaySummary:
    return summarise_day(make_day(day=SURGERY))


@cache
def _nothing() -> DaySummary:
    return summarise_day(build_day(SURGERY, np.full(1440, NA, np.int16)))


def bouts(*lengths: int) -> Bouts:
    start = 430 + np.arange(len(lengths)) * 200
    size = np.array(lengths, np.int64)
    return Bouts(start, start + size, size, np.zeros(len(lengths), np.bool_))


def hours(reached: int, of: int = 15) -> Hours:
    """Return `of` judged hours from 07:00 on, the first `reached` of them with 300 steps."""
    hour = np.arange(24)
    judged = np.where((hour >= 7) & (hour < 7 + of), 60, 0)
    steps = np.where((hour >= 7) & (hour < 7 + reached), 300, 0)
    return Hours(hour * 60, hour, steps, judged, judged)


def made_day(
    since: int,
    *,
    steps: int = 4000,
    walks: Sequence[int] = (10, 10, 10, 10),
    still: Sequence[int] = (25,),
    reached: int = 15,
    cadence: tuple[int, int] = (70, 10),
    source: WearSource = WearSource.DEVICE,
    **fields: Any,
) -> DaySummary:
    """Return a day that is known throughout. cadence: steps a minute, and for how many minutes from 10:00 on."""
    minutes = np.zeros(1440, np.int16)
    minutes[600 : 600 + cadence[1]] = cadence[0]
    made = replace(
        _whole(),
        day=date_of(since),
        start_ms=since * DAY_MS,
        steps=steps,
        walking=bouts(*walks),
        stationary=bouts(*still),
        hours=hours(reached),
        cadence=minutes,
        wear_source=source,
    )
    return replace(made, **fields)


def no_day(since: int) -> DaySummary:
    return replace(_nothing(), day=date_of(since), start_ms=since * DAY_MS)


def thin_day(since: int, **fields: Any) -> DaySummary:
    """Return a day of which only 40 % was worn: partial, so it judges nothing."""
    made = made_day(since, **fields)
    return replace(made, coverage=0.4, worn_waking_min=360, valid=False, partial=True)


def view(since: int, days: Sequence[DaySummary], /, **fields: Any) -> View:
    """Return what is known at 15:00 of the day `since` after surgery, the whole days `days` before it."""
    at = since * DAY_MS + NOW_MIN * MIN_MS
    row: dict[str, Any] = {
        "at_ms": at,
        "days": list(days),
        "today": made_day(since, steps=2000, walks=(), cadence=(70, 0)),
        "today_minutes": None,
        "last_data_ms": at - 10 * MIN_MS,
        "sync_interval_ms": HOUR_MS,
    }
    return View(**(row | fields))


def past(today: int, *shapes: dict[str, Any] | None, before: int = 0, **usual: Any) -> list[DaySummary]:
    """Return the days before `today`: the last ones as `shapes` say, None being a day without data, `before` usual ones first."""
    first = today - len(shapes)
    made = [made_day(since, **usual) for since in range(first - before, first)]
    return made + [
        no_day(first + place) if shape is None else made_day(first + place, **(usual | shape))
        for place, shape in enumerate(shapes)
    ]


def judge(name: str, seen: View, prescription: Prescription | None = None) -> Finding:
    rule = next(rule for rule in RULES if rule.name == name)
    return rule.judge(seen, prescription or prescribe())
