"""What runs by itself: a registry of jobs. A new one is a function of the program and one line in JOBS."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afoot.app import App
from afoot.backing_up import back_up_due
from afoot.delivering import send_due
from afoot.evaluating import check_patients
from afoot.executing import Serial, open_executor
from afoot.publishing import publish_due
from afoot.service import audit, partial, sessions
from afoot.service.bodies import PREFIX
from afoot.service.dropping import import_dropped
from afoot.service.page_captures import keep_abandoned
from afoot.service.recovering import import_complete
from afoot.service.sessions import Lifetime
from afoot.service.turns import DELIVER, EVALUATE, FILES
from afoot.syncing import sync_due
from ingest import dirty, people
from ingest.people import Patient

log = logging.getLogger(__name__)

SECOND_MS, MINUTE_MS, DAY_MS = 1000, 60_000, 86_400_000


class Failed(Exception):
    """A part of a job's work failed; the rest was done."""


@dataclass(frozen=True, slots=True)
class Job:
    """every_ms: from one run's end to the next's beginning, by the program's settings."""

    name: str
    every_ms: Callable[[App], int]
    run: Callable[[App], object]


def every(seconds: int) -> Callable[[App], int]:
    return lambda app: seconds * SECOND_MS


def evaluate_changed(app: App) -> None:
    """Judge the patients of whom something changed."""
    with app.store.reading() as connection:
        changed = set(dirty.list_patients(connection))
        patients = [one for one in people.list_patients(connection) if one.id in changed]
    _check(app, patients)


def evaluate_all(app: App) -> None:
    """Judge every patient: time alone makes a device silent, or a rest too long."""
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
    settings = app.settings
    if settings.executor == "serial":
        _check(app, patients)
        return
    with open_executor(settings.executor, workers=settings.workers, scheduler=settings.dask_scheduler) as executor:
        for one in check_patients(app.store, patients, app.now_ms(), executor):
            _tell(one.problem)


def _check(app: App, patients: list[Patient]) -> None:
    """Judge one patient after the other, so that one whose judging fails does not keep the others from theirs."""
    failed = 0
    for patient in patients:
        try:
            for one in check_patients(app.store, [patient], app.now_ms(), Serial()):
                _tell(one.problem)
        except Exception as error:  # noqa: BLE001 - the service's edge: counted and logged
            log.error("%s while judging a patient", type(error).__name__)
            failed += 1
    if failed:
        raise Failed(f"{failed} of {len(patients)} patients could not be judged")


def _tell(problem: str) -> None:
    if problem:
        log.warning("a patient was not judged: %s", problem)


def publish(app: App) -> None:
    """Bring what changed into the databases of dashboards; who was erased goes from there, too."""
    published = publish_due(app)
    if published.state == "failed":
        raise Failed(f"publishing: {published.problem}")


def sync_wearables(app: App) -> None:
    """Fetch what paired wearables near this machine have kept. One that is not near is no failure of the job."""
    seen = sync_due(app)
    for one in seen.values():
        if one.problem:
            log.info("a wearable was not synced: %s", one.problem)


def retain(app: App) -> None:
    """Remove sessions and uploads that are over, and what the audit need no longer know."""
    settings, now_ms = app.settings, app.now_ms()
    lifetime = Lifetime(settings.session_idle_minutes * MINUTE_MS, settings.session_hours * 60 * MINUTE_MS)
    with app.store.writing() as connection:
        sessions.drop_expired(connection, now_ms, lifetime)
        audit.drop_older(connection, now_ms - settings.audit_days * DAY_MS)
        gone = partial.drop_expired(connection, now_ms)
    for id_ in gone:
        partial.path_of(settings.uploads_folder, id_).unlink(missing_ok=True)
    drop_left_over(settings.uploads_folder, now_ms)


def drop_left_over(folder: Path, now_ms: int) -> None:
    """Remove what a killed process left of uploads by one request; nobody was told that it is here."""
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if now_ms - path.stat().st_mtime_ns // 1_000_000 > DAY_MS:
                path.unlink()


JOBS: tuple[Job, ...] = (
    Job(FILES, every(30), import_dropped),
    Job("uploads", every(60), import_complete),
    Job("page syncs", every(60), keep_abandoned),
    Job(EVALUATE, every(60), evaluate_changed),
    Job("evaluate all", lambda app: app.settings.check_minutes * MINUTE_MS, evaluate_all),
    Job(DELIVER, every(20), send_due),
    Job("bluetooth", lambda app: app.settings.radio_minutes * MINUTE_MS, sync_wearables),
    Job("publish", every(20), publish),
    Job("backup", every(3600), back_up_due),
    Job("retention", every(3600), retain),
)
