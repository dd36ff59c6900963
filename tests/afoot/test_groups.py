"""afoot group: a patient is in one group, or in none."""

import pytest

from tests.afoot.conftest import Program


def test_a_patient_is_in_one_group_at_a_time(afoot: Program) -> None:
    for name in ("Ben", "Anna"):
        afoot.ok("patient", "add", name, "--zone", "UTC")
    assert afoot.ok("group", "list", "--json").json == []
    afoot.ok("group", "add", "spine", "--title", "Spine ward")
    afoot.ok("group", "add", "day_clinic")
    afoot.ok("group", "assign", "Anna", "spine")
    afoot.ok("group", "assign", "Ben", "spine")
    afoot.ok("group", "assign", "Ben", "day_clinic")
    assert afoot.ok("group", "list", "--json").json == [
        {"name": "day_clinic", "title": "day_clinic", "patients": ["Ben"]},
        {"name": "spine", "title": "Spine ward", "patients": ["Anna"]},
    ]
    assert "Spine ward" in afoot.ok("group", "list").out
    assert "is there already" in afoot.fails(2, "group", "add", "spine")
    assert "none of that name" in afoot.fails(2, "group", "assign", "Anna", "nowhere")
    assert "none of that name" in afoot.fails(2, "group", "assign", "Cleo", "spine")


@pytest.mark.parametrize("name", ["", "Spine", "spine ward", "1st", "a" * 33, "ä", 'a"', "a\n", "../a"])
def test_a_name_that_would_need_quoting_elsewhere_is_refused(afoot: Program, name: str) -> None:
    assert "expected up to 32" in afoot.fails(2, "group", "add", name)
