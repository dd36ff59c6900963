"""Write FIT files: layouts, rows, headers and checksums; and break them on purpose.

Source: FIT protocol, header, record and CRC chapters; little-endian throughout.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

EPOCH_S = 631_065_600  # 1989-12-31T00:00Z
PROTOCOL, PROFILE = 0x10, 2_132

Bytes = npt.NDArray[np.uint8]

# FIT base type: numpy format. The codes of many-byte types carry the bit 0x80.
_FORMATS: Mapping[int, str] = MappingProxyType(
    {
        0x00: "u1",  # enum
        0x02: "u1",
        0x0A: "u1",  # uint8z
        0x0D: "u1",  # byte
        0x83: "<i2",
        0x84: "<u2",
        0x85: "<i4",
        0x86: "<u4",
        0x8C: "<u4",  # uint32z
    }
)
ENUM, UINT8, BYTE, SINT16, UINT16, SINT32, UINT32, UINT32Z = 0x00, 0x02, 0x0D, 0x83, 0x84, 0x85, 0x86, 0x8C


@dataclass(frozen=True, slots=True)
class Field:
    """number: of the field in its message.  base: FIT base type.  count: more than 1 makes it an array"""

    number: int
    base: int
    count: int = 1

    @property
    def size(self) -> int:
        return np.dtype(_FORMATS[self.base]).itemsize * self.count


@dataclass(frozen=True)
class Layout:
    """A message as one file writes it: its global number and fields, under a local number (0..15)."""

    local: int
    message: int
    fields: tuple[Field, ...]

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """A record: its header byte, then the fields, named by their numbers."""
        parts = [(str(field.number), _FORMATS[field.base], (field.count,)) for field in self.fields]
        return np.dtype([("header", "u1"), *(part[:2] if part[2] == (1,) else part for part in parts)])

    @cached_property
    def definition(self) -> bytes:
        start = struct.pack("<BBBHB", 0x40 | self.local, 0, 0, self.message, len(self.fields))
        return start + b"".join(struct.pack("<BBB", field.number, field.size, field.base) for field in self.fields)

    def rows(self, n: int, **columns: object) -> npt.NDArray[np.void]:
        """Return n records; `f253=...` sets field 253, to one value or to n of them."""
        rows = np.zeros(n, dtype=self.dtype)
        rows["header"] = self.local
        for name, values in columns.items():
            rows[name.removeprefix("f")] = values
        return rows

    def one(self, **columns: object) -> bytes:
        """Return the definition and one record of it."""
        return self.definition + self.rows(1, **columns).tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records of several layouts, in order of time.

    data:  the bytes of all.  start: (n + 1,) int64, where each begins.  time: (n,) int64, Unix seconds
    """

    data: Bytes
    start: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]

    def between(self, after_s: int, until_s: int) -> bytes:
        """Return the records later than `after_s` and not later than `until_s`."""
        first, last = np.searchsorted(self.time, (after_s, until_s), side="right")
        return self.data[self.start[first] : self.start[last]].tobytes()


def interleave(parts: Sequence[tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]]) -> Records:
    """Put rows of several layouts in order of their times (Unix seconds); at one time, in the order of the parts."""
    time = np.concatenate([when for _, when in parts])
    size = np.concatenate([np.full(len(rows), rows.dtype.itemsize) for rows, _ in parts])
    order = np.argsort(time, kind="stable")
    start = np.concatenate(([0], np.cumsum(size[order])))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = start[:-1]
    data = np.empty(start[-1], dtype=np.uint8)
    done = 0
    for rows, _ in parts:
        width = rows.dtype.itemsize
        if len(rows):
            data[place[done : done + len(rows), None] + np.arange(width)] = rows.view(np.uint8).reshape(-1, width)
        done += len(rows)
    return Records(data, start, time[order])


def fit_seconds(unix_s: int) -> int:
    return unix_s - EPOCH_S


def fit_day_time(at_ms: int) -> str:
    """Return how Garmin's exports name files by time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d-%H-%M-%S")


def fit_file(records: bytes) -> bytes:
    """Return a whole file around definitions and records: header, both checksums."""
    header = struct.pack("<BBHI4s", 14, PROTOCOL, PROFILE, len(records), b".FIT")
    header += struct.pack("<H", checksum(header))
    body = header + records
    return body + struct.pack("<H", checksum(body))


def _double_byte_table() -> list[int]:
    state = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        state = np.where(state & 1, (state >> 1) ^ 0xA001, state >> 1)
    table: list[int] = state.tolist()
    return table


_TABLE = _double_byte_table()


def checksum(data: bytes) -> int:
    """CRC-16 with the reflected polynomial 0xA001 from 0, two bytes a step."""
    crc = 0
    for pair in np.frombuffer(data, dtype="<u2", count=len(data) // 2).tolist():
        crc = _TABLE[crc ^ pair]
    if len(data) % 2:
        last = crc ^ data[-1]
        crc = (last >> 8) ^ _TABLE[(last & 0xFF) << 8]
    return crc


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _no_definition(data: bytes) -> bytes:
    """A record of a local number that nothing defined comes first."""
    return fit_file(b"\x0f" + data[14:-2])


def _oversized(data: bytes) -> bytes:
    return data[:4] + struct.pack("<I", len(data) + 4_096) + data[8:]


FAULTS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "bad_crc": lambda data: data[:-1] + bytes((data[-1] ^ 0x55,)),
        "bad_header_crc": lambda data: data[:12] + bytes((data[12] ^ 0x55,)) + data[13:],
        "bad_magic": lambda data: data[:8] + b".FIX" + data[12:],
        "damaged_middle": lambda data: (
            data[: len(data) // 2] + bytes((data[len(data) // 2] ^ 0xFF,)) + data[len(data) // 2 + 1 :]
        ),
        "empty": lambda _: b"",
        "header_only": lambda data: data[:14],
        "no_definition": _no_definition,
        "oversized": _oversized,
        "trailing": lambda data: data + b"\x00" * 7,
        "truncated": _cut,
    }
)


def broken(data: bytes, fault: str) -> bytes:
    """Return a valid FIT file spoilt in one way of `FAULTS`."""
    return FAULTS[fault](data)
