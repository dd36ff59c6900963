"""Databases like those that the apps export, made by hand: the tables are theirs, the rows are the test's."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.files.reader import Reader, ReadOptions
from devices.files.source import FileSource
from devices.recording import Counter, Intervals, Recording, Reject, Span, SpanKind

_SAMPLE = '"TIMESTAMP" INTEGER NOT NULL, "DEVICE_ID" INTEGER NOT NULL, "USER_ID" INTEGER NOT NULL'
_KEY = 'PRIMARY KEY ("TIMESTAMP", "DEVICE_ID") ON CONFLICT REPLACE) WITHOUT ROWID'


def sample_table(name: str, *columns: str) -> str:
    return f'CREATE TABLE "{name}" ({_SAMPLE}, {", ".join(f"{column} INTEGER" for column in columns)}, {_KEY}'


GADGETBRIDGE = (
    "CREATE TABLE USER_ATTRIBUTES (_id INTEGER PRIMARY KEY, HEIGHT_CM INTEGER)",
    "CREATE TABLE USER (_id INTEGER PRIMARY KEY, NAME TEXT NOT NULL, BIRTHDAY INTEGER NOT NULL, GENDER INTEGER NOT NULL)",
    "CREATE TABLE DEVICE_ATTRIBUTES (_id INTEGER PRIMARY KEY, FIRMWARE_VERSION1 TEXT NOT NULL)",
    "CREATE TABLE DEVICE (_id INTEGER PRIMARY KEY, NAME TEXT NOT NULL, MANUFACTURER TEXT NOT NULL, IDENTIFIER TEXT NOT NULL "
    "UNIQUE, TYPE INTEGER NOT NULL, TYPE_NAME TEXT, MODEL TEXT, ALIAS TEXT)",
    "CREATE TABLE BASE_ACTIVITY_SUMMARY (_id INTEGER PRIMARY KEY, NAME TEXT, START_TIME INTEGER NOT NULL, END_TIME INTEGER "
    "NOT NULL, ACTIVITY_KIND INTEGER NOT NULL, DEVICE_ID INTEGER NOT NULL, USER_ID INTEGER NOT NULL)",
    sample_table("MI_BAND_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE"),
)
BAND = (1, "Amazfit Bip", "Huami", "AA:BB:CC:DD:EE:01", 12, "AMAZFITBIP", "V0.1", "Ann's watch")

_RECORD = (
    "row_id INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB UNIQUE NOT NULL, last_modified_time INTEGER, client_record_id TEXT, "
    "client_record_version TEXT, device_info_id INTEGER, app_info_id INTEGER, recording_method INTEGER, dedupe_hash BLOB UNIQUE"
)
_INTERVAL = (
    f"{_RECORD}, start_time INTEGER, start_zone_offset INTEGER, end_time INTEGER, end_zone_offset INTEGER, local_date INTEGER"
)
HEALTH_CONNECT = (
    "CREATE TABLE application_info_table (row_id INTEGER PRIMARY KEY, package_name TEXT NOT NULL UNIQUE, app_name TEXT, "
    "app_icon BLOB)",
    "CREATE TABLE device_info_table (row_id INTEGER PRIMARY KEY, manufacturer TEXT, model TEXT, device_type INTEGER)",
    f"CREATE TABLE steps_record_table ({_INTERVAL}, count INTEGER)",
    f"CREATE TABLE heart_rate_record_table ({_INTERVAL})",
    "CREATE TABLE heart_rate_record_series_table (parent_key INTEGER, beats_per_minute INTEGER, epoch_millis INTEGER)",
    f"CREATE TABLE sleep_session_record_table ({_INTERVAL}, notes TEXT, title TEXT)",
    "CREATE TABLE sleep_stages_table (row_id INTEGER PRIMARY KEY, parent_key INTEGER NOT NULL, stage_start_time INTEGER, "
    "stage_end_time INTEGER, stage_type INTEGER)",
    f"CREATE TABLE exercise_session_record_table ({_INTERVAL}, notes TEXT, exercise_type INTEGER, title TEXT, has_route INTEGER)",
)

AGD = (
    "CREATE TABLE settings (settingID INTEGER PRIMARY KEY, settingName VARCHAR(64), settingValue VARCHAR(8192))",
    "CREATE TABLE data (dataTimestamp INTEGER, axis1 REAL, axis2 REAL, axis3 REAL, steps REAL, lux REAL, inclineOff REAL, "
    "inclineStanding REAL, inclineSitting REAL, inclineLying REAL)",
    "CREATE TABLE sleep (sleepID INTEGER PRIMARY KEY, inBedTimestamp INTEGER, outBedTimestamp INTEGER)",
    "CREATE TABLE filters (filterID INTEGER PRIMARY KEY, filterStartTimestamp INTEGER, filterStopTimestamp INTEGER)",
    "CREATE INDEX IX_dataTimestamp ON data (dataTimestamp)",
)
PERSONAL = {"subjectname": "Ann Example", "dateOfBirth": "619999999999999999", "sex": "Female", "notes": "after surgery"}

Rows = Mapping[str, Any]


def make(path: Path, schema: Iterable[str], rows: Rows | None = None, page_size: int = 4096) -> Path:
    """Write a database. rows: table -> whole rows, or those columns of them that matter."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {page_size}")
    for statement in schema:
        connection.execute(statement)
    for table, given in (rows or {}).items():
        insert(connection, table, given)
    connection.commit()
    connection.close()
    return path


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Any]) -> None:
    name = table.replace('"', '""')
    columns = [column[1] for column in connection.execute(f'PRAGMA table_info("{name}")')]
    for number, row in enumerate(rows):
        values = row
        if isinstance(row, Mapping):
            whole = {"uuid": number.to_bytes(16, "big"), "USER_ID": 1, **row}
            values = [whole.get(column) for column in columns]
        connection.execute(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})', values)


def gadgetbridge(path: Path, rows: Rows, *tables: str, devices: Sequence[Sequence[object]] = (BAND,)) -> Path:
    return make(path, (*GADGETBRIDGE, *tables), {"DEVICE": devices, **rows})


def read(reader: Reader, path: Path, options: ReadOptions | None = None) -> tuple[list[Recording], list[Reject]]:
    items = list(reader.read(FileSource(path, path.name), options or ReadOptions()))
    return [item for item in items if isinstance(item, Recording)], [item for item in items if isinstance(item, Reject)]


def samples(recordings: Iterable[Recording], metric: str) -> list[tuple[int, int, int]]:
    """Return (start, end, value) of all interval samples of a metric."""
    found: list[tuple[int, int, int]] = []
    for recording in recordings:
        for stream in recording.streams:
            if stream.metric == metric and isinstance(stream.samples, Intervals):
                one = stream.samples
                found += zip(one.start_ms.tolist(), one.end_ms.tolist(), one.value.tolist(), strict=True)
    return sorted(found)


def readings(recordings: Iterable[Recording]) -> list[tuple[int, int, int, int]]:
    """Return (at, since, channel, value) of all counters."""
    found: list[tuple[int, int, int, int]] = []
    for recording in recordings:
        for stream in recording.streams:
            if isinstance(stream.samples, Counter):
                one = stream.samples
                columns = (one.at_ms, one.since_ms, one.channel, one.value)
                found += zip(*(column.tolist() for column in columns), strict=True)
    return sorted(found)


def coverage(recordings: Iterable[Recording], metric: str = "steps") -> list[tuple[int, int]]:
    """Return the coverage of a metric, pieces that touch joined."""
    pieces = sorted(
        (start, end)
        for recording in recordings
        for stream in recording.streams
        if stream.metric == metric
        for start, end in stream.coverage.tolist()
    )
    joined: list[tuple[int, int]] = []
    for start, end in pieces:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def spans(recordings: Iterable[Recording], kind: SpanKind) -> list[tuple[int, int, dict[str, str | int | float]]]:
    found = [span for recording in recordings for span in recording.spans if span.kind is kind]
    return [(span.start_ms, span.end_ms, dict(span.attributes)) for span in sorted(found, key=_start_of)]


def _start_of(span: Span) -> int:
    return span.start_ms
