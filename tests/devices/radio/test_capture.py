"""The capture file: whatever becomes of the file, what is whole in it is read, and what is not is named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DecodeError
from devices.radio.capture import Capture, CaptureWriter, is_capture, parse_capture, write_capture
from devices.radio.codec import Direction, Frame, Header, Peer, sig

HEADER = Header(
    "colmi", 1, Peer("70:CB:0D:D0:34:1C", "R02_341C"), 1_774_000_000_000, {"set_ms": 5, "x": "ä"}, 3600, {"both_feet": 0}
)
FRAMES = tuple(
    Frame(1_774_000_000_000 + n, list(Direction)[n % 2], sig(0x2A37 + n % 3), bytes(range(n, n + 16))) for n in range(5)
)
WHOLE = write_capture(HEADER, FRAMES, 1_774_000_009_000)


def test_what_is_written_is_read() -> None:
    assert is_capture(WHOLE)
    assert parse_capture(WHOLE) == Capture(HEADER, FRAMES, True, ())
    # Somebody else can make one: CRC-32 as everybody has it, over JSON as everybody writes it.
    checksum, text = WHOLE.splitlines()[1].split(b" ", 1)
    assert json.loads(text) == [1, 1_774_000_000_000, "in", sig(0x2A37), bytes(range(16)).hex()]
    assert checksum == b"%08x" % crc32(text)


def crc32(data: bytes) -> int:
    """Bit by bit, as the standard (IEEE 802.3) describes it."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize("length", range(len(WHOLE.splitlines(keepends=True)[0]), len(WHOLE)))
def test_a_file_cut_off_anywhere_keeps_what_is_whole(length: int) -> None:
    capture = parse_capture(WHOLE[:length])
    assert capture.frames == FRAMES[: WHOLE[:length].count(b"\n") - 1]
    assert not capture.is_complete
    (reject,) = capture.rejects
    assert "whole last record" in reject.expected or "not broken off" in reject.expected


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_damaged_byte_costs_a_record_at_most(place: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= change
    if place < len(WHOLE.splitlines(keepends=True)[0]):
        with pytest.raises(DecodeError, match="line 1"):
            parse_capture(bytes(data))
        return
    capture = parse_capture(bytes(data))
    assert len(capture.frames) >= len(FRAMES) - 2
    assert set(capture.frames) <= set(FRAMES)
    assert capture.rejects


def test_a_missing_record_is_seen() -> None:
    lines = WHOLE.splitlines(keepends=True)
    capture = parse_capture(b"".join(lines[:2] + lines[3:]))
    assert capture.frames == FRAMES[:1] + FRAMES[2:]
    assert [reject.found for reject in capture.rejects] == ["3 after 1"]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, WHOLE[:150] + data):
        with suppress(DecodeError):
            parse_capture(text)
    assert set(FRAMES) <= set(parse_capture(WHOLE + data).frames)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"codec": "x\n"}, "printable text as codec"),
        ({"version": 0}, "version as a whole number"),
        ({"begun_ms": 5}, "begun_ms as a whole number"),
        ({"cursor": {"a": 1.5}}, "texts and whole numbers in cursor"),
        ({"peer": Peer(" ")}, "an id of the device"),
    ],
)
def test_a_header_that_could_not_be_read_is_not_written(change: dict[str, object], expected: str) -> None:
    values = {name: getattr(HEADER, name) for name in Header.__slots__} | change
    with pytest.raises(DecodeError, match=expected):
        CaptureWriter(Header(**values)).header()  # type: ignore[arg-type]


def test_an_id_is_one_however_it_is_written() -> None:
    header = Header("colmi", 1, Peer("aa:bb:cc:dd:ee:01", "R02"), 1_772_600_000_000, {}, 0, {})
    assert parse_capture(write_capture(header, [])).header.peer.id == "AA:BB:CC:DD:EE:01"
    for id_ in ("AA:BB:CC:DD:EE:01 ", " AA:BB:CC:DD:EE:01", "\u2003AA", "", " "):
        with pytest.raises(DecodeError, match="an id of the device"):
            write_capture(Header("colmi", 1, Peer(id_, "R02"), 1_772_600_000_000, {}, 0, {}), [])
