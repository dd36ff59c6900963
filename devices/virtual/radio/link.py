"""A link without a radio: runs an exchange against a virtual wearable in no time, and keeps the captures.

What a transport has to do, in the fewest lines; and the measure for one: over any radio, the captures decode to the same.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from devices.radio.capture import CaptureWriter
from devices.radio.codec import (
    Action,
    Codec,
    Commit,
    Cursor,
    Direction,
    Done,
    Exchange,
    Frame,
    Header,
    Peer,
    Read,
    Settings,
    Subscribe,
    Wait,
    Write,
)
from devices.virtual.radio.peripheral import Notify, Peripheral, Refusal

PEER = Peer("70:CB:0D:D0:34:1C", "R02_341C")


@dataclass(slots=True)
class Sync:
    """What came of one connection.

    captures: the bytes of each capture file, in order.  cursors: of each commit, `Done`'s the last
    notes: what was not for the radio.  written: what was, in order.  is_done: False if the link was cut, or the exchange failed
    """

    captures: list[bytes] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    notes: list[Action] = field(default_factory=list)
    written: list[Write] = field(default_factory=list)
    received: int = 0
    is_done: bool = False
    error: Exception | None = None
    now_ms: int = 0


@dataclass(slots=True)
class Link:
    """peer, facts: for the header.  cut_after: the link is lost when so many frames have come.  stop_ms: when to stop it"""

    codec: Codec
    peripheral: Peripheral
    peer: Peer = PEER
    facts: Cursor = field(default_factory=dict)
    cut_after: int | None = None
    stop_ms: int | None = None
    _queue: list[tuple[int, int, Notify, Iterator[Notify], int]] = field(default_factory=list, init=False)
    _order: Iterator[int] = field(default_factory=count, init=False)
    _lines: list[bytes] = field(default_factory=list, init=False)

    def sync(self, settings: Settings, at_ms: int, *, catch: tuple[type[Exception], ...] = ()) -> Sync:
        """Run one exchange. catch: errors to keep in the result, with the capture until there. Raises: what it raises else"""
        result = Sync(now_ms=at_ms)
        self._queue.clear()
        exchange = self.codec.open(settings)
        writer = self._begin(settings, settings.cursor, at_ms)
        self._expect(self.peripheral.on_connect(at_ms), at_ms)
        try:
            actions = list(exchange.begin(at_ms))
            while True:
                refusals = list[Subscribe | Read | Write]()
                for action in actions:
                    refused, writer = self._do(action, settings, result, writer)
                    refusals += refused
                if isinstance(actions[-1] if actions else None, Done):
                    result.is_done = True
                    break
                if self.cut_after is not None and result.received >= self.cut_after:
                    break
                actions = self._next(exchange, actions, refusals, result, writer)
        except catch as error:
            result.error = error
        finally:
            self.peripheral.on_disconnect(result.now_ms)
        if not result.is_done:
            result.captures.append(b"".join(self._lines))
        return result

    def _begin(self, settings: Settings, cursor: Cursor, at_ms: int) -> CaptureWriter:
        header = Header(self.codec.name, self.codec.version, self.peer, at_ms, cursor, settings.utc_offset_s, facts=self.facts)
        writer = CaptureWriter(header)
        self._lines = [writer.header()]
        return writer

    def _do(
        self, action: Action, settings: Settings, result: Sync, writer: CaptureWriter
    ) -> tuple[Sequence[Subscribe | Read | Write], CaptureWriter]:
        """Do an action; return what was refused, and the writer to go on with."""
        now = result.now_ms
        match action:
            case Wait(seconds):
                result.now_ms += round(seconds * 1000)
            case Commit(cursor) | Done(cursor):
                result.cursors.append(cursor)
                result.captures.append(b"".join([*self._lines, writer.end(now)]))
                self._lines = []
                if isinstance(action, Commit):
                    return (), self._begin(settings, cursor, now)
            case Subscribe(uuid) | Read(uuid) | Write(uuid):
                if not self._allows(action):
                    return (action,), writer
                try:
                    self._on_radio(action, uuid, result, writer)
                except Refusal:
                    return (action,), writer
            case _:
                result.notes.append(action)
        return (), writer

    def _on_radio(self, action: Subscribe | Read | Write, uuid: str, result: Sync, writer: CaptureWriter) -> None:
        now = result.now_ms
        if isinstance(action, Subscribe):
            self._expect(self.peripheral.on_subscribe(uuid, now), now)
        elif isinstance(action, Read):
            self._expect([Notify(uuid, self.peripheral.on_read(uuid, now), 30)], now)
        else:
            result.written.append(action)
            self._lines.append(writer.frame(Frame(now, Direction.OUT, uuid, action.data)))
            self._expect(self.peripheral.on_write(uuid, action.data, now), now)

    def _allows(self, action: Subscribe | Read | Write) -> bool:
        wanted = {"Subscribe": {"notify", "indicate"}, "Read": {"read"}, "Write": {"write", "write-without-response"}}
        return any(
            each.uuid == action.characteristic and each.properties & wanted[type(action).__name__]
            for service in self.peripheral.services
            for each in service.characteristics
        )

    def _expect(self, frames: Iterable[Notify], at_ms: int) -> None:
        source = iter(frames)
        first = next(source, None)
        if first is not None:
            heapq.heappush(self._queue, (at_ms + first.delay_ms, next(self._order), first, source, at_ms))

    def _next(
        self,
        exchange: Exchange,
        actions: Sequence[Action],
        refusals: Sequence[Subscribe | Read | Write],
        result: Sync,
        writer: CaptureWriter,
    ) -> list[Action]:
        """Return what the exchange wants done after the next thing that happens."""
        if actions and isinstance(actions[-1], Commit):
            return list(exchange.committed(result.now_ms))
        if refusals:
            return [each for refused in refusals for each in exchange.refused(refused, result.now_ms)]
        patience = result.now_ms + round(exchange.idle_s * 1000)
        due = min(self._queue[0][0], patience) if self._queue else patience
        if self.stop_ms is not None and due >= self.stop_ms:
            result.now_ms, self.stop_ms = max(result.now_ms, self.stop_ms), None
            return list(exchange.stop(result.now_ms))
        if not self._queue or self._queue[0][0] > patience:
            result.now_ms = patience
            return list(exchange.idle(result.now_ms))
        at_ms, _, frame, source, base = heapq.heappop(self._queue)
        following = next(source, None)
        if following is not None:
            heapq.heappush(self._queue, (base + following.delay_ms, next(self._order), following, source, base))
        result.now_ms = max(result.now_ms, at_ms)
        result.received += 1
        self._lines.append(writer.frame(Frame(result.now_ms, Direction.IN, frame.characteristic, frame.data)))
        return list(exchange.receive(frame.characteristic, frame.data, result.now_ms))
