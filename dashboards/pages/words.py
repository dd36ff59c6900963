"""Numbers and dates in plain words, the same on every machine: no locale, no clock."""

from datetime import date

from rules.words_en import ENGLISH

UNKNOWN = "unknown"
WEEKDAYS, MONTHS = ENGLISH.weekdays, ENGLISH.months


def long_date(day: date) -> str:
    """Return "Sunday 14 June 2026"."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """Return "Sun 14 Jun"."""
    return f"{WEEKDAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]}"


def day_and_month(day: date) -> str:
    """Return "14 Jun"."""
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def span(first: date, last: date) -> str:
    """Return "17 Mar to 14 Jun 2026", with both years where they differ; "14 Jun 2026" for a single day."""
    if first == last:
        return f"{day_and_month(last)} {last.year}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{day_and_month(first)}{year} to {day_and_month(last)} {last.year}"


def duration(minutes: float | None) -> str:
    """Return "1 h 14 min", "52 min", or "unknown"."""
    if minutes is None:
        return UNKNOWN
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"


def clock(minutes: int | None) -> str:
    """Return "1:14" for a table of durations, or "?"."""
    return "?" if minutes is None else f"{minutes // 60}:{minutes % 60:02}"


def count(value: float | None) -> str:
    """Return "2,345", with a decimal only where there is one, or "unknown"."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def percent(share: float | None) -> str:
    """Return "75 %"; 100 % only for all of it, 0 % only for nothing."""
    if share is None:
        return UNKNOWN
    whole = round(share * 100)
    return f"{whole if share in (0, 1) else min(max(whole, 1), 99) if 0 < share < 1 else whole} %"


def several(number: int, one: str, many: str = "") -> str:
    """Return "1 day", "3 days"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: list[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def css_text(text: str) -> str:
    """Return `text` for the quotes of a CSS string: whatever is no letter or digit of ASCII is written as its code."""
    return "".join(sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):x} " for sign in text)
