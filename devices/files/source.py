"""Bytes from outside, behind limits: a file, a zip and its members, or bytes at hand.

Sources of the limits: real exports compress 16 to 31 times and hold up to 4 GB of text.
"""

import contextlib
import io
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from devices.errors import DecodeError, Hostile

HEAD_BYTES = 4096

_SMALL = 8 << 20  # below this no ratio does harm, and a database with empty pages has any
_ENTRY_BYTES = 400  # what a directory may take for each member that it may have
_ENCRYPTED = 0x1
_LOCAL = struct.Struct("<26x2H")  # a member's own header: the lengths of the name and the extra field that follow it


@dataclass(frozen=True, slots=True)
class Limits:
    """What one input may cost."""

    members: int = 200_000
    ratio: int = 150
    member_bytes: int = 16 << 30
    total_bytes: int = 64 << 30
    depth: int = 2  # a zip within a zip; one more is refused


LIMITS = Limits()


class Source(Protocol):
    """One input. `open` starts at its first byte each time; `members` is empty unless it is a container."""

    @property
    def name(self) -> str: ...
    @property
    def members(self) -> tuple[str, ...]: ...
    def open(self) -> BinaryIO: ...
    def member(self, name: str) -> "Source": ...


def read_head(source: Source) -> bytes:
    with source.open() as stream:
        return stream.read(HEAD_BYTES)


def read_all(source: Source, limit: int) -> bytes:
    """Return the whole input. Raises: Hostile if it is longer than `limit` bytes."""
    with source.open() as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Hostile(source.name, f"at most {limit:,} bytes for a file of this format", f"more than {limit:,}")
    return data


@contextmanager
def as_path(source: Source, limit: int = LIMITS.member_bytes) -> Iterator[Path]:
    """The input as a file on disk, for readers that need one (SQLite): its own, or a copy that goes afterwards.

    Raises: Hostile if a copy would be longer than `limit` bytes
    """
    if isinstance(source, FileSource):
        yield source.path
        return
    with _copied(source, limit) as path:
        yield path


@contextmanager
def _copied(source: Source, limit: int) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="afoot-") as copy:
        with source.open() as stream:
            while block := stream.read(1 << 20):
                copy.write(block)
                if copy.tell() > limit:
                    raise Hostile(source.name, f"at most {limit:,} bytes for a file of this format", f"more than {limit:,}")
        copy.flush()
        yield Path(copy.name)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on disk; `name` is what to call it, without the folders above what the user named."""

    path: Path
    name: str
    members: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        if self.path.exists() and not self.path.is_file():
            # Opening a pipe waits for somebody to write to it.
            raise OSError(f"{self.name}: expected a file, found a folder, a pipe or a device")
        return self.path.open("rb")

    def member(self, name: str) -> Source:
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes at hand: radio frames, small archived files, tests."""

    data: bytes
    name: str
    members: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)

    def member(self, name: str) -> Source:
        raise KeyError(name)


class ZipSource:
    """A zip whose members are read as streams, each refused beyond the limits; nothing is ever unpacked by name.

    Only what exports are made of is read: stored and deflated members, each with a place and a name of its own.
    Raises: DecodeError if the zip's directory cannot be read, Hostile beyond the limits (when made, or while streaming)
    """

    def __init__(self, inner: Source, limits: Limits = LIMITS, depth: int = 1) -> None:
        self._name, self._limits, self._depth = inner.name, limits, depth
        if depth > limits.depth:
            raise Hostile(inner.name, f"at most {limits.depth} zips within one another", f"{depth}")
        self._inner = self._seekable(inner)
        with self._inner.open() as stream:
            infos, directory = _read_directory(stream, inner.name, limits)
            # Of a zip within a zip what counts is what it took in the outer one: ratios would multiply.
            packed = inner.info.compress_size if isinstance(inner, _Member) else stream.seek(0, io.SEEK_END)
        _check_places(infos, directory, inner.name)
        _check_names(infos, inner.name)
        _check_total(sum(info.file_size for info in infos), packed, inner.name, limits)
        self._infos = {info.filename: info for info in infos if not info.is_dir()}

    def _seekable(self, inner: Source) -> Source:
        with inner.open() as stream:
            if stream.seekable():
                return inner
        copy = contextlib.ExitStack()
        path = copy.enter_context(_copied(inner, self._limits.member_bytes))
        weakref.finalize(self, copy.close)
        return FileSource(path, inner.name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self._infos)

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def depth(self) -> int:
        return self._depth

    def open(self) -> BinaryIO:
        return self._inner.open()

    def member(self, name: str) -> Source:
        return _Member(self, self._infos[name])

    def size_of(self, name: str) -> int:
        """The unpacked size that the directory claims; a member that turns out longer is refused."""
        return self._infos[name].file_size


class _Directory(io.RawIOBase):
    """A zip's stream that hands out no directory so large that reading it would exhaust memory."""

    def __init__(self, below: BinaryIO, name: str, members: int) -> None:
        self._below, self._name, self._members = below, name, members

    def read(self, size: int = -1, /) -> bytes:
        if size > self._members * _ENTRY_BYTES:
            raise Hostile(self._name, f"a directory of at most {self._members * _ENTRY_BYTES:,} bytes", f"{size:,}")
        data = self._below.read(size)
        if (count := data.count(b"PK\x01\x02")) > self._members:
            raise Hostile(self._name, f"at most {self._members:,} members", f"{count:,}")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._below.seek(offset, whence)

    def tell(self) -> int:
        return self._below.tell()

    def seekable(self) -> bool:
        return True


def _read_directory(stream: BinaryIO, name: str, limits: Limits) -> tuple[list[zipfile.ZipInfo], int]:
    """Return the entries, and where in the file the directory starts."""
    try:
        with zipfile.ZipFile(_Directory(stream, name, limits.members)) as archive:
            return archive.infolist(), archive.start_dir
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, OSError, EOFError, NotImplementedError) as error:
        raise DecodeError(name, "a zip with a readable directory", str(error) or type(error).__name__) from error


def _check_places(infos: Sequence[zipfile.ZipInfo], directory: int, name: str) -> None:
    by_place = sorted(infos, key=lambda info: info.header_offset)
    ends = [info.header_offset for info in by_place[1:]] + [directory]
    for info, end in zip(by_place, ends, strict=False):
        encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
        size = _LOCAL.size + len(info.orig_filename.encode(encoding, "replace")) + info.compress_size
        if info.header_offset < 0 or info.header_offset + size > end:
            raise Hostile(name, "members that do not share their bytes", f"{info.filename!r} within another")


def _check_names(infos: Sequence[zipfile.ZipInfo], name: str) -> None:
    seen: set[str] = set()
    for info in infos:
        path = info.orig_filename.replace("\\", "/")
        if "\0" in path or path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
            raise Hostile(name, "names of members that stay within the zip", repr(info.orig_filename))
        if info.filename in seen:
            raise Hostile(name, "each name once", repr(info.filename))
        seen.add(info.filename)


def _check_total(total: int, packed: int, name: str, limits: Limits) -> None:
    if total > limits.total_bytes:
        raise Hostile(name, f"at most {limits.total_bytes:,} bytes unpacked", f"{total:,}")
    if total > limits.ratio * packed and total > _SMALL:
        raise Hostile(name, f"at most {limits.ratio} times its packed size", f"{total // max(1, packed)} times")


@dataclass(frozen=True, slots=True)
class _Member:
    container: ZipSource
    info: zipfile.ZipInfo
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.container.name}!{self.info.filename}"

    def open(self) -> BinaryIO:
        info, limits = self.info, self.container.limits
        if info.flag_bits & _ENCRYPTED:
            raise DecodeError(self.name, "a member without a password", "an encrypted one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DecodeError(self.name, "a stored or deflated member", f"compression method {info.compress_type}")
        if info.file_size > limits.ratio * max(1, info.compress_size) and info.file_size > _SMALL:
            ratio = info.file_size // max(1, info.compress_size)
            raise Hostile(self.name, f"at most {limits.ratio} times its packed size", f"{ratio} times")
        if info.file_size > limits.member_bytes:
            raise Hostile(self.name, f"at most {limits.member_bytes:,} bytes unpacked", f"{info.file_size:,}")
        stream = self.container.open()
        try:
            stream.seek(info.header_offset)
            header = stream.read(_LOCAL.size)
            if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
                raise DecodeError(self.name, f"a member's header at byte {info.header_offset}", repr(header[:4]))
            name_bytes, extra_bytes = _LOCAL.unpack(header)
            stream.seek(name_bytes + extra_bytes, io.SEEK_CUR)
        except (OSError, DecodeError):
            stream.close()
            raise
        return io.BufferedReader(_Unpacked(stream, info, self.name), 1 << 16)

    def member(self, name: str) -> Source:
        raise KeyError(name)


class _Unpacked(io.RawIOBase):
    """The bytes of one member, never more of them than its directory entry says; it closes the file under it."""

    def __init__(self, below: BinaryIO, info: zipfile.ZipInfo, name: str) -> None:
        self._below, self._info, self._name = below, info, name
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if info.compress_type == zipfile.ZIP_DEFLATED else None
        self._left = info.compress_size
        self._made = 0
        self._sum = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self._ended or not len(buffer):
            return 0
        try:
            data = self._next(len(buffer))
        except zlib.error as error:
            raise DecodeError(self._name, "undamaged packed bytes", str(error)) from error
        self._made += len(data)
        self._sum = zlib.crc32(data, self._sum)
        if self._made > self._info.file_size:
            raise Hostile(self._name, f"the {self._info.file_size:,} bytes that the zip's directory names", "more")
        if not data:
            self._end()
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        inflate = self._inflate
        if inflate is None:
            return self._packed(size)
        while not inflate.eof:
            packed = inflate.unconsumed_tail or self._packed(1 << 16)
            if data := inflate.decompress(packed, size):
                return data
            if not packed:
                break
        return b""

    def _packed(self, size: int) -> bytes:
        data = self._below.read(min(size, self._left))
        self._left -= len(data)
        return data

    def _end(self) -> None:
        self._ended = True
        if self._made != self._info.file_size or self._sum != self._info.CRC:
            found = f"{self._made:,} bytes with checksum {self._sum:#010x}"
            raise DecodeError(self._name, f"{self._info.file_size:,} bytes with checksum {self._info.CRC:#010x}", found)

    def close(self) -> None:
        if not self.closed:
            self._below.close()
        super().close()
