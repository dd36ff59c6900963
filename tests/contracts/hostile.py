"""Inputs built to exhaust a reader, each written as one file; and the program that imports them one by one and measures itself.

Run as a program with a folder: imports every file in `hostile` of it between two good ones, and prints what each took as JSON.
"""

import json
import os
import resource
import sqlite3
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource, FileSource
from ingest import people
from ingest.archive import Archive
from ingest.collect.files import find_files, import_files
from ingest.store import Store

MIB = 1 << 20
APPLE = b'<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData ANY>\n]>\n<HealthData locale="de_DE">\n'
LAUGHING_RECORD = (
    b'<Record type="HKQuantityTypeIdentifierStepCount" sourceName="&l9;" unit="count" startDate="2026-03-01 10:00:00 +0100" '
    b'endDate="2026-03-01 10:01:00 +0100" value="&l9;"/>\n'
)
TCX = b'<?xml version="1.0"?>\n<TrainingCenterDatabase><Activities><Activity Sport="'
GPX = b'<?xml version="1.0"?>\n<gpx creator="'


def good_csv(hour: int) -> bytes:
    return b"start,value\n" + b"".join(b"2026-03-01T%02d:%02d:00Z,7\n" % (hour, minute) for minute in range(60))


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def entities(root: bytes) -> bytes:
    """A billion laughs."""
    levels = b"".join(b'<!ENTITY l%d "%s">\n' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return (
        b'<?xml version="1.0"?>\n<!DOCTYPE '
        + root
        + b' [\n<!ENTITY l0 "lol">\n'
        + levels
        + b"]>\n<"
        + root
        + b">&l9;</"
        + root
        + b">"
    )


def crowded_zip() -> bytes:
    """More members than an export has, in a directory of its own making: 30 bytes each, all of them at one place."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 300_000
    size = len(entry) * count
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, size, 4, 0)
    return b"PK\x03\x04" + entry * count + end


def zero_fields() -> bytes:
    """A FIT file of messages that hold nothing, one a byte."""
    data = bytes((0x40, 0, 0, 20, 0, 0)) + bytes(5 * MIB)
    return struct.pack("<BBHI4sH", 14, 0x20, 2132, len(data), b".FIT", 0) + data + b"\0\0"


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")


def endless_view(path: Path) -> None:
    """Tables as Gadgetbridge has them, the samples being a view that counts for ever."""
    database(
        path,
        "CREATE TABLE DEVICE (_id INTEGER PRIMARY KEY, NAME TEXT, MANUFACTURER TEXT, IDENTIFIER TEXT, TYPE INTEGER, MODEL TEXT)",
        "CREATE TABLE USER (_id INTEGER PRIMARY KEY, NAME TEXT)",
        "CREATE TABLE USER_ATTRIBUTES (_id INTEGER PRIMARY KEY)",
        "CREATE TABLE DEVICE_ATTRIBUTES (_id INTEGER PRIMARY KEY)",
        "CREATE TABLE BASE_ACTIVITY_SUMMARY (_id INTEGER PRIMARY KEY, NAME TEXT, START_TIME INTEGER, END_TIME INTEGER, "
        "ACTIVITY_KIND INTEGER, DEVICE_ID INTEGER, USER_ID INTEGER)",
        "CREATE VIEW MI_BAND_ACTIVITY_SAMPLE AS WITH RECURSIVE n(TIMESTAMP) AS (SELECT 1 UNION ALL SELECT TIMESTAMP + 1 FROM n) "
        "SELECT TIMESTAMP, 1 AS DEVICE_ID, 1 AS USER_ID, 1 AS RAW_INTENSITY, 1 AS STEPS, 1 AS RAW_KIND, 1 AS HEART_RATE FROM n",
    )


def generated_column(path: Path) -> None:
    """A health export whose count is a program of its own."""
    database(
        path,
        "CREATE TABLE application_info_table (row_id INTEGER PRIMARY KEY, package_name TEXT, app_name TEXT)",
        "CREATE TABLE steps_record_table (row_id INTEGER PRIMARY KEY, start_time INTEGER, end_time INTEGER, app_info_id INTEGER, "
        "count INTEGER GENERATED ALWAYS AS (length(hex(zeroblob(20000000)))) VIRTUAL)",
        "INSERT INTO steps_record_table (start_time, end_time, app_info_id) VALUES (1772352000000, 1772352060000, 1)",
    )


def many_tables(path: Path) -> None:
    database(path, *(f"CREATE TABLE t{number} (a)" for number in range(6_000)))


BYTES: Mapping[str, Callable[[], bytes]] = {
    "bomb.zip": lambda: zipped({"export.xml": APPLE + bytes(100 * MIB)}),
    "nest.zip": lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c.csv": good_csv(3)})})}),
    "inner bomb.zip": lambda: zipped({"a.zip": zipped({"steps.csv": bytes(40 * MIB)})}),
    "crowded.zip": crowded_zip,
    "laughs apple.xml": lambda: entities(b"HealthData").replace(b"&l9;</", LAUGHING_RECORD + b"</"),
    "laughs.tcx": lambda: entities(b"TrainingCenterDatabase"),
    "laughs.gpx": lambda: entities(b"gpx"),
    "attribute apple.xml": lambda: APPLE + b'<Record type="' + b"a" * (50 * MIB) + b'"/></HealthData>',
    "attribute.tcx": lambda: TCX + b"a" * (50 * MIB) + b'"/></Activities></TrainingCenterDatabase>',
    "attribute.gpx": lambda: GPX + b"a" * (50 * MIB) + b'"></gpx>',
    "brackets.json": lambda: b"[" * (20 * MIB),
    "steps-2026-03-01.json": lambda: b'[{"dateTime":"03/01/26 00:00:00","value":"1"},' + b"[" * (20 * MIB),
    "points.json": lambda: b'[{"header":{"schema_id":{"namespace":"omh"}},"body":' + b"[" * (20 * MIB),
    "digits.json": lambda: b'[{"dateTime":"03/01/26 00:00:00","value":' + b"9" * (20 * MIB) + b"}]",
    "derived.json": lambda: b'{"Data Source":"derived:com.google.step_count.delta:x","Data Points":[' + b"{" * (20 * MIB),
    "quote.csv": lambda: b'start,value\n2026-03-01T00:00:00Z,"' + b"a" * (50 * MIB),
    "line.csv": lambda: b"start,value\n" + b"," * (50 * MIB),
    "devices.csv": lambda: b"start,value,device\n" + b"".join(b"2026-03-01T01:00:00Z,1,d%d\n" % n for n in range(300_000)),
    "zero.fit": zero_fields,
}
PLACES: Mapping[str, Callable[[Path], None]] = {
    "Gadgetbridge": endless_view,
    "health_connect_export.db": generated_column,
    "tables.db": many_tables,
    "pipe": os.mkfifo,
    "link": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to("loop"),
}


def write_all(folder: Path) -> None:
    folder.mkdir()
    for name, make in BYTES.items():
        (folder / name).write_bytes(make())
    for name, place in PLACES.items():
        place(folder / name)


def peak_mib() -> float:
    """The most memory this process has held since `forget_peak`; where that cannot be reset, since it began."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def forget_peak() -> None:
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def main(folder: Path) -> None:
    store, archive = Store(f"sqlite:///{folder / 'afoot.db'}", durable=False), Archive(folder / "archive")
    options = ReadOptions(ZoneInfo("Europe/Berlin"), "utc")
    found = []
    for number, path in enumerate(sorted((folder / "hostile").iterdir())):
        with store.writing() as connection:
            patient = people.add_patient(connection, f"P{number}", "Europe/Berlin", 0)
        (hostile,) = find_files([path]) if path.exists() else [FileSource(path, path.name)]
        files = [BytesSource(good_csv(8), "a.csv"), hostile, BytesSource(good_csv(9), "b.csv")]
        forget_peak()
        began = time.perf_counter()
        outcomes = {outcome.name: outcome for outcome in import_files(store, archive, patient, files, options, 0)}
        found.append(
            {
                "name": path.name,
                "seconds": time.perf_counter() - began,
                "mib": peak_mib(),
                "refused": list(outcomes[path.name].refused),
                "rejects": [f"expected {one.expected}, found {one.found}" for one in outcomes[path.name].rejects],
                "minutes": outcomes[path.name].change.inserted,
                "kept": [outcomes[name].change.inserted for name in ("a.csv", "b.csv")],
            }
        )
    store.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
