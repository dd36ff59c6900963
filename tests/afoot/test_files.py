"""afoot import, identify, imports, rebuild: what goes to which stream, with which exit code."""

import hashlib
import json
import os
import zipfile
from datetime import date
from pathlib import Path

import pytest

from devices.virtual import Wearer, days_from, write_fitbit
from tests.afoot.conftest import Program, csv

GOOD = csv(*(f"2026-03-03T08:{minute:02}:00Z,{minute}" for minute in range(60)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    (path / "a.csv").write_text(GOOD)
    return path


@pytest.fixture
def program(afoot: Program) -> Program:
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    return afoot


def test_a_good_file_is_a_line_of_json_and_exit_0(program: Program, folder: Path) -> None:
    result = program.ok("import", folder, "--patient", "Anna", "--json")
    assert result.err == ""
    expected = {
        "file": "a.csv",
        "hash": hashlib.sha256(GOOD.encode()).hexdigest(),
        "formats": ["plain_csv"],
        "known": False,
        "inserted": 60,
        "changed": 0,
        "unchanged": 0,
        "refused": [],
        "rejects": [],
    }
    assert result.lines == [expected]
    again = program.ok("import", folder, "--patient", "Anna", "--json").lines
    assert again == [expected | {"known": True, "inserted": 0, "unchanged": 60}]


def test_the_table_says_the_same(program: Program, folder: Path) -> None:
    first, again = (program.ok("import", folder, "--patient", "Anna").out.split("\n") for _ in range(2))
    heads = [" ".join(lines[0].split()) for lines in (first, again)]
    assert heads == ["format files known before minutes new changed as before files refused"] * 2
    assert [" ".join(lines[1].split()) for lines in (first, again)] == ["plain_csv 1 0 60 0 0 0", "plain_csv 1 1 0 0 60 0"]


def test_a_refused_file_is_exit_1_and_the_others_are_kept(program: Program, folder: Path) -> None:
    (folder / "b [bold].jpg").write_bytes(b"\xff\xd8\xff\xe0" * 9)
    (folder / "c.csv").write_text(GOOD.replace("03-03", "03-04").replace("08:07:00Z,7", "08:07:00Z,many"))
    os.mkfifo(folder / "pipe")
    result = program("import", folder, "--patient", "Anna", "--json")
    assert result.code == 1
    by_name = {line["file"]: line for line in result.lines}
    assert [by_name[name]["inserted"] for name in ("a.csv", "b [bold].jpg", "c.csv", "pipe")] == [60, 0, 59, 0]
    assert "expected an export that afoot reads" in by_name["b [bold].jpg"]["refused"][0]
    assert "a pipe" in by_name["pipe"]["refused"][0]
    assert by_name["c.csv"]["refused"] == []
    assert [(row["expected"], row["count"]) for row in by_name["c.csv"]["rejects"]] == [("a number for the value", 1)]
    table = program("import", folder, "--patient", "Anna")
    assert table.code == 1
    assert "b [bold].jpg" in table.out
    states = {row["file"]: row["state"] for row in program.ok("imports", "--patient", "Anna", "--json").json}
    assert states == {"a.csv": "done", "b [bold].jpg": "refused", "c.csv": "done"}
    assert "refused" in program.ok("imports", "--patient", "Anna").out


def test_rejected_rows_alone_are_exit_0(program: Program, folder: Path) -> None:
    (folder / "a.csv").write_text(GOOD + "2026-03-03T09:00:00Z,many\n2026-03-03T09:01:00Z,\n")
    result = program.ok("import", folder, "--patient", "Anna")
    assert "(2 times)" in result.out


def test_a_dry_run_says_what_would_happen_and_leaves_nothing(program: Program, folder: Path) -> None:
    (folder / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0" * 9)
    foretold = program("import", folder, "--patient", "Anna", "--dry-run", "--json")
    assert foretold.code == 1
    assert program.ok("imports", "--patient", "Anna", "--json").json == []
    assert program.ok("device", "list", "--patient", "Anna", "--json").json == []
    assert program.ok("days", "Anna", "--json").out == ""
    assert [name for name in program.home.rglob("*") if "archive" in name.parts] == []
    done = program("import", folder, "--patient", "Anna", "--json")
    assert [line | {"hash": ""} for line in done.lines] == [line | {"hash": ""} for line in foretold.lines]
    assert foretold.lines[0]["inserted"] == 60
    # Once more: now nothing would change.
    assert [line["inserted"] for line in program("import", folder, "--patient", "Anna", "--dry-run", "--json").lines] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "nowhere", "--patient", "Anna"), "found nothing there"),
        (("import", "--patient", "Anna"), "Missing argument"),
        (("import", "x"), "Missing option '--patient'"),
        (("import", "x", "--patient", "Anna", "--naive-time", "mars"), "expected utc or local"),
        (("import", "x", "--patient", "Anna", "--what"), "No such option"),
        (("identify",), "Missing argument"),
        (("identify", "nowhere"), "found nothing there"),
        (("frobnicate",), "No such command"),
    ],
)
def test_a_wrong_command_is_exit_2(program: Program, arguments: tuple[str, ...], said: str) -> None:
    assert said in program.fails(2, *arguments)


def test_files_with_names_that_are_no_text(program: Program, folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\x1b[31m.csv")).write_text(GOOD.replace("03-03", "03-05"))
    program.ok("import", folder, "--patient", "Anna")
    for arguments in (("identify", folder), ("imports", "--patient", "Anna")):
        plain, json_ = program.ok(*arguments), program.ok(*arguments, "--json")
        assert r"\xff\x1b[31m.csv" in plain.out
        assert "\x1b" not in plain.out
        assert r"\xff" in json_.out.replace("\\\\", "\\")


def test_identify_says_the_format_and_imports_nothing(program: Program, folder: Path) -> None:
    (folder / "unknown.bin").write_bytes(b"\x00\x01")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("x/a.csv", GOOD)
        archive.writestr("x/readme.txt", "hello")
    result = program("identify", folder, "--json")
    assert result.code == 1
    assert {line["file"]: line["formats"] for line in result.lines} == {
        "a.csv": ["plain_csv"],
        "all.zip": ["plain_csv"],
        "unknown.bin": [],
    }
    problems = {line["file"]: line["problem"] for line in result.lines}
    assert problems["a.csv"] == ""
    assert "x/readme.txt" in problems["all.zip"]
    assert "expected an export that afoot reads" in problems["unknown.bin"]
    assert program.ok("identify", folder / "a.csv").out.split()[:5] == ["file", "format", "problem", "a.csv", "plain_csv"]
    assert program.ok("imports", "--patient", "Anna", "--json").json == []


def test_a_rebuild_gives_the_same_and_says_what_it_read(program: Program, folder: Path) -> None:
    program.ok("import", folder, "--patient", "Anna")
    before = program.ok("days", "Anna", "--json").out
    (line,) = program.ok("rebuild", "--json").lines
    assert (line["file"], line["inserted"], line["refused"]) == ("a.csv", 60, [])
    assert program.ok("days", "Anna", "--json").out == before
    assert "plain_csv" in program.ok("rebuild").out


def test_a_damaged_archive_is_exit_1_and_loses_nothing(program: Program, folder: Path) -> None:
    (folder / "b.csv").write_text(GOOD * 900)  # large: a file beside the store
    assert program("import", folder, "--patient", "Anna").code == 0
    before = program.ok("days", "Anna", "--json").out
    (large,) = (path for path in program.home.rglob("archive/*/*") if path.is_file())
    large.write_bytes(large.read_bytes()[:-9] + b"damaged!!")
    assert "archive" in program("rebuild").err
    assert program("rebuild", "--json").code == 1
    assert program.ok("days", "Anna", "--json").out == before


def test_what_a_time_without_a_zone_means(program: Program, tmp_path: Path) -> None:
    """Fitbit's minutes alone do not say it: refused with the question, then read either way."""
    export = tmp_path / "fitbit"
    write_fitbit(Wearer(3, date(2026, 2, 2), faults=0), days_from(date(2026, 3, 3), 2), export, times="local")
    steps = next(path for path in export.rglob("steps-*.json"))
    asked = program("import", steps, "--patient", "Anna", "--json")
    assert asked.code == 1
    assert "naive_time" in asked.lines[0]["refused"][0]
    said = program.ok("import", steps, "--patient", "Anna", "--naive-time", "local", "--json").lines[0]
    assert said["inserted"] > 1000
    program.ok("patient", "add", "Ben", "--zone", "Europe/Berlin")
    program.ok("import", steps, "--patient", "Ben", "--naive-time", "utc")
    day = {name: program.ok("day", name, "2026-03-03", "--json").json for name in ("Anna", "Ben")}
    assert day["Anna"]["worn_min"] != day["Ben"]["worn_min"] or day["Anna"]["steps"] != day["Ben"]["steps"]


def test_an_import_of_nothing_is_nothing(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert program.ok("import", tmp_path / "empty", "--patient", "Anna", "--json").out == ""


def test_every_line_of_a_long_import_is_json(program: Program, folder: Path) -> None:
    for number in range(130):
        (folder / f"{number}.csv").write_text(csv(f"2026-03-03T{number % 24:02}:00:00Z,{number}"))
    lines = [json.loads(line) for line in program.ok("import", folder, "--patient", "Anna", "--json").out.splitlines()]
    assert len(lines) == 131
