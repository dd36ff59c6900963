"""The drop folder, watched: the job that imports from it is due as soon as something was laid down.

Systems tell of changes on local disks alone, and may lose some: the job looks by itself, too, from time to time.
"""

import logging
import threading
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from watchfiles import Change, watch

from afoot.app import App
from afoot.service.dropping import PUT_ASIDE
from afoot.service.settled import CLOSED_MS
from afoot.service.turns import FILES, wake

log = logging.getLogger(__name__)

# Changes that follow one another closely are one; but while a large file comes in, others must not wait for it.
TOGETHER_MS = 10_000
LOOK_MS = 5_000
AGAIN_S = 30.0


class DropWatch:
    """A thread that watches the drop folder of these settings; none where there is none."""

    def __init__(self, app: App) -> None:
        self._app, self._stop = app, threading.Event()
        self._thread = threading.Thread(target=self._run, name="drop folder", daemon=True)

    def start(self) -> None:
        if self._app.settings.drop is not None:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        top = self._app.settings.drop
        assert top is not None
        while not self._stop.is_set():
            try:
                if top.is_dir():
                    self._watch(top.resolve())
            except (OSError, RuntimeError) as error:  # the latter is the watcher's own
                log.warning("the drop folder cannot be watched (%s): it is looked at every half minute", type(error).__name__)
            self._stop.wait(AGAIN_S if top.is_dir() else LOOK_MS / 1000)

    def _watch(self, top: Path) -> None:
        """Watch until told to stop, or until the folder is another one."""
        self._wake()  # what was laid down before anybody watched
        same = top.stat().st_ino
        changes = watch(
            top,
            watch_filter=lambda change, path: is_arrival(top, change, Path(path)),
            stop_event=self._stop,
            yield_on_timeout=True,
            raise_interrupt=False,
            step=CLOSED_MS,
            debounce=TOGETHER_MS,
            rust_timeout=LOOK_MS,
        )
        for found in changes:
            if found:
                self._wake()
            elif not top.is_dir() or top.stat().st_ino != same:
                return

    def _wake(self) -> None:
        try:
            with self._app.store.writing() as connection:
                wake(connection, FILES, self._app.now_ms(), wait_ms=0)
        except SQLAlchemyError as error:
            log.error("the store: %s while waking the import of dropped files", type(error).__name__)


def is_arrival(top: Path, change: Change, path: Path) -> bool:
    """Whether a change may mean that there is something to import: a patient's folder, or what lies directly in one."""
    place = path.relative_to(top).parts if path.is_relative_to(top) else ()
    return change is not Change.deleted and len(place) in (1, 2) and place[-1] not in PUT_ASIDE and not place[-1].startswith(".")
