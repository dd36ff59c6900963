"""What the files of a virtual wearer say, derived once more in plain Python: none of our own readers is used here."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import fitparse

FIT_EPOCH = datetime(1989, 12, 31, tzinfo=UTC)


def fit_messages(path: Path) -> list[Any]:
    return list(fitparse.FitFile(str(path), check_crc=True).get_messages())


def fit_time(seconds: int) -> datetime:
    return FIT_EPOCH + timedelta(seconds=seconds)


class Reading:
    """One monitoring record: when, of which kind, the raw count (None: no counter was read), and whether it closes a day."""

    def __init__(self, at: int, kind: int, count: int | None, closes: bool) -> None:
        self.at, self.kind, self.count, self.closes = at, kind, count, closes


def fit_readings(paths: Iterable[Path]) -> list[Reading]:
    """All records of all files, each once, in order of time; the larger count where one comes twice."""
    merged: dict[tuple[int, int, bool], Reading] = {}
    for path in paths:
        at = 0
        for message in fit_messages(path):
            raw = {field.name: field.raw_value for field in message.fields}
            if message.name == "monitoring_info":
                at = raw["timestamp"]
            if message.name != "monitoring":
                continue
            if raw.get("timestamp") is not None:
                at = raw["timestamp"]
            else:
                at += (raw["timestamp_16"] - (at & 0xFFFF)) & 0xFFFF
            if "activity_type" not in raw:
                continue
            reading = Reading(at, raw["activity_type"], raw.get("cycles", raw.get("steps")), raw.get("duration_min") == 1440)
            key = (reading.at, reading.kind, reading.closes)
            if key not in merged or (reading.count or 0) > (merged[key].count or 0):
                merged[key] = reading
    return sorted(merged.values(), key=lambda reading: (reading.at, reading.closes))


def fit_increments(paths: Iterable[Path]) -> list[tuple[int, int, int]]:
    """(after, until, steps) in FIT seconds, of walking and running: the count since the record before, of whatever kind."""
    counts: dict[int, int] = defaultdict(int)
    found = []
    before = 0
    for reading in fit_readings(paths):
        if reading.closes:
            if reading.kind in (1, 6):
                assert reading.count == counts[reading.kind], "the closing record holds more than the day's last one"
            counts[reading.kind] = 0
            continue
        if reading.count is not None and reading.kind in (1, 6):
            if reading.count < counts[reading.kind]:  # a new day, the one before it never closed
                counts.clear()
            found.append((before, reading.at, reading.count - counts[reading.kind]))
            counts[reading.kind] = reading.count
        before = reading.at
    return found


def fit_day_steps(paths: Iterable[Path], edges: dict[date, tuple[int, int]]) -> dict[date, int]:
    """Steps of each local day; `edges` are its first and last instant, in Unix ms."""
    totals = dict.fromkeys(edges, 0)
    for _, until, steps in fit_increments(paths):
        at_ms = round(fit_time(until).timestamp() * 1000)
        totals[next(day for day, (start, end) in edges.items() if start < at_ms <= end)] += steps
    return totals
