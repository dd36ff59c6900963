"""The whole way of an import, from the file to the store, before inputs that are built to exhaust it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import hostile

ROOT = Path(__file__).resolve().parents[2]
MOST_MIB = 300
# In seconds, on a machine that is busy with other tests.
MOST_SECONDS = 10

# A view in the place of a table is not looked at, so there is nothing to refuse.
NEVER_ASKED = frozenset({"Gadgetbridge"})
NAMES = sorted((*hostile.BYTES, *hostile.PLACES))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What importing each input took, by its name, in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile.write_all(folder / "hostile")
    run = subprocess.run(
        [sys.executable, "-m", "tests.contracts.hostile", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return {row["name"]: row for row in json.loads(run.stdout)}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_soon_in_little_memory_with_a_reason_and_its_neighbours_are_kept(
    measured: dict[str, dict[str, Any]], name: str
) -> None:
    row = measured[name]
    assert row["kept"] == [60, 60]
    assert row["minutes"] == 0
    assert row["seconds"] < MOST_SECONDS
    assert row["mib"] < MOST_MIB
    reasons = row["refused"] + row["rejects"]
    assert reasons or name in NEVER_ASKED
    for reason in reasons:
        assert len(reason) < 700
        assert "Traceback" not in reason
        assert ("expected" in reason and "found" in reason) or "No such file" in reason or "symbolic links" in reason, reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bomb.zip", "150 times"),
        ("inner bomb.zip", "150 times"),
        ("nest.zip", "at most 2 zips within one another"),
        ("crowded.zip", "200,000 members"),
        ("attribute.tcx", "1,048,576 bytes"),
        ("devices.csv", "1,000 devices"),
        ("points.json", "64 brackets"),
        ("zero.fit", "4,000,000 records"),
        ("pipe", "a pipe"),
        ("link", "No such file"),
    ],
)
def test_the_reason_is_the_real_one(measured: dict[str, dict[str, Any]], name: str, reason: str) -> None:
    assert reason in " ".join(measured[name]["refused"])


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever runs as root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "secret").mkdir(parents=True)
    (folder / "secret" / "a.csv").write_bytes(hostile.good_csv(8))
    (folder / "b.csv").write_bytes(hostile.good_csv(9))
    (folder / "c.csv").write_bytes(hostile.good_csv(10))
    (folder / "c.csv").chmod(0)
    (folder / "secret").chmod(0)
    try:
        found = {source.name: source for source in hostile.find_files([folder])}
        assert set(found) == {"b.csv", "c.csv", "secret"}
        for name in ("c.csv", "secret"):
            with pytest.raises(OSError, match="ermission"):
                found[name].open()
    finally:
        (folder / "secret").chmod(0o700)
