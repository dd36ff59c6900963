"""Runs the jobs that are due: each in a thread of its own, so that none waits for another, and none takes another down."""

import logging
import secrets
import threading
import traceback
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from afoot.app import App
from afoot.service import turns
from afoot.service.jobs import Job
from afoot.service.metrics import Metrics
from afoot.settings import BadSetting

log = logging.getLogger(__name__)

LOOK_S = 1.0
# A job that is not set up may be while the service runs: a wearable is paired.
LOOK_AGAIN_MS = 60_000


class Scheduler:
    """One process's share of the jobs. Several that share a store never run one job at the same time."""

    def __init__(self, app: App, metrics: Metrics, jobs: Sequence[Job], *, look_s: float = LOOK_S) -> None:
        self._app, self._metrics, self._look_s = app, metrics, look_s
        self._jobs = {job.name: job for job in jobs}
        self.holder = secrets.token_hex(8)
        self._stop = threading.Event()
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """Begin no further job, and wait for those that run; one that takes longer leaves its lease to expire."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        for thread in list(self._running.values()):
            thread.join(wait_s)

    def _run(self) -> None:
        begun = False
        while not self._stop.is_set():
            try:
                if not begun:
                    self._hasten()
                    begun = True
                self._look()
            except SQLAlchemyError as error:
                # The store is busy, or gone for a while.
                log.error("the store: %s while looking for jobs", type(error).__name__)
            self._stop.wait(self._look_s)

    def _hasten(self) -> None:
        """With this start the settings may be others: what depends on them is done now, not after the wait of the old ones."""
        names = [job.name for job in self._jobs.values() if job.is_set_up is not None]
        with self._app.store.writing() as connection:
            turns.hasten(connection, names, self._app.now_ms())

    def _look(self) -> None:
        """Begin what is due, and hold on to what runs."""
        store, now_ms = self._app.store, self._app.now_ms()
        with store.reading() as connection:
            known = set(turns.list_names(connection))
            due = [name for name in turns.find_due(connection, now_ms) if name in self._jobs and name not in self._running]
            held = turns.list_held(connection, self.holder, now_ms - turns.RENEW_MS + turns.LEASE_MS)
        if missing := self._jobs.keys() - known:
            with store.writing() as connection:
                turns.add_jobs(connection, missing, now_ms)
        for name in held:
            with store.writing() as connection:
                turns.renew(connection, name, self.holder, now_ms)
        for name in due:
            with store.writing() as connection:
                taken = turns.claim(connection, name, self.holder, now_ms)
            if taken:
                self._begin(self._jobs[name])

    def _begin(self, job: Job) -> None:
        thread = threading.Thread(target=self._do, args=(job,), name=f"job {job.name}", daemon=True)
        with self._lock:
            self._running[job.name] = thread
        thread.start()

    def _do(self, job: Job) -> None:
        began_ms, problem = self._app.now_ms(), ""
        try:
            if job.is_set_up is None or job.is_set_up(self._app):
                job.run(self._app)
            else:
                problem = turns.NOT_SET_UP
        except BadSetting as error:
            problem = str(error)
            log.error("job %s: %s", job.name, problem)
        except Exception as error:  # noqa: BLE001 - the service's edge: logged, counted, tried again later
            problem = type(error).__name__
            log.error("job %s: %s\n%s", job.name, problem, "".join(traceback.format_tb(error.__traceback__)))
        try:
            self._end(job, began_ms, problem)
        except SQLAlchemyError as error:
            log.error("job %s: %s while ending; its lease will expire", job.name, type(error).__name__)
        finally:
            with self._lock:
                del self._running[job.name]

    def _end(self, job: Job, began_ms: int, problem: str) -> None:
        now_ms = self._app.now_ms()
        if problem == turns.NOT_SET_UP:
            with self._app.store.writing() as connection:
                turns.rest(connection, job.name, self.holder, now_ms + min(LOOK_AGAIN_MS, job.every_ms(self._app)))
            return
        self._metrics.count_job(job.name, began_ms, now_ms, failed=bool(problem))
        with self._app.store.writing() as connection:
            turns.end(connection, job.name, self.holder, now_ms, job.every_ms(self._app), problem)
