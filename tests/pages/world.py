"""A small clinic on a Thursday afternoon: virtual wearers in every state that the pages must tell apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from afoot.app import App
from afoot.evaluating import check_patients
from afoot.executing import open_executor
from afoot.observing import keep_said
from afoot.service import accounts
from afoot.service.roles import Role
from afoot.settings import Settings
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.virtual import Habit, Wearer, days_from, truth
from devices.virtual.life import Day, State
from ingest import groups, people, prescriptions
from ingest.collect.files import import_files
from ingest.observations import Entry, Said, Source
from ingest.people import Patient
from ingest.remote_monitoring import Care, CareKind, add_care
from rules import ledger
from rules.prescription import Prescription, revise

NOW = datetime(2026, 3, 12, 14, 10, tzinfo=UTC)  # 15:10 in Berlin
NOW_MS = round(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
PASSWORD = "a long walk by the river"
MINUTES_LATE = 6  # how old the newest data of a wearable are that has just been read


@dataclass(frozen=True, slots=True)
class Person:
    """until_h: how many hours ago the data end; None: there are none."""

    name: str
    wearer: Wearer
    until_h: float | None = MINUTES_LATE / 60
    prescribed: bool = True


def _days_ago(days: int) -> date:
    return NOW.date() - timedelta(days=days)


CAST = (
    Person("Anna Berger", Wearer(11, _days_ago(20))),
    Person("Karl Lindner", Wearer(13, _days_ago(24), habit=Habit.SITTER)),
    Person("Maria Okafor", Wearer(16, _days_ago(9), habit=Habit.FEARFUL), until_h=2.5),
    Person("Jonas Weiss", Wearer(18, _days_ago(31)), until_h=75),
    Person("Elif Demir", Wearer(19, _days_ago(2)), until_h=None),
    Person("Tom Brandt", Wearer(12, _days_ago(38), habit=Habit.OVERDOING)),
    Person("Ines Costa", Wearer(21, _days_ago(45)), prescribed=False),
)
OTHER = Person("Not Here", Wearer(30, _days_ago(10)), until_h=None)


class Stopped(App):
    """The program with a clock that stands still until somebody moves it."""

    at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


def write_csv(wearer: Wearer, first: date, until: datetime) -> bytes:
    """Return what a wearable would export of first..until, as the plain table."""
    days = truth(wearer, days_from(first, (until.date() - first).days + 1))
    end_ms = round(until.timestamp() * 1000)
    rows = ["start,end,kind,metric,value,device"]
    for day in days:
        rows += _rows(day, end_ms)
    return "\n".join(rows).encode()


def _rows(day: Day, end_ms: int) -> Iterator[str]:
    known = np.flatnonzero((day.state == State.WORN) & (day.at_ms + 60_000 <= end_ms))
    for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if run.size:
            yield f"{_utc(day.at_ms[run[0]])},{_utc(day.at_ms[run[-1]] + 60_000)},covered,,,Watch"
    for minute in known.tolist():
        at = _utc(day.at_ms[minute])
        if day.recorded[minute] > 0:
            yield f"{at},,,,{day.recorded[minute]},Watch"
        if minute % 5 == 0:
            yield f"{at},{at},,heart_rate,{day.heart_rate[minute]},Watch"


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(int(at_ms) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_clinic(home: Path) -> Stopped:
    """Return the clinic's program, open: patients, their data, what they said, alerts, accounts."""
    app = Stopped(Settings(home=home, store=""))
    with app.store.writing() as connection:
        clinic, elsewhere = (
            groups.add_group(connection, "spine", "Spine ward"),
            groups.add_group(connection, "other", "Elsewhere"),
        )
        admitted = [_admit(connection, one, clinic.id) for one in CAST]
        away = _admit(connection, OTHER, elsewhere.id)
        accounts.add_account(connection, "lang", PASSWORD, Role.THERAPIST, NOW_MS, group_ids=[clinic.id])
        accounts.add_account(connection, "op", PASSWORD, Role.OPERATOR, NOW_MS)
        for one in (*admitted, away):
            name = one.name.split()[0].lower()
            accounts.add_account(connection, name, PASSWORD, Role.PATIENT, NOW_MS, patient_id=one.id)
    for person, patient in zip(CAST, admitted, strict=True):
        if person.until_h is not None:
            give(app, patient, person, NOW - timedelta(hours=person.until_h))
    with app.store.writing() as connection:
        _say(connection, {one.name.split()[0]: one for one in admitted})
    with open_executor("serial", workers=0, scheduler="") as executor:
        list(check_patients(app.store, admitted, NOW_MS - HOUR_MS, executor, backfill=True))
    with app.store.writing() as connection:
        taken = [one for one in ledger.list_alerts(connection, open_only=True) if one.patient_id == admitted[5].id]
        for one in taken:
            ledger.acknowledge(connection, one.id, by="lang", note="called him; shorter walks agreed", at_ms=NOW_MS - HOUR_MS)
    return app


def _admit(connection: Connection, person: Person, group_id: int) -> Patient:
    patient = people.add_patient(connection, person.name, person.wearer.zone, NOW_MS)
    groups.assign(connection, patient.id, group_id)
    if not person.prescribed:
        return patient
    surgery = person.wearer.surgery
    first = Prescription(
        author="Dr. M. Okonkwo",
        effective=surgery,
        reason="Programme after fusion L4/L5, agreed before the operation",
        surgery_date=surgery,
        baseline_steps=person.wearer.baseline,
    )
    second = revise(
        first, {"P2.walks_per_day": 3}, author="lang", effective=surgery + timedelta(days=15), reason="Tires after three walks"
    )
    for one in (first, second):
        prescriptions.add_version(connection, patient.id, one.effective, one.model_dump(mode="json"), NOW_MS)
    return patient


def give(app: App, patient: Patient, person: Person, until: datetime) -> None:
    first = max(person.wearer.surgery - timedelta(days=7), NOW.date() - timedelta(days=34))
    source = BytesSource(write_csv(person.wearer, first, until), "export.csv")
    received_ms = round(until.timestamp() * 1000) + MINUTES_LATE * 60_000
    list(import_files(app.store, app.archive, patient, [source], ReadOptions(), received_ms))


def _say(connection: Connection, by: dict[str, Patient]) -> None:
    def said(name: str, hours_ago: float, *entries: Entry) -> None:
        at_ms = NOW_MS - round(hours_ago * HOUR_MS)
        keep_said(connection, by[name].id, entries, Said(at_ms, Source.PATIENT, "patient", at_ms))

    for day in range(6):
        hours = 24 * day + 5
        said(
            "Anna",
            hours,
            Entry("pain", (3, 3, 4, 4, 5, 5)[day]),
            Entry("mood", 7),
            Entry("brace", 1),
            Entry("bending", day % 3 and 1),
        )
    said("Anna", 4, Entry("exercise", 2, {"kind": "pelvic tilt", "repetitions": 10, "difficulty": 3}))
    said("Anna", 29, Entry("nicotine", 0), Entry("note", None, {"text": "Slept well."}))
    said("Maria", 2, Entry("fever", 1), Entry("wound_discharge", 0), Entry("pain", 7))
    care = Care(NOW_MS - 30 * HOUR_MS, CareKind.CALL, 12, "lang", NOW_MS - 29 * HOUR_MS, True, "walks go well")
    add_care(connection, by["Anna"].id, care)
    add_care(connection, by["Anna"].id, Care(NOW_MS - 54 * HOUR_MS, CareKind.REVIEW, 6, "lang", NOW_MS - 54 * HOUR_MS))
