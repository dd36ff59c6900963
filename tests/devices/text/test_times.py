"""Written times, against the standard library's parser, its zones, and a search through every minute."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.files.offsets import tell_offsets
from devices.files.textual.cells import Cells
from devices.files.textual.localtime import always_utc, find_shifts, to_instants
from devices.files.textual.times import NAIVE, ZULU, find_offsets, parse_iso, parse_offsets, parse_us
from devices.recording import MINUTE_MS, Offset
from tests.devices.text.reading import ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30))  # noqa: DTZ001 (walls)
OFFSETS = st.integers(-14 * 60, 14 * 60)


@settings(deadline=None)
@given(st.lists(st.tuples(MOMENTS, OFFSETS, st.sampled_from(["T", " "]), st.sampled_from(["hh:mm", "hhmm", " hhmm", "Z", ""]))))
def test_iso_agrees_with_the_standard_library(rows: list[tuple[datetime, int, str, str]]) -> None:
    texts, expected = [], []
    for moment, minutes, between, style in rows:
        sign, size = "-" if minutes < 0 else "+", abs(minutes)
        zones = {
            "hh:mm": f"{sign}{size // 60:02}:{size % 60:02}",
            "hhmm": f"{sign}{size // 60:02}{size % 60:02}",
            " hhmm": f" {sign}{size // 60:02}{size % 60:02}",
            "Z": "Z",
            "": "",
        }
        offset = timedelta(minutes=minutes) if style not in ("Z", "") else timedelta()
        texts.append(moment.isoformat(between) + zones[style])
        instant = moment.replace(tzinfo=timezone(offset))
        stated = {"Z": int(ZULU), "": int(NAIVE)}.get(style, minutes * 60)
        expected.append(((instant - EPOCH) // timedelta(milliseconds=1), stated))
    times = parse_iso(Cells.of(texts))
    assert times.good.all()
    assert list(zip(times.ms.tolist(), times.offset_s.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
     "2026-01-01T00:60:00Z", "2026-01-01", "2026-01-01T00:00:00+2:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+99:00",
     "0000-01-01T00:00:00Z", "2026/01/01T00:00:00Z", "2026-01-01T0a:00:00Z", "२०२६-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ"],
)  # fmt: skip
def test_iso_refuses(text: str) -> None:
    assert not parse_iso(Cells.of([text])).good.any()


def test_a_leap_second_is_the_next_minute() -> None:
    assert parse_iso(Cells.of(["2016-12-31T23:59:60Z"])).ms.tolist() == [ms("2017-01-01T00:00")]


@settings(deadline=None)
@given(st.lists(st.tuples(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2068, 12, 31)), st.integers(0, 3))))  # noqa: DTZ001
def test_us_times_agree_with_strptime(rows: list[tuple[datetime, int]]) -> None:
    formats = ("%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p")
    texts = [moment.strftime(formats[style]) for moment, style in rows]
    parsed = [datetime.strptime(text, formats[style]).replace(tzinfo=UTC) for text, (_, style) in zip(texts, rows, strict=True)]
    wall, good = parse_us(Cells.of(texts))
    assert good.all()
    assert wall.tolist() == [(moment - EPOCH) // timedelta(milliseconds=1) for moment in parsed]


@pytest.mark.parametrize("text", ["", "13/01/26 00:00:00", "01/32/26 00:00:00", "1/1/2026 0:00:00 AM", "1/1/2026 13:00:00 PM",
                                  "01-01-26 00:00:00", "01/01/26", "01/01/26 00:00:00 UTC", "1/1/1/1/1/1/1"])  # fmt: skip
def test_us_times_refuse(text: str) -> None:
    assert not parse_us(Cells.of([text]))[1].any()


def test_offsets_in_all_their_clothes() -> None:
    offset_s, good = parse_offsets(Cells.of(["+02:00", "-0330", "UTC+0900", "UTC-03:00", "Z", "", "UTC", "+2", "0200"]))
    assert good.tolist() == [True] * 5 + [False] * 4
    assert offset_s.tolist()[:5] == [7200, -12600, 32400, -10800, 0]


def test_offsets_stand_where_they_change() -> None:
    times = parse_iso(
        Cells.of(["2026-03-29T03:10:00+02:00", "2026-03-29T00:30:00+01:00", "2026-03-29T01:40:00+01:00", "2026-03-29T08:00:00Z"])
    )
    assert find_offsets(times.ms, times.offset_s) == (
        Offset(ms("2026-03-28T23:30"), 3600),
        Offset(ms("2026-03-29T00:40"), 3600),
        Offset(ms("2026-03-29T01:10"), 7200),
    )


def test_an_offset_that_stays_is_told_again_every_day() -> None:
    """One reading is believed for two days, and journeys are longer than that."""
    hours = ms("2026-03-01T00:20") + np.arange(10 * 24) * 3_600_000
    offset_s = np.where(np.arange(240) < 37, 3600, -18_000).astype(np.int32)
    told = tell_offsets(hours[::-1], offset_s[::-1])
    assert [(offset.at_ms - ms("2026-03-01")) // 3_600_000 for offset in told] == [0, 24, 37, *range(48, 240, 24)]
    assert [offset.offset_s for offset in told] == [3600] * 2 + [-18_000] * 9
    assert tell_offsets(hours[:0], offset_s[:0]) == ()


def test_a_clock_that_jumps_on_and_on_is_not_told_forever() -> None:
    at = ms("2026-03-01") + np.arange(4 * 86_400) * 1000
    told = tell_offsets(at, np.arange(len(at)) % 2 * 3600)
    assert np.unique([offset.at_ms // 86_400_000 for offset in told], return_counts=True)[1].tolist() == [96] * 4


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca",
         "Pacific/Apia", "Europe/London")  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
def test_every_minute_of_a_year_returns_to_its_instant(name: str) -> None:
    """What the wall clock showed, minute by minute in order, means exactly the minutes that it was read from."""
    zone = ZoneInfo(name)
    start = ms("2011-06-01T00:00") if name == "Pacific/Apia" else ms("2025-06-01T00:00")
    instants = start + np.arange(366 * 1440) * MINUTE_MS
    shifts = find_shifts(zone, int(instants[0]), int(instants[-1]))
    for change, offset in zip(shifts.change_ms.tolist(), shifts.offset_ms.tolist()[1:], strict=True):
        assert datetime.fromtimestamp(change / 1000, zone).utcoffset() == timedelta(milliseconds=offset)
        assert datetime.fromtimestamp(change / 1000 - 1, zone).utcoffset() != timedelta(milliseconds=offset)
    wall = instants + shifts.offset_ms[np.searchsorted(shifts.change_ms, instants, side="right")]
    picked = np.random.default_rng(7).integers(0, len(wall), 500)
    for row in picked.tolist():  # the wall clock of this test agrees with the standard library's
        local = datetime.fromtimestamp(instants[row] / 1000, zone).replace(tzinfo=UTC)
        assert (local - EPOCH) // timedelta(milliseconds=1) == wall[row]
    found = to_instants(wall, zone, ordered=True)
    assert found.known.all()
    assert (found.ms == instants).all()


@pytest.mark.parametrize(
    ("name", "day", "minutes"),
    [("Europe/Berlin", "2026-03-29", 1380), ("Europe/Berlin", "2026-10-25", 1500), ("America/New_York", "2026-03-08", 1380),
     ("America/New_York", "2026-11-01", 1500), ("Australia/Lord_Howe", "2026-04-05", 1470),
     ("Australia/Lord_Howe", "2026-10-04", 1410)],
)  # fmt: skip
def test_days_have_their_own_length(name: str, day: str, minutes: int) -> None:
    midnights = to_instants(np.array([ms(day), ms(day) + 86_400_000]), ZoneInfo(name), ordered=True)
    assert midnights.known.all()
    assert np.diff(midnights.ms).tolist() == [minutes * MINUTE_MS]


def test_a_skipped_time_means_nothing() -> None:
    found = to_instants(np.array([ms("2026-03-29T02:30")]), ZoneInfo("Europe/Berlin"), ordered=True)
    assert found.skipped.tolist() == [True]
    assert found.known.tolist() == [False]


@pytest.mark.parametrize(
    "order", [["02:10", "02:20"], ["02:20", "02:10", "02:30", "02:05"], ["02:10", "02:10"], ["02:10:05", "02:10:04", "02:20"]]
)
def test_a_repeated_time_without_one_step_back_stays_open(order: list[str]) -> None:
    wall = np.array([ms(f"2026-10-25T{text}") for text in order])
    found = to_instants(wall, ZoneInfo("Europe/Berlin"), ordered=True)
    assert not found.known.any()
    assert not found.skipped.any()
    assert (found.second - found.ms == 60 * MINUTE_MS).all()


def test_order_counts_only_where_it_is_known() -> None:
    wall = np.array([ms("2026-10-25T02:40"), ms("2026-10-25T02:10")])
    zone = ZoneInfo("Europe/Berlin")
    assert to_instants(wall, zone, ordered=True).ms.tolist() == [ms("2026-10-25T00:40"), ms("2026-10-25T01:10")]
    assert not to_instants(wall, zone, ordered=False).known.any()


def test_zones_that_always_show_utc() -> None:
    assert [always_utc(ZoneInfo(name)) for name in ("UTC", "Atlantic/Reykjavik", "Europe/London")] == [True, True, False]
