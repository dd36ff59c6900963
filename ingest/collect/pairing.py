"""Wearables that somebody paired, and where what they say goes: a clinic's store or a gateway's spool. Without a radio."""

import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from devices.errors import DecodeError
from devices.radio.capture import parse_capture
from devices.radio.codec import Cursor
from ingest.collect.exchanging import SUFFIX, leftovers
from ingest.collect.links import BrokenProtocol
from ingest.errors import Conflict, NotKnown

_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Paired:
    """A wearable that somebody added. address: as this machine's system shows it. id: see `Peer`. cursor: see `Settings`"""

    id: str
    address: str
    name: str
    codec: str
    cursor: Cursor = field(default_factory=dict)
    facts: Mapping[str, int | str] = field(default_factory=dict)
    key: bytes | None = field(default=None, repr=False)
    utc_offset_s: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a try to sync showed. problem, hint: empty after one that ended well. battery: percent, None if it was not told"""

    at_ms: int
    problem: str = ""
    hint: str = ""
    battery: int | None = None
    charging: bool | None = None


class Roster(Protocol):
    """Who is paired, and where what they say goes."""

    @property
    def folder(self) -> Path:
        """Where captures are written, on the file system on which they are kept."""
        ...

    def find(self, id: str) -> Paired: ...

    def keep(self, id: str, capture: Path, cursor: Cursor | None) -> None:
        """Make the capture safe, then the cursor, as `Keeper` says. Raises: BrokenProtocol if nothing of it can be read"""
        ...

    def note(self, id: str, seen: Seen) -> None: ...


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder of captures while the block lasts. Raises: Conflict if another process has it"""
    used = "another afoot is using the radio; it goes on"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / _LOCK
    try:
        file = path.open("w")
    except FileNotFoundError as error:
        raise Conflict(used) from error  # it is being cleared away
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(used) from error
        if not _is_at(path, file):
            raise Conflict(used)  # it was cleared away, and what is locked is nobody's any more
        yield


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def clear_away(folder: Path) -> None:
    """Remove a folder of captures in which none is left, as the last that is done inside `only_one`."""
    if not leftovers(folder):
        (folder / _LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # somebody else begins there, or has put something there
            folder.rmdir()


def keep_leftovers(roster: Roster) -> list[str]:
    """Keep what a process left which was ended in the midst of a round; runs inside `only_one`.

    Returns: what could not be kept, and why; such a file stays where it is
    """
    problems = []
    for path in leftovers(roster.folder):
        try:
            roster.keep(parse_capture(path.read_bytes(), path.name).header.peer.id, path, None)
        except DecodeError:
            path.unlink()  # it ended before its first line was whole: nothing had been received
        except (NotKnown, BrokenProtocol) as error:
            problems.append(f"{path.name}: {error}")
    return problems


def captures_of(folder: Path, ids: Collection[str]) -> Iterator[Path]:
    """Yield the captures below a folder that are of these wearables, whole or not."""
    for path in sorted(folder.rglob(f"*{SUFFIX}")) if ids else ():
        with suppress(DecodeError, FileNotFoundError):  # it ended before it said whose it is, or has just been kept
            if parse_capture(path.read_bytes(), path.name).header.peer.id in ids:
                yield path
