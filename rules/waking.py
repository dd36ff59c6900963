"""Which minutes of the day were waking: by the sleep record, else the prescription, else the quiet of the night."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from rules.minutes import DAY_MINUTES, NA, DayMinutes, Mask, Minutes, WakingSource
from rules.runs import add_up, fill_short_gaps, find_runs
from rules.thresholds import Thresholds

NIGHT_FROM = 18 * 60  # a night is looked for between 18:00 and the next noon
NIGHT_TO = 12 * 60
SHORTEST_WINDOW_MIN = 240


class WakingWindow(BaseModel):
    """The waking hours as prescribed, wall-clock minutes of the day; `end` may lie past midnight (14:00-02:00).

    Written as text, "07:00-22:00", and read from it.
    Raises: pydantic.ValidationError for a text of another form, or a window of under 4 hours
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(default=7 * 60, ge=0, lt=DAY_MINUTES)
    end: int = Field(default=22 * 60, gt=0, le=DAY_MINUTES)

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)-(?:([01]?\d|2[0-3]):([0-5]\d)|24:00)", given.strip())
        if found is None:
            raise ValueError(f"a waking window looks like 07:00-22:00, found {given!r}")
        start_h, start_m, end_h, end_m = found.groups()
        end = DAY_MINUTES if end_h is None else int(end_h) * 60 + int(end_m)
        return {"start": int(start_h) * 60 + int(start_m), "end": end or DAY_MINUTES}

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        length = (self.end - self.start) % DAY_MINUTES or DAY_MINUTES
        if length < SHORTEST_WINDOW_MIN:
            raise ValueError(f"a waking window lasts 4 hours or more, found {self}")
        return self

    @model_serializer
    def _write_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"

    def covers(self, local_minute: Minutes) -> Mask:
        """Return which wall-clock minutes lie in the window, (n,) bool."""
        after, before = local_minute >= self.start, local_minute < self.end
        return after & before if self.start < self.end else after | before


DEFAULT_WINDOW = WakingWindow()


@dataclass(frozen=True, slots=True, eq=False)
class Waking:
    source: WakingSource
    mask: Mask


def decide_waking(
    minutes: DayMinutes,
    window: WakingWindow | None,
    limits: Thresholds,
    before: DayMinutes | None = None,
    after: DayMinutes | None = None,
) -> Waking:
    """Return the waking minutes of the day, (n,) bool, and who says so.

    The sleep record decides where it holds a night (`rest_shortest_min` or more asleep); a shorter one, a nap, is taken out
    of the prescribed window. Awakenings of at most `rest_break_min` stay asleep.
    window:        the prescribed window; None: infer the nights from the steps, with the default where there is none to find
    before, after: the neighbouring days, for inference only: a night is cut in two by midnight
    """
    if minutes.has_sleep_record:
        asleep = fill_short_gaps(minutes.asleep, limits.rest_break_min)
        if np.count_nonzero(asleep) >= limits.rest_shortest_min:
            return Waking(WakingSource.SLEEP_RECORD, ~asleep)
    waking = _infer(minutes, limits, before, after) if window is None else None
    if waking is None:
        waking = Waking(WakingSource.PRESCRIPTION, (window or DEFAULT_WINDOW).covers(minutes.local_minute))
    if not minutes.has_sleep_record:
        return waking
    return Waking(waking.source, waking.mask & ~asleep)


def _infer(minutes: DayMinutes, limits: Thresholds, before: DayMinutes | None, after: DayMinutes | None) -> Waking | None:
    """Return the day without the nights at its ends; the default window stands at an end without one; None if none is found."""
    morning = int(np.count_nonzero(minutes.local_minute < NIGHT_TO))
    evening = len(minutes) - int(np.count_nonzero(minutes.local_minute >= NIGHT_FROM))
    last_evening = before.steps[before.local_minute >= NIGHT_FROM] if before is not None else minutes.steps[:0]
    next_morning = after.steps[after.local_minute < NIGHT_TO] if after is not None else minutes.steps[:0]
    night = find_rest(np.concatenate((last_evening, minutes.steps[:morning])), limits)
    coming = find_rest(np.concatenate((minutes.steps[evening:], next_morning)), limits)
    if night is None and coming is None:
        return None
    mask = DEFAULT_WINDOW.covers(minutes.local_minute)
    if night is not None:
        mask[:morning] = True
        mask[max(night[0] - last_evening.size, 0) : max(night[1] - last_evening.size, 0)] = False
    if coming is not None:
        mask[evening:] = True
        mask[evening + coming[0] : evening + coming[1]] = False
    return Waking(WakingSource.INFERRED, mask)


def find_rest(steps: npt.NDArray[np.int16], limits: Thresholds) -> tuple[int, int] | None:
    """Return the [start, end) of the night in `steps`, or None.

    The longest stretch without a window of `rest_window_min` minutes that holds `rest_steps` or more; interruptions of at
    most `rest_break_min` are bridged, and its ends run on to the nearest step. None if that is shorter than
    `rest_shortest_min` or longer than `rest_longest_min`. Unknown minutes interrupt it as steps do.
    steps: (n,) int16, one evening and the morning after it
    """
    window = limits.rest_window_min
    if steps.size < max(window, limits.rest_shortest_min):
        return None
    totals = add_up(np.maximum(steps, 0))
    busy = totals[window:] - totals[:-window] >= limits.rest_steps
    covered = np.zeros(steps.size + 1, np.int64)
    covered[: busy.size] += busy
    covered[window:] -= busy
    rests = find_runs(fill_short_gaps((np.cumsum(covered[:-1]) == 0) & (steps != NA), limits.rest_break_min))
    if not len(rests):
        return None
    longest = int(np.argmax(rests.length))
    start, end = int(rests.start[longest]), int(rests.end[longest])
    # Each busy minute blocks the quiet ones within a window of it: give those back, up to the step itself.
    quiet = steps == 0
    while start > 0 and quiet[start - 1]:
        start -= 1
    while end < steps.size and quiet[end]:
        end += 1
    return (start, end) if limits.rest_shortest_min <= end - start <= limits.rest_longest_min else None
