"""What a link to a wearable is to whoever talks over it, whatever the radio; and the ways in which it fails."""

from typing import Protocol

from ingest.errors import IngestError

ANSWER_S = 35.0  # a stack gives up on an unanswered request after 30 s, and says so
DISCONNECT_S = 10.0
NEAR = "Is it near, charged, and not connected to a phone?"


class RadioError(IngestError):
    """Root of what goes wrong on the way to a device and back."""


class Unreachable(RadioError):
    """No connection: try again later. `hint` says what a person can do, where one can."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LinkLost(RadioError):
    """The connection ended before the exchange did: resume from the cursor."""


class RadioLost(LinkLost):
    """The radio itself is gone, such as a browser's page that was closed: there is nothing to try again with."""


class BrokenProtocol(RadioError):
    """The device said what it cannot have meant: its frames are kept, and the cursor stays where it was."""


class Refused(RadioError):
    """The device has no such characteristic, or answered with an error; the link still stands."""


class Link(Protocol):
    """An open connection. UUIDs are full and lower case. Every call raises LinkLost once the link is gone."""

    async def subscribe(self, characteristic: str) -> None:
        """From now on what the device sends of it arrives. Raises: Refused"""
        ...

    async def read(self, characteristic: str) -> bytes:
        """Raises: Refused"""
        ...

    async def write(self, characteristic: str, data: bytes, response: bool) -> None:
        """Raises: Refused"""
        ...

    async def rest(self, seconds: float) -> None:
        """Do nothing for that long; what arrives meanwhile is queued."""
        ...

    async def arrived(self, timeout_s: float) -> tuple[str, bytes, int] | None:
        """Return the next frame that arrived, (characteristic, data, at_ms), in their order; None if none comes in time.

        What arrived before the link went comes first; then LinkLost is raised.
        """
        ...
