"""Judging patients: all rules over a clinic, serially, in two processes and on two Dask workers; one patient after a sync."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from afoot.app import App, open_app
from afoot.evaluating import check_patients
from afoot.executing import Executor, Serial, open_executor
from afoot.replaying import DAY_MS, Material, replay
from benchmarks.rules import make_days
from devices import virtual
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from ingest import people, prescriptions
from ingest.collect.files import import_files
from ingest.people import Patient
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription

PATIENTS, DAYS = 1_000, 14
MADE = 70  # days made; patients are made of different stretches of them
HISTORY_DAYS, SYNCS = 90, 10
SURGERY = date(2024, 3, 4)
FIRST = SURGERY + timedelta(days=20)
PRESCRIPTION = Prescription(author="benchmark", effective=SURGERY, reason="benchmark", surgery_date=SURGERY, baseline_steps=5000)


def make_clinic(patients: int) -> list[Material]:
    """Return patients with two weeks of minutes each, of whom nothing was judged before; to be judged at the end of the last."""
    made = make_days(MADE)
    start_ms = (FIRST - date(1970, 1, 1)).days * DAY_MS
    unknown = np.full(1440, NA, np.int16)
    clinic = []
    for number in range(patients):
        days: list[DayMinutes] = [
            replace(made[(number * 3 + day) % MADE], day=FIRST + timedelta(days=day), start_ms=start_ms + day * DAY_MS)
            for day in range(DAYS)
        ]
        end_ms = start_ms + DAYS * DAY_MS
        days.append(build_day(FIRST + timedelta(days=DAYS), unknown, start_ms=end_ms))
        clinic.append(Material(number, (PRESCRIPTION,), {}, days, [end_ms]))
    return clinic


def judge_clinic(executor: Executor, clinic: Sequence[Material]) -> float:
    """Return the seconds that it takes to judge all of them."""
    begun = time.perf_counter()
    true = sum(finding.truth == "true" for one in executor.run(replay, clinic) for finding in one.findings[-1])
    if not true:
        raise RuntimeError("the benchmark's patients break some rule")
    return time.perf_counter() - begun


def _warm(executor: Executor, clinic: Sequence[Material]) -> None:
    """Let each worker import what it needs."""
    list(executor.run(replay, clinic[:64]))


def time_clinic(kind: str, clinic: Sequence[Material]) -> float:
    with open_executor(kind, workers=2) as executor:
        _warm(executor, clinic)
        return judge_clinic(executor, clinic)


def time_check_after_sync(folder: Path) -> float:
    """Return the seconds of a check of one patient with months of history after a sync of a day.

    The best of some: other work on the machine only ever adds.
    """
    days = virtual.days_from(SURGERY, HISTORY_DAYS)
    wearer = virtual.Wearer(5, SURGERY, "UTC", faults=0)
    paths = {day: virtual.write_fit(wearer, [day], folder / day.isoformat(), syncs=1) for day in days}
    app = open_app(folder / "home")
    with app.store.writing() as connection:
        patient = people.add_patient(connection, "p", "UTC", 0)
        prescriptions.add_version(connection, patient.id, SURGERY, PRESCRIPTION.model_dump(mode="json"), 0)
    _give(app, patient, [path for day in days[:-SYNCS] for path in paths[day]])
    _check(app, patient, days[-SYNCS], backfill=True)
    spent = []
    for day in days[-SYNCS:]:
        _give(app, patient, paths[day])
        begun = time.perf_counter()
        _check(app, patient, day + timedelta(days=1))
        spent.append(time.perf_counter() - begun)
    app.close()
    return min(spent)


def _give(app: App, patient: Patient, paths: Sequence[Path]) -> None:
    files = [FileSource(path, f"{path.parent.name}/{path.name}") for path in paths]
    for outcome in import_files(app.store, app.archive, patient, files, ReadOptions(ZoneInfo("UTC")), 0):
        if outcome.refused:
            raise RuntimeError(f"{outcome.name}: {outcome.refused}")


def _check(app: App, patient: Patient, day: date, *, backfill: bool = False) -> None:
    at_ms = (day - date(1970, 1, 1)).days * DAY_MS
    (checked,) = check_patients(app.store, [patient], at_ms, Serial(), backfill=backfill)
    if checked.problem or not checked.findings:
        raise RuntimeError(f"the benchmark's patient could not be judged: {checked.problem}")


def table() -> list[dict[str, object]]:
    """Return the rows of the table; see benchmarks/__main__.py."""
    clinic = make_clinic(PATIENTS)
    serial = time_clinic("serial", clinic)
    processes = time_clinic("processes", clinic)
    dask = time_clinic("dask", clinic)
    with tempfile.TemporaryDirectory(prefix="afoot-bench-") as name:
        sync = time_check_after_sync(Path(name))
    what = f"all rules, {PATIENTS:,} patients x {DAYS} days from minutes"
    row: dict[str, object] = {"peer": None, "peer_name": "", "ratio": None, "unit": "s"}
    beside = row | {"peer": round(serial, 2), "peer_name": "ours, serial", "required": "faster than serial"}
    return [
        row | {"what": f"{what}, serial", "ours": round(serial, 2), "required": "<= 10 s"},
        beside | {"what": "the same, 2 processes", "ours": round(processes, 2), "ratio": round(serial / processes, 2)},
        beside | {"what": "the same, 2 Dask workers", "ours": round(dask, 2), "ratio": round(serial / dask, 2)},
        row
        | {"what": f"one patient's check after a sync, {HISTORY_DAYS} days of history", "ours": round(1000 * sync, 1)}
        | {"unit": "ms", "required": "<= 20 ms"},
    ]
