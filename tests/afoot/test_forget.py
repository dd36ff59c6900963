"""afoot forget: an import is taken back as if it had never been."""

from datetime import date
from pathlib import Path

import pytest

from devices.virtual import Wearer, days_from, write_fit
from tests.afoot.conftest import Program, csv


@pytest.fixture
def program(afoot: Program, tmp_path: Path) -> Program:
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    afoot.ok("patient", "add", "Ben", "--zone", "UTC")
    (tmp_path / "a.csv").write_text(csv(*(f"2026-03-03T08:{minute:02}:00Z,{minute}" for minute in range(60))))
    (tmp_path / "b.csv").write_text(csv(*(f"2026-03-03T08:{minute:02}:00Z,90" for minute in range(30, 60))))
    afoot.ok("import", tmp_path / "a.csv", "--patient", "Anna")
    return afoot


def hashes(program: Program, patient: str) -> dict[str, str]:
    return {row["file"]: row["hash"] for row in program.ok("imports", "--patient", patient, "--json").json}


def test_what_is_left_is_as_if_it_had_never_been(program: Program, tmp_path: Path) -> None:
    before = program.ok("days", "Anna", "--json").out
    program.ok("import", tmp_path / "b.csv", "--patient", "Anna")
    assert program.ok("days", "Anna", "--json").out != before
    (left,) = program.ok("forget", hashes(program, "Anna")["b.csv"][:8], "--patient", "Anna", "--json").lines
    assert left["file"] == "a.csv"
    assert program.ok("days", "Anna", "--json").out == before
    assert set(hashes(program, "Anna")) == {"a.csv"}
    # It may be imported again.
    assert program.ok("import", tmp_path / "b.csv", "--patient", "Anna", "--json").lines[0]["changed"] == 30


def test_what_another_patient_imported_stays(program: Program, tmp_path: Path) -> None:
    program.ok("import", tmp_path / "a.csv", "--patient", "Ben")
    before = program.ok("days", "Ben", "--json").out
    program.ok("forget", hashes(program, "Anna")["a.csv"], "--patient", "Anna")
    assert program.ok("days", "Anna", "--json").out == ""
    assert program.ok("days", "Ben", "--json").out == before
    assert program("rebuild").code == 0
    assert program.ok("days", "Ben", "--json").out == before


def test_a_watch_that_was_given_to_the_wrong_patient_can_be_given_to_the_right_one(program: Program, tmp_path: Path) -> None:
    """A serial number has one owner: when all that it was known from is taken back, it has none."""
    write_fit(Wearer(3, date(2026, 2, 2), faults=0), days_from(date(2026, 3, 3), 1), tmp_path / "fit")
    program.ok("import", tmp_path / "fit", "--patient", "Anna")
    assert program("import", tmp_path / "fit", "--patient", "Ben").code == 1
    for file, digest in hashes(program, "Anna").items():
        if file != "a.csv":
            program.ok("forget", digest, "--patient", "Anna")
    program.ok("import", tmp_path / "fit", "--patient", "Ben")
    assert [one["vendor"] for one in program.ok("device", "list", "--patient", "Anna", "--json").json] == ["plain"]
    assert [one["vendor"] for one in program.ok("device", "list", "--patient", "Ben", "--json").json] == ["garmin"]


@pytest.mark.parametrize("digest", ["", "0" * 64, "%", "_", "zz"])
def test_what_is_not_there_cannot_be_forgotten(program: Program, digest: str) -> None:
    assert "expected one import of this patient" in program.fails(2, "forget", digest, "--patient", "Anna")
    other = hashes(program, "Anna")["a.csv"]
    assert "expected one import of this patient" in program.fails(2, "forget", other, "--patient", "Ben")
    assert set(hashes(program, "Anna")) == {"a.csv"}
