"""The capture file: the frames of one exchange, as they passed over the link.

One record a line, appended as it happens: eight hex digits of CRC-32 of what follows the blank, and JSON. The first is the
header; frames are `[number, at_ms, "in" | "out", characteristic, hex]`, numbered from 1 without a gap; `[number, at_ms, "end"]`
closes a capture whose exchange came to its end, or to a commit. So a file that was cut off or damaged anywhere still gives all
that is whole, and says what is not. The format is described in docs/formats/capture.md.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.errors import DecodeError
from devices.radio.codec import Cursor, Direction, Frame, Header, Peer
from devices.recording import EARLIEST_MS, LATEST_MS, Reject, Rejects

FORMAT = 1
MOST_BYTES = 32 << 20  # of a file that is read; a day of frames every second is a third of it
KIND = "radio capture"

_HEAD = re.compile(rb'[0-9a-f]{8} \{"afoot":"radio capture",')
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_VALUE = 1024  # an attribute holds 512
_LARGEST = 2**53  # what JSON carries exactly everywhere


def is_capture(head: bytes) -> bool:
    return _HEAD.match(head) is not None


class CaptureWriter:
    """Makes the lines of one capture; whoever calls appends them to a file as they come, and keeps what it has.

    A sync that breaks off leaves a capture without an end, which is as good as another up to there.
    """

    def __init__(self, header: Header) -> None:
        self._header = header
        self._number = 0

    def header(self) -> bytes:
        """The first line. Raises: ValueError if the header cannot be read again"""
        line = _record(_plain(self._header))
        _read_header(line.rstrip(b"\n"))
        return line

    def frame(self, frame: Frame) -> bytes:
        self._number += 1
        return _record([self._number, frame.at_ms, frame.direction.value, frame.characteristic, frame.data.hex()])

    def end(self, at_ms: int) -> bytes:
        self._number += 1
        return _record([self._number, at_ms, "end"])


def write_capture(header: Header, frames: Iterable[Frame], ended_ms: int | None = None) -> bytes:
    """Return a whole capture. ended_ms: None for one that broke off"""
    writer = CaptureWriter(header)
    lines = [writer.header(), *(writer.frame(frame) for frame in frames)]
    return b"".join(lines if ended_ms is None else [*lines, writer.end(ended_ms)])


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture file says. is_complete: whether its exchange came to its end"""

    header: Header
    frames: tuple[Frame, ...]
    is_complete: bool
    rejects: tuple[Reject, ...]


def parse_capture(data: bytes, place: str = "capture") -> Capture:
    """Return what is whole in the bytes. place: what to call them in rejects.

    Raises: DecodeError if the header is not readable: nothing else tells what the frames mean
    """
    lines = data.split(b"\n")
    tail = lines.pop()
    if not lines:
        raise DecodeError(f"{place} line 1", "a header with its checksum", tail[:40].decode("latin-1") or "nothing")
    header = _read_header(lines[0])
    rejects = Rejects()
    frames = list[Frame]()
    expected, ended = 1, False
    for line_number, line in enumerate(lines[1:], start=2):
        row = _checked(line)
        if not _is_row(row):
            rejects.add(f"{place} line {line_number}", "a record with its checksum", line[:40].decode("latin-1"))
            continue
        if row[0] != expected:
            rejects.add(f"{place} line {line_number}", "records numbered without a gap", f"{row[0]} after {expected - 1}")
        expected = row[0] + 1
        if row[2] == "end":
            ended = True
        else:
            frames.append(Frame(row[1], Direction(row[2]), row[3], bytes.fromhex(row[4])))
    if tail:
        rejects.add(f"{place} line {len(lines) + 1}", "a whole last record", f"{len(tail)} bytes of one")
    elif not ended:
        rejects.add(f"{place} line {len(lines) + 1}", "an end, as of an exchange that was not broken off", "nothing")
    return Capture(header, tuple(frames), ended, tuple(rejects.drain()))


def _record(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _plain(header: Header) -> dict[str, Any]:
    return {
        "afoot": KIND,
        "format": FORMAT,
        "codec": header.codec,
        "version": header.version,
        "device": {"id": header.peer.id, "name": header.peer.name},
        "begun_ms": header.begun_ms,
        "utc_offset_s": header.utc_offset_s,
        "cursor": dict(header.cursor),
        "facts": dict(header.facts),
    }


def _checked(line: bytes) -> Any:
    """Return a record's value; None if its checksum is wrong or it is no JSON."""
    text = line[9:]
    if line[8:9] != b" " or line[:8] != b"%08x" % zlib.crc32(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_header(line: bytes) -> Header:
    found = _checked(line)
    if not isinstance(found, dict) or found.get("afoot") != KIND:
        raise DecodeError("line 1", "a header with its checksum", line[:40].decode("latin-1"))
    if type(found.get("format")) is not int or found["format"] > FORMAT:
        raise DecodeError("line 1", f"format {FORMAT} or older", str(found.get("format")))
    device = found.get("device")
    if not isinstance(device, dict) or not _is_id(device.get("id")):
        raise DecodeError("line 1", "an id of the device", str(device))
    try:
        return Header(
            _text(found, "codec"),
            _whole(found, "version", 1, 1000),
            # An address is the same in small letters: a wearable of another patient must not come in as a new one.
            Peer(device["id"].upper(), _text(device, "name")),
            _whole(found, "begun_ms", EARLIEST_MS, LATEST_MS),
            _cursor(found, "cursor"),
            _whole(found, "utc_offset_s", -86_400, 86_400),
            _cursor(found, "facts"),
        )
    except KeyError as error:
        raise DecodeError("line 1", f"a header with {error}", "none") from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 200 and value.isprintable()


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _is_text(value) and value == value.strip() != ""


def _text(found: Mapping[str, Any], key: str) -> str:
    if not _is_text(found[key]):
        raise DecodeError("line 1", f"printable text as {key}", str(found[key]))
    return str(found[key])


def _whole(found: Mapping[str, Any], key: str, low: int, high: int) -> int:
    if type(found[key]) is not int or not low <= found[key] <= high:
        raise DecodeError("line 1", f"{key} as a whole number of {low}..{high}", str(found[key])[:40])
    return int(found[key])


def _cursor(found: Mapping[str, Any], key: str) -> Cursor:
    value = found[key]
    if not isinstance(value, dict) or not all(
        _is_text(each) or (type(each) is int and abs(each) < _LARGEST) for each in value.values()
    ):
        raise DecodeError("line 1", f"texts and whole numbers in {key}", str(value)[:80])
    return value


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) not in (3, 5) or type(row[0]) is not int or not 0 < row[0] < _LARGEST:
        return False
    if type(row[1]) is not int or not EARLIEST_MS <= row[1] <= LATEST_MS:
        return False
    if len(row) == 3:
        return bool(row[2] == "end")
    return (
        row[2] in ("in", "out")
        and isinstance(row[3], str)
        and _UUID.fullmatch(row[3]) is not None
        and isinstance(row[4], str)
        and len(row[4]) <= 2 * _MOST_VALUE
        and len(row[4]) % 2 == 0
        and re.fullmatch("[0-9a-f]*", row[4]) is not None
    )
