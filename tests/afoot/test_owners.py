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


def test_whose_takes_a_device_as_it_is_listed(anna: Program, tmp_path: Path) -> None:
    path = tmp_path / "ring.capture"
    path.write_bytes(files_of("capture")["ring 1.capture"])
    anna.ok("import", path, "--patient", "Anna")
    anna.ok(*PAIR, "Anna")
    keys = [row["device"] for row in anna.ok("device", "list", "--patient", "Anna", "--json").json]
    (key,) = [one for one in keys if one.endswith(RING)]
    (nameless,) = [one for one in keys if one != key]
    asked = anna.ok("device", "whose", key, "--json").json
    assert asked == anna.ok("device", "whose", RING, "--json").json
    assert asked == [{"patient": "Anna", "device": key, "paired": True, "released": False}]
    (row,) = anna.ok("device", "whose", nameless, "--json").json
    assert (row["patient"], row["released"]) == ("Anna", False)
    anna.ok("device", "release", key, "--patient", "Anna")
    (row,) = anna.ok("device", "whose", key, "--json").json
    assert (row["paired"], row["released"]) == (True, True)


def test_a_device_that_nobody_has_is_said_to_be_nobodys(anna: Program) -> None:
    assert "nobody has data of a device '00:11'" in anna.ok("device", "whose", "00:11").out
    assert anna.ok("device", "whose", "00:11", "--json").json == []
