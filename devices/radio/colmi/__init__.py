"""Colmi rings R02, R03, R06, R09, R10 and those of other names that want the same app: steps, heart rate, sleep."""

import re
from collections.abc import Iterator, Sequence

from devices.radio.codec import Chooser, Exchange, Frame, Header, Settings
from devices.radio.colmi import packets
from devices.radio.colmi.decode import decode
from devices.radio.colmi.talk import DAYS_KEPT, RingTalk
from devices.radio.dialogue import Dialogue
from devices.radio.sig import INFORMATION_SERVICE
from devices.recording import Recording, Reject

# As the rings of this family call themselves; R01 to R99, not only those that somebody has had in hand.
_NAME = re.compile(r"(COLMI )?R\d\d_[0-9A-F]{4}")


class ColmiCodec:
    name = "colmi"
    version = 1
    has_history = True
    needs_key = False
    chooser = Chooser(
        _NAME,
        (*(f"R{digit}" for digit in range(10)), "COLMI R"),
        (packets.SERVICE, packets.BIG_SERVICE, INFORMATION_SERVICE),
        DAYS_KEPT,
    )

    def matches(self, name: str, services: frozenset[str]) -> bool:
        return packets.SERVICE in services or _NAME.fullmatch(name) is not None

    def open(self, settings: Settings) -> Exchange:
        return Dialogue(RingTalk(settings).begin)

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        return decode(header, frames)


CODEC = ColmiCodec()
