"""Which radio protocols there are: one module or package a family, one line in CODECS."""

from devices.radio import bangle, colmi, pinetime, sensor
from devices.radio.codec import Codec

CODECS: tuple[Codec, ...] = (colmi.CODEC, bangle.CODEC, pinetime.CODEC, sensor.CODEC)


def find_codec(name: str) -> Codec | None:
    """Return the codec that captures and device entries call by this name."""
    return next((codec for codec in CODECS if codec.name == name), None)


def find_own(name: str) -> Codec | None:
    """Return the codec whose devices a browser reaches, if the name tells this one from others of its kind."""
    return next((codec for codec in CODECS if codec.chooser is not None and codec.chooser.own_name.fullmatch(name)), None)


def recognise(name: str, services: frozenset[str]) -> Codec | None:
    """Return whose an advertisement is; the first in CODECS, if a device offers a standard service beside its own protocol.

    name: the local name, empty if none.  services: full UUIDs, lower case
    """
    return next((codec for codec in CODECS if codec.matches(name, services)), None)
