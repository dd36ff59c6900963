"""docs/influxdb.md describes every measurement with every tag and field, and nothing else."""

import re
from pathlib import Path

import pytest

from ingest.publishing.schema import MEASUREMENTS
from rules.minutes import State

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "influxdb.md").read_text()
PARTS = {
    part.partition("`")[0]: part for part in re.split(r"^### `", TEXT.split("\n## How it gets there")[0], flags=re.MULTILINE)[1:]
}


def test_every_measurement_has_its_part() -> None:
    assert list(PARTS) == list(MEASUREMENTS)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_field_is_described_with_its_type(name: str) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (int|float|text) \| \S", PARTS[name], re.MULTILINE))
    assert rows == {field: kind.value for field, kind in MEASUREMENTS[name].fields.items()}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_tag_is_named(name: str) -> None:
    said = PARTS[name].split("\n\n")[1]
    assert all(f"`{tag}`" in said for tag in MEASUREMENTS[name].tags)


def test_the_states_are_those_of_the_rules() -> None:
    found = dict(re.findall(r"(\d) (unknown|not worn|asleep|still|moving|walking)", PARTS["minutes"]))
    assert {int(code): name for code, name in found.items()} == {one.value: one.name.lower().replace("_", " ") for one in State}
