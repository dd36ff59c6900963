"""Fitabase's minutes: made files, and a public data set whose hours Fitbit itself summed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from devices.errors import DecodeError, MissingAnswer
from devices.files.reader import ReadOptions
from devices.recording import MINUTE_MS, Intervals, Recording
from tests.devices.text.reading import BERLIN, coverage, ms, read_bytes, samples
from tests.shared import shared

MINUTES = b"Id,ActivityMinute,Steps\n1503960366,4/12/2016 12:00:00 AM,7\n1503960366,4/12/2016 1:01:00 PM,0\n"


def test_minutes_in_local_time() -> None:
    recordings, rejects = read_bytes(MINUTES, "minuteStepsNarrow_merged.csv", ReadOptions(BERLIN))
    midnight, noon = ms("2016-04-11T22:00"), ms("2016-04-12T11:01")
    assert samples(recordings) == [(midnight, midnight + MINUTE_MS, 7), (noon, noon + MINUTE_MS, 0)]
    assert recordings[0].device.key == "fitbit/fitabase/1503960366"
    assert not rejects


def test_heart_rate_seconds() -> None:
    data = b"Id,Time,Value\n1,4/12/2016 7:21:00 AM,97\n1,2016-04-12T07:21:05,102\n1,x,1\n"
    recordings, rejects = read_bytes(data, "heartrate_seconds_merged.csv", ReadOptions(BERLIN))
    assert [value for _, _, value in samples(recordings, "heart_rate")] == [97, 102]
    assert [reject.place for reject in rejects] == ["heartrate_seconds_merged.csv line 4"]


def test_the_zone_is_asked_for() -> None:
    with pytest.raises(MissingAnswer, match="zone"):
        read_bytes(MINUTES, "x.csv", ReadOptions())


def test_several_people_in_one_file_are_refused_before_anything_is_kept() -> None:
    with pytest.raises(DecodeError, match="one participant"):
        read_bytes(MINUTES + b"42,4/12/2016 1:01:00 PM,0\n", "x.csv", ReadOptions(BERLIN))


def clocks(hour: str) -> list[str]:
    return [datetime(2016, 1, 1, number // 60, number % 60, tzinfo=UTC).strftime(hour) for number in range(1440)]


def hours_of(recordings: list[Recording]) -> dict[int, int]:
    """Sum the minutes of steps by the hour since 1970."""
    parts = [stream.samples for recording in recordings for stream in recording.streams if isinstance(stream.samples, Intervals)]
    hours, place = np.unique(np.concatenate([part.start_ms for part in parts]) // 3_600_000, return_inverse=True)
    steps = np.bincount(place, weights=np.concatenate([part.value for part in parts]))
    return dict(zip(hours.tolist(), steps.astype(int).tolist(), strict=True))


def test_public_minutes_sum_to_the_hours_that_fitbit_gave() -> None:
    """4,544 of 4,544 hours that have minutes: as Fitabase's CSV, and as an export's JSON made from the same minutes."""
    folder = shared("validation/fitabase_fitbit")
    hourly = pd.read_csv(folder / "fitbit_hourly_steps.csv")
    minutes = pd.read_csv(folder / "minutes.csv.gz")
    times = pd.to_datetime(minutes["ts"])
    minutes["day"], minutes["minute"] = times.dt.strftime("%m/%d/%Y"), times.dt.hour * 60 + times.dt.minute
    noon, plain = clocks("%I:%M:%S %p"), clocks("%H:%M:%S")
    utc = ReadOptions(ZoneInfo("UTC"), "utc")
    compared = equal = 0
    for participant, rows in minutes.groupby("Id"):
        cells = list(zip(rows["day"], rows["minute"], rows["steps"], strict=True))
        narrow = "\r\n".join(f"{participant},{day} {noon[minute]},{steps}" for day, minute, steps in cells)
        as_csv, rejects = read_bytes(f"Id,ActivityMinute,Steps\r\n{narrow}".encode(), "minuteStepsNarrow_merged.csv", utc)
        assert not rejects
        listed = ",".join(
            f'{{"dateTime":"{day[:6]}{day[8:]} {plain[minute]}","value":"{steps}"}}' for day, minute, steps in cells
        )
        as_json, rejects = read_bytes(f"[{listed}]".encode(), "steps-2016-04-12.json", utc)
        assert not rejects
        hours = hours_of(as_csv)
        assert hours == hours_of(as_json)
        assert sum(end - start for start, end in coverage(as_csv)) == len(rows) * MINUTE_MS
        mine = hourly[hourly["Id"] == participant]
        starts = pd.to_datetime(mine["ts"]).to_numpy().astype("datetime64[h]").astype(np.int64).tolist()
        pairs = [(hours[start], total) for start, total in zip(starts, mine["StepTotal"].tolist(), strict=True) if start in hours]
        compared += len(pairs)
        equal += sum(found == total for found, total in pairs)
    assert (equal, compared) == (4544, 4544)
