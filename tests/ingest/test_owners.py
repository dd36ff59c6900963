"""Whose a device is: a paired wearable is its patient's, whoever sent a file of it first, and a rebuild agrees."""

from pathlib import Path

import pytest

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.virtual.radio.link import PEER
from ingest import owners, people, wearables
from ingest.archive import Archive
from ingest.collect.files import Outcome, forget, import_files, preview, rebuild
from ingest.collect.pairing import Paired
from ingest.errors import Conflict, NotKnown
from ingest.ledger import list_imports
from ingest.people import Patient, checked_zone
from ingest.store import Change, Store
from tests.contracts.made import files_of

NOW = 1_774_800_000_000
OPTIONS = ReadOptions(checked_zone("Europe/Berlin"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def anna(store: Store) -> Patient:
    return add(store, "Anna")


@pytest.fixture
def ben(store: Store) -> Patient:
    return add(store, "Ben")


def add(store: Store, name: str) -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, name, "Europe/Berlin", NOW)


def ring(number: int = 1) -> bytes:
    return files_of("capture")[f"ring {number}.capture"]


RING = PEER.id


def pair(store: Store, patient: Patient) -> None:
    with store.writing() as connection:
        wearables.add_wearable(connection, patient.id, Paired(RING, RING.lower(), "R02_341C", "colmi"))


def part(store: Store, patient: Patient) -> None:
    with store.writing() as connection:
        wearables.remove_wearable(connection, patient.id, RING)


def put(store: Store, archive: Archive, patient: Patient, data: bytes, name: str = "ring.capture") -> Outcome:
    (outcome,) = import_files(store, archive, patient, [BytesSource(data, name)], OPTIONS, NOW)
    return outcome


def minutes(store: Store, patient: Patient) -> int:
    """How many minutes are known of them."""
    with store.reading() as connection:
        found = connection.exec_driver_sql(f"SELECT COALESCE(SUM(count), 0) FROM minutes WHERE patient_id = {patient.id}")
        return int(found.scalar_one())


def test_a_capture_of_anothers_wearable_is_refused(store: Store, archive: Archive, anna: Patient, ben: Patient) -> None:
    pair(store, anna)
    (foretold,) = preview(store, ben, [BytesSource(ring(), "ring.capture")], OPTIONS)
    outcome = put(store, archive, ben, ring())
    assert outcome.refused == foretold.refused
    assert outcome.change == Change()
    assert minutes(store, ben) == 0
    (why,) = outcome.refused
    assert f"expected a device of this patient, found {RING}, which is paired with another" in why
    assert "Anna" not in why
    assert not put(store, archive, anna, ring()).refused
    assert minutes(store, anna) > 0


def test_so_is_an_export_that_holds_it(store: Store, archive: Archive, anna: Patient, ben: Patient) -> None:
    """Its maker may have another name for the device; the address is the same."""
    pair(store, anna)
    row = f"2026-03-01T08:00:00Z,,steps,5,somebody,R02,{RING.lower()}\n2026-03-01T08:00:00Z,,steps,7,garmin,f,123\n"
    outcome = put(store, archive, ben, f"start,end,metric,value,vendor,model,serial\n{row}".encode(), "all.csv")
    assert len(outcome.refused) == 1
    assert outcome.change.inserted == 1  # his own watch's
    assert minutes(store, ben) == 1


def test_a_refusal_stays_one_in_a_rebuild_when_the_wearable_was_let_go_of(
    store: Store, archive: Archive, anna: Patient, ben: Patient
) -> None:
    pair(store, anna)
    why = put(store, archive, ben, ring()).refused
    part(store, anna)
    for _ in range(2):
        (again,) = rebuild(store, archive)
        assert again.refused == why
        assert minutes(store, ben) == 0
    assert not put(store, archive, ben, ring()).refused  # sent again it is decided anew, and nobody has it now
    assert minutes(store, ben) > 0


def test_a_refusal_outlives_the_others_data(store: Store, archive: Archive, anna: Patient, ben: Patient) -> None:
    """Also where nobody was paired: the serial number was the other's by their files."""
    kept = put(store, archive, anna, ring())
    assert "belongs to another patient" in put(store, archive, ben, ring(2)).refused[0]
    list(forget(store, archive, anna, kept.hash))
    (again,) = rebuild(store, archive)
    assert "belongs to another patient" in again.refused[0]
    assert minutes(store, ben) == 0


def test_pairing_says_what_to_do_about_data_of_another(store: Store, archive: Archive, anna: Patient, ben: Patient) -> None:
    first = put(store, archive, ben, ring())
    with pytest.raises(Conflict) as refused:
        pair(store, anna)
    for said in (f"afoot device whose {RING}", f"afoot device release {RING} --patient NAME", "afoot forget HASH --patient NAME"):
        assert said in str(refused.value)
    assert "Ben" not in str(refused.value)
    with store.reading() as connection:
        assert [(one.patient.name, one.paired, one.released) for one in owners.list_owners(connection, RING.lower())] == [
            ("Ben", False, False)
        ]
    # It was never his: taken back, it is free.
    list(forget(store, archive, ben, first.hash))
    pair(store, anna)
    assert not put(store, archive, anna, ring()).refused


def test_a_released_device_keeps_its_data(store: Store, archive: Archive, anna: Patient, ben: Patient) -> None:
    put(store, archive, ben, ring())
    before = minutes(store, ben)
    with store.writing() as connection:
        (owned,) = people.list_devices(connection, ben.id)
        owners.release_device(connection, ben.id, RING.lower())
        assert people.list_devices(connection, ben.id) == [owned]  # by the same key and number
        with pytest.raises(NotKnown, match="not released yet"):
            owners.release_device(connection, ben.id, RING)
    pair(store, anna)
    assert not put(store, archive, anna, ring(2)).refused
    assert "paired with another" in put(store, archive, ben, ring(2)).refused[0]
    hers = minutes(store, anna)
    with store.reading() as connection:
        rows = [(one.patient.name, one.paired, one.released) for one in owners.list_owners(connection, RING)]
        assert rows == [("Anna", True, False), ("Ben", False, True)]
    assert [bool(one.refused) for one in rebuild(store, archive)] == [False, False, True]
    assert (minutes(store, ben), minutes(store, anna)) == (before, hers)
    part(store, anna)
    # Nobody is paired; it is hers by her data.
    assert "belongs to another patient" in put(store, archive, ben, ring(2), "late.capture").refused[0]
    with store.reading() as connection:
        assert {one.state for one in list_imports(connection, ben.id)} == {"done", "refused"}
