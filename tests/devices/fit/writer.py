"""FIT files by hand: every byte is put where the protocol says, by nothing of the reader's."""

import struct
from collections.abc import Iterable, Sequence

Fields = Sequence[tuple[int, int, int]]
"""(number, size, base type) of each field; of developer fields (number, size, developer index)."""

ENUM, SINT8, UINT8, STRING, BYTE, UINT8Z = 0x00, 0x01, 0x02, 0x07, 0x0D, 0x0A
SINT16, UINT16, SINT32, UINT32, UINT32Z, FLOAT32 = 0x83, 0x84, 0x85, 0x86, 0x8C, 0x88

EPOCH_S = 631_065_600


def crc(data: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def definition(local: int, number: int, fields: Fields, *, big: bool = False, developer: Fields = ()) -> bytes:
    head = struct.pack(">BBHB" if big else "<BBHB", 0, big, number, len(fields))
    body = b"".join(bytes(field) for field in fields)
    if developer:
        body += bytes([len(developer)]) + b"".join(bytes(field) for field in developer)
    return bytes([0x40 | (0x20 if developer else 0) | local]) + head + body


def record(local: int, layout: str, *values: object) -> bytes:
    """layout: of struct, with its byte order"""
    return bytes([local]) + struct.pack(layout, *values)


def compressed(local: int, offset: int, layout: str, *values: object) -> bytes:
    return bytes([0x80 | local << 5 | offset]) + struct.pack(layout, *values)


def header(length: int, size: int = 14, *, with_crc: bool = True) -> bytes:
    head = struct.pack("<BBHI4s", size, 0x20, 2132, length, b".FIT")
    if size >= 14:
        head += struct.pack("<H", crc(head) if with_crc else 0)
    return head + bytes(size - len(head))


def fit(*messages: bytes, size: int = 14, with_crc: bool = True) -> bytes:
    data = b"".join(messages)
    data = header(len(data), size, with_crc=with_crc) + data
    return data + struct.pack("<H", crc(data))


def file_id(kind: int, *, manufacturer: int = 1, product: int = 1837, serial: int = 3_882_708_276) -> bytes:
    return definition(15, 0, [(0, 1, ENUM), (1, 2, UINT16), (2, 2, UINT16), (3, 4, UINT32Z)]) + record(
        15, "<BHHI", kind, manufacturer, product, serial
    )


def fit_time(unix_s: int) -> int:
    return unix_s - EPOCH_S


def message(local: int, number: int, columns: Iterable[tuple[int, int, str]], *rows: Sequence[int]) -> bytes:
    """A definition and its records. columns: (field number, base type, struct code of one value)"""
    columns = list(columns)
    layout = "<" + "".join(code for _, _, code in columns)
    fields = [(field, struct.calcsize("<" + code), base) for field, base, code in columns]
    return definition(local, number, fields) + b"".join(record(local, layout, *row) for row in rows)
