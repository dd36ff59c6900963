"""Backups: the database and the archive in one file, taken while others write, and put back only when every byte is as it was.

The database first, by SQLite's own backup, then the large raw files that it speaks of: these are on the disk before the database
knows them, and never change. What was received is proven by its hash both ways.
"""

import hashlib
import io
import json
import re
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from sqlalchemy import Connection, select

from ingest import tables
from ingest.archive import CHUNK_BYTES, Archive
from ingest.errors import Conflict, DamagedStore
from ingest.store import Store

FORMAT = 1
DATABASE, MANIFEST = "afoot.db", "manifest.json"
_OBJECT = re.compile(r"archive/([0-9a-f]{2})/\1[0-9a-f]{62}(?:\.zst)?")
_MOST_MANIFEST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds. objects: raw files, small ones within the database included; size: bytes of its members"""

    made_ms: int
    patients: int
    objects: int
    size: int


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    sha256: str


def write_backup(store: Store, archive_folder: Path, file: BinaryIO, at_ms: int) -> Contents:
    """Write a backup of all that the store holds.

    file:    is written once, from its beginning, and not closed
    Raises:  Conflict for a database that has tools of its own; DamagedStore if something is not as it was kept: then no backup
             is complete
    """
    if store.engine.dialect.name != "sqlite":
        raise Conflict("the store is no SQLite file: back it up with pg_dump, then copy the archive folder")
    with tempfile.TemporaryDirectory(prefix="afoot-backup-", dir=archive_folder.parent) as name:
        copy = Path(name) / DATABASE
        _copy_database(store, copy)
        members: list[_Member] = []
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            members.append(_add(tar, copy, DATABASE))
            archive = Archive(archive_folder)
            with _opened(copy) as kept, kept.reading() as connection:
                for digest in _objects(connection):
                    archive.verify(connection, digest)
                    path = _file_of(archive_folder, digest)
                    if path is not None:
                        members.append(_add(tar, path, f"archive/{digest[:2]}/{path.name}"))
                contents = _contents(connection, at_ms, members)
            text = json.dumps({"format": FORMAT, "made_ms": at_ms, "members": [_row(one) for one in members]})
            _add_bytes(tar, MANIFEST, text.encode())
    return contents


def read_backup(file: BinaryIO, home: Path) -> Contents:
    """Put a backup's database and archive into a home folder that has none.

    Every member is checked against the manifest, and every raw file against its hash, before anything is put into place.
    file:    is read once, from its beginning
    Raises:  Conflict if there is a store already; DamagedStore for what is no whole backup, or another format's
    """
    if (home / DATABASE).exists() or (home / "archive").exists():
        raise Conflict(f"{home}: expected a folder without a store, found one; it is left alone")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="afoot-restore-", dir=home) as name:
        folder = Path(name)
        manifest = _unpack(file, folder)
        contents = _prove(folder, manifest)
        if (folder / "archive").exists():
            (folder / "archive").rename(home / "archive")
        (folder / DATABASE).rename(home / DATABASE)
    return contents


def _copy_database(store: Store, path: Path) -> None:
    """Copy what is committed now; writers go on."""
    raw = store.engine.raw_connection()
    try:
        with closing(sqlite3.connect(path)) as copy:
            cast(sqlite3.Connection, raw.driver_connection).backup(copy)
            # One file: a journal beside it would be forgotten.
            copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        raw.close()
    path.chmod(0o600)


@contextmanager
def _opened(database: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{database}")
    try:
        yield store
    finally:
        store.close()


def _objects(connection: Connection) -> list[str]:
    return list(connection.execute(select(tables.objects.c.hash).order_by(tables.objects.c.hash)).scalars())


def _file_of(archive_folder: Path, digest: str) -> Path | None:
    """Return the file of a large object; None of one that lies in the database."""
    paths = (archive_folder / digest[:2] / digest, archive_folder / digest[:2] / f"{digest}.zst")
    return next((path for path in paths if path.exists()), None)


def _contents(connection: Connection, at_ms: int, members: list[_Member]) -> Contents:
    patients = len(connection.execute(select(tables.patients.c.id)).all())
    return Contents(at_ms, patients, len(_objects(connection)), sum(one.size for one in members))


class _Hashing(io.RawIOBase):
    """Reads a file, and knows the hash of what was read."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below, self.found = below, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._below.read(size)
        self.found.update(data)
        return data


def _add(tar: tarfile.TarFile, path: Path, name: str) -> _Member:
    with path.open("rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = path.stat().st_size, 0o600
        reading = _Hashing(file)
        tar.addfile(info, cast(IO[bytes], reading))
    return _Member(name, info.size, reading.found.hexdigest())


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def _row(one: _Member) -> dict[str, Any]:
    return {"name": one.name, "size": one.size, "sha256": one.sha256}


def _unpack(file: BinaryIO, folder: Path) -> dict[str, Any]:
    """Unpack what a backup may hold, and return its manifest, which stands at its end."""
    found: list[_Member] = []
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for info in tar:
                if manifest is not None:
                    raise DamagedStore(f"the backup: expected nothing behind {MANIFEST}, found {info.name!r}")
                if not info.isreg() or not (info.name in (DATABASE, MANIFEST) or _OBJECT.fullmatch(info.name)):
                    raise DamagedStore(f"the backup: expected a database, raw files and a manifest, found {info.name!r}")
                source = tar.extractfile(info)
                assert source is not None  # it is a regular file
                if info.name == MANIFEST:
                    manifest = _read_manifest(source.read(min(info.size, _MOST_MANIFEST_BYTES)))
                else:
                    found.append(_write(source, folder / info.name, info.name))
    except (tarfile.TarError, EOFError) as error:
        raise DamagedStore(f"the backup: expected a whole tar file: {error}") from error
    if manifest is None:
        raise DamagedStore(f"the backup: expected {MANIFEST} at its end, found none: it is cut short")
    if [_row(one) for one in found] != manifest["members"]:
        wrong = next((one.name for one in found if _row(one) not in manifest["members"]), "a member less or more")
        raise DamagedStore(f"the backup: expected what its manifest says, found another: {wrong}")
    return manifest


def _read_manifest(data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
    except ValueError as error:
        raise DamagedStore(f"the backup: {MANIFEST}: expected JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        kind = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise DamagedStore(f"the backup: {MANIFEST}: expected format {FORMAT}, found {kind}")
    if not isinstance(manifest.get("made_ms"), int) or not isinstance(manifest.get("members"), list):
        raise DamagedStore(f"the backup: {MANIFEST}: expected made_ms and members")
    return manifest


def _write(source: IO[bytes], path: Path, name: str) -> _Member:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        path.chmod(0o600)
        while chunk := source.read(CHUNK_BYTES):
            found.update(chunk)
            size += file.write(chunk)
    return _Member(name, size, found.hexdigest())


def _prove(folder: Path, manifest: dict[str, Any]) -> Contents:
    """Read all of it as the program would. Raises: DamagedStore"""
    members = [_Member(**one) for one in manifest["members"]]
    if not (folder / DATABASE).exists():
        raise DamagedStore(f"the backup: expected {DATABASE}, found none")
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        try:
            said = str(database.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.DatabaseError as error:
            said = str(error)
    if said != "ok":
        raise DamagedStore(f"the backup: {DATABASE}: expected a whole database, found: {said}")
    archive = Archive(folder / "archive")
    with _opened(folder / DATABASE) as store, store.reading() as connection:
        for digest in _objects(connection):
            archive.verify(connection, digest)
        return _contents(connection, manifest["made_ms"], members)
