"""The words of a family of pages as one table; another language is another table with the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from devices.recording import DAY_MS, MINUTE_MS

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Words:
    """One language of one family of pages.

    text:    by key; {name} stands for a value. A key that counts has two forms: `key_one` and `key_many`, with {n}
    months:  January first; weekdays: Monday first
    thousands: what stands between thousands and hundreds
    date_form: with {weekday}, {day}, {month}
    """

    code: str
    name: str
    text: Mapping[str, str]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    date_form: str
    thousands: str

    def __call__(self, key: str, **values: object) -> str:
        """Return the text. Raises: KeyError for a key or a value that is missing"""
        return self.text[key].format(**values)

    def many(self, key: str, n: int, **values: object) -> str:
        """Return the form of the text for that number."""
        return self(f"{key}_{'one' if n == 1 else 'many'}", n=self.number(n), **values)

    def number(self, n: int) -> str:
        """Return "1,964" as the language writes it."""
        return f"{n:,}".replace(",", self.thousands)

    def day(self, day: date) -> str:
        return self.date_form.format(weekday=self.weekdays[day.weekday()], day=day.day, month=self.months[day.month - 1])

    def length(self, length_ms: int) -> str:
        """Return "25 min", "3 hours" or "4 days": as exactly as anybody cares."""
        if length_ms < HOUR_MS:
            return f"{length_ms // MINUTE_MS} min"
        if length_ms < 2 * DAY_MS:
            return self.many("hours", length_ms // HOUR_MS)
        return self.many("days", length_ms // DAY_MS)

    def when(self, at_ms: int, now_ms: int, zone: ZoneInfo) -> str:
        """Return "today, 14:05", "yesterday, 14:05" or "Thursday 5 March, 14:05", on the clock of `zone`."""
        time = f"{datetime.fromtimestamp(at_ms / 1000, zone):%H:%M}"
        return self("day_and_time", day=self.which_day(at_ms, now_ms, zone), time=time)

    def which_day(self, at_ms: int, now_ms: int, zone: ZoneInfo) -> str:
        """Return "today", "yesterday" or "Thursday 5 March", on the clock of `zone`."""
        at, now = (datetime.fromtimestamp(one / 1000, zone).date() for one in (at_ms, now_ms))
        return {0: self("today"), 1: self("yesterday")}.get((now - at).days) or self.day(at)
