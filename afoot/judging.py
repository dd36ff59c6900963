"""A patient's days: the timeline that `ingest` merged, judged by `rules`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from devices.recording import MINUTE_MS
from ingest import prescriptions
from ingest.people import Patient
from ingest.timeline import Timeline, known_range, read_days, read_timeline
from rules.day import DaySettings, DaySummary, summarise_day
from rules.minutes import DayMinutes
from rules.prescription import Prescription, prescription_for
from rules.verdict import DayVerdict, judge_day

MONTH_DAYS = 31
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """One local day; `verdict` is None where no prescription was in force."""

    summary: DaySummary
    verdict: DayVerdict | None
    prescription: Prescription | None


def read_prescriptions(connection: Connection, patient: Patient) -> list[Prescription]:
    return [Prescription.model_validate(body) for body in prescriptions.list_versions(connection, patient.id)]


def judge_days(
    connection: Connection, patient: Patient, first: date | None = None, last: date | None = None
) -> Iterator[JudgedDay]:
    """Yield the patient's local days first..last; a side that is not given begins or ends with the data.

    Days in between without data are in it, as unknown. Memory is that of a month, however long the range.
    """
    if first is None or last is None:
        known = known_range(connection, patient)
        if known is None:
            return
        begin, end = first or known[0], last or known[1]
    else:
        begin, end = first, last
    pending: list[JudgedDay] = []
    started = first is not None
    for judged in _judge(connection, patient, begin, end):
        started = started or judged.summary.has_data
        if not started:
            continue
        pending.append(judged)
        if judged.summary.has_data or last is not None:
            yield from pending
            pending = []


def _judge(connection: Connection, patient: Patient, first: date, last: date) -> Iterator[JudgedDay]:
    """Judge the days month by month; each month is read with a day on either side, for the nights that reach over."""
    versions = read_prescriptions(connection, patient)
    days = read_days(connection, patient, first - _ONE_DAY, last + _ONE_DAY) if first <= last else []
    wanted = [row for row, day in enumerate(days) if first <= day.day <= last]
    for start in range(0, len(wanted), MONTH_DAYS):
        month = wanted[start : start + MONTH_DAYS]
        lower = max(0, month[0] - 1)
        minutes = day_minutes(read_timeline(connection, patient, days[lower : month[-1] + 2]))
        for place in (row - lower for row in month):
            yield judge_place(minutes, place, versions)


def judge_place(minutes: Sequence[DayMinutes], place: int, versions: Sequence[Prescription]) -> JudgedDay:
    """Return one of these local days, judged; the days beside it tell of its nights."""
    own = minutes[place]
    before = minutes[place - 1] if place else None
    after = minutes[place + 1] if place + 1 < len(minutes) else None
    prescription = prescription_for(own.day, versions)
    settings = prescription.day_settings(own.day) if prescription else DaySettings()
    summary = summarise_day(own, settings, before=before, after=after)
    return JudgedDay(summary, judge_day(summary, prescription) if prescription else None, prescription)


def day_minutes(timeline: Timeline) -> list[DayMinutes]:
    """Return the timeline's local days in the form that the rules read."""
    start = timeline.days[0].start_ms
    whole = []
    for row, day in enumerate(timeline.days):
        part = slice((day.start_ms - start) // MINUTE_MS, (day.end_ms - start) // MINUTE_MS)
        known = timeline.source[part] >= 0
        counts, aside = timeline.counts[part], timeline.set_aside[part]
        whole.append(
            DayMinutes(
                day=day.day,
                start_ms=day.start_ms,
                local_minute=day.wall,
                steps=timeline.steps[part],
                heart_rate=timeline.heart_rate[part],
                not_worn=timeline.not_worn[part],
                charging=timeline.charging[part],
                asleep=timeline.asleep[part],
                counts=counts if (counts > np.iinfo(np.int16).min).any() else None,
                # Of the day's known minutes, the most come from a device that says when it is off the body.
                device_says_worn=bool(known.any() and timeline.says_worn[part].sum() * 2 > known.sum()),
                has_sleep_record=bool(timeline.recorded[part].any()),
                resolution_s=int(timeline.resolution_s[row]),
                set_aside=aside if aside.any() else None,
            )
        )
    return whole


__all__ = ["JudgedDay", "day_minutes", "judge_days", "judge_place", "read_prescriptions"]
