"""A radio that is elsewhere: whoever is at the other end of a channel, such as a browser's page, does on it what is asked here.

The exchange, the capture and the cursor stay on this side, so there is one program that knows a protocol. Each message is one
JSON object. Asked, each with a number of its own:

    {"n": 1, "do": "connect"}                               {"n": 1, "services": [UUID, ...]}
    {"n": 2, "do": "subscribe", "characteristic": UUID}     {"n": 2}
    {"n": 3, "do": "read", "characteristic": UUID}          {"n": 3, "data": HEX}
    {"n": 4, "do": "write", "characteristic": UUID, "data": HEX, "response": false}     {"n": 4}
    {"n": 5, "do": "await", "seconds": 3.0}                 {"n": 5, "nothing": true}
    {"n": 6, "do": "disconnect"}                            {"n": 6}

The answer may be `refused` (the device has no such characteristic, or answered with an error) or `failed` (the link does not
stand) instead, each with the reason as text. Unasked comes what the device sends, in order, and the end of a link; `link` is the
number of the `connect` that made it:

    {"link": 1, "frame": [UUID, HEX]}                       {"link": 1, "lost": true}

Silence is waited for where the radio is: `nothing` is answered if no frame came for that long since it was asked, and a frame
that comes first is the answer. So a channel that is slow is not taken for a device that is silent.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from devices.errors import shown
from ingest.collect.exchanging import Clock
from ingest.collect.links import ANSWER_S, DISCONNECT_S, NEAR, LinkLost, RadioLost, Refused, Unreachable

CONNECT_S = 45.0
LONGEST_VALUE = 512  # bytes; no characteristic holds more
LONGEST_MESSAGE = 16_384
MOST_CHARACTERS = 64 << 20  # of all messages together; a year of a watch's blocks is half of it
LEAST_CHARACTERS = 64  # that one counts as: each has to be looked at
# Above what a radio can bring in a second, and below what would hold up others.
AT_ONCE, PAUSE_S = 64, 0.01
MOST_AHEAD = 4096  # frames that wait until what came before them is on the disk
_MOST_SERVICES = 64
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(r"([0-9a-f]{2})*")

Message = Mapping[str, Any]


class Channel(Protocol):
    """A way to and from whoever has the radio; messages keep their order and come whole."""

    async def send(self, text: str) -> None:
        """Raises: RadioLost if there is nobody any more"""
        ...

    async def receive(self) -> str:
        """Raises: RadioLost if there is nobody any more"""
        ...


class RemoteRadio:
    """The other end's radio, and the one device that was chosen there. It listens while its block lasts.

    services: full UUIDs of what the device offered when it was connected last, as far as the other end may see it
    """

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel, self._clock = channel, clock
        self._asked, self._heard, self._left = 0, 0, MOST_CHARACTERS
        self._go_on = asyncio.Event()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._link: RemoteLink | None = None
        self._gone: RadioLost | None = None
        self._listening: asyncio.Task[None] | None = None
        self.services: frozenset[str] = frozenset()

    async def __aenter__(self) -> "RemoteRadio":
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    @asynccontextmanager
    async def connected(self) -> "AsyncIterator[RemoteLink]":
        """A link to the device, closed when the block ends.

        Raises: Unreachable if there is no way to it now; RadioLost; LinkLost in the block
        """
        number = self.next_number()
        link = self._link = RemoteLink(self, number, self._clock)
        try:
            try:
                answer = await self.ask(number, {"do": "connect"}, CONNECT_S)
            except RadioLost:
                raise
            except (LinkLost, Refused) as error:
                raise Unreachable(f"the device was not reached: {error}", NEAR) from error
            self.services = _services(answer)
            yield link
        finally:
            self._link = None
            with suppress(LinkLost, Refused):
                await self.ask(self.next_number(), {"do": "disconnect"}, DISCONNECT_S)

    def next_number(self) -> int:
        self._asked += 1
        return self._asked

    async def send(self, number: int, what: Message) -> None:
        """Say something that is answered by a frame, or not at all. Raises: RadioLost"""
        if self._gone is not None:
            raise self._gone
        await self._channel.send(json.dumps({"n": number, **what}))

    async def ask(self, number: int, what: Message, within_s: float) -> Message:
        """Have something done. Raises: Refused, LinkLost, RadioLost"""
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.go_on()
        try:
            await self.send(number, what)
            async with asyncio.timeout(within_s):
                return _fulfilled(await answer)
        except TimeoutError as error:
            raise LinkLost(f"no answer within {within_s:.0f} s") from error
        finally:
            del self._answers[number]

    def give_up(self, numbers: Collection[int], why: LinkLost) -> None:
        """No longer wait for these answers: what they were asked for is gone."""
        for number in numbers:
            answer = self._answers.get(number)
            if answer is not None and not answer.done():
                answer.set_exception(why)

    def go_on(self) -> None:
        """Some frames were taken, or an answer is wanted: hear what comes next."""
        self._go_on.set()

    async def _listen(self) -> None:
        try:
            while True:
                text = await self._channel.receive()
                self._left -= max(len(text), LEAST_CHARACTERS)
                if self._left < 0:
                    raise RadioLost(f"the page with the radio: expected at most {MOST_CHARACTERS:,} characters of one device")
                self._take(_parse(text))
                await self._keep_pace()
        except RadioLost as error:
            self._gone = error
            if self._link is not None:
                self._link.end(error)
            self.give_up(self._answers, error)

    async def _keep_pace(self) -> None:
        """Hear little more in a second than a radio brings; nothing while many frames wait to be taken, unless an answer is
        waited for, which comes behind them.

        Raises: RadioLost if that is behind too many
        """
        self._heard += 1
        if self._heard % AT_ONCE == 0:
            await asyncio.sleep(PAUSE_S)
        ahead = 0 if self._link is None else self._link.ahead
        if self._answers and ahead >= 2 * MOST_AHEAD:
            raise RadioLost(f"the page with the radio: expected an answer, found {ahead:,} frames before it")
        if not self._answers and ahead >= MOST_AHEAD:
            self._go_on.clear()
            await self._go_on.wait()

    def _take(self, message: Message) -> None:
        """Raises: RadioLost if it is none of the messages above"""
        if "link" in message:
            if self._link is None or message["link"] != self._link.number:
                return  # of a link that is over
            if "lost" in message:
                self._link.end(LinkLost("the link was lost"))
            else:
                self._link.came(*self._frame(message))
            return
        number = message.get("n")
        if message.get("nothing") is True and self._link is not None:
            self._link.heard_nothing(number)
            return
        answer = self._answers.get(number) if isinstance(number, int) else None
        if answer is not None and not answer.done():
            answer.set_result(message)  # one that is not waited for any more came too late

    def _frame(self, message: Message) -> tuple[str, bytes]:
        match message.get("frame"):
            case [str() as characteristic, str() as data] if _UUID.fullmatch(characteristic):
                return characteristic, _bytes(data)
            case other:
                raise _unexpected("a frame [UUID, HEX]", other)


@dataclass(frozen=True, slots=True)
class _Nothing:
    number: object


class RemoteLink:
    """A `Link` over a remote radio. number: of the `connect` that made it"""

    def __init__(self, radio: RemoteRadio, number: int, clock: Clock) -> None:
        self._radio, self.number, self._clock = radio, number, clock
        self._came: asyncio.Queue[tuple[str, bytes, int] | _Nothing | LinkLost] = asyncio.Queue()
        self._ended: LinkLost | None = None
        self._end = asyncio.Event()
        self._waiting = set[int]()
        self._silence = 0  # the number of the `await` that is still to be answered

    @property
    def ahead(self) -> int:
        """How many frames wait to be taken."""
        return self._came.qsize()

    async def subscribe(self, characteristic: str) -> None:
        await self._ask({"do": "subscribe", "characteristic": characteristic})

    async def read(self, characteristic: str) -> bytes:
        return _bytes((await self._ask({"do": "read", "characteristic": characteristic})).get("data"))

    async def write(self, characteristic: str, data: bytes, response: bool) -> None:
        await self._ask({"do": "write", "characteristic": characteristic, "data": data.hex(), "response": response})

    async def rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()
        if self._ended is not None:
            raise self._ended

    async def arrived(self, timeout_s: float) -> tuple[str, bytes, int] | None:
        number = 0
        while True:
            if self._came.empty():
                if self._ended is not None:
                    raise self._ended
                if not number:
                    number = self._silence = self._radio.next_number()
                    await self._radio.send(number, {"do": "await", "seconds": timeout_s})
            try:
                async with asyncio.timeout(timeout_s + ANSWER_S):
                    item = await self._came.get()
            except TimeoutError as error:
                raise LinkLost(f"no answer within {timeout_s + ANSWER_S:.0f} s") from error
            self._radio.go_on()
            await asyncio.sleep(0)  # however many wait, others have their turn
            match item:
                case LinkLost():
                    raise item
                case _Nothing():
                    # One that was asked for earlier was overtaken by a frame.
                    if number and item.number == number:
                        return None
                case frame:
                    return frame

    def came(self, characteristic: str, data: bytes) -> None:
        self._came.put_nowait((characteristic, data, self._clock()))

    def heard_nothing(self, number: object) -> None:
        if number == self._silence:  # else it is asked for no more, or was answered
            self._silence = 0
            self._came.put_nowait(_Nothing(number))

    def end(self, why: LinkLost) -> None:
        if self._ended is None:
            self._ended = why
            self._end.set()
            self._came.put_nowait(why)
            self._radio.give_up(self._waiting, why)

    async def _ask(self, what: Message) -> Message:
        if self._ended is not None:
            raise self._ended
        number = self._radio.next_number()
        self._waiting.add(number)
        try:
            return await self._radio.ask(number, what, ANSWER_S)
        finally:
            self._waiting.discard(number)


def _parse(text: str) -> Message:
    if len(text) > LONGEST_MESSAGE:
        raise _unexpected(f"a message of at most {LONGEST_MESSAGE:,} characters", f"{len(text):,}")
    try:
        message = json.loads(text)
    except ValueError as error:
        raise _unexpected("a JSON object", text) from error
    except RecursionError as error:
        raise _unexpected("a flat JSON object", text) from error
    if not isinstance(message, dict):
        raise _unexpected("a JSON object", text)
    return message


def _fulfilled(answer: Message) -> Message:
    for key, kind in (("refused", Refused), ("failed", LinkLost)):
        if key in answer:
            raise kind(shown(str(answer[key])))
    return answer


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > 2 * LONGEST_VALUE or not _HEX.fullmatch(text):
        raise _unexpected(f"at most {LONGEST_VALUE} bytes as hex", text)
    return bytes.fromhex(text)


def _services(answer: Message) -> frozenset[str]:
    found = answer.get("services")
    if not isinstance(found, list) or len(found) > _MOST_SERVICES or not all(isinstance(one, str) for one in found):
        raise _unexpected(f"at most {_MOST_SERVICES} services", found)
    return frozenset(found)


def _unexpected(expected: str, found: object) -> RadioLost:
    return RadioLost(f"the page with the radio: expected {expected}, found {shown(repr(found), 80)}")
