"""Packets of the Colmi rings, one by one: bytes to values and back, no conversation, no state.

A packet has 16 bytes: a command, 14 of content, and the sum of these 15 modulo 256; bit 7 of the command marks one that failed.
Sleep comes over a second service, in messages of any length. Sources: the public notes and captures of tahnok's
colmi_r02_client and of Gadgetbridge. Facts seen there only, on hardware of others: docs/radio.md.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from devices.errors import DecodeError
from devices.recording import DAY_MS

SERVICE = "6e40fff0-b5a3-f393-e0a9-e50e24dcca9e"
COMMAND = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
REPLY = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
BIG_SERVICE = "de5bf728-d711-4e47-af26-65e3012a5dc7"
BIG_COMMAND = "de5bf72a-d711-4e47-af26-65e3012a5dc7"
BIG_REPLY = "de5bf729-d711-4e47-af26-65e3012a5dc7"

SIZE = 16
SET_TIME, BATTERY, HEART_RATE, STEPS, UNSOLICITED = 0x01, 0x03, 0x15, 0x43, 0x73
_FAILED = 0x80
_NONE, _FIRST = 0xFF, 0xF0
_LIVE_TOTALS, _NEW_BATTERY = 0x12, 0x0C
QUARTER_MS = 15 * 60_000
QUARTERS = 96
HR_SLOT_MIN = 5
# Values in the packet that holds the day's timestamp, and in each after it.
_HR_FIRST, _HR_MORE = 9, 13

_BIG_MAGIC, _BIG_SLEEP, _BIG_HEADER = 0xBC, 0x27, 6
STAGES = {2: "light", 3: "deep", 4: "rem", 5: "awake"}


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    percent: int
    charging: bool


@dataclass(frozen=True, slots=True)
class TimeSet:
    """The reply to setting the time: what the ring can do, of no use here."""


@dataclass(frozen=True, slots=True)
class StepsNone:
    """No steps on the day that was asked for."""


@dataclass(frozen=True, slots=True)
class StepsBegin:
    count: int


@dataclass(frozen=True, slots=True)
class StepBin:
    """day: by the ring's clock. quarter: of the day, at which the bin starts. number: of `count` packets, from 0"""

    day: date
    quarter: int
    number: int
    count: int
    steps: int

    @property
    def start_ms(self) -> int:
        """By the ring's clock."""
        return day_ms(self.day) + self.quarter * QUARTER_MS


@dataclass(frozen=True, slots=True)
class PulseNone:
    """No heart rate on the day that was asked for."""


@dataclass(frozen=True, slots=True)
class PulseBegin:
    """count: packets, this one included. slot_min: between two values"""

    count: int
    slot_min: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """Values of one day by slot; 0 is none. day: in the packet numbered 1 only. first: the slot of the first value"""

    number: int
    first: int
    values: tuple[int, ...]
    day: date | None = None


@dataclass(frozen=True, slots=True)
class LiveTotals:
    """Unsolicited: what the ring's day amounts to so far."""

    steps: int


@dataclass(frozen=True, slots=True)
class Failed:
    command: int


@dataclass(frozen=True, slots=True)
class Other:
    """A packet that means nothing here."""

    command: int


Packet = BatteryLevel | TimeSet | StepsNone | StepsBegin | StepBin | PulseNone | PulseBegin | Pulse | LiveTotals | Failed | Other


def day_ms(day: date) -> int:
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS


def make_packet(command: int, content: bytes = b"") -> bytes:
    body = bytes([command]) + content.ljust(SIZE - 2, b"\0")
    return body + bytes([sum(body) & 0xFF])


def ask_battery() -> bytes:
    return make_packet(BATTERY)


def ask_steps(days_ago: int) -> bytes:
    # Of the four bytes after the day nobody knows what they mean; every client sends these.
    return make_packet(STEPS, bytes([days_ago, 0x0F, 0x00, 0x5F, 0x01]))


def ask_heart_rate(day: date) -> bytes:
    return make_packet(HEART_RATE, struct.pack("<I", day_ms(day) // 1000))


def ask_sleep() -> bytes:
    return bytes([_BIG_MAGIC, _BIG_SLEEP, 0x01, 0x00, 0xFF, 0x00, 0xFF])


def set_time(at_ms: int) -> bytes:
    """UTC, so that the ring's day is the same for whoever reads it; the last byte is the language, English."""
    now = datetime.fromtimestamp(at_ms // 1000, UTC)
    parts = (now.year % 100, now.month, now.day, now.hour, now.minute, now.second)
    return make_packet(SET_TIME, bytes([*(_to_bcd(part) for part in parts), 1]))


def decode_time(data: bytes) -> int:
    """Return the instant that a packet sets the clock to, if it is UTC, in ms. Raises: DecodeError if it sets none"""
    checked(data)
    year, *rest = (_from_bcd(data, place) for place in range(1, 7))
    try:
        return round(datetime(2000 + year, *rest, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise DecodeError("bytes 1 to 6", "a date and a time of day", str(error)) from None


def asked_days_ago(data: bytes) -> int | None:
    """Return which day a command asks the steps of; None for any other command."""
    return data[1] if len(data) == SIZE and data[0] == STEPS else None


def checked(data: bytes) -> bytes:
    """Return a packet whose length and checksum are right. Raises: DecodeError"""
    if len(data) != SIZE:
        raise DecodeError("packet", f"{SIZE} bytes", f"{len(data)}")
    total = sum(data[:-1]) & 0xFF
    if data[-1] != total:
        raise DecodeError("byte 15", f"checksum 0x{total:02x}", f"0x{data[-1]:02x}")
    return data


def decode_packet(data: bytes) -> Packet:
    """Raises: DecodeError if it is damaged, or holds what cannot be"""
    checked(data)
    command = data[0]
    if command & _FAILED:
        return Failed(command & ~_FAILED)
    if command == STEPS:
        return _steps(data)
    if command == HEART_RATE:
        return _pulse(data)
    if command == SET_TIME:
        return TimeSet()
    if command == BATTERY:
        return _battery(data[1], bool(data[2]))
    if command == UNSOLICITED and data[1] == _NEW_BATTERY:
        return _battery(data[2], bool(data[3]))
    if command == UNSOLICITED and data[1] == _LIVE_TOTALS:
        return LiveTotals(int.from_bytes(data[2:5], "big"))
    return Other(command)


def _battery(percent: int, charging: bool) -> BatteryLevel:
    if percent > 100:
        raise DecodeError("battery", "0 to 100 percent", str(percent))
    return BatteryLevel(percent, charging)


def _steps(data: bytes) -> Packet:
    if data[1] == _NONE:
        return StepsNone()
    if data[1] == _FIRST:
        return StepsBegin(data[2])
    day = _day(data)
    quarter, number, count = data[4], data[5], data[6]
    if quarter >= QUARTERS:
        raise DecodeError("byte 4", f"a quarter of an hour below {QUARTERS}", str(quarter))
    if number >= count:
        raise DecodeError("byte 5", f"a number below the count, {count}", str(number))
    return StepBin(day, quarter, number, count, int.from_bytes(data[9:11], "little"))


def _day(data: bytes) -> date:
    year, month, day = (_from_bcd(data, place) for place in (1, 2, 3))
    try:
        return date(2000 + year, month, day)
    except ValueError as error:
        raise DecodeError("bytes 1 to 3", "a date", str(error)) from None


def _pulse(data: bytes) -> Packet:
    number = data[1]
    if number == _NONE:
        return PulseNone()
    if number == 0:
        return PulseBegin(data[2], data[3] or HR_SLOT_MIN)
    if number == 1:
        (second,) = struct.unpack_from("<I", data, 2)
        return Pulse(1, 0, tuple(data[6:15]), datetime.fromtimestamp(second, UTC).date())
    return Pulse(number, _HR_FIRST + (number - 2) * _HR_MORE, tuple(data[2:15]))


def _from_bcd(data: bytes, place: int) -> int:
    high, low = data[place] >> 4, data[place] & 0x0F
    if high > 9 or low > 9:
        raise DecodeError(f"byte {place}", "two decimal digits", f"0x{data[place]:02x}")
    return high * 10 + low


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


@dataclass(frozen=True, slots=True)
class Night:
    """One sleep as the ring sorts it: under the day of waking up.

    stages: (stage, minutes), one after the other from `start_min`; minutes are counted from the midnight of that day, and
            are negative before it
    """

    days_ago: int
    start_min: int
    end_min: int
    stages: tuple[tuple[int, int], ...]


def missing_of_message(data: bytes) -> int | None:
    """Return how many bytes a message of the second service still lacks; None if these bytes do not begin one."""
    if data[:1] != bytes([_BIG_MAGIC]):
        return None
    if len(data) < 4:
        return _BIG_HEADER - len(data)
    return max(0, _BIG_HEADER + int.from_bytes(data[2:4], "little") - len(data))


def decode_sleep(data: bytes) -> list[Night]:
    """Return the nights of a whole message. Raises: DecodeError. Its checksum's kind is not known: it is not checked."""
    if len(data) < _BIG_HEADER or data[1] != _BIG_SLEEP:
        raise DecodeError("byte 1", f"sleep, 0x{_BIG_SLEEP:02x}", data[1:2].hex() or "nothing")
    content = data[_BIG_HEADER:]
    if len(content) < 2:
        return []
    nights, place = list[Night](), 1
    for _ in range(content[0]):
        if len(content) < place + 6:
            raise DecodeError(f"byte {_BIG_HEADER + place}", "a night", f"{len(content) - place} bytes")
        days_ago, size = content[place], content[place + 1]
        start, end = struct.unpack_from("<HH", content, place + 2)
        body = content[place + 6 : place + 2 + size]
        if size < 4 or size % 2 or len(body) != size - 4 or start >= 1440 or end > 1440:
            raise DecodeError(f"byte {_BIG_HEADER + place}", "a night within two days", content[place : place + 6].hex())
        nights.append(
            Night(days_ago, start - 1440 if start > end else start, end, tuple(zip(body[::2], body[1::2], strict=True)))
        )
        place += 2 + size
    return nights


def before(day: date, days: int) -> date:
    return day - timedelta(days=days)
