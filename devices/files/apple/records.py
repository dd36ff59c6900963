"""Which records does a piece of an export hold? Columns of the types that are asked for; every other is passed over unread.

Two ways lead to the same columns. Apple writes its attributes in one order, and those records are read by array (`regular.py`). A
record that differs in anything (its order, its quotes, the way its dates are written) is read by itself, and what is wrong named.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from devices.files.apple.attributes import read_tag
from devices.files.apple.dates import UNKNOWN, read_date
from devices.files.apple.identity import Identities
from devices.files.apple.pieces import Piece
from devices.files.apple.regular import Records, RecordType, RegularRecords, select
from devices.files.apple.words import Positions, among, word
from devices.recording import Rejects

STEPS = RecordType("HKQuantityTypeIdentifierStepCount", "count")
HEART_RATE = RecordType("HKQuantityTypeIdentifierHeartRate", "count/min")
SLEEP = RecordType("HKCategoryTypeIdentifierSleepAnalysis", None)
TYPES = (STEPS, HEART_RATE, SLEEP)

_BY_NAME = {kind.name: kind for kind in TYPES}
_RECORD, _TYPE = word(b"<Record "), word(b'type="HK')
_RECORD_NAME, _SEVEN_BYTES = word(b"<Record\0"), word(b"\xff" * 7 + b"\0")
_AFTER_NAME = tuple(np.frombuffer(b" \t\r\n/>", dtype=np.uint8))
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?")


def find_record_tags(piece: Piece) -> Positions:
    """Return the numbers of the tags that open a record, of any type."""
    tags = np.flatnonzero((piece.names & _SEVEN_BYTES) == _RECORD_NAME)
    return tags[among(piece.letters()[piece.tags[tags] + 7], _AFTER_NAME)]


def find_records(piece: Piece, tags: Positions, identities: Identities, rejects: Rejects) -> dict[RecordType, Records]:
    """Return the records of every type in `TYPES` among `tags`; those that cannot be read are counted in `rejects`."""
    usual = (piece.names[tags] == _RECORD) & (piece.words()[piece.tags[tags] + 8] == _TYPE)
    regular = RegularRecords(piece)
    columns, others = {}, [tags[~usual]]
    for kind in TYPES:
        of_kind = _starting_with(piece, tags[usual], f'<Record type="{kind.name}"')
        columns[kind], irregular = regular.read(kind, of_kind, identities)
        others.append(irregular)
    rows: dict[RecordType, list[_Record]] = {kind: [] for kind in TYPES}
    for kind, row in _read_irregular(piece, np.sort(np.concatenate(others)), identities, rejects):
        rows[kind].append(row)
    return {kind: _merge(columns[kind], rows[kind]) for kind in TYPES}


def _starting_with(piece: Piece, tags: Positions, start: str) -> Positions:
    """Keep the tags that start with these letters; their end is compared first, which tells types apart."""
    text, words = start.encode(), piece.words()
    for offset in (len(text) - 8, *range(0, len(text) - 8, 8)):
        tags = tags[words[piece.tags[tags] + offset] == word(text[offset : offset + 8])]
    return tags


class _Record(NamedTuple):
    tag: int
    start_ms: int
    end_ms: int
    device: int
    value: float
    name: str


def _read_irregular(
    piece: Piece, tags: Positions, identities: Identities, rejects: Rejects
) -> Iterator[tuple[RecordType, _Record]]:
    """Read records one by one; those of a type that nobody asks for are left out."""
    unreadable: list[int] = []
    for tag in tags.tolist():
        attributes = read_tag(piece.data, *piece.tag_span(tag))
        if attributes is None:
            unreadable.append(tag)
        elif kind := _BY_NAME.get(attributes.get("type", "")):
            row = _read_record(kind, attributes, tag, piece.place(tag), identities, rejects)
            if row is not None:
                yield kind, row
    if unreadable:
        start, end = piece.tag_span(unreadable[0])
        found = repr(piece.data[start : min(end, start + 50)])
        rejects.add(piece.place(unreadable[0]), "a record whose attributes can be read", found, len(unreadable))


def _read_record(
    kind: RecordType, attributes: Mapping[str, str], tag: int, place: str, identities: Identities, rejects: Rejects
) -> _Record | None:
    dates = read_span(attributes, place, rejects)
    value = _read_value(kind, attributes, place, rejects) if dates else None
    if dates is None or value is None:
        return None
    return _Record(tag, *dates, identities.number_attributes(attributes), value, attributes.get("value", ""))


def read_span(attributes: Mapping[str, str], place: str, rejects: Rejects, of: str = "record") -> tuple[int, int] | None:
    """Return the start and the end in ms, or None and a reject where either is no date."""
    texts = attributes.get("startDate", ""), attributes.get("endDate", "")
    start_ms, end_ms = (read_date(text) for text in texts)
    if UNKNOWN not in (start_ms, end_ms):
        return start_ms, end_ms
    rejects.add(place, f"{of} dates like 2023-03-26 08:15:00 +0200", " to ".join(repr(text) for text in texts))
    return None


def _read_value(kind: RecordType, attributes: Mapping[str, str], place: str, rejects: Rejects) -> float | None:
    if kind.unit is None:
        return np.nan
    unit, text = attributes.get("unit"), attributes.get("value", "")
    if unit != kind.unit:
        rejects.add(place, f"{kind.name} in {kind.unit}", repr(unit))
        return None
    value = read_number(text)
    if value is None:
        rejects.add(place, f"a number as the value of {kind.name}", repr(text))
    return value


def read_number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _merge(columns: Records, rows: list[_Record]) -> Records:
    """Put the records that were read by themselves between the others, in the order of the file."""
    if not rows:
        return columns
    tag, start_ms, end_ms, device, value, name = zip(*rows, strict=True)
    merged = Records(
        np.append(columns.tag, np.array(tag, dtype=np.intp)),
        np.append(columns.start_ms, np.array(start_ms, dtype=np.int64)),
        np.append(columns.end_ms, np.array(end_ms, dtype=np.int64)),
        np.append(columns.device, np.array(device, dtype=np.int64)),
        np.append(columns.value, np.array(value, dtype=np.float64)),
        [*columns.name, *name] if len(columns.name) == len(columns.tag) else [],
    )
    return select(merged, np.argsort(merged.tag, kind="stable"))
