"""A day of minutes as bytes: a version byte, then 1,440 little-endian int16 through zlib level 1 (about 1.8 bytes a minute)."""

import zlib
from collections.abc import Sequence

import numpy as np

from ingest.errors import DamagedStore
from ingest.minutes import MINUTES_PER_DAY, Minutes

_VERSION = b"\x01"
_BYTES = 2 * MINUTES_PER_DAY


def encode_minutes(minutes: Minutes) -> bytes:
    """minutes: (1440,) int16."""
    return _VERSION + zlib.compress(minutes.astype("<i2", copy=False).tobytes(), 1)


def decode_minutes(blocks: Sequence[bytes]) -> Minutes:
    """Return the minutes of n blocks: (n, 1440) int16. Raises: DamagedStore if a block is not what `encode_minutes` wrote."""
    raw = bytearray(_BYTES * len(blocks))
    for row, block in enumerate(blocks):
        if block[:1] != _VERSION:
            raise DamagedStore(f"minute block {row}: expected version 1, found {bytes(block[:1])!r}")
        try:
            day = zlib.decompressobj().decompress(memoryview(block)[1:], _BYTES + 1)
        except zlib.error as error:
            raise DamagedStore(f"minute block {row}: {error}") from error
        if len(day) != _BYTES:
            raise DamagedStore(f"minute block {row}: expected {_BYTES} bytes, found {len(day)}")
        raw[row * _BYTES : (row + 1) * _BYTES] = day
    return np.frombuffer(raw, "<i2").reshape(-1, MINUTES_PER_DAY).astype(np.int16, copy=False)
