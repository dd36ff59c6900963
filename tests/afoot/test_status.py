"""afoot status: what is not as it should be is said, by name on the command line."""

from pathlib import Path
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


def test_what_nothing_is_set_for_is_said_to_be_so(ward: Program) -> None:
    found = {(one["part"], one["what"]): (one["said"], one["ok"]) for one in ward("status", "--json").json}
    assert found["backups", "AFOOT_BACKUP_FOLDER"] == ("not set: none is written by itself", None)
    assert found["wearables", "paired"] == ("none", None)


def test_a_process_that_only_answers_does_not_speak_for_the_workers(ward: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFOOT_SERVE_ROLE", "web")
    assert lines(ward, "backups")["AFOOT_BACKUP_FOLDER"]["said"] == "not set on this machine"
    assert lines(ward, "publishing")["InfluxDB"]["said"] == "not set on this machine"


@pytest.mark.parametrize(
    ("keys", "said"),
    [("", "AFOOT_BACKUP_KEYS: not set, so no backup is written"), ("age1junk", "expected one that begins with age1")],
)
def test_a_backup_that_cannot_be_written_says_why_and_when_the_last_was(
    ward: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: str, said: str
) -> None:
    monkeypatch.setenv("AFOOT_BACKUP_FOLDER", str(tmp_path))
    monkeypatch.setenv("AFOOT_BACKUP_KEYS", keys)
    (tmp_path / "afoot-20260301T120000Z.age").write_bytes(b"")
    assert ward("status").code == 1
    found = lines(ward, "backups")
    assert said in found["public key"]["said"]
    assert [one["ok"] for one in found.values()] == [False, False]
    assert found["last"]["said"] == "2026-03-01T12:00:00Z"


def test_a_backup_folder_that_is_none_is_said(ward: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("AFOOT_BACKUP_FOLDER", str(tmp_path / "file"))
    assert lines(ward, "backups")["AFOOT_BACKUP_FOLDER"]["said"] == f"{tmp_path / 'file'}: Not a directory"


@pytest.mark.parametrize("url", ["influx", "http://[::1", "http://me:se/cret@host"])
def test_a_setting_that_cannot_be_used_is_a_line(ward: Program, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AFOOT_INFLUX_URL", url)
    line = lines(ward, "publishing")["InfluxDB"]
    assert not line["ok"]
    assert "cret" not in line["said"]
