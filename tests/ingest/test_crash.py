"""`kill -9` at any instant loses nothing acknowledged, and the same call again completes the import."""

import os
import random
import signal
import time
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select

from devices.files.reader import ReadOptions
from ingest import ledger, people, tables
from ingest.archive import Archive
from ingest.collect.files import find_files, import_files
from ingest.store import Store, read_minutes

MOMENTS = 50
DAYS = 20
OPTIONS = ReadOptions(ZoneInfo("UTC"))


def write_exports(folder: Path) -> None:
    """Days of one ring, each file overlapping the next by an hour, and one file large enough to live beside the store."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    head = "start,end,metric,value,device\n"
    values = rng.integers(0, 100, DAYS * 1440)

    def rows(first: int, count: int) -> str:
        lines = []
        for minute in range(first, min(first + count, len(values))):
            at = date(2026, 1, 1) + timedelta(days=minute // 1440)
            lines.append(f"{at}T{minute % 1440 // 60:02}:{minute % 60:02}:00Z,,steps,{values[minute]},ring\n")
        return "".join(lines)

    for day in range(DAYS):
        (folder / f"day{day:02}.csv").write_text(head + rows(day * 1440, 1500))
    (folder / "all.csv").write_text(head + rows(0, len(values)))


def import_and_tell(home: Path, exports: Path, pipe: int) -> None:
    """The killed process: import, and write the hash of each file the moment its outcome is yielded."""
    store = Store(f"sqlite:///{home / 'afoot.db'}")
    with store.reading() as connection:
        patient = people.find_patient(connection, "p")
    for outcome in import_files(store, Archive(home / "archive"), patient, find_files([exports]), OPTIONS, 0):
        os.write(pipe, outcome.hash.encode())


def run_until(home: Path, exports: Path, seconds: float | None) -> tuple[list[str], bool]:
    """Fork an import, kill it after so many seconds (None: never). Returns the acknowledged hashes, and whether it ended."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # The test runner has threads; the child touches nothing of theirs and ends by _exit or by the kill.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.close(read)
            import_and_tell(home, exports, write)
        finally:
            os._exit(0)
    os.close(write)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return [told[place : place + 64] for place in range(0, len(told), 64)], os.WIFEXITED(status)


def new_home(home: Path) -> None:
    home.mkdir()
    store = Store(f"sqlite:///{home / 'afoot.db'}")
    with store.writing() as connection:
        people.add_patient(connection, "p", "UTC", 0)
    store.close()


def content(home: Path) -> list[tuple[Any, ...]]:
    store = Store(f"sqlite:///{home / 'afoot.db'}")
    with store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(select(tables.minutes).order_by(*tables.minutes.primary_key))]
    store.close()
    return rows


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    write_exports(exports)
    new_home(tmp_path / "whole")
    started = time.monotonic()
    told, ended = run_until(tmp_path / "whole", exports, None)
    long = time.monotonic() - started
    assert ended
    assert len(told) == DAYS + 1
    expected = content(tmp_path / "whole")
    rng = random.Random(7)
    killed, moment, home = 0, 0, tmp_path / "home0"
    new_home(home)
    acknowledged: set[str] = set()
    while moment < MOMENTS or killed <= MOMENTS // 3:
        moment += 1
        seconds = rng.random() * long * 1.1
        told, ended = run_until(home, exports, seconds)
        killed += not ended
        if ended and not acknowledged:
            long = min(long, seconds)  # the machine was busier when the whole import was timed
        acknowledged.update(told)
        store = Store(f"sqlite:///{home / 'afoot.db'}")
        with store.reading() as connection:
            done = {entry.hash for entry in ledger.list_imports(connection, state=ledger.DONE)}
            assert acknowledged <= done
            read_minutes(connection, 1, "steps", 0, 99_999)
        store.close()
        if len(acknowledged) == DAYS + 1:
            run_until(home, exports, None)
            assert content(home) == expected
            home, acknowledged = tmp_path / f"home{moment}", set()
            new_home(home)
    run_until(home, exports, None)
    assert content(home) == expected
