"""A sync with a wearable over the radio of a patient's own browser: one WebSocket is one sync.

The page begins with what was chosen there, a wearable of the patient's or, with none, a new one; then it does what
`ingest.collect.remote` asks for; it is told how far things are; and in the end what became of it:

    page: {"csrf": TOKEN, "wearable": ID or null, "name": "R02_341C"}
    here: {"note": "progress", "done": 3, "of": 16}
    here: {"end": "done", "new": 312, "changed": 0, "battery": 64}
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from afoot.service.access import Principal, note, own_patient
from afoot.service.bodies import has_room
from afoot.service.imported import note_imports
from afoot.service.page_captures import NoLonger, PageRoster, folder_of
from afoot.service.parts import Parts
from afoot.service.problems import FULL_DISK, Refusal
from afoot.service.secret import same
from devices.errors import shown
from devices.radio.capture import MOST_BYTES
from devices.radio.codec import Action, Codec, NoAnswer, Progress, WrongKey
from devices.radio.codecs import find_own
from ingest import wearables
from ingest.collect.draining import Drained, drain
from ingest.collect.exchanging import leftovers
from ingest.collect.files import Outcome
from ingest.collect.links import BrokenProtocol, RadioLost, Unreachable
from ingest.collect.pairing import Paired, clear_away, keep_leftovers, only_one
from ingest.collect.remote import LONGEST_MESSAGE, RemoteRadio
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.store import Change

log = logging.getLogger(__name__)

HELLO_S = 10.0
SETTLE_S, LOOK_AGAIN_S = 10.0, 0.1
FAREWELL_S = 10.0
MOST_UNHEARD = 64  # messages that wait until the page takes them
MOST_SYNCS, MOST_OWN_SYNCS = 64, 4  # at once, in this process: of all, and of one account
MOST_WEARABLES = 8  # that one patient may pair by themselves
_LONGEST_NAME = 40


class Ended(Exception):
    """The sync does not begin, or goes no further. end: why, in a word that the page has sentences for"""

    def __init__(self, end: str, detail: str = "") -> None:
        super().__init__(detail or end)
        self.end = end


@dataclass(frozen=True, slots=True)
class Hello:
    """How a page begins. wearable: its id; None for one that is new. name: what the device calls itself"""

    csrf: str
    wearable: str | None
    name: str


def parse_hello(text: str) -> Hello:
    """Raises: Ended"""
    try:
        given = json.loads(text) if len(text) <= LONGEST_MESSAGE else None
    except (ValueError, RecursionError):
        given = None
    match given:
        case {"csrf": str() as csrf, "wearable": str() | None as id, "name": str() as name} if len(name) <= _LONGEST_NAME:
            return Hello(csrf, id, name)
    raise Ended("fault", f"expected csrf, wearable and name, found {shown(repr(text), 80)}")


class _Channel:
    """What is said to the page goes out in order, by a task of its own."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._out: asyncio.Queue[str | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._pump())

    async def close(self, end: Mapping[str, Any]) -> None:
        """Say what is left, and this last, and end the connection; a page that does not take it is not waited for."""
        self._out.put_nowait(json.dumps(end))
        self._out.put_nowait(None)
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._task

    def tell(self, note: Mapping[str, Any]) -> None:
        """Say something that does not matter to a page that is behind."""
        if self._out.empty():
            self._out.put_nowait(json.dumps(note))

    async def send(self, text: str) -> None:
        if self._out.qsize() >= MOST_UNHEARD:
            raise RadioLost("the page with the radio does not take what it is asked")
        self._out.put_nowait(text)

    async def receive(self) -> str:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise RadioLost("the page was closed, or lost its connection")
        text: str | None = message.get("text")
        if text is None:
            raise RadioLost("the page with the radio: expected text, found bytes")
        return text

    async def _pump(self) -> None:
        # Whoever hung up hears nothing any more; that they did is told where one listens.
        with suppress(WebSocketDisconnect, RuntimeError):
            while (text := await self._out.get()) is not None:
                await self._socket.send_text(text)
            await self._socket.close()


@dataclass(slots=True)
class PageSync:
    """One sync of one patient's page. still_in: asks the store whether the page's session still stands"""

    parts: Parts
    socket: WebSocket
    who: Principal
    still_in: Callable[[], Principal | None]
    _channel: _Channel = field(init=False)
    _change: Change = field(default_factory=Change, init=False)
    _kept: int = field(default=0, init=False)

    async def run(self) -> None:
        """Hold the sync, from the greeting to its end; what goes wrong is said to the page."""
        self._channel = _Channel(self.socket)
        self._channel.open()
        end: dict[str, Any] = {"end": "fault"}
        try:
            end = await self._counted(self._sync)
        except Ended as error:
            end = {"end": error.end}
            log.info("a sync over a page did not begin: %s", error.end)
        except RadioLost as error:
            end = {"end": _word(error)}
        except (SQLAlchemyError, OSError) as error:
            # Without its message: it may hold a name.
            log.error("%s in a sync over a page", type(error).__name__)
        finally:
            self.parts.metrics.page_syncs.labels(end["end"]).inc()
            await self._channel.close(end)

    async def _counted(self, work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        going, gauge, mine = self.parts.page_syncs, self.parts.metrics.page_syncs_open, Counter([self.who.key])
        if going.total() >= MOST_SYNCS or going[self.who.key] >= MOST_OWN_SYNCS:
            raise Ended("many")
        going += mine
        gauge.set(going.total())
        try:
            return await work()
        finally:
            going -= mine
            gauge.set(going.total())

    async def _sync(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(HELLO_S):
                hello = parse_hello(await self._channel.receive())
        except TimeoutError as error:
            raise Ended("gone") from error
        if self.who.csrf is not None and not same(hello.csrf, self.who.csrf):
            raise Ended("signed_out")
        codec = find_own(hello.name)
        if codec is None:
            raise Ended("unknown")
        app = self.parts.app
        assert self.who.scope.patient_id is not None
        folder = folder_of(app, self.who.scope.patient_id, hello.name)
        async with _alone(folder):
            if not has_room(folder, MOST_BYTES):
                raise OSError(FULL_DISK)
            one, is_new = await run_in_threadpool(self._choose, hello, codec)
            try:
                return self._told(await self._drain(PageRoster(app, folder, self._may, self._imported), one))
            finally:
                if is_new and not self._kept and not leftovers(folder):
                    await run_in_threadpool(self._let_go, one.id)

    async def _drain(self, roster: PageRoster, one: Paired) -> Drained:
        now_ms = self.parts.app.now_ms
        try:
            for problem in await run_in_threadpool(keep_leftovers, roster):
                log.warning("what a page's sync left: %s", problem)
            async with RemoteRadio(self._channel, now_ms) as radio:
                drained = await drain(roster, one, radio.connected, now_ms, self.parts.manner, self._note)
        except NotKnown as error:
            raise Ended("let_go") from error
        await run_in_threadpool(roster.note, one.id, drained.seen)
        return drained

    def _choose(self, hello: Hello, codec: Codec) -> tuple[Paired, bool]:
        """Return which wearable is meant, and whether it has just been paired. Raises: Ended"""
        with self.parts.app.store.writing() as connection:
            try:
                patient = own_patient(connection, self.who)
            except Refusal as error:
                raise Ended("signed_out") from error
            mine = wearables.list_wearables(connection, [patient.id])
            if hello.wearable is not None:
                one = next((one.paired for one in mine if one.paired.id == hello.wearable), None)
                if one is None:
                    raise Ended("let_go")
                if one.name != hello.name:
                    raise Ended("other")
                return one, False
            known = wearables.find_by_name(connection, patient.id, codec.name, hello.name)
            if known is not None:
                return known.paired, False
            if len(mine) >= MOST_WEARABLES:
                raise Ended("many_wearables")
            new = Paired(f"PAGE-{token_hex(8).upper()}", "", hello.name, codec.name)
            wearables.add_wearable(connection, patient.id, new)
            note(connection, self.who, "change wearables", patient, self.parts.app.now_ms())
        return new, True

    def _let_go(self, id: str) -> None:
        """Of a wearable that was new, and of which nothing came, nothing stays."""
        with self.parts.app.store.writing() as connection, suppress(NotKnown, Refusal):
            patient = own_patient(connection, self.who)
            wearables.remove_wearable(connection, patient.id, id)
            note(connection, self.who, "change wearables", patient, self.parts.app.now_ms())

    def _may(self) -> bool:
        now = self.still_in()
        return now is not None and now.scope == self.who.scope

    def _imported(self, patient: Patient, outcome: Outcome) -> None:
        self._kept += 1
        self._change += outcome.change
        note_imports(self.parts.app, [(self.who.name, self.who.role.value, patient.id)])

    def _note(self, _: Paired, action: Action) -> None:
        if isinstance(action, Progress):
            self._channel.tell({"note": "progress", "done": action.done, "of": action.of})

    def _told(self, drained: Drained) -> dict[str, Any]:
        end = {"end": _word(drained.problem), "new": self._change.inserted, "changed": self._change.changed}
        return end | ({} if drained.seen.battery is None else {"battery": drained.seen.battery})


@asynccontextmanager
async def _alone(folder: Path) -> AsyncIterator[None]:
    """Hold the folder of captures; a page that was just left is still at the end of its own sync. Raises: Ended"""
    with ExitStack() as held:
        for left in reversed(range(round(SETTLE_S / LOOK_AGAIN_S))):
            try:
                held.enter_context(only_one(folder))
                break
            except Conflict as error:
                if not left:
                    raise Ended("busy") from error
                await asyncio.sleep(LOOK_AGAIN_S)
        try:
            yield
        finally:
            clear_away(folder)


def _word(problem: Exception | None) -> str:
    match problem:
        case None:
            return "done"
        case NoLonger(end=end):
            return end
        case RadioLost():
            return "gone"
        case Unreachable():
            return "unreachable"
        case NoAnswer():
            return "silent"
        case BrokenProtocol():
            return "broken"
        case WrongKey():
            return "key"
    return "lost"
