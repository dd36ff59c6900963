"""Dates and instants as people and programs write them."""

from datetime import UTC, date, datetime

# Before, no wearable recorded; beyond, nobody will.
_YEARS = range(1990, 2100)


def parse_date(text: str) -> date:
    """Raises: ValueError naming the form"""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD") from error
    if day.year not in _YEARS:
        raise ValueError(f"date {text!r}: expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    return day


def parse_instant(text: str) -> int:
    """Return ms since 1970. Raises: ValueError naming the form"""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"time {text!r}: expected RFC 3339, such as 2026-03-29T01:00:00Z") from error
    if at.tzinfo is None:
        raise ValueError(f"time {text!r}: expected an offset from UTC, or Z")
    if at.year not in _YEARS:
        raise ValueError(f"time {text!r}: expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    return round(at.astimezone(UTC).timestamp() * 1000)
