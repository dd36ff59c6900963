"""The drop folder: a folder for each patient, by pseudonym or name; what appears in it is imported and put aside."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from afoot.app import App
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from ingest import people
from ingest.collect.files import Outcome, import_files
from ingest.people import Patient

log = logging.getLogger(__name__)

# A file that is still being written changes within it.
QUIET_MS = 5_000
IMPORTED, REFUSED = "imported", "refused"


def import_dropped(app: App) -> int:
    """Import what lies in the drop folder and was not changed for some seconds; returns how many files.

    A file that was imported goes to `imported`, one that was not, in whole or in part, to `refused`, with the reason beside it.
    """
    top = app.settings.drop
    if top is None:
        return 0
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
    done = 0
    for patient in patients:
        for folder in folders_of(top, patient):
            done += _import(app, patient, folder)
    return done


def folders_of(top: Path, patient: Patient) -> list[Path]:
    """Return where files of a patient may be dropped; a name that leads elsewhere is no folder's name."""
    name = patient.name
    named = os.sep not in name and name not in (".", "..")
    return [top / patient.pseudonym, *([top / name] if named else [])]


def _import(app: App, patient: Patient, folder: Path) -> int:
    files = list(_ready(folder, app.now_ms()))
    if not files:
        return 0
    sources = [FileSource(path, path.name) for path in files]
    options = ReadOptions(people.checked_zone(patient.zone))
    outcomes = list(import_files(app.store, app.archive, patient, sources, options, app.now_ms()))
    by_name = {outcome.name: outcome for outcome in outcomes}
    for path in files:
        _put_aside(path, by_name[path.name])
    log.info("imported %d dropped files", len(files))
    return len(files)


def _ready(folder: Path, now_ms: int) -> Iterator[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file() or path.name.startswith("."):
            continue
        # Gone meanwhile: somebody took it back.
        with contextlib.suppress(FileNotFoundError):
            if now_ms - path.stat().st_mtime_ns // 1_000_000 >= QUIET_MS:
                yield path


def _put_aside(path: Path, outcome: Outcome) -> None:
    goal = path.parent / (REFUSED if outcome.refused else IMPORTED)
    goal.mkdir(exist_ok=True)
    moved = goal / (path.name if not (goal / path.name).exists() else f"{outcome.hash[:12]}-{path.name}")
    path.replace(moved)
    if outcome.refused:
        moved.with_name(f"{moved.name}.why.txt").write_text("\n".join(outcome.refused) + "\n", encoding="utf-8")
