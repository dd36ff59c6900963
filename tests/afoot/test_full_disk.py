"""A disk that is full, as a small file system of its own: what is safe and what is not is said."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.collect import files
from tests.afoot.conftest import Program, csv

FILES = 24


@pytest.fixture
def small(afoot: Program) -> Iterator[Program]:
    afoot.home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "afoot-test", afoot.home], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode()}")
    try:
        yield afoot
    finally:
        subprocess.run(["umount", "--lazy", afoot.home], check=True)


def exports(folder: Path) -> Path:
    """Files that do not shrink, of half a megabyte or, every third, more than one, which lies beside the store."""
    folder.mkdir()
    for number in range(FILES):
        draw = random.Random(number)
        rows = [
            f"2026-03-01T08:{n % 60:02}:00Z,{n % 60 + 1},{draw.randbytes(400).hex()}"
            for n in range(1600 if number % 3 == 2 else 600)
        ]
        (folder / f"{number:02}.csv").write_text(csv(*rows, columns="start,value,note"))
    return folder


def test_what_is_safe_and_what_is_not(small: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILES_AT_ONCE", 2)
    folder = exports(tmp_path / "exports")
    small.ok("patient", "add", "Anna", "--zone", "UTC")
    result = small("import", folder, "--patient", "Anna", "--json")
    assert result.code == 1
    assert "full" in result.err
    done = {one["file"] for one in result.lines if one["hash"]}
    said, _, rest = result.err.partition("stored safely: ")[2].partition("\n")
    not_stored = {line.strip() for line in rest.splitlines() if line.endswith(".csv")}
    assert said.startswith(f"{len(done)} of {FILES} files. Not stored:")
    assert 0 < len(done) < FILES
    assert done | not_stored == {path.name for path in folder.iterdir()}
    assert not done & not_stored
    listed = small.ok("imports", "--patient", "Anna", "--json").json
    assert {one["file"] for one in listed if one["state"] != "archived"} == done


def test_an_import_that_ends_well_says_nothing_of_it(afoot: Program, tmp_path: Path) -> None:
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    (tmp_path / "day.csv").write_text(csv("2026-03-01T08:00:00Z,5"))
    assert "stored safely" not in afoot.ok("import", tmp_path / "day.csv", "--patient", "Anna").err
