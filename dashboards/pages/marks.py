"""How a state and a status look: a name, words, and a shape of its own, so that nothing rests on colour alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rules.day import DaySummary
from rules.minutes import State, WearSource
from rules.runs import find_runs
from rules.verdict import Status

BAND = 40  # the height of a day strip, in which every state has its own


@dataclass(frozen=True, slots=True)
class Look:
    """A state on the page. height: of BAND; None: a pattern over all of it, for there is no activity to show."""

    state: State
    key: str
    words: str
    meaning: str
    height: int | None


LOOKS = (
    Look(State.WALKING, "walking", "Walking", "at walking pace", BAND),
    Look(State.MOVING, "moving", "Moving", "some steps, slower than a walk", 25),
    Look(State.STILL, "still", "Still", "worn and awake, hardly a step", 13),
    Look(State.ASLEEP, "asleep", "Night", "asleep or outside the waking hours; not judged", 5),
    Look(State.NOT_WORN, "notworn", "Not worn", "the device was off the body", None),
    Look(State.UNKNOWN, "unknown", "Unknown", "no data, or nobody can tell whether it was worn", None),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status on the page: the symbol's name and the word beside it."""

    key: str
    word: str


STATUSES: Mapping[Status, Verdict] = MappingProxyType(
    {
        Status.MET: Verdict("met", "met"),
        Status.MISSED: Verdict("missed", "not met"),
        Status.EXCEEDED: Verdict("exceeded", "exceeded"),
        Status.UNKNOWN: Verdict("open", "unknown"),
        Status.OFF: Verdict("off", "not prescribed"),
    }
)

WEAR_SOURCES: Mapping[WearSource, str] = MappingProxyType(
    {
        WearSource.DEVICE: "device",
        WearSource.HEART_RATE: "heart rate",
        WearSource.COUNTS: "counts",
        WearSource.STEPS_INFERRED: "steps only",
        WearSource.NONE: "none",
    }
)


class Known(StrEnum):
    """How well a day is known, in the words of the page."""

    WHOLE = "whole"
    PARTIAL = "partial"
    NOT_WORN = "not worn"
    UNKNOWN = "unknown"


def tell_known(summary: DaySummary) -> Known:
    """Return how well the day is known. A device that nobody wore counts no steps: such a day has no 0 to show."""
    if summary.has_data and summary.worn_min:
        return Known.WHOLE if summary.conclusive else Known.PARTIAL
    return Known.NOT_WORN if summary.not_worn_min > summary.unknown_min else Known.UNKNOWN


def worn_steps(summary: DaySummary) -> int | None:
    """Return the steps of the day; None if no minute of it was worn."""
    return summary.steps if summary.worn_min else None


class Box(NamedTuple):
    """A place for a pattern: x and width in percent of a drawing, y and height in pixels."""

    x: float
    y: float
    width: float
    height: float


def place_boxes(mask: npt.NDArray[np.bool_], y: float, height: float) -> tuple[Box, ...]:
    """Return the runs of true as places for a pattern; `mask` is as wide as the drawing."""
    runs = find_runs(mask)
    unit = 100 / mask.size
    return tuple(Box(start * unit, y, length * unit, height) for start, length in zip(runs.start, runs.length, strict=True))


def trace_runs(mask: npt.NDArray[np.bool_], top: int, height: int) -> str:
    """Return the runs of true as one SVG path of boxes, x in minutes (or days): lossless, a few bytes a run."""
    runs = find_runs(mask)
    return trace_boxes(runs.start, runs.length, top, height)


def trace_boxes(left: npt.ArrayLike, width: npt.ArrayLike, top: npt.ArrayLike, height: npt.ArrayLike) -> str:
    """Return boxes as one SVG path; (k,) each, or one number for all."""
    boxes = zip(*(column.tolist() for column in np.broadcast_arrays(left, width, top, height)), strict=True)
    return "".join(f"M{x:.7g} {y:.7g}h{w:.7g}v{h:.7g}h{-w:.7g}z" for x, w, y, h in boxes if w > 0)
