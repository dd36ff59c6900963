"""The longest stillness of each day against the prescribed limit, a column a day."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.pages.axis import Level, Mark, Phases, find_phases, mark_days, nice_top, place_days, trace_bars
from dashboards.pages.marks import Box, Known, tell_known
from dashboards.pages.words import several
from rules.day import DaySummary
from rules.verdict import DayVerdict, Item, Status

PLOT = 120


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
    heights = [PLOT * (length or 0) / top for length in lengths]
    return Stillness(
        n_days=len(days),
        within=trace_bars(within, heights, PLOT),
        beyond=trace_bars(beyond, heights, PLOT),
        partial=trace_bars(partial, heights, PLOT),
        not_worn=place_days(not_worn, len(days), PLOT),
        unknown=place_days(unknown, len(days), PLOT),
        nudge=_trace_limits(nudges, top),
        grid=tuple(Level(PLOT * (1 - part / 4), f"{top * part / 4:g}") for part in range(1, 5)),
        marks=mark_days([summary.day for summary, _ in days]),
        phases=find_phases([verdict for _, verdict in days]),
        headline=_headline(items),
        alt=f"Longest stillness a day, in minutes, against the prescribed limit. {_headline(items)}",
    )


def _trace_limits(limits: Sequence[float], top: float) -> str:
    """Return a line at each day's limit, joined where the next day's is the same; none where it is 0."""
    pieces, last = [], 0.0
    for day, limit in enumerate(limits):
        if limit != last and limit:
            pieces.append(f"M{day} {PLOT * (1 - limit / top):.5g}")
        if limit:
            pieces.append(f"H{day + 1}")
        last = limit
    return "".join(pieces)


def _headline(items: Sequence[Item | None]) -> str:
    told = [item for item in items if item is not None and item.status is not Status.OFF]
    if not told:
        return "No limit on stillness was prescribed in this time."
    kept = sum(item.status is Status.MET for item in told)
    beyond = sum(item.status is Status.EXCEEDED for item in told)
    left = len(told) - kept - beyond
    if kept + beyond == 0:
        return f"No day is known well enough to judge; {several(left, 'day')} left open."
    said = f"Within the limit on {kept} of {several(kept + beyond, 'day')} that can be judged"
    return f"{said}; {several(left, 'day')} left open." if left else f"{said}."
