"""What is published is what the store says, on a real server: at first, again, late, moved, erased, whatever goes wrong."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from afoot.app import STATE, App, open_app
from afoot.judging import read_prescriptions
from afoot.settings import Settings
from ingest import groups, ledger, people, prescriptions, tables
from ingest.collect.files import forget, rebuild
from ingest.people import Patient
from ingest.publishing.schema import MEASUREMENTS, Kind
from rules.minutes import State
from rules.prescription import revise
from tests.influx import clinic
from tests.influx.clinic import run, same_as_store
from tests.influx.proxy import DOWN, Proxy
from tests.influx.rig import Rig

pytestmark = pytest.mark.live
Exports = dict[str, dict[date, list[Path]]]
SPINE, OPERATORS = "afoot_spine", "afoot__operators"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return clinic.make_exports(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, exports: Exports) -> Path:
    """A program with all but the last two days of its patients."""
    folder = tmp_path_factory.mktemp("home")
    app = open_app(folder)
    clinic.fill(app, exports, clinic.DAYS - 2)
    app.close()
    return folder


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[App]:
    with clinic.copied(home, tmp_path) as app:
        yield app


def all_same(app: App, rig: Rig) -> None:
    same_as_store(app, rig, "Anna", SPINE)
    same_as_store(app, rig, "Ben", OPERATORS)


def test_all_that_the_store_says_is_there(app: App, influx: Rig) -> None:
    done = run(app, influx)
    assert (done.state, done.problem, done.patients, done.refused, done.queued) == ("done", "", 2, 0, 0)
    all_same(app, influx)


def test_the_same_from_postgresql(postgresql_url: str, tmp_path: Path, influx: Rig, exports: Exports) -> None:
    app = App(Settings(home=tmp_path / "home", store=postgresql_url))
    try:
        clinic.fill(app, exports, 4)
        assert run(app, influx).state == "done"
        all_same(app, influx)
        clinic.give(app, "Anna", exports["Anna"][sorted(exports["Anna"])[4]])
        erase(app, clinic.find(app, "Ben"))
        assert run(app, influx).state == "done"
        same_as_store(app, influx, "Anna", SPINE)
        assert influx.query(OPERATORS, "SELECT * FROM minutes LIMIT 1") == []
        assert run(app, influx).patients == 0
    finally:
        app.close()


def test_again_writes_nothing(app: App, influx: Rig) -> None:
    run(app, influx)
    again = run(app, influx)
    assert (again.state, again.patients, again.lines, again.deleted) == ("done", 0, 0, 0)


def test_late_days_and_what_they_change(app: App, influx: Rig, exports: Exports) -> None:
    run(app, influx)
    late = sorted(exports["Anna"])[-2:]
    for day in reversed(late):
        clinic.give(app, "Anna", exports["Anna"][day])
        clinic.check(app)
        assert run(app, influx).state == "done"
        all_same(app, influx)


def test_a_sync_sends_the_days_that_it_changed(app: App, influx: Rig, exports: Exports) -> None:
    first = run(app, influx)
    clinic.give(app, "Anna", exports["Anna"][sorted(exports["Anna"])[-2]])
    done = run(app, influx)
    # The new day and the end of the one before it, minute by minute for the watch and merged; the rest stays as it is.
    assert 1440 < done.lines < 5 * 1440 < first.lines
    all_same(app, influx)


def test_what_was_taken_back_is_gone(app: App, influx: Rig) -> None:
    run(app, influx)
    patient = clinic.find(app, "Anna")
    with app.store.reading() as connection:
        (export,) = [one for one in ledger.list_imports(connection, patient.id) if one.readers.startswith("apple")]
    sources = {row["value"] for row in influx.query(SPINE, 'SHOW TAG VALUES FROM minutes WITH KEY = "source"')}
    assert len(sources) == 4  # two watches, a phone, and all of them merged
    for outcome in forget(app.store, app.archive, patient, export.hash):
        assert not outcome.refused
    clinic.check(app)
    assert run(app, influx).deleted > 0
    all_same(app, influx)
    rows = influx.query(SPINE, "SELECT count(steps) FROM minutes GROUP BY source")
    assert {row["source"] for row in rows} == {name for name in sources if not name.startswith("apple")}


def test_a_rebuild_that_ends_in_the_same_sends_nothing(app: App, influx: Rig) -> None:
    run(app, influx)
    for outcome in rebuild(app.store, app.archive):
        assert not outcome.refused
    done = run(app, influx)
    assert (done.patients, done.lines, done.deleted) == (2, 0, 0)
    all_same(app, influx)


def test_another_prescription_changes_the_days_from_it_on(app: App, influx: Rig) -> None:
    run(app, influx)
    patient = clinic.find(app, "Anna")
    with app.store.writing() as connection:
        (current,) = read_prescriptions(connection, patient)
        changes = {"baseline_steps": None, "walks_per_day": 6}
        revised = revise(current, changes, author="Dr. B", effective=clinic.SURGERY + timedelta(days=2), reason="new")
        prescriptions.add_version(connection, patient.id, revised.effective, revised.model_dump(mode="json"), 1)
    assert run(app, influx).deleted > 0
    all_same(app, influx)
    rows = influx.query(SPINE, "SELECT walks_target, baseline_share, baseline_steps FROM daily")
    assert {row["walks_target"] for row in rows[:2]} == {3}
    assert {(row["walks_target"], row["baseline_share"], row["baseline_steps"]) for row in rows[3:]} == {(6, None, None)}


def test_another_zone_moves_the_days(app: App, influx: Rig) -> None:
    run(app, influx)
    with app.store.writing() as connection:
        people.set_home(connection, people.find_patient(connection, "Ben").id, "Pacific/Auckland")
    clinic.check(app, clinic.END_MS + 1)
    run(app, influx)
    all_same(app, influx)


def test_a_patient_who_moves_to_another_group_is_there_alone(app: App, influx: Rig) -> None:
    run(app, influx)
    patient = clinic.find(app, "Anna")
    with app.store.writing() as connection:
        groups.assign(connection, patient.id, groups.add_group(connection, "hip").id)
    done = run(app, influx)
    assert (done.state, done.patients) == ("done", 1)
    same_as_store(app, influx, "Anna", "afoot_hip")
    assert left_of(influx, SPINE, patient.pseudonym) == []


def test_who_is_erased_is_gone(app: App, influx: Rig) -> None:
    run(app, influx)
    patient = clinic.find(app, "Anna")
    assert left_of(influx, SPINE, patient.pseudonym)
    erase(app, patient)
    done = run(app, influx)
    assert (done.state, done.problem) == ("done", "")
    assert left_of(influx, SPINE, patient.pseudonym) == []
    with app.store.reading() as connection:
        for table in (tables.published_patients, tables.published_days):
            assert patient.pseudonym not in {row.pseudonym for row in connection.execute(select(table))}
    same_as_store(app, influx, "Ben", OPERATORS)


def test_who_is_erased_while_the_server_is_down_is_gone_when_it_is_back(app: App, influx: Rig) -> None:
    run(app, influx)
    patient = clinic.find(app, "Anna")
    needs_proxy(influx).query_faults.extend([DOWN] * 20)
    erase(app, patient)
    assert run(app, influx).state == "failed"
    needs_proxy(influx).query_faults.clear()
    assert left_of(influx, SPINE, patient.pseudonym)
    assert run(app, influx).state == "done"
    assert left_of(influx, SPINE, patient.pseudonym) == []


def test_an_empty_database_is_noticed_and_filled(app: App, influx: Rig) -> None:
    run(app, influx)
    influx.reset()
    assert run(app, influx).patients == 2
    all_same(app, influx)


def test_everything_again(app: App, influx: Rig) -> None:
    """What somebody else wrote of a patient goes, too."""
    first = run(app, influx)
    patient = clinic.find(app, "Anna")
    with clinic.connect(influx) as connection:
        connection.write(SPINE, [f"minutes,patient={patient.pseudonym},source=merged steps=9i 60"])
    again = run(app, influx, everything=True)
    assert (again.patients, again.lines) == (first.patients, first.lines)
    all_same(app, influx)


def test_an_older_copy_of_the_database_is_noticed(app: App, influx: Rig, exports: Exports) -> None:
    run(app, influx)
    (mark,) = influx.query(SPINE, "SELECT run FROM published")
    clinic.give(app, "Anna", exports["Anna"][sorted(exports["Anna"])[-2]])
    run(app, influx)
    with clinic.connect(influx) as connection:
        connection.write(SPINE, [f'published run="{mark["run"]}" 0'])
        connection.query(SPINE, "DELETE FROM daily")
    assert run(app, influx).state == "done"
    all_same(app, influx)


def test_unknown_is_no_point_and_its_state_is_said(app: App, influx: Rig) -> None:
    run(app, influx)
    silent = sorted(clinic.ANNA.silent)[0]
    mine = f"WHERE source = 'merged' AND time >= '{silent}T00:00:00Z' AND time < '{silent}T20:00:00Z'"
    rows = influx.query(SPINE, f"SELECT steps, state FROM minutes {mine}")
    assert [(row["steps"], row["state"]) for row in rows] == [(None, State.UNKNOWN)] * 1200
    (day,) = influx.query(SPINE, f"SELECT * FROM daily WHERE \"date\" = '{silent}'") or [{}]
    assert day["steps"] is None
    assert day["unknown_min"] == 1440
    assert influx.query(SPINE, "SELECT steps FROM hours WHERE known_min = 0") == []


def test_a_day_lies_where_the_patient_lived_it(app: App, influx: Rig) -> None:
    """Grafana groups by days of the patient's zone: each of them holds the one row of that date, the short day too."""
    run(app, influx)
    for name, bucket in (("Anna", SPINE), ("Ben", OPERATORS)):
        patient = clinic.find(app, name)
        mine = f"WHERE \"patient\" = '{patient.pseudonym}' AND time >= '2026-03-18T00:00:00Z' AND time < '2026-04-02T00:00:00Z'"
        query = f'SELECT count(worn_min) AS n, first("date") AS date FROM daily {mine} GROUP BY time(1d) fill(none)'
        rows = influx.query(bucket, f"{query} tz('{patient.zone}')")
        assert [row["n"] for row in rows] == [1] * len(rows)
        for row in rows:
            local = datetime.fromtimestamp(row["time"], ZoneInfo(patient.zone))
            assert local.date().isoformat() == row["date"]


def test_no_name_no_serial_number_and_no_words_of_a_patient_leave_the_store(app: App, influx: Rig) -> None:
    run(app, influx)
    sent = b"\n".join(needs_proxy(influx).lines).decode()
    with app.store.reading() as connection:
        devices = [one.device for one in people.list_devices(connection, clinic.find(app, "Anna").id)]
    for secret in ("Anna", "Ben", "Tom", "son", "Dr. B", *(one.serial for one in devices), *(one.name for one in devices)):
        assert not secret or secret not in sent
    assert "pain: 4 of 10" in sent


def test_types_are_those_of_the_table(app: App, influx: Rig) -> None:
    run(app, influx)
    words = {Kind.INT: "integer", Kind.FLOAT: "float", Kind.TEXT: "string"}
    written = set()
    for bucket in (SPINE, OPERATORS):
        for row in influx.query(bucket, "SHOW FIELD KEYS"):
            assert row["fieldType"] == words[MEASUREMENTS[row["name"]].fields[row["fieldKey"]]], row
            written.add((row["name"], row["fieldKey"]))
        for row in influx.query(bucket, "SHOW TAG KEYS"):
            assert row["tagKey"] in MEASUREMENTS[row["name"]].tags
    never = {("sync", "battery")}
    assert {(name, field) for name, one in MEASUREMENTS.items() for field in one.fields} - written <= never | SELDOM


# Fields that these patients give no reason for: no device of theirs measures or says it.
SELDOM = {
    ("gaps", "reason"),
    ("minutes", "intensity"),
    ("minutes", "counts"),
    ("observations", "difficulty"),
    ("observations", "pain"),
    ("observations", "repetitions"),
    ("observations", "amount"),
}


def needs_proxy(rig: Rig) -> Proxy:
    if rig.proxy is None:
        pytest.skip("needs the proxy, which stands before no server that speaks TLS")
    return rig.proxy


def left_of(rig: Rig, bucket: str, pseudonym: str) -> list[dict[str, Any]]:
    """Return all points that lie there of a patient, and their series."""
    where = f"WHERE \"patient\" = '{pseudonym}'"
    names = [name for name, one in MEASUREMENTS.items() if "patient" in one.tags]
    points = [row for name in names for row in rig.query(bucket, f'SELECT * FROM "{name}" {where} LIMIT 3')]
    return points + rig.query(bucket, f"SHOW SERIES {where}")


def erase(app: App, patient: Patient) -> None:
    """Take a patient out of the store, as erasing does: what was published is not in it."""
    with app.store.writing() as connection:
        for metadata in (*STATE, tables.metadata):
            for table in reversed(metadata.sorted_tables):
                if "patient_id" in table.c:
                    connection.execute(table.delete().where(table.c.patient_id == patient.id))
        imported = select(tables.imports.c.id)
        connection.execute(tables.rejects.delete().where(tables.rejects.c.import_id.not_in(imported)))
        connection.execute(tables.patients.delete().where(tables.patients.c.id == patient.id))
