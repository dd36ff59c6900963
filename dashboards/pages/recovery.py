"""Recovery: each day's steps beside the patient's own baseline, its course over weeks, and what others did."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from dashboards.pages.axis import Level, Mark, Phases, find_phases, mark_days, nice_top, place_days, trace_bars
from dashboards.pages.marks import Box, Known, tell_known, worn_steps
from dashboards.pages.words import count, percent, several
from rules.day import DaySummary
from rules.prescription import Prescription
from rules.verdict import DayVerdict

MEDIAN_DAYS = 7
MEDIAN_NEEDS = 4  # of them known well enough, as in the rule on sudden drops
LEAST_TOP = 100
PLOT = 200  # height of the plot, in its own units

# The forms in which a phase says what others did; a text of another form is told in words and not drawn.
_SHARE = r"(\d+(?:\.\d+)?)"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], float], tuple[float, float] | None]], ...] = (
    (
        re.compile(rf"{_SHARE} rising to {_SHARE} of baseline"),
        lambda found, baseline: (float(found[1]) * baseline, float(found[2]) * baseline),
    ),
    (
        re.compile(rf"a plateau at or below {_SHARE} of baseline"),
        lambda found, baseline: (float(found[1]) * baseline, float(found[1]) * baseline),
    ),
)
_STEPS = re.compile(r"(\d[\d,]*) steps/day")


@dataclass(frozen=True, slots=True)
class Line:
    """A straight piece across the plot, in days and steps' height: for the median, what others did, and levels."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """whole, partial, not_worn, unknown: the days as paths of boxes, a unit a day wide, PLOT high.

    median: pieces of a line, broken where there is no median
    """

    n_days: int
    whole: str
    partial: str
    not_worn: tuple[Box, ...]
    unknown: tuple[Box, ...]
    median: str
    reference: tuple[Line, ...]
    baseline: Level | None
    grid: tuple[Level, ...]
    marks: tuple[Mark, ...]
    phases: Phases
    headline: str
    alt: str


def find_medians(days: Sequence[DaySummary], surgery: date | None = None) -> list[float | None]:
    """Return, for each day, the median steps of the 7 days up to it; None if fewer than 4 of them are known well enough.

    surgery: a median of days after it takes none from before it
    """
    steps = np.array([day.steps if day.conclusive and day.steps is not None else np.nan for day in days], dtype=np.float64)
    turn = sum(day.day < surgery for day in days) if surgery else 0
    medians: list[float | None] = []
    for end in range(1, len(steps) + 1):
        week = steps[max(end - MEDIAN_DAYS, turn if end > turn else 0) : end]
        known = week[~np.isnan(week)]
        medians.append(float(np.median(known)) if known.size >= MEDIAN_NEEDS else None)
    return medians


def find_reference(text: str, baseline: int | None) -> tuple[float, float] | None:
    """Return the steps a day at a phase's start and end that its reference names; None if it cannot be drawn.

    A share of the baseline cannot be drawn without one: a population's mean never stands in for it.
    """
    absolute = _STEPS.fullmatch(text)
    if absolute:
        level = float(absolute[1].replace(",", ""))
        return (level, level)
    if baseline is None:
        return None
    return next((ends(found, baseline) for form, ends in _FORMS if (found := form.fullmatch(text))), None)


def build_recovery(days: Sequence[tuple[DaySummary, DayVerdict | None]], prescription: Prescription | None) -> Recovery:
    summaries = [summary for summary, _ in days]
    baseline = prescription.baseline_steps if prescription else None
    medians = find_medians(summaries, prescription.surgery_date if prescription else None)
    steps = [worn_steps(summary) or 0 for summary in summaries]
    top = nice_top(max([*steps, baseline or 0, LEAST_TOP]))
    days_by: dict[Known, list[int]] = {known: [] for known in Known}
    for index, summary in enumerate(summaries):
        days_by[tell_known(summary)].append(index)
    heights = [PLOT * value / top for value in steps]
    return Recovery(
        n_days=len(summaries),
        whole=trace_bars(days_by[Known.WHOLE], heights, PLOT),
        partial=trace_bars(days_by[Known.PARTIAL], heights, PLOT),
        not_worn=place_days(days_by[Known.NOT_WORN], len(days), PLOT),
        unknown=place_days(days_by[Known.UNKNOWN], len(days), PLOT),
        median=_trace_line([None if value is None else PLOT * (1 - value / top) for value in medians]),
        reference=_place_reference(summaries, prescription, top),
        baseline=Level(PLOT * (1 - baseline / top), f"own baseline {count(baseline)}") if baseline else None,
        grid=tuple(Level(PLOT * (1 - level / top), count(level)) for level in _levels(top)),
        marks=mark_days([summary.day for summary in summaries]),
        phases=find_phases([verdict for _, verdict in days]),
        headline=_headline(medians, baseline),
        alt=_alt(days_by, medians, baseline),
    )


def _trace_line(values: list[float | None]) -> str:
    """Return the values at the middles of their days as a path; where one is None the line is broken."""
    pieces, pen = [], "M"
    for day, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        pieces.append(f"{pen}{day + 0.5:g} {value:.5g}")
        pen = "L"
    return "".join(pieces)


def _place_reference(days: Sequence[DaySummary], prescription: Prescription | None, top: float) -> tuple[Line, ...]:
    if prescription is None:
        return ()
    lines = []
    first = prescription.days_since_surgery(days[0].day)
    for phase in prescription.phases:
        ends = find_reference(phase.reference, prescription.baseline_steps)
        start, end = max(phase.first_day - first, 0), min(phase.last_day - first + 1, len(days))
        if ends is None or start >= end:
            continue
        length = phase.last_day - phase.first_day + 1
        slope = (ends[1] - ends[0]) / length
        begin = ends[0] + slope * (start + first - phase.first_day)
        finish = begin + slope * (end - start)
        lines.append(Line(start, PLOT * (1 - begin / top), end, PLOT * (1 - finish / top)))
    return tuple(lines)


def _levels(top: float) -> list[float]:
    return [top * quarter / 4 for quarter in range(1, 5)]


def _headline(medians: list[float | None], baseline: int | None) -> str:
    latest = next((value for value in reversed(medians) if value is not None), None)
    if latest is None:
        return "Too few days are known well enough for a 7-day median."
    said = f"The latest 7-day median is {count(round(latest))} steps a day"
    if baseline is None:
        return f"{said}. No baseline from before the surgery is known, so nothing is compared with one."
    return f"{said}: {percent(latest / baseline)} of the patient’s own baseline of {count(baseline)}."


def _alt(days_by: dict[Known, list[int]], medians: list[float | None], baseline: int | None) -> str:
    days = ", ".join(f"{several(len(found), 'day')} {known}" for known, found in days_by.items())
    return f"Steps a day. {days}. {_headline(medians, baseline)}"
