"""Where do the elements of an export stand? A byte scan, a few megabytes at a time, that never parses what nobody asked for.

Not an XML parser, because the real files are no XML: iOS 16 wrote a DTD with a missing `>`, and raw 0x0B bytes occur. What the
scan rests on holds in every well-formed file all the same: outside comments, CDATA and instructions, which are blanked here,
a `<` is markup and never part of a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from devices.errors import DecodeError, Hostile
from devices.files.apple.words import Letters, Mask, Positions, Words, among, word, words_of

CHUNK_BYTES = 2 << 20
# The DTD of version 14 takes 6 KB; the longest element seen, a heart-rate variability sample with its beats, 20 KB.
PROLOG_LIMIT = 1 << 20
ELEMENT_LIMIT = 4 << 20
PADDING = bytes(64)  # so that looking 64 bytes past any tag stays within the array


_BLANKS = rb"(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+"
# The DTD's own syntax is not relied upon: it ends where `]>` stands before the root, a comment or an instruction.
_DTD = rb"<!DOCTYPE[^\[>]*+(?:>|\[(?>.*?\]\s*+>(?=\s*+(?:<HealthData[\s/>]|<!--|<\?))))"
_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?+" + _BLANKS + rb"(?:<!DOCTYPE\s++HealthData[\s\[>]|<HealthData[\s/>])", re.S)
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?+" + _BLANKS + rb"(?:" + _DTD + rb")?+" + _BLANKS + rb"(?=<HealthData[\s/>])", re.S)
_NO_ELEMENTS = re.compile(rb"<!--.*?(?:(-->)|\Z)|<!\[CDATA\[.*?(?:(\]\]>)|\Z)|<\?.*?(?:(\?>)|\Z)", re.S)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch of the file that holds whole records only; a workout may go on into the next piece.

    data:  its bytes, comments blanked, `PADDING` beyond `end`
    base:  where in the file data[0] stands
    tags:  (n,) where each `<` stands in `data`, ascending
    names: (n,) uint64, the 8 bytes from each `<`, little-endian: see `word`
    outside: (n,) bool, where no record is open when the tag begins
    """

    data: bytes
    base: int
    end: int
    tags: Positions
    names: Words
    outside: Mask

    def letters(self) -> Letters:
        return np.frombuffer(self.data, dtype=np.uint8)

    def words(self) -> Words:
        """The 8 bytes from every position on, as one number each: (len(data) - 7,) uint64, a view."""
        return words_of(self.data)

    def tag_ends(self, tags: Positions) -> Positions:
        """Where the tag after each of these begins, or the piece ends."""
        return np.append(self.tags, self.end)[tags + 1]

    def tag_span(self, tag: int) -> tuple[int, int]:
        """Where a tag begins, and the next one, or the piece ends."""
        return int(self.tags[tag]), int(self.tags[tag + 1]) if tag + 1 < len(self.tags) else self.end

    def place(self, tag: int) -> str:
        return f"byte {self.base + int(self.tags[tag])}"


# What stands inside a record. Before any other tag the file may be cut.
_INSIDE_RECORD = tuple(
    word(name) for name in (b"<Metadat", b"</Metada", b"<HeartRa", b"</HeartR", b"<Instant", b"</Instan", b"</Record")
)
_RECORD_END = word(b"</Record")
_NO_ELEMENT = (np.uint64(ord("!")), np.uint64(ord("?")))


def is_export(head: bytes) -> bool:
    """Does a file that begins like this have the root of an export? The DTD, which alone may fill the head, names it too."""
    return _OPENING.match(head) is not None


def read_pieces(stream: BinaryIO, name: str, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Piece]:
    """Yield the file from its root element on, in pieces of about `chunk_bytes`; what they hold together does not depend on it.

    Raises: DecodeError if no `<HealthData` opens the file, or the stream is damaged; Hostile at a comment or an element longer
            than any real one
    """
    rest, base = _skip_prolog(stream, name, chunk_bytes)
    while True:
        chunk = stream.read(chunk_bytes)
        piece = _cut(b"".join((rest, chunk, PADDING)), base, final=not chunk)
        yield piece
        if not chunk:
            return
        rest, base = piece.data[piece.end : -len(PADDING)], base + piece.end


def _skip_prolog(stream: BinaryIO, name: str, chunk_bytes: int) -> tuple[bytes, int]:
    """Return the first bytes of the root element on, and where in the file they stand."""
    buffer = b""
    while not (found := _PROLOG.match(buffer)):
        chunk = stream.read(chunk_bytes)
        if not chunk or len(buffer) > PROLOG_LIMIT:
            raise DecodeError(f"{name}, byte 0", "a <HealthData> element within the first MiB", repr(buffer[:40]))
        buffer += chunk
    return buffer[found.end() :], found.end()


def _cut(data: bytes, base: int, *, final: bool) -> Piece:
    """Return the part of `data` up to the last tag that cannot be inside a record, or all of it."""
    size = len(data) - len(PADDING)
    tags, names = _find_tags(data, size)
    complete = size
    if among(names >> np.uint64(8) & np.uint64(0xFF), _NO_ELEMENT).any():
        data, complete = _blank(data, size, final=final)
        tags, names = _find_tags(data, complete)
    outside = _outside_records(tags, names, size if final else size - 8)
    cuts = tags[outside]
    _refuse_long_elements(cuts, base, size if final else size - 16)
    end = size if final else int(cuts[-1]) if len(cuts) else 0
    kept = slice(int(np.searchsorted(tags, end)))
    return Piece(data, base, end, tags[kept], names[kept], outside[kept])


def _find_tags(data: bytes, end: int) -> tuple[Positions, Words]:
    tags = np.flatnonzero(np.frombuffer(data, dtype=np.uint8, count=end) == ord("<"))
    return tags, words_of(data)[tags]


def _blank(data: bytes, size: int, *, final: bool) -> tuple[bytes, int]:
    """Return the bytes with comments, CDATA and instructions as spaces, and up to where it is known which they are."""
    parts: list[bytes] = []
    done = 0
    for found in _NO_ELEMENTS.finditer(data, 0, size):
        if found.lastindex is None and not final:
            return b"".join((*parts, data[done:])), found.start()
        parts += (data[done : found.start()], b" " * (found.end() - found.start()))
        done = found.end()
    # A `<` or `<!-` that ends the stretch may begin a comment.
    return b"".join((*parts, data[done:])), size if final else max(done, size - 8)


def _outside_records(tags: Positions, names: Words, known: int) -> Mask:
    """Return which tags begin where no record is open; False for those whose name is not all here yet."""
    outside = ~among(names, _INSIDE_RECORD)
    after = np.flatnonzero(names[:-1] == _RECORD_END) + 1
    outside[after] = True
    return outside & (tags < known)


def _refuse_long_elements(cuts: Positions, base: int, size: int) -> None:
    edges = np.concatenate(([0], cuts, [size]))
    lengths = np.diff(edges)
    longest = int(np.argmax(lengths))
    if lengths[longest] > ELEMENT_LIMIT:
        raise Hostile(f"byte {base + int(edges[longest])}", f"an element of at most {ELEMENT_LIMIT:,} bytes", "a longer one")
