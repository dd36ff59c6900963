"""How does a CSV file of any size become columns? Pieces of complete lines are cut at their commas with numpy.

Pieces without quotes take the fast way; the others go through the standard library's reader. Both give the same cells.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from devices.errors import DecodeError, Hostile
from devices.files.source import Source
from devices.files.textual.cells import Cells, Index
from devices.files.textual.encoding import first_line, utf8_chunks
from devices.recording import Rejects

MAX_LINE_BYTES = 1 << 20
MAX_COLUMNS = 512
_HEADERS_KEPT = 16

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows of a table.

    lines: (n,) int64, the number of the line each stands on, from 1.  columns: the cells of each wanted column that there is
    """

    lines: Index
    columns: Mapping[str, Cells]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, name: str) -> Cells:
        return self.columns[name]


def split_header(line: str, delimiter: str = ",") -> list[str]:
    """Return a header line's names, in lower case and without spaces around; empty if it cannot be a header."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


@lru_cache(maxsize=_HEADERS_KEPT)
def find_header(head: bytes, delimiter: str) -> tuple[str, ...]:
    """Return the names in the first line of a file that begins like this. The readers of tables all ask it of every file."""
    return tuple(split_header(first_line(head), delimiter))


def read_table(
    source: Source,
    required: Sequence[str],
    optional: Sequence[str],
    rejects: Rejects,
    *,
    skip: int = 0,
    delimiter: str = ",",
    rename: Callable[[Sequence[str]], list[str]] = list,
) -> Iterator[Rows]:
    """Yield a table's wanted columns piece by piece, in bounded memory.

    skip: lines before the header.  rename: from the header's names to ours.
    A row with fewer or more cells than the header becomes a reject, unless its only surplus is a comma at its end; a wanted
    column that is not there is left out of `columns`.
    Raises: DecodeError if a required column is missing or a quote stays open, Hostile if a line does not end within a megabyte
    """
    pieces = _pieces(source)
    body = next(pieces, b"")
    while body.count(b"\n") <= skip and (more := next(pieces, b"")):
        body += more
    *_, header, body = [*body.split(b"\n", skip + 1), *[b""] * 2][: skip + 2]
    names = rename(split_header(header.decode("utf-8", errors="replace").rstrip("\r"), delimiter))
    if any(name not in names for name in required) or len(names) > MAX_COLUMNS:
        found = ", ".join(names)[:200] or "none"
        raise DecodeError(f"{source.name} line {skip + 1}", f"the columns {', '.join(required)}", found)
    wanted = {name: names.index(name) for name in (*required, *optional) if name in names}
    shape = _Shape(source.name, len(names), wanted, delimiter)
    line = skip + 2
    for part in chain([body] if body else [], pieces):
        rows = _fast(part, line, shape, rejects) if b'"' not in part else _careful(part, line, shape, rejects)
        if len(rows):
            yield rows
        line += part.count(b"\n")


@dataclass(frozen=True, slots=True)
class _Shape:
    """The table's name, its number of columns, the wanted ones by place, and what parts them."""

    name: str
    width: int
    wanted: Mapping[str, int]
    delimiter: str


def _pieces(source: Source) -> Iterator[bytes]:
    """Yield the file in pieces of complete lines; a line break within quotes ends no line."""
    rest = b""
    with source.open() as stream:
        for chunk in utf8_chunks(stream):
            rest += chunk
            cut = _last_line_end(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            if len(rest) > MAX_LINE_BYTES and b"\n" in rest:
                raise DecodeError(source.name, "a quote that closes within a megabyte", "one that stays open")
            if len(rest) > MAX_LINE_BYTES:
                raise Hostile(source.name, f"lines of at most {MAX_LINE_BYTES:,} bytes", f"{len(rest):,} or more")
    if rest:
        yield rest


def _last_line_end(text: bytes) -> int:
    """Return where the last complete line ends, 0 if none does."""
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    signs = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(signs == _NEWLINE)
    even = np.searchsorted(np.flatnonzero(signs == _QUOTE), ends) & 1 == 0
    return int(ends[even][-1]) + 1 if even.any() else 0


def _fast(text: bytes, at_line: int, shape: _Shape, rejects: Rejects) -> Rows:
    """Cut unquoted lines at their commas."""
    signs = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(signs == _NEWLINE)
    if not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lines = at_line + np.arange(len(ends))
    ends = ends - ((ends > starts) & (signs[ends - 1] == _RETURN))
    commas = np.flatnonzero(signs == ord(shape.delimiter))
    before = np.searchsorted(commas, starts)
    count = np.searchsorted(commas, ends) - before
    closing = (count == shape.width) & (signs[np.maximum(ends - 1, 0)] == ord(shape.delimiter))
    good = ((count == shape.width - 1) | closing) & (ends > starts)
    bad = np.flatnonzero(~good & (ends > starts))
    if len(bad):
        rejects.add(f"{shape.name} line {lines[bad[0]]}", f"{shape.width} cells", f"{count[bad[0]] + 1}", len(bad))
    starts, ends, before, count = starts[good], ends[good], before[good], count[good]
    # One more comma than there are lets the last cell of the last line end like the others.
    bounds = np.append(commas, len(text))
    columns = {}
    for name, place in shape.wanted.items():
        start = starts if not place else bounds[before + place - 1] + 1
        end = np.where(count > place, bounds[np.minimum(before + place, len(commas))], ends)
        columns[name] = Cells(signs, start, end)
    return Rows(lines[good], columns)


def _careful(text: bytes, at_line: int, shape: _Shape, rejects: Rejects) -> Rows:
    """Read lines with quotes in them."""
    reader = csv.reader(io.StringIO(text.decode("utf-8", errors="replace"), newline=""), delimiter=shape.delimiter)
    lines: list[int] = []
    kept: list[list[str]] = []
    while True:
        line = at_line + reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as error:
            rejects.add(f"{shape.name} line {line}", "well-formed CSV", error)
            continue
        if row is None:
            break
        if len(row) == shape.width or (len(row) == shape.width + 1 and not row[-1]):
            lines.append(line)
            kept.append(row)
        elif row:
            rejects.add(f"{shape.name} line {line}", f"{shape.width} cells", f"{len(row)}")
    columns = {name: Cells.of([row[place] for row in kept]) for name, place in shape.wanted.items()}
    return Rows(np.array(lines, dtype=np.int64), columns)
