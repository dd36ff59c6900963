"""Which bytes are the text? Streams in UTF-8, UTF-16 or UTF-32 become UTF-8 without a byte order mark."""

import codecs
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_MARK_BYTES = 4

# UTF-32 LE starts with the mark of UTF-16 LE: the longer one is asked first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


# Every text reader asks of every file: the head is read as text once, not once for each of them.
_HEADS_KEPT = 8
_BINARY_BYTES = 16  # FIT, SQLite and zip files have a NUL among their first bytes


@lru_cache(maxsize=_HEADS_KEPT)
def head_text(head: bytes) -> str:
    """Return the start of a file as text, whatever its encoding; what is no text is replaced, never refused."""
    encoding, mark = _encoding(head)
    if encoding == "utf-8" and b"\0" in head[:_BINARY_BYTES]:
        # Byte for sign, at a fiftieth of the time that replacing thousands of them takes: the ASCII signs, which alone tell
        # formats apart, stay where they are.
        encoding = "latin-1"
    return head[mark:].decode(encoding, errors="replace")


@lru_cache(maxsize=_HEADS_KEPT)
def first_line(head: bytes) -> str:
    return head_text(head).lstrip("\r\n").partition("\n")[0].rstrip("\r")


def utf8_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the stream as UTF-8 in pieces of a megabyte or so; what is UTF-8 already passes as it is, sound or not."""
    chunk = stream.read(CHUNK_BYTES)
    while len(chunk) < _MARK_BYTES and (more := stream.read(CHUNK_BYTES)):
        chunk += more
    encoding, mark = _encoding(chunk)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    chunk = chunk[mark:] or stream.read(CHUNK_BYTES)
    while chunk:
        yield chunk if encoding == "utf-8" else decoder.decode(chunk).encode("utf-8", errors="replace")
        chunk = stream.read(CHUNK_BYTES)
    if encoding != "utf-8":
        yield decoder.decode(b"", final=True).encode("utf-8", errors="replace")


def _encoding(head: bytes) -> tuple[str, int]:
    """Return the encoding and the length of its mark; text of these formats starts with an ASCII sign."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if len(head) > 1 and not head[1] and head[0]:
        return "utf-16-le", 0
    if len(head) > 1 and not head[0] and head[1]:
        return "utf-16-be", 0
    return "utf-8", 0
