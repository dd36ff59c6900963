"""The clock on the wall in exports: against zoneinfo, on days of every length."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ingest.exports.runs import find_runs
from ingest.exports.wall import Wall, by_month
from ingest.local_days import OffsetReading, local_days

EVER = -(2**62)


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("middle", [date(2024, 3, 31), date(2024, 4, 7), date(2024, 10, 6), date(2024, 11, 3)])
def test_texts_are_what_zoneinfo_says(zone: str, middle: date) -> None:
    days = local_days([(EVER, zone)], middle - timedelta(days=1), middle + timedelta(days=1))
    at = np.arange(days[0].start_ms, days[-1].end_ms, 601_000, dtype=np.int64)
    expected = [datetime.fromtimestamp(one / 1000, ZoneInfo(zone)).isoformat() for one in at.tolist()]
    assert Wall(days).texts(at) == expected


def test_instants_within_a_second_are_told_to_the_millisecond() -> None:
    days = local_days([(EVER, "Europe/Berlin")], date(2024, 1, 1), date(2024, 1, 1))
    at = np.array([days[0].start_ms, days[0].start_ms + 61_001])
    assert Wall(days).texts(at) == ["2024-01-01T00:00:00.000+01:00", "2024-01-01T00:01:01.001+01:00"]
    assert Wall(days).texts(at[:0]) == []


def test_before_and_after_the_days_the_clock_stands_as_at_their_edges() -> None:
    days = local_days([(EVER, "Europe/Berlin")], date(2024, 3, 31), date(2024, 3, 31))
    at = np.array([days[0].start_ms - 86_400_000, days[0].end_ms + 86_400_000])
    assert Wall(days).offsets_min(at).tolist() == [60, 120]


def test_a_flight_shows_in_the_offsets_also_back_over_midnight() -> None:
    """Berlin to New York at 02:00 in Berlin: the clock returns to the evening before, and the date had begun."""
    start = int(datetime(2024, 7, 10, 0, tzinfo=UTC).timestamp()) * 1000
    readings = [OffsetReading(start + hours * 3_600_000, -4 * 3600) for hours in range(0, 72, 24)]
    days = local_days([(EVER, "Europe/Berlin")], date(2024, 7, 9), date(2024, 7, 12), readings)
    at = np.arange(days[0].start_ms, days[-1].end_ms, 30 * 60_000, dtype=np.int64)
    expected = [120 if one < start else -240 for one in at.tolist()]
    assert Wall(days).offsets_min(at).tolist() == expected
    text = datetime.fromtimestamp(start / 1000, timezone(timedelta(hours=-4))).isoformat()
    assert Wall(days).texts(np.array([start])) == [text] == ["2024-07-09T20:00:00-04:00"]


def test_months_tile_the_days() -> None:
    days = local_days([(EVER, "Europe/Berlin")], date(2023, 12, 30), date(2024, 3, 2))
    stretches = list(by_month(days))
    assert [stretch.is_first for stretch in stretches] == [True, False, False, False]
    assert stretches[0].start_ms == days[0].start_ms
    assert stretches[-1].end_ms == days[-1].end_ms
    inner = [datetime.fromtimestamp(stretch.start_ms / 1000, UTC).date() for stretch in stretches[1:]]
    assert inner == [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)]
    assert [one.end_ms for one in stretches[:-1]] == [two.start_ms for two in stretches[1:]]
    assert list(by_month([])) == []


def test_a_day_that_begins_with_a_month_of_utc() -> None:
    days = local_days([(EVER, "UTC")], date(2024, 2, 1), date(2024, 2, 29))
    assert [(one.start_ms, one.end_ms) for one in by_month(days)] == [(days[0].start_ms, days[-1].end_ms)]


def test_runs_join_nothing_but_measured_nothings_within_an_hour() -> None:
    minute = np.array([10, 11, 12, 13, 20, 21, 58, 59, 60, 61, 62])
    value = np.array([0, 0, 7, 0, 0, 5, 0, 0, 0, 0, 0], dtype=np.int16)
    runs = find_runs(minute, value)
    found = list(zip((runs.start_ms // 60_000).tolist(), (runs.end_ms // 60_000).tolist(), runs.value.tolist(), strict=True))
    assert found == [(10, 12, 0), (12, 13, 7), (13, 14, 0), (20, 21, 0), (21, 22, 5), (58, 60, 0), (60, 63, 0)]
    assert minute[runs.row].tolist() == [start for start, _, _ in found]
    owner = np.array([0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1], dtype=np.int16)
    assert (find_runs(minute, value, owner).start_ms // 60_000).tolist() == [10, 11, 12, 13, 20, 21, 58, 60, 61]
    assert not len(find_runs(minute[:0], value[:0]).start_ms)
