"""FIT bytes -> columns: headers, records, checksums; nothing here knows what a message means.

A file is one or several FIT files, one behind the other. One pass over the record headers finds where each record starts; all
records of one definition become one structured array.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError, Hostile
from devices.files.fit.clock import NONE, unwrap
from devices.files.fit.crc import crc16, is_intact
from devices.files.fit.definition import (
    STRING,
    Definition,
    DeveloperField,
    base_type,
    definition_bytes,
    describe,
    parse_definition,
)
from devices.recording import Rejects

MAX_BYTES = 64 << 20
"""A day of the densest recording is 5 MB."""
MAX_RECORDS = 4_000_000
MAX_DEFINITIONS = 100_000
"""Definition messages of one file: some devices send one before every few records."""
MAX_LAYOUTS = 2_000
"""Different definitions of one file: real ones have up to 60."""
MAX_CHAINED = 1_000

MISSING = int(np.iinfo(np.int64).min)
"""No value, in columns of integers."""

_TIMESTAMP = 253
_FIELD_DESCRIPTION = 206
_DESCRIBED = (0, 1, 2)  # developer index, field number, base type
_NAME, _UNITS = 3, 8
_MAGIC = b".FIT"
_MIN_HEADER = 12

COMPRESSED = 0x80
"""Header bytes from here on are records with a compressed timestamp."""
_DEFINITION = 0x40

# Steps that lead out of every file, so that the loop over the records ends at a header that is no record.
_AT_DEFINITION = 1 << 40
_AT_UNKNOWN = 1 << 41

_STRETCH = 1 << 14
_RUN = 24

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """All records of one definition.

    at: (n,) int64, the offset of each record's header byte in the input: its place, and its order among all records
    """

    definition: Definition
    at: Ints
    data: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def columns(self) -> npt.NDArray[np.void]:
        """(n,) structured, one column a field by its key, in the file's byte order, as stored: nothing scaled or left out."""
        definition = self.definition
        if not definition.size:
            return np.zeros(len(self.at), dtype=definition.layout)
        # One plain copy a record; the view on top of it costs nothing. The offset steps over the header byte.
        shape = (len(self.data) - definition.size,)
        return np.ndarray(shape, definition.plain, self.data, 1, (1,))[self.at].view(definition.layout)

    def ints(self, number: int) -> Ints | None:
        """Return the profile's integer field of that number: (n,) int64, MISSING where invalid; None if there is none.

        Of an array its first value.
        """
        values = np.empty(len(self.at), dtype=np.int64)
        return values if self.write_ints(number, values) else None

    def write_ints(self, number: int, values: Ints) -> bool:
        """Write into `values` what `ints` returns; do nothing and return False where that is None."""
        found = self.definition.field(number)
        if found is None or not found.base.is_whole:
            return False
        column = self.columns[found.key]
        if column.ndim > 1:
            column = column[:, 0]
        values[:] = column
        absent = column == found.base.none
        if found.base.code == "u8":
            absent |= values < 0  # beyond what int64 holds, and beyond any quantity
        np.putmask(values, absent, MISSING)
        return True

    def texts(self, number: int) -> list[str]:
        """Return the profile's text field of that number; "" where there is none."""
        found = self.definition.field(number)
        if found is None or found.base is not STRING:
            return [""] * len(self.at)
        return [text_of(row.tobytes()) for row in self.columns[found.key]]


def text_of(stored: bytes) -> str:
    """Return a stored text: up to the first zero byte, or all of it where the writer did not end it."""
    return stored.split(b"\0", 1)[0].decode("utf-8", errors="replace")


@dataclass(frozen=True, eq=False)
class FitFile:
    """One FIT file of the input.

    start:   its offset in the input
    profile: the version of the profile that it was written with, times 100
    records: (n,) int64, the offset of every record; headers: (n,) uint8, their header bytes
    tables:  in the order in which their definitions first came
    """

    start: int
    profile: int
    records: Ints = field(repr=False)
    headers: npt.NDArray[np.uint8] = field(repr=False)
    tables: tuple[Table, ...]

    def of(self, *numbers: int) -> list[Table]:
        """Return the tables of these global messages."""
        return [table for number in numbers for table in self._by_number.get(number, ())]

    @cached_property
    def _by_number(self) -> dict[int, list[Table]]:
        by_number: dict[int, list[Table]] = {}
        for table in self.tables:
            by_number.setdefault(table.definition.global_number, []).append(table)
        return by_number

    def times(self, table: Table) -> Ints:
        """Return the time of each record of a table, full or compressed: (n,) int64 in seconds of FIT, NONE without one."""
        if self._has_compressed:
            return self._all_times[np.searchsorted(self.records, table.at)]
        return _full_times(table)

    @cached_property
    def _has_compressed(self) -> bool:
        return bool((self.headers >= COMPRESSED).any())

    @cached_property
    def _all_times(self) -> Ints:
        # A compressed time goes on from the last time of any message.
        full = np.full(len(self.records), NONE, dtype=np.int64)
        for table in self.tables:
            full[np.searchsorted(self.records, table.at)] = _full_times(table)
        low = np.where(self.headers >= COMPRESSED, (self.headers & 31).astype(np.int64), NONE)
        return unwrap(full, low, 31)


def _full_times(table: Table) -> Ints:
    values = table.ints(_TIMESTAMP)
    return np.full(len(table), NONE, dtype=np.int64) if values is None else np.maximum(values, NONE)


def decode(data: bytes, *, rejects: Rejects | None = None) -> Iterator[FitFile]:
    """Yield the FIT files in the bytes.

    rejects: lenient if given: what can be read of a damaged or cut-off file is yielded, and what is wrong goes here;
             without it the first fault of any kind is an error
    Raises:  DecodeError, Hostile beyond the limits
    """
    if len(data) > MAX_BYTES:
        raise Hostile("byte 0", f"at most {MAX_BYTES:,} bytes", f"{len(data):,}")
    faults = _Faults(rejects)
    at = 0
    for _ in range(MAX_CHAINED):
        header = _read_header(data, at, faults)
        if header is None:
            return
        yield _read_file(data, header, faults)
        at = header.next_file
        if at >= len(data):
            return
    raise Hostile(f"byte {at}", f"at most {MAX_CHAINED:,} files in one", "more")


class _Faults:
    """Errors, or rejects if there is somewhere to put them."""

    def __init__(self, rejects: Rejects | None) -> None:
        self._rejects = rejects

    @property
    def lenient(self) -> bool:
        return self._rejects is not None

    def add(self, at: int, expected: str, found: str) -> None:
        if self._rejects is None:
            raise DecodeError(f"byte {at}", expected, found)
        self._rejects.add(f"byte {at}", expected, found)


@dataclass(frozen=True, slots=True)
class _Header:
    start: int
    profile: int
    records: int
    end: int
    next_file: int


def _read_header(data: bytes, at: int, faults: _Faults) -> _Header | None:
    """Return the header at `at`; None if what is there, behind a whole file, is no FIT."""
    size = data[at] if at < len(data) else 0
    if size < _MIN_HEADER or at + size > len(data) or data[at + 8 : at + 12] != _MAGIC:
        found = repr(data[at : at + _MIN_HEADER])
        if at == 0:
            raise DecodeError("byte 0", "a FIT header: its size, 12 or more, and '.FIT' at byte 8", found)
        faults.add(at, "another FIT header, or the end, behind a file", f"{len(data) - at} bytes: {found}")
        return None
    view = memoryview(data)
    # A header CRC of 0 means that the writer left it out.
    if size >= 14 and data[at + 12 : at + 14] != b"\0\0" and not is_intact(view[at : at + 14]):
        faults.add(at + 12, "the header's own CRC", f"{_crc_at(data, at + 12)}, computed {crc16(view[at : at + 12]):#06x}")
    records = at + size
    end = records + int.from_bytes(data[at + 4 : at + 8], "little")
    if end == records and faults.lenient and len(data) > records + 2 and data[records + 10 : records + 14] != _MAGIC:
        faults.add(at + 4, "the length of the records", "0, as a device leaves it that lost power")
        end = len(data)
    elif end > len(data):
        faults.add(at + 4, "a length of the records within the file", f"{end - records}, with {len(data) - records} bytes there")
        end = len(data)
    elif end + 2 > len(data):
        faults.add(end, "a CRC behind the records", f"{len(data) - end} bytes")
    elif not is_intact(view[at : end + 2]):
        faults.add(end, "the file's own CRC", f"{_crc_at(data, end)}, computed {crc16(view[at:end]):#06x}")
    return _Header(at, int.from_bytes(data[at + 2 : at + 4], "little"), records, end, end + 2)


def _crc_at(data: bytes, at: int) -> str:
    return f"{int.from_bytes(data[at : at + 2], 'little'):#06x}"


def _read_file(data: bytes, header: _Header, faults: _Faults) -> FitFile:
    walk = _Walk(data, header.records, header.end, faults)
    records = walk.records()
    headers = np.frombuffer(data, dtype=np.uint8)[records]
    local = np.where(headers & COMPRESSED, headers >> 5 & 3, headers & 0x0F)
    defined = _described(data, records, local, walk.defined)
    tables = tuple(Table(definition, at, data) for definition, at in _split(records, local, defined))
    return FitFile(header.start, header.profile, records, headers, tables)


@dataclass(frozen=True, slots=True)
class _Defined:
    """A definition message: where, for which local type, what."""

    at: int
    local: int
    definition: Definition


class _Walk:
    """The one pass over the record headers."""

    def __init__(self, data: bytes, start: int, end: int, faults: _Faults) -> None:
        self._data, self._at, self._end, self._faults = data, start, end, faults
        self._steps = [_AT_UNKNOWN] * 256
        self._steps[_DEFINITION:COMPRESSED] = [_AT_DEFINITION] * (COMPRESSED - _DEFINITION)
        self.defined: list[_Defined] = []

    def records(self) -> Ints:
        """Return the offset of every whole data record."""
        pieces: list[Ints] = []
        count = 0
        while self._at < self._end:
            pieces.append(np.fromiter(self._walk(), dtype=np.int64))
            if self._is_run(pieces[-1]):
                pieces.append(self._run(int(pieces[-1][-1])))
                count += len(pieces[-1])
            count += len(pieces[-1])
            if count > MAX_RECORDS:
                raise Hostile(f"byte {self._at}", f"at most {MAX_RECORDS:,} records", "more")
        found = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)
        headers = np.frombuffer(self._data, dtype=np.uint8)[found]
        return self._without_cut(found[(headers & (COMPRESSED | _DEFINITION)) != _DEFINITION])

    def _walk(self) -> Iterator[int]:
        """Yield the offset of each record, and of each definition, over the next stretch of bytes."""
        data, steps, at = self._data, self._steps, self._at
        stop = min(at + _STRETCH, self._end)
        while True:
            while at < stop:
                yield at
                at += steps[data[at]]
            if at < _AT_DEFINITION:
                break
            if at >= _AT_UNKNOWN:
                at -= _AT_UNKNOWN
                self._faults.add(at, "a record of a local type that was defined", f"header {data[at]:#04x}")
                self._end = at
                break
            at = self._define(at - _AT_DEFINITION)
            stop = min(stop, self._end)
        self._at = at

    def _define(self, at: int) -> int:
        """Take in the definition message at `at`; return where the next record starts."""
        data = self._data
        length = definition_bytes(data, at)
        if at + length > self._end:
            self._faults.add(at, "a whole definition", f"{self._end - at} bytes")
            self._end = at
            return at
        definition = parse_definition(data[at + 1 : at + length])
        local = data[at] & 0x0F
        self.defined.append(_Defined(at, local, definition))
        if len(self.defined) > MAX_DEFINITIONS:
            raise Hostile(f"byte {at}", f"at most {MAX_DEFINITIONS:,} definitions", "more")
        step = 1 + definition.size
        for reserved in (0x00, 0x10, 0x20, 0x30):
            self._steps[reserved | local] = step
        if local < 4:
            compressed = COMPRESSED | local << 5
            self._steps[compressed : compressed + 32] = [step] * 32
        return at + length

    def _is_run(self, piece: Ints) -> bool:
        """Did the last records all have one step and header, and does the next one?"""
        if len(piece) < _RUN or self._at >= self._end:
            return False
        last = piece[-_RUN:]
        own = np.frombuffer(self._data, dtype=np.uint8)[last]
        return bool((np.diff(last) == self._at - last[-1]).all() and (own == self._data[self._at]).all())

    def _run(self, last: int) -> Ints:
        """Return the records that go on as the one at `last` did: equal headers, equal steps."""
        step = self._at - last
        headers = np.frombuffer(self._data, dtype=np.uint8)[self._at : self._end : step]
        window, length = _RUN, 0
        while length < len(headers):
            others = np.flatnonzero(headers[length : length + window] != self._data[last])
            if len(others):
                length += int(others[0])
                break
            length = min(length + window, len(headers))
            window *= 4
        run = self._at + step * np.arange(length, dtype=np.int64)
        self._at += step * length
        return run

    def _without_cut(self, found: Ints) -> Ints:
        """Return the records without a last one that is not whole, or not known."""
        if not len(found):
            return found
        last = int(found[-1])
        if self._at > self._end > last:
            self._faults.add(last, "a whole record", f"{self._end - last} of its {self._at - last} bytes")
        return found[:-1] if self._at > self._end or last >= self._end else found


def _split(records: Ints, local: npt.NDArray[np.uint8], defined: Sequence[_Defined]) -> list[tuple[Definition, Ints]]:
    """Return the records by definition, in the order in which the definitions first came."""
    pieces: dict[Definition, list[Ints]] = {one.definition: [] for one in defined}
    if len(pieces) > MAX_LAYOUTS:
        raise Hostile(f"byte {defined[-1].at}", f"at most {MAX_LAYOUTS:,} different definitions", f"{len(pieces):,}")
    for one, own in _by_definition(records, local, defined):
        pieces[one.definition].append(own)
    return [(key, own[0] if len(own) == 1 else np.sort(np.concatenate(own))) for key, own in pieces.items() if own]


def _by_definition(records: Ints, local: npt.NDArray[np.uint8], defined: Sequence[_Defined]) -> Iterator[tuple[_Defined, Ints]]:
    """Yield each definition message with the records that follow it, if any do."""
    by_local: dict[int, list[_Defined]] = {}
    for one in defined:
        by_local.setdefault(one.local, []).append(one)
    for number, ones in by_local.items():
        own = records[local == number]
        if len(ones) == 1:
            yield from ((ones[0], own),) if len(own) else ()
            continue
        cuts = np.searchsorted(own, [one.at for one in ones]).tolist()
        for one, first, last in zip(ones, cuts, [*cuts[1:], len(own)], strict=True):
            if first < last:
                yield one, own[first:last]


def _described(data: bytes, records: Ints, local: npt.NDArray[np.uint8], defined: Sequence[_Defined]) -> Sequence[_Defined]:
    """Return the definitions, those with developer fields as the file had described them by then."""
    if not any(one.definition.developer_keys for one in defined):
        return defined
    said = deque(sorted(_descriptions(data, records, local, defined), key=itemgetter(0)))
    known: dict[tuple[int, int], DeveloperField] = {}
    result = []
    for one in defined:
        while said and said[0][0] < one.at:
            _, key, described = said.popleft()
            known[key] = described
        keys = one.definition.developer_keys
        own = describe(one.definition, tuple(known.get(key) for key in keys)) if keys else one.definition
        result.append(_Defined(one.at, one.local, own))
    return result


def _descriptions(
    data: bytes, records: Ints, local: npt.NDArray[np.uint8], defined: Sequence[_Defined]
) -> Iterator[tuple[int, tuple[int, int], DeveloperField]]:
    """Yield every field_description: its place, (developer index, field number), and what it says."""
    for one, own in _by_definition(records, local, defined):
        if one.definition.global_number != _FIELD_DESCRIPTION:
            continue
        table = Table(one.definition, own, data)
        developer, number, base = (table.ints(field) for field in _DESCRIBED)
        if developer is None or number is None or base is None:
            continue
        rows = zip(own, developer, number, base, table.texts(_NAME), table.texts(_UNITS), strict=True)
        for at, developer_index, field_number, base_number, name, units in rows:
            if MISSING not in (developer_index, field_number, base_number):
                described = DeveloperField(name, units, base_type(int(base_number)))
                yield int(at), (int(developer_index), int(field_number)), described
