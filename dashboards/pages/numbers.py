"""The same numbers as text: a row a day, so that nothing can only be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.pages.marks import STATUSES, WEAR_SOURCES, Verdict, tell_known, worn_steps
from dashboards.pages.words import clock, percent, short_date
from rules.day import DaySummary
from rules.minutes import State
from rules.verdict import DayVerdict, Item, Status

UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day of the table; durations as h:mm, "?" where unknown, "–" where nothing was asked."""

    day: date
    name: str
    since: str
    known: str
    steps: str
    walks: str
    walks_status: Verdict | None
    longest_still: str
    still_status: Verdict | None
    still: str
    moving: str
    walking: str
    night: str
    not_worn: str
    unknown: str
    coverage: str
    wear: str


def build_rows(days: Sequence[tuple[DaySummary, DayVerdict | None]]) -> list[DayRow]:
    return [_build_row(summary, verdict) for summary, verdict in days]


def _build_row(summary: DaySummary, verdict: DayVerdict | None) -> DayRow:
    walks = verdict.item("walks") if verdict else None
    still = verdict.item("stillness") if verdict else None
    steps = worn_steps(summary)
    return DayRow(
        day=summary.day,
        name=short_date(summary.day),
        since="" if verdict is None else f"{verdict.days_since_surgery}".replace("-", "−"),
        known=tell_known(summary),
        steps=UNKNOWN if steps is None else f"{steps:,}",
        walks=_count_walks(walks, known=steps is not None),
        walks_status=_judged(walks),
        longest_still=clock(summary.longest_stationary_min if summary.worn_waking_min else None),
        still_status=_judged(still),
        still=_minutes(summary, State.STILL),
        moving=_minutes(summary, State.MOVING),
        walking=_minutes(summary, State.WALKING),
        night=clock(summary.asleep_min),
        not_worn=clock(summary.not_worn_min),
        unknown=clock(summary.unknown_min),
        coverage=percent(summary.coverage),
        wear=WEAR_SOURCES[summary.wear_source],
    )


def _count_walks(walks: Item | None, *, known: bool) -> str:
    if walks is None or walks.target is None:
        return "–"
    return f"{walks.done:g}/{walks.target:g}" if known and walks.done is not None else f"{UNKNOWN}/{walks.target:g}"


def _judged(item: Item | None) -> Verdict | None:
    return None if item is None or item.status is Status.OFF else STATUSES[item.status]


def _minutes(summary: DaySummary, state: State) -> str:
    """Return the minutes that the strip shows in this state; "?" on a day without a worn minute, where a 0 would be a lie."""
    return clock(int((summary.states == state).sum())) if summary.worn_min else UNKNOWN
