"""The built-in report: one patient's judged days as one HTML page that stands alone, on a screen, a phone or paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dashboards.pages import words
from dashboards.pages.heat import build_weeks, shade_words
from dashboards.pages.lastday import build_last_day
from dashboards.pages.marks import LOOKS, STATUSES
from dashboards.pages.numbers import build_rows
from dashboards.pages.programme import build_programme
from dashboards.pages.recovery import build_recovery
from dashboards.pages.stillness import build_stillness
from dashboards.pages.strips import build_strips
from dashboards.pages.walks import build_walks
from dashboards.pages.weeks import build_comparison
from dashboards.rendering import render
from rules.day import DaySummary
from rules.prescription import Prescription
from rules.thresholds import Thresholds
from rules.verdict import DayVerdict

STRIP_DAYS = 14


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device of the patient. first, last: the days between which it gave data; None if that is not told."""

    name: str
    first: date | None = None
    last: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about the data: a gap, a refused file. when: as the patient's clocks showed it."""

    when: str
    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class VendorRow:
    """A vendor's own total of steps beside the sum of our minutes; None where no minute is known."""

    day: date
    device: str
    vendor: int
    ours: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What one report shows.

    patient:  a display name or a pseudonym
    zone:     the patient's IANA zone
    made_at:  when it was made, as text to print: the caller has the clock
    days:     every local day, in order and without a hole; a day without data stands in it as an unknown one. A day without
              a prescription has no verdict
    prescription: the version in force on the last day; None if there is none
    devices, notes, vendor_totals: rows to list; none, and the section is left out
    strip_days: how many of the last days are drawn minute by minute
    Raises: ValueError if there is no day, a day is missing between two others, or a verdict is another day's
    """

    patient: str
    zone: str
    made_at: str
    days: Sequence[tuple[DaySummary, DayVerdict | None]]
    prescription: Prescription | None = None
    devices: Sequence[DeviceRow] = ()
    notes: Sequence[Note] = ()
    vendor_totals: Sequence[VendorRow] = ()
    strip_days: int = STRIP_DAYS

    def __post_init__(self) -> None:
        if not self.days:
            raise ValueError("a report needs at least one day, found none")
        if self.strip_days < 1:
            raise ValueError(f"strip_days: expected 1 or more, found {self.strip_days}")
        first = self.days[0][0].day
        for place, (summary, verdict) in enumerate(self.days):
            expected = first + timedelta(days=place)
            if summary.day != expected:
                raise ValueError(f"day {place}: expected {expected}, found {summary.day}; an unknown day is a day too")
            if verdict is not None and verdict.day != summary.day:
                raise ValueError(f"day {place}: expected the verdict of {summary.day}, found that of {verdict.day}")


def build_report(report: Report) -> str:
    """Return the report as one HTML page: no script, no request, the same bytes for the same input."""
    return render("report.html.j2", **_view(report))


def _view(report: Report) -> dict[str, Any]:
    days = report.days
    summaries = [summary for summary, _ in days]
    last, verdict = days[-1]
    return {
        "report": report,
        "period": words.span(summaries[0].day, last.day),
        "looks": LOOKS,
        "statuses": STATUSES,
        "last_day": build_last_day(last, verdict, report.prescription),
        "comparison": build_comparison(days),
        "strips": build_strips(days[-report.strip_days :]),
        "walks": build_walks(days),
        "stillness": build_stillness(days),
        "recovery": build_recovery(days, report.prescription),
        "weeks": build_weeks(days),
        "shades": shade_words(),
        "programme": build_programme(report.prescription, last.day, {verdict.version for _, verdict in days if verdict}),
        "rows": build_rows(days),
        "limits": report.prescription.thresholds if report.prescription else Thresholds(),
    }
