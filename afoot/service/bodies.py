"""The body of an upload as it comes in: small ones stay in memory, larger ones go to the disk as they come."""

import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from afoot.service.problems import FULL_DISK, Refusal
from devices.files.source import BytesSource, FileSource, Source

MEMORY_BYTES = 64 << 10
WRITE_BYTES = 1 << 20
# What must stay free of the disk: the store lives there, too.
SPARE_BYTES = 256 << 20
LONGEST_NAME = 300
# What the framework is told of routes that stream to the disk; the setting's limit is kept here.
STREAMED_BYTES = 1 << 50
PREFIX = "incoming-"


@dataclass(frozen=True, slots=True)
class Body:
    """source: reads what came. sha256: of it, in hex."""

    source: Source
    size: int
    sha256: str


def checked_name(name: str) -> str:
    """Return the name that a file is to have in the record; it is never a path here. Raises: Refusal"""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refusal(422, f"name: expected 1 to {LONGEST_NAME} printable signs")
    return name


def has_room(folder: Path, size: int) -> bool:
    """Whether the disk of a folder takes so many bytes more, and has some to spare."""
    return shutil.disk_usage(folder).free >= size + SPARE_BYTES


def checked_size(text: str | None, most: int, folder: Path) -> int:
    """Return the announced size in bytes; 0 if there is none. Raises: Refusal if it is too much, for us or for the disk"""
    if text is None:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refusal(400, "size: expected a whole number of bytes")
    size = int(text)
    if size > most:
        raise Refusal(413, f"expected a file of at most {most:,} bytes, found one of {size:,}")
    if not has_room(folder, size):
        raise Refusal(507, FULL_DISK)
    return size


@asynccontextmanager
async def receive(request: Request, name: str, folder: Path, most: int) -> AsyncIterator[Body]:
    """Yield the body of a request; what it takes on the disk goes afterwards.

    Raises: Refusal if it is empty, longer than `most` bytes, or is not what X-Content-SHA256 says
    """
    checked_size(request.headers.get("content-length"), most, folder)
    head, found, size = bytearray(), hashlib.sha256(), 0
    file: IO[bytes] | None = None
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Refusal(413, f"expected a file of at most {most:,} bytes")
            found.update(chunk)
            head += chunk
            if len(head) > (MEMORY_BYTES if file is None else WRITE_BYTES):
                file = file or _open(folder)
                await run_in_threadpool(file.write, bytes(head))
                head.clear()
        _check(request, found.hexdigest(), size)
        if file is None:
            yield Body(BytesSource(bytes(head), name), size, found.hexdigest())
        else:
            await run_in_threadpool(file.write, bytes(head))
            await run_in_threadpool(file.flush)
            yield Body(FileSource(Path(file.name), name), size, found.hexdigest())
    finally:
        if file is not None:
            file.close()


def _open(folder: Path) -> IO[bytes]:
    """Return a file that is gone when it is closed."""
    return tempfile.NamedTemporaryFile(dir=folder, prefix=PREFIX)


def _check(request: Request, found: str, size: int) -> None:
    if not size:
        raise Refusal(422, "expected a file, found nothing")
    expected = request.headers.get("x-content-sha256")
    if expected is not None and expected.lower() != found:
        raise Refusal(400, f"X-Content-SHA256: expected {found}, the hash of what arrived")
