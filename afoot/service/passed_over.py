"""What the drop folder does not take: it lies where nobody's files are looked for, and whoever laid it down would never learn."""

import logging
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import delete, select

from afoot.app import App
from afoot.service.dropping import PUT_ASIDE, folders_of
from afoot.service.tables import told_of_drop
from ingest.people import Patient

log = logging.getLogger(__name__)

MISSING, NO_FOLDER, CLOSED = "missing", "a file, not a folder", "cannot be read, or a folder in it"
NOBODYS, LOOSE, LINKS, INNER = "folders of no patient", "files outside any folder", "links", "folders inside a patient's folder"
# Of the whole folder: it has these instead of names.
WHOLE = (MISSING, NO_FOLDER, CLOSED)
_SYSTEMS_OWN = "lost+found"


def look_over(top: Path, patients: Sequence[Patient]) -> Mapping[str, Sequence[str]]:
    """Return places relative to the drop folder that are passed over, by what is wrong; of the whole folder one, empty."""
    try:
        if not top.exists():
            return {MISSING: [""]}
        if not top.is_dir():
            return {NO_FOLDER: [""]}
        found = defaultdict(list)
        for what, path in _look_over(top, patients):
            found[what].append(str(path.relative_to(top)))
    except FileNotFoundError:
        return {MISSING: [""]}
    except OSError:
        return {CLOSED: [""]}
    return found


def _look_over(top: Path, patients: Sequence[Patient]) -> Iterator[tuple[str, Path]]:
    # By what they are, not by how they are spelled: some systems write the same letters otherwise.
    theirs = {known for patient in patients for folder in folders_of(top, patient) if (known := _identity(folder))}
    for path in sorted(top.iterdir()):
        if path.is_symlink():
            yield LINKS, path
        elif _identity(path) in theirs:
            yield from _inside(path)
        elif not path.name.startswith(".") and path.name != _SYSTEMS_OWN:
            yield (NOBODYS if path.is_dir() else LOOSE), path


def _inside(folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        lies_there = sorted(folder.iterdir())
    except FileNotFoundError:
        return  # taken away meanwhile
    for path in lies_there:
        if path.name.startswith(".") or path.name in PUT_ASIDE:
            continue
        if path.is_symlink():
            yield LINKS, path
        elif path.is_dir():
            yield INNER, path


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this folder from every other; None if it is none, or not there."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def tell(app: App, found: Mapping[str, Sequence[str]]) -> None:
    """Log what is passed over when there is more of it than was told; no name, for a folder may be called like a person."""
    counts = {what: len(places) for what, places in found.items()}
    with app.store.reading() as connection:
        known = {row.what: row.number for row in connection.execute(select(told_of_drop))}
    if counts == known:
        return
    with app.store.writing() as connection:
        connection.execute(delete(told_of_drop))
        if counts:
            connection.execute(told_of_drop.insert(), [{"what": what, "number": number} for what, number in counts.items()])
    for what, number in counts.items():
        if number > known.get(what, 0):
            said = what if what in WHOLE else f"passes over {what}: {number:,}"
            log.warning("the drop folder (AFOOT_DROP): %s; `afoot status` says more", said)
