"""The program in a home of its own."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from afoot.cli import app


@dataclass
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """afoot, run in this process; whatever it does not catch fails the test."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: object) -> Result:
        result = self(*arguments)
        assert result.code == 0, (arguments, result)
        return result

    def fails(self, code: int, *arguments: object) -> str:
        """Return what it said on stderr: one message, and nothing on stdout."""
        result = self(*arguments)
        assert result.code == code, (arguments, result)
        assert result.out == ""
        assert "Traceback" not in result.err
        assert result.err
        return result.err


# The commands are read off the functions' signatures once, as in a process of afoot, and not again for each call of the runner.
_read_commands = functools.cache(get_command)


@pytest.fixture
def afoot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    home = tmp_path / "home"
    monkeypatch.setenv("AFOOT_HOME", str(home))
    monkeypatch.setenv("AFOOT_DURABLE", "false")
    monkeypatch.delenv("AFOOT_STORE", raising=False)
    monkeypatch.setattr("typer.testing._get_command", _read_commands)
    # Reports are written into the folder that one is in.
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Program(home)


def csv(*rows: str, columns: str = "start,value") -> str:
    return "".join(f"{row}\n" for row in (columns, *rows))


@pytest.fixture
def anna(afoot: Program, tmp_path: Path) -> Program:
    """A program with one patient, and one day of hers imported: a step a minute from 8 to 20 o'clock, two walks."""
    minutes = range(7 * 60, 19 * 60)  # in UTC; Berlin is an hour ahead
    walks = {*range(8 * 60, 8 * 60 + 12), *range(15 * 60, 15 * 60 + 6)}
    rows = [f"2026-03-03T{minute // 60:02}:{minute % 60:02}:00Z,{80 if minute in walks else 1}" for minute in minutes]
    path = tmp_path / "day.csv"
    path.write_text(csv(*rows))
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    afoot.ok("import", path, "--patient", "Anna")
    return afoot
