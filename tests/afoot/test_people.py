"""afoot patient, afoot device: names from anywhere, zones, journeys, priorities."""

from pathlib import Path

import pytest

from afoot.app import App
from afoot.commands.common import named_store
from afoot.settings import Settings
from tests.afoot.conftest import Program, csv


def test_patients_are_added_once_and_listed(afoot: Program) -> None:
    assert afoot.ok("patient", "list", "--json").json == []
    added = afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin", "--json").json
    assert added["name"] == "Anna"
    assert added["zone"] == "Europe/Berlin"
    assert len(added["pseudonym"]) == 16
    (listed,) = afoot.ok("patient", "list", "--json").json
    assert added.items() <= listed.items()
    assert added["pseudonym"] in afoot.ok("patient", "list").out
    for taken in ("Anna", "anna", "ANNA"):
        assert "'Anna' is there already" in afoot.fails(2, "patient", "add", taken, "--zone", "UTC")
    assert afoot.home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "zone",
    ["", "Europe", "Nowhere/Land", "../../etc/passwd", "/etc/localtime", "UTC\0", "Europe/Berlin\n", "localtime", "right/UTC"],
)
def test_a_zone_that_is_none_is_refused(afoot: Program, zone: str) -> None:
    assert "expected an IANA name" in afoot.fails(2, "patient", "add", "Anna", "--zone", zone)
    assert afoot.ok("patient", "list", "--json").json == []


@pytest.mark.parametrize(
    "name",
    [
        "[bold]Anna[/bold]",
        r"\[bold]Anna",
        "[/]",
        "[link=http://example.org]x[/link]",
        ":smile:",
        "../../Anna",
        "/etc/passwd",
        "--help",
        "O'Brien; DROP TABLE patients",
        '"',
        "%s {0}",
        "محمد",
        "אנה",
        "李娜",
        "Anna 🚶",
        "Ȧ̸n̷n̴a̸",
        "x" * 300,
    ],
)
def test_a_name_is_shown_as_it_was_given(afoot: Program, name: str) -> None:
    afoot.ok("patient", "add", "--zone", "UTC", "--", name)
    assert [one["name"] for one in afoot.ok("patient", "list", "--json").json] == [name]
    assert name in afoot.ok("patient", "list").out
    assert afoot.ok("days", "--json", "--", name).out == ""
    assert "no data yet" in afoot.fails(2, "day", "--", name)


@pytest.mark.parametrize(
    "name", ["", " ", " Anna", "Anna ", "An\nna", "An\tna", "\x1b[31mAnna", "Anna\u202e", "\ud800", "a\0b", "x" * 501]
)
def test_a_name_that_could_not_be_shown_is_refused(afoot: Program, name: str) -> None:
    said = afoot.fails(2, "patient", "add", "--zone", "UTC", "--", name)
    assert "expected printable text of 1 to 500 signs without blanks around it" in said
    assert "\x1b" not in said
    assert afoot.ok("patient", "list", "--json").json == []


def test_whom_nobody_knows_is_said_without_naming_the_others(anna: Program) -> None:
    for command in (("days",), ("day",), ("gaps",), ("compare",), ("report",), ("prescription", "show")):
        said = anna.fails(2, *command, "Ben")
        assert said.startswith(f"afoot: patient 'Ben': there is none of that name in the store in {anna.home};")
        assert "Anna" not in said
    assert "Anna" not in anna.fails(2, "imports", "--patient", "Ben")


def test_a_journey_makes_a_day_longer(anna: Program) -> None:
    def lengths() -> dict[str, float]:
        days = anna.ok("days", "Anna", "--json", "--from", "2026-03-03", "--to", "2026-03-05").lines
        return {one["day"]: one["n_min"] / 60 for one in days}

    assert lengths() == {"2026-03-03": 24, "2026-03-04": 24, "2026-03-05": 24}
    anna.ok("patient", "zone", "Anna", "America/New_York", "--from", "2026-03-04T11:00:30Z")
    assert lengths() == {"2026-03-03": 24, "2026-03-04": 30, "2026-03-05": 24}
    # Said again otherwise, it is corrected; said of another instant, it is another journey.
    anna.ok("patient", "zone", "Anna", "Asia/Tokyo", "--from", "2026-03-04T11:00:30Z")
    assert lengths() == {"2026-03-03": 24, "2026-03-04": 16, "2026-03-05": 24}
    anna.ok("patient", "zone", "Anna", "Europe/Berlin", "--from", "2026-03-05T02:00:00Z")
    assert lengths() == {"2026-03-03": 24, "2026-03-04": 16, "2026-03-05": 32}


@pytest.mark.parametrize(
    ("zone", "since", "said"),
    [
        ("Nowhere/Land", "2026-03-04T11:00:00Z", "expected an IANA name"),
        ("UTC", "2026-03-04T11:00:00", "expected an offset from UTC"),
        ("UTC", "2026-03-04", "expected an offset from UTC"),
        ("UTC", "tomorrow", "expected RFC 3339"),
        ("UTC", "9999-12-31T23:59:59-12:00", "expected a year from 1990"),
        ("UTC", "0001-01-01T00:00:00+14:00", "expected a year from 1990"),
    ],
)
def test_a_journey_that_cannot_be(anna: Program, zone: str, since: str, said: str) -> None:
    assert said in anna.fails(2, "patient", "zone", "Anna", zone, "--from", since)


def test_devices_are_listed_and_preferred(anna: Program, tmp_path: object) -> None:
    (first,) = anna.ok("device", "list", "--patient", "Anna", "--json").json
    assert first["priority"] == 0
    anna.ok("device", "prefer", first["device"], 7, "--patient", "Anna")
    assert anna.ok("device", "list", "--patient", "Anna", "--json").json == [first | {"priority": 7}]
    anna.ok("device", "prefer", "--patient", "Anna", "--", first["device"], -7)
    assert anna.ok("device", "list", "--patient", "Anna", "--json").json == [first | {"priority": -7}]
    assert "expected one of the patient's own" in anna.fails(2, "device", "prefer", "watch", 1, "--patient", "Anna")
    assert "100" in anna.fails(2, "device", "prefer", first["device"], 101, "--patient", "Anna")


def test_a_device_from_a_file_cannot_steer_the_terminal(afoot: Program, tmp_path: object) -> None:
    hostile = "[red]\x1b]0;owned\x07\u202ering"
    (path := afoot.home.parent / "a.csv").write_text(csv(f"2026-03-03T08:00:00Z,5,{hostile}", columns="start,value,device"))
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    afoot.ok("import", path, "--patient", "Anna")
    for text in (afoot.ok("device", "list", "--patient", "Anna").out, afoot.ok("gaps", "Anna").out):
        assert "[red]" in text
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_an_empty_store_is_said_to_be_one(afoot: Program) -> None:
    """It is made without a word wherever AFOOT_HOME leads."""
    for command in (("patient", "list"), ("user", "list"), ("group", "list"), ("alerts",)):
        said = afoot.ok(*command)
        assert f"there is no patient in the store in {afoot.home}: are AFOOT_HOME" in said.err
        assert afoot.ok(*command, "--json").json == []
    assert f"in the store in {afoot.home}, which has no patient at all: are AFOOT_HOME" in afoot.fails(2, "days", "Anna")
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    assert afoot.ok("patient", "list").err == ""


def test_a_store_of_a_server_is_named_without_its_password(
    afoot: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AFOOT_STORE", f"sqlite:///{tmp_path}/own.db")
    assert f"in the store sqlite:///{tmp_path}/own.db, which has no patient" in afoot.fails(2, "days", "Anna")
    secret = App.__new__(App)
    secret.settings = Settings(home=tmp_path, store="postgresql+psycopg://afoot:geheim@db.example/afoot")
    assert named_store(secret) == "the store postgresql+psycopg://afoot:***@db.example/afoot"
