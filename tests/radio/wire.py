"""The fast path: a virtual wearable at the other end of a wire, in virtual time, with every fault that a link has."""

import asyncio
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from devices.virtual.radio.peripheral import Notify, Peripheral, Refusal
from ingest.collect.links import LinkLost, Refused


@dataclass
class Time:
    """Passes only when somebody waits."""

    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Wire:
    """A `Link`. cut_after: it is lost when so many frames have arrived"""

    peripheral: Peripheral
    time: Time
    cut_after: int | None = None
    received: int = 0
    _queue: list[tuple[int, int, Notify]] = field(default_factory=list)
    _order: count = field(default_factory=count)

    def __post_init__(self) -> None:
        self._expect(self.peripheral.on_connect(self.time()))

    def close(self) -> None:
        self.peripheral.on_disconnect(self.time())

    def _expect(self, frames: Iterable[Notify]) -> None:
        for frame in frames:
            heapq.heappush(self._queue, (self.time() + frame.delay_ms, next(self._order), frame))

    def _check(self) -> None:
        if self.cut_after is not None and self.received >= self.cut_after:
            raise LinkLost("cut")

    def _has(self, uuid: str, *wanted: str) -> None:
        if not any(
            one.uuid == uuid and one.properties & set(wanted) for each in self.peripheral.services for one in each.characteristics
        ):
            raise Refused("there is no such characteristic")

    async def subscribe(self, characteristic: str) -> None:
        self._check()
        self._has(characteristic, "notify", "indicate")
        self._expect(self.peripheral.on_subscribe(characteristic, self.time()))

    async def read(self, characteristic: str) -> bytes:
        self._check()
        self._has(characteristic, "read")
        self.time.now_ms += 30
        try:
            return self.peripheral.on_read(characteristic, self.time())
        except Refusal as error:
            raise Refused(str(error)) from error

    async def write(self, characteristic: str, data: bytes, response: bool) -> None:
        self._check()
        self._has(characteristic, "write", "write-without-response")
        self.time.now_ms += 15
        try:
            self._expect(self.peripheral.on_write(characteristic, data, self.time()))
        except Refusal as error:
            raise Refused(str(error)) from error

    async def rest(self, seconds: float) -> None:
        self.time.now_ms += round(seconds * 1000)

    async def arrived(self, timeout_s: float) -> tuple[str, bytes, int] | None:
        self._check()
        due = self.time() + round(timeout_s * 1000)
        if not self._queue or self._queue[0][0] > due:
            self.time.now_ms = due
            return None
        at_ms, _, frame = heapq.heappop(self._queue)
        self.time.now_ms = max(self.time(), at_ms)
        self.received += 1
        await asyncio.sleep(0)
        return frame.characteristic, frame.data, self.time()
