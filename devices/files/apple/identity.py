"""Whose record is it? The device behind a `sourceName` and a `device` attribute."""

import re
from collections.abc import Mapping

from devices.errors import Hostile
from devices.files.apple.attributes import read_attributes
from devices.recording import Device

DEVICE_LIMIT = 5_000
_CACHE_BYTES = 4 << 20
MANUAL = "manual"
NAME_LETTERS = 200

# `<<HKDevice: 0x282a45810>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch2,4, software:4.3.1>`.
# The address is the exporting program's memory, another one in every record; values may hold commas, so the names part them.
_NAMES = "name|manufacturer|model|hardware|firmware|software|localIdentifier|UDI|creation date"
_PART = re.compile(rf", ({_NAMES}):(.*?)(?=, (?:{_NAMES}):|>?$)", re.S)
_SUFFIX = re.compile(r",?\s+(inc|ltd|llc|gmbh|corp|co)\.?$", re.I)


def read_device(attributes: Mapping[str, str], *, entered_by_hand: bool = False) -> Device:
    """Return who recorded: never the address, a software version or a date, which all change on one device.

    The vendor is the maker if the record names one, else `apple`; there is no serial number in an export.
    """
    source = _clean(attributes.get("sourceName", attributes.get("source", "")))
    if entered_by_hand:
        return Device("apple", MANUAL, name=source)
    parts = {name: _clean(value) for name, value in _PART.findall(attributes.get("device", ""))}
    vendor = _SUFFIX.sub("", parts.get("manufacturer", "")).lower() or "apple"
    model, hardware, own = parts.get("model", ""), parts.get("hardware", ""), parts.get("name", "")
    return Device(vendor, _join(model, hardware), name=_join(source, own))


def is_apple_watch(device: Device) -> bool:
    return device.vendor == "apple" and device.model.startswith("Watch")


def _join(one: str, other: str) -> str:
    """Both, unless one says what the other says: `Watch` and `Watch2,4`, `Eva’s Apple Watch` and `Apple Watch`."""
    if other.startswith(one):
        return other
    return one if f" {other} " in f" {one} " else f"{one} {other}".strip()


def _clean(text: str) -> str:
    """Without the no-break spaces and control characters that come and go with the version of the system."""
    printable = "".join(letter for letter in text[: 4 * NAME_LETTERS] if letter.isprintable() or letter.isspace())
    return " ".join(printable.split())[:NAME_LETTERS]


class Identities:
    """The devices of one file, numbered; bounded, whatever the file holds."""

    def __init__(self) -> None:
        self.devices: list[Device] = []
        self._numbers: dict[Device, int] = {}
        self._by_text: dict[bytes, int] = {}
        self._text_bytes = 0

    def number(self, device: Device) -> int:
        """Raises: Hostile where a file names more devices than anybody can have worn"""
        found = self._numbers.get(device)
        if found is None:
            if len(self.devices) >= DEVICE_LIMIT:
                raise Hostile("sourceName and device", f"at most {DEVICE_LIMIT:,} different devices", "more")
            found = self._numbers[device] = len(self.devices)
            self.devices.append(device)
        return found

    def number_text(self, text: bytes) -> int:
        """The number of the device behind attributes as they are written, from the value of `sourceName` on."""
        found = self._by_text.get(text)
        return self._remember(text, read_attributes(b"sourceName=" + text)) if found is None else found

    def number_attributes(self, attributes: Mapping[str, str]) -> int:
        """The same for attributes that were read."""
        behind_address = attributes.get("device", "").partition(">")[2]
        # What `number_text` remembers begins with a quote, this with NUL.
        text = "\0".join(("", attributes.get("sourceName", ""), attributes.get("source", ""), behind_address)).encode()
        found = self._by_text.get(text)
        return self._remember(text, attributes) if found is None else found

    def _remember(self, text: bytes, attributes: Mapping[str, str]) -> int:
        if self._text_bytes > _CACHE_BYTES:
            self._by_text.clear()
            self._text_bytes = 0
        self._text_bytes += len(text)
        self._by_text[text] = self.number(read_device(attributes))
        return self._by_text[text]
