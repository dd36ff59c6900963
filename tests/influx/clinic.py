"""A small clinic of virtual wearers to publish, and what the store says of it, to hold what was published against."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from afoot.app import App, open_app
from afoot.evaluating import check_patients
from afoot.executing import Serial
from afoot.judging import judge_days
from afoot.publishing import Published, publish
from devices import virtual
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.virtual import Habit, Wearer
from ingest import groups, observations, people, prescriptions
from ingest.collect.files import import_files
from ingest.observations import Entry, Said, Source
from ingest.people import Patient
from ingest.publishing.influx import Influx
from ingest.publishing.sources import read_secret, source_name
from ingest.store import read_minutes
from ingest.timeline import known_range, read_days, read_timeline
from rules import ledger
from rules.minutes import NA
from rules.prescription import Prescription
from tests.influx.rig import Rig

MINUTE, DAY = 60_000, 86_400_000
SURGERY = date(2026, 3, 24)  # so that the night of 29 March, which is an hour short, is among the days
DAYS = 8
ANNA = Wearer(31, SURGERY, habit=Habit.SITTER, silent=frozenset({SURGERY + timedelta(days=3)}))
BEN = Wearer(32, SURGERY, zone="America/New_York", habit=Habit.OVERDOING)
END_MS = (SURGERY - date(1970, 1, 1)).days * DAY + (DAYS + 1) * DAY


class Clock:
    """A clock that a test sets; each look at it takes a millisecond."""

    def __init__(self, at_ms: int = END_MS) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        self.at_ms += 1
        return self.at_ms


def make_exports(folder: Path) -> dict[str, dict[date, list[Path]]]:
    """Return the files of each day of each wearer."""
    days = virtual.days_from(SURGERY, DAYS)
    made: dict[str, dict[date, list[Path]]] = {"Anna": {}, "Ben": {}}
    for name, wearer in (("Anna", ANNA), ("Ben", BEN)):
        for day in days:
            made[name][day] = virtual.write_fit(wearer, [day], folder / name / day.isoformat(), syncs=1)
    made["Anna"][days[0]] += virtual.write_apple(ANNA, days[:3], folder / "phone")
    return made


def fill(app: App, exports: dict[str, dict[date, list[Path]]], days: int = DAYS) -> None:
    """Anna in the group `spine`, with two devices, and Ben in none; judged, with observations."""
    body = Prescription(author="Dr. B", effective=SURGERY, reason="fusion", surgery_date=SURGERY, baseline_steps=ANNA.baseline)
    with app.store.writing() as connection:
        group = groups.add_group(connection, "spine")
        for name, wearer in (("Anna", ANNA), ("Ben", BEN)):
            patient = people.add_patient(connection, name, wearer.zone, END_MS - 400 * DAY)
            prescriptions.add_version(connection, patient.id, SURGERY, body.model_dump(mode="json"), 0)
        anna = people.find_patient(connection, "Anna")
        groups.assign(connection, anna.id, group.id)
        said = Said(END_MS - 3 * DAY, Source.PATIENT, "Anna", END_MS - 3 * DAY)
        entries = [Entry("pain", 4), Entry("fever", 0), Entry("note", None, {"text": 'My "son" Tom\nwas here'})]
        observations.add_observations(connection, anna.id, entries, said)
    for name in ("Anna", "Ben"):
        give(app, name, [path for day in sorted(exports[name])[:days] for path in exports[name][day]])
    check(app)


def give(app: App, name: str, paths: Sequence[Path], at_ms: int = END_MS) -> None:
    patient = find(app, name)
    files = [FileSource(path, f"{path.parent.name}/{path.name}") for path in paths]
    for outcome in import_files(app.store, app.archive, patient, files, ReadOptions(ZoneInfo(patient.zone)), at_ms):
        assert not outcome.refused


def check(app: App, at_ms: int = END_MS) -> None:
    with app.store.reading() as connection:
        everybody = people.list_patients(connection)
    assert all(not one.problem for one in check_patients(app.store, everybody, at_ms, Serial(), backfill=True))


def find(app: App, name: str) -> Patient:
    with app.store.reading() as connection:
        return people.find_patient(connection, name)


@contextmanager
def copied(home: Path, folder: Path) -> Iterator[App]:
    """Open a copy of a program's home."""
    shutil.copytree(home, folder / "home")
    app = open_app(folder / "home")
    try:
        yield app
    finally:
        app.close()


def connect(rig: Rig) -> Influx:
    return Influx(rig.url, rig.org, rig.token, retries=1, retry_s=0.01)


def run(app: App, rig: Rig, clock: Clock | None = None, **options: Any) -> Published:
    with connect(rig) as influx:
        return publish(app.store, influx, clock or Clock(), **options)


def same_as_store(app: App, rig: Rig, name: str, bucket: str) -> None:
    """Assert that what lies in the bucket of a patient is what the store says, point by point."""
    patient = find(app, name)
    mine = f"WHERE \"patient\" = '{patient.pseudonym}'"
    merged = rig.query(bucket, f"SELECT steps, heart_rate, state FROM minutes {mine} AND source = 'merged'")
    assert [(row["time"], row["steps"], row["heart_rate"], row["state"]) for row in merged] == merged_minutes(app, patient)
    for source, metrics in device_minutes(app, patient).items():
        for metric, expected in metrics.items():
            rows = rig.query(bucket, f"SELECT {metric} FROM minutes {mine} AND source = '{source}'")
            assert [(row["time"], row[metric]) for row in rows] == expected, (source, metric)
    _same_days(app, rig, patient, bucket, mine)
    _same_alerts(app, rig, patient, bucket, mine)


def merged_minutes(app: App, patient: Patient) -> list[tuple[int, int | None, int | None, int]]:
    with app.store.reading() as connection:
        span = known_range(connection, patient)
        if span is None:
            return []
        states = {one.summary.day: one.summary.states for one in judge_days(connection, patient, *span)}
        days = read_days(connection, patient, *span)
        timeline = read_timeline(connection, patient, days)
        known = [minute for metric in ("steps", "heart_rate", "intensity") for minute in _known(connection, patient, metric)]
    first, end = min(known) * 60, max(known) * 60 + 60
    times = days[0].start_ms // 1000 + 60 * np.arange(len(timeline.steps))
    state = np.concatenate([states[day.day] for day in days])
    rows = zip(times.tolist(), _or_none(timeline.steps), _or_none(timeline.heart_rate), state.tolist(), strict=True)
    return [row for row in rows if first <= row[0] < end]


def _known(connection: Any, patient: Patient, metric: str) -> list[int]:
    return [
        int(day) * 1440 + int(minute)
        for one in read_minutes(connection, patient.id, metric, 0, 40_000)
        for day, block in zip(one.grid.days, one.grid.minutes, strict=True)
        for minute in np.flatnonzero(block != NA)
    ]


def _or_none(values: Any) -> list[int | None]:
    return [None if value == NA else value for value in values.tolist()]


def device_minutes(app: App, patient: Patient) -> dict[str, dict[str, list[tuple[int, int]]]]:
    found: dict[str, dict[str, list[tuple[int, int]]]] = {}
    with app.store.reading() as connection:
        secret = read_secret(connection)
        names = {
            one.id: source_name(secret, patient.pseudonym, one.device) for one in people.list_devices(connection, patient.id)
        }
        for metric in ("steps", "heart_rate", "intensity"):
            for one in read_minutes(connection, patient.id, metric, 0, 40_000):
                rows = found.setdefault(names[one.device_id], {}).setdefault(metric, [])
                for day, block in zip(one.grid.days.tolist(), one.grid.minutes, strict=True):
                    rows += [(day * 86_400 + 60 * at, int(block[at])) for at in np.flatnonzero(block != NA).tolist()]
    return found


def _same_days(app: App, rig: Rig, patient: Patient, bucket: str, mine: str) -> None:
    with app.store.reading() as connection:
        judged = list(judge_days(connection, patient))
    daily = {row["date"]: row for row in rig.query(bucket, f"SELECT * FROM daily {mine}")}
    assert [day for day in daily if daily[day]["steps"] is not None] == [
        one.summary.day.isoformat() for one in judged if one.summary.has_data
    ]
    for one in judged:
        row, summary = daily[one.summary.day.isoformat()], one.summary
        assert row["time"] == summary.start_ms // 1000
        for name in ("steps", "worn_min", "unknown_min", "not_worn_min", "still_min", "walking_min", "coverage", "resolution_s"):
            assert row[name] == getattr(summary, name), (summary.day, name)
        assert row["longest_still_min"] == summary.longest_stationary_min
        assert one.verdict is not None
        for item in one.verdict.items:
            assert row[f"{item.name}_status"] == item.status.value
        assert row["walks_done"] == one.verdict.item("walks").done
        assert row["walks_target"] == one.verdict.item("walks").target
        assert row["adherence"] == one.verdict.adherence
    walks = rig.query(bucket, f"SELECT minutes, steps, censored FROM bouts {mine} AND kind = 'walk'")
    expected = [
        (one.summary.start_ms // 1000 + 60 * bout.start, bout.length, int(bout.censored))
        for one in judged
        if one.summary.walking is not None
        for bout in one.summary.walking
    ]
    assert [(row["time"], row["minutes"], row["censored"]) for row in walks] == expected
    hours = rig.query(bucket, f"SELECT steps, known_min FROM hours {mine}")
    assert sum(row["steps"] or 0 for row in hours) == sum(
        int(one.summary.cadence[one.summary.cadence >= 0].sum()) for one in judged
    )
    assert all((row["steps"] is None) == (row["known_min"] == 0) for row in hours)


def _same_alerts(app: App, rig: Rig, patient: Patient, bucket: str, mine: str) -> None:
    with app.store.reading() as connection:
        transitions = ledger.list_transitions(connection, patient.id)
        open_alerts = {(one.rule, one.priority.value) for one in ledger.list_alerts(connection, patient.id, open_only=True)}
    events = rig.query(bucket, f"SELECT event, text FROM alerts {mine}")
    assert {(row["event"], row["text"]) for row in events} == {(one.kind.value, one.finding.reason) for one in transitions}
    assert len(events) >= len(transitions)
    last = rig.query(bucket, f'SELECT last("open") AS open FROM alerts {mine} GROUP BY rule, severity')
    assert {(row["rule"], row["severity"]) for row in last if row["open"]} == open_alerts
    (ward,) = rig.query(bucket, f"SELECT * FROM ward {mine}")
    assert ward["open_alerts"] == len(open_alerts)
