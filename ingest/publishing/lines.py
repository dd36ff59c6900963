"""Line protocol: columns in, bytes out, a line for each point of which anything is known.

The lines are those of influxdb-client's own serialisers, byte for byte. One pass over one text makes them: a row's form depends
on which of its fields are known, so the forms are laid one behind the other and filled all at once.
Source: InfluxDB line protocol, v2 reference
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.publishing.schema import MEASUREMENTS, Kind

_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})

Mask = npt.NDArray[np.bool_]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of one field, a row each. known: (n,) bool; a value that is not known is not looked at."""

    values: npt.NDArray[Any]
    known: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points of one measurement that share their tags.

    times:  (n,) int64, seconds since 1970, in order, none twice
    fields: by name; those of the measurement that are not given are unknown in all rows
    Raises: ValueError for a tag, field, type or length that is not the measurement's, or a text of several lines
    """

    measurement: str
    tags: Mapping[str, str]
    times: Times
    fields: Mapping[str, Column]

    def __post_init__(self) -> None:
        known = MEASUREMENTS[self.measurement]
        if set(self.tags) != set(known.tags):
            raise ValueError(f"{self.measurement}: expected tags {', '.join(known.tags)}, found {', '.join(self.tags)}")
        for name, value in self.tags.items():
            if not value or not value.isprintable() or value.endswith("\\"):
                raise ValueError(f"{self.measurement}: tag {name}: expected printable text, found {value!r}")
        for name, column in self.fields.items():
            if name not in known.fields:
                raise ValueError(f"{self.measurement}: {name} is not one of its fields")
            if column.values.dtype.kind not in _DTYPES[known.fields[name]]:
                raise ValueError(f"{self.measurement}: {name}: expected {known.fields[name]}, found {column.values.dtype}")
            if not column.values.shape == column.known.shape == self.times.shape:
                raise ValueError(f"{self.measurement}: {name}: expected {self.times.size} rows, found {column.values.size}")

    @property
    def key(self) -> str:
        """The measurement and its tags, as the line begins."""
        return ",".join([self.measurement, *(f"{name}={self.tags[name].translate(_TAG)}" for name in sorted(self.tags))])


_DTYPES = {Kind.INT: "iu", Kind.FLOAT: "f", Kind.TEXT: "OU"}
_SIGNS = {Kind.INT: "%di", Kind.FLOAT: "%s", Kind.TEXT: '"%s"'}


def build_lines(series: Series) -> list[str]:
    """Return the lines of the points of which anything is known, in order of time."""
    kinds = MEASUREMENTS[series.measurement].fields
    names = sorted(series.fields)
    if not names or not series.times.size:
        return []
    columns = [series.fields[name] for name in names]
    known = np.column_stack([_is_known(column, kinds[name]) for name, column in zip(names, columns, strict=True)])
    some = known.any(axis=1)
    if not some.all():
        known = known[some]
    if not len(known):
        return []
    forms = _forms(series.key, names, kinds, known)
    cells = np.ones((len(known), len(names) + 1), dtype=np.bool_)
    cells[:, :-1] = known
    values = _table(series.times[some], [column.values[some] for column in columns], [kinds[name] for name in names])
    return ("\n".join(forms) % tuple(values[cells].tolist())).split("\n")


def _is_known(column: Column, kind: Kind) -> Mask:
    if kind is not Kind.FLOAT:
        return column.known
    finite: Mask = column.known & np.isfinite(column.values)
    return finite


def _forms(key: str, names: list[str], kinds: Mapping[str, Kind], known: Mask) -> list[str]:
    """Return for each row its line with the places of its values left open."""
    fields = [f"{name}={_SIGNS[kinds[name]]}" for name in names]
    begin = key.replace("%", "%%")
    pattern = known @ (1 << np.arange(len(names), dtype=np.int64))
    found, which = np.unique(pattern, return_inverse=True)
    made = np.empty(len(found), dtype=object)
    for place, bits in enumerate(found.tolist()):
        made[place] = f"{begin} {','.join(field for row, field in enumerate(fields) if bits >> row & 1)} %d"
    forms: list[str] = made[which].tolist()
    return forms


def _table(times: Times, columns: list[npt.NDArray[Any]], kinds: list[Kind]) -> npt.NDArray[Any]:
    """Return the values of all rows, the time last: integers where all are, else each as it is written."""
    if all(kind is Kind.INT for kind in kinds):
        return np.column_stack([*(column.astype(np.int64, copy=False) for column in columns), times])
    table = np.empty((times.size, len(columns) + 1), dtype=object)
    for place, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
        table[:, place] = _written(column, kind)
    table[:, -1] = times.tolist()
    return table


def _written(column: npt.NDArray[Any], kind: Kind) -> list[Any]:
    values: list[Any] = column.tolist()
    if kind is Kind.INT:
        return values
    if kind is Kind.FLOAT:
        return [str(value).removesuffix(".0") for value in values]
    texts = ["" if value is None else str(value) for value in values]
    if any("\n" in text or "\r" in text for text in texts):
        raise ValueError("a text field: expected one line")
    return [text.translate(_TEXT) for text in texts]
