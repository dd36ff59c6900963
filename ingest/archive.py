"""The raw bytes of everything that arrived, by content hash, kept before anything is read from them.

Small objects live in the store itself, so that they commit with the import that brought them; large ones are files beside it,
on the disk before the import is. Text shrinks about twentyfold (zstd); what is packed already is kept as it is.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from devices.files.source import BytesSource, FileSource, Source
from ingest import tables
from ingest.errors import DamagedStore

SMALL_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
LEVEL = 1
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")


class Archive:
    """The archive of one store; `folder` holds its large objects."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, connection: Connection, source: Source) -> tuple[str, Source]:
        """Archive the bytes of the source; they are safe once the connection's transaction commits.

        Returns: the SHA-256 of the bytes in hex, and an input that reads these very bytes, whatever becomes of the source
        Raises:  OSError if the source cannot be read or the archive not written
        """
        with source.open() as stream:
            head = stream.read(SMALL_BYTES + 1)
            if len(head) <= SMALL_BYTES:
                digest = hashlib.sha256(head).hexdigest()
                packed = zstandard.ZstdCompressor(LEVEL, write_checksum=True).compress(head)
                connection.execute(_insert(connection.dialect.name), {"hash": digest, "size": len(head), "data": packed})
                return digest, BytesSource(head, source.name)
            digest, size = self._write_file(head, stream)
        connection.execute(_insert(connection.dialect.name), {"hash": digest, "size": size, "data": None})
        return digest, self._large(digest, source.name)

    def open(self, connection: Connection, digest: str, name: str) -> Source:
        """Return the archived bytes as an input called `name`. Raises: DamagedStore if they are gone or not as they were."""
        row = connection.execute(
            select(tables.objects.c.size, tables.objects.c.data).where(tables.objects.c.hash == digest)
        ).one_or_none()
        if row is None:
            raise DamagedStore(f"archive: expected object {digest}, found none")
        if row.data is not None:
            return BytesSource(_unpack(row.data, row.size, digest), name)
        return self._large(digest, name)

    def drop_unused(self, connection: Connection, digest: str) -> None:
        """Remove the object, unless an import still rests on it; a large one's file goes at once, whatever the commit does."""
        imports = tables.imports
        if connection.execute(select(imports.c.id).where(imports.c.hash == digest).limit(1)).first() is None:
            connection.execute(tables.objects.delete().where(tables.objects.c.hash == digest))
            for path in self._paths(digest):
                path.unlink(missing_ok=True)

    def files(self, digests: Sequence[str]) -> list[Path]:
        """Return the files of large objects. Raises: DamagedStore if one is gone"""
        return [self._file(digest) for digest in digests]

    def _file(self, digest: str) -> Path:
        plain, packed = self._paths(digest)
        for path in (plain, packed):
            if path.exists():
                return path
        raise DamagedStore(f"archive: expected the file {packed.name} or {plain.name}, found neither")

    def _large(self, digest: str, name: str) -> Source:
        path = self._file(digest)
        return _PackedFile(path, name) if path.suffix else FileSource(path, name)

    def verify(self, connection: Connection, digest: str) -> None:
        """Read the object whole. Raises: DamagedStore if its bytes no longer have the hash that they were kept under."""
        found = hashlib.sha256()
        with self.open(connection, digest, digest).open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                found.update(chunk)
        if found.hexdigest() != digest:
            raise DamagedStore(f"archive: expected bytes of hash {digest}, found {found.hexdigest()}")

    def _paths(self, digest: str) -> tuple[Path, Path]:
        folder = self._folder / digest[:2]
        return folder / digest, folder / f"{digest}.zst"

    def _write_file(self, head: bytes, rest: BinaryIO) -> tuple[str, int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = head.startswith(_PACKED)
        found, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="incoming-", delete=False) as file:
            try:
                with _writer(cast(BinaryIO, file), plain) as out:
                    chunk = head
                    while chunk:
                        found.update(chunk)
                        out.write(chunk)
                        size += len(chunk)
                        chunk = rest.read(CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
                path = self._paths(found.hexdigest())[0 if plain else 1]
                path.parent.mkdir(exist_ok=True)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        sync_folder(path.parent)
        sync_folder(self._folder)
        return found.hexdigest(), size


@cache
def _insert(dialect: str) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(tables.objects).on_conflict_do_nothing()


@contextmanager
def _writer(file: BinaryIO, plain: bool) -> Iterator[BinaryIO]:
    if plain:
        yield file
        return
    # A worker thread packs while this one reads and hashes.
    packer = zstandard.ZstdCompressor(LEVEL, write_checksum=True, threads=1)
    with packer.stream_writer(file, closefd=False) as out:
        yield out


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk: a file that was renamed into it is found there after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unpack(data: bytes, size: int, digest: str) -> bytes:
    try:
        raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=max(1, size))
    except zstandard.ZstdError as error:
        raise DamagedStore(f"archive: object {digest}: {error}") from error
    if hashlib.sha256(raw).hexdigest() != digest:
        raise DamagedStore(f"archive: expected bytes of hash {digest}, found others")
    return raw


@dataclass(frozen=True, slots=True)
class _PackedFile:
    """A large object as a stream; it can be read forward only."""

    path: Path
    name: str
    members: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Unpacking(self.path), CHUNK_BYTES)

    def member(self, name: str) -> Source:
        raise KeyError(name)


class _Unpacking(io.RawIOBase):
    """Turns damage of a packed file into our own error."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._below = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_size=CHUNK_BYTES, closefd=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        try:
            return self._below.readinto(buffer)
        except zstandard.ZstdError as error:
            raise DamagedStore(f"archive: {self._name}: {error}") from error

    def close(self) -> None:
        if not self.closed:
            self._below.close()  # type: ignore[no-untyped-call]
        super().close()
