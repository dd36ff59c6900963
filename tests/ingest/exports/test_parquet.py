"""Parquet: what DuckDB reads there against what was put in, with plain Python sums."""

import builtins
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest

from devices.recording import Span
from ingest.exports.extent import every_day
from ingest.exports.parquet import MissingExtra, write_parquet
from ingest.local_days import LocalDay, local_days
from ingest.people import Patient
from ingest.store import Store
from tests.ingest.exports.making import EXAMPLE_SPANS, PHONE, RING, add_patient, example_totals, put, walk_through
from tests.ingest.making import DAY, MINUTE, intervals, open_store

pytest.importorskip("pyarrow")

MARCH = int(datetime(2024, 3, 30, tzinfo=UTC).timestamp()) * 1000
BERLIN = ZoneInfo("Europe/Berlin")


def write(store: Store, patient: Patient, folder: Path, days: Sequence[LocalDay] | None = None) -> list[Path]:
    with store.reading() as connection:
        return write_parquet(connection, patient, every_day(connection, patient) if days is None else days, folder)


def ask(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        for name in ("minutes", "spans", "totals", "devices"):
            database.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
        return database.execute(query).fetchall()


def test_minutes_as_duckdb_sees_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    walked = walk_through(rng, MARCH, 3 * 1440)
    pulse = [(at, at, int(rng.integers(50, 150))) for at in range(MARCH, MARCH + DAY, 5 * MINUTE)]
    quarters = [(at, at + 15 * MINUTE, 45) for at in range(MARCH, MARCH + DAY, 15 * MINUTE)]
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(walked, [(MARCH, MARCH + 3 * DAY)]), intervals(pulse, metric="heart_rate")])
        put(store, patient, PHONE, [intervals(quarters)])
        assert sorted(path.name for path in write(store, patient, tmp_path / "out")) == sorted(
            path.name for path in (tmp_path / "out").iterdir()
        )
    found = ask(
        tmp_path / "out",
        "SELECT device, metric, count(*), sum(value), min(resolution_s), max(resolution_s) FROM minutes "
        "GROUP BY ALL ORDER BY ALL",
    )
    assert found == [
        (PHONE.key, "steps", 1440, 96 * 45, 900, 900),
        (RING.key, "heart_rate", len(pulse), sum(value for _, _, value in pulse), 60, 60),
        (RING.key, "steps", 3 * 1440, sum(value for _, _, value in walked), 60, 60),
    ]
    rows = ask(
        tmp_path / "out",
        f"SELECT epoch_ms(minute), value FROM minutes WHERE value > 0 AND device = '{RING.key}' AND metric = 'steps'",
    )
    assert sorted(rows) == [(start, value) for start, _, value in walked]


def test_local_days_of_23_hours_from_the_offset_column(tmp_path: Path) -> None:
    rows = [(at, at + MINUTE, 1 + at // MINUTE % 90) for at in range(MARCH, MARCH + 3 * DAY, MINUTE)]
    expected: dict[date, int] = {}
    for start, _, value in rows:
        day = datetime.fromtimestamp(start / 1000, BERLIN).date()
        expected[day] = expected.get(day, 0) + value
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(rows)])
        write(store, patient, tmp_path / "all")
        days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 3, 31), date(2024, 3, 31))
        write(store, patient, tmp_path / "one", days)
    local_day = "CAST(timezone('UTC', minute) + to_minutes(offset_min) AS DATE)"
    query = f"SELECT {local_day} AS day, sum(value), count(*) FROM minutes GROUP BY day ORDER BY day"
    found = ask(tmp_path / "all", query)
    assert {day: total for day, total, _ in found} == expected
    assert [count for day, _, count in found if day == date(2024, 3, 31)] == [23 * 60]
    assert ask(tmp_path / "one", query) == [(date(2024, 3, 31), expected[date(2024, 3, 31)], 23 * 60)]


def test_spans_totals_and_devices(tmp_path: Path) -> None:
    spans = [
        Span(kind, MARCH + n * 7_777_000, MARCH + n * 7_777_000 + 5_555_500, said) for n, (kind, said) in enumerate(EXAMPLE_SPANS)
    ]
    with open_store(tmp_path) as store:
        patient = add_patient(store, name="Erika Mustermann")
        put(store, patient, RING, [], spans, example_totals(date(2024, 3, 30)))
        put(store, patient, PHONE, [], spans[:1])
        write(store, patient, tmp_path / "out")
    found = ask(
        tmp_path / "out", f"SELECT kind, epoch_ms(start), epoch_ms(\"end\") FROM spans WHERE device = '{RING.key}' ORDER BY start"
    )
    assert found == [(span.kind.value, span.start_ms, span.end_ms) for span in spans]
    said = ask(
        tmp_path / "out",
        "SELECT attributes->>'name', CAST(attributes->'steps' AS INT) FROM spans WHERE kind = 'workout' ORDER BY start",
    )
    assert said == [('Round the "block", twice', 812), (None, None), ("", None), (' Wörld, "cup" ', 1_234_567)]
    assert ask(tmp_path / "out", "SELECT * FROM totals ORDER BY day") == [
        (RING.key, "steps", date(2024, 3, 30), 4321),
        (RING.key, "steps", date(2024, 3, 31), 0),
    ]
    assert ask(tmp_path / "out", "SELECT * EXCLUDE priority FROM devices ORDER BY device") == [
        (PHONE.key, PHONE.vendor, PHONE.model, None, PHONE.name),
        (RING.key, RING.vendor, RING.model, RING.serial, ""),
    ]
    about = ask(
        tmp_path / "out",
        f"SELECT DISTINCT value FROM parquet_kv_metadata('{tmp_path / 'out' / 'minutes.parquet'}') WHERE key = 'afoot.patient'",
    )
    assert about == [(patient.pseudonym.encode(),)]
    for path in (tmp_path / "out").iterdir():
        assert b"Mustermann" not in path.read_bytes()


def test_a_patient_without_data_gives_files_without_rows(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        write(store, add_patient(store), tmp_path / "out")
    for name in ("minutes", "spans", "totals", "devices"):
        assert ask(tmp_path / "out", f"SELECT count(*) FROM {name}") == [(0,)]


def test_months_are_row_groups(tmp_path: Path) -> None:
    """What is held in memory is a month of one device and metric."""
    first = int(datetime(2024, 1, 31, tzinfo=UTC).timestamp()) * 1000
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([], [(first, first + 31 * DAY)])])
        write(store, patient, tmp_path / "out")
    path = tmp_path / "out" / "minutes.parquet"
    groups = ask(tmp_path / "out", f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('{path}') ORDER BY 1")
    assert [rows for _, rows in groups if rows] == [1440, 29 * 1440, 1440]
    assert datetime.fromtimestamp(first / 1000, UTC) + timedelta(days=31) == datetime(2024, 3, 2, tzinfo=UTC)


def test_without_pyarrow_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    with open_store(tmp_path) as store:
        patient = add_patient(store)
        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(MissingExtra, match=r"afoot\[parquet\]"):
            write(store, patient, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_the_files_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals([(MARCH, MARCH + MINUTE, 3)])])
        write(store, patient, tmp_path / "out")
        before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr("ingest.exports.parquet._totals", fail)
        with pytest.raises(OSError, match="full"):
            write(store, patient, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
