"""The last seven days beside the seven before: whole days only, and how many there were."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from dashboards.pages.marks import Known, tell_known
from dashboards.pages.words import count, duration, percent, span
from rules.day import DaySummary
from rules.verdict import DayVerdict, Status

WEEK = 7

Day = tuple[DaySummary, DayVerdict | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """heads: the two weeks. rows: (what, this week, the week before)."""

    heads: tuple[str, str]
    rows: tuple[tuple[str, str, str], ...]


def build_comparison(days: Sequence[Day]) -> Comparison | None:
    """Return the two weeks side by side; None if there are not two."""
    if len(days) < 2 * WEEK:
        return None
    this, before = days[-WEEK:], days[-2 * WEEK : -WEEK]
    heads = tuple(span(week[0][0].day, week[-1][0].day) for week in (this, before))
    return Comparison((heads[0], heads[1]), tuple((title, tell(this), tell(before)) for title, tell in _ROWS))


def _whole(days: Sequence[Day]) -> list[DaySummary]:
    return [summary for summary, _ in days if summary.conclusive]


def _tell_known(days: Sequence[Day]) -> str:
    known = [tell_known(summary) for summary, _ in days]
    return ", ".join(f"{known.count(kind)} {kind}" for kind in Known if kind in known)


def _tell_steps(days: Sequence[Day]) -> str:
    steps = [summary.steps for summary in _whole(days) if summary.steps is not None]
    return count(round(median(steps))) if steps else "unknown"


def _tell_walks(days: Sequence[Day]) -> str:
    return _tell_status(days, "walks", Status.MISSED)


def _tell_still(days: Sequence[Day]) -> str:
    return _tell_status(days, "stillness", Status.EXCEEDED)


def _tell_longest(days: Sequence[Day]) -> str:
    longest = [day.longest_stationary_min for day in _whole(days) if day.longest_stationary_min is not None]
    return duration(median(longest)) if longest else "unknown"


def _tell_adherence(days: Sequence[Day]) -> str:
    known = [verdict.adherence for _, verdict in days if verdict and verdict.adherence is not None]
    return percent(sum(known) / len(known)) if known else "unknown"


def _tell_status(days: Sequence[Day], name: str, bad: Status) -> str:
    statuses = [verdict.item(name).status for _, verdict in days if verdict]
    met, judged = statuses.count(Status.MET), statuses.count(Status.MET) + statuses.count(bad)
    return f"{met} of {judged} judged days" if judged else "unknown"


_ROWS: tuple[tuple[str, Callable[[Sequence[Day]], str]], ...] = (
    ("Days known", _tell_known),
    ("Steps a day, median of whole days", _tell_steps),
    ("All walks done", _tell_walks),
    ("Adherence to the walks, mean", _tell_adherence),
    ("Stillness within the limit", _tell_still),
    ("Longest stillness, median of whole days", _tell_longest),
)
