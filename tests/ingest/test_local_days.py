"""Local days against a clock that is read minute by minute with the standard library's zones, and against days known by heart."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.recording import DAY_MS, MINUTE_MS
from ingest.local_days import LocalDay, OffsetReading, local_days

EVER = -(2**62)
Zones = Sequence[tuple[int, str]]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def at_home(zone: str) -> Zones:
    return [(EVER, zone)]


def only(zones: Zones, day: str, *readings: OffsetReading) -> LocalDay:
    (found,) = local_days(zones, date.fromisoformat(day), date.fromisoformat(day), readings)
    return found


def hours(day: LocalDay) -> float:
    assert day.end_ms - day.start_ms == len(day) * MINUTE_MS
    return len(day) / 60


@cache
def zone_offset(zone: str, quarter: int) -> timedelta:
    """Clocks have been put forward and back on the quarter hour only, since long before any wearable."""
    offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset


def shown(zones: Zones, readings: Sequence[OffsetReading], at_ms: int) -> datetime:
    """What the wearer's clock shows at a whole minute: the second method, one instant at a time.

    The most believed device that read its clock within the last two days decides: by the zone at home if that reading agreed
    with it, else by what it read. Readings that no clock on earth shows are none.
    """

    def home(instant: int) -> timedelta:
        zone = [zone for since, zone in zones if since // MINUTE_MS * MINUTE_MS <= instant][-1]
        return zone_offset(zone, instant // 900_000)

    offset = home(at_ms)
    said = [one for one in readings if -12 <= one.offset_s / 3600 <= 14 and one.offset_s % 900 == 0]
    for rank in sorted({one.rank for one in said}):
        before = [one for one in said if one.rank == rank and one.at_ms // MINUTE_MS * MINUTE_MS <= at_ms]
        last = max(before, key=lambda one: (one.at_ms, one.offset_s), default=None)
        if last is not None and at_ms < last.at_ms + 48 * 3_600_000:
            away = timedelta(seconds=last.offset_s)
            offset = away if away != home(last.at_ms) else home(at_ms)
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None) + offset


def by_the_minute(
    zones: Zones, first: date, last: date, readings: Sequence[OffsetReading] = ()
) -> dict[date, list[tuple[int, int]]]:
    """{date: [(UTC ms, minute on the wall)]}, each minute in the latest date that any clock before it showed."""
    start = ms(f"{first - timedelta(days=3)}T00:00+00:00")
    found: dict[date, list[tuple[int, int]]] = {}
    latest = date.min
    for at_ms in range(start, ms(f"{last + timedelta(days=2)}T00:00+00:00"), MINUTE_MS):
        wall = shown(zones, readings, at_ms)
        latest = max(latest, wall.date())
        if first <= latest <= last:
            found.setdefault(latest, []).append((at_ms, wall.hour * 60 + wall.minute))
    return found


def check(zones: Zones, first: date, last: date, readings: Sequence[OffsetReading] = ()) -> list[LocalDay]:
    days = local_days(zones, first, last, readings)
    expected = by_the_minute(zones, first, last, readings)
    assert [day.day for day in days] == sorted(expected)
    for day in days:
        instants, wall = zip(*expected[day.day], strict=True)
        assert (day.start_ms, day.end_ms) == (instants[0], instants[-1] + MINUTE_MS)
        assert day.wall.dtype == np.int16
        assert day.wall.tolist() == list(wall)
    for before, after in pairwise(days):
        assert before.end_ms == after.start_ms
    return days


@pytest.mark.parametrize(
    ("zone", "day", "length", "first_wall"),
    [
        ("Europe/Berlin", "2026-03-28", 24, 0),
        ("Europe/Berlin", "2026-03-29", 23, 0),
        ("Europe/Berlin", "2026-10-25", 25, 0),
        ("America/New_York", "2026-03-08", 23, 0),
        ("America/New_York", "2026-11-01", 25, 0),
        ("Australia/Lord_Howe", "2026-04-05", 24.5, 0),
        ("Australia/Lord_Howe", "2026-10-04", 23.5, 0),
        # Morocco turns its clocks back for Ramadan.
        ("Africa/Casablanca", "2026-02-15", 25, 0),
        ("Africa/Casablanca", "2026-03-22", 23, 0),
        # Summer time that starts at midnight: the day begins at one.
        ("Asia/Beirut", "2026-03-29", 23, 60),
        # Summer time that ends at midnight: 23 o'clock comes twice, and the day that begins then goes on.
        ("Africa/Cairo", "2026-10-29", 25, 0),
        ("Asia/Kathmandu", "2026-05-05", 24, 0),
    ],
)
def test_the_length_of_days(zone: str, day: str, length: float, first_wall: int) -> None:
    around = date.fromisoformat(day)
    days = check(at_home(zone), around - timedelta(days=1), around + timedelta(days=1))
    assert hours(days[1]) == length
    assert days[1].wall[0] == first_wall
    assert sum(map(hours, days)) == (days[-1].end_ms - days[0].start_ms) / 3_600_000


def test_the_hour_that_is_missing_and_the_hour_that_comes_twice() -> None:
    spring, autumn = only(at_home("Europe/Berlin"), "2026-03-29"), only(at_home("Europe/Berlin"), "2026-10-25")
    assert not ((spring.wall >= 120) & (spring.wall < 180)).any()
    assert np.bincount(autumn.wall, minlength=1440).tolist() == [1] * 120 + [2] * 60 + [1] * 1260
    assert autumn.wall[119:122].tolist() == [119, 120, 121]
    assert autumn.wall[179:182].tolist() == [179, 120, 121]


def test_a_date_that_nobody_on_the_island_lived() -> None:
    days = check(at_home("Pacific/Apia"), date(2011, 12, 29), date(2012, 1, 1))
    assert [day.day.day for day in days] == [29, 31, 1]
    assert [hours(day) for day in days] == [24, 24, 24]
    assert local_days(at_home("Pacific/Apia"), date(2011, 12, 30), date(2011, 12, 30)) == []


@pytest.mark.parametrize(
    ("to", "since", "length"),
    [
        ("Asia/Tokyo", "2026-05-05T12:00+02:00", 17),
        ("America/New_York", "2026-05-05T12:00+02:00", 30),
        # Nobody moves on the minute: what matters is that every minute still has a place.
        ("America/New_York", "2026-05-05T12:00:30.5+02:00", 30),
        # Over midnight eastwards: the day ends when the clock is put forward.
        ("Asia/Tokyo", "2026-05-05T23:30:30+02:00", 23.5),
        # Back over midnight: the date that has begun goes on, and is a long one.
        ("America/Los_Angeles", "2026-05-06T02:00+02:00", 24),
    ],
)
def test_moving_to_another_zone(to: str, since: str, length: float) -> None:
    zones = [(EVER, "Europe/Berlin"), (ms(since), to)]
    days = check(zones, date(2026, 5, 4), date(2026, 5, 7))
    assert hours(days[1]) == length
    last = days[-1]
    assert last.start_ms == round(datetime(2026, 5, 7, tzinfo=ZoneInfo(to)).timestamp() * 1000)


def test_moving_twice_and_over_the_date_line() -> None:
    zones = [
        (EVER, "Asia/Tokyo"),
        (ms("2026-05-05T12:00+09:00"), "America/Los_Angeles"),
        (ms("2026-05-08T12:00-07:00"), "Asia/Tokyo"),
    ]
    days = check(zones, date(2026, 5, 4), date(2026, 5, 11))
    assert [day.day.day for day in days] == [4, 5, 6, 7, 8, 9, 10, 11]
    assert {day.day.day: hours(day) for day in days} == {4: 24, 5: 40, 6: 24, 7: 24, 8: 12, 9: 20, 10: 24, 11: 24}


def test_moving_over_the_date_line_can_skip_a_date() -> None:
    zones = [(EVER, "Pacific/Honolulu"), (ms("2026-05-05T23:00-10:00"), "Pacific/Auckland")]
    days = check(zones, date(2026, 5, 4), date(2026, 5, 8))
    assert [(day.day.day, hours(day)) for day in days] == [(4, 24), (5, 23), (6, 3), (7, 24), (8, 24)]
    farther = [(EVER, "Pacific/Honolulu"), (ms("2026-05-05T23:59-10:00"), "Pacific/Kiritimati")]
    assert [day.day.day for day in check(farther, date(2026, 5, 4), date(2026, 5, 8))] == [4, 5, 6, 7, 8]


def readings(*rows: tuple[str, float], rank: int = 0) -> list[OffsetReading]:
    """rows: when, and how many hours ahead of UTC."""
    return [OffsetReading(ms(when), round(offset * 3600), rank) for when, offset in rows]


BERLIN = at_home("Europe/Berlin")


@pytest.mark.parametrize(("offset", "length"), [(9, 17), (-4, 30), (5.75, 20.25)])
def test_a_device_that_travels(offset: float, length: float) -> None:
    """Noon in Berlin, and the device's clock stands elsewhere from then on: daily readings keep it there."""
    said = readings(("2026-05-05T10:00+00:00", offset), ("2026-05-06T10:00+00:00", offset), ("2026-05-07T10:00+00:00", 2))
    days = check(BERLIN, date(2026, 5, 4), date(2026, 5, 8), said)
    assert [hours(day) for day in days] == [24, length, 24, 48 - length, 24]


def test_a_device_that_fell_silent_abroad_says_nothing_of_next_week() -> None:
    days = check(BERLIN, date(2026, 5, 4), date(2026, 5, 9), readings(("2026-05-05T10:00+00:00", -4)))
    assert [hours(day) for day in days] == [24, 30, 24, 18, 24, 24]


def test_at_home_the_zones_own_rules_hold() -> None:
    """The last reading was in winter time; an hour later summer time began, and the device said nothing more."""
    for when, offset in (("2026-03-28T23:00+00:00", 1), ("2026-03-29T00:59+00:00", 1), ("2026-03-29T01:00+00:00", 2)):
        days = check(BERLIN, date(2026, 3, 28), date(2026, 3, 30), readings((when, offset)))
        assert [hours(day) for day in days] == [24, 23, 24]


def test_a_clock_that_was_not_set_for_summer_time_moves_the_days() -> None:
    """Nothing tells it apart from a journey: documented, and bounded by two days after its last reading."""
    days = check(BERLIN, date(2026, 3, 28), date(2026, 4, 2), readings(("2026-03-29T12:00+00:00", 1)))
    assert [hours(day) for day in days] == [24, 24, 24, 23, 24, 24]


@pytest.mark.parametrize("offset_s", [15 * 3600, -13 * 3600, 3600 + 60, 7201, 10**9, -(10**9)])
def test_a_clock_that_shows_what_none_on_earth_does_is_ignored(offset_s: int) -> None:
    said = [OffsetReading(ms("2026-05-05T10:00+00:00"), offset_s)]
    assert [hours(day) for day in check(BERLIN, date(2026, 5, 4), date(2026, 5, 7), said)] == [24, 24, 24, 24]
    # Nor does it end what a good reading before it said.
    said += readings(("2026-05-05T09:00+00:00", -4))
    assert [hours(day) for day in check(BERLIN, date(2026, 5, 4), date(2026, 5, 7), said)] == [24, 30, 24, 18]


def test_of_two_devices_the_more_believed_one_decides_while_it_says_anything() -> None:
    phone = readings(("2026-05-05T10:00+00:00", -4), ("2026-05-06T10:00+00:00", -4), rank=0)
    watch = readings(("2026-05-05T08:00+00:00", 2), rank=1)
    # The watch stayed at home: until two days after its reading it is believed, then the phone, until two after its own.
    days = check(BERLIN, date(2026, 5, 4), date(2026, 5, 9), [*phone, *watch])
    assert [hours(day) for day in days] == [24, 24, 24, 30, 18, 24]
    swapped = [OffsetReading(one.at_ms, one.offset_s, 1 - one.rank) for one in (*phone, *watch)]
    days = check(BERLIN, date(2026, 5, 4), date(2026, 5, 9), swapped)
    assert [hours(day) for day in days] == [24, 30, 24, 24, 18, 24]


def test_a_reading_from_before_the_days_asked_for_means_what_it_meant_then() -> None:
    """Half an hour before summer time ended the watch was at home: asking for the days after does not make it a journey."""
    zones = at_home("Australia/Lord_Howe")
    said = readings(("2026-04-04T14:30+00:00", 11))
    whole = local_days(zones, date(2026, 4, 1), date(2026, 4, 9), said)
    for first in range(1, 9):
        part = local_days(zones, date(2026, 4, first), date(2026, 4, 9), said)
        assert [(day.day, day.start_ms, day.end_ms) for day in part] == [
            (day.day, day.start_ms, day.end_ms) for day in whole[first - 1 :]
        ]
    check(zones, date(2026, 4, 7), date(2026, 4, 8), said)


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Nuuk", "UTC"]
)
# Around every kind of change these zones know: the range of days begins somewhere near one of them.
NEAR = st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2011-12-30", "2026-02-15"])
OFFSETS = st.sampled_from([-43_200, -14_400, -7200, -3600, 0, 3600, 7200, 19_800, 39_600, 50_400, 54_000, 1234])


@st.composite
def lives(draw: st.DrawFn) -> tuple[Zones, date, date, list[OffsetReading]]:
    first = date.fromisoformat(draw(NEAR)) + timedelta(days=draw(st.integers(-2, 1)))
    last = first + timedelta(days=draw(st.integers(0, 2)))
    origin = ms(f"{first}T00:00+00:00")
    seconds = st.integers(-4 * 86_400, 4 * 86_400)
    moves = sorted(draw(st.lists(seconds, max_size=2, unique=True)))
    zones = [(EVER, draw(ZONES)), *((origin + move * 1000, draw(ZONES)) for move in moves)]
    rows = draw(st.lists(st.tuples(seconds, OFFSETS, st.integers(0, 1)), max_size=6, unique_by=lambda row: (row[0], row[2])))
    return zones, first, last, [OffsetReading(origin + at * 1000, offset, rank) for at, offset, rank in rows]


@given(lives())
@settings(max_examples=25, deadline=None)
def test_any_life_agrees_with_the_clock_read_every_minute(life: tuple[Zones, date, date, list[OffsetReading]]) -> None:
    check(*life)


@given(lives())
@settings(max_examples=150, deadline=None)
def test_days_follow_one_another_and_do_not_depend_on_what_was_asked(
    life: tuple[Zones, date, date, list[OffsetReading]],
) -> None:
    zones, first, last, said = life
    around = local_days(zones, first - timedelta(days=3), last + timedelta(days=3), said)
    assert all(before.end_ms == after.start_ms for before, after in pairwise(around))
    assert sum(map(len, around)) * MINUTE_MS == around[-1].end_ms - around[0].start_ms
    inner = [(day.day, day.start_ms, day.end_ms, day.wall.tolist()) for day in around if first <= day.day <= last]
    asked = local_days(zones, first, last, said)
    assert [(day.day, day.start_ms, day.end_ms, day.wall.tolist()) for day in asked] == inner


def test_ten_years_are_quick_and_whole() -> None:
    days = local_days(BERLIN, date(2015, 1, 1), date(2024, 12, 31))
    assert len(days) == 3653
    assert (days[-1].end_ms - days[0].start_ms) == 3653 * DAY_MS
    lengths = [hours(day) for day in days]
    assert (lengths.count(23), lengths.count(25)) == (10, 10)
