"""Bytes from outside, behind limits: a file, a zip and its members, or bytes at hand.

Sources of the limits: real exports compress 16 to 31 times and hold up to 4 GB of text.
"""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol

from devices.errors import DecodeError, Hostile

HEAD_BYTES = 4096


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
def as_path(source: Source) -> Iterator[Path]:
    """The input as a file on disk, for readers that need one (SQLite): its own, or a copy that goes afterwards."""
    if isinstance(source, FileSource):
        yield source.path
        return
    with tempfile.NamedTemporaryFile(prefix="afoot-") as copy:
        with source.open() as stream:
            shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        yield Path(copy.name)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on disk; `name` is what to call it, without the folders above what the user named."""

    path: Path
    name: str
    members: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
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

    Raises: DecodeError if the zip's directory cannot be read, Hostile beyond the limits (when made, or while streaming)
    """

    def __init__(self, inner: Source, limits: Limits = LIMITS, depth: int = 1) -> None:
        self._inner, self._limits, self._depth = inner, limits, depth
        if depth > limits.depth:
            raise Hostile(inner.name, f"at most {limits.depth} zips within one another", f"{depth}")
        try:
            with inner.open() as stream, zipfile.ZipFile(stream) as archive:
                self._infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
                count = len(archive.infolist())
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
            raise DecodeError(inner.name, "a zip with a readable directory", str(error) or type(error).__name__) from error
        if count > limits.members:
            raise Hostile(inner.name, f"at most {limits.members:,} members", f"{count:,}")
        by_place = sorted(self._infos.values(), key=lambda info: info.header_offset)
        for one, following in pairwise(by_place):
            if one.header_offset + one.compress_size > following.header_offset:
                raise Hostile(inner.name, "members that do not share their bytes", f"{one.filename!r} within another")
        total = sum(info.file_size for info in self._infos.values())
        if total > limits.total_bytes:
            raise Hostile(inner.name, f"at most {limits.total_bytes:,} bytes unpacked", f"{total:,}")

    @property
    def name(self) -> str:
        return self._inner.name

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
        """The unpacked size that the directory claims; what is read is checked against the limits all the same."""
        return self._infos[name].file_size


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
        if info.flag_bits & 0x1:
            raise DecodeError(self.name, "a member without a password", "an encrypted one")
        ratio = info.file_size / max(1, info.compress_size)
        if ratio > limits.ratio and info.file_size > 1 << 20:
            raise Hostile(self.name, f"at most {limits.ratio} times its packed size", f"{ratio:.0f} times")
        if info.file_size > limits.member_bytes:
            raise Hostile(self.name, f"at most {limits.member_bytes:,} bytes unpacked", f"{info.file_size:,}")
        stream = self.container.open()
        try:
            # The handle stays open as long as the member's stream needs it; closing that one closes both.
            raw = zipfile.ZipFile(stream).open(info)  # noqa: SIM115
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            stream.close()
            raise DecodeError(self.name, "a readable member", str(error)) from error
        return io.BufferedReader(_Guarded(raw, stream, self.name), 1 << 16)

    def member(self, name: str) -> Source:
        raise KeyError(name)


class _Guarded(io.RawIOBase):
    """A member's stream that turns zip damage into our own error and closes the file under it."""

    def __init__(self, raw: object, below: BinaryIO, name: str) -> None:
        self._raw, self._below, self._name = raw, below, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        try:
            data = self._raw.read(len(buffer))  # type: ignore[attr-defined]
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise DecodeError(self._name, "undamaged packed bytes", str(error) or type(error).__name__) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()  # type: ignore[attr-defined]
            self._below.close()
        super().close()
