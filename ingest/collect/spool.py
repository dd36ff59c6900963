"""What waits on the disk of a gateway until the clinic has it.

A file is in the spool once `adopt` returns: renamed into place and on the disk, so that a power cut loses nothing. It leaves
when the clinic has acknowledged it, or stays aside with the reason when the clinic will never take it.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.archive import sync_folder

_WAITING, _REFUSED = "waiting", "refused"
_FORM = re.compile(r"(\d{10})-(.+)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100
_NOTE = ".reason"


@dataclass(frozen=True, slots=True)
class Waiting:
    """number: in the order in which they came. name: what the clinic is told that it is called."""

    number: int
    name: str
    path: Path


class Spool:
    """The spool in `folder`, which is its owner's alone: it holds what wearables said."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in (_WAITING, _REFUSED):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)

    def adopt(self, path: Path, name: str) -> Waiting:
        """Take a complete file over, from the same file system. It is safe when this returns. Raises: OSError"""
        with path.open("rb") as file:
            os.fsync(file.fileno())
        number = 1 + max((one.number for one in self._all()), default=0)
        safe = _UNSAFE.sub("_", name)[-_LONGEST_NAME:] or "capture"
        if safe.endswith(_NOTE):
            safe += "_"  # else it would be taken for the note beside a refused file, and never be sent
        target = self._folder / _WAITING / f"{number:010d}-{safe}"
        # A link never takes the place of another file, as a rename would.
        os.link(path, target)
        sync_folder(target.parent)
        path.unlink()
        sync_folder(path.parent)
        return Waiting(number, safe, target)

    def waiting(self) -> list[Waiting]:
        """Return what waits, oldest first."""
        return sorted(self._found(_WAITING), key=lambda one: one.number)

    def refused(self) -> list[tuple[Waiting, str]]:
        """Return what the clinic will not take, and why."""
        found = sorted(self._found(_REFUSED), key=lambda one: one.number)
        return [(one, _reason(one.path)) for one in found]

    def sent(self, one: Waiting) -> None:
        """Let go of a file that the clinic has."""
        one.path.unlink(missing_ok=True)
        sync_folder(one.path.parent)

    def refuse(self, one: Waiting, reason: str) -> None:
        """Put a file aside that the clinic will never take as it is; it is kept, with the reason beside it."""
        target = self._folder / _REFUSED / one.path.name
        note = target.with_name(f"{target.name}{_NOTE}")
        note.write_text(json.dumps({"reason": reason}))
        one.path.rename(target)
        sync_folder(target.parent)
        sync_folder(one.path.parent)

    def _all(self) -> Iterator[Waiting]:
        yield from self._found(_WAITING)
        yield from self._found(_REFUSED)

    def _found(self, name: str) -> Iterator[Waiting]:
        for path in (self._folder / name).iterdir():
            match = _FORM.fullmatch(path.name)
            if match is not None and path.suffix != _NOTE:
                yield Waiting(int(match[1]), match[2], path)


def _reason(path: Path) -> str:
    note = path.with_name(f"{path.name}{_NOTE}")
    try:
        return str(json.loads(note.read_text())["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return "the reason was not kept"
