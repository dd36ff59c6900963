"""Rows of several global messages in the order of the file, whatever definitions they were written with."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.files.fit.clock import NONE
from devices.files.fit.container import MISSING, FitFile, Ints

EPOCH_S = 631_065_600
"""1989-12-31T00:00Z, in seconds since 1970."""
FIRST_ABSOLUTE = 0x1000_0000
"""Times below count from when the device was switched on, not from the epoch."""


@dataclass(frozen=True, eq=False)
class Rows:
    """at: (n,) the place of each record.  number: (n,) its global message.  fit_time: (n,) FIT seconds, NONE without one."""

    at: Ints
    number: Ints
    fit_time: Ints
    _values: Ints
    _row_of: Mapping[tuple[int, int], int]
    _written: Set[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.at)

    def has(self, message: int, field: int) -> bool:
        """Does any of the message's definitions have the field?"""
        return (message, field) in self._written

    def column(self, message: int, field: int) -> Ints:
        """Return a field of one of the messages: (n,) int64, MISSING where invalid and in the rows of other messages."""
        column: Ints = self._values[self._row_of[message, field]]
        return column

    def either(self, message: int, field: int, other: int) -> Ints:
        """Return a field, and where it is MISSING another one of the same message."""
        if not self.has(message, other):
            return self.column(message, field)
        column = self.column(message, field)
        return np.where(present(column), column, self.column(message, other))

    def take(self, chosen: Ints) -> "Rows":
        """Return the chosen rows, in that order."""
        parts = (self.at[chosen], self.number[chosen], self.fit_time[chosen], self._values[:, chosen])
        return Rows(*parts, self._row_of, self._written)


def gather_rows(file: FitFile, wanted: Mapping[int, Sequence[int]]) -> Rows:
    """Return the records of the messages in `wanted`, with the integer fields named there by number."""
    row_of = {(message, field): i for i, (message, field) in enumerate((m, f) for m, fs in wanted.items() for f in fs)}
    tables = file.of(*wanted)
    count = sum(len(table) for table in tables)
    values = np.empty((len(row_of), count), dtype=np.int64)
    values.fill(MISSING)
    at, number, times = np.empty((3, count), dtype=np.int64)
    written = set()
    first = 0
    for table in tables:
        part = slice(first, first + len(table))
        first = part.stop
        message = table.definition.global_number
        at[part], number[part], times[part] = table.at, message, file.times(table)
        for field in wanted[message]:
            if table.write_ints(field, values[row_of[message, field], part]):
                written.add((message, field))
    rows = Rows(at, number, times, values, row_of, written)
    return rows.take(at.argsort(kind="stable")) if len(tables) > 1 else rows


def unix_seconds(fit_time: Ints) -> Ints:
    """Return times since 1970 in seconds; NONE where there is none, or one that counts from the device's start."""
    return np.where(fit_time >= FIRST_ABSOLUTE, fit_time + EPOCH_S, NONE)


def present(values: Ints) -> npt.NDArray[np.bool_]:
    return np.not_equal(values, MISSING)
