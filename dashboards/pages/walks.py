"""Walks against the prescription, a column a day: what was asked, what was done, what stays open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.pages.axis import BAR, PLOT_TOP, Mark, Phases, find_phases, mark_days
from dashboards.pages.marks import Box, trace_boxes
from dashboards.pages.words import percent, several
from rules.day import DaySummary
from rules.verdict import DayVerdict, Item, Status

SLOT = (0.12, 0.76)  # top edge and height of a walk's box, of its slot
MOST_SLOTS = 8  # of a day with more walks than this, so many are drawn
WALK_PX = 18  # height of a slot


@dataclass(frozen=True, slots=True)
class Walks:
    """Paths of boxes, a unit a day wide and a unit a walk high: done, asked but not done, asked and unknown whether done.

    open_boxes: the same as `open`, as places for the pattern. off: a line on the ground where nothing was asked
    """

    n_days: int
    slots: int
    done: str
    not_done: str
    open: str
    open_boxes: tuple[Box, ...]
    off: str
    marks: tuple[Mark, ...]
    phases: Phases
    headline: str
    alt: str


Day = tuple[DaySummary, DayVerdict | None]


def build_walks(days: Sequence[Day]) -> Walks:
    items = [verdict.item("walks") if verdict else None for _, verdict in days]
    slots = min(max([_asked(item) for item in items] + [_done(item) for item in items] + [1]), MOST_SLOTS)
    done, missing, blank = _Slots(slots), _Slots(slots), _Slots(slots)
    for day, item in enumerate(items):
        if item is None or item.status is Status.OFF:
            continue
        done.add(day, 0, _done(item))
        rest = blank if item.status is Status.UNKNOWN else missing
        rest.add(day, _done(item), _asked(item))
    off = [day for day, item in enumerate(items) if item is not None and item.status is Status.OFF]
    headline = _walks_headline(items, [verdict.adherence for _, verdict in days if verdict])
    left, width = BAR
    return Walks(
        n_days=len(days),
        slots=slots,
        done=done.trace(),
        not_done=missing.trace(),
        open=blank.trace(),
        open_boxes=blank.place(len(days)),
        off=trace_boxes(np.array(off) + left, width, slots - 0.12, 0.06),
        marks=mark_days([summary.day for summary, _ in days]),
        phases=find_phases([verdict for _, verdict in days]),
        headline=headline,
        alt=f"Credited walks a day against the walks prescribed. {headline}",
    )


class _Slots:
    """Boxes of walks, counted from the ground."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.day: list[float] = []
        self.top: list[float] = []

    def add(self, day: int, first: int, last: int) -> None:
        for slot in range(first, min(last, self.slots)):
            self.day.append(day + BAR[0])
            self.top.append(self.slots - slot - 1 + SLOT[0])

    def trace(self) -> str:
        return trace_boxes(self.day, BAR[1], self.top, SLOT[1])

    def place(self, n_days: int) -> tuple[Box, ...]:
        day = 100 / n_days
        return tuple(
            Box(left * day, PLOT_TOP + top * WALK_PX, BAR[1] * day, SLOT[1] * WALK_PX)
            for left, top in zip(self.day, self.top, strict=True)
        )


def _asked(item: Item | None) -> int:
    return int(item.target or 0) if item else 0


def _done(item: Item | None) -> int:
    return int(item.done or 0) if item else 0


def _walks_headline(items: Sequence[Item | None], adherence: Sequence[float | None]) -> str:
    told = [item for item in items if item is not None and item.status is not Status.OFF]
    if not told:
        return "No walks were prescribed in this time."
    met = sum(item.status is Status.MET for item in told)
    missed = sum(item.status is Status.MISSED for item in told)
    left = len(told) - met - missed
    if met + missed == 0:
        return f"No day is known well enough to judge; {several(left, 'day')} left open."
    judged = f"All walks were done on {met} of {several(met + missed, 'day')} that can be judged"
    shares = [share for share in adherence if share is not None]
    mean = f"; mean adherence {percent(sum(shares) / len(shares))}" if shares else ""
    return f"{judged}{mean}; {several(left, 'day')} left open." if left else f"{judged}{mean}."
