"""What one record looks like: a definition message, parsed, and the numpy layout that goes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np

DEVELOPER_FLAG = 0x20
_FIXED_BYTES = 5  # reserved, architecture, global number (2), number of fields
_FIELD_BYTES = 3  # number, size, base type; of a developer field: number, size, developer index


@dataclass(frozen=True, slots=True)
class BaseType:
    """How one value is stored.

    code:    numpy's type code, without byte order
    invalid: the value that says "none", in the value's own type; None where NaN (floats) or a whole field (bytes) says it
    """

    name: str
    code: str
    invalid: int | None

    @property
    def size(self) -> int:
        return np.dtype(self.code).itemsize

    @property
    def is_whole(self) -> bool:
        """Is a single value a whole number? A byte on its own is one, though several are none."""
        return self.code[0] in "iu" and self is not STRING

    @property
    def none(self) -> int:
        """The invalid value of a whole number."""
        return 0xFF if self.invalid is None else self.invalid


BYTE = BaseType("byte", "u1", None)
STRING = BaseType("string", "u1", None)

# By number without the flag 0x80, which only says "has a byte order" and which some writers forget (GoldenCheetah: 0x06, 0x0C).
BASE_TYPES: Mapping[int, BaseType] = MappingProxyType(
    {
        0x00: BaseType("enum", "u1", 0xFF),
        0x01: BaseType("sint8", "i1", 0x7F),
        0x02: BaseType("uint8", "u1", 0xFF),
        0x03: BaseType("sint16", "i2", 0x7FFF),
        0x04: BaseType("uint16", "u2", 0xFFFF),
        0x05: BaseType("sint32", "i4", 0x7FFF_FFFF),
        0x06: BaseType("uint32", "u4", 0xFFFF_FFFF),
        0x07: STRING,
        0x08: BaseType("float32", "f4", None),
        0x09: BaseType("float64", "f8", None),
        0x0A: BaseType("uint8z", "u1", 0),
        0x0B: BaseType("uint16z", "u2", 0),
        0x0C: BaseType("uint32z", "u4", 0),
        0x0D: BYTE,
        0x0E: BaseType("sint64", "i8", 0x7FFF_FFFF_FFFF_FFFF),
        0x0F: BaseType("uint64", "u8", 0xFFFF_FFFF_FFFF_FFFF),
        0x10: BaseType("uint64z", "u8", 0),
    }
)


def base_type(number: int) -> BaseType:
    """Return the type of that number; bytes for one that is not known, so that nothing is misread and nothing lost."""
    return BASE_TYPES.get(number & 0x7F, BYTE)


@dataclass(frozen=True, slots=True)
class DeveloperField:
    """What a field_description message says of a field that a developer added."""

    name: str
    units: str
    base: BaseType


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a definition.

    key:       its column: the number; with a "#2" behind it when the definition has that number a second time; for a
               developer field "developer index.number"
    number:    within the global message, or within the developer's fields
    developer: the developer's index; None for a field of the profile
    offset:    bytes before it in the record, its header byte not counted
    base:      bytes where the size is not a multiple of the type's
    count:     how many values (bytes of a string); 0 for a field without any
    described: what the file says of a developer field, if it does
    """

    key: str
    number: int
    developer: int | None
    offset: int
    size: int
    base: BaseType
    count: int
    described: DeveloperField | None = None


@dataclass(frozen=True, eq=False)
class Definition:
    """A definition message without its local type: records of one definition share their columns.

    size: bytes of a record, its header byte not counted
    """

    global_number: int
    big_endian: bool
    fields: tuple[Field, ...]
    size: int

    def field(self, number: int) -> Field | None:
        """Return the profile's field of that number, the first if there are several; None if there is none or it is empty."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> dict[int, Field]:
        return {f.number: f for f in reversed(self.fields) if f.developer is None and f.count}

    @cached_property
    def developer_keys(self) -> tuple[tuple[int, int], ...]:
        """(developer index, field number) of each developer field."""
        return tuple((f.developer, f.number) for f in self.fields if f.developer is not None)

    @cached_property
    def plain(self) -> np.dtype[np.void]:
        """The dtype of a record as so many bytes, which are copied in one go."""
        return np.dtype(f"V{self.size}")

    @cached_property
    def layout(self) -> np.dtype[np.void]:
        """The structured dtype of a record, its header byte not counted: one column a field, by key."""
        order = ">" if self.big_endian else "<"
        stored = [field for field in self.fields if field.count]
        return np.dtype(
            {
                "names": [field.key for field in stored],
                "formats": [(order + f.base.code, () if f.count == 1 and f.base is not STRING else (f.count,)) for f in stored],
                "offsets": [field.offset for field in stored],
                "itemsize": self.size,
            }
        )


def definition_bytes(data: bytes, at: int) -> int:
    """Return the length of the definition message at `at`, header byte included; more than is left if it is cut off."""
    fields = at + 1 + _FIXED_BYTES
    if fields > len(data):
        return len(data) + 1 - at
    end = fields + _FIELD_BYTES * data[fields - 1]
    if data[at] & DEVELOPER_FLAG:
        if end >= len(data):
            return len(data) + 1 - at
        end += 1 + _FIELD_BYTES * data[end]
    return end - at


@lru_cache(maxsize=4096)
def parse_definition(body: bytes) -> Definition:
    """Return the definition in `body`, the message without its header byte; what describes developer fields is not in it.

    The cache holds what the bytes themselves say and nothing of the file they were in.
    """
    big_endian = body[1] != 0
    global_number = int.from_bytes(body[2:4], "big" if big_endian else "little")
    plain_end = _FIXED_BYTES + _FIELD_BYTES * body[4]
    fields: list[Field] = []
    seen: dict[str, int] = {}
    offset = 0
    for at in range(_FIXED_BYTES, len(body) - 2, _FIELD_BYTES):
        is_plain = at < plain_end
        number, size, third = body[at : at + 3] if is_plain else body[at + 1 : at + 4]
        name = f"{number}" if is_plain else f"{third}.{number}"
        seen[name] = seen.get(name, 0) + 1
        key = name if seen[name] == 1 else f"{name}#{seen[name]}"
        base = base_type(third) if is_plain else BYTE
        fields.append(_field(key, number, None if is_plain else third, offset, size, base, None))
        offset += size
    return Definition(global_number, big_endian, tuple(fields), offset)


@lru_cache(maxsize=4096)
def describe(definition: Definition, described: tuple[DeveloperField | None, ...]) -> Definition:
    """Return the definition with its developer fields typed and named.

    described: of each developer field, in order, what the file had said of it when the definition came; None if nothing
    """
    said = iter(described)
    fields = [
        field
        if field.developer is None or (own := next(said)) is None
        else _field(field.key, field.number, field.developer, field.offset, field.size, own.base, own)
        for field in definition.fields
    ]
    return Definition(definition.global_number, definition.big_endian, tuple(fields), definition.size)


def _field(
    key: str, number: int, developer: int | None, offset: int, size: int, base: BaseType, described: DeveloperField | None
) -> Field:
    if size % base.size:
        base = BYTE  # COROS writes an uint32 of one byte
    return Field(key, number, developer, offset, size, base, size // base.size, described)
