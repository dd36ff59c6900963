"""The drop folder: a folder for each patient, by pseudonym or name; what appears in it is imported and put aside."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from afoot.app import App
from afoot.service.imported import note_imports
from afoot.service.settled import is_settled
from afoot.service.turns import FILES, wake
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from ingest import people
from ingest.collect.files import Outcome, import_files
from ingest.people import Patient

log = logging.getLogger(__name__)

IMPORTED, REFUSED = "imported", "refused"
PUT_ASIDE = (IMPORTED, REFUSED)
# As the audit knows it: no person, and nobody's token.
WHO, ROLE = "drop folder", "job"


def import_dropped(app: App) -> int:
    """Import what lies in the drop folder and nobody writes to any more; returns how many files.

    A file that was imported goes to `imported`, one that was not, in whole or in part, to `refused`, with the reason beside it.
    """
    top = app.settings.drop
    if top is None:
        return 0
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
    done, waits = 0, False
    for patient in patients:
        for folder in folders_of(top, patient):
            found = _look(folder, app.now_ms())
            waits = waits or found.waits or not _import(app, patient, found.ready)
            done += len(found.ready)
    if waits:
        # A file that is closed without a further change is told by no event.
        with app.store.writing() as connection:
            wake(connection, FILES, app.now_ms())
    return done


def folders_of(top: Path, patient: Patient) -> list[Path]:
    """Return where files of a patient may be dropped; a name that leads elsewhere is no folder's name."""
    name = patient.name
    named = os.sep not in name and name not in (".", "..")
    return [top / patient.pseudonym, *([top / name] if named else [])]


def _import(app: App, patient: Patient, files: list["_Dropped"]) -> bool:
    """Import the files and put them aside; returns whether none of them was written to meanwhile."""
    if not files:
        return True
    sources = [FileSource(one.path, one.path.name) for one in files]
    options = ReadOptions(people.checked_zone(patient.zone))
    outcomes = {one.name: one for one in import_files(app.store, app.archive, patient, sources, options, app.now_ms())}
    note_imports(app, [(WHO, ROLE, patient.id)] * sum(bool(one.hash) for one in outcomes.values()))
    same = [one for one in files if one.is_same()]
    for one in same:
        _put_aside(one.path, outcomes[one.path.name])
    log.info("imported %d dropped files", len(files))
    return len(same) == len(files)


@dataclass(frozen=True, slots=True)
class _Dropped:
    """A file as it was when it seemed whole."""

    path: Path
    size: int
    changed_ns: int

    def is_same(self) -> bool:
        """Whether it still is what was read: else it stays, and comes in again, whole. False if somebody took it back."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.changed_ns)


@dataclass(frozen=True, slots=True)
class _Found:
    """waits: whether there is something that is still being written"""

    ready: list[_Dropped]
    waits: bool


def _look(folder: Path, now_ms: int) -> _Found:
    if not folder.is_dir() or folder.is_symlink():
        return _Found([], waits=False)
    ready, waits = [], False
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file() or path.name.startswith("."):
            continue
        try:
            state = path.stat()
            if is_settled(path, now_ms):
                ready.append(_Dropped(path, state.st_size, state.st_mtime_ns))
            else:
                waits = True
        except FileNotFoundError:
            pass  # somebody took it back
    return _Found(ready, waits)


def _put_aside(path: Path, outcome: Outcome) -> None:
    goal = path.parent / (REFUSED if outcome.refused else IMPORTED)
    goal.mkdir(exist_ok=True)
    moved = goal / (path.name if not (goal / path.name).exists() else f"{outcome.hash[:12]}-{path.name}")
    path.replace(moved)
    if outcome.refused:
        moved.with_name(f"{moved.name}.why.txt").write_text("\n".join(outcome.refused) + "\n", encoding="utf-8")
