"""Bangle.js 2: ten-minute blocks of steps, pulse and activity, fetched from a cursor on, over the watch's own console.

Needs the apps Android Integration and Health on the watch. A line is a JSON object or none of our business. `ts` is a block's
end; the watch files a block under its wall time, and makes `ts` of that with the zone that it has when asked. So zone and clock
are set at the end of a sync, and what was filed before is not believed again under the new ones.
Source: espruino/BangleApps, apps/android (lib.js, boot.js) and apps/health (lib.js, boot.js).
"""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from devices.errors import DecodeError
from devices.radio.codec import (
    Action,
    Battery,
    Chooser,
    ClockOffset,
    Cursor,
    Direction,
    Exchange,
    Frame,
    Header,
    Malformed,
    Progress,
    Settings,
    Subscribe,
    Write,
    whole,
)
from devices.radio.dialogue import TRIES, Arrived, Dialogue, Event, Refused, Silence, Stop, Talk, Turn, silent, unwanted
from devices.radio.streams import levels_over, sleep_span, totals
from devices.recording import EARLIEST_MS, LATEST_MS, MINUTE_MS, Device, Recording, Reject, Rejects, Span, SpanKind

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
RX = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
TX = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"

BLOCK_MS = 600_000
_CHUNK = 20  # bytes of a write that fit the smallest MTU
_XON, _XOFF = 0x11, 0x13
_PAUSE_S = 0.02  # between two chunks
_PATIENCE_S = 5.0
_LONGEST_LINE = 4096
# A clock that is off by less is not corrected [G]: the blocks keep their places from sync to sync.
_TOLERANCE_MS = 60_000
_STAGES = {"LIGHT_SLEEP": "light", "DEEP_SLEEP": "deep"}

# `\x10` keeps the console from echoing the line.
ASK_CLOCK = '\x10Bluetooth.println("\\n"+JSON.stringify({t:"clock",ms:Date.now(),zone:-new Date().getTimezoneOffset()}));\n'


def ask_history(from_ms: int) -> str:
    """Blocks that ended at that time or later; 0 for all, in no order."""
    return f'\x10GB({{"t":"actfetch","ts":{from_ms}}});\n'


def set_time(at_ms: int, utc_offset_s: int) -> str:
    return f"\x10setTime({at_ms / 1000:.3f});E.setTimeZone({utc_offset_s / 3600:g});\n"


class BangleCodec:
    name = "bangle"
    version = 1
    has_history = True
    needs_key = False
    chooser = Chooser(re.compile(r"Bangle\.js [0-9a-f]{4}"), ("Bangle.js ",), (SERVICE,))

    def matches(self, name: str, services: frozenset[str]) -> bool:
        # Many devices have its service, the Nordic UART.
        return name.startswith("Bangle.js")

    def open(self, settings: Settings) -> Exchange:
        return Dialogue(_BangleTalk(settings).begin)

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        seen = Seen(whole(header.cursor, "fresh_ms"))
        for frame in frames:
            if frame.characteristic == TX and frame.direction is Direction.IN:
                for line in seen.lines.take(frame.data):
                    try:
                        seen.take(line, frame.at_ms)
                    except DecodeError as error:
                        rejects.add(error.place, error.expected, error.found)
        recording = _recording(header, seen, rejects)
        if recording is not None:
            yield recording
        yield from rejects.drain()


def _recording(header: Header, seen: "Seen", rejects: Rejects) -> Recording | None:
    blocks = list(seen.blocks)
    start, end = [each.end_ms - seen.ahead_ms - BLOCK_MS for each in blocks], [each.end_ms - seen.ahead_ms for each in blocks]
    pulse = [(a, b, each.bpm) for a, b, each in zip(start, end, blocks, strict=True) if each.bpm]
    streams = [
        totals("steps", start, end, [each.steps for each in blocks], rejects),
        levels_over("heart_rate", [a for a, _, _ in pulse], [b for _, b, _ in pulse], [c for _, _, c in pulse], rejects),
    ]
    some = tuple(stream for stream in streams if stream is not None)
    spans = tuple(span for a, b, each in zip(start, end, blocks, strict=True) for span in _spans(a, b, each.activity, rejects))
    if not some and not spans:
        return None
    return Recording(Device("espruino", "Bangle.js", header.peer.id), streams=some, spans=spans)


def _spans(start_ms: int, end_ms: int, activity: str, rejects: Rejects) -> Iterator[Span]:
    if activity in _STAGES:
        yield from sleep_span(start_ms, end_ms, _STAGES[activity], rejects)
    elif activity == "NOT_WORN" and start_ms >= EARLIEST_MS and end_ms <= LATEST_MS:
        yield Span(SpanKind.NOT_WORN, start_ms, end_ms)


@dataclass(slots=True)
class Lines:
    """The console's bytes -> lines, without the flow control signs in them."""

    is_held: bool = False  # the watch wants nothing sent
    _rest: bytes = b""

    def take(self, data: bytes) -> list[str]:
        """Return the lines that these bytes complete. One that never ends is let go."""
        for sign in data:
            self.is_held = sign == _XOFF or (self.is_held and sign != _XON)
        *whole, self._rest = (self._rest + data.translate(None, bytes([_XON, _XOFF])).replace(b"\r", b"\n")).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE:]
        return [line.decode("latin-1").strip() for line in whole if line.strip()]


@dataclass(frozen=True, slots=True)
class Block:
    """end_ms: by the watch's clock. bpm: None where it had none"""

    end_ms: int
    steps: int
    bpm: int | None
    activity: str


@dataclass(slots=True)
class Seen:
    """What the watch's lines say: one interpreter for the exchange and the decoder.

    fresh_ms: blocks that ended at that time or before, by the watch, were filed under another clock or zone, and fetched then
    ahead_ms: the watch's clock, ahead of the host's, in whole minutes
    """

    fresh_ms: int = 0
    lines: Lines = field(default_factory=Lines)
    blocks: list[Block] = field(default_factory=list)
    ahead_ms: int = 0
    clock: tuple[int, int] | None = None  # how far it was ahead, to the ms, and its zone in s
    received: int = 0
    announced: int | None = None  # how many blocks the watch says it sent
    last_ms: int = 0
    battery: Battery | None = None

    def take(self, line: str, at_ms: int) -> None:
        """Raises: DecodeError if it is one of ours and says what cannot be"""
        if not line.startswith("{"):
            return
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            raise DecodeError("line", "a JSON object", line[:60]) from None
        match said.get("t"):
            case "act" if "ts" in said and not said.get("rt"):
                self._act(said)
            case "actfetch" if said.get("state") == "start":
                self.expect()
            case "actfetch" if said.get("state") == "end":
                self.announced = _number(said, "count", 0, 1_000_000)
            case "clock":
                ahead = _number(said, "ms", EARLIEST_MS, LATEST_MS) - at_ms
                self.clock = ahead, _number(said, "zone", -24 * 60, 24 * 60) * 60
                # By whole minutes: so a second sync before the clock is set puts the blocks where the first one did.
                self.ahead_ms = round(ahead / MINUTE_MS) * MINUTE_MS if abs(ahead) > _TOLERANCE_MS else 0
            case "status":
                self.battery = Battery(_number(said, "bat", 0, 100), bool(said.get("chg")))

    def expect(self) -> None:
        self.received, self.announced = 0, None

    def is_over(self) -> bool:
        return self.announced is not None

    def _act(self, said: Mapping[str, Any]) -> None:
        end_ms = _number(said, "ts", EARLIEST_MS, LATEST_MS)
        steps, bpm = _number(said, "stp", 0, 65_535), _number({"hrm": 0, **said}, "hrm", 0, 255)
        self.received += 1  # one that cannot be read has not come
        self.last_ms = max(self.last_ms, end_ms)
        if end_ms > self.fresh_ms:
            activity = said.get("act")
            self.blocks.append(Block(end_ms, steps, bpm or None, activity if isinstance(activity, str) else ""))


def _number(said: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DecodeError(f"{said.get('t')}, {key}", f"a number of {low} to {high}", str(value)[:40])
    return round(value)


@dataclass(slots=True)
class _BangleTalk:
    settings: Settings
    seen: Seen = field(init=False)
    now_ms: int = 0
    _notes: list[Action] = field(default_factory=list)
    _unreadable: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = Seen(whole(self.settings.cursor, "fresh_ms"))

    def begin(self, at_ms: int) -> Talk:
        self.now_ms = at_ms
        with suppress(Stop):
            return (yield from self._sync())
        return dict(self.settings.cursor)

    def _sync(self) -> Talk:
        yield from self._ask(ASK_CLOCK, "clock", lambda: self.seen.clock is not None, [Subscribe(TX)])
        ahead, zone_s = self.seen.clock or (0, self.settings.utc_offset_s)
        self._notes.append(ClockOffset(self.now_ms, ahead, 1000))
        yield from self._history()
        if self.settings.set_clock:
            yield from self._write(set_time(self.now_ms, self.settings.utc_offset_s))
        return self._cursor(ahead, zone_s)

    def _history(self) -> Generator[Turn, Event, None]:
        """Fetch until as many blocks have come as the watch says it sent.

        Nothing tells a line that was damaged on its way from one that the watch holds so, but that it comes the same again.
        """
        expected, found = "as many blocks as announced", ""
        before: list[str] = []
        for _ in range(TRIES):
            self.seen.expect()
            self._unreadable = []
            yield from self._ask(ask_history(whole(self.settings.cursor, "ts_ms")), "history", self.seen.is_over)
            held = len(self._unreadable) if self._unreadable == before else 0
            if self.seen.announced == self.seen.received + held:
                return
            before = self._unreadable
            found = f"{self.seen.received} of {self.seen.announced}"
            self._notes.append(Malformed("history", expected, found))
        raise DecodeError("history", expected, f"{found}, {TRIES} times")

    def _cursor(self, ahead_ms: int, zone_s: int) -> Cursor:
        after: dict[str, int | str] = dict(self.settings.cursor)
        if self.seen.last_ms:
            after["ts_ms"] = self.seen.last_ms
        moved = self.settings.set_clock and (abs(ahead_ms) > _TOLERANCE_MS or zone_s != self.settings.utc_offset_s)
        if moved:
            # What the watch showed when it was set; where it was set back, it shows that once more, and files nothing meanwhile.
            back_ms = ahead_ms + (zone_s - self.settings.utc_offset_s) * 1000
            after["fresh_ms"] = self.now_ms + max(0, back_ms)
            after["ts_ms"] = self.now_ms // BLOCK_MS * BLOCK_MS
        return after

    def _ask(
        self, line: str, what: str, is_answered: Callable[[], bool], before: Sequence[Action] = ()
    ) -> Generator[Turn, Event, None]:
        for attempt in range(TRIES):
            yield from self._write(line, before if attempt == 0 else ())
            while not is_answered():
                event = yield self._turn()
                if isinstance(event, Silence):
                    break
                self._take(event)
            else:
                return
        raise silent(what)

    def _write(self, text: str, before: Sequence[Action] = ()) -> Generator[Turn, Event, None]:
        """Send a line, a chunk at a time, and none while the watch holds us off."""
        data = text.encode("latin-1")
        actions = list(before)
        for place in range(0, len(data), _CHUNK):
            event = yield self._turn([*actions, Write(RX, data[place : place + _CHUNK])], _PAUSE_S)
            actions = []
            while self._take(event) or self.seen.lines.is_held:
                if isinstance(event, Silence) and self.seen.lines.is_held:
                    # A sign that the watch is ready again may have been lost: going on can do no more than fail.
                    self.seen.lines.is_held = False
                    break
                event = yield self._turn(idle_s=2.0 if self.seen.lines.is_held else _PAUSE_S)

    def _turn(self, actions: Sequence[Action] = (), idle_s: float = _PATIENCE_S) -> Turn:
        notes, self._notes = self._notes, []
        return Turn([*notes, *actions], idle_s)

    def _take(self, event: Event) -> bool:
        """Return whether something arrived."""
        self.now_ms = max(self.now_ms, event.at_ms)
        if isinstance(event, Refused):
            raise unwanted(event)
        if not isinstance(event, Arrived):
            return False
        for line in self.seen.lines.take(event.data) if event.characteristic == TX else ():
            try:
                self.seen.take(line, event.at_ms)
            except DecodeError as error:
                self._unreadable.append(line)
                self._notes.append(Malformed(error.place, error.expected, error.found))
        if self.seen.battery is not None:
            self._notes.append(self.seen.battery)
            self.seen.battery = None
        if self.seen.received and self.seen.received % 50 == 0:
            self._notes.append(Progress(self.seen.received, 0))
        return True


CODEC = BangleCodec()
