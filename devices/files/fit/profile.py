"""What the numbers of messages, fields and values are called: fitparse's profile, and what came after it from `newer`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from devices.files.fit import newer


@dataclass(frozen=True, slots=True)
class Component:
    """Bits of a field that are another field's value.

    number: the other field.  bits, shift: how many, and from which bit on
    accumulates: the value runs on, and only its low bits are there
    """

    number: int
    bits: int
    shift: int
    scale: float | None
    offset: float | None
    accumulates: bool


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """type: the profile's type.  names: of its values.  value = stored / scale - offset, in `units`"""

    name: str
    type: str
    names: Mapping[int, str]
    scale: float | None = None
    offset: float | None = None
    units: str = ""
    components: tuple[Component, ...] = ()
    variants: tuple["Variant", ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """What a field is instead while another one holds a value. when: (the other field's number, its value), any of them"""

    field: FieldProfile
    when: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MessageProfile:
    name: str
    fields: Mapping[int, FieldProfile]


@lru_cache(maxsize=1024)
def message_profile(number: int) -> MessageProfile | None:
    """Return the profile of a global message; None if it is not known."""
    known = _fitparse().MESSAGE_TYPES.get(number)
    if known is not None:
        return MessageProfile(known.name, {key: _field(field) for key, field in known.fields.items()})
    if number not in newer.MESSAGES:
        return None
    name, fields = newer.MESSAGES[number]
    return MessageProfile(
        name,
        {
            key: FieldProfile(field.name, field.type, type_names(field.type), field.scale, None, field.units)
            for key, field in fields.items()
        },
    )


@lru_cache(maxsize=1024)
def type_names(kind: str) -> Mapping[int, str]:
    """Return the names of a type's values; empty for a type whose values are plain numbers."""
    known = _fitparse().FIELD_TYPES.get(kind)
    return {**newer.TYPES.get(kind, {}), **((known.values if known is not None else None) or {})}


def type_name(kind: str, value: int) -> str | None:
    """Return the name of a value of a type; None if it has none."""
    return type_names(kind).get(value)


# fitparse ships no types; what it says is put into ours at once.
def _fitparse() -> Any:
    # Imported on first use: it builds 12,000 lines of objects.
    from fitparse import profile

    return profile


def _field(known: Any) -> FieldProfile:
    return FieldProfile(
        known.name,
        known.type.name,
        type_names(known.type.name),
        known.scale,
        known.offset,
        known.units or "",
        tuple(
            Component(part.def_num, part.bits, part.bit_offset, part.scale, part.offset, part.accumulate)
            for part in known.components or ()
        ),
        tuple(
            Variant(_field(sub), tuple((ref.def_num, ref.raw_value) for ref in sub.ref_fields))
            for sub in getattr(known, "subfields", None) or ()
        ),
    )
