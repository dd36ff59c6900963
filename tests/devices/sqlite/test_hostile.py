"""Databases made to mislead, to exhaust or by damage: each gives samples, rejects or our own error, soon and in little memory."""

import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from devices.errors import DecodeError, Hostile, MissingAnswer
from devices.files import agd, gadgetbridge, health_connect
from devices.files.reader import Reader, ReadOptions
from devices.files.source import BytesSource, FileSource, ZipSource
from devices.files.sqlite import MISSING, open_database, table_names
from devices.recording import METRICS, Intervals, Recording, believable
from tests.devices.sqlite import build
from tests.devices.test_source import make_zip

T = 1_717_200_000
MI_BAND = "MI_BAND_ACTIVITY_SAMPLE"
OPTIONS = ReadOptions(zone=ZoneInfo("Europe/Berlin"))
ROOT = Path(__file__).resolve().parents[3]


def bands(count: int) -> list[tuple[int, ...]]:
    return [(T + 60 * n, 1, 1, 20, n % 90, (1, 80, 3, 9)[n // 50 % 4], 60 + n % 50) for n in range(count)]


def band_file(path: Path, count: int = 3000) -> Path:
    garmin = build.sample_table("GARMIN_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE")
    stages = build.sample_table("CMF_SLEEP_STAGE_SAMPLE", "DURATION", "STAGE")
    rows = {
        MI_BAND: bands(count),
        "GARMIN_ACTIVITY_SAMPLE": [(T + 60 * n, 1, 1, -1, n % 1400 * 5, 1, 70) for n in range(count // 3)],
        "CMF_SLEEP_STAGE_SAMPLE": [((T + 600 * n) * 1000, 1, 1, 600, n % 4) for n in range(count // 10)],
        "BASE_ACTIVITY_SUMMARY": [(n, None, (T + 9000 * n) * 1000, (T + 9000 * n + 900) * 1000, 32, 1, 1) for n in range(1, 40)],
    }
    return build.gadgetbridge(path, rows, garmin, stages)


def health_file(path: Path, count: int = 1500) -> Path:
    def record(n: int, **more: object) -> dict[str, object]:
        start = (T + 60 * n) * 1000
        whose = {"app_info_id": 1 + n % 2, "device_info_id": 1, "uuid": n.to_bytes(16, "big")}
        return {**whose, "start_time": start, "end_time": start + 60_000, "start_zone_offset": 7200, **more}

    rows = {
        "application_info_table": [(1, "a.b", "A", None), (2, "c.d", "C", None)],
        "steps_record_table": [record(n, count=n % 100) for n in range(count)],
        "heart_rate_record_table": [record(n) for n in range(count // 10)],
        "heart_rate_record_series_table": [(1 + n // 10, 60 + n % 80, (T + 6 * n) * 1000) for n in range(count)],
        "sleep_session_record_table": [record(n) for n in range(50)],
        "sleep_stages_table": [(None, 1 + n // 5, (T + n) * 1000, (T + n + 1) * 1000, n % 8) for n in range(250)],
        "exercise_session_record_table": [record(n, exercise_type=n % 62) for n in range(62)],
    }
    return build.make(path, build.HEALTH_CONNECT, rows)


def agd_file(path: Path, count: int = 3000) -> Path:
    wall = datetime(2024, 6, 1, tzinfo=UTC) - datetime(1, 1, 1, tzinfo=UTC)
    start = wall.days * 864_000_000_000
    data = [{"dataTimestamp": start + n * 100_000_000, "axis1": float(n % 700), "steps": float(n % 9)} for n in range(count)]
    settings = [(1, "epochlength", "10"), (2, "deviceserial", "A1"), *((n, f"setting{n}", "x" * 40) for n in range(3, 60))]
    return build.make(path, build.AGD, {"settings": settings, "data": data}, page_size=1024)


FILES: dict[str, tuple[Reader, Callable[[Path], Path]]] = {
    "gadgetbridge": (gadgetbridge.READER, band_file),
    "health_connect": (health_connect.READER, health_file),
    "agd": (agd.READER, agd_file),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("good")
    return {name: write(folder / f"{name}.db") for name, (_, write) in FILES.items()}


def survive(reader: Reader, path: Path) -> int:
    """Read all there is; return how many samples, every one of them believable. Raises: only what a reader may"""
    count = 0
    for item in reader.read(FileSource(path, path.name), OPTIONS):
        for stream in item.streams if isinstance(item, Recording) else ():
            one = stream.samples
            count += len(one.value)
            if isinstance(one, Intervals):
                assert believable(METRICS[stream.metric], one.start_ms, one.end_ms, one.value).all()
            assert (stream.coverage[:, 1] > stream.coverage[:, 0]).all()
    return count


@pytest.mark.parametrize("name", FILES)
def test_damaged_copies_give_samples_rejects_or_our_own_error(tmp_path: Path, good: dict[str, Path], name: str) -> None:
    reader, _ = FILES[name]
    undamaged = good[name].read_bytes()
    whole = survive(reader, good[name])
    draw = np.random.default_rng(7)
    copy, outcomes = tmp_path / "copy.db", {"read": 0, "refused": 0}
    for turn in range(120):
        data = bytearray(undamaged)
        for at in draw.integers(0, len(data) if turn % 3 else 1024, int(draw.integers(1, 40))).tolist():
            data[at] = int(draw.integers(0, 256))
        if turn % 4 == 0:
            at = int(draw.integers(0, len(data) - 2000))
            data[at : at + 2000] = draw.bytes(2000)
        copy.write_bytes(data[: int(draw.integers(0, len(data)))] if turn % 5 == 0 else data)
        try:
            assert survive(reader, copy) <= 3 * whole
            outcomes["read"] += 1
        except (DecodeError, MissingAnswer):
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 2


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_gives_what_comes_before_the_cut(tmp_path: Path, good: dict[str, Path], name: str) -> None:
    reader, _ = FILES[name]
    data = good[name].read_bytes()
    whole = survive(reader, good[name])
    counts = []
    for tenths in range(1, 10):
        (tmp_path / "cut.db").write_bytes(data[: len(data) * tenths // 10 // 512 * 512])
        taken = []
        try:
            for item in reader.read(FileSource(tmp_path / "cut.db", "cut.db"), OPTIONS):
                taken += [len(stream.samples.value) for stream in item.streams] if isinstance(item, Recording) else []
        except DecodeError:
            pass
        counts.append(sum(taken))
    assert all(count < whole for count in counts)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("at", "field"),
    [
        (16, b"\x00\x00"),
        (16, b"\x00\x01"),
        (16, b"\x40\x00"),
        (16, b"\x12\x34"),
        (18, b"\x09\x09"),
        (44, b"\xff\xff\xff\xff"),
        (100, b"\x00"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, good: dict[str, Path], name: str, at: int, field: bytes) -> None:
    reader, _ = FILES[name]
    data = bytearray(good[name].read_bytes())
    data[at : at + len(field)] = field
    (tmp_path / "a.db").write_bytes(data)
    assert table_names(FileSource(tmp_path / "a.db", "a.db")) == ()
    with pytest.raises(DecodeError):
        survive(reader, tmp_path / "a.db")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize("statement", [
    f"CREATE VIEW {{}} AS {ENDLESS} SELECT i AS TIMESTAMP, 1 AS DEVICE_ID, 5 AS STEPS, 60 AS HEART_RATE FROM n",
    "CREATE VIEW {} AS SELECT load_extension('x') AS TIMESTAMP, 1 AS DEVICE_ID, 5 AS STEPS",
    "CREATE VIRTUAL TABLE {} USING fts5(TIMESTAMP, DEVICE_ID, STEPS, RAW_KIND, HEART_RATE)",
    "CREATE VIRTUAL TABLE {} USING rtree(TIMESTAMP, DEVICE_ID, STEPS)",
])  # fmt: skip
def test_what_is_no_ordinary_table_is_not_there(tmp_path: Path, statement: str) -> None:
    path = build.make(tmp_path / "a.db", [*build.GADGETBRIDGE[:-1], statement.format(MI_BAND)], {"DEVICE": [build.BAND]})
    assert MI_BAND not in table_names(FileSource(path, "a.db"))
    assert survive(gadgetbridge.READER, path) == 0
    with open_database(FileSource(path, "a.db")) as database, pytest.raises(DecodeError, match="no such table"):
        next(database.batches(MI_BAND, ("STEPS",)))


def test_a_view_in_the_place_of_the_devices_is_refused(tmp_path: Path) -> None:
    view = "CREATE VIEW DEVICE AS SELECT 1 AS _id, 'a' AS NAME, 'b' AS MANUFACTURER, 'c' AS IDENTIFIER"
    with pytest.raises(DecodeError, match="no such table"):
        survive(gadgetbridge.READER, build.make(tmp_path / "a.db", [view, build.GADGETBRIDGE[-1]]))


@pytest.mark.parametrize("column", ["STEPS INTEGER AS (TIMESTAMP % 7)", "STEPS INTEGER AS (length(zeroblob(900000000))) STORED"])
def test_generated_columns_are_not_there(tmp_path: Path, column: str) -> None:
    table = f"CREATE TABLE {MI_BAND} (TIMESTAMP INTEGER, DEVICE_ID INTEGER, RAW_KIND INTEGER, HEART_RATE INTEGER, {column})"
    path = build.make(tmp_path / "a.db", [*build.GADGETBRIDGE[:-1], table], {"DEVICE": [build.BAND]})
    with open_database(FileSource(path, "a.db")) as database:
        assert database.columns(MI_BAND) == {"TIMESTAMP", "DEVICE_ID", "RAW_KIND", "HEART_RATE"}
    rejects = [item for item in gadgetbridge.READER.read(FileSource(path, "a.db"), OPTIONS) if not isinstance(item, Recording)]
    assert [(reject.place, reject.found) for reject in rejects] == [(f"a.db: {MI_BAND}", "none named STEPS")]


def test_triggers_and_defaults_do_nothing(tmp_path: Path) -> None:
    trigger = f"CREATE TRIGGER t AFTER INSERT ON DEVICE BEGIN DELETE FROM {MI_BAND}; END"
    path = build.gadgetbridge(tmp_path / "a.db", {MI_BAND: bands(10)}, trigger)
    before = path.read_bytes()
    assert survive(gadgetbridge.READER, path) > 0
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


def test_nothing_but_reading_is_allowed(tmp_path: Path) -> None:
    with open_database(FileSource(band_file(tmp_path / "a.db", 10), "a.db")) as database:
        connection = database._connection
        for statement in (
            "SELECT load_extension('x')",
            "SELECT hex(zeroblob(900000000))",
            f"{ENDLESS} SELECT count(*) FROM n",
            "ATTACH ':memory:' AS other",
            "CREATE TABLE x (y)",
            "DELETE FROM DEVICE",
            "PRAGMA query_only = OFF",
            "PRAGMA writable_schema = ON",
            "SELECT * FROM pragma_table_info('DEVICE')",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                connection.execute(statement).fetchall()


def test_names_that_are_sql_are_only_names(tmp_path: Path) -> None:
    name = "x\" UNION SELECT 1 -- ' "
    table = f'CREATE TABLE "{name.replace(chr(34), chr(34) * 2)}" (TIMESTAMP INTEGER, DEVICE_ID INTEGER, STEPS INTEGER)'
    path = build.gadgetbridge(tmp_path / "odd ?#%41 name.db", {MI_BAND: bands(3), name: [(T, 1, 5)]}, table)
    assert name in table_names(FileSource(path, "a.db"))
    rejects = [item for item in gadgetbridge.READER.read(FileSource(path, "a.db"), OPTIONS) if not isinstance(item, Recording)]
    assert [reject.place for reject in rejects] == [name]


def test_values_of_any_kind_become_numbers_or_missing(tmp_path: Path) -> None:
    given = [1, -5, 2.5, 3.5, -2.6, 7.0, 1e300, -1e300, None, "12", "x" * 1000, b"12", b"\x00" * 1000, 2**62, -(2**63)]
    path = build.make(tmp_path / "a.db", ["CREATE TABLE t (a, b BLOB)"], {"t": [(value, None) for value in given]})
    with open_database(FileSource(path, "a.db")) as database:
        values = [value for batch in database.batches("t", ("a",), ("c",)) for value in batch.columns["a"].tolist()]
        others = [value for batch in database.batches("t", ("a",), ("c",)) for value in batch.columns["c"].tolist()]
        rows = list(database.rows("t", ("a",), ("b", "c")))
    numbers = [1, -5, 3, 4, -3, 7, 2**63 - 1, -(2**63), *[MISSING] * 5, 2**62, -(2**63)]
    assert values == numbers
    assert others == [MISSING] * len(given)
    assert rows[9:12] == [("12", None, None), ("x" * 200, None, None), (None, None, None)]


def test_a_file_in_wal_mode_is_read_and_nothing_is_written_beside_it(tmp_path: Path) -> None:
    path = band_file(tmp_path / "a.db", 100)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("DELETE FROM CMF_SLEEP_STAGE_SAMPLE")
    connection.commit()
    connection.close()
    assert path.read_bytes()[18:20] == b"\x02\x02"
    assert survive(gadgetbridge.READER, path) > 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


def test_bytes_and_members_of_zips_are_read_like_files(tmp_path: Path) -> None:
    data = band_file(tmp_path / "a.db", 200).read_bytes()
    sources = (
        BytesSource(data, "b.db"),
        ZipSource(BytesSource(make_zip({"database/Gadgetbridge": data}), "z.zip")).member("database/Gadgetbridge"),
    )
    for source in sources:
        assert MI_BAND in table_names(source)
        counts = [
            len(stream.samples.value)
            for item in gadgetbridge.READER.read(source, OPTIONS)
            if isinstance(item, Recording)
            for stream in item.streams
        ]
        assert sum(counts) == survive(gadgetbridge.READER, tmp_path / "a.db")


def test_one_damaged_table_leaves_the_others(tmp_path: Path) -> None:
    path = band_file(tmp_path / "a.db")
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [MI_BAND]).fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(data)
    items = list(gadgetbridge.READER.read(FileSource(path, "a.db"), OPTIONS))
    recordings = [item for item in items if isinstance(item, Recording)]
    assert len(build.readings(recordings)) == 1000
    places = [item.place for item in items if not isinstance(item, Recording)]
    assert places == [f"a.db: {MI_BAND}"]


def _cells(page_size: int, child: int, count: int) -> bytes:
    """An interior page of a table whose every pointer leads to the same child. Source: fileformat2.html, 1.6"""
    keys = [struct.pack(">IB", child, key) for key in range(1, count + 1)]
    content = page_size - 5 * count
    pointers = b"".join(struct.pack(">H", content + 5 * number) for number in range(count))
    header = struct.pack(">BHHHBI", 5, 0, count, content, 0, child)
    return (header + pointers).ljust(content, b"\0") + b"".join(keys)


def _forest(path: Path, levels: int) -> Path:
    """A table of 121 ** levels times its one page of rows, in a few pages."""
    build.gadgetbridge(
        path, {MI_BAND: []}, "CREATE TABLE COLMI_ACTIVITY_SAMPLE (TIMESTAMP, DEVICE_ID, STEPS, RAW_KIND, HEART_RATE)"
    )
    connection = sqlite3.connect(path)
    connection.executemany("INSERT INTO COLMI_ACTIVITY_SAMPLE VALUES (?, 1, 5, 1, 70)", [(T + 3600 * n,) for n in range(50)])
    connection.commit()
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'COLMI_ACTIVITY_SAMPLE'").fetchone()[0]
    connection.close()
    data = path.read_bytes()
    pages = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    leaf = pages[root - 1]
    first = len(pages) + 1
    pages[root - 1] = _cells(4096, first, 120)
    pages += [_cells(4096, first + number + 1, 120) for number in range(levels - 1)] + [leaf]
    pages[0] = pages[0][:28] + struct.pack(">I", len(pages)) + pages[0][32:]
    path.write_bytes(b"".join(pages))
    return path


def test_a_tree_that_leads_everywhere_twice_is_stopped(tmp_path: Path) -> None:
    small = _forest(tmp_path / "small.db", 1)
    assert survive(gadgetbridge.READER, small) == 2 * 50 * 121
    start = time.process_time()
    with pytest.raises(Hostile, match="steps its file's size allows"):
        survive(gadgetbridge.READER, _forest(tmp_path / "large.db", 8))
    assert time.process_time() - start < 5


def test_a_page_that_is_its_own_child_is_refused(tmp_path: Path) -> None:
    path = _forest(tmp_path / "a.db", 1)
    data = bytearray(path.read_bytes())
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'COLMI_ACTIVITY_SAMPLE'").fetchone()[0]
    connection.close()
    data[(root - 1) * 4096 : root * 4096] = _cells(4096, root, 120)
    path.write_bytes(data)
    assert survive(gadgetbridge.READER, path) == 0


def test_a_schema_without_end_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE t0 (a)")
    connection.execute("PRAGMA writable_schema = ON")
    rows = [(f"t{n}", f"CREATE TABLE t{n} ({', '.join(f'c{column}' for column in range(20))})") for n in range(1, 12_000)]
    connection.executemany("INSERT INTO sqlite_schema VALUES ('table', ?1, ?1, 2, ?2)", rows)
    connection.execute("COMMIT")
    connection.close()
    with pytest.raises(Hostile), open_database(FileSource(path, "a.db")):
        pass
    assert table_names(FileSource(path, "a.db")) == ()


def _hostile_files(folder: Path) -> Iterator[Path]:
    """Files that cost memory or time in a reader that trusts them."""
    huge = build.gadgetbridge(folder / "blob.db", {MI_BAND: bands(5)})
    connection = sqlite3.connect(huge)
    for column in ("STEPS", "HEART_RATE", "RAW_KIND"):
        connection.execute(f"UPDATE {MI_BAND} SET {column} = zeroblob(30000000) WHERE TIMESTAMP = {T}")
    connection.execute("INSERT INTO DEVICE VALUES (2, ?, 'b', 'c', 1, 'd', 'e', 'f')", ["n" * 30_000_000])
    connection.commit()
    connection.close()
    yield huge
    yield _forest(folder / "forest.db", 8)
    yield build.make(
        folder / "view.db",
        [*build.GADGETBRIDGE[:-1], f"CREATE VIEW {MI_BAND} AS {ENDLESS} SELECT i TIMESTAMP, 1 DEVICE_ID, 5 STEPS FROM n"],
        {"DEVICE": [build.BAND]},
    )


MEASURE = """
import pathlib, resource, sys
from zoneinfo import ZoneInfo
from devices.errors import DecodeError
from devices.files.gadgetbridge import READER
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
for name in sys.argv[1:]:
    try:
        for item in READER.read(FileSource(pathlib.Path(name), name), ReadOptions(zone=ZoneInfo("UTC"))):
            pass
    except DecodeError:
        pass
# The high-water mark of this address space: `ru_maxrss` is at least that of the process that started this one.
peak = pathlib.Path("/proc/self/status")
if peak.exists():
    print(next(int(line.split()[1]) // 1024 for line in peak.read_text().splitlines() if line.startswith("VmHWM:")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_hostile_files_are_done_with_soon_and_in_little_memory(tmp_path: Path) -> None:
    files = [str(path) for path in _hostile_files(tmp_path)]
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) < 300
    assert time.monotonic() - start < 20
