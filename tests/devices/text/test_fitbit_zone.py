"""Whether an export wrote UTC or local time: inferred from made exports of known truth, and left open where it must be."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from devices.errors import MissingAnswer
from devices.files.fitbit import READERS
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource, Source
from devices.recording import MINUTE_MS
from tests.devices.text.reading import ms, read_source, samples

READER = READERS[0]
Truth = list[tuple[int, int]]  # (instant, steps), minute by minute where there are steps


def live(zone: ZoneInfo, first_day: str, days: int, seed: int = 1) -> tuple[Truth, list[tuple[int, int]]]:
    """Make a life: steps by day, sleep at night by the wall clock. Returns the minutes and the nights, as instants."""
    random = np.random.default_rng(seed)
    truth: Truth = []
    nights: list[tuple[int, int]] = []
    midnight = datetime.fromisoformat(first_day)
    for number in range(days):
        day = midnight + timedelta(days=number)
        for hour in range(7, 23):
            for minute in random.choice(60, 12, replace=False).tolist():
                at = day.replace(hour=hour, minute=minute, tzinfo=zone).astimezone(UTC)
                truth.append((round(at.timestamp()) * 1000, int(random.integers(5, 110))))
        asleep = day.replace(hour=23, minute=10, tzinfo=zone).timestamp()
        awake = (day + timedelta(days=1)).replace(hour=6, minute=40, tzinfo=zone).timestamp()
        nights.append((round(asleep) * 1000, round(awake) * 1000))
    return sorted(truth), nights


def wall(at: int, zone: ZoneInfo | None) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone or UTC)


def steps_json(truth: Truth, zone: ZoneInfo | None) -> Source:
    rows = [{"dateTime": f"{wall(at, zone):%m/%d/%y %H:%M:%S}", "value": str(steps)} for at, steps in truth]
    return BytesSource(json.dumps(rows).encode(), "steps-2026-01-01.json")


def steps_csv(truth: Truth, other: Truth = ()) -> Source:  # type: ignore[assignment]
    rows = [f"{wall(at, None):%Y-%m-%dT%H:%M:%SZ},{steps},Tracker" for at, steps in truth]
    rows += [f"{wall(at, None):%Y-%m-%dT%H:%M:%SZ},{steps},Phone" for at, steps in other]
    return BytesSource("\n".join(["timestamp,steps,data source", *rows]).encode(), "steps_2026-01-01.csv")


def sleep_json(nights: list[tuple[int, int]], zone: ZoneInfo) -> Source:
    rows = [
        {"logId": 1, "dateOfSleep": "x", "startTime": f"{wall(start, zone):%Y-%m-%dT%H:%M:%S.000}",
         "endTime": f"{wall(end, zone):%Y-%m-%dT%H:%M:%S.000}"}
        for start, end in nights
    ]  # fmt: skip
    return BytesSource(json.dumps(rows).encode(), "sleep-2026-01-01.json")


def sleeps_csv(nights: list[tuple[int, int]], zone: ZoneInfo) -> Source:
    cells = [(f"{wall(at, zone):%z}", f"{wall(at, None):%Y-%m-%dT%H:%M:%SZ}") for night in nights for at in night]
    rows = [",".join(("1", "STAGES", *start, *end)) for start, end in zip(cells[::2], cells[1::2], strict=True)]
    header = "sleep_id,sleep_type,start_utc_offset,sleep_start,end_utc_offset,sleep_end"
    return BytesSource("\n".join([header, *rows]).encode(), "UserSleeps_2026-01-01.csv")


def infer(sources: list[Source], zone: ZoneInfo | None) -> str | None:
    return READER.survey(sources, ReadOptions(zone)).naive_time


ZONES = [ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("meaning", ["utc", "local"])
def test_twins_settle_it(zone: ZoneInfo, meaning: str) -> None:
    truth, _ = live(zone, "2026-07-20", 10)
    other, _ = live(zone, "2026-07-20", 10, seed=2)
    written = steps_json(truth, zone if meaning == "local" else None)
    sources = [written, steps_csv(truth, other)]
    assert infer(sources, zone) == meaning
    # Without a zone a match at another offset is enough for local; one at zero is not, in one season.
    assert infer(sources, None) == (meaning if meaning == "local" else None)


def test_twins_in_both_seasons_settle_utc_without_a_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    summer, winter = live(zone, "2026-07-20", 5)[0], live(zone, "2026-12-10", 5)[0]
    sources = [steps_json(summer + winter, None), steps_csv(summer), steps_csv(winter)]
    assert infer(sources, None) == "utc"
    assert infer([steps_json(summer + winter, zone), steps_csv(summer), steps_csv(winter)], None) == "local"


def test_a_clock_at_utc_in_winter_settles_nothing_in_winter() -> None:
    zone = ZoneInfo("Europe/London")
    winter = live(zone, "2026-12-10", 10)[0]
    assert infer([steps_json(winter, None), steps_csv(winter)], zone) is None
    summer = live(zone, "2026-07-10", 10)[0]
    assert infer([steps_json(winter + summer, zone), steps_csv(winter), steps_csv(summer)], zone) == "local"
    assert infer([steps_json(winter + summer, None), steps_csv(winter), steps_csv(summer)], zone) == "utc"


@pytest.mark.parametrize(
    "zone", [ZoneInfo("Australia/Sydney"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Kolkata")], ids=str
)
@pytest.mark.parametrize("meaning", ["utc", "local"])
def test_sleep_settles_it(zone: ZoneInfo, meaning: str) -> None:
    truth, nights = live(zone, "2026-07-20", 8)
    written = steps_json(truth, zone if meaning == "local" else None)
    assert infer([written, sleep_json(nights, zone)], zone) == meaning
    assert infer([written, sleeps_csv(nights, zone)], None) == meaning
    # The sleep's JSON alone, without a zone, can only rule local out.
    assert infer([written, sleep_json(nights, zone)], None) == ("utc" if meaning == "utc" else None)


def test_what_settles_nothing_stays_open() -> None:
    zone = ZoneInfo("Australia/Sydney")
    truth, nights = live(zone, "2026-07-20", 8)
    elsewhere = live(zone, "2019-01-01", 8)[0]
    assert infer([steps_json(truth, zone)], zone) is None
    assert infer([steps_json(truth, zone), steps_csv(elsewhere)], zone) is None
    assert infer([steps_json(truth, zone), sleep_json(nights[:2], zone)], zone) is None
    still = [(at, 0) for at, _ in truth]
    assert infer([steps_json(still, zone), steps_csv(still), sleep_json(nights, zone)], zone) is None
    never_still = [(at, 60) for at in range(nights[0][0], nights[-1][1], 5 * MINUTE_MS)]
    assert infer([steps_json(never_still, zone), sleep_json(nights, zone)], zone) is None


def test_a_clock_that_is_utc_all_year_needs_no_evidence() -> None:
    zone = ZoneInfo("Atlantic/Reykjavik")
    assert infer([steps_json(live(zone, "2026-07-20", 1)[0], None)], zone) == "utc"


def test_damage_is_no_evidence_and_no_error() -> None:
    zone = ZoneInfo("Australia/Sydney")
    truth, nights = live(zone, "2026-07-20", 8)
    broken = [
        BytesSource(source.open().read()[:-20], source.name)
        for source in (steps_json(truth, zone), steps_csv(truth), sleep_json(nights, zone))
    ]
    assert infer(list(broken), zone) == "local"
    assert infer([BytesSource(b'[{"dateTime" : "08/01/26 09:30:00", "value": "1"}, [[[', "steps-1.json")], zone) is None


def test_answers_that_are_given_stand() -> None:
    options = ReadOptions(ZoneInfo("Europe/Berlin"), "local")
    assert READER.survey([], options) == options
    assert READER.survey([], ReadOptions()) == ReadOptions()


def test_an_open_question_is_asked_with_the_way_to_answer() -> None:
    source = steps_json(live(ZONES[0], "2026-07-20", 1)[0], None)
    options = READER.survey([source], ReadOptions(ZONES[0]))
    with pytest.raises(MissingAnswer, match="set naive_time to utc or local"):
        list(READER.read(source, options))


@pytest.mark.parametrize("zone", [*ZONES, ZoneInfo("Europe/London")], ids=str)
@pytest.mark.parametrize("first_day", ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"])
def test_local_minutes_across_daylight_saving_are_the_same_as_utc(zone: ZoneInfo, first_day: str) -> None:
    """Every minute of days of 23, 24 and 25 hours, written both ways, reads as the same instants."""
    start = ms(f"{first_day}T00:00")
    truth = [(start + number * MINUTE_MS, number % 150) for number in range(3 * 1440)]
    as_utc = samples(read_source(steps_json(truth, None), ReadOptions(zone, "utc"))[0])
    recordings, rejects = read_source(steps_json(truth, zone), ReadOptions(zone, "local"))
    assert samples(recordings) == as_utc == [(at, at + MINUTE_MS, steps) for at, steps in truth]
    assert not rejects


def test_one_pass_of_a_repeated_hour_is_left_out_and_said() -> None:
    """Rows of one pass only: which of the two it was, nobody can know."""
    zone = ZoneInfo("Europe/Berlin")
    truth = [(ms("2026-10-24T23:00") + number * MINUTE_MS, 7) for number in range(240)]
    half = [row for row in truth if not ms("2026-10-25T01:00") <= row[0] < ms("2026-10-25T02:00")]
    recordings, rejects = read_source(steps_json(half, zone), ReadOptions(zone, "local"))
    known = [row for row in half if not ms("2026-10-25T00:00") <= row[0] < ms("2026-10-25T01:00")]
    assert samples(recordings) == [(at, at + MINUTE_MS, steps) for at, steps in known]
    assert [reject.count for reject in rejects] == [60]


def test_a_skipped_hour_is_left_out_and_said() -> None:
    zone = ZoneInfo("Europe/Berlin")
    truth = [(ms("2026-03-29T01:00") + number * MINUTE_MS, 7) for number in range(180)]
    # Written by a clock in UTC but read as local: the hour from 2 to 3 never was.
    _, rejects = read_source(steps_json(truth, None), ReadOptions(zone, "local"))
    assert [reject.count for reject in rejects] == [60]


def test_the_answer_reaches_the_reading() -> None:
    zone = ZoneInfo("Australia/Sydney")
    truth, nights = live(zone, "2026-07-20", 8)
    for meaning in (zone, None):
        sources = [steps_json(truth, meaning), sleep_json(nights, zone)]
        options = READER.survey(sources, ReadOptions(zone))
        assert options == replace(options, zone=zone, naive_time="local" if meaning else "utc")
        expected = dict(truth)
        assert {start: value for start, _, value in samples(read_source(sources[0], options)[0])} == expected
