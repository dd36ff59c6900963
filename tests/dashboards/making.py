"""A patient for the report: a virtual wearer's days, judged by the real rules, with everything in them that a page must show."""

from datetime import date, timedelta

import numpy as np

from dashboards.report import DeviceRow, Note, Report, VendorRow
from devices.virtual import Day, Habit, Wearer, days_from, truth
from devices.virtual.life import Stage, State
from rules.day import DaySummary, summarise_day
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription
from rules.verdict import DayVerdict, judge_day

SURGERY = date(2026, 1, 26)
FIRST = date(2026, 1, 5)
SILENT = frozenset({date(2026, 2, 19), date(2026, 2, 20), date(2026, 3, 30)})
WEARER = Wearer(seed=11, surgery=SURGERY, habit=Habit.STEADY, silent=SILENT)
PRESCRIPTION = Prescription(
    author="Dr. M. Okafor",
    effective=FIRST,
    reason="Programme after fusion L4/L5, agreed at the visit before it",
    surgery_date=SURGERY,
    baseline_steps=5_600,
)


def minutes_of(day: Day) -> DayMinutes:
    """Return what the wearer's watch tells of the day."""
    silent = day.state == State.SILENT
    worn = day.state == State.WORN
    local = (day.at_ms // 60_000 + day.offset_s // 60) % 1440
    return build_day(
        day.day,
        np.where(silent, NA, day.recorded),
        start_ms=day.start_ms,
        local_minute=local,
        heart_rate=np.where(worn, day.heart_rate, NA),
        not_worn=day.state == State.NOT_WORN,
        charging=day.state == State.CHARGING,
        device_says_worn=True,
        asleep=(day.stage != Stage.AWAKE) & worn,
    )


def judged(wearer: Wearer, days: list[date], prescription: Prescription) -> list[tuple[DaySummary, DayVerdict | None]]:
    rows: list[tuple[DaySummary, DayVerdict | None]] = []
    for day in truth(wearer, days):
        summary = summarise_day(minutes_of(day), prescription.day_settings(day.day))
        rows.append((summary, judge_day(summary, prescription)))
    return rows


def make_report(n_days: int = 90, last: date = date(2026, 4, 4)) -> Report:
    days = judged(WEARER, days_from(last - timedelta(days=n_days - 1), n_days), PRESCRIPTION)
    return Report(
        patient="Anna Example",
        zone="Europe/Berlin",
        made_at="4 April 2026, 21:40",
        days=days,
        prescription=PRESCRIPTION,
        devices=(
            DeviceRow("Garmin vívosmart 5", FIRST, last, "says itself when it is not worn"),
            DeviceRow("Apple iPhone", FIRST, last),
        ),
        notes=(Note("19 Feb, 00:00 to 21 Feb, 00:00", "no data from any device", "the watch was off"),),
        vendor_totals=(
            VendorRow(days[-2][0].day, "Garmin vívosmart 5", 18, None),
            VendorRow(last, "Garmin vívosmart 5", 5_521, days[-1][0].steps),
        ),
    )
