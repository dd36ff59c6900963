"""A conversation with a device, written down as a generator: it yields what to do and receives what came of it.

    def talk(settings, at_ms):
        event = yield Turn([Write(COMMAND, ask)])
        ...
        return cursor

So a protocol reads from top to bottom, and the state it is in is the line it stands on. `Dialogue` makes an `Exchange` of it.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from devices.errors import DecodeError
from devices.radio.codec import About, Action, Battery, Commit, Cursor, Done, Malformed, NoAnswer, Read, Subscribe, Write
from devices.radio.sig import BATTERY_LEVEL, INFORMATION, decode_battery, decode_information

PATIENCE_S = 5.0
TRIES = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now, and how long to wait for what comes then."""

    actions: Sequence[Action] = ()
    idle_s: float = PATIENCE_S


@dataclass(frozen=True, slots=True)
class Arrived:
    at_ms: int
    characteristic: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    at_ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    at_ms: int
    action: Subscribe | Read | Write


@dataclass(frozen=True, slots=True)
class Committed:
    at_ms: int


Event = Arrived | Silence | Refused | Committed
Talk = Generator[Turn, Event, Cursor]


class Stop(Exception):
    """Raised where a conversation stands when it is wanted to end; it catches it and returns its cursor, or says what is left."""

    def __init__(self, at_ms: int) -> None:
        super().__init__(at_ms)
        self.at_ms = at_ms


@dataclass(slots=True)
class Dialogue:
    """An `Exchange`. talk: begins the conversation at an instant."""

    talk: Callable[[int], Talk]
    idle_s: float = PATIENCE_S
    is_done: bool = False
    _running: Talk | None = field(default=None, init=False)

    def begin(self, at_ms: int) -> Sequence[Action]:
        self._running = self.talk(at_ms)
        return self._advance(lambda talk: next(talk))

    def receive(self, characteristic: str, data: bytes, at_ms: int) -> Sequence[Action]:
        return self._advance(lambda talk: talk.send(Arrived(at_ms, characteristic, data)))

    def refused(self, action: Subscribe | Read | Write, at_ms: int) -> Sequence[Action]:
        return self._advance(lambda talk: talk.send(Refused(at_ms, action)))

    def idle(self, at_ms: int) -> Sequence[Action]:
        return self._advance(lambda talk: talk.send(Silence(at_ms)))

    def committed(self, at_ms: int) -> Sequence[Action]:
        return self._advance(lambda talk: talk.send(Committed(at_ms)))

    def stop(self, at_ms: int) -> Sequence[Action]:
        return self._advance(lambda talk: talk.throw(Stop(at_ms)))

    def _advance(self, move: Callable[[Talk], Turn]) -> Sequence[Action]:
        if self._running is None:
            raise RuntimeError("the exchange has not begun")
        if self.is_done:
            raise RuntimeError("the exchange is done")
        try:
            turn = move(self._running)
        except StopIteration as end:
            self.is_done = True
            return [Done(end.value)]
        self.idle_s = turn.idle_s
        return turn.actions


def unwanted(event: Refused) -> DecodeError:
    """Return the error for a device that refuses what its protocol cannot do without."""
    return DecodeError(event.action.characteristic, f"a device that allows {type(event.action).__name__.lower()}", "a refusal")


def commit(cursor: Cursor, notes: Sequence[Action] = ()) -> Generator[Turn, Event, None]:
    """Have everything so far made safe; what arrives meanwhile belongs to nothing that was asked for."""
    event = yield Turn([*notes, Commit(cursor)])
    while not isinstance(event, Committed):
        event = yield Turn()


def read(characteristic: str) -> Generator[Turn, Event, Arrived | None]:
    """Read a characteristic; None if the device does not have it, or says nothing. Other frames are passed over."""
    event = yield Turn([Read(characteristic)])
    for _ in range(TRIES):
        while isinstance(event, Arrived | Committed):
            if isinstance(event, Arrived) and event.characteristic == characteristic:
                return event
            event = yield Turn()
        if isinstance(event, Refused):
            return None
        event = yield Turn([Read(characteristic)])
    return None


def ask_about(*facts: str) -> Generator[Turn, Event, list[Action]]:
    """Return notes of what the device says it is, as far as it says it. facts: as `About` names them."""
    notes = list[Action]()
    for characteristic, what in INFORMATION.items():
        if what in facts:
            event = yield from read(characteristic)
            if event is not None and (text := decode_information(event.data)):
                notes.append(About(what, text))
    return notes


def ask_battery() -> Generator[Turn, Event, list[Action]]:
    """Return a note of the standard battery service's charge, as far as the device has one."""
    event = yield from read(BATTERY_LEVEL)
    if event is None:
        return []
    try:
        return [Battery(decode_battery(event.data))]
    except DecodeError as error:
        return [Malformed(error.place, error.expected, error.found)]


def silent(what: str) -> NoAnswer:
    return NoAnswer(f"{what}: no answer, though asked {TRIES} times")
