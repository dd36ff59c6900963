"""Values of the Bluetooth SIG's standard characteristics, as bytes: no conversation, no state.

Sources: the specifications Heart Rate Service 1.0, Running Speed and Cadence Service 1.0, Battery Service 1.0, Device Information
Service 1.1, Current Time Service 1.1, and the GATT Specification Supplement, which has the layouts. All little-endian.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from devices.errors import DecodeError
from devices.radio.codec import sig

HEART_RATE_SERVICE = sig(0x180D)
HEART_RATE = sig(0x2A37)
RSC_SERVICE = sig(0x1814)
RSC_MEASUREMENT = sig(0x2A53)
BATTERY_SERVICE = sig(0x180F)
BATTERY_LEVEL = sig(0x2A19)
INFORMATION_SERVICE = sig(0x180A)
CURRENT_TIME_SERVICE = sig(0x1805)
CURRENT_TIME = sig(0x2A2B)
LOCAL_TIME = sig(0x2A0F)
# Characteristic -> what it says, as `About` names it.
INFORMATION = {
    sig(0x2A29): "maker",
    sig(0x2A24): "model",
    sig(0x2A25): "serial",
    sig(0x2A26): "firmware",
    sig(0x2A27): "hardware",
}

_TIME = struct.Struct("<H5B")
_QUARTER_S = 15 * 60
_ZONE_UNKNOWN = -128
_DST_S = {0: 0, 2: 1800, 4: 3600, 8: 7200}


@dataclass(frozen=True, slots=True)
class HeartRate:
    """bpm: None if the sensor says that it does not touch the skin, or has no value. rr_ms: times between beats, oldest first."""

    bpm: int | None
    touches: bool | None
    energy_kj: int | None
    rr_ms: tuple[int, ...]


def decode_heart_rate(data: bytes) -> HeartRate:
    """Return a heart rate measurement (2A37). Raises: DecodeError if it is shorter than its flags say, or has a half value."""
    flags = _first(data, "2A37")
    place = 1
    wide = flags & 0x01
    value = _number(data, place, 2 if wide else 1, "2A37")
    place += 2 if wide else 1
    # Bits 1 and 2: 0b10 contact is detected and supported, 0b11 with contact; without support nothing is known of it.
    touches = bool(flags & 0x02) if flags & 0x04 else None
    energy = None
    if flags & 0x08:
        energy = _number(data, place, 2, "2A37")
        place += 2
    intervals = list[int]()
    if flags & 0x10:
        if (len(data) - place) % 2:
            raise DecodeError(f"2A37 byte {place}", "whole intervals of two bytes", f"{len(data) - place} bytes")
        intervals = [round(each * 1000 / 1024) for (each,) in struct.iter_unpack("<H", data[place:])]
    return HeartRate(value if value and touches is not False else None, touches, energy, tuple(intervals))


@dataclass(frozen=True, slots=True)
class Cadence:
    """A running speed and cadence measurement (2A53).

    cadence_spm: what the sensor counts a minute: steps of both feet, or of one, as its maker chose
    """

    speed_mps: float
    cadence_spm: int
    is_running: bool
    stride_cm: int | None
    distance_dm: int | None


def decode_cadence(data: bytes) -> Cadence:
    """Raises: DecodeError if it is shorter than its flags say"""
    flags = _first(data, "2A53")
    speed, cadence = _number(data, 1, 2, "2A53"), _number(data, 3, 1, "2A53")
    place, stride, distance = 4, None, None
    if flags & 0x01:
        stride = _number(data, place, 2, "2A53")
        place += 2
    if flags & 0x02:
        distance = _number(data, place, 4, "2A53")
    return Cadence(speed / 256, cadence, bool(flags & 0x04), stride, distance)


def decode_battery(data: bytes) -> int:
    """Return a battery's charge in percent (2A19). Raises: DecodeError"""
    level = _first(data, "2A19")
    if level > 100:
        raise DecodeError("2A19 byte 0", "0 to 100 percent", str(level))
    return level


def decode_information(data: bytes) -> str:
    """Return a text of the device information service as it may be shown and kept: printable, at most 100 characters."""
    text = data.split(b"\0", 1)[0].decode("utf-8", errors="replace").strip()[:100]
    return "".join(each for each in text if each.isprintable())


def decode_current_time(data: bytes) -> datetime:
    """Return the wall time that a device has (2A2B), without a zone: it does not hold one. Raises: DecodeError"""
    if len(data) < _TIME.size:
        raise DecodeError("2A2B", f"at least {_TIME.size} bytes", f"{len(data)}")
    try:
        year, month, day, hour, minute, second = _TIME.unpack_from(data)
        wall = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise DecodeError("2A2B", "a date and a time of day", str(error)) from None
    fractions = data[8] if len(data) > 8 else 0
    return wall + timedelta(seconds=fractions / 256)


def encode_current_time(wall: datetime) -> bytes:
    """Return the ten bytes of 2A2B for a wall time. Fewer are refused by some devices, whatever the specification allows."""
    fractions = wall.microsecond * 256 // 1_000_000
    parts = (wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second)
    return _TIME.pack(*parts) + bytes([wall.isoweekday(), fractions, 0x01])  # 1: set by a person or program


def decode_local_time(data: bytes) -> int | None:
    """Return the offset of the device's wall time from UTC in s (2A0F), summer time included; None if it does not know.

    Raises: DecodeError
    """
    if len(data) != 2:
        raise DecodeError("2A0F", "2 bytes", f"{len(data)}")
    zone, dst = struct.unpack("<bB", data)
    if zone == _ZONE_UNKNOWN or dst == 255:
        return None
    if not -48 <= zone <= 56 or dst not in _DST_S:
        raise DecodeError("2A0F", "a zone of -48..56 quarters of an hour and a known summer time", data.hex())
    return int(zone) * _QUARTER_S + _DST_S[dst]


def encode_local_time(utc_offset_s: int) -> bytes:
    """Return 2A0F for an offset, all of it as the zone's own: a device adds the two. Raises: ValueError beyond the limits"""
    zone = round(utc_offset_s / _QUARTER_S)
    if not -48 <= zone <= 56:
        raise ValueError(f"expected an offset of -12 to +14 hours, found {utc_offset_s} s")
    return struct.pack("<bB", zone, 0)


def _first(data: bytes, what: str) -> int:
    if not data:
        raise DecodeError(what, "at least one byte", "none")
    return data[0]


def _number(data: bytes, place: int, size: int, what: str) -> int:
    if len(data) < place + size:
        raise DecodeError(f"{what} byte {place}", f"{size} more bytes", f"{len(data) - place}")
    return int.from_bytes(data[place : place + size], "little")
