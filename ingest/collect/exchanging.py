"""One exchange over one link: every frame goes to a capture on the disk before anything is made of it.

The capture is handed over when the exchange asks for it, when it is done, and when it breaks; the cursor goes with it only in
the first two cases. So a cursor never stands for what is not kept.

What waits for the disk or the store does so in a thread, for the loop may serve others meanwhile, and the link's frames.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from devices.errors import DecodeError
from devices.radio.capture import MOST_BYTES, CaptureWriter
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
from ingest.collect.links import BrokenProtocol, Link, Refused

SUFFIX = ".capture"
# What a power cut may take of a capture that is being written; it is fetched again, for the cursor stays.
SYNC_EVERY_MS = 5_000
_END_BYTES = 64  # what the line at the end takes at most

Clock = Callable[[], int]


class Keeper(Protocol):
    """Where captures go: the store of a clinic, or the spool of a gateway."""

    def keep(self, capture: Path, cursor: Cursor | None) -> None:
        """Make the capture safe, and then the cursor; both are when this returns. The file is then not needed any more.

        Called in a thread, once at a time.

        cursor: None if the exchange broke off: what came is kept, and the cursor stays
        """
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How to hold an exchange with one device.

    facts:   for the captures' header
    folder:  where captures are written
    clock:   now, in ms since 1970
    longest_s: after that the exchange is asked to stop; None is never
    pace:    factor on every wait; below 1 for devices that are made of software
    """

    codec: Codec
    peer: Peer
    settings: Settings
    folder: Path
    clock: Clock
    facts: Mapping[str, int | str] = field(default_factory=dict)
    longest_s: float | None = None
    pace: float = 1.0


async def hold(plan: Plan, link: Link, keeper: Keeper, note: Callable[[Action], None]) -> None:
    """Hold one exchange to its end. note: is told what is not for the radio, as it happens.

    Raises: LinkLost, BrokenProtocol (of a device that says more than a capture holds, too), and what a codec calls NoAnswer and
    WrongKey; what had come until then is kept. What the disk raises
    """
    talk = _Talk(plan, link, keeper, note)
    try:
        await talk.run()
    except DecodeError as error:
        raise BrokenProtocol(str(error)) from error
    finally:
        await talk.break_off()


class _Talk:
    def __init__(self, plan: Plan, link: Link, keeper: Keeper, note: Callable[[Action], None]) -> None:
        self._plan, self._link, self._keeper, self._note = plan, link, keeper, note
        self._exchange: Exchange = plan.codec.open(plan.settings)
        self._capture: _CaptureFile | None = _CaptureFile(plan, plan.settings.cursor)

    async def run(self) -> None:
        clock, exchange = self._plan.clock, self._exchange
        begun, stopping = clock(), False
        await self._act(exchange.begin(begun))
        while not exchange.is_done:
            longest = self._plan.longest_s
            if longest is not None and not stopping and clock() - begun > longest * 1000:
                stopping = True
                await self._act(exchange.stop(clock()))
                continue
            await self._make_safe()
            frame = await self._link.arrived(exchange.idle_s * self._plan.pace)
            if frame is None:
                await self._act(exchange.idle(clock()))
            else:
                await self._act(self._received(*frame))

    async def _act(self, actions: Sequence[Action]) -> None:
        """Do what is to be done, and what follows from it; the exchange hears of an outcome when the whole list is done."""
        outcomes: deque[Callable[[], Sequence[Action]]] = deque([lambda: actions])
        while outcomes:
            for action in outcomes.popleft()():
                outcome = await self._do(action)
                if outcome is not None:
                    outcomes.append(outcome)

    async def _do(self, action: Action) -> Callable[[], Sequence[Action]] | None:
        """Do one thing. Returns: how to tell the exchange what came of it; None if there is nothing to tell"""
        clock = self._plan.clock
        match action:
            case Subscribe() | Read() | Write():
                try:
                    return await self._send(action)
                except Refused:
                    return lambda: self._exchange.refused(action, clock())
            case Wait(seconds):
                await self._link.rest(seconds * self._plan.pace)
            case Commit(cursor):
                await self._hand_over(cursor)
                self._capture = _CaptureFile(self._plan, cursor)
                return lambda: self._exchange.committed(clock())
            case Done(cursor):
                await self._hand_over(cursor)
            case _:
                self._note(action)
        return None

    async def _send(self, action: Subscribe | Read | Write) -> Callable[[], Sequence[Action]] | None:
        match action:
            case Subscribe(characteristic):
                await self._link.subscribe(characteristic)
            case Read(characteristic):
                data, at_ms = await self._link.read(characteristic), self._plan.clock()
                return lambda: self._received(characteristic, data, at_ms)
            case Write(characteristic, data, response):
                # It is written down first: what was sent and not written down could not be told from what was never sent.
                self._append(Frame(self._plan.clock(), Direction.OUT, characteristic, data))
                await self._link.write(characteristic, data, response)
        return None

    def _received(self, characteristic: str, data: bytes, at_ms: int) -> Sequence[Action]:
        self._append(Frame(at_ms, Direction.IN, characteristic, data))
        return self._exchange.receive(characteristic, data, at_ms)

    def _append(self, frame: Frame) -> None:
        if self._capture is not None:
            self._capture.append(frame)

    async def _make_safe(self) -> None:
        if self._capture is not None and self._capture.is_due(self._plan.clock()):
            await asyncio.to_thread(self._capture.sync)

    async def _hand_over(self, cursor: Cursor) -> None:
        if self._capture is not None:
            capture, self._capture = self._capture, None
            await _to_its_end(self._keep, capture, cursor)

    async def break_off(self) -> None:
        """Keep what came of an exchange that did not come to its end."""
        if self._capture is not None:
            capture, self._capture = self._capture, None
            await _to_its_end(self._keep, capture, None)

    def _keep(self, capture: "_CaptureFile", cursor: Cursor | None) -> None:
        path = capture.close(None if cursor is None else self._plan.clock())
        if cursor is None and not capture.received:
            path.unlink(missing_ok=True)
        else:
            self._keeper.keep(path, cursor)


async def _to_its_end(work: Callable[..., None], *given: object) -> None:
    """Do it in a thread. Whoever is cancelled meanwhile is so when it is done: until then nobody else may have the capture."""
    doing = asyncio.create_task(asyncio.to_thread(work, *given))
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:  # perhaps again and again
            cancelled = error
    doing.result()
    if cancelled is not None:
        raise cancelled


class _CaptureFile:
    """A capture being written: each frame is with the system when `append` returns, and on the disk after the next `sync`."""

    def __init__(self, plan: Plan, cursor: Cursor) -> None:
        at_ms = plan.clock()
        codec, peer = plan.codec, plan.peer
        header = Header(codec.name, codec.version, peer, at_ms, cursor, plan.settings.utc_offset_s, plan.facts)
        self._writer = CaptureWriter(header)
        self._path = _new_path(plan.folder, codec.name, at_ms)
        self._file: BinaryIO = self._path.open("xb", buffering=0)
        self._size = 0
        self._write(self._writer.header())
        self._synced_ms = self._written_ms = at_ms
        self.received = 0

    def append(self, frame: Frame) -> None:
        """Raises: BrokenProtocol if the file would be longer than one that can be read"""
        line = self._writer.frame(frame)
        if self._size + len(line) > MOST_BYTES - _END_BYTES:
            raise BrokenProtocol(f"the device: expected at most {MOST_BYTES:,} bytes of capture, found more")
        self._write(line)
        self.received += frame.direction == Direction.IN
        self._written_ms = frame.at_ms

    def is_due(self, at_ms: int) -> bool:
        """Whether something was written since the last `sync`, and that long ago."""
        return self._written_ms > self._synced_ms and at_ms - self._synced_ms >= SYNC_EVERY_MS

    def sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced_ms = self._written_ms

    def close(self, ended_ms: int | None) -> Path:
        """Return the file, complete and on the disk. ended_ms: None if the exchange broke off"""
        with self._file:
            if ended_ms is not None:
                self._write(self._writer.end(ended_ms))
            os.fsync(self._file.fileno())
        return self._path

    def _write(self, line: bytes) -> None:
        # On a disk that is nearly full a part of it may be taken, without an error.
        left = memoryview(line)
        while left:
            left = left[self._file.write(left) :]
        self._size += len(line)


def _new_path(folder: Path, codec: str, at_ms: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = 0
    while (path := folder / f"{codec}-{at_ms}-{number}{SUFFIX}").exists():
        number += 1
    return path


def leftovers(folder: Path) -> list[Path]:
    """Return the captures that a process left which was ended in the midst of an exchange, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.exists() else []
