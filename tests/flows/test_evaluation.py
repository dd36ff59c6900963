"""Judging a history: living it, replaying it, getting it late or shuffled end in the same record, and the past is never told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from afoot.app import App, open_app
from afoot.evaluating import Checked, check_patients
from afoot.executing import Serial
from devices import virtual
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.virtual import Habit, Trip, Wearer
from ingest import dirty, people, prescriptions
from ingest.collect.files import import_files
from ingest.people import Patient
from rules import ledger, outbox
from rules.alerts import Kind, Transition
from rules.prescription import Prescription
from rules.telling import Telling

DAYS = 24
SURGERY = date(2026, 3, 10)  # so that the night of 29 March, which is an hour short, is among the days
SITTER = Wearer(21, SURGERY, habit=Habit.SITTER)
SILENT = Wearer(22, SURGERY, habit=Habit.FEARFUL, silent=frozenset(SURGERY + timedelta(days=day) for day in (9, 10, 11)))
TRAVELLER = Wearer(23, SURGERY, habit=Habit.OVERDOING, trips=(Trip(SURGERY + timedelta(days=12), "America/New_York"),))


@contextmanager
def clinic(home: Path, wearer: Wearer, **fields: Any) -> Iterator[tuple[App, Patient]]:
    app = open_app(home)
    body = Prescription(
        author="Dr. B", effective=SURGERY, reason="fusion", surgery_date=SURGERY, baseline_steps=wearer.baseline, **fields
    )
    with app.store.writing() as connection:
        patient = people.add_patient(connection, "p", wearer.zone, 0)
        prescriptions.add_version(connection, patient.id, SURGERY, body.model_dump(mode="json"), 0)
        for trip in wearer.trips:
            noon = datetime(trip.day.year, trip.day.month, trip.day.day, 12, tzinfo=ZoneInfo(wearer.zone))
            people.set_zone(connection, patient.id, trip.zone, round(noon.timestamp() * 1000))
    try:
        yield app, patient
    finally:
        app.close()


@pytest.fixture(scope="module", params=[SITTER, SILENT, TRAVELLER], ids=lambda wearer: wearer.habit.value)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Wearer, dict[date, list[Path]]]:
    """A wearer and the files that each day's sync brought: those that begin on it, by the clock on the wall."""
    wearer: Wearer = request.param
    folder = tmp_path_factory.mktemp(wearer.habit.value)
    days = virtual.days_from(SURGERY, DAYS)
    return wearer, {day: virtual.write_fit(wearer, [day], folder / day.isoformat(), syncs=1) for day in days}


def give(app: App, patient: Patient, paths: Sequence[Path], at_ms: int) -> None:
    files = [FileSource(path, f"{path.parent.name}/{path.name}") for path in paths]
    for outcome in import_files(app.store, app.archive, patient, files, ReadOptions(ZoneInfo(patient.zone)), at_ms):
        assert not outcome.refused


def check(app: App, patient: Patient, at_ms: int, *, backfill: bool = False) -> Checked:
    (checked,) = check_patients(app.store, [patient], at_ms, Serial(), backfill=backfill)
    assert not checked.problem
    return checked


def end_of(wearer: Wearer, day: date) -> int:
    """Return the instant at which a date ends by the clock on the wearer's wall."""
    zone = next((trip.zone for trip in reversed(wearer.trips) if trip.day <= day), wearer.zone)
    after = day + timedelta(days=1)
    return round(datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


Step = tuple[object, ...]


def record(connection: Connection, patient: Patient) -> list[Step]:
    return [plain(one) for one in ledger.list_transitions(connection, patient.id)]


def plain(one: Transition) -> Step:
    return (one.rule, one.kind, one.at_ms, one.opened_ms, one.priority, one.finding)


def queue(connection: Connection) -> list[Step]:
    table = outbox.transitions
    return [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]


def replayed(home: Path, wearer: Wearer, files: dict[date, list[Path]], **fields: Any) -> list[Step]:
    with clinic(home, wearer, **fields) as (app, patient):
        give(app, patient, [path for paths in files.values() for path in paths], 0)
        check(app, patient, end_of(wearer, max(files)), backfill=True)
        with app.store.reading() as connection:
            assert dirty.read_marks(connection, patient.id) == {}
            return record(connection, patient)


@pytest.mark.parametrize("window", ["07:00-22:00", None])
def test_replaying_is_as_having_lived_it(
    exported: tuple[Wearer, dict[date, list[Path]]], tmp_path: Path, window: str | None
) -> None:
    wearer, files = exported
    expected = replayed(tmp_path / "at-once", wearer, files, waking_window=window)
    assert {step[1] for step in expected} >= {Kind.OPENED}
    with clinic(tmp_path / "lived", wearer, waking_window=window) as (app, patient):
        told: list[Telling] = []
        for day, paths in files.items():
            give(app, patient, paths, end_of(wearer, day))
            told += check(app, patient, end_of(wearer, day)).tellings
        with app.store.reading() as connection:
            assert record(connection, patient) == expected
            assert told
            assert len(queue(connection)) == sum(len(one.to) for one in told)


def test_shuffled_and_late_days_end_in_the_same_record(exported: tuple[Wearer, dict[date, list[Path]]], tmp_path: Path) -> None:
    wearer, files = exported
    expected = replayed(tmp_path / "at-once", wearer, files)
    days = list(files)
    first, rest = days[0], days[1:]
    Random(7).shuffle(rest)
    with clinic(tmp_path / "late", wearer) as (app, patient):
        last_ms = end_of(wearer, days[-1])
        # Checked at the end of each day, while the days come in another order: some late, some never before the end.
        arrival = [first, *rest]
        for now, arriving in zip(days, arrival, strict=True):
            if arriving <= now:
                give(app, patient, files[arriving], end_of(wearer, now))
            check(app, patient, end_of(wearer, now))
        with app.store.reading() as connection:
            before = queue(connection)
        late = [path for now, day in zip(days, arrival, strict=True) if day > now for path in files[day]]
        give(app, patient, late, last_ms)
        checked = check(app, patient, last_ms)
        assert checked.rewound
        with app.store.reading() as connection:
            assert record(connection, patient) == expected
            # For the instant that was the present before, nothing is said again; and nothing is of the past.
            assert queue(connection) == before
        # An hour later it may be told what is true now, each once; never what was.
        later = check(app, patient, last_ms + 3_600_000)
        now_true = {finding.rule for finding in later.findings if finding.truth == "true"}
        assert {one.rule for one in later.tellings if one.news == "opened"} <= now_true
        assert all(one.at_ms == last_ms + 3_600_000 for one in later.tellings)


def test_checks_within_the_day_are_judged_again_at_the_same_instants(
    exported: tuple[Wearer, dict[date, list[Path]]], tmp_path: Path
) -> None:
    wearer, files = exported
    days = list(files)[:9]
    noon = 12 * 3_600_000
    with clinic(tmp_path / "a", wearer) as (app, patient):
        for day in days:
            # Each sync comes at noon and brings the day before.
            give(app, patient, files[day], end_of(wearer, day) + noon)
            check(app, patient, end_of(wearer, day) + noon)
        with app.store.reading() as connection:
            lived, told = record(connection, patient), queue(connection)
            assert lived
        with app.store.writing() as connection:
            dirty.mark_since(connection, patient.id)
        again = check(app, patient, end_of(wearer, days[-1]) + noon)
        # The first check began the record; since then each end of a day and each noon.
        assert (again.judged, again.tellings) == (2 * len(days) - 1, [])
        with app.store.reading() as connection:
            assert record(connection, patient) == lived
            assert queue(connection) == told


def test_a_restart_between_any_two_checks_changes_nothing(tmp_path: Path) -> None:
    files = {day: virtual.write_fit(SITTER, [day], tmp_path / day.isoformat(), syncs=1) for day in virtual.days_from(SURGERY, 8)}
    expected = replayed(tmp_path / "at-once", SITTER, files)
    for number, (day, paths) in enumerate(files.items()):
        if number == 0:
            with clinic(tmp_path / "home", SITTER) as (app, patient):
                give(app, patient, paths, 0)
                check(app, patient, end_of(SITTER, day))
            continue
        app = open_app(tmp_path / "home")
        give(app, patient, paths, 0)
        app.close()
        app = open_app(tmp_path / "home")
        check(app, patient, end_of(SITTER, day))
        with app.store.reading() as connection:
            found = record(connection, patient)
        app.close()
    assert found == expected
