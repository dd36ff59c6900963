"""Virtual watches: Bangle.js 2, which keeps ten-minute blocks, and a PineTime, which only counts."""

import json
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from devices.errors import DecodeError
from devices.radio import bangle, pinetime
from devices.radio import sig as standard
from devices.radio.codec import sig
from devices.recording import DAY_MS, MINUTE_MS
from devices.virtual.life import Day, Stage
from devices.virtual.radio.peripheral import (
    WRONG_LENGTH,
    Advertisement,
    Characteristic,
    DeviceClock,
    Faults,
    Notify,
    Refusal,
    Service,
    Simple,
    lived,
    readable,
)

_PACKET_MS = 15
_MOST_BYTES = 20
_TS = re.compile(r'"ts":(\d+)')
_SET = re.compile(r"setTime\(([\d.]+)\);E\.setTimeZone\((-?[\d.]+)\)")
_SLEEPS = {Stage.LIGHT: "LIGHT_SLEEP", Stage.DEEP: "DEEP_SLEEP", Stage.REM: "LIGHT_SLEEP"}


class VirtualBangle(Simple):
    """zone_s: what it thinks the wearer's offset is. It files blocks under its wall time, and the first to come stays.

    chatter: what nobody asked for, between the lines of an answer; held: it asks for quiet while it answers
    """

    def __init__(
        self, days: Sequence[Day], *, error_ms: int = 0, zone_s: int = 0, chatter: bool = False, faults: Faults | None = None
    ):
        self.clock, self.zone_s, self.chatter = DeviceClock(error_ms), zone_s, chatter
        self.faults = faults or Faults()
        self.lived = lived(days)
        self._filed: dict[int, dict[str, object]] = {}  # by wall time of the block's start
        self._filed_ms = int(self.lived.at_ms[0])
        self._input = ""
        services = (
            Service(
                bangle.SERVICE,
                (
                    Characteristic(bangle.RX, frozenset({"write", "write-without-response"})),
                    Characteristic(bangle.TX, frozenset({"notify"})),
                ),
            ),
        )
        super().__init__(Advertisement("Bangle.js 1a2b"), services, {})

    def on_disconnect(self, at_ms: int) -> None:
        self.faults.reconnected()
        self._input = ""

    def on_write(self, characteristic: str, data: bytes, at_ms: int) -> Iterable[Notify]:
        self._input += data.decode("latin-1")
        *lines, self._input = self._input.split("\n")
        text = "".join(reply for line in lines for reply in self._run(line, at_ms)).encode("latin-1")
        if not text:
            return ()
        pieces = [text[place : place + _MOST_BYTES] for place in range(0, len(text), _MOST_BYTES)]
        held = [b"\x13" + pieces[0], *pieces[1:-1], pieces[-1] + b"\x11"] if len(pieces) > 1 else pieces
        frames = [Notify(bangle.TX, piece, _PACKET_MS * number) for number, piece in enumerate(held, 1)]
        return list(self.faults.apply(frames))

    def _run(self, line: str, at_ms: int) -> Iterator[str]:
        self._file(at_ms)
        if match := _SET.search(line):
            self.clock.set(round(float(match[1]) * 1000), at_ms)
            self.zone_s = round(float(match[2]) * 3600)
        elif '"actfetch"' in line and (match := _TS.search(line)):
            yield from self._history(int(match[1]))
        elif 't:"clock"' in line:
            yield "\r\n" + json.dumps({"t": "clock", "ms": self.clock.shown(at_ms), "zone": self.zone_s // 60}) + "\r\n"
        else:
            yield f"Uncaught ReferenceError at line 1 col 1\r\n{line[:20]}\r\n>"

    def _history(self, from_ms: int) -> Iterator[str]:
        yield _line({"t": "actfetch", "state": "start"})
        count = 0
        for wall, block in sorted(self._filed.items()):
            ts = wall - self.zone_s * 1000 + bangle.BLOCK_MS
            if ts >= from_ms:
                count += 1
                yield _line({"t": "act", "ts": ts, **block})
                if self.chatter:
                    yield _line({"t": "act", "stp": 999, "hrm": 200, "mov": 1, "act": "WALKING"})
                    yield _line({"t": "act", "ts": ts, "stp": 999, "hrm": 200, "rt": 1})
                    yield _line({"t": "status", "bat": 80, "chg": 0}) + "HEALTH ERR: Already written!\r\n"
        yield _line({"t": "actfetch", "state": "end", "count": count})

    def _file(self, at_ms: int) -> None:
        """File the blocks that have ended, as the watch does at the end of each, under its wall time then."""
        while (end := self._block_end(self._filed_ms)) <= at_ms:
            start, self._filed_ms = self._filed_ms, end
            middle = self.lived.at_ms + MINUTE_MS // 2  # or a part of a second moves whole minutes
            inside = (middle >= start) & (middle < end)
            if not inside.any() or not self.lived.alive[inside].any():
                continue
            pulse = self.lived.heart_rate[inside]
            stage = Stage(int(self.lived.stage[inside][-1]))
            activity = "NOT_WORN" if not self.lived.worn[inside].any() else _SLEEPS.get(stage, "UNKNOWN")
            bpm = round(float(pulse[pulse > 0].mean()), 1) if pulse.any() else 0
            block: dict[str, object] = {"stp": int(self.lived.steps[inside].sum()), "hrm": bpm, "mov": 100, "act": activity}
            wall = (self.clock.shown(end) + self.zone_s * 1000) // bangle.BLOCK_MS * bangle.BLOCK_MS - bangle.BLOCK_MS
            self._filed.setdefault(wall, block)

    def _block_end(self, start_ms: int) -> int:
        shown = self.clock.shown(start_ms)
        return (shown // bangle.BLOCK_MS + 1) * bangle.BLOCK_MS - self.clock.error_ms


def _line(value: dict[str, object]) -> str:
    return "\r\n" + json.dumps(value) + "\r\n"


class VirtualPineTime(Simple):
    """zone_s: its wall clock's offset. reboots: when its counter starts again. lazy_ms: how long after midnight it still shows
    yesterday's count
    """

    def __init__(
        self, days: Sequence[Day], *, error_ms: int = 0, zone_s: int = 0, reboots: Sequence[int] = (), lazy_ms: int = 0
    ) -> None:
        self.clock, self.zone_s, self.lazy_ms = DeviceClock(error_ms), zone_s, lazy_ms
        self.reboots = tuple(reboots)
        self.lived = lived(days)
        time = Characteristic(standard.CURRENT_TIME, frozenset({"read", "write"}))
        zone = Characteristic(standard.LOCAL_TIME, frozenset({"read", "write"}))
        services = (
            readable(standard.INFORMATION_SERVICE, sig(0x2A26)),
            Service(standard.BATTERY_SERVICE, (Characteristic(standard.BATTERY_LEVEL, frozenset({"read", "notify"})),)),
            Service(standard.CURRENT_TIME_SERVICE, (time, zone)),
            Service(standard.HEART_RATE_SERVICE, (Characteristic(standard.HEART_RATE, frozenset({"read", "notify"})),)),
            Service(pinetime.MOTION_SERVICE, (Characteristic(pinetime.STEPS, frozenset({"read", "notify"})),)),
        )
        values = {sig(0x2A26): b"1.15.0", standard.BATTERY_LEVEL: b"\x50"}
        advertised = (standard.HEART_RATE_SERVICE, "00001530-1212-efde-1523-785feabcd123")
        super().__init__(Advertisement("InfiniTime", advertised), services, values)

    def wall_ms(self, at_ms: int) -> int:
        return self.clock.shown(at_ms) + self.zone_s * 1000

    def count(self, at_ms: int) -> int:
        """What the counter shows."""
        midnight = at_ms - self.wall_ms(at_ms) % DAY_MS
        if at_ms - midnight < self.lazy_ms:
            return self.lived.steps_between(midnight - DAY_MS, midnight)
        since = max([midnight, *(reboot for reboot in self.reboots if reboot <= at_ms)])
        return self.lived.steps_between(since, at_ms // MINUTE_MS * MINUTE_MS)

    def on_read(self, characteristic: str, at_ms: int) -> bytes:
        if characteristic == pinetime.STEPS:
            return struct.pack("<I", self.count(at_ms))
        if characteristic == standard.HEART_RATE:
            return bytes([0, self._bpm(at_ms)])
        if characteristic == standard.CURRENT_TIME:
            return standard.encode_current_time(datetime.fromtimestamp(self.wall_ms(at_ms) // 1000, UTC))
        if characteristic == standard.LOCAL_TIME:
            return standard.encode_local_time(self.zone_s)
        return super().on_read(characteristic, at_ms)

    def _bpm(self, at_ms: int) -> int:
        over = self.lived.until(at_ms)
        return int(self.lived.heart_rate[over][-1]) if over.stop else 0

    def on_write(self, characteristic: str, data: bytes, at_ms: int) -> Iterable[Notify]:
        if characteristic == standard.CURRENT_TIME and len(data) == 10:
            shown = standard.decode_current_time(data)
            self.clock.set(round(shown.timestamp() * 1000) - self.zone_s * 1000, at_ms)
            return ()
        if characteristic == standard.LOCAL_TIME and len(data) == 2:
            try:
                self.zone_s = standard.decode_local_time(data) or 0
            except DecodeError:
                raise Refusal(WRONG_LENGTH) from None
            return ()
        raise Refusal(WRONG_LENGTH)

    def on_subscribe(self, characteristic: str, at_ms: int) -> Iterator[Notify]:
        """Notify at the end of each minute in which the value changed."""
        before = b""
        for minute in self.lived.at_ms[self.lived.at_ms >= at_ms].tolist():
            data = self.on_read(characteristic, minute)
            if data != before and characteristic in (pinetime.STEPS, standard.HEART_RATE):
                yield Notify(characteristic, data, minute - at_ms)
            before = data


class VirtualSensor(Simple):
    """A foot pod and chest strap in one: each second the cadence and the pulse of the minute. both_feet: what it counts"""

    def __init__(self, days: Sequence[Day], *, both_feet: bool = True) -> None:
        self.lived, self.both_feet = lived(days), both_feet
        measures = (standard.HEART_RATE_SERVICE, standard.HEART_RATE), (standard.RSC_SERVICE, standard.RSC_MEASUREMENT)
        services = tuple(Service(service, (Characteristic(each, frozenset({"notify"})),)) for service, each in measures)
        information = readable(standard.INFORMATION_SERVICE, sig(0x2A29), sig(0x2A25))
        values = {sig(0x2A29): b"Acme\0", sig(0x2A25): b"SN 0042"}
        advertised = (standard.HEART_RATE_SERVICE, standard.RSC_SERVICE)
        super().__init__(Advertisement("Stride 3", advertised), (*services, information), values)

    def on_subscribe(self, characteristic: str, at_ms: int) -> Iterator[Notify]:
        first = int(self.lived.at_ms[0])
        for second in range(at_ms, int(self.lived.at_ms[-1]) + MINUTE_MS, 1000):
            # It tells at the end of each second what that second was like.
            minute = (second - first) // MINUTE_MS
            if characteristic == standard.RSC_MEASUREMENT:
                cadence = int(self.lived.steps[minute]) // (1 if self.both_feet else 2)
                data = struct.pack("<BHB", 0, cadence * 3, cadence)
            else:
                data = bytes([0x06, int(self.lived.heart_rate[minute])])
            yield Notify(characteristic, data, second + 1000 - at_ms)
