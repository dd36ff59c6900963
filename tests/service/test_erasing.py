"""Erasing and handing over one patient: nothing of theirs stays, nothing of others' goes, and a zip holds all of it."""

import hashlib
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, MetaData, inspect, select, update

from afoot.app import STATE
from afoot.erasing import KEPT, erase_patient
from afoot.evaluating import Task, read_task, write
from afoot.handing import hand_over
from afoot.replaying import replay
from afoot.service.jobs import evaluate_all
from afoot.service.roles import Role
from afoot.service.tables import tokens
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from ingest import people, tables
from ingest.collect.files import Arrival, import_arrivals
from ingest.errors import NotKnown
from rules import outbox, routes
from rules.finding import Recipient
from tests.service.making import Clinic, add_person, day_csv, open_alert, open_clinic

SHARED = day_csv(date(2026, 3, 1), device="scale of the ward")
LARGE = b"".join(day_csv(date(2025, 1, 1), minutes=1400, device=f"d{n}")[0 if not n else 19 :] for n in range(36))


@pytest.fixture
def full(tmp_path: Path) -> Any:
    """Both patients with something in every table that knows patients; one file is the same of both."""
    with open_clinic(tmp_path / "home", ("Annegret Ünique", "bela"), drop=tmp_path / "drop") as clinic:
        with clinic.app.store.writing() as connection:
            # Therapists stay, so their tokens should not be called by a patient's name.
            connection.execute(update(tokens).where(tokens.c.role == Role.THERAPIST.value).values(label="Dr. K"))
        for name, patient in clinic.patients.items():
            for data in (day_csv(device=f"watch of {name}"), SHARED):
                assert clinic.upload(f"device/{name}", data, f"{patient.pseudonym}.csv").status_code == 201
            path = f"/api/v1/patients/{patient.pseudonym}"
            said = {"entries": [{"code": "chest_pain", "value": True}, {"code": "note", "detail": {"text": f"I am {name}"}}]}
            clinic.post(f"patient/{name}", f"{path}/observations", json=said)
            rest = {"rule": "all", "until": "2026-03-09T08:00:00Z", "why": f"{name} is away"}
            clinic.post(f"therapist/{name}", f"{path}/snooze", json=rest)
            add_person(clinic, f"account of {name}", Role.PATIENT, name)
            clinic.sign_in(f"account of {name}")
            tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": "filename YQ=="}
            clinic.post(f"device/{name}", "/api/v1/uploads", headers=tus)
            with clinic.app.store.writing() as connection:
                routes.add_route(connection, Recipient.PATIENT, f"json://localhost/{patient.id}", patient_id=patient.id)
                open_alert(connection, patient, clinic.app.now_ms() - 1)
            (tmp_path / "drop" / patient.pseudonym).mkdir(parents=True)
            (tmp_path / "drop" / patient.pseudonym / "x.csv").write_bytes(b"x")
        evaluate_all(clinic.app)
        first = next(iter(clinic.patients))
        assert clinic.upload(f"device/{first}", LARGE).status_code == 201
        assert list((tmp_path / "home" / "archive").rglob("*.zst"))
        yield clinic


def rows_of(connection: Connection, patient_id: int) -> dict[str, int]:
    """How many rows of a patient each table holds, looked up in the database itself, not in our list of tables."""
    found = MetaData()
    found.reflect(connection)
    return {
        name: len(connection.execute(select(table).where(table.c.patient_id == patient_id)).all())
        for name, table in found.tables.items()
        if "patient_id" in table.c
    }


def test_nothing_of_the_patient_stays_and_nothing_of_others_goes(full: Clinic, tmp_path: Path) -> None:
    anna, bela = full.patients.values()
    store = full.app.store
    with store.reading() as connection:
        before, others = rows_of(connection, anna.id), rows_of(connection, bela.id)
    assert sum(1 for count in before.values() if count) > 15
    erase_patient(full.app, anna, "test")
    with store.reading() as connection:
        after = rows_of(connection, anna.id)
        assert {name for name, count in after.items() if count} == {table.name for table in KEPT}
        assert rows_of(connection, bela.id) == others
        hashes = set(connection.execute(select(tables.objects.c.hash)).scalars())
        lost = tables.rejects.c.import_id.not_in(select(tables.imports.c.id))
        assert connection.execute(select(tables.rejects).where(lost)).all() == []
    assert hashlib.sha256(SHARED).hexdigest() in hashes
    assert hashlib.sha256(LARGE).hexdigest() not in hashes
    assert list((tmp_path / "home" / "archive").rglob("*.zst")) == []
    assert [path.name for path in (tmp_path / "drop").iterdir()] == [bela.pseudonym]
    assert len(list((tmp_path / "home" / "uploads").glob("upload-*"))) == 1
    raw = b"".join(path.read_bytes() for path in sorted((tmp_path / "home").glob("afoot.db*")))
    for sign in (anna.name, anna.pseudonym, "Annegret"):
        assert sign.encode() not in raw
    assert bela.pseudonym.encode() in raw
    for who in ("patient", "device"):
        assert full.get(f"{who}/{anna.name}", "/api/v1/questions").status_code == 401
    assert full.get(f"therapist/{anna.name}", f"/api/v1/patients/{anna.pseudonym}/days").status_code == 404
    assert full.get("therapist/bela", f"/api/v1/patients/{bela.pseudonym}/days").status_code == 200


def test_what_was_under_way_comes_to_nobody(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home") as clinic:
        app, gone = clinic.app, clinic.patients["bela"]
        arrivals = [Arrival(gone, BytesSource(data, "day.csv"), ReadOptions(ZoneInfo("UTC"))) for data in (day_csv(), LARGE)]
        with app.store.reading() as connection:
            task = read_task(connection, gone, app.now_ms())
        assert isinstance(task, Task)
        erase_patient(app, gone, "test")
        with app.store.writing() as connection:
            newer = people.add_patient(connection, "newer", "Europe/Berlin", app.now_ms())
        for arrival in arrivals:
            with pytest.raises(NotKnown, match="erased"):
                list(import_arrivals(app.store, app.archive, [arrival], app.now_ms()))
        judged = write(app.store, task, replay(task.material))
        assert judged is not None
        assert "erased" in judged.problem
        with app.store.reading() as connection:
            assert newer.id != gone.id
            for patient in (gone, newer):
                found = rows_of(connection, patient.id)
                assert not {name for name, count in found.items() if count} - {table.name for table in KEPT}
        assert not [path for path in (tmp_path / "home" / "archive").rglob("*") if path.is_file()]


def test_a_hook_runs_in_the_same_commit(full: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = next(iter(full.patients.values()))

    def fail(_: Connection, patient: Any) -> None:
        raise RuntimeError(f"cannot erase {patient.id} elsewhere")

    monkeypatch.setattr("afoot.erasing.HOOKS", (fail,))
    with full.app.store.reading() as connection:
        before = rows_of(connection, anna.id)
    with pytest.raises(RuntimeError, match="elsewhere"):
        erase_patient(full.app, anna, "test")
    with full.app.store.reading() as connection:
        assert rows_of(connection, anna.id) == before


def test_every_table_that_names_patients_is_known() -> None:
    """A new table with a patient_id in it is erased by being in one of these."""
    every = (table for metadata in (*STATE, tables.metadata) for table in metadata.tables.values())
    names = {table.name for table in every if "patient_id" in table.c}
    assert {"minutes", "imports", "observations", "care_log", "alert_states", "day_summaries", "uploads", "tokens"} <= names
    assert outbox.transitions.name in names


def test_all_that_is_kept_is_handed_over(full: Clinic, tmp_path: Path) -> None:
    anna, bela = full.patients.values()
    path = tmp_path / "anna.zip"
    with full.app.store.reading() as connection:
        hand_over(full.app, connection, anna, path)
    with zipfile.ZipFile(path) as handed:
        names = handed.namelist()
        raw = {handed.read(name) for name in names if name.startswith("raw/")}
        records = json.loads(handed.read("records.json"))
        assert raw == {day_csv(device=f"watch of {anna.name}"), SHARED, LARGE}
        assert b"start,end,kind" in handed.read("minutes.csv")
        assert json.loads(handed.read("minutes.fhir.json"))
        everything = b"".join(handed.read(name) for name in names)
    assert {"minutes.csv", "minutes.fhir.json", "records.json"} < set(names)
    assert records["patients"][0]["name"] == anna.name
    assert {one["code"] for one in records["observations"]} == {"chest_pain", "note"}
    assert records["prescriptions"][0]["body"]["author"] == "Dr. K"
    assert {one["action"] for one in records["audit"]} >= {"change files", "change observations"}
    for table in ("tokens", "accounts", "routes"):
        assert table not in records
    for secret in (bela.pseudonym, "watch of bela", *full.tokens.values(), "json://", "scrypt"):
        assert secret.encode() not in everything
    with full.app.store.reading() as connection:
        tables_there = set(inspect(connection).get_table_names())
    assert set(records) <= tables_there
