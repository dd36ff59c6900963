"""The plain CSV: exported, imported into an empty store and exported again, all is the same."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Connection

from devices.files.plain_csv import COLUMNS
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import METRICS, Device, Span, VendorTotal
from devices.virtual import Wearer, days_from, write_apple, write_fit, write_gadgetbridge
from ingest.archive import Archive
from ingest.collect.files import import_files
from ingest.exports.plain import write_csv
from ingest.local_days import LocalDay, local_days
from ingest.people import Patient
from ingest.store import Store
from ingest.timeline import read_days
from tests.ingest.exports.making import (
    EXAMPLE_SPANS,
    PHONE,
    RING,
    STRAP,
    add_patient,
    bring_back,
    example_totals,
    export,
    minutes_of,
    put,
    spans_of,
    totals_of,
    walk_through,
)
from tests.ingest.making import DAY, MINUTE, counter, intervals, open_store
from tests.shared import shared

MARCH = int(datetime(2024, 3, 30, tzinfo=UTC).timestamp()) * 1000
BERLIN = ZoneInfo("Europe/Berlin")


def as_csv(connection: Connection, patient: Patient, days: Sequence[LocalDay]) -> bytes:
    text = io.StringIO(newline="")
    write_csv(connection, patient, days, text)
    return text.getvalue().encode()


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def round_trip(folder: Path, store: Store, patient: Patient) -> None:
    first = export(store, patient, as_csv)
    (folder / "again").mkdir()
    with open_store(folder / "again") as again:
        other = add_patient(again, patient.zone, "someone else")
        outcome = bring_back(folder / "again", again, other, first, "export.csv")
        assert outcome.rejects == ()
        assert minutes_of(again, other, list(METRICS)) == minutes_of(store, patient, list(METRICS))
        assert spans_of(again, other) == {_as_the_table_has_it(*span) for span in spans_of(store, patient)}
        assert totals_of(again, other) == totals_of(store, patient)
        assert export(again, other, as_csv) == first


def _as_the_table_has_it(device: str, kind: str, start_ms: int, end_ms: int, attributes: str) -> tuple[object, ...]:
    """A span with what an empty cell means said of it."""
    unsaid = {"sleep": {"stage": "asleep"}, "workout": {"activity": "other"}}.get(kind, {})
    return device, kind, start_ms, end_ms, json.dumps({**unsaid, **json.loads(attributes)}, sort_keys=True)


def take_in(folder: Path, store: Store, patient: Patient, files: Sequence[FileSource]) -> None:
    outcomes = list(import_files(store, Archive(folder / "archive"), patient, files, ReadOptions(ZoneInfo(patient.zone)), 0))
    assert all(outcome.refused == () for outcome in outcomes)
    assert sum(outcome.change.inserted for outcome in outcomes) > 0


def test_the_header_is_that_of_the_definition(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        assert export(store, patient, as_csv) == (",".join(COLUMNS) + "\n").encode()


def test_everything_comes_back(tmp_path: Path) -> None:
    """Two devices with all metrics, all kinds of span, totals, over the end of a month and a clock change."""
    rng = np.random.default_rng(1)
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        steps = intervals(walk_through(rng, MARCH, 4 * 1440), [(MARCH, MARCH + 4 * DAY)])
        pulse = [(at, at, int(rng.integers(50, 120))) for at in range(MARCH, MARCH + 3 * DAY, 7 * MINUTE)]
        counts = intervals(walk_through(rng, MARCH, 600, 0.9), metric="counts")
        level = [(at, at, 20) for at in range(MARCH, MARCH + 60 * MINUTE, MINUTE)]
        spans = [
            Span(kind, MARCH + n * 7_777_000, MARCH + n * 7_777_000 + 5_555_000, said)
            for n, (kind, said) in enumerate(EXAMPLE_SPANS)
        ]
        put(store, patient, RING, [steps, intervals(pulse, metric="heart_rate")], spans, example_totals(date(2024, 3, 30)))
        put(
            store,
            patient,
            PHONE,
            [counts, intervals(level, metric="intensity")],
            [spans[0]],
            [VendorTotal(date(2024, 4, 1), "steps", 9)],
        )
        round_trip(tmp_path, store, patient)


def test_samples_of_any_length_keep_their_resolution(tmp_path: Path) -> None:
    """Quarter hours, odd seconds, two accounts of the same time, an instant within a minute: none is made finer than it was."""
    rng = np.random.default_rng(2)
    quarters = [(at, at + 15 * MINUTE, int(rng.integers(0, 900))) for at in range(MARCH, MARCH + 3 * DAY, 15 * MINUTE)]
    odd = [(MARCH + 7_123 * n, MARCH + 7_123 * n + 5_001, n % 40) for n in range(2000)]
    twice = [(MARCH + 100 * MINUTE, MARCH + 200 * MINUTE, 800), (MARCH + 150 * MINUTE, MARCH + 160 * MINUTE, 500)]
    midnight = [(MARCH + DAY - 10 * MINUTE, MARCH + DAY + 20 * MINUTE, 333)]
    pulse = [(MARCH + 61_777 * n, MARCH + 61_777 * n, 60 + n % 50) for n in range(1500)]
    with open_store(tmp_path) as store:
        patient = add_patient(store, "Asia/Kathmandu")
        put(store, patient, RING, [intervals(quarters)])
        put(store, patient, PHONE, [intervals(odd), intervals(pulse, metric="heart_rate")])
        put(store, patient, STRAP, [intervals(twice + midnight, [(MARCH, MARCH + 90 * MINUTE + 30_000)])])
        assert {resolution for _, resolution in minutes_of(store, patient, ["steps"]).values()} >= {60, 900}
        round_trip(tmp_path, store, patient)


def test_counters_come_back_as_the_intervals_between_their_readings(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = []
    for day in range(5):
        midnight, walked, ran = MARCH + day * DAY - 3_600_000, 0, 0
        at = midnight + 11_000
        while at < midnight + DAY - 5 * MINUTE:
            at += int(rng.integers(20, 1400)) * 1000
            if day == 2 and midnight + 9 * 3_600_000 < at < midnight + 13 * 3_600_000:
                continue
            pause = at - (rows[-1][0] if rows else at)
            is_walk = day != 3 and rng.random() < 0.4
            walked, ran = walked + (pause // 700 if is_walk else int(rng.integers(0, 60))), ran + int(rng.integers(0, 9))
            rows += [(at, midnight, 6, walked), (at, midnight, 1, ran), (at + 1000, 0, -1, 0)]
    files = [counter(part) for part in (rows[:900], rows[900:])]
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, files)
        before = minutes_of(store, patient, ["steps"])
        assert sum(value for minutes, _ in before.values() for value in minutes if value > 0) > 5000
        assert {resolution for _, resolution in before.values()} >= {60}
        assert max(resolution for _, resolution in before.values()) > 600
        round_trip(tmp_path, store, patient)


def test_long_stillness_comes_back(tmp_path: Path) -> None:
    """Three months without a break and hardly a step: time of no steps is data as well."""
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(
            store,
            patient,
            RING,
            [intervals([(MARCH, MARCH + MINUTE, 5)], [(MARCH + n * DAY, MARCH + (n + 1) * DAY) for n in range(90)])],
        )
        data = export(store, patient, as_csv)
        (tmp_path / "again").mkdir()
        with open_store(tmp_path / "again") as again:
            other = add_patient(again)
            bring_back(tmp_path / "again", again, other, data, "export.csv")
            assert minutes_of(again, other, ["steps"]) == minutes_of(store, patient, ["steps"])


HOURS = [datetime(2024, 4, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(60 * 24 + 1)]
STILL = {
    "rows of zero": "".join(
        ["start,end,value\n", *(f"{start.isoformat()},{end.isoformat()},0\n" for start, end in pairwise(HOURS))]
    ),
    "covered rows": "start,end,kind\n"
    + "".join(f"{HOURS[at].isoformat()},{HOURS[at + 240].isoformat()},covered\n" for at in range(0, 1440, 240)),
    "data points": "".join(
        json.dumps({"body": {"step_count": 0, "effective_time_frame": {"time_interval": {"start_date_time": start.isoformat(),
                                                                       "end_date_time": end.isoformat()}}}}) + "\n"
        for start, end in pairwise(HOURS)
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", STILL.values(), ids=STILL.keys())
def test_sixty_still_days_are_sixty_known_days(tmp_path: Path, text: str) -> None:
    """Nothing that is written for each hour or day passes for one recording of two months, which no wearable makes."""
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        outcome = bring_back(tmp_path, store, patient, text.encode(), "still")
        assert outcome.rejects == ()
        minutes = minutes_of(store, patient, ["steps"])
    assert len(minutes) == 60
    assert all(values == [0] * 1440 for values, _ in minutes.values())


def test_times_are_the_wearers_own_with_their_offset(tmp_path: Path) -> None:
    """The hour that Berlin lived twice stands once with +02:00 and once with +01:00."""
    twice = int(datetime(2024, 10, 27, 0, 30, tzinfo=UTC).timestamp()) * 1000
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals([(twice, twice + MINUTE, 7), (twice + 60 * MINUTE, twice + 62 * MINUTE, 8)])])
        rows = rows_of(export(store, patient, as_csv))
    found = [(row["start"], row["end"], row["value"]) for row in rows]
    assert found == [
        ("2024-10-27T02:30:00+02:00", "", "7"),
        ("2024-10-27T02:30:00+01:00", "2024-10-27T02:32:00+01:00", "8"),
    ]
    assert {(row["vendor"], row["model"], row["serial"], row["device"]) for row in rows} == {("maker", "ring 2", 'S-1,"7"', "")}


def test_a_range_holds_its_own_days_and_what_reaches_into_them(tmp_path: Path) -> None:
    days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 3, 31), date(2024, 3, 31))
    start, end = days[0].start_ms, days[0].end_ms
    assert (end - start) // 3_600_000 == 23
    rows = [(start - 5 * MINUTE, start + 5 * MINUTE, 50), (end - MINUTE, end + MINUTE, 20)]
    rows += [(start - 9 * MINUTE, start - 8 * MINUTE, 1), (end + MINUTE, end + 2 * MINUTE, 2)]
    spans = [Span(EXAMPLE_SPANS[0][0], start - 60 * MINUTE, start + MINUTE, {"stage": "deep"})]
    spans += [Span(EXAMPLE_SPANS[2][0], start - 60 * MINUTE, start), Span(EXAMPLE_SPANS[2][0], end, end + MINUTE)]
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(rows, [(start - DAY, end + DAY)])], spans, example_totals(date(2024, 3, 30)))
        found = rows_of(export(store, patient, as_csv, days))
    assert sorted(int(row["value"]) for row in found if row["kind"] == "sample" and row["value"] != "0") == [20, 50]
    still = [row for row in found if row["kind"] == "sample" and row["value"] == "0"]
    lengths = [datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"]) for row in still]
    assert sum(lengths, timedelta()) == timedelta(hours=23, minutes=-5 - 1)
    assert [(row["kind"], row["start"]) for row in found if row["kind"] in ("sleep", "in_bed")] == [
        ("sleep", "2024-03-30T23:00:00+01:00")
    ]
    assert [(row["start"], row["value"]) for row in found if row["kind"] == "total"] == [("2024-03-31", "0")]


def test_unknown_time_is_in_no_row(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        covered = [(MARCH, MARCH + 60 * MINUTE), (MARCH + 300 * MINUTE, MARCH + 330 * MINUTE)]
        put(store, patient, RING, [intervals([], covered)])
        rows = rows_of(export(store, patient, as_csv))
    assert [(row["start"], row["end"], row["value"]) for row in rows] == [
        ("2024-03-30T00:00:00+00:00", "2024-03-30T01:00:00+00:00", "0"),
        ("2024-03-30T05:00:00+00:00", "2024-03-30T05:30:00+00:00", "0"),
    ]


def test_a_journey_of_nine_days_stays_one(tmp_path: Path) -> None:
    """A reading of the clock is believed for two days; the table names the offset in every row."""
    zone = ZoneInfo("America/New_York")
    first = datetime(2024, 4, 10, 9, tzinfo=zone)
    minutes = [first + timedelta(hours=hour) for hour in range(9 * 24)]
    table = "".join(["start,value\n", *(f"{minute.isoformat()},3\n" for minute in minutes)]).encode()
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        bring_back(tmp_path, store, patient, table, "journey.csv")
        with store.reading() as connection:
            days = read_days(connection, patient, date(2024, 4, 11), date(2024, 4, 18))
        assert [day.start_ms / 1000 for day in days] == [datetime(2024, 4, n, tzinfo=zone).timestamp() for n in range(11, 19)]
        round_trip(tmp_path, store, patient)


def test_no_other_patient_and_no_name_is_in_the_file(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient, other = add_patient(store, "UTC", "Erika Mustermann"), add_patient(store, "UTC", "q")
        put(store, patient, RING, [intervals([(MARCH, MARCH + MINUTE, 11)])])
        put(store, other, PHONE, [intervals([(MARCH, MARCH + MINUTE, 22)])])
        data = export(store, patient, as_csv)
        assert [row["value"] for row in rows_of(data)] == ["11"]
        assert b"Mustermann" not in data


@pytest.mark.parametrize(
    "device",
    [
        Device("maker"),
        Device("maker", serial="1"),
        Device("maker", "a/b", "x y"),
        Device("plain", name="unnamed device"),
        Device("maker", "m", "s", "a name beside"),
        Device("maker", name="=cmd()|{}%s\\"),
    ],
    ids=str,
)
def test_devices_come_back_as_who_they_are(tmp_path: Path, device: Device) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, device, [intervals([(MARCH, MARCH + MINUTE, 11)])])
        round_trip(tmp_path, store, patient)


@pytest.mark.parametrize(
    "sample",
    [
        "samples/fit/python-fitparse/MonitoringFile.fit",
        "samples/fit/fit/Activity.fit",
        "samples/apple_health/healthkit-to-sqlite/export.xml",
    ],
)
def test_real_files_come_back(tmp_path: Path, sample: str) -> None:
    path = shared(sample)
    with open_store(tmp_path) as store:
        patient = add_patient(store, "America/Denver")
        take_in(tmp_path, store, patient, [FileSource(path, path.name)])
        round_trip(tmp_path, store, patient)


@pytest.mark.parametrize("write", [write_fit, write_apple, write_gadgetbridge], ids=lambda write: write.__name__)
def test_a_virtual_wearers_days_come_back(tmp_path: Path, write: Callable[..., Sequence[Path]]) -> None:
    """A watch's own files over a clock change: counters, sleep, workouts, pulse, time off the wrist."""
    wearer = Wearer(seed=3, surgery=date(2026, 3, 16))
    files = [FileSource(path, path.name) for path in write(wearer, days_from(date(2026, 3, 26), 6), tmp_path / "watch")]
    with open_store(tmp_path) as store:
        patient = add_patient(store, wearer.zone)
        take_in(tmp_path, store, patient, files)
        round_trip(tmp_path, store, patient)
