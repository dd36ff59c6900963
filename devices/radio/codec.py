"""What a wearable's radio protocol is, without a radio.

A `Codec` is one family of wearables: how it is recognised, how a connection to it goes, and what its bytes mean. It keeps no
state. Two things come of it:

- an `Exchange`, one for each connection, which is told what arrives and answers with what to do next. It never waits, and never
  reads a clock: instants are passed in, in ms since 1970, of the host. It decides what to ask and when all has come.
- `decode`, which turns the frames of a capture into recordings. What a sync stores is always decoded from its capture, so what
  a rebuild makes of the archive is what the sync made.

How a transport runs an exchange:

    actions = exchange.begin(now)
    until exchange.is_done:
        do the actions one after the other; frames that arrive meanwhile are queued, and every frame is captured as it comes
        wait for the next frame: actions = exchange.receive(characteristic, data, now)
        if none comes within `exchange.idle_s`: actions = exchange.idle(now)

Whatever raises out of an exchange leaves it unusable: the capture so far is kept and decoded, the cursor stays, and the next
connection begins anew. So does a lost link.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from devices.errors import DeviceError
from devices.recording import Recording, Reject

# What an exchange has to remember until the next one: plain JSON, opaque to all but its codec. It stands for what is stored:
# it may only be written down in the commit that also stores the capture it came with, or in a later one.
Cursor = Mapping[str, int | str]


def whole(cursor: Cursor, key: str) -> int:
    """Return a number that a cursor holds; 0 if it does not."""
    value = cursor.get(key, 0)
    return value if isinstance(value, int) else 0


def sig(number: int) -> str:
    """Return the full UUID of a 16-bit number of the Bluetooth SIG. UUIDs are lower case throughout."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class NoAnswer(DeviceError):
    """The device stopped answering, though asked again: try again later."""


class WrongKey(DeviceError):
    """The device wants a key that it was not given, or refused the one it was given: a person must act."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Have the device send what changes in a characteristic (notifications or indications). Its frames go to `receive`."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic. What it holds goes to `receive`, like a notification."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Write:
    """response: whether to wait until the device acknowledges the write."""

    characteristic: str
    data: bytes
    response: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for that long. Frames that arrive meanwhile are queued."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Commit:
    """End the capture here and make it safe: archived, decoded, stored, and the cursor with it, in one commit; then call
    `committed` and go on with a new capture that begins with this cursor. Nothing more is sent before: what follows may erase.
    """

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Done:
    """All there is has come. Make the capture and the cursor safe as for `Commit`, and disconnect."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Battery:
    """A note for the device's entry: nothing to do on the radio."""

    percent: int
    charging: bool | None = None


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """A note: how far the device's clock stood ahead of the host's, seen before it is set.

    offset_ms: device minus host; None if the device does not tell its time
    within_ms: how exact that is: the truth is at most that far to either side
    """

    at_ms: int
    offset_ms: int | None
    within_ms: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """A note: what the device says it is. what: `maker`, `model`, `serial`, `firmware` or `hardware`."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A note: so much of a download has come. `of` is 0 where the device does not tell beforehand."""

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Live:
    """A note: a value as it is being measured, for a person to look at; what is stored is decoded from the capture."""

    metric: str
    at_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Malformed:
    """A note: a frame that breaks the protocol was passed over (it is in the capture). The exchange goes on."""

    place: str
    expected: str
    found: str


Action = Subscribe | Read | Write | Wait | Commit | Done | Battery | ClockOffset | About | Progress | Live | Malformed


@dataclass(frozen=True, slots=True)
class Peer:
    """The device at the other end.

    id:   tells it from every other of its vendor, and never changes: chosen when it was added (its MAC address in capitals, where
          the system shows one; else its serial number, or an id of our own). It becomes the serial of `Device`
    name: what it advertises; the codec may read the model from it
    """

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person or the program says about one connection.

    cursor:       of the last exchange whose capture is stored; empty for a device that is new
    utc_offset_s: how far the wearer's wall clock is ahead of UTC now, for watches that keep local time
    live:         follow what is measured until `stop`, instead of fetching what the device has stored
    set_clock:    whether to set the device's clock
    key:          what a device wants to hear before it tells anything; 16 bytes
    """

    cursor: Cursor = field(default_factory=dict)
    utc_offset_s: int = 0
    live: bool = False
    set_clock: bool = True
    key: bytes | None = None


class Direction(StrEnum):
    IN = "in"  # a notification, or what a read returned
    OUT = "out"  # a write


@dataclass(frozen=True, slots=True)
class Frame:
    """What passed over the link, and when by the host's clock."""

    at_ms: int
    direction: Direction
    characteristic: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What a capture says of itself, before its frames.

    codec, version: who ran the exchange; a later version decodes the captures of all before it
    begun_ms:       by the host's clock
    cursor:         what the exchange, or the part after its last `Commit`, began with
    utc_offset_s:   of the settings
    facts:          of the device's entry, where a decoder needs them: `both_feet` = 0 if its cadence counts one foot
    """

    codec: str
    version: int
    peer: Peer
    begun_ms: int
    cursor: Cursor = field(default_factory=dict)
    utc_offset_s: int = 0
    facts: Mapping[str, int | str] = field(default_factory=dict)


class Exchange(Protocol):
    """One connection. Every method but `begin` may be called only after it, and none after `is_done`."""

    @property
    def idle_s(self) -> float:
        """How long to wait for the next frame before `idle` is called; it may differ from moment to moment."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether `Done` has been given out."""
        ...

    def begin(self, at_ms: int) -> Sequence[Action]:
        """The device is connected and its characteristics are known."""
        ...

    def receive(self, characteristic: str, data: bytes, at_ms: int) -> Sequence[Action]:
        """A notification came, or what a read returned.

        Raises: DecodeError if what came cannot be right, however often it is asked for; WrongKey; nothing else, on any bytes
        """
        ...

    def refused(self, action: Subscribe | Read | Write, at_ms: int) -> Sequence[Action]:
        """The device has no such characteristic, or answered with an error (the link still stands).

        The actions that follow it in their list are done first.

        Raises: DecodeError if it cannot do without
        """
        ...

    def idle(self, at_ms: int) -> Sequence[Action]:
        """Nothing came for `idle_s`. Raises: NoAnswer if it has been asked often enough."""
        ...

    def committed(self, at_ms: int) -> Sequence[Action]:
        """The `Commit` that was asked for is done."""
        ...

    def stop(self, at_ms: int) -> Sequence[Action]:
        """Come to an end soon: the person, or the time for this device, is up. Ends with `Done`, now or after more frames."""
        ...


@dataclass(frozen=True, slots=True)
class Chooser:
    """What a browser has to be told so that a person can choose a device of a family: it shows and reaches nothing else.

    own_name: the names that tell a device from others of its kind, for a browser tells no address
    prefixes: how these begin
    services: full UUIDs of all services that an exchange may use, and may be listed only by
    keeps_days: for how long it keeps what it measured; None if for months
    """

    own_name: re.Pattern[str]
    prefixes: tuple[str, ...]
    services: tuple[str, ...]
    keeps_days: int | None = None


class Codec(Protocol):
    """One family of wearables."""

    @property
    def name(self) -> str:
        """Short and stable: every capture holds it."""
        ...

    @property
    def version(self) -> int: ...

    @property
    def has_history(self) -> bool:
        """Whether it keeps what it measured, so that a sync now and then loses nothing; else it must be polled or followed."""
        ...

    @property
    def needs_key(self) -> bool: ...

    @property
    def chooser(self) -> Chooser | None:
        """None if its devices are not to be reached by a browser."""
        ...

    def matches(self, name: str, services: frozenset[str]) -> bool:
        """Is an advertisement one of ours? name: the local name, `` if none.  services: full UUIDs, lower case."""
        ...

    def open(self, settings: Settings) -> Exchange:
        """Begin a connection. Raises: WrongKey if it needs a key and has none."""
        ...

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        """Yield what the frames of one capture say, and what of them says nothing. It may end anywhere.

        Raises: nothing, on any frames
        """
        ...
