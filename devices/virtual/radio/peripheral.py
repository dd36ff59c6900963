"""What a virtual wearable is to whoever puts it on a radio, real or simulated.

It is told what is written, read and subscribed to, and when; it answers with bytes and how long they take. It keeps no clock and
waits for nothing: `Notify.delay_ms` counts from the call, and answers of one call are to be sent in their order.

A radio asks `services` for what the device offers, shows `advertisement` while it is not connected, calls `on_connect` and
`on_disconnect` around a connection, and turns a raised `Refusal` into an ATT error with its code.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from devices.virtual.clock import MINUTE_MS
from devices.virtual.life import Day, State

Property = Literal["read", "write", "write-without-response", "notify", "indicate"]

NOT_PERMITTED_TO_READ, NOT_PERMITTED_TO_WRITE, WRONG_LENGTH = 0x02, 0x03, 0x0D


@dataclass(frozen=True, slots=True)
class Characteristic:
    uuid: str
    properties: frozenset[Property]


@dataclass(frozen=True, slots=True)
class Service:
    uuid: str
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True, slots=True)
class Advertisement:
    """name: may be in the scan response only.  services: full UUIDs that are advertised; seldom all that are there"""

    name: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    characteristic: str
    data: bytes
    delay_ms: int = 0


class Refusal(Exception):
    """code: of the ATT error"""

    def __init__(self, code: int) -> None:
        super().__init__(f"ATT error 0x{code:02x}")
        self.code = code


class Peripheral(Protocol):
    @property
    def advertisement(self) -> Advertisement: ...
    @property
    def services(self) -> tuple[Service, ...]: ...
    def on_connect(self, at_ms: int) -> Iterable[Notify]: ...
    def on_subscribe(self, characteristic: str, at_ms: int) -> Iterable[Notify]:
        """May go on for as long as the wearer's truth lasts: to be taken one by one, and dropped at the disconnect."""
        ...

    def on_write(self, characteristic: str, data: bytes, at_ms: int) -> Iterable[Notify]: ...
    def on_read(self, characteristic: str, at_ms: int) -> bytes: ...
    def on_disconnect(self, at_ms: int) -> None: ...


class Simple:
    """The part of a peripheral that most have in common: nothing happens by itself, and values that stay as they are."""

    def __init__(self, advertisement: Advertisement, services: tuple[Service, ...], values: dict[str, bytes]) -> None:
        self.advertisement, self.services, self._values = advertisement, services, values

    def on_connect(self, at_ms: int) -> Iterable[Notify]:
        return ()

    def on_subscribe(self, characteristic: str, at_ms: int) -> Iterable[Notify]:
        return ()

    def on_write(self, characteristic: str, data: bytes, at_ms: int) -> Iterable[Notify]:
        raise Refusal(NOT_PERMITTED_TO_WRITE)

    def on_read(self, characteristic: str, at_ms: int) -> bytes:
        if characteristic not in self._values:
            raise Refusal(NOT_PERMITTED_TO_READ)
        return self._values[characteristic]

    def on_disconnect(self, at_ms: int) -> None:
        pass


def readable(service: str, *characteristics: str) -> Service:
    return Service(service, tuple(Characteristic(each, frozenset({"read"})) for each in characteristics))


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """A wearer's minutes as the device at the wrist knew them, in time order, without days between them.

    at_ms: (n,) int64, when each starts.  steps: (n,) int64.  heart_rate: (n,) int64, 0 where it was not worn.
    worn: (n,) bool.  alive: (n,) bool, the device had power.  stage: (n,) uint8, `Stage`
    """

    at_ms: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    heart_rate: npt.NDArray[np.int64]
    worn: npt.NDArray[np.bool_]
    alive: npt.NDArray[np.bool_]
    stage: npt.NDArray[np.uint8]

    def until(self, at_ms: int) -> slice:
        """Return which minutes are over."""
        return slice(0, int(np.searchsorted(self.at_ms, at_ms - MINUTE_MS, side="right")))

    def steps_between(self, start_ms: int, end_ms: int) -> int:
        return int(self.steps[(self.at_ms >= start_ms) & (self.at_ms < end_ms)].sum())


def lived(days: Sequence[Day]) -> Lived:
    state = np.concatenate([day.state for day in days])
    pulse = np.concatenate([day.heart_rate for day in days]).astype(np.int64)
    return Lived(
        np.concatenate([day.at_ms for day in days]),
        np.concatenate([day.recorded for day in days]).astype(np.int64),
        np.where(state == State.WORN, pulse, 0),
        state == State.WORN,
        state != State.SILENT,
        np.concatenate([day.stage for day in days]),
    )


@dataclass(slots=True)
class Faults:
    """What goes wrong with the frames that a device sends, by their number since the device was made, from 0.

    damaged: a bit is turned.  doubled, lost, cut: sent twice, not at all, without their last bytes
    stalled: from this one on until the connection ends nothing is sent
    """

    damaged: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    stalled: frozenset[int] = frozenset()
    sent: int = field(default=0, init=False)
    _is_stalled: bool = field(default=False, init=False)

    def apply(self, frames: Iterable[Notify]) -> Iterator[Notify]:
        for frame in frames:
            number = self.sent
            self.sent += 1
            self._is_stalled |= number in self.stalled
            if self._is_stalled or number in self.lost:
                continue
            if number in self.damaged:
                frame = Notify(frame.characteristic, bytes([*frame.data[:-1], frame.data[-1] ^ 0x10]), frame.delay_ms)
            if number in self.cut:
                frame = Notify(frame.characteristic, frame.data[:-3], frame.delay_ms)
            yield frame
            if number in self.doubled:
                yield frame

    def reconnected(self) -> None:
        self._is_stalled = False


@dataclass(slots=True)
class DeviceClock:
    """A clock that may be wrong, and be set: what it was ahead of the truth, since when."""

    error_ms: int = 0
    _since: list[tuple[int, int]] = field(default_factory=list)

    def shown(self, at_ms: int) -> int:
        return at_ms + self.error_ms

    def set(self, shown_ms: int, at_ms: int) -> None:
        self._since.append((at_ms, self.error_ms))
        self.error_ms = shown_ms - at_ms

    def errors(self, at_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return how far ahead it was at each instant: (n,) int64."""
        until = np.array([end for end, _ in self._since], dtype=np.int64)
        errors = np.array([*(error for _, error in self._since), self.error_ms], dtype=np.int64)
        return errors[np.searchsorted(until, at_ms, side="right")]
