"""ActiGraph AGD, against ActiLife's own export of the same recording and against databases made by hand."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.errors import DecodeError, MissingAnswer
from devices.files.agd import READER
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.files.sqlite import table_names
from devices.recording import Device
from tests.devices.sqlite.build import AGD, PERSONAL, coverage, make, read, samples
from tests.shared import shared

CHICAGO = ReadOptions(zone=ZoneInfo("America/Chicago"))
DEVICE = {"deviceserial": "NEO1D00000001", "devicename": "GT3XPlus"}


def ticks(wall: datetime) -> int:
    """Source: .NET's DateTime.Ticks: 100 ns since 0001-01-01T00:00"""
    since = wall - datetime(1, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10_000_000


def agd(
    path: Path, start: datetime, epoch_s: int, rows: Sequence[tuple[object, object]], settings: dict[str, str] | None = None
) -> Path:
    given = {"epochlength": str(epoch_s), **DEVICE, **PERSONAL, **(settings or {})}
    data = [
        {"dataTimestamp": ticks(start) + number * epoch_s * 10_000_000, "axis1": counts, "steps": steps}
        for number, (counts, steps) in enumerate(rows)
    ]
    return make(path, AGD, {"settings": [(None, *pair) for pair in given.items()], "data": data}, page_size=1024)


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000  # type: ignore[arg-type, misc]


def test_epochs_of_ten_seconds_from_local_time(tmp_path: Path) -> None:
    start = datetime(2024, 6, 1, 8, tzinfo=UTC)
    recordings, rejects = read(READER, agd(tmp_path / "a.agd", start, 10, [(120.0, 3.0), (0.0, 0.0), (55.0, 1.0)]), CHICAGO)
    begin = ms(2024, 6, 1, 13)
    assert samples(recordings, "counts") == [(begin, begin + 10_000, 120), (begin + 20_000, begin + 30_000, 55)]
    assert samples(recordings, "steps") == [(begin, begin + 10_000, 3), (begin + 20_000, begin + 30_000, 1)]
    assert coverage(recordings, "steps") == coverage(recordings, "counts") == [(begin, begin + 30_000)]
    assert recordings[0].device == Device("actigraph", "GT3XPlus", "NEO1D00000001")
    assert rejects == []


def test_of_the_wearer_nothing_is_read(tmp_path: Path) -> None:
    recordings, rejects = read(READER, agd(tmp_path / "a.agd", datetime(2024, 6, 1, tzinfo=UTC), 60, [(1, 1)]), CHICAGO)
    said = repr([(recording.device, recording.spans) for recording in recordings]) + repr(rejects)
    assert not any(value in said for value in PERSONAL.values())


def test_the_devices_clock_runs_on_when_summer_time_ends(tmp_path: Path) -> None:
    # Started in Chicago the evening before; after 2:00 the wall falls back and the device does not.
    start = datetime(2024, 11, 2, 20, tzinfo=UTC)
    recordings, _ = read(READER, agd(tmp_path / "a.agd", start, 60, [(1, 0)] * 600), CHICAGO)
    assert coverage(recordings) == [(ms(2024, 11, 3, 1), ms(2024, 11, 3, 11))]


def test_time_without_rows_is_not_vouched_for(tmp_path: Path) -> None:
    path = agd(tmp_path / "a.agd", datetime(2024, 6, 1, 8, tzinfo=UTC), 60, [(5, 1), ("lost", None), (None, 2), (7, -3), (9, 0)])
    recordings, rejects = read(READER, path, CHICAGO)
    begin = ms(2024, 6, 1, 13)
    assert coverage(recordings, "counts") == [(begin, begin + 60_000), (begin + 180_000, begin + 300_000)]
    assert coverage(recordings, "steps") == [
        (begin, begin + 60_000),
        (begin + 120_000, begin + 180_000),
        (begin + 240_000, begin + 300_000),
    ]
    assert [(reject.expected, reject.found, reject.count) for reject in rejects] == [("believable steps", "-3", 1)]


def test_local_time_needs_a_zone(tmp_path: Path) -> None:
    with pytest.raises(MissingAnswer) as raised:
        read(READER, agd(tmp_path / "a.agd", datetime(2024, 6, 1, tzinfo=UTC), 60, [(1, 1)]))
    assert raised.value.setting == "zone"


@pytest.mark.parametrize("length", ["0", "-10", "3601", "ten", "", "９", "1e1"])
def test_an_epoch_of_no_length_is_refused(tmp_path: Path, length: str) -> None:
    path = agd(tmp_path / "a.agd", datetime(2024, 6, 1, tzinfo=UTC), 60, [(1, 1)], {"epochlength": length})
    with pytest.raises(DecodeError, match="an epoch of 1 to 3600 seconds"):
        read(READER, path, CHICAGO)


def test_a_file_without_steps_has_counts(tmp_path: Path) -> None:
    schema = [statement for statement in AGD if not statement.startswith("CREATE TABLE data")]
    schema.insert(0, "CREATE TABLE data (dataTimestamp INTEGER, axis1 REAL)")
    rows = {"settings": [(1, "epochlength", "60")], "data": [(ticks(datetime(2024, 6, 1, tzinfo=UTC)), 17.0)]}
    recordings, rejects = read(READER, make(tmp_path / "a.agd", schema, rows), CHICAGO)
    assert [value for _, _, value in samples(recordings, "counts")] == [17]
    assert [stream.metric for stream in recordings[0].streams] == ["counts"]
    assert recordings[0].device == Device("actigraph")
    assert rejects == []


def test_it_is_known_by_its_tables_though_pages_are_too_small_to_show_them(tmp_path: Path) -> None:
    path = agd(tmp_path / "a.bin", datetime(2024, 6, 1, tzinfo=UTC), 60, [(1, 1)])
    head, tables = path.read_bytes()[:4096], table_names(FileSource(path, "a.bin"))
    assert READER.identify("a.bin", head, tables)
    assert READER.identify("a.agd", head, ())
    assert READER.identify("a.agd", head, ("data", "settings"))
    assert not READER.identify("a.bin", head, ("data", "settings"))
    assert not READER.identify("a.agd", b"text", tables)


def test_totals_and_every_minute_agree_with_actilife(tmp_path: Path) -> None:
    with shared("validation/actigraph_sleepr_actilife/GT3XPlus-RawData-Day01-10sec60sec.csv").open(newline="") as file:
        rows = [
            (datetime.fromisoformat(row["timestamp"]), float(row["axis1"]), float(row["steps"])) for row in csv.DictReader(file)
        ]
    path = agd(tmp_path / "a.agd", rows[0][0], 60, [(counts, steps) for _, counts, steps in rows])
    recordings, rejects = read(READER, path, ReadOptions(zone=ZoneInfo("UTC")))
    assert rejects == []
    for metric, column in (("counts", 1), ("steps", 2)):
        expected = [(int(row[0].timestamp()) * 1_000, row[column]) for row in rows if row[column]]
        assert [(start, value) for start, _, value in samples(recordings, metric)] == expected
        assert coverage(recordings, metric) == [(ms(2012, 6, 27, 10, 54), ms(2012, 6, 28, 11, 54))]
    assert sum(value for _, _, value in samples(recordings, "steps")) == 6220
