"""The weeks as heat maps: a row a day, a column an hour of the clock, steps as shade; what is not known has no shade."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from dashboards.pages.marks import Box, trace_boxes
from dashboards.pages.words import WEEKDAYS, count, day_and_month, several
from rules.day import DaySummary
from rules.minutes import State
from rules.verdict import DayVerdict

HOUR = 60
ROW = 14  # pixels, height of a day, of which a gap of 1 keeps it off the next
# Lower bounds, in steps an hour: the prescribed 50 to 250 an hour tell the pale ones apart, a 10-minute walk makes the dark ones.
BOUNDS = (0, 1, 100, 250, 500, 1000)


@dataclass(frozen=True, slots=True)
class Shade:
    """Hours of one class of steps. number: 0 is a measured zero. path: boxes, 60 a clock hour wide, ROW a day high."""

    number: int
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """A day of the week. top: of its boxes. name: "Mon 8"; empty where the report does not reach."""

    name: str
    top: int


@dataclass(frozen=True, slots=True)
class Week:
    title: str
    since: str
    rows: tuple[Row, ...]
    shades: tuple[Shade, ...]
    not_worn: tuple[Box, ...]
    unknown: tuple[Box, ...]
    alt: str


class _Boxes:
    """Boxes as columns, until they are drawn."""

    def __init__(self) -> None:
        self.left: list[float] = []
        self.width: list[float] = []
        self.top: list[float] = []

    def add(self, left: float, width: float, top: float) -> None:
        if self.left and self.top[-1] == top and abs(self.left[-1] + self.width[-1] - left) < 1e-9:
            self.width[-1] += width
        else:
            self.left.append(left)
            self.width.append(width)
            self.top.append(top)

    def trace(self) -> str:
        return trace_boxes(self.left, self.width, self.top, ROW - 1)

    def place(self) -> tuple[Box, ...]:
        percent = 100 / (24 * HOUR)
        boxes = zip(self.left, self.width, self.top, strict=True)
        return tuple(Box(left * percent, top, width * percent, ROW - 1) for left, width, top in boxes)


def shade_words() -> tuple[str, ...]:
    """Return what each class of steps an hour is called in the legend."""
    ranges = [f"{low:,}–{high - 1:,}" for low, high in pairwise(BOUNDS[1:])]
    return ("0 (measured)", *ranges, f"{BOUNDS[-1]:,} or more")


def build_weeks(days: Sequence[tuple[DaySummary, DayVerdict | None]]) -> list[Week]:
    """Return the calendar weeks that the days touch, Monday first."""
    weeks: dict[date, list[tuple[DaySummary, DayVerdict | None]]] = {}
    for summary, verdict in days:
        weeks.setdefault(summary.day - timedelta(days=summary.day.weekday()), []).append((summary, verdict))
    return [_build_week(monday, members) for monday, members in weeks.items()]


def _build_week(monday: date, members: Sequence[tuple[DaySummary, DayVerdict | None]]) -> Week:
    shades = [_Boxes() for _ in BOUNDS]
    not_worn, unknown = _Boxes(), _Boxes()
    for summary, _ in members:
        _place_day(summary, summary.day.weekday() * ROW, shades, not_worn, unknown)
    rows = tuple(Row(WEEKDAYS[summary.day.weekday()][:2], summary.day.weekday() * ROW) for summary, _ in members)
    drawn = zip(shades, shade_words(), strict=True)
    return Week(
        title=f"{day_and_month(monday)} to {day_and_month(monday + timedelta(days=6))}",
        since=_since([verdict for _, verdict in members if verdict]),
        rows=rows,
        shades=tuple(Shade(number, words, boxes.trace()) for number, (boxes, words) in enumerate(drawn)),
        not_worn=not_worn.place(),
        unknown=unknown.place(),
        alt=_alt(monday, [summary for summary, _ in members]),
    )


def _place_day(summary: DaySummary, top: int, shades: list[_Boxes], not_worn: _Boxes, unknown: _Boxes) -> None:
    """Place each hour under the hour that the clock showed; one that came twice is two halves, one left out stays bare.

    Within an hour: first what was measured, in the shade of its steps, then what was not worn, then what is unknown.
    """
    hours = summary.hours
    ends = np.append(hours.start[1:], summary.n_min)
    times_shown = np.bincount(hours.hour, minlength=24)
    seen = np.zeros(24, np.int64)
    for start, end, hour, steps in zip(
        hours.start.tolist(), ends.tolist(), hours.hour.tolist(), hours.steps.tolist(), strict=True
    ):
        scale = 1 / times_shown[hour]
        left = HOUR * (hour + seen[hour] * scale)
        seen[hour] += 1
        states = summary.states[start:end]
        blank, off = int(np.count_nonzero(states == State.UNKNOWN)), int(np.count_nonzero(states == State.NOT_WORN))
        shade = int(np.searchsorted(BOUNDS, steps, side="right")) - 1
        for boxes, minutes in ((shades[shade], end - start - blank - off), (not_worn, off), (unknown, blank)):
            if minutes:
                boxes.add(left, minutes * scale, top)
                left += minutes * scale


def _since(verdicts: Sequence[DayVerdict]) -> str:
    since = [verdict.days_since_surgery for verdict in verdicts]
    if not since:
        return ""
    if since[-1] < 0:
        return "before the surgery"
    first = max(since[0], 0)
    return f"days {first}–{since[-1]}" if first < since[-1] else f"day {first}"


def _alt(monday: date, summaries: Sequence[DaySummary]) -> str:
    steps = sum(summary.steps or 0 for summary in summaries)
    blank = sum(summary.unknown_min for summary in summaries)
    known = f"{count(steps)} steps on {several(sum(summary.worn_min > 0 for summary in summaries), 'day')} with data"
    return f"Week of {day_and_month(monday)}, steps by hour: {known}; {count(round(blank / HOUR))} hours unknown."
