"""How does a JSON file of any size become records? It is cut at the records' own brackets, never loaded whole.

One pass with numpy finds the quotes and brackets of a megabyte at a time; complete records go to the standard library's
parser in one call. What stands around the records (the shell) is kept, each run of records as a 0, and must be JSON itself.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError, Hostile
from devices.files.source import Source
from devices.files.textual.cells import Index, Mask
from devices.files.textual.encoding import utf8_chunks
from devices.recording import Rejects

Record = dict[str, Any]

MAX_DEPTH = 64
MAX_RECORD_BYTES = 8 << 20
MAX_SHELL_BYTES = 8 << 20

_BROKEN = object()  # stands for a record that is no JSON, so that the numbers of the others hold

_QUOTE, _BACKSLASH = b'"\\'
_OTHER, _IS_QUOTE, _IS_OPEN, _IS_CLOSE = range(4)
_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[_QUOTE] = _IS_QUOTE
_KINDS[list(b"{[")] = _IS_OPEN
_KINDS[list(b"}]")] = _IS_CLOSE


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of a file in order, and the number of each in the file, from 1: (n,) int64."""

    numbers: Index
    rows: list[Record]


def read_records(source: Source, depth: int, rejects: Rejects) -> Iterator[Records]:
    """Yield the objects that lie `depth` brackets deep: 0 in JSON lines, 1 in a list, 2 in a list within an object.

    A record that is no JSON object becomes a reject. Of a truncated file the complete records are yielded first.
    Raises: DecodeError if the file ends early or is no JSON around its records, Hostile beyond the limits of depth and size
    """
    cutter = _Cutter(depth, source.name, rejects)
    rest = b""
    with source.open() as stream:
        for chunk in utf8_chunks(stream):
            rest += chunk
            cut, records = cutter.cut(rest)
            rest = rest[cut:]
            if records.rows:
                yield records
            if len(rest) > MAX_RECORD_BYTES + len(chunk):
                raise Hostile(cutter.place, f"records of at most {MAX_RECORD_BYTES:,} bytes", f"{len(rest):,} or more")
    cutter.finish(rest)


def read_document(source: Source, limit: int = MAX_RECORD_BYTES) -> Any:
    """Return a small JSON file as a whole. Raises: DecodeError if it is no JSON, Hostile beyond the limits of size and depth"""
    parts, size = [], 0
    with source.open() as stream:
        for chunk in utf8_chunks(stream):
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise Hostile(source.name, f"at most {limit:,} bytes for a file of this format", "more")
    text = b"".join(parts)
    _, step = _brackets(text)
    if int(np.cumsum(step, dtype=np.int64).max(initial=0)) > MAX_DEPTH:
        raise Hostile(source.name, f"at most {MAX_DEPTH} brackets within one another", "more")
    try:
        return _loads(text)
    except ValueError as error:
        raise DecodeError(source.name, "well-formed JSON", str(error)) from error


class _Cutter:
    """Where in the file the reading stands: after the bracket that closed the last complete record."""

    def __init__(self, depth: int, name: str, rejects: Rejects) -> None:
        self._depth, self._name, self._rejects = depth, name, rejects
        self._level, self._at_byte, self._count = 0, 0, 0
        self._shell: list[bytes] = []
        self._shell_bytes = 0

    @property
    def place(self) -> str:
        return f"{self._name} byte {self._at_byte}"

    def cut(self, text: bytes) -> tuple[int, Records]:
        """Return how many bytes of `text` are done with, and the records among them; `text` starts outside strings."""
        where, step = _brackets(text)
        levels = self._level + np.cumsum(step, dtype=np.int64)
        if int(levels.max(initial=0)) > MAX_DEPTH:
            raise Hostile(self.place, f"at most {MAX_DEPTH} brackets within one another", "more")
        if int(levels.min(initial=0)) < 0:
            raise DecodeError(self.place, "a bracket that opens before one that closes", "one closed too many")
        starts = where[(step == 1) & (levels == self._depth + 1)]
        ends = where[(step == -1) & (levels == self._depth)] + 1
        starts = starts[: len(ends)]
        if not len(ends):
            return 0, Records(ends, [])
        rows = self._parse(text, starts.tolist(), ends.tolist())
        numbers = self._count + 1 + np.arange(len(rows))
        good = [type(row) is dict for row in rows]
        records = Records(numbers[good], [row for row in rows if type(row) is dict])
        self._rejects.add(
            self.place, "a JSON object", "another value", len(rows) - len(records.rows) - sum(row is _BROKEN for row in rows)
        )
        done = int(ends[-1])
        self._level = self._depth
        self._at_byte += done
        self._count += len(rows)
        return done, records

    def finish(self, rest: bytes) -> None:
        """Raises: DecodeError unless what stands around the records is JSON, or nothing between JSON lines."""
        self._keep(rest)
        shell = b"".join(self._shell).decode("utf-8", errors="replace")
        if self._depth == 0:
            if shell.replace("0", "").strip(" \t\r\n,\x1e"):
                raise DecodeError(self.place, "a JSON object a line", _excerpt(shell))
            return
        try:
            json.loads(shell, parse_constant=_refuse)
        except ValueError as error:
            raise DecodeError(self.place, "the end of well-formed JSON", f"{error}, near {_excerpt(shell)}") from error

    def _parse(self, text: bytes, starts: list[int], ends: list[int]) -> list[Any]:
        """Parse the records in one call, or one by one where that fails."""
        self._keep(text[: starts[0]] + b"0")
        if self._depth:
            together = text[starts[0] : ends[-1]]
        else:
            self._keep(b"".join(text[end:start] for end, start in zip(ends[:-1], starts[1:], strict=True)))
            together = b",".join(text[start:end] for start, end in zip(starts, ends, strict=True))
        try:
            rows: list[Any] = _loads(b"[" + together + b"]")
        except ValueError:
            return self._parse_each(text, starts, ends)
        return rows

    def _parse_each(self, text: bytes, starts: list[int], ends: list[int]) -> list[Any]:
        rows = []
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if self._depth and number:
                self._keep(text[ends[number - 1] : start] + b"0")
            try:
                rows.append(_loads(text[start:end]))
            except ValueError as error:
                rows.append(_BROKEN)
                place = f"{self._name} byte {self._at_byte + start}"
                self._rejects.add(place, "a well-formed JSON object", error)
        return rows

    def _keep(self, piece: bytes) -> None:
        self._shell.append(piece)
        self._shell_bytes += len(piece)
        if self._shell_bytes > MAX_SHELL_BYTES + MAX_RECORD_BYTES:
            raise Hostile(self.place, f"at most {MAX_SHELL_BYTES:,} bytes around the records", "more")


def _brackets(text: bytes) -> tuple[Index, npt.NDArray[np.int8]]:
    """Return where brackets stand outside strings, (k,) int64, and whether each opens (1) or closes (-1)."""
    signs = np.frombuffer(text, dtype=np.uint8)
    kinds = _KINDS[signs]
    where = np.flatnonzero(kinds)
    kind = kinds[where]
    quotes = kind == _IS_QUOTE
    if b"\\" in text:
        quotes &= ~_escaped(signs, where)
    outside = (np.cumsum(quotes) & 1 == 0) & (kind != _IS_QUOTE)
    return where[outside], np.where(kind[outside] == _IS_OPEN, 1, -1).astype(np.int8)


def _escaped(signs: npt.NDArray[np.uint8], where: Index) -> Mask:
    """Return which of the places follow an odd number of backslashes."""
    places = np.arange(len(signs))
    last_other = np.maximum.accumulate(np.where(signs == _BACKSLASH, -1, places))
    before = np.where(where > 0, last_other[np.maximum(where - 1, 0)], -1)
    odd: Mask = (where - 1 - before) & 1 == 1
    return odd


def _loads(text: bytes) -> Any:
    return json.loads(text.decode("utf-8", errors="replace"), parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _excerpt(text: str) -> str:
    return repr(text[-60:])
