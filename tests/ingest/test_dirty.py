"""Which days are marked as changed, on both databases."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from devices.files.reader import ReadOptions
from devices.recording import DAY_MS
from ingest import dirty, people, tables
from ingest.archive import Archive
from ingest.collect.files import find_files, forget, import_files, preview, rebuild
from ingest.people import Patient
from ingest.store import Store
from tests.ingest.making import open_store

FIRST = 20_515  # 2026-03-03


def give(store: Store, patient: Patient, path: Path, text: str) -> None:
    path.write_text(text)
    for outcome in import_files(store, Archive(path.parent / "archive"), patient, find_files([path]), options(patient), 0):
        assert not outcome.refused


def options(patient: Patient) -> ReadOptions:
    return ReadOptions(ZoneInfo(patient.zone))


def csv(*rows: str) -> str:
    return "\n".join(("start,value", *rows)) + "\n"


def take(store: Store, patient: Patient) -> list[int]:
    """Return the marked days, counted from FIRST, and unmark them."""
    with store.writing() as connection:
        marks = dirty.read_marks(connection, patient.id)
        dirty.clear(connection, patient.id, marks)
    return [day - FIRST for day in marks]


@pytest.fixture
def anna(store: Store) -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, "Anna", "UTC", 0)


def test_days_that_changed_and_no_others(store: Store, anna: Patient, tmp_path: Path) -> None:
    give(store, anna, tmp_path / "a.csv", csv("2026-03-03T08:00:00Z,5", "2026-03-05T08:00:00Z,5"))
    assert take(store, anna) == [0, 2]
    # The same in another file, with one minute more.
    give(store, anna, tmp_path / "b.csv", csv("2026-03-03T08:00:00Z,5", "2026-03-05T08:00:00Z,5", "2026-03-05T09:00:00Z,7"))
    assert take(store, anna) == [2]
    give(store, anna, tmp_path / "b.csv", csv("2026-03-05T09:00:00Z,7"))
    assert take(store, anna) == []


def test_a_preview_marks_nothing(store: Store, anna: Patient, tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text(csv("2026-03-03T08:00:00Z,5"))
    list(preview(store, anna, find_files([path]), options(anna)))
    assert take(store, anna) == []


def test_what_is_taken_back_or_made_anew_is_marked(store: Store, anna: Patient, tmp_path: Path) -> None:
    give(store, anna, tmp_path / "a.csv", csv("2026-03-03T08:00:00Z,5"))
    give(store, anna, tmp_path / "b.csv", csv("2026-03-09T08:00:00Z,5"))
    take(store, anna)
    archive = Archive(tmp_path / "archive")
    list(rebuild(store, archive))
    assert take(store, anna) == [0, 6]
    with store.reading() as connection:
        digest = connection.execute(tables.imports.select().where(tables.imports.c.name == "b.csv")).one().hash
    list(forget(store, archive, anna, digest))
    assert take(store, anna) == [0, 6]


def test_zones_and_priorities_move_days(store: Store, anna: Patient, tmp_path: Path) -> None:
    give(store, anna, tmp_path / "a.csv", csv("2026-03-03T08:00:00Z,5", "2026-03-05T08:00:00Z,5"))
    take(store, anna)
    with store.writing() as connection:
        people.set_zone(connection, anna.id, "Asia/Tokyo", (FIRST + 1) * DAY_MS)
    assert take(store, anna) == [2]
    with store.writing() as connection:
        people.set_home(connection, anna.id, "Asia/Tokyo")
    assert take(store, anna) == [0, 2]
    with store.writing() as connection:
        people.set_priority(connection, anna.id, people.list_devices(connection, anna.id)[0].device.key, 3)
    assert take(store, anna) == [0, 2]


def test_what_arrives_while_a_day_is_judged_stays_marked(store: Store, anna: Patient) -> None:
    with store.writing() as connection:
        dirty.mark(connection, [(anna.id, 1), (anna.id, 2)])
        seen = dirty.read_marks(connection, anna.id)
        dirty.mark(connection, [(anna.id, 2), (anna.id, 3)])
        dirty.clear(connection, anna.id, seen)
        assert dirty.read_marks(connection, anna.id) == {2: 2, 3: 1}
        assert dirty.list_patients(connection) == [anna.id]
        dirty.clear(connection, anna.id, {2: 2, 3: 1})
        assert dirty.list_patients(connection) == []


def row(connection: Connection, patient: Patient, **given: object) -> dict[str, object]:
    (device,) = people.list_devices(connection, patient.id)
    return {"patient_id": patient.id, "device_id": device.id, **given}


def test_spans_and_clock_readings(store: Store, anna: Patient, tmp_path: Path) -> None:
    give(store, anna, tmp_path / "a.csv", csv("2026-03-03T08:00:00Z,5"))
    night = {"kind": "sleep", "start_ms": 22 * 3_600_000, "end_ms": 30 * 3_600_000, "attributes": "{}"}
    with store.writing() as connection:
        sleep = row(connection, anna, **night)
        assert dirty.days_of_spans(connection, [sleep]) == {(anna.id, 0), (anna.id, 1)}
        connection.execute(tables.spans.insert(), sleep)
        assert dirty.days_of_spans(connection, [sleep]) == set()
        assert dirty.days_of_spans(connection, [sleep | {"end_ms": 24 * 3_600_000}]) == set()
        longer = sleep | {"end_ms": 49 * 3_600_000}
        assert dirty.days_of_spans(connection, [longer]) == {(anna.id, 0), (anna.id, 1), (anna.id, 2)}
        # A workout is read by no rule.
        assert dirty.days_of_spans(connection, [sleep | {"kind": "workout"}]) == set()
        assert dirty.first_wear_reports(connection, [sleep]) == set()
        off = sleep | {"kind": "not_worn"}
        assert dirty.first_wear_reports(connection, [off]) == {anna.id}
        connection.execute(tables.spans.insert(), off)
        assert dirty.first_wear_reports(connection, [off]) == set()
        reading = row(connection, anna, at_ms=5 * DAY_MS, offset_s=3600)
        assert dirty.days_of_offsets(connection, [reading]) == {(anna.id, 5), (anna.id, 6), (anna.id, 7)}
        connection.execute(tables.offsets.insert(), reading)
        assert dirty.days_of_offsets(connection, [reading]) == set()


def test_a_first_pulse_marks_the_days_before_it(store: Store, anna: Patient, tmp_path: Path) -> None:
    give(store, anna, tmp_path / "a.csv", csv("2026-03-03T08:00:00Z,5"))
    take(store, anna)
    pulse = "start,value,metric\n2026-03-06T08:00:00Z,70,heart_rate\n"
    give(store, anna, tmp_path / "b.csv", pulse)
    assert take(store, anna) == [0, 3]
    give(store, anna, tmp_path / "c.csv", pulse.replace("03-06", "03-07"))
    assert take(store, anna) == [4]


def test_a_store_older_than_the_table(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        tables.dirty_days.drop(store.engine)
    with open_store(tmp_path) as store, store.writing() as connection:
        anna = people.add_patient(connection, "Anna", "UTC", 0)
        dirty.mark(connection, [(replace(anna).id, 1)])
        assert dirty.list_patients(connection) == [anna.id]
