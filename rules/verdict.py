"""The day judged: what was done against what was prescribed.

What is unknown is never held against the patient: a day that is not known well enough can show that something was done
(met), or overdone (exceeded), but never that it was not done (missed).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np

from rules.cadence import find_longest_brisk
from rules.day import DaySummary
from rules.minutes import MINUTE_S
from rules.prescription import Phase, Prescription


class Status(StrEnum):
    MET = "met"
    MISSED = "missed"
    EXCEEDED = "exceeded"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the prescription, judged.

    name:         walks | stillness | walk_length | cadence | hourly | floor
    done, target: in `unit`; None where there is nothing to say
    reason:       why this status, in plain words
    """

    name: str
    status: Status
    done: float | None
    target: float | None
    unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """One day against the prescription of that day.

    version:   of the prescription, as it was judged by
    phase:     P1..P4; None before the surgery
    items:     always the same six, in the same order
    adherence: credited walks / prescribed, at most 1; None where unknown minutes leave it open, or none is prescribed
    """

    day: date
    version: int
    phase: str | None
    days_since_surgery: int
    items: tuple[Item, ...]
    adherence: float | None

    def item(self, name: str) -> Item:
        return next(item for item in self.items if item.name == name)

    def to_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "version": self.version,
            "phase": self.phase,
            "days_since_surgery": self.days_since_surgery,
            "adherence": self.adherence,
            "items": [
                {
                    "name": item.name,
                    "status": item.status.value,
                    "done": item.done,
                    "target": item.target,
                    "unit": item.unit,
                    "reason": item.reason,
                }
                for item in self.items
            ],
        }


def judge_day(summary: DaySummary, prescription: Prescription) -> DayVerdict:
    """Return the day against the phase of `prescription` that it falls into.

    summary: made with any settings of the same waking window: walks and hours are counted anew by this prescription
    """
    since = prescription.days_since_surgery(summary.day)
    phase = prescription.phase_on(summary.day)
    if phase is None:
        items = tuple(Item(name, Status.OFF, None, None, unit, "before the surgery") for name, unit in UNITS.items())
        return DayVerdict(summary.day, prescription.version, None, since, items, None)
    items = tuple(judge(summary, phase, prescription) for judge in JUDGES)
    return DayVerdict(summary.day, prescription.version, phase.name, since, items, _adherence(items[0]))


def _adherence(walks: Item) -> float | None:
    if walks.done is None or not walks.target or walks.status is Status.UNKNOWN:
        return None
    return min(walks.done / walks.target, 1.0)


def _judge_walks(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    asked, length = phase.walks_per_day, phase.credited_walk_min
    if not asked:
        return Item("walks", Status.OFF, None, None, UNITS["walks"], "no walks are prescribed")
    if summary.walking is None:
        return _blind("walks", asked, summary)
    done = len(summary.walking.at_least(length))
    said = f"{_many(done, 'walk', 'walks')} of {length} min or more, {asked} prescribed{_how_fine(summary)}"
    return _at_least("walks", done, asked, said, summary)


def _judge_stillness(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    nudge = phase.stationary_nudge_min
    if summary.stationary is None:
        return _blind("stillness", nudge, summary)
    longest = summary.stationary.longest
    over = len(summary.stationary.at_least(nudge))
    stretches = _many(over, "stretch", "stretches")
    said = f"longest still stretch {longest} min, and {stretches} of {nudge} min or more{_how_fine(summary)}"
    return _at_most("stillness", longest, nudge, over > 0, said, summary)


def _judge_walk_length(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    cap = phase.walk_cap_min
    if cap is None:
        return Item("walk_length", Status.OFF, None, None, UNITS["walk_length"], "no limit on a single walk in this phase")
    if summary.walking is None:
        return _blind("walk_length", cap, summary)
    longest = summary.walking.longest
    too_long = summary.walking.where(summary.walking.length > cap * prescription.thresholds.cap_overrun)
    beyond = int((too_long.length - cap).sum())
    said = f"longest walk {longest} min, limit {cap}"
    if beyond:
        said += f"; {_many(len(too_long), 'walk', 'walks')} went {beyond} min beyond it"
    elif longest > cap:
        said += ", within the tolerance"
    return _at_most("walk_length", longest, cap, beyond > 0, said, summary)


def _judge_cadence(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    cap, run_min = phase.cadence_cap_spm, prescription.thresholds.brisk_run_min
    if cap is None:
        return Item("cadence", Status.OFF, None, None, UNITS["cadence"], "no limit on cadence in this phase")
    longest = find_longest_brisk(summary.cadence, cap) if summary.has_bouts else 0
    if not summary.has_cadence and longest < run_min:
        # The mean of a longer interval can hide a brisk stretch, but not make one up.
        return _blind("cadence", run_min, summary)
    said = f"{longest} min in a row at {cap} steps/min or more; {run_min} are too brisk"
    return _at_most("cadence", longest, run_min, longest >= run_min, said, summary)


def _judge_hourly(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    asked, limits = phase.hourly_steps, prescription.thresholds
    if not asked:
        return Item("hourly", Status.OFF, None, None, UNITS["hourly"], "no steps an hour are prescribed")
    if not summary.has_data or summary.resolution_s > 3600:
        return _blind("hourly", limits.hourly_share, summary)
    hours = summary.hours
    judged = hours.judged >= limits.hourly_worn_min
    reached = int(np.count_nonzero(judged & (hours.steps >= asked)))
    eligible = int(np.count_nonzero(judged))
    said = f"{reached} of {eligible} judged hours with {asked} steps or more"
    if not eligible:
        return Item("hourly", Status.UNKNOWN, None, limits.hourly_share, UNITS["hourly"], f"{said}{_why_open(summary)}")
    # Hours that could not be judged may have gone either way: only what they cannot change is said of a partial day.
    open_hours = int(np.count_nonzero(~judged & (hours.waking >= limits.hourly_worn_min)))
    done = reached / eligible
    least = done if summary.conclusive else reached / (eligible + open_hours)
    if least >= limits.hourly_share:
        return Item("hourly", Status.MET, done, limits.hourly_share, UNITS["hourly"], said)
    status = Status.MISSED if summary.conclusive else Status.UNKNOWN
    more = "" if summary.conclusive else _why_open(summary)
    return Item("hourly", status, done, limits.hourly_share, UNITS["hourly"], f"{said}{more}")


def _judge_floor(summary: DaySummary, phase: Phase, prescription: Prescription) -> Item:
    if prescription.baseline_steps is None:
        reason = "no baseline before the surgery is known, so rules that are shares of it are off"
        return Item("floor", Status.OFF, None, None, UNITS["floor"], reason)
    floor = round(phase.floor_share * prescription.baseline_steps)
    if summary.steps is None:
        return _blind("floor", floor, summary)
    said = f"{summary.steps:,} steps; the floor is {phase.floor_share:.0%} of the baseline of {prescription.baseline_steps:,}"
    return _at_least("floor", summary.steps, floor, said, summary)


Judge = Callable[[DaySummary, Phase, Prescription], Item]

JUDGES: tuple[Judge, ...] = (
    _judge_walks,
    _judge_stillness,
    _judge_walk_length,
    _judge_cadence,
    _judge_hourly,
    _judge_floor,
)

UNITS = {
    "walks": "walks",
    "stillness": "min",
    "walk_length": "min",
    "cadence": "min",
    "hourly": "share of hours",
    "floor": "steps",
}


def _at_least(name: str, done: int, target: int, said: str, summary: DaySummary) -> Item:
    """Return a goal judged: met as soon as it is reached, missed only on a day that is known well enough."""
    if done >= target:
        return Item(name, Status.MET, done, target, UNITS[name], said)
    if summary.conclusive:
        return Item(name, Status.MISSED, done, target, UNITS[name], said)
    return Item(name, Status.UNKNOWN, done, target, UNITS[name], f"{said}{_why_open(summary)}")


def _at_most(name: str, done: int, target: int, exceeded: bool, said: str, summary: DaySummary) -> Item:
    """Return a limit judged: exceeded as soon as it is, kept only on a day that is known well enough."""
    if exceeded:
        return Item(name, Status.EXCEEDED, done, target, UNITS[name], said)
    if summary.conclusive:
        return Item(name, Status.MET, done, target, UNITS[name], said)
    return Item(name, Status.UNKNOWN, done, target, UNITS[name], f"{said}{_why_open(summary)}")


def _blind(name: str, target: float, summary: DaySummary) -> Item:
    """Return an item of which nothing can be said."""
    if summary.has_data:
        reason = f"insufficient resolution: steps come in intervals of {_interval(summary)}"
    else:
        reason = "no data for this day"
    return Item(name, Status.UNKNOWN, None, target, UNITS[name], reason)


def _how_fine(summary: DaySummary) -> str:
    if summary.has_cadence:
        return ""
    return f"; steps came in intervals of up to {_interval(summary)}, so lengths are about right"


def _interval(summary: DaySummary) -> str:
    """Return the day's resolution in whole minutes, never said shorter than it is."""
    return f"{-(-summary.resolution_s // MINUTE_S)} min"


def _why_open(summary: DaySummary) -> str:
    unseen = summary.waking_min - summary.worn_waking_min
    return f"; {unseen} of {summary.waking_min} waking minutes are unknown or not worn, so this is left open"


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
