"""What else does a span say? Its attributes as one JSON object in a cell: names with texts and numbers, nothing within another.

What is written is read as the same attributes: numbers to the last bit, names in order.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from devices.files.textual.cells import NAME_CHARACTERS

Attributes = dict[str, str | int | float]

_MOST_CHARACTERS = 16_384
_MOST_NAMES = 64
_TEXT_CHARACTERS = 1_000
_LARGEST = 2**53  # beyond it not every reader of JSON knows whole numbers apart


def read_attributes(text: str) -> Attributes | None:
    """Return what the cell says, nothing if it is empty, or None if it is no such object."""
    if not text:
        return {}
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if type(found) is not dict or len(found) > _MOST_NAMES:
        return None
    return found if all(_is_name(name) and _is_plain(value) for name, value in found.items()) else None


def write_attributes(attributes: Mapping[str, str | int | float]) -> str:
    """Return the cell; what no screen can show is replaced, as in every name from outside."""
    said = {name: _shown(value) if isinstance(value, str) else value for name, value in attributes.items()}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if said else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS and name.isprintable()


def _is_plain(value: object) -> bool:
    if type(value) is str:
        return len(value) <= _TEXT_CHARACTERS and value.isprintable()
    if type(value) is int:
        return abs(value) <= _LARGEST
    return type(value) is float and math.isfinite(value)


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
