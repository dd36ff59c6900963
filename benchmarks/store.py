"""The store beside plain SQLite rows and DuckDB: patient-day batches in, 90 days of one patient out, bytes a minute."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from devices import virtual
from devices.recording import METRICS, MINUTE_MS, Device
from ingest import people
from ingest.evidence import from_minutes
from ingest.minutes import ABSENT, MINUTES_PER_DAY
from ingest.store import Store, add, read_minutes

PATIENTS, DAYS = 10, 120
DUCKDB_BATCHES = 60
RUNS = 3
# What a store is filled with, and how to read from it and close it.
Filled = tuple[Callable[[], pd.DataFrame], Callable[[], None]]
Batch = tuple[int, int, dict[str, npt.NDArray[np.int16]]]


def batches() -> list[Batch]:
    """Return (patient, UTC day, minutes by metric) of virtual wearers, a day each, patients in turn."""
    found: dict[tuple[int, int], dict[str, npt.NDArray[np.int16]]] = {}
    for patient, wearer in enumerate(virtual.cast(3, PATIENTS, zone="UTC")):
        for day in virtual.truth(wearer, virtual.days_from(date(2026, 1, 12), DAYS)):
            heart_rate = np.where(day.state == virtual.State.WORN, day.heart_rate, ABSENT).astype(np.int16)
            minutes = {"steps": day.recorded, "heart_rate": heart_rate}
            found[patient, day.start_ms // MINUTE_MS // MINUTES_PER_DAY] = minutes
    return [(patient, day, minutes) for (patient, day), minutes in sorted(found.items(), key=lambda item: item[0][::-1])]


def rows_of(batch: Batch) -> Iterator[tuple[int, str, int, int]]:
    patient, day, minutes = batch
    for metric, values in minutes.items():
        known = np.flatnonzero(values != ABSENT)
        at = (day * MINUTES_PER_DAY + known).tolist()
        yield from zip([patient] * len(at), [metric] * len(at), at, values[known].tolist(), strict=True)


def count_rows(some: list[Batch]) -> int:
    return sum(int((values != ABSENT).sum()) for _, _, minutes in some for values in minutes.values())


def fill_ours(folder: Path, some: list[Batch]) -> Filled:
    store = Store(f"sqlite:///{folder / 'ours.db'}")
    with store.writing() as connection:
        owners = [people.add_patient(connection, f"p{number}", "UTC", 0).id for number in range(PATIENTS)]
        worn = [people.own_device(connection, owner, Device("v", "m", str(owner))) for owner in owners]
    for patient, day, minutes in some:
        with store.writing() as connection:
            for metric, values in minutes.items():
                evidence = from_minutes(METRICS[metric], day, values, ABSENT)
                add(connection, owners[patient], worn[patient], metric, evidence)

    def read() -> pd.DataFrame:
        last = some[-1][1]
        with store.reading() as connection:
            columns = {}
            for metric in ("steps", "heart_rate"):
                whole = np.full((90, MINUTES_PER_DAY), ABSENT, dtype=np.int16)
                (found,) = read_minutes(connection, owners[0], metric, last - 89, last)
                whole[found.grid.days - (last - 89)] = found.grid.minutes
                columns[metric] = whole.ravel()
            index = pd.date_range(pd.Timestamp(last - 89, unit="D"), periods=90 * MINUTES_PER_DAY, freq="min")
            return pd.DataFrame(columns, index=index)

    return read, store.close


def fill_sqlite(folder: Path, some: list[Batch]) -> Filled:
    connection = sqlite3.connect(folder / "SQLite rows.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE m (patient INT, metric TEXT, minute INT, value INT, PRIMARY KEY (patient, metric, minute)) WITHOUT ROWID"
    )
    upsert = "INSERT INTO m VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"
    for batch in some:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(upsert, rows_of(batch))
        connection.execute("COMMIT")

    def read() -> pd.DataFrame:
        last = some[-1][1]
        query = "SELECT metric, minute, value FROM m WHERE patient = 0 AND minute >= ? AND minute < ?"
        cursor = connection.execute(query, ((last - 89) * MINUTES_PER_DAY, (last + 1) * MINUTES_PER_DAY))
        frame = pd.DataFrame(cursor.fetchall(), columns=["metric", "minute", "value"])
        return frame.pivot(index="minute", columns="metric", values="value")

    return read, connection.close


def fill_duckdb(folder: Path, some: list[Batch]) -> Filled:
    connection = duckdb.connect(str(folder / "DuckDB.db"))
    connection.execute(
        "CREATE TABLE m (patient INT, metric TEXT, minute INT, value SMALLINT, PRIMARY KEY (patient, metric, minute))"
    )
    for batch in some:
        frame = pd.DataFrame(list(rows_of(batch)), columns=["patient", "metric", "minute", "value"])
        connection.register("incoming", frame)
        connection.execute(
            "INSERT INTO m SELECT * FROM incoming ON CONFLICT DO UPDATE SET value = greatest(m.value, excluded.value)"
        )
        connection.unregister("incoming")
    connection.execute("CHECKPOINT")

    def read() -> pd.DataFrame:
        query = "SELECT metric, minute, value FROM m WHERE patient = 0"
        return connection.execute(query).df().pivot(index="minute", columns="metric", values="value")

    return read, connection.close


ENGINES: dict[str, tuple[Callable[[Path, list[Batch]], Filled], int]] = {
    "ours": (fill_ours, PATIENTS * DAYS),
    "SQLite rows": (fill_sqlite, PATIENTS * DAYS),
    "DuckDB": (fill_duckdb, DUCKDB_BATCHES),
}


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def table() -> list[dict[str, object]]:
    """Return the rows of the table; see benchmarks/__main__.py."""
    every = batches()
    with tempfile.TemporaryDirectory(prefix="afoot-bench-") as name:
        folder = Path(name)
        speeds: dict[str, float] = {}
        filled: dict[str, Filled] = {}
        for engine, (fill, some) in ENGINES.items():
            start = time.perf_counter()
            filled[engine] = fill(folder, every[:some])
            speeds[engine] = count_rows(every[:some]) / (time.perf_counter() - start)
        frame, peer = filled["ours"][0](), filled["SQLite rows"][0]()
        assert int(frame["steps"][frame["steps"] != ABSENT].sum()) == int(peer["steps"].sum())
        reads = {engine: min(_seconds(read) for _ in range(RUNS)) * 1000 for engine, (read, _) in filled.items()}
        for _, close in filled.values():
            close()
        sizes = {
            engine: (folder / f"{engine}.db").stat().st_size / count_rows(every[:some]) for engine, (_, some) in ENGINES.items()
        }
    rows: list[dict[str, object]] = []
    for peer_name in ("SQLite rows", "DuckDB"):
        rows += [
            {
                "what": "patient-day batches to the store",
                "ours": speeds["ours"] / 1e6,
                "peer": speeds[peer_name] / 1e6,
                "peer_name": peer_name,
                "ratio": speeds["ours"] / speeds[peer_name],
                "unit": "M minutes/s",
                "required": ">= 2",
            },
            {
                "what": "size of the store",
                "ours": sizes["ours"],
                "peer": sizes[peer_name],
                "peer_name": peer_name,
                "ratio": sizes[peer_name] / sizes["ours"],
                "unit": "bytes/minute",
                "required": "<= 2.5",
            },
            {
                "what": "90 days of one patient to a frame",
                "ours": reads["ours"],
                "peer": reads[peer_name],
                "peer_name": peer_name,
                "ratio": reads[peer_name] / reads["ours"],
                "unit": "ms",
                "required": "<= 15",
            },
        ]
    return rows
