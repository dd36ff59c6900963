"""A virtual Colmi ring. It counts by its own clock, into the bins of the days that this clock has."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.radio.codec import sig
from devices.radio.colmi import packets
from devices.radio.colmi.packets import make_packet
from devices.radio.sig import INFORMATION_SERVICE
from devices.recording import DAY_MS, MINUTE_MS
from devices.virtual.life import Day, Stage
from devices.virtual.nights import sleeps
from devices.virtual.radio.peripheral import (
    Advertisement,
    Characteristic,
    DeviceClock,
    Faults,
    Lived,
    Notify,
    Service,
    Simple,
    lived,
    readable,
)

_PACKET_MS = 15
_RING_STAGES = {Stage.LIGHT: 2, Stage.DEEP: 3, Stage.REM: 4, Stage.AWAKE: 5}
_MOST_BYTES = 20  # of a notification, at the smallest MTU


@dataclass(frozen=True, slots=True)
class RingModel:
    """quarters: of an hour that a bin of steps lasts. pulse_every_min: between two measurements of the heart rate, 0 for none.
    chatter: packets that nobody asked for, between any two of an answer. stale: slots of today that are to come hold yesterday's.
    """

    name: str = "R02_341C"
    quarters: int = 4
    days_kept: int = 7
    pulse_every_min: int = 5
    chatter: bool = False
    stale: bool = False
    tells_sleep: bool = True


class VirtualRing(Simple):
    """error_ms: how far its clock is ahead of UTC to begin with. battery: percent"""

    def __init__(self, days: Sequence[Day], model: RingModel | None = None, *, error_ms: int = 0, faults: Faults | None = None):
        self.model = model or RingModel()
        self.clock = DeviceClock(error_ms)
        self.faults = faults or Faults()
        self.battery = 64
        self._days = days
        self.lived: Lived = lived(days)
        services = (_UART, readable(INFORMATION_SERVICE, sig(0x2A26), sig(0x2A27)))
        values = {sig(0x2A26): b"R02_3.00.06_240523", sig(0x2A27): b"R02_V3.0"}
        with_sleep = (*services, _BIG) if self.model.tells_sleep else services
        super().__init__(Advertisement(self.model.name), with_sleep, values)

    def on_disconnect(self, at_ms: int) -> None:
        self.faults.reconnected()

    def on_write(self, characteristic: str, data: bytes, at_ms: int) -> Iterable[Notify]:
        if characteristic == packets.BIG_COMMAND:
            return list(self.faults.apply(self._sleep(at_ms)))
        frames = [Notify(packets.REPLY, packet, _PACKET_MS * place) for place, packet in enumerate(self._answer(data, at_ms), 1)]
        return list(self.faults.apply(frames))

    def _answer(self, data: bytes, at_ms: int) -> Iterator[bytes]:
        try:
            packets.checked(data)
        except DecodeError:
            return  # the ring says nothing to what it does not understand
        if data[0] == packets.BATTERY:
            yield make_packet(packets.BATTERY, bytes([self.battery, 0]))
        elif data[0] == packets.SET_TIME:
            self.clock.set(packets.decode_time(data), at_ms)
            # As published captures have it: what the ring can do, and a packet that nobody knows the meaning of.
            yield bytes.fromhex("01000100220000000001003001001066")
            yield bytes.fromhex("2ff10000000000000000000000000020")
        elif data[0] == packets.STEPS:
            yield from self._between(self._steps(data[1], at_ms))
        elif data[0] == packets.HEART_RATE:
            yield from self._between(self._pulse(int.from_bytes(data[1:5], "little"), at_ms))
        else:
            yield make_packet(data[0] | 0x80)

    def _between(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        """Packets that nobody asked for come between any two others."""
        for packet in answer:
            yield packet
            if self.model.chatter:
                yield make_packet(0x73, b"\x12\x00\x10\x45\x00\x01\x02\x00\x03\x04")
                yield make_packet(0x73, bytes([0x0C, self.battery, 0]))
                yield bytes.fromhex("2ff10000000000000000000000000020")

    def _today(self, at_ms: int) -> date:
        return datetime.fromtimestamp(self.clock.shown(at_ms) // 1000, UTC).date()

    def bins(self, day: date, at_ms: int) -> list[tuple[int, int]]:
        """Return what the ring counted into each quarter of an hour of one of its own days so far: (quarter, steps)."""
        over, shown = self._dated(at_ms)
        size = self.model.quarters
        place = (shown - packets.day_ms(day)) // (packets.QUARTER_MS * size)
        inside = (place >= 0) & (place < packets.QUARTERS // size)
        counted = np.bincount(place[inside], weights=self.lived.steps[over][inside], minlength=packets.QUARTERS // size)
        return [(int(each) * size, int(counted[each])) for each in np.flatnonzero(counted)]

    def _dated(self, at_ms: int) -> tuple[slice, npt.NDArray[np.int64]]:
        """Return the minutes that are over, and when they were by the ring: their middle, or a second's error moves them all."""
        over = self.lived.until(at_ms)
        return over, self.lived.at_ms[over] + MINUTE_MS // 2 + self.clock.errors(self.lived.at_ms[over])

    def _steps(self, days_ago: int, at_ms: int) -> Iterator[bytes]:
        day = self._today(at_ms) - timedelta(days=days_ago)
        found = self.bins(day, at_ms) if days_ago <= self.model.days_kept else []
        if not found:
            yield make_packet(packets.STEPS, b"\xff")
            return
        yield make_packet(packets.STEPS, bytes([0xF0, len(found), 1]))
        when = bytes.fromhex(day.strftime("%y%m%d"))
        for number, (quarter, steps) in enumerate(found):
            numbers = b"".join(value.to_bytes(2, "little") for value in (min(steps * 4, 65535), steps, steps * 7 // 10))
            yield make_packet(packets.STEPS, when + bytes([quarter, number, len(found)]) + numbers)

    def _pulse(self, second: int, at_ms: int) -> Iterator[bytes]:
        day = datetime.fromtimestamp(second, UTC).date()
        values = self._slots(day, at_ms)
        if self.model.stale and day == self._today(at_ms):
            before = self._slots(day - timedelta(days=1), at_ms)
            now = (self.clock.shown(at_ms) - packets.day_ms(day)) // (packets.HR_SLOT_MIN * MINUTE_MS)
            values[now + 1 :] = before[now + 1 :]
        if not any(values):
            yield make_packet(packets.HEART_RATE, b"\xff")
            return
        yield make_packet(packets.HEART_RATE, bytes([0, 24, packets.HR_SLOT_MIN]))
        yield make_packet(packets.HEART_RATE, bytes([1, *(packets.day_ms(day) // 1000).to_bytes(4, "little"), *values[:9]]))
        for number in range(2, 24):
            first = 9 + (number - 2) * 13
            yield make_packet(packets.HEART_RATE, bytes([number, *values[first : first + 13]]))

    def _slots(self, day: date, at_ms: int) -> list[int]:
        values = [0] * (1440 // packets.HR_SLOT_MIN)
        if not self.model.pulse_every_min:
            return values
        over, shown = self._dated(at_ms)
        minute = (shown - packets.day_ms(day)) // MINUTE_MS
        due = (minute >= 0) & (minute < 1440) & (minute % self.model.pulse_every_min == 0)
        for at, value in zip(minute[due].tolist(), self.lived.heart_rate[over][due].tolist(), strict=True):
            values[at // packets.HR_SLOT_MIN] = value
        return values

    def _sleep(self, at_ms: int) -> Iterator[Notify]:
        today = packets.day_ms(self._today(at_ms))
        nights, count = b"", 0
        for night in sleeps(self._days):
            shown = self.clock.shown(night.end_ms)
            days_ago = (today - shown // DAY_MS * DAY_MS) // DAY_MS
            if night.end_ms > at_ms or not 0 <= days_ago <= self.model.days_kept:
                continue
            stages = b"".join(bytes([_RING_STAGES[Stage(stage)], length]) for length, stage in _pieces(night.runs()))
            minutes = [self.clock.shown(each) // MINUTE_MS % 1440 for each in (night.start_ms, night.end_ms)]
            head = bytes([days_ago, 4 + len(stages)]) if len(stages) < 252 else b""
            if head:
                nights += head + b"".join(each.to_bytes(2, "little") for each in minutes) + stages
                count += 1
        content = bytes([count]) + nights if count else b"\0"
        message = bytes([0xBC, 0x27]) + len(content).to_bytes(2, "little") + b"\xff\xff" + content
        for number, place in enumerate(range(0, len(message), _MOST_BYTES), 1):
            yield Notify(packets.BIG_REPLY, message[place : place + _MOST_BYTES], _PACKET_MS * number)


def _pieces(runs: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stages as (minutes, stage): a length is one byte."""
    for start, end, stage in runs:
        left = (end - start) // MINUTE_MS
        while left > 0:
            yield min(left, 255), stage
            left -= 255


_UART = Service(
    packets.SERVICE,
    (
        Characteristic(packets.COMMAND, frozenset({"write", "write-without-response"})),
        Characteristic(packets.REPLY, frozenset({"notify"})),
    ),
)
_BIG = Service(
    packets.BIG_SERVICE,
    (
        Characteristic(packets.BIG_COMMAND, frozenset({"write", "write-without-response"})),
        Characteristic(packets.BIG_REPLY, frozenset({"notify"})),
    ),
)
