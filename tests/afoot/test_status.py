"""afoot status: what is not as it should be is said, by name on the command line."""

from typing import Any

import pytest

from tests.afoot.conftest import Program


def lines(afoot: Program, part: str) -> dict[str, Any]:
    return {one["what"]: one for one in afoot("status", "--json").json if one["part"] == part}


@pytest.fixture
def ward(afoot: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Three patients, a group, and nobody in it."""
    monkeypatch.setenv("AFOOT_PASSWORD", "correct horse battery")
    for name in ("Anna", "Ben", "Cleo"):
        afoot.ok("patient", "add", name, "--zone", "UTC")
    for name in ("spine", "knee"):
        afoot.ok("group", "add", name)
    return afoot


def test_a_patient_whom_no_therapist_sees_is_not_as_it_should_be(ward: Program) -> None:
    assert lines(ward, "groups") == {}  # nobody signs in
    ward.ok("user", "add", "kern", "--role", "therapist", "--group", "spine")
    (line,) = lines(ward, "groups").values()
    assert (line["ok"], line["said"]) == (False, "3, seen by no therapist: `afoot group assign` (Anna, Ben, Cleo)")
    for name, group in (("Anna", "spine"), ("Cleo", "knee")):
        ward.ok("group", "assign", name, group)
    said = ward("status")
    assert said.code == 1
    found = {what: one["said"] for what, one in lines(ward, "groups").items()}
    assert found == {
        "patients in no care group": "1, seen by no therapist: `afoot group assign` (Ben)",
        "patients in a care group of no therapist": "1: `afoot user add`, or `afoot group assign` to another (Cleo)",
    }
    for name in ("Ben", "Cleo"):
        ward.ok("group", "assign", name, "spine")
    assert lines(ward, "groups") == {}
    assert ward("status").code == 0


def test_many_names_are_cut_short_and_counted(ward: Program) -> None:
    for number in range(12):
        ward.ok("patient", "add", f"P{number:02}", "--zone", "UTC")
    ward.ok("user", "add", "kern", "--role", "therapist", "--group", "spine")
    (line,) = lines(ward, "groups").values()
    assert line["said"].startswith("15, seen by")
    assert line["said"].endswith("P06, and 5 more)")


def test_the_list_of_patients_shows_their_groups(ward: Program) -> None:
    ward.ok("group", "assign", "Ben", "spine")
    assert [one["group"] for one in ward.ok("patient", "list", "--json").json] == [None, "spine", None]
    shown = ward.ok("patient", "list").out.splitlines()
    assert shown[0].split() == ["name", "pseudonym", "group", "zone", "moves"]
    assert [line.split()[2] for line in shown[1:]] == ["–", "spine", "–"]
