"""What do the `MetadataEntry` elements say, of the few keys that change what a record means?"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from devices.files.apple.attributes import is_empty, read_tag
from devices.files.apple.pieces import Piece
from devices.files.apple.words import Positions, among, word

ENTERED_BY_HAND, TIME_ZONE, INDOOR = "HKWasUserEntered", "HKTimeZone", "HKIndoorWorkout"

_KEYS = (ENTERED_BY_HAND, TIME_ZONE, INDOOR)
_KEY_STARTS = tuple(word(key.encode()) for key in _KEYS)
_ENTRY, _KEY_FIRST = word(b"<Metadat"), word(b'ry key="')
_USUAL = re.compile(rb'<MetadataEntry key="([A-Za-z]*)" value="([^"&<\s]*)"/?>')


class Metadata(NamedTuple):
    """tag: its number in the piece.  record: the number of the tag of the open record that holds it; None if none is open"""

    tag: int
    record: int | None
    key: str
    value: str


def find_metadata(piece: Piece, records: Positions, wanted: Positions) -> Iterator[Metadata]:
    """Yield the entries with a key of ours in `wanted` records, or in no record at all, in order.

    records: the numbers of the tags that open a record.  wanted: those of them whose metadata is asked for; both ascending
    """
    words = piece.words()
    tags = np.flatnonzero(piece.names == _ENTRY)
    starts = piece.tags[tags]
    # 12 and 20 bytes on: `<MetadataEntry key="HKWasUserEntered"`
    tags = tags[among(words[starts + 20], _KEY_STARTS) | (words[starts + 12] != _KEY_FIRST)]
    outside = np.concatenate(([-1], np.flatnonzero(piece.outside)))
    holders = outside[np.searchsorted(outside, tags, side="right") - 1]
    held = np.isin(holders, wanted)
    kept = held | ~np.isin(holders, records)
    columns = (tags, holders, held, piece.tags[tags], piece.tag_ends(tags))
    for tag, holder, in_record, start, end in zip(*(column[kept].tolist() for column in columns), strict=True):
        found = _USUAL.match(piece.data, start, end)
        key, value = (found[1].decode(), found[2].decode(errors="replace")) if found else _read_entry(piece.data, start, end)
        if key in _KEYS:
            is_open = in_record and not is_empty(piece.data, *piece.tag_span(holder))
            yield Metadata(tag, holder if is_open else None, key, value)


def _read_entry(data: bytes, start: int, end: int) -> tuple[str, str]:
    attributes = read_tag(data, start, end) or {}
    return attributes.get("key", ""), attributes.get("value", "")
