"""Backups: the whole store and its archive in one file, encrypted, and back again, into SQLite or PostgreSQL alike.

A backup is a tar: `manifest.json`, `afoot.db` (a SQLite database, whatever the store itself runs on), then the large objects of
the archive. Encrypted, it is an age file (age-encryption.org/v1) for one or several public keys, so that the machine that writes
backups cannot read them. An age file that was cut or changed does not open; the parts of a plain one carry their hashes.
"""

import hashlib
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any, BinaryIO, cast

import pyrage
from sqlalchemy import Connection, Engine, MetaData, Table, column, create_engine, delete, func, insert, inspect, select, text
from sqlalchemy import table as lightweight_table

from ingest import tables
from ingest.archive import CHUNK_BYTES, Archive
from ingest.errors import BadBackup
from ingest.store import Store

FORMAT = 1
ROWS_AT_ONCE = 2_000
_MANIFEST, _DATABASE, _ARCHIVE = "manifest.json", "afoot.db", "archive"
_AGE = b"age-encryption.org/"
_OBJECT = re.compile(r"[0-9a-f]{64}(\.zst)?")
_LARGEST_MANIFEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. database: SHA-256 of the database's bytes. objects: how many large objects follow it."""

    format: int
    schema: int
    made_ms: int
    database: str
    objects: int


def make_key(path: Path) -> str:
    """Write a new private key into a new file that its owner alone can read; returns the public key.

    Raises: FileExistsError if something is there
    """
    identity = pyrage.x25519.Identity.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


def checked_recipients(public_keys: Sequence[str]) -> list[Any]:
    """Return the keys to encrypt to. Raises: ValueError if one is none"""
    try:
        return [pyrage.x25519.Recipient.from_str(key) for key in public_keys]
    except pyrage.RecipientError as error:
        raise ValueError("public key: expected one that begins with age1, as `afoot backup-key` prints it") from error


def write_backup(
    store: Store, archive: Archive, metadata: Sequence[MetaData], path: Path, made_ms: int, public_keys: Sequence[str]
) -> Manifest:
    """Write a backup to a new file, whole or not at all; others may read and write the store meanwhile.

    metadata:    the tables of every room. public_keys: none writes a plain backup, which anybody can read
    Raises: FileExistsError, ValueError if a key is none, BadBackup if an object of the archive is gone, OSError
    """
    recipients = checked_recipients(public_keys)
    if path.exists():
        raise FileExistsError(f"{path}: expected no file there")
    with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=".backup-") as folder:
        database = Path(folder, _DATABASE)
        _snapshot(store.engine, database, metadata)
        objects = archive.files(_large_objects(database))
        manifest = Manifest(FORMAT, tables.SCHEMA_VERSION, made_ms, _hash(database), len(objects))
        unfinished = Path(folder, "backup")
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as out:
            with _encrypted(out, recipients) if recipients else _plain(out) as stream:
                _write_tar(stream, manifest, database, objects)
            out.flush()
            os.fsync(out.fileno())
        os.link(unfinished, path)
    return manifest


def _write_tar(stream: BinaryIO, manifest: Manifest, database: Path, objects: Sequence[Path]) -> None:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        described = json.dumps(asdict(manifest)).encode()
        with tempfile.TemporaryFile() as file:
            file.write(described)
            file.seek(0)
            entry = tarfile.TarInfo(_MANIFEST)
            entry.size = len(described)
            tar.addfile(entry, file)
        _add(tar, database, _DATABASE)
        for file_path in objects:
            _add(tar, file_path, f"{_ARCHIVE}/{file_path.name}")


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    # Neither the owner nor the times of files here are anybody's business there.
    entry = tarfile.TarInfo(name)
    try:
        with path.open("rb") as file:
            entry.size = os.fstat(file.fileno()).st_size
            tar.addfile(entry, file)
    except FileNotFoundError as error:
        raise BadBackup(f"archive: {path.name} went away while the backup was written; write it again") from error


def _snapshot(engine: Engine, database: Path, metadata: Sequence[MetaData]) -> None:
    """Write the store as it is at one instant into a new SQLite file."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(database),))
        return
    target = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as source, target.begin() as copy:
            _copy(source, copy, metadata)
    finally:
        target.dispose()


def _copy(source: Connection, target: Connection, metadata: Sequence[MetaData]) -> None:
    """Copy every row of the tables that the source has; the target's are made here and must be empty."""
    there = set(inspect(source).get_table_names())
    for room in metadata:
        room.create_all(target)
        for table in room.sorted_tables:
            if table.name not in there:
                continue
            rows = source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
            for part in rows.partitions():
                target.execute(table.insert(), [dict(row._mapping) for row in part])
            _continue_numbers(source, target, table)


def _continue_numbers(source: Connection, target: Connection, table: Table) -> None:
    """Let the target number new rows after those that were copied and, where no number may come twice, after all ever given."""
    numbered = table.autoincrement_column
    if numbered is None:
        return
    highest = target.execute(select(func.max(numbered))).scalar() or 0
    is_once = table.dialect_options["sqlite"]["autoincrement"]
    if is_once:
        highest = max(highest, _highest_given(source, table))
    if not highest:
        return
    if target.dialect.name == "sqlite":
        if not is_once:
            return  # by itself it goes on after the highest that is there
        target.execute(delete(_GIVEN).where(_GIVEN.c.name == table.name))
        target.execute(insert(_GIVEN).values(name=table.name, seq=highest))
    elif sequence := _sequence(target, table):
        target.execute(text("SELECT setval(CAST(:sequence AS regclass), :value)"), {"sequence": sequence, "value": highest})


# SQLite's own table of the highest number that each table gave, of those that never give one twice.
_GIVEN = lightweight_table("sqlite_sequence", column("name"), column("seq"))


def _highest_given(connection: Connection, table: Table) -> int:
    """Return the highest number that the table ever gave, to a row that is gone included; 0 if nothing says."""
    if connection.dialect.name == "sqlite":
        if not inspect(connection).has_table(_GIVEN.name):
            return 0  # a store from before numbers were never given twice
        found = connection.execute(select(_GIVEN.c.seq).where(_GIVEN.c.name == table.name)).scalar()
    else:
        last = text("SELECT pg_sequence_last_value(CAST(:sequence AS regclass))")
        found = connection.execute(last, {"sequence": _sequence(connection, table)}).scalar()
    return int(found or 0)


def _sequence(connection: Connection, table: Table) -> str | None:
    numbered = table.autoincrement_column
    assert numbered is not None
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    return connection.execute(query, {"table": f'"{table.name}"', "column": numbered.name}).scalar()


def _large_objects(database: Path) -> list[str]:
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            table = tables.objects
            return list(connection.execute(select(table.c.hash).where(table.c.data.is_(None)).order_by(table.c.hash)).scalars())
    finally:
        engine.dispose()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _plain(out: BinaryIO) -> Iterator[BinaryIO]:
    yield out


@contextmanager
def _encrypted(out: BinaryIO, recipients: Sequence[Any]) -> Iterator[BinaryIO]:
    """Yield a stream whose bytes reach `out` encrypted: a thread encrypts what this one writes."""
    with _piped(lambda source: pyrage.encrypt_io(source, out, recipients)) as stream:
        yield stream


@contextmanager
def _piped(consume: Any) -> Iterator[BinaryIO]:
    """Yield a stream to write to, which `consume(readable)` reads in a thread; what it raises is raised here."""
    read_end, write_end = os.pipe()
    failed: list[Exception] = []

    def run() -> None:
        with os.fdopen(read_end, "rb") as source:
            try:
                consume(source)
            except (OSError, pyrage.EncryptError) as error:
                failed.append(error)

    thread = Thread(target=run, name="encrypt")
    thread.start()
    try:
        with os.fdopen(write_end, "wb", CHUNK_BYTES) as stream:
            yield stream
    except BrokenPipeError:
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


def read_backup(path: Path, folder: Path, url: str, metadata: Sequence[MetaData], identity: Path | None) -> Manifest:
    """Put a backup into place: the archive's objects into `folder`, everything else into the store at `url`, which must be new.

    identity: the file of the private key, for an encrypted backup
    Raises: BadBackup naming what is not as it was written, ValueError for a wrong key, FileExistsError if there is a store
    """
    home = folder.parent
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_is_new(url, folder)
    with tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as name:
        place = Path(name)
        with _opened(path, identity, place) as stream:
            manifest = _extract(stream, place)
        _verify(place, manifest)
        _install(place, folder, url, metadata)
    return manifest


def _check_is_new(url: str, folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: expected no archive there; restore into a new home")
    engine = create_engine(url)
    try:
        database = engine.url.database
        if engine.dialect.name == "sqlite" and not Path(database or "").exists():
            return
        if inspect(engine).has_table(tables.about.name):
            raise FileExistsError("the store: expected none; restore into a new home, or a new database")
    finally:
        engine.dispose()


@contextmanager
def _opened(path: Path, identity: Path | None, place: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        head = file.read(len(_AGE))
        file.seek(0)
        if head != _AGE:
            yield file
            return
        if identity is None:
            raise ValueError(f"{path}: is encrypted; name the file of its private key")
        opened = place / "opened"
        with opened.open("w+b") as plain:
            try:
                pyrage.decrypt_io(file, plain, [_identity(identity)])
            except (pyrage.DecryptError, OSError) as error:
                raise BadBackup(f"{path}: cannot be opened with this key, or is not whole: {error}") from error
            plain.seek(0)
            yield plain
        opened.unlink()


def _identity(path: Path) -> Any:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.startswith("AGE-SECRET-KEY-")]
    try:
        (line,) = lines
        return pyrage.x25519.Identity.from_str(line)
    except (ValueError, pyrage.IdentityError) as error:
        raise ValueError(f"{path}: expected one line that begins with AGE-SECRET-KEY-, as `afoot backup-key` wrote it") from error


def _extract(stream: IO[bytes], place: Path) -> Manifest:
    """Unpack what a backup may hold, and nothing else, below `place`."""
    manifest = None
    (place / _ARCHIVE).mkdir()
    try:
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise BadBackup(f"backup: expected files alone, found {entry.name!r}")
                if entry.name == _MANIFEST and manifest is None:
                    manifest = _manifest(content.read(_LARGEST_MANIFEST))
                    continue
                with closing(content):
                    _write(place / _expected(entry.name), content)
    except (tarfile.TarError, EOFError) as error:
        raise BadBackup(f"backup: expected a tar as `afoot backup` writes it: {error}") from error
    if manifest is None:
        raise BadBackup(f"backup: expected {_MANIFEST}, found none")
    return manifest


def _expected(name: str) -> str:
    folder, _, object_name = name.rpartition("/")
    if name == _DATABASE or (folder == _ARCHIVE and _OBJECT.fullmatch(object_name)):
        return name
    raise BadBackup(f"backup: expected {_DATABASE} and objects of the archive, found {name!r}")


def _write(path: Path, content: IO[bytes]) -> None:
    with path.open("xb") as file:
        while chunk := content.read(CHUNK_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _manifest(raw: bytes) -> Manifest:
    try:
        manifest = Manifest(**json.loads(raw))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadBackup(f"{_MANIFEST}: {error}") from error
    if manifest.format != FORMAT or manifest.schema != tables.SCHEMA_VERSION:
        wanted = f"format {FORMAT} and schema {tables.SCHEMA_VERSION}"
        raise BadBackup(f"{_MANIFEST}: expected {wanted}, found format {manifest.format} and schema {manifest.schema}")
    return manifest


def _verify(place: Path, manifest: Manifest) -> None:
    database = place / _DATABASE
    if not database.exists() or _hash(database) != manifest.database:
        raise BadBackup(f"{_DATABASE}: expected the bytes that the manifest names")
    _check_is_plain(database)
    wanted = _large_objects(database)
    if len(wanted) != manifest.objects:
        raise BadBackup(f"backup: expected {manifest.objects} large objects, the database names {len(wanted)}")
    kept = {path.name.removesuffix(".zst") for path in (place / _ARCHIVE).iterdir()}
    if missing := sorted(set(wanted) - kept):
        raise BadBackup(f"backup: {len(missing)} large objects are missing, the first is {missing[0]}")


def _check_is_plain(database: Path) -> None:
    """A store has tables and their indexes; of anything else the database itself would act, unseen, on what is written later."""
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            query = text("SELECT type FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'")
            found = sorted(set(connection.execute(query).scalars()))
    finally:
        engine.dispose()
    if found:
        raise BadBackup(f"{_DATABASE}: expected tables and indexes alone, found a {found[0]} of another kind")


def _install(place: Path, folder: Path, url: str, metadata: Sequence[MetaData]) -> None:
    database = place / _DATABASE
    for path in (place / _ARCHIVE).iterdir():
        target = folder / path.name[:2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    source, target_engine = create_engine(f"sqlite:///{database}"), create_engine(url)
    try:
        with source.connect() as connection:
            archive = Archive(folder)
            for digest in connection.execute(select(tables.objects.c.hash)).scalars().all():
                archive.verify(connection, digest)
            if target_engine.dialect.name != "sqlite":
                with target_engine.begin() as target_connection:
                    _copy(connection, target_connection, metadata)
                return
        database.replace(Path(target_engine.url.database or ""))
    finally:
        source.dispose()
        target_engine.dispose()
