"""Today so far, in words: a day that is not over shows what was done, never that something was not."""

from enum import StrEnum

from dashboards.pages.language import Words
from devices.recording import MINUTE_MS
from rules.day import DaySummary
from rules.verdict import DayVerdict, Item

# Data this near to now are as good as now: a wearable hands over by the quarter of an hour.
FRESH_MS = 20 * MINUTE_MS


class Slot(StrEnum):
    """One prescribed walk of today."""

    DONE = "done"
    OPEN = "open"
    UNKNOWN = "unknown"


Slots = tuple[tuple[Slot, str], ...]


def is_fresh(known_ms: int | None, at_ms: int) -> bool:
    """Return whether the data reach up to now. known_ms: the end of the last known minute."""
    return known_ms is not None and at_ms - known_ms <= FRESH_MS


def tell_walks(day: DaySummary | None, verdict: DayVerdict | None, words: Words, *, fresh: bool) -> str:
    """Return the walks of today: "1 of 3 walks so far"; that they are unknown where they are."""
    if day is None or not day.worn_min:
        return words("walks_unknown")
    if day.walking is None:
        return words("walks_coarse")
    item = _walks(verdict)
    if item is None or item.done is None or item.target is None:
        return words.many("walks_seen", len(day.walking))
    key = "walks_all" if item.done >= item.target else "walks_so_far" if fresh else "walks_until"
    return words(key, done=f"{item.done:g}", target=f"{item.target:g}")


def build_slots(day: DaySummary | None, verdict: DayVerdict | None, words: Words, *, fresh: bool) -> Slots:
    """Return one slot for each prescribed walk, with its word; none where none is prescribed."""
    item = _walks(verdict)
    if item is None or item.target is None:
        return ()
    seen = day is not None and day.worn_min > 0 and item.done is not None
    done = int(item.done or 0) if seen else 0
    rest = Slot.OPEN if seen and fresh else Slot.UNKNOWN
    slots = [Slot.DONE if number < done else rest for number in range(max(int(item.target), done))]
    return tuple((slot, words(f"slot_{slot.value}")) for slot in slots)


def tell_since(verdict: DayVerdict, words: Words) -> str:
    """Return "Day 12 after the operation", or how long before it."""
    since = verdict.days_since_surgery
    return words("day_after", n=since) if since >= 0 else words.many("day_before", -since)


def _walks(verdict: DayVerdict | None) -> Item | None:
    return verdict.item("walks") if verdict else None
