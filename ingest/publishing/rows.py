"""Few points, each as a row of its own: days in numbers, alerts, observations."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.publishing.lines import Column, Series, Times
from ingest.publishing.schema import MEASUREMENTS, Kind

Row = Mapping[str, Any]

_EMPTY = {Kind.INT: 0, Kind.FLOAT: 0.0, Kind.TEXT: ""}
_DTYPE: Mapping[Kind, Any] = {Kind.INT: np.int64, Kind.FLOAT: np.float64, Kind.TEXT: object}


def rows_of(measurement: str, tags: Mapping[str, str], rows: Sequence[tuple[int, Row]]) -> Series:
    """Return few points, each given as its second and its fields; None is unknown."""
    fields = {}
    for name, kind in MEASUREMENTS[measurement].fields.items():
        values = [row.get(name) for _, row in rows]
        known = np.array([value is not None for value in values], dtype=np.bool_)
        if known.any():
            filled = [_EMPTY[kind] if value is None else value for value in values]
            fields[name] = Column(_typed(filled, kind), known)
    times: Times = np.array([at_s for at_s, _ in rows], dtype=np.int64)
    return Series(measurement, tags, times, fields)


def _typed(values: Sequence[Any], kind: Kind) -> npt.NDArray[Any]:
    if kind is Kind.TEXT:
        # What a reader or a person wrote stands in one line.
        values = [" ".join(str(value).split()) for value in values]
    return np.array(values, dtype=_DTYPE[kind])
