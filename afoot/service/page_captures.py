"""Captures of syncs over patients' pages: where they are written, who may bring them in, what a killed process left."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from afoot.app import App
from afoot.service.imported import note_imports
from afoot.service.roles import Role
from devices.radio.codec import Cursor
from ingest.collect.exchanging import leftovers
from ingest.collect.files import Outcome
from ingest.collect.links import RadioLost
from ingest.collect.pairing import clear_away, keep_leftovers, only_one
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.wearables import StoreRoster

log = logging.getLogger(__name__)


class NoLonger(RadioLost):
    """Whoever has the page may not bring this in any more. end: as of `Ended`"""

    def __init__(self, end: str) -> None:
        super().__init__(f"the page may not bring this in any more: {end}")
        self.end = end


class PageRoster(StoreRoster):
    """The clinic's wearables as one page reaches them. may: whether whoever has the page may still bring something in"""

    def __init__(self, app: App, folder: Path, may: Callable[[], bool], imported: Callable[[Patient, Outcome], None]) -> None:
        super().__init__(app.store, app.archive, folder, app.now_ms, imported)
        self._may = may

    def keep(self, id: str, capture: Path, cursor: Cursor | None) -> None:
        if not self._may():
            capture.unlink(missing_ok=True)  # whoever erased the patient has seen to it already
            raise NoLonger("signed_out")
        try:
            super().keep(id, capture, cursor)
        except NotKnown as error:
            # Of somebody who was erased, or let go of it: nothing of theirs stays here.
            capture.unlink(missing_ok=True)
            raise NoLonger("let_go") from error


def folder_of(app: App, patient_id: int, name: str) -> Path:
    """Return where captures of a patient's wearable of that name are written while a page syncs it; one at a time has it."""
    return page_folder(app) / hashlib.sha256(f"{patient_id} {name}".encode()).hexdigest()[:16]


def page_folder(app: App) -> Path:
    return app.settings.radio_folder / "page"


def keep_abandoned(app: App) -> int:
    """Keep what syncs over pages left when this machine's process was killed; returns how many wearables had something."""
    done = 0
    for folder in sorted(page_folder(app).glob("*/")):
        roster = PageRoster(
            app, folder, lambda: True, lambda patient, _: note_imports(app, [("page", Role.PATIENT.value, patient.id)])
        )
        with suppress(Conflict), only_one(folder):  # a page has it
            done += bool(leftovers(folder))
            for problem in keep_leftovers(roster):
                log.warning("what a page's sync left: %s", problem)
            clear_away(folder)
    return done
