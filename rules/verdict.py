"""The day judged: what was done against what was prescribed."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Status(StrEnum):
    MET = "met"
    MISSED = "missed"
    EXCEEDED = "exceeded"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the prescription, judged.

    name:   walks | stillness | walk_length | cadence | hourly | floor
    done, target: in `unit`; None where there is nothing to say
    reason: why this status, in plain words
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

    version:  of the prescription, as it was judged by
    phase:    P1..P4; None before the surgery
    items:    always the same six, in the same order
    adherence: credited walks / prescribed, at most 1; None where unknown minutes leave it open
    """

    day: date
    version: int
    phase: str | None
    days_since_surgery: int | None
    items: tuple[Item, ...]
    adherence: float | None

    def item(self, name: str) -> Item:
        return next(item for item in self.items if item.name == name)
