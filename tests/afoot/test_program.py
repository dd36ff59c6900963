"""The installed program in processes of its own: streams, exit codes, settings, terminals that show little."""

import json
import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from afoot import demonstrating
from afoot.output import _visible
from tests.afoot.conftest import Program, csv
from tests.docs.test_docs import COMMANDS

PROGRAM = Path(sys.executable).with_name("afoot")


def run(*arguments: str, home: Path, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("AFOOT_", "PYTHON", "LC_", "LANG"))}
    own = plain | {"AFOOT_HOME": str(home)} | environment
    return subprocess.run(
        [str(PROGRAM), *arguments], capture_output=True, text=True, env=own, timeout=60, input=text, cwd=home.parent
    )


def test_results_on_stdout_everything_else_on_stderr(tmp_path: Path) -> None:
    home = tmp_path / "home"
    added = run("patient", "add", "Änna 🚶", "--zone", "UTC", "--json", home=home)
    assert (added.returncode, added.stderr) == (0, "")
    assert json.loads(added.stdout)["name"] == "Änna 🚶"
    (tmp_path / "a.csv").write_text(csv("2026-03-03T08:00:00Z,5"))
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff")
    mixed = run("-v", "import", "a.csv", "b.jpg", "--patient", "Änna 🚶", "--json", home=home)
    assert mixed.returncode == 1
    assert [json.loads(line)["file"] for line in mixed.stdout.splitlines()] == ["a.csv", "b.jpg"]
    # Logs hold no name and no value of a patient, however much is logged.
    assert "nna" not in mixed.stderr
    wrong = run("days", "nobody", home=home)
    said = (
        f"afoot: patient 'nobody': there is none of that name in the store in {home}; `afoot patient list` shows who is in it\n"
    )
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", said)


def test_a_terminal_that_shows_ascii_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    added = run("patient", "add", "Änna 🚶", "--zone", "UTC", "--json", home=home, PYTHONIOENCODING="ascii")
    assert (added.returncode, added.stderr) == (0, "")
    assert json.loads(added.stdout)["name"] == "Änna 🚶"
    table = run("patient", "list", home=home, PYTHONIOENCODING="ascii")
    assert (table.returncode, table.stderr) == (0, "")
    assert r"\xc4nna" in table.stdout


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("patient", "add", "Anna", "--zone", "UTC", home=home)
    command = f"'{PROGRAM}' days Anna --from 2020-01-01 --to 2021-12-31 --json | head -n 1"
    shown = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=60, env=os.environ | {"AFOOT_HOME": str(home)}, cwd=tmp_path
    )
    assert json.loads(shown.stdout)["day"] == "2020-01-01"
    assert shown.stderr == ""


def test_version_and_help(afoot: Program) -> None:
    assert afoot.ok("--version").out.startswith("afoot ")
    for command in ((), ("patient",), ("prescription", "set"), ("import",), ("forget",), ("export",)):
        assert "Usage" in afoot.ok(*command, "--help").out
    assert afoot().code == 2
    assert afoot("patient").code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_refuses_what_it_does_not_know(afoot: Program, command: str) -> None:
    said = afoot.ok(*command.split(), "--help").out
    assert "Usage" in said
    assert "No such option" in afoot.fails(2, *command.split(), "--frobnicate")


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("STORE", "nonsense", 1, "Could not parse"),
        ("STORE", "sqlite:////proc/nowhere/a.db", 1, ""),
        ("STORE", "mysql+nodriver://u:secret@h/d", 1, "nodriver"),
        ("STORE", "postgresql+psycopg://u:secret@127.0.0.1:9/d", 1, "refused"),
        ("DURABLE", "perhaps", 2, "AFOOT_DURABLE"),
        ("HOME", "/proc/nowhere/at/all", 2, "/proc/nowhere"),
    ],
)
def test_settings_that_cannot_be_used(
    afoot: Program, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int, said: str
) -> None:
    monkeypatch.setenv(f"AFOOT_{name}", value)
    result = afoot("patient", "list")
    assert result.code in (code, 3 - code)
    assert said in result.err
    assert result.out == ""
    assert "secret" not in result.err


def test_a_store_that_is_none_or_of_another_time(afoot: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"not a database " * 99)
    monkeypatch.setenv("AFOOT_STORE", f"sqlite:///{tmp_path / 'junk.db'}")
    assert "not a database" in afoot.fails(1, "patient", "list")
    monkeypatch.delenv("AFOOT_STORE")
    afoot.ok("patient", "list")
    with closing(sqlite3.connect(afoot.home / "afoot.db")) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE key = 'schema'")
        connection.commit()
    assert "expected schema" in afoot.fails(1, "patient", "list")


def test_the_store_and_the_home_may_be_elsewhere(afoot: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFOOT_STORE", f"sqlite:///{tmp_path / 'other' / 'a.db'}")
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    assert (tmp_path / "other" / "a.db").exists()
    assert not (afoot.home / "afoot.db").exists()


def test_no_log_line_names_a_patient(anna: Program, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text(csv("2026-03-03T08:00:00Z,77777"))
    with caplog.at_level(logging.DEBUG):
        anna.ok("import", path, "--patient", "Anna")
        anna.ok("days", "Anna")
        anna.ok("rebuild")
    said = " ".join(
        record.getMessage() for record in caplog.records if record.name.split(".")[0] in ("afoot", "ingest", "devices", "rules")
    )
    assert "Anna" not in said
    assert "77777" not in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 🚶", "plain ä 🚶"),
        ("a\x1b[0m", r"a\x1b[0m"),
        ("\u202eabc", r"\u202eabc"),
        ("\udcff", r"\udcff"),
        ("a\nb\tc", "a\nb\tc"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert _visible(text) == shown


def test_the_demo_is_the_main_job_end_to_end(afoot: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demonstrating, "BEFORE", 1)
    monkeypatch.setattr(demonstrating, "AFTER", 2)
    folder = tmp_path / "demo"
    first = afoot.ok("demo", "--folder", folder)
    assert len(list(folder.glob("*.html"))) == len(demonstrating.CAST)
    # The line that it ends with works as it is, in a shell that does not know where afoot lies.
    line = first.out.strip().splitlines()[-1].removeprefix("Look around: ")
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    looked = subprocess.run(["sh", "-c", line], env=plain, capture_output=True, text=True, check=True)
    assert looked.stdout.count("2026-") >= 3
    rows = [line.split() for line in first.out.splitlines() if line.startswith("2026-")]
    assert len(rows) == 3 * len(demonstrating.CAST)
    # day, worn h, unknown h, steps, device counted, ...: what was imported is what the device counted.
    assert sum(row[3] == row[4] for row in rows) >= len(rows) * 2 / 3
    again = afoot.ok("demo", "--folder", folder, "--no-fresh")
    assert "minutes 0 new" in again.out
    assert [line.split() for line in again.out.splitlines() if line.startswith("2026-")] == rows
    # It never takes a folder that it did not make.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    assert "left alone" in afoot.fails(2, "demo", "--folder", tmp_path / "mine")
    assert (tmp_path / "mine" / "diary.txt").read_text() == "dear"
    assert date(2026, 2, 16) == demonstrating.SURGERY


def test_the_demo_ends_on_the_day_that_is_asked_for(afoot: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demonstrating, "BEFORE", 1)
    monkeypatch.setattr(demonstrating, "AFTER", 2)
    shown = afoot.ok("demo", "--folder", tmp_path / "demo", "--until", "2025-11-02").out
    days = [line.split()[0] for line in shown.splitlines() if line.startswith("2025-")]
    assert days == ["2025-10-31", "2025-11-01", "2025-11-02"] * len(demonstrating.CAST)
    assert "2026-" not in shown
    assert "YYYY-MM-DD" in afoot.fails(2, "demo", "--folder", tmp_path / "other", "--until", "today")


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    garbage, folder = tmp_path / "garbage", tmp_path / "folder"
    garbage.mkdir()
    (garbage / "afoot.db").write_text("this is not a database at all, only some text\n" * 9)
    (folder / "afoot.db").mkdir(parents=True)
    for home, found in ((garbage, "not a database"), (folder, "unable to open database file")):
        wrong = run("patient", "list", home=home)
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert f"{home / 'afoot.db'}: expected a SQLite file" in wrong.stderr
        assert found in wrong.stderr
    assert (garbage / "afoot.db").read_text().startswith("this is not")


def test_a_store_of_a_newer_afoot_is_left_alone(tmp_path: Path) -> None:
    run("patient", "add", "Anna", "--zone", "UTC", home=tmp_path / "home")
    path = tmp_path / "home" / "afoot.db"
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE about SET value = '99' WHERE key = 'schema'")
    before = path.read_bytes()
    wrong = run("patient", "add", "Ben", "--zone", "UTC", home=tmp_path / "home")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "expected schema 1, found 99: a newer afoot made it" in wrong.stderr
    assert path.read_bytes() == before
