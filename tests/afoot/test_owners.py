"""afoot device whose, release: a ring that was one patient's and becomes another's."""

from pathlib import Path

from tests.afoot.conftest import Program
from tests.contracts.made import files_of
from tests.ingest.test_owners import RING

PAIR = ("device", "add", RING, "--kind", "colmi", "--name", "R02_341C", "--patient")


def test_a_ring_is_handed_on(anna: Program, tmp_path: Path) -> None:
    path = tmp_path / "ring.capture"
    path.write_bytes(files_of("capture")["ring 1.capture"])
    anna.ok("patient", "add", "Ben", "--zone", "UTC")
    anna.ok("import", path, "--patient", "Ben")
    said = anna.fails(2, *PAIR, "Anna")
    assert f"afoot device whose {RING}" in said
    assert "Ben" not in said
    (row,) = anna.ok("device", "whose", RING, "--json").json
    assert (row["patient"], row["paired"], row["released"]) == ("Ben", False, False)
    devices = anna.ok("device", "list", "--patient", "Ben", "--json").json
    anna.ok("device", "release", RING, "--patient", "Ben")
    assert anna.ok("device", "list", "--patient", "Ben", "--json").json == devices
    assert "not released yet" in anna.fails(2, "device", "release", RING, "--patient", "Ben")
    anna.ok(*PAIR, "Anna")
    path.write_bytes(files_of("capture")["ring 2.capture"])
    result = anna("import", path, "--patient", "Ben")
    assert result.code == 1
    assert "which is paired with another; nothing of it was taken" in result.out
    anna.ok("import", path, "--patient", "Anna")
    assert [line.split()[-2:] for line in anna.ok("device", "whose", RING).out.splitlines()[1:]] == [["yes", "no"], ["no", "yes"]]
