"""Walks and stillness against the prescription, a column a day: what was asked, what was done, what stays open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.pages.axis import PLOT_TOP, Mark, Phases, find_phases, mark_days, nice_top, place_days
from dashboards.pages.marks import Box, Known, tell_known, trace_boxes
from dashboards.pages.recovery import Level
from dashboards.pages.words import percent, several
from rules.day import DaySummary
from rules.verdict import DayVerdict, Item, Status

BAR = (0.14, 0.72)
SLOT = (0.12, 0.76)  # top edge and height of a walk's box, of its slot
MOST_SLOTS = 8  # of a day with more walks than this, so many are drawn
WALK_PX = 18  # height of a slot
PLOT = 120


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


@dataclass(frozen=True, slots=True)
class Stillness:
    """Days as paths of boxes, a unit a day wide, PLOT high: within the limit, beyond it, known in part, not worn, unknown.

    nudge: the line of the limit
    """

    n_days: int
    within: str
    beyond: str
    partial: str
    not_worn: tuple[Box, ...]
    unknown: tuple[Box, ...]
    nudge: str
    grid: tuple[Level, ...]
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
        headline=_walks_headline(items),
        alt=f"Credited walks a day against the walks prescribed. {_walks_headline(items)}",
    )


def build_stillness(days: Sequence[Day]) -> Stillness:
    items = [verdict.item("stillness") if verdict else None for _, verdict in days]
    nudges = [item.target or 0.0 if item else 0.0 for item in items]
    lengths = [summary.longest_stationary_min if summary.worn_waking_min else None for summary, _ in days]
    top = nice_top(max([length or 0 for length in lengths] + nudges + [60]))
    within: list[int] = []
    beyond: list[int] = []
    partial: list[int] = []
    for day, ((summary, _), item) in enumerate(zip(days, items, strict=True)):
        if lengths[day] is None:
            continue
        exceeded = item is not None and item.status is Status.EXCEEDED
        (beyond if exceeded else within if summary.conclusive else partial).append(day)
    not_worn = [day for day, (summary, _) in enumerate(days) if tell_known(summary) is Known.NOT_WORN]
    unknown = [day for day, length in enumerate(lengths) if length is None and day not in not_worn]
    heights = [max(PLOT * (length or 0) / top, 0.8) for length in lengths]
    return Stillness(
        n_days=len(days),
        within=_trace_bars(within, heights),
        beyond=_trace_bars(beyond, heights),
        partial=_trace_bars(partial, heights),
        not_worn=place_days(not_worn, len(days), PLOT),
        unknown=place_days(unknown, len(days), PLOT),
        nudge=_trace_targets(nudges, top, PLOT),
        grid=tuple(Level(PLOT * (1 - part / 4), f"{top * part / 4:g}") for part in range(1, 5)),
        marks=mark_days([summary.day for summary, _ in days]),
        phases=find_phases([verdict for _, verdict in days]),
        headline=_still_headline(items),
        alt=f"Longest stillness a day, in minutes, against the prescribed limit. {_still_headline(items)}",
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


def _trace_bars(days: list[int], heights: list[float]) -> str:
    drawn = np.array([heights[day] for day in days])
    return trace_boxes(np.array(days) + BAR[0], BAR[1], PLOT - drawn, drawn)


def _trace_targets(targets: Sequence[float], top: float, height: float) -> str:
    """Return a line at each day's target, joined where the next day's is the same; none where it is 0."""
    pieces, last = [], 0.0
    for day, target in enumerate(targets):
        if target != last and target:
            pieces.append(f"M{day} {height * (1 - min(target, top) / top):.5g}")
        if target:
            pieces.append(f"H{day + 1}")
        last = target
    return "".join(pieces)


def _asked(item: Item | None) -> int:
    return int(item.target or 0) if item else 0


def _done(item: Item | None) -> int:
    return int(item.done or 0) if item else 0


def _walks_headline(items: Sequence[Item | None]) -> str:
    told = [item for item in items if item is not None and item.status is not Status.OFF]
    if not told:
        return "No walks were prescribed in this time."
    met = sum(item.status is Status.MET for item in told)
    missed = sum(item.status is Status.MISSED for item in told)
    left = len(told) - met - missed
    judged = f"All walks were done on {met} of {several(met + missed, 'day')} that can be judged"
    shares = [min(_done(item) / _asked(item), 1) for item in told if item.status is not Status.UNKNOWN]
    mean = f", {percent(sum(shares) / len(shares))} of the walks in all" if shares else ""
    return f"{judged}{mean}; {several(left, 'day')} stay open." if left else f"{judged}{mean}."


def _still_headline(items: Sequence[Item | None]) -> str:
    told = [item for item in items if item is not None and item.status is not Status.OFF]
    if not told:
        return "No limit on stillness was prescribed in this time."
    kept = sum(item.status is Status.MET for item in told)
    beyond = sum(item.status is Status.EXCEEDED for item in told)
    left = len(told) - kept - beyond
    said = f"Within the limit on {kept} of {several(kept + beyond, 'day')} that can be judged"
    return f"{said}; {several(left, 'day')} stay open." if left else f"{said}."
