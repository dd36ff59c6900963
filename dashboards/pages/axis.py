"""The axes that charts over days share: dates below, phases above, round numbers at the side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from dashboards.pages.marks import Box, place_boxes, trace_boxes
from dashboards.pages.words import day_and_month
from rules.verdict import DayVerdict

BAR = (0.14, 0.72)  # left edge and width of a day's bar, of its column
LEAST_PX = 0.8  # a measured zero is a bar too: a line on the ground, where an unknown day is hatched
PLOT_TOP = 20  # above it the names of the phases
MOST_LABELS = 14
LABELS_ON_A_PHONE = 4
LONGEST_NAME = 8
EDGE = 97  # percent of the width; beyond it half a label does not fit the margin of a phone


@dataclass(frozen=True, slots=True)
class Mark:
    """A date under the axis. at: percent, the middle of the day; wide: shown on a phone too; anchor: keeps it on the page."""

    at: float
    label: str
    wide: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the prescription. at: percent, where it begins, or the first day shown."""

    at: float
    name: str


Phases = tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line with words beside it. y: pixels from the top of the plot."""

    y: float
    label: str


def mark_days(days: Sequence[date]) -> tuple[Mark, ...]:
    """Return the dates to write: days of up to four weeks, Mondays of a quarter, every few Mondays of more."""
    if len(days) <= 2 * MOST_LABELS:
        chosen = list(range(0, len(days), -(-len(days) // MOST_LABELS)))
    else:
        mondays = [index for index, day in enumerate(days) if day.weekday() == 0]
        chosen = mondays[:: -(-len(mondays) // MOST_LABELS)]
    rare = -(-len(chosen) // LABELS_ON_A_PHONE)
    places = [round(100 * (index + 0.5) / len(days), 3) for index in chosen]
    return tuple(
        Mark(at, day_and_month(days[index]), place % rare == 0, "end" if at > EDGE else "middle")
        for place, (at, index) in enumerate(zip(places, chosen, strict=True))
    )


def place_days(days: Sequence[int], n_days: int, height: float) -> tuple[Box, ...]:
    """Return whole columns for a pattern, neighbours as one."""
    mask = np.zeros(n_days, np.bool_)
    mask[list(days)] = True
    return place_boxes(mask, PLOT_TOP, height)


def trace_bars(days: Sequence[int], heights: Sequence[float], plot: float) -> str:
    """Return bars from the ground up as a path. heights: of every day, in pixels; days: those to draw."""
    drawn = np.array([max(heights[day], LEAST_PX) for day in days])
    return trace_boxes(np.array(days) + BAR[0], BAR[1], plot - drawn, drawn)


def find_phases(verdicts: Sequence[DayVerdict | None]) -> Phases:
    """Return where a phase begins, in the order of the days; days without one have no mark."""
    phases, last = [], None
    for index, verdict in enumerate(verdicts):
        name = verdict.phase if verdict else None
        if name is not None and name != last:
            short = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
            phases.append(Phase(round(100 * index / len(verdicts), 3), short))
        last = name
    return tuple(phases)


def nice_top(highest: float) -> float:
    """Return the round number that an axis from 0 ends at: 1, 2, 3, 4, 6 or 8 times a power of ten, `highest` or more."""
    scale = 1.0
    while scale * 10 <= highest:
        scale *= 10
    return next(scale * factor for factor in (1, 2, 3, 4, 6, 8, 10) if scale * factor >= highest)
