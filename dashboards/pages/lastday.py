"""The last day in plain words: what was done of what was prescribed, and what is unknown and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dashboards.pages.marks import STATUSES, Known, Verdict, tell_known, worn_steps
from dashboards.pages.words import count, duration, long_date, percent, several
from rules.day import DaySummary
from rules.minutes import WearSource
from rules.prescription import Prescription
from rules.thresholds import Thresholds
from rules.verdict import DayVerdict, Item, Status

NOT_TOLD = "walks and still stretches cannot be told"


@dataclass(frozen=True, slots=True)
class Wording:
    """How a line of the prescription is called, and whether its target is a goal or a limit."""

    title: str
    bound: str
    unit: str


WORDINGS: Mapping[str, Wording] = MappingProxyType(
    {
        "walks": Wording("Walks", "at least", "walks"),
        "stillness": Wording("Longest stillness", "less than", "min"),
        "walk_length": Wording("Longest single walk", "about", "min"),
        "cadence": Wording("Longest brisk stretch", "less than", "min"),
        "hourly": Wording("Hours with enough steps", "at least", "share"),
        "floor": Wording("Steps in the day", "at least", "steps"),
    }
)


@dataclass(frozen=True, slots=True)
class Card:
    """One big number. status: None where nothing is prescribed."""

    title: str
    value: str
    beside: str
    status: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the prescription against the day."""

    title: str
    done: str
    target: str
    status: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class LastDay:
    title: str
    since: str
    sentence: str
    cards: tuple[Card, ...]
    lines: tuple[Line, ...]
    unknown: str
    has_data: bool


def build_last_day(summary: DaySummary, verdict: DayVerdict | None, prescription: Prescription | None) -> LastDay:
    shortest = f"of {duration((prescription.thresholds if prescription else Thresholds()).walk_counted_min)} or more"
    return LastDay(
        title=long_date(summary.day),
        since=_since(verdict),
        sentence=_tell(summary, verdict, shortest),
        cards=(
            _walks_card(summary, verdict, shortest),
            _still_card(summary, verdict),
            _steps_card(summary, verdict, prescription),
        ),
        lines=tuple(_line(item) for item in verdict.items) if verdict else (),
        unknown=explain_unknown(summary),
        has_data=summary.has_data,
    )


def explain_unknown(summary: DaySummary) -> str:
    """Return how much of the day is unknown, and why; that all of it is known, if so."""
    if not summary.has_data and not summary.not_worn_min:
        return "Nothing is known of this day: no device has sent data for it. That says nothing about how active it was."
    said = []
    if summary.unknown_min:
        why = "no data came for it"
        if summary.wear_source is WearSource.STEPS_INFERRED:
            why += ", or the steps stayed at zero for so long that nobody can tell whether the device was worn"
        awake = f", {duration(summary.unknown_waking_min)} of it in the waking hours" if summary.unknown_waking_min else ""
        said.append(f"{duration(summary.unknown_min)} of this day are unknown{awake}: {why}.")
    if summary.not_worn_min:
        said.append(f"For {duration(summary.not_worn_min)} the device was not worn.")
    if summary.has_data and not summary.has_cadence:
        so = "the lengths of walks and still stretches are about right" if summary.has_bouts else NOT_TOLD
        said.append(f"The steps came in intervals of up to {duration(summary.resolution_s / 60)}, so {so}.")
    if not summary.unknown_min:
        said.insert(0, "No minute of this day is unknown.")
    return " ".join([*said, *(["Unknown is not counted as still, nor as inactive."] if summary.unknown_min else [])])


def _since(verdict: DayVerdict | None) -> str:
    if verdict is None:
        return "no prescription in force"
    if verdict.days_since_surgery < 0:
        return f"{several(-verdict.days_since_surgery, 'day')} before the surgery"
    phase = [f"phase {verdict.phase}"] if verdict.phase else []
    return ", ".join([f"day {verdict.days_since_surgery} after the surgery", *phase])


def _tell(summary: DaySummary, verdict: DayVerdict | None, shortest: str) -> str:
    """Return the day in a sentence or three; what is only partly known is a least."""
    if not summary.worn_min:
        not_worn = tell_known(summary) is Known.NOT_WORN
        return "Nobody wore the device on this day." if not_worn else "Nothing can be told of this day."
    walks, still = (verdict.item(name) if verdict else None for name in ("walks", "stillness"))
    least = "" if summary.conclusive else "at least "
    said = []
    if walks and walks.done is not None and walks.target is not None:
        how = "done" if walks.status is not Status.UNKNOWN else "seen in what is known of the day"
        said.append(f"{walks.done:g} of {walks.target:g} prescribed walks {how}")
    elif summary.walking is not None:
        said.append(f"{least}{several(len(summary.walking), 'walk')} {shortest}".capitalize())
    if summary.longest_stationary_min is not None and summary.worn_waking_min:
        limit = f"; the limit is {duration(still.target)}" if still and still.target is not None else ""
        said.append(f"Longest still stretch {least}{duration(summary.longest_stationary_min)}{limit}")
    said.append(f"{least}{several(summary.steps or 0, 'step')}".capitalize())
    return ". ".join(said) + "."


def _walks_card(summary: DaySummary, verdict: DayVerdict | None, shortest: str) -> Card:
    item = verdict.item("walks") if verdict else None
    if item is None or item.status is Status.OFF:
        seen = None if summary.walking is None or not summary.worn_min else len(summary.walking)
        beside = "" if seen is None else shortest
        return Card("Walks", count(seen), beside, _status(item), item.reason if item else "")
    done = None if item.done is None or not summary.worn_min else item.done
    return Card("Walks", count(done), f"of {item.target:g} prescribed", _status(item), _why_open(item))


def _still_card(summary: DaySummary, verdict: DayVerdict | None) -> Card:
    item = verdict.item("stillness") if verdict else None
    limit = f"limit {duration(item.target)}" if item and item.target is not None else ""
    longest = summary.longest_stationary_min if summary.worn_waking_min else None
    return Card("Longest stillness", duration(longest), limit, _status(item), _why_open(item))


def _steps_card(summary: DaySummary, verdict: DayVerdict | None, prescription: Prescription | None) -> Card:
    item = verdict.item("floor") if verdict else None
    baseline, steps = prescription.baseline_steps if prescription else None, worn_steps(summary)
    beside = "" if steps is None or baseline is None else f"{percent(steps / baseline)} of own baseline"
    reason = item.reason if item and item.status is Status.OFF else _why_open(item)
    return Card("Steps", count(steps), beside, _status(item), reason)


def _why_open(item: Item | None) -> str:
    return item.reason if item and item.status is Status.UNKNOWN else ""


def _status(item: Item | None) -> Verdict | None:
    return STATUSES[item.status] if item else None


def _line(item: Item) -> Line:
    wording = WORDINGS[item.name]
    target = "–" if item.target is None else f"{wording.bound} {_amount(item.target, wording.unit)}"
    return Line(wording.title, _amount(item.done, wording.unit), target, STATUSES[item.status], item.reason)


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "min":
        return duration(value)
    return percent(value) if unit == "share" else count(value)
