"""Uploads that come in pieces: the bytes that arrived are a file that only grows, and what is known of it a row.

An offset that was told is on the disk. A piece that was cut short, by the network or a killed process, is kept as far as it came.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from afoot.plain import PlainOutcome
from afoot.service.tables import uploads
from ingest.archive import CHUNK_BYTES

KEPT_MS = 7 * 86_400_000
MOST_OPEN = 20  # of one patient


@dataclass(frozen=True, slots=True)
class Upload:
    """size: bytes that it will have. outcome: None until they are imported."""

    id: str
    patient_id: int
    who: str
    role: str
    name: str
    size: int
    sha256: str | None
    expires_ms: int
    outcome: PlainOutcome | None


def add_upload(
    connection: Connection, patient_id: int, who: str, role: str, name: str, size: int, sha256: str | None, at_ms: int
) -> Upload | None:
    """Return a new upload; None if the patient has too many that are not complete."""
    mine = (uploads.c.patient_id == patient_id, uploads.c.outcome.is_(None))
    if connection.execute(select(func.count()).select_from(uploads).where(*mine)).scalar_one() >= MOST_OPEN:
        return None
    made = Upload(secrets.token_hex(16), patient_id, who, role, name, size, sha256, at_ms + KEPT_MS, None)
    row = {name: getattr(made, name) for name in made.__slots__}
    connection.execute(uploads.insert().values(row | {"created_ms": at_ms}))
    return made


def find_upload(connection: Connection, id_: str) -> Upload | None:
    row = connection.execute(select(uploads).where(uploads.c.id == id_)).one_or_none()
    return None if row is None else _upload(row)


def list_open(connection: Connection) -> list[Upload]:
    """Return the uploads that are not imported yet."""
    return [_upload(row) for row in connection.execute(select(uploads).where(uploads.c.outcome.is_(None)))]


def end_upload(connection: Connection, id_: str, outcome: PlainOutcome) -> None:
    connection.execute(update(uploads).where(uploads.c.id == id_).values(outcome=outcome))


def drop_upload(connection: Connection, id_: str) -> None:
    connection.execute(delete(uploads).where(uploads.c.id == id_))


def drop_expired(connection: Connection, at_ms: int) -> list[str]:
    """Remove uploads that nobody went on with; returns their ids, whose files are to go."""
    old = uploads.c.expires_ms <= at_ms
    ids = list(connection.execute(select(uploads.c.id).where(old)).scalars())
    connection.execute(delete(uploads).where(uploads.c.id.in_(ids)))
    return ids


def _upload(row: Row[Any]) -> Upload:
    return Upload(**{name: getattr(row, name) for name in Upload.__slots__})


class Busy(Exception):
    """Another request, or process, writes to it."""


class Growing:
    """The file of an upload, locked against others."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path, self._handle = path, handle
        self.offset = os.fstat(handle).st_size

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]
        self.offset += len(data)

    def sync(self) -> None:
        """What was appended is on the disk when it returns."""
        os.fsync(self._handle)

    def sha256(self) -> str:
        found, at = hashlib.sha256(), 0
        while chunk := os.pread(self._handle, CHUNK_BYTES, at):
            found.update(chunk)
            at += len(chunk)
        return found.hexdigest()


@contextmanager
def growing(folder: Path, id_: str) -> Iterator[Growing]:
    """Open the file of an upload to append to it. Raises: Busy"""
    path = path_of(folder, id_)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy from error
        yield Growing(path, handle)
    finally:
        os.close(handle)


def path_of(folder: Path, id_: str) -> Path:
    return folder / f"upload-{id_}"
