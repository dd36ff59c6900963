"""afoot user, token, audit; patient erase and export; serve."""

import zipfile
from pathlib import Path

import pytest

from tests.afoot.conftest import Program

PASSWORD = "correct horse battery"


@pytest.fixture
def ward(anna: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Anna in a care group, and a password to give to whoever is added."""
    monkeypatch.setenv("AFOOT_PASSWORD", PASSWORD)
    anna.ok("group", "add", "ward")
    anna.ok("group", "assign", "Anna", "ward")
    return anna


def test_users_are_added_listed_and_removed(ward: Program) -> None:
    assert ward.ok("user", "list", "--json").json == []
    made = ward.ok("user", "add", "kern", "--role", "therapist", "--group", "ward", "--json").json
    assert made == {"name": "kern", "role": "therapist", "sees": "ward"}
    ward.ok("user", "add", "anna", "--role", "patient", "--patient", "Anna")
    ward.ok("user", "add", "ops", "--role", "operator")
    listed = ward.ok("user", "list", "--json").json
    assert [(one["name"], one["role"], one["sees"]) for one in listed] == [
        ("anna", "patient", "Anna"),
        ("kern", "therapist", "ward"),
        ("ops", "operator", ""),
    ]
    assert PASSWORD not in ward.ok("user", "list").out
    ward.ok("user", "password", "kern")
    ward.ok("user", "remove", "kern")
    assert "there is none of that name" in ward.fails(2, "user", "remove", "kern")
    assert [one["did"] for one in ward.ok("audit", "--json").json] == ["change accounts"] * 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("user", "add", "x", "--role", "patient"), "expected the patient whose it is"),
        (("user", "add", "x", "--role", "therapist"), "expected one care group or more"),
        (("user", "add", "x", "--role", "operator", "--group", "ward"), "expected no care group"),
        (("user", "add", "x", "--role", "therapist", "--group", "ward", "--patient", "Anna"), "expected no patient"),
        (("user", "add", "x", "--role", "device", "--patient", "Anna"), "afoot token create"),
        (("user", "add", "x", "--role", "patient", "--patient", "Nobody"), "none of that name"),
        (("user", "add", "x", "--role", "therapist", "--group", "nowhere"), "none of that name"),
        (("user", "add", " ", "--role", "operator"), "account name"),
        (("token", "create", "--role", "device", "--label", "x"), "expected the patient whose it is"),
        (("token", "revoke", "7"), "token 7"),
        (("audit", "--since", "yesterday"), "expected RFC 3339"),
    ],
)
def test_what_does_not_fit_is_refused(ward: Program, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in ward.fails(2, *arguments)
    assert ward.ok("user", "list", "--json").json == []


def test_a_weak_password_is_refused(ward: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFOOT_PASSWORD", "short")
    assert "expected 10 to 200 signs" in ward.fails(2, "user", "add", "ops", "--role", "operator")


def test_a_token_is_shown_once(ward: Program) -> None:
    made = ward.ok("token", "create", "--role", "device", "--label", "gateway", "--patient", "Anna", "--json").json
    assert made["secret"].startswith("afoot_")
    (listed,) = ward.ok("token", "list", "--json").json
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert listed["used"] is None
    assert made["secret"].encode() not in b"".join(path.read_bytes() for path in ward.home.glob("afoot.db*"))
    ward.ok("token", "revoke", made["token"])
    assert ward.ok("token", "list", "--json").json == []


def test_a_patient_is_handed_over_and_erased(ward: Program, tmp_path: Path) -> None:
    out = tmp_path / "anna.zip"
    ward.ok("patient", "export", "Anna", out)
    with zipfile.ZipFile(out) as handed:
        assert {"minutes.csv", "minutes.fhir.json", "records.json"} < set(handed.namelist())
    ward.ok("patient", "erase", "Anna", "--yes")
    assert ward.ok("patient", "list", "--json").json == []
    assert "none of that name" in ward.fails(2, "patient", "erase", "Anna", "--yes")
    acts = ward.ok("audit", "--json").json
    assert [(one["did"], one["patient"]) for one in acts] == [
        ("read everything", "erased (1)"),
        ("erase patient", "erased (1)"),
    ]


def test_without_a_yes_nothing_is_erased(ward: Program) -> None:
    assert ward("patient", "erase", "Anna").code != 0
    assert len(ward.ok("patient", "list", "--json").json) == 1


def test_settings_that_do_not_fit_end_the_service_at_once(ward: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFOOT_SERVE_CERT", "/nowhere.pem")
    assert "expected both or neither" in ward.fails(2, "serve")
    monkeypatch.delenv("AFOOT_SERVE_CERT")
    monkeypatch.setenv("AFOOT_SERVE_URL", "https://afoot.example/path")
    assert "AFOOT_SERVE_URL" in ward.fails(2, "serve")
    monkeypatch.setenv("AFOOT_SERVE_URL", "")
    assert "192.0.2.1 port" in ward.fails(1, "serve", "--host", "192.0.2.1")
