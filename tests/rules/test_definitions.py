"""docs/definitions.md says what the code does: every threshold and every prescribed value stands there as it is in the table."""

from pathlib import Path
from typing import Any

import pytest

from rules.cadence import CADENCE_BANDS
from rules.prescription import PROGRAMME, ProgrammeRow
from rules.thresholds import Threshold, Thresholds
from rules.waking import DEFAULT_WINDOW

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "definitions.md").read_text()
ROWS = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| `")}


def written(value: Any) -> str:
    if value is None:
        return "off"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else f"{value:g}"


@pytest.mark.parametrize("row", list(Thresholds().table()), ids=lambda row: row.name)
def test_each_threshold_is_documented(row: Threshold) -> None:
    assert (f"`{row.name}`", written(row.value), row.unit, row.mark, row.source) in ROWS


@pytest.mark.parametrize("row", PROGRAMME, ids=lambda row: row.field)
def test_each_prescribed_value_is_documented(row: ProgrammeRow) -> None:
    values = (f"{written(value)} [{mark}]" for value, mark in zip(row.values, row.marks, strict=True))
    assert (f"`{row.field}`", *values, row.unit, row.source) in ROWS


def test_every_threshold_says_where_it_comes_from() -> None:
    assert {row.name for row in Thresholds().table()} == set(Thresholds.model_fields)


def test_bands_and_window_are_documented() -> None:
    assert all(name in PAGE for name, _ in CADENCE_BANDS)
    assert str(DEFAULT_WINDOW) in PAGE
