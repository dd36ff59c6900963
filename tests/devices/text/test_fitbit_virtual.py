"""A virtual wearer's whole export, written by other code than ours: inferred, read, and compared with what really happened."""

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from devices.files.fitbit import READERS
from devices.files.reader import ReadOptions
from devices.files.source import FileSource, Source, read_head
from devices.recording import MINUTE_MS, Intervals, Recording, Reject
from devices.virtual import Wearer, days_from, truth, write_fitbit

READER = READERS[0]


def export(wearer: Wearer, first: date, count: int, folder: Path, times: str) -> list[Source]:
    paths = write_fitbit(wearer, days_from(first, count), folder, times=times)  # type: ignore[arg-type]
    sources: list[Source] = [FileSource(path, str(path.relative_to(folder))) for path in paths]
    return [source for source in sources if READER.identify(source.name, read_head(source), ())]


def steps_by_minute(recordings: list[Recording], device: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for recording in recordings:
        for stream in recording.streams:
            if stream.metric == "steps" and recording.device.name == device:
                assert isinstance(stream.samples, Intervals)
                found |= dict(zip(stream.samples.start_ms.tolist(), stream.samples.value.tolist(), strict=True))
    return found


@pytest.mark.parametrize(
    ("zone", "times", "first"),
    [
        ("Europe/Berlin", "local", date(2026, 10, 23)),
        ("Europe/Berlin", "utc", date(2026, 3, 27)),
        ("America/New_York", "local", date(2026, 10, 30)),
    ],
)
def test_an_export_gives_the_steps_of_its_wearer(zone: str, times: str, first: date, tmp_path: Path) -> None:
    wearer = Wearer(seed=11, surgery=first - timedelta(days=60), zone=zone)
    sources = export(wearer, first, 4, tmp_path, times)
    options = READER.survey(sources, ReadOptions(ZoneInfo(zone)))
    assert options.naive_time == times
    items = [item for source in sources for item in READER.read(source, options)]
    recordings = [item for item in items if isinstance(item, Recording)]
    assert {reject.expected for reject in items if isinstance(reject, Reject)} <= {
        "steps, heart rate, sleep or exercise, by content or name",
        "a pulse that was found",
    }
    account = steps_by_minute(recordings, "account")
    for day in truth(wearer, days_from(first, 4)):
        minutes = day.start_ms + np.arange(len(day.steps)) * MINUTE_MS
        assert sum(account.get(int(minute), 0) for minute in minutes) == day.recorded_steps
    csv = [name for name in {recording.device.name for recording in recordings} if name != "account"]
    assert any(
        {at: steps for at, steps in steps_by_minute(recordings, name).items() if steps}.items() <= account.items() for name in csv
    )
