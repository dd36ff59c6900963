"""One day as a strip: every minute in its state, in its place along the day, and the hours of the clock beneath it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from dashboards.pages.marks import BAND, LOOKS, STATUSES, Box, Look, Verdict, place_boxes, trace_boxes, trace_runs
from dashboards.pages.words import duration, listed, long_date, several, short_date
from devices.recording import MINUTE_MS
from rules.bouts import Bouts
from rules.day import DaySummary
from rules.minutes import DAY_MINUTES, State
from rules.verdict import DayVerdict, Status

LABEL_EVERY_H = 3
STRIP_TOP = 12  # above it the marks of credited walks


@dataclass(frozen=True, slots=True)
class Layer:
    """The minutes of one state: boxes as a path, x in minutes since the local day began, BAND high, or places of its pattern."""

    look: Look
    minutes: int
    path: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """An hour of the clock. at: percent of the strip; label: empty between the labelled hours; wide: shown on a phone too."""

    at: float
    label: str
    wide: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """share: of the longest day's width, in percent. credited: the middles of credited walks, in percent of the strip.

    too_long: a path like a layer's, of height 1: stationary bouts of the prescribed nudge or longer
    own_axis: the hours are written under this very strip, for they stand elsewhere than on other days
    """

    day: date
    name: str
    since: str
    length: str
    n_min: int
    share: float
    layers: tuple[Layer, ...]
    ticks: tuple[Tick, ...]
    credited: tuple[float, ...]
    too_long: str
    own_axis: bool
    walks: Verdict | None
    walks_text: str
    still: Verdict | None
    still_text: str
    unknown_text: str
    alt: str


def build_strips(days: Sequence[tuple[DaySummary, DayVerdict | None]], at_ms: int | None = None) -> list[Strip]:
    """Return the strips of the days, all on one scale: a day of 25 hours is longer than one of 24.

    at_ms: now, where the last day is not over; what is to come of it is empty, for it is not unknown
    """
    longest = max((summary.n_min for summary, _ in days), default=DAY_MINUTES)
    return [build_strip(summary, verdict, longest, at_ms) for summary, verdict in days]


def build_strip(summary: DaySummary, verdict: DayVerdict | None, longest: int, at_ms: int | None = None) -> Strip:
    over = summary.n_min if at_ms is None else (at_ms - summary.start_ms) // MINUTE_MS
    lived = np.arange(summary.n_min) < over
    layers = tuple(_build_layer(look, lived & (summary.states == look.state)) for look in LOOKS)
    unknown_min = next(layer.minutes for layer in layers if layer.look.state is State.UNKNOWN)
    walks = verdict.item("walks") if verdict else None
    still = verdict.item("stillness") if verdict else None
    nudge = still.target if still else None
    credited = find_credited(summary, verdict)
    return Strip(
        day=summary.day,
        name=short_date(summary.day),
        since=_since(verdict),
        length="" if summary.n_min == DAY_MINUTES else f"{summary.n_min / 60:.4g}-hour day",
        n_min=summary.n_min,
        share=100 * summary.n_min / longest,
        layers=layers,
        ticks=build_ticks(summary),
        credited=tuple(round(50 * (bout.start + bout.end) / summary.n_min, 3) for bout in credited or ()),
        too_long=_trace_too_long(summary, nudge),
        own_axis=summary.n_min != DAY_MINUTES,
        walks=STATUSES[walks.status] if walks else None,
        walks_text=_walks_text(summary, verdict),
        still=STATUSES[still.status] if still else None,
        still_text=_still_text(summary),
        unknown_text=f"{duration(unknown_min)} unknown" if unknown_min else "",
        alt=_alt(summary, layers),
    )


def _build_layer(look: Look, mask: npt.NDArray[np.bool_]) -> Layer:
    minutes = int(np.count_nonzero(mask))
    if look.height is None:
        return Layer(look, minutes, "", place_boxes(mask, STRIP_TOP, BAND))
    return Layer(look, minutes, trace_runs(mask, BAND - look.height, look.height), ())


def find_credited(summary: DaySummary, verdict: DayVerdict | None) -> Bouts | None:
    """Return the walks that the verdict credits: they are of the prescribed length, so they are its longest ones."""
    credited = int(verdict.item("walks").done or 0) if verdict else 0
    if summary.walking is None or not credited:
        return None
    return summary.walking.at_least(int(np.sort(summary.walking.length)[-credited]))


def build_ticks(summary: DaySummary) -> tuple[Tick, ...]:
    """Return a tick for each hour that begins in this day, and one for its end."""
    starts, shown = summary.hours.start.tolist(), summary.hours.hour.tolist()
    ticks = [
        Tick(round(100 * start / summary.n_min, 3), "" if hour % LABEL_EVERY_H else f"{hour:02}", hour % 6 == 0)
        for start, hour in zip(starts, shown, strict=True)
    ]
    return (*ticks, Tick(100, "24", wide=True))


def _since(verdict: DayVerdict | None) -> str:
    if verdict is None:
        return ""
    if verdict.days_since_surgery < 0:
        return f"{several(-verdict.days_since_surgery, 'day')} before"
    return " · ".join([f"day {verdict.days_since_surgery}", *([verdict.phase] if verdict.phase else [])])


def _trace_too_long(summary: DaySummary, nudge_min: float | None) -> str:
    if summary.stationary is None or nudge_min is None:
        return ""
    bouts = summary.stationary.where(summary.stationary.length >= nudge_min)
    return trace_boxes(bouts.start, bouts.length, 0, 1)


def _walks_text(summary: DaySummary, verdict: DayVerdict | None) -> str:
    walks = verdict.item("walks") if verdict else None
    if walks is None or walks.target is None:
        return "" if summary.walking is None or not summary.worn_min else several(len(summary.walking), "walk")
    if walks.done is None or not summary.worn_min:
        return "walks unknown"
    seen = " seen" if walks.status is Status.UNKNOWN else ""
    return f"{walks.done:g} of {walks.target:g} walks{seen}"


def _still_text(summary: DaySummary) -> str:
    if summary.longest_stationary_min is None or not summary.worn_waking_min:
        return "stillness unknown"
    longest = duration(summary.longest_stationary_min)
    return f"longest still {longest}" if summary.conclusive else f"still at least {longest}"


def _alt(summary: DaySummary, layers: tuple[Layer, ...]) -> str:
    if summary.unknown_min == summary.n_min:
        return f"{long_date(summary.day)}: nothing is known of this day."
    parts = [f"{layer.look.words.lower()} {duration(layer.minutes)}" for layer in layers if layer.minutes]
    return f"{long_date(summary.day)}: {listed(parts)}."
