"""Findings to alert on, and the clocks of a zone."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rules.finding import Evidence, Finding, Priority, Truth
from rules.minutes import WearSource

MIN = 60_000
HOUR = 60 * MIN
DAY = 24 * HOUR
START = 1_772_000_000_000 // DAY * DAY  # a midnight, UTC

# One sign a judgement: true; true and grave; true and for the next in the chain too; false and clear; false but not clear;
# unknown; off.
SIGNS = {
    "T": (Truth.TRUE, Priority.NORMAL, True),
    "H": (Truth.TRUE, Priority.HIGH, True),
    "E": (Truth.TRUE, Priority.NORMAL, True),
    "C": (Truth.FALSE, Priority.NORMAL, True),
    "L": (Truth.FALSE, Priority.NORMAL, False),
    "U": (Truth.UNKNOWN, Priority.NORMAL, True),
    "O": (Truth.OFF, Priority.NORMAL, True),
}


def found(rule: str, sign: str, at_ms: int, *, reason: str = "because", version: int = 3) -> Finding:
    truth, priority, clears = SIGNS[sign]
    evidence = Evidence(at_ms - HOUR, at_ms, 0.9, WearSource.HEART_RATE, ((at_ms - HOUR, at_ms),), {"steps": 7}, {"share": 0.5})
    return Finding(rule, truth, at_ms, version, reason, evidence, priority, clears, escalates=sign == "E")


def utc(_: int) -> int:
    return 0


def offset_of(zone: str) -> Callable[[int], int]:
    def offset_at(at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
        assert offset is not None
        return round(offset.total_seconds()) * 1000

    return offset_at


def wall_ms(zone: str, *when: int, fold: int = 0) -> int:
    """The instant at which a zone's clocks show year, month, day, hour, minute."""
    year, month, day, hour, minute = when
    return round(datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)
