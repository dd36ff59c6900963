"""afoot device scan, add, wearables, remove; sync, live, doctor, gateway: without Bluetooth, as on most machines that test."""

from pathlib import Path

import pytest

from afoot.app import open_app
from devices.radio.capture import write_capture
from devices.radio.codec import Direction, Frame, Header, Peer
from devices.radio.colmi import packets
from ingest import people, wearables
from ingest.collect.pairing import Paired, only_one
from ingest.collect.spool import Spool
from tests.afoot.conftest import Program, Result
from tests.radio.apart import apart

RING = "70:CB:0D:D0:34:1C"


@pytest.fixture(autouse=True)
def no_bluetooth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'no-bus'}")


class Apart(Program):
    def __call__(self, *arguments: object) -> Result:
        return apart(lambda: Program.__call__(self, *arguments))


@pytest.fixture
def afoot(afoot: Program) -> Program:
    return Apart(afoot.home)


@pytest.fixture
def anna(afoot: Program) -> Program:
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    return afoot


@pytest.fixture
def paired(anna: Program) -> Program:
    anna.ok("device", "add", RING.lower(), "--patient", "Anna", "--kind", "colmi", "--name", "R02_341C")
    return anna


def test_the_doctor_says_what_is_wrong_and_what_to_do(afoot: Program) -> None:
    said = afoot.fails(1, "doctor", "--seconds", 1)
    assert "there is no system bus" in said
    assert "/run/dbus" in said
    assert "there is no system bus" in afoot.fails(1, "device", "scan", "--seconds", 1)


def test_a_wearable_is_paired_once_listed_and_let_go(paired: Program) -> None:
    (one,) = paired.ok("device", "wearables", "--patient", "Anna", "--json").json
    assert (one["address"], one["kind"], one["battery"], one["synced"]) == (RING.lower(), "colmi", None, None)
    again = ("device", "add", RING, "--kind", "colmi", "--name", "R02_341C", "--patient")
    assert "paired with this patient already" in paired.fails(2, *again, "Anna")
    paired.ok("patient", "add", "Ben", "--zone", "UTC")
    assert "paired with another patient already" in paired.fails(2, *again, "Ben")
    assert "expected one that this patient is paired with" in paired.fails(2, "device", "remove", RING, "--patient", "Ben")
    paired.ok("device", "remove", RING, "--patient", "Anna")
    assert paired.ok("device", "wearables", "--patient", "Anna", "--json").json == []
    assert "expected one of" in paired.fails(2, "device", "add", RING, "--patient", "Anna", "--kind", "toaster")
    # Without its kind it has to be heard.
    for none in ("garbage", RING[:-1], f"{RING}:00", "6E400001-B5A3-F393-E0A9"):
        assert "expected an address" in paired.fails(2, "device", "add", none, "--patient", "Anna", "--kind", "colmi")
    assert "no system bus" in paired.fails(1, "device", "add", RING, "--patient", "Anna")
    of_macos = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
    assert "no system bus" in paired.fails(1, "device", "add", of_macos, "--patient", "Anna")


def test_what_a_killed_process_left_is_not_the_next_wearers(paired: Program) -> None:
    """A ring is handed on, while a capture of its first wearer still waits to be stored."""
    left = paired.home / "radio" / "colmi-1-0.capture"
    left.parent.mkdir()
    header = Header("colmi", 1, Peer(RING, "R02_341C"), 1_790_000_000_000)
    left.write_bytes(write_capture(header, [Frame(1_790_000_000_000, Direction.IN, packets.REPLY, bytes(16))]))
    with only_one(left.parent):
        assert "it goes on" in paired.fails(2, "device", "remove", RING, "--patient", "Anna")
    paired.ok("device", "remove", RING, "--patient", "Anna")
    assert not left.exists()
    paired.ok("patient", "add", "Ben", "--zone", "UTC")
    paired.ok("device", "add", RING, "--kind", "colmi", "--name", "R02_341C", "--patient", "Ben")
    paired("sync")
    assert len(paired.ok("imports", "--patient", "Anna", "--json").json) == 1
    assert paired.ok("imports", "--patient", "Ben", "--json").json == []


def test_a_sync_without_bluetooth_fails_and_is_remembered(paired: Program) -> None:
    result = paired("sync", "--json")
    assert result.code == 1
    assert result.json["problem"] == "there is no system bus (D-Bus) to reach Bluetooth by"
    (one,) = paired.ok("device", "wearables", "--patient", "Anna", "--json").json
    assert one["problem"] == result.json["problem"]
    assert one["tried"] is not None
    assert one["synced"] is None
    status = paired("status")
    assert "1 not synced" in status.out
    assert paired("live", RING, "--patient", "Anna").code == 1


def test_a_sync_of_nothing(anna: Program) -> None:
    assert "no wearable is paired" in anna.fails(2, "sync")
    assert "expected one that this patient is paired with" in anna.fails(2, "live", RING, "--patient", "Anna")
    for wrong in ("5", "5s", "25h", "-1m", "x"):
        assert "expected a time such as" in anna.fails(2, "sync", "--every", wrong)


def test_a_gateway_without_bluetooth_and_without_a_clinic(afoot: Program, tmp_path: Path) -> None:
    folder, token = tmp_path / "gateway", tmp_path / "token"
    token.write_text("secret\n")
    afoot.ok("gateway", "add", RING, "--kind", "colmi", "--name", "R02_341C", "--folder", folder)
    assert "is there already" in afoot.fails(2, "gateway", "add", RING, "--kind", "colmi", "--folder", folder)
    assert "0 captures wait" in afoot.ok("gateway", "status", "--folder", folder).err
    (folder / "new").write_text("x")
    Spool(folder / "spool").adopt(folder / "new", "ring.capture")
    run = ("gateway", "run", "--token-file", token, "--once", "--folder", folder, "--url")
    said = afoot.fails(1, *run, "http://127.0.0.1:9")
    assert "no system bus" in said
    assert "the clinic cannot be reached" in said
    assert "secret" not in said
    shown = afoot.ok("gateway", "status", "--folder", folder)
    assert "1 captures wait" in shown.err
    assert RING in shown.out
    assert "expected https://" in afoot.fails(2, *run, "http://clinic.example.org")
    afoot.ok("gateway", "remove", RING, "--folder", folder)
    assert "there is none here" in afoot.fails(2, "gateway", "remove", RING, "--folder", folder)
    assert not afoot.home.exists()  # a gateway has no store


def test_one_name_at_two_patients_is_for_people_to_look_at(anna: Program) -> None:
    anna.ok("patient", "add", "Ben", "--zone", "UTC")
    app = open_app(anna.home)
    with app.store.writing() as connection:
        for name, id in (("Anna", "PAGE-1"), ("Ben", "PAGE-2")):
            owner = people.find_patient(connection, name).id
            wearables.add_wearable(connection, owner, Paired(id, "", "R02_341C", "colmi"))
    app.close()
    said = next(line for line in anna("status").out.splitlines() if "R02_341C" in line)
    assert "2 patients" in said
    for name, address in (("Anna", RING), ("Ben", RING.replace("1C", "2D"))):
        anna.ok("device", "add", address, "--patient", name, "--kind", "colmi", "--name", "R02_341C")
    assert "R02_341C" not in anna("status").out
