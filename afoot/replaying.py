"""One patient's findings at several instants: a pure function of what is in `Material`, wherever it runs."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from afoot import summaries
from afoot.summaries import KnownDay
from devices.recording import MINUTE_MS
from rules.day import DaySettings, DaySummary, summarise_day
from rules.evaluate import evaluate
from rules.finding import FastMinute, Finding, PainReport, VendorHour, View
from rules.minutes import NA, DayMinutes
from rules.prescription import Prescription, prescription_for

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
VIEW_DAYS = 200
# How often a device delivers is told by the deliveries of so long, if there are so many; else it is once a day [G].
SYNC_WINDOW_MS = 21 * DAY_MS
SYNC_DELIVERIES = 4
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that judging one patient takes; it can be sent to another process.

    kept:       whole days that were judged before and did not change, as `summaries.encode` wrote them
    minutes:    the local days of which the minutes are needed, in order, whole; where the waking hours are to be inferred from
                the steps, with those beside them
    instants:   when to judge, in order; of each the local day is in `minutes`
    deliveries: when data arrived, in order
    heard_before_ms: the end of the newest data before all these days; None if there are none
    """

    patient_id: int
    prescriptions: tuple[Prescription, ...]
    kept: Mapping[date, bytes]
    minutes: Sequence[DayMinutes]
    instants: Sequence[int]
    deliveries: Sequence[int] = ()
    pain: Sequence[PainReport] = ()
    vendor_hours: Sequence[VendorHour] = ()
    fast_minutes: Sequence[FastMinute] = ()
    clock_jumps_ms: Sequence[int] = ()
    trusted: Sequence[tuple[int, int]] = ()
    heard_before_ms: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """findings: at each of the instants, in order. days: the whole days that were computed anew, to be kept."""

    patient_id: int
    findings: Sequence[Sequence[Finding]]
    days: Mapping[date, tuple[str, bytes]] = field(default_factory=dict)


def replay(material: Material) -> Replayed:
    """Judge a patient at each instant by what is known of the time before it."""
    history = _History(material)
    findings = [evaluate(history.view(at_ms), material.prescriptions) for at_ms in material.instants]
    return Replayed(material.patient_id, findings, history.anew())


def find_sync_interval(deliveries: Sequence[int], at_ms: int) -> int:
    """Return the median time between the deliveries of the last weeks; a day where there are few."""
    recent = [one for one in deliveries if at_ms - SYNC_WINDOW_MS < one <= at_ms]
    if len(recent) < SYNC_DELIVERIES:
        return DAY_MS
    return max(HOUR_MS, round(median(later - earlier for earlier, later in pairwise(recent))))


class _History:
    """The local days of one patient, each summarised once."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._minutes = {day.day: day for day in material.minutes}
        self._starts = [day.start_ms for day in material.minutes]
        self._known: dict[date, KnownDay] = dict(zip(material.kept, summaries.decode(material.kept.values()), strict=True))
        self._anew: dict[date, KnownDay] = {}
        self._unlived: dict[Any, DaySummary] = {}

    def anew(self) -> dict[date, tuple[str, bytes]]:
        blocks = summaries.encode(self._anew.values())
        return {
            day: (summaries.key_of(day, self._prescription(day)), block) for day, block in zip(self._anew, blocks, strict=True)
        }

    def view(self, at_ms: int) -> View:
        """Return what was known at an instant, had everything arrived at once."""
        whole = self._material.minutes[bisect_right(self._starts, at_ms) - 1]
        today = cut(whole, at_ms)
        yesterday = self._minutes.get(whole.day - _ONE_DAY)
        settings = self._settings(whole.day)
        place = bisect_left(self._dates, whole.day)
        before = [self._day(day) for day in self._dates[max(0, place - VIEW_DAYS) : place]]
        days = [one.summary for one in before]
        if days and yesterday is not None and days[-1].day == yesterday.day and self._settings(yesterday.day).waking is None:
            # Its evening reaches into a night of which only the beginning is known yet.
            days[-1] = self._summarise(yesterday, today)
        return View(
            at_ms=at_ms,
            days=days,
            today=self._today(today, at_ms, settings, yesterday),
            today_minutes=today,
            last_data_ms=self._last_data_ms(today, place),
            sync_interval_ms=find_sync_interval(self._material.deliveries, at_ms),
            pain=[one for one in self._material.pain if one.at_ms <= at_ms],
            vendor_hours=[one for one in self._material.vendor_hours if one.end_ms <= at_ms],
            fast_minutes=[one for one in self._material.fast_minutes if one.at_ms + MINUTE_MS <= at_ms],
            clock_jumps_ms=[one for one in self._material.clock_jumps_ms if one <= at_ms],
            trusted=self._material.trusted,
        )

    def _last_data_ms(self, today: DayMinutes, place: int) -> int | None:
        """Return when the newest data end, however long ago: a rule says for how long nothing came."""
        last_ms = last_known_ms(today)
        before = (self._day(day).last_ms for day in reversed(self._dates[:place]))
        return last_ms or next((one for one in before if one is not None), self._material.heard_before_ms)

    def _today(self, today: DayMinutes, at_ms: int, settings: DaySettings, yesterday: DayMinutes | None) -> DaySummary:
        if at_ms >= today.start_ms + MINUTE_MS or settings.waking is None:
            return summarise_day(today, settings, before=yesterday)
        # Of a day that has just begun nothing is known, and all such days of one clock and prescription are alike.
        alike = (today.local_minute.tobytes(), today.device_says_worn, today.resolution_s, settings)
        if alike not in self._unlived:
            self._unlived[alike] = summarise_day(today, settings)
        return replace(self._unlived[alike], day=today.day, start_ms=today.start_ms)

    @cached_property
    def _dates(self) -> list[date]:
        return sorted({*self._known, *self._minutes})

    def _day(self, day: date) -> KnownDay:
        if day not in self._known:
            whole = self._minutes[day]
            self._known[day] = KnownDay(self._summarise(whole, self._minutes.get(day + _ONE_DAY)), last_known_ms(whole))
            self._anew[day] = self._known[day]
        return self._known[day]

    def _summarise(self, whole: DayMinutes, after: DayMinutes | None) -> DaySummary:
        before = self._minutes.get(whole.day - _ONE_DAY)
        return summarise_day(whole, self._settings(whole.day), before=before, after=after)

    def _settings(self, day: date) -> DaySettings:
        prescription = self._prescription(day)
        return prescription.day_settings(day) if prescription else DaySettings()

    def _prescription(self, day: date) -> Prescription | None:
        return prescription_for(day, self._material.prescriptions)


def cut(day: DayMinutes, at_ms: int) -> DayMinutes:
    """Return the day as it was known at an instant: the minutes that were not over then are unknown."""
    over = (at_ms - day.start_ms) // MINUTE_MS
    if over >= len(day):
        return day
    later = np.arange(len(day)) >= over
    asleep = day.asleep & ~later
    return replace(
        day,
        steps=np.where(later, np.int16(NA), day.steps),
        heart_rate=np.where(later, np.int16(NA), day.heart_rate),
        counts=None if day.counts is None else np.where(later, np.int16(NA), day.counts),
        not_worn=day.not_worn & ~later,
        charging=day.charging & ~later,
        asleep=asleep,
        has_sleep_record=day.has_sleep_record and bool(asleep.any()),
        set_aside=None if day.set_aside is None else day.set_aside & ~later,
    )


def last_known_ms(day: DayMinutes) -> int | None:
    """Return the end of the last minute of which a device said anything."""
    heard = (day.steps != NA) | (day.heart_rate != NA) | day.not_worn | day.charging
    # A device that says what cannot be is faulty, not silent.
    said = np.flatnonzero(heard if day.set_aside is None else heard | day.set_aside)
    return day.start_ms + (int(said[-1]) + 1) * MINUTE_MS if said.size else None
