"""Importing: archived before it is read, the same in any order, a bad file beside good ones, devices of one owner."""

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from ingest import ledger, people, tables
from ingest.archive import SMALL_BYTES, Archive
from ingest.collect.files import PARALLEL_FROM, Outcome, find_files, forget, import_files, preview, readers_for, rebuild
from ingest.errors import DamagedStore, NotKnown
from ingest.people import Patient
from ingest.store import Change, Store

NOW = 1_700_000_000_000
OPTIONS = ReadOptions(ZoneInfo("Europe/Berlin"))
DERIVED = (tables.minutes, tables.spans, tables.offsets, tables.totals, tables.hours)


def csv(*rows: str) -> bytes:
    return ("start,end,metric,value,device\n" + "".join(f"{row}\n" for row in rows)).encode()


def steps(minute: int, value: int, device: str = "ring", day: str = "2026-03-01") -> str:
    return f"{day}T{minute // 60:02}:{minute % 60:02}:00Z,,steps,{value},{device}"


MORNING = csv(*(steps(minute, minute % 7) for minute in range(480, 600)))
NOON = csv(*(steps(minute, minute % 7) for minute in range(540, 720)))
OTHER = csv(*(steps(minute, 3, "watch") for minute in range(500, 700)))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def patient(store: Store) -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, "Anna", "Europe/Berlin", NOW)


def put(store: Store, archive: Archive, patient: Patient, *files: tuple[str, bytes]) -> list[Outcome]:
    return list(import_files(store, archive, patient, [BytesSource(data, name) for name, data in files], OPTIONS, NOW))


def derived(store: Store) -> list[list[tuple[Any, ...]]]:
    """Everything derived, with devices by key: their ids depend on who came first."""
    found = []
    with store.reading() as connection:
        keys = dict(connection.execute(select(tables.devices.c.id, tables.devices.c.key)).all())
        for table in DERIVED:
            rows = [tuple(row) for row in connection.execute(select(table))]
            place = [column.name for column in table.columns].index("device_id")
            found.append(sorted((*row[:place], keys[row[place]], *row[place + 1 :]) for row in rows))
    return found


def test_a_second_time_nothing_changes(store: Store, archive: Archive, patient: Patient) -> None:
    first = put(store, archive, patient, ("a.csv", MORNING), ("b.csv", NOON))
    assert [outcome.change for outcome in first] == [Change(inserted=120), Change(inserted=120, unchanged=60)]
    before = derived(store)
    again = put(store, archive, patient, ("a.csv", MORNING), ("b.csv", NOON))
    assert [(outcome.known, outcome.change) for outcome in again] == [
        (True, Change(unchanged=120)),
        (True, Change(unchanged=180)),
    ]
    assert derived(store) == before


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_grouping_is_the_same_store(store: Store, archive: Archive, patient: Patient, seed: int) -> None:
    files = [("a.csv", MORNING), ("b.csv", NOON), ("c.csv", OTHER)]
    put(store, archive, patient, *files)
    expected = derived(store)
    with store.writing() as connection:
        for table in (*reversed(DERIVED), tables.rejects, tables.imports, tables.devices):
            connection.execute(table.delete())
    shuffled = [*files, *files]
    random.Random(seed).shuffle(shuffled)
    cut = seed % len(shuffled)
    put(store, archive, patient, *shuffled[:cut])
    put(store, archive, patient, *shuffled[cut:])
    assert derived(store) == expected


def test_a_bad_file_is_named_and_the_others_are_kept(store: Store, archive: Archive, patient: Patient) -> None:
    outcomes = put(store, archive, patient, ("a.csv", MORNING), ("holiday.jpg", b"\xff\xd8\xff\xe0" * 50), ("b.csv", NOON))
    assert [bool(outcome.refused) for outcome in outcomes] == [False, True, False]
    assert "holiday.jpg: expected an export" in outcomes[1].refused[0]
    with store.reading() as connection:
        states = [entry.state for entry in ledger.list_imports(connection)]
        assert archive.open(connection, outcomes[1].hash, "x").open().read() == b"\xff\xd8\xff\xe0" * 50
    assert states == [ledger.DONE, ledger.REFUSED, ledger.DONE]


def test_a_zip_is_its_members(tmp_path: Path, store: Store, archive: Archive, patient: Patient) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("x/a.csv", MORNING)
        packed.writestr("x/readme.txt", "hello")
        packed.writestr("x/b.csv", NOON)
    (outcome,) = import_files(store, archive, patient, find_files([path]), OPTIONS, NOW)
    assert outcome.change == Change(inserted=240)
    assert [(reject.found, reject.count) for reject in outcome.rejects] == [("x/readme.txt", 1)]


def test_a_dry_run_says_the_same_and_leaves_nothing(store: Store, archive: Archive, patient: Patient) -> None:
    files = [BytesSource(MORNING, "a.csv"), BytesSource(NOON, "b.csv")]
    foretold = list(preview(store, patient, files, OPTIONS))
    assert [sum(map(len, part)) for part in derived(store)] == [0] * len(DERIVED)
    with store.reading() as connection:
        assert ledger.list_imports(connection) == []
        assert people.list_devices(connection, patient.id) == []
    done = list(import_files(store, archive, patient, files, OPTIONS, NOW))
    assert [one.change for one in foretold] == [one.change for one in done]


def test_everything_derived_comes_back_from_the_archive(store: Store, archive: Archive, patient: Patient) -> None:
    put(store, archive, patient, ("a.csv", MORNING), ("b.csv", NOON), ("c.csv", OTHER), ("bad", b"\0" * 99))
    before = derived(store)
    with store.writing() as connection:
        connection.execute(tables.minutes.delete())
    outcomes = list(rebuild(store, archive))
    assert [len(outcome.refused) for outcome in outcomes] == [0, 0, 0, 1]
    assert derived(store) == before


def test_a_rebuild_from_a_damaged_archive_changes_nothing(store: Store, archive: Archive, patient: Patient) -> None:
    put(store, archive, patient, ("a.csv", MORNING))
    before = derived(store)
    with store.writing() as connection:
        connection.execute(tables.objects.update().values(data=b"not zstd"))
    with pytest.raises(DamagedStore):
        list(rebuild(store, archive))
    assert derived(store) == before


def test_what_was_cut_short_is_finished_by_the_same_call(store: Store, archive: Archive, patient: Patient) -> None:
    with store.writing() as connection:
        digest, _ = archive.keep(connection, BytesSource(MORNING, "a.csv"))
        ledger.register(connection, patient.id, [(digest, "a.csv")], NOW)
    (outcome,) = put(store, archive, patient, ("a.csv", MORNING))
    assert (outcome.known, outcome.change) == (False, Change(inserted=120))


def large_csv() -> Iterator[bytes]:
    yield b"start,end,metric,value,device\n"
    for day in range(1, 29):
        yield "".join(f"{steps(minute, (minute * day) % 90, day=f'2026-02-{day:02}')}\n" for minute in range(1440)).encode()


def test_a_large_object_is_a_file_beside_the_store(tmp_path: Path, store: Store, archive: Archive, patient: Patient) -> None:
    data = b"".join(large_csv())
    assert len(data) > SMALL_BYTES
    (outcome,) = put(store, archive, patient, ("month.csv", data))
    assert outcome.change == Change(inserted=28 * 1440)
    (path,) = (tmp_path / "archive").rglob("*.zst")
    assert path.name == f"{outcome.hash}.zst"
    assert path.stat().st_size < len(data) / 5
    with store.reading() as connection:
        archive.verify(connection, outcome.hash)
        path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
        with pytest.raises(DamagedStore):
            archive.verify(connection, outcome.hash)


def test_a_folder_is_walked_without_what_systems_leave_in_it(tmp_path: Path) -> None:
    for name in ("b/c.csv", "a.csv", ".DS_Store", "__MACOSX/x.csv"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert [source.name for source in find_files([tmp_path / "in", tmp_path / "in/a.csv"])] == ["a.csv", "b/c.csv"]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_files([tmp_path / "nowhere"])


def test_a_device_with_a_serial_number_has_one_owner(store: Store, archive: Archive, patient: Patient) -> None:
    mine = b"start,end,metric,value,vendor,model,serial\n2026-03-01T08:00:00Z,,steps,5,garmin,forerunner,123\n"
    put(store, archive, patient, ("mine.csv", mine))
    with store.writing() as connection:
        other = people.add_patient(connection, "Ben", "UTC", NOW)
    (outcome,) = put(store, archive, other, ("mine too.csv", mine + b"2026-03-01T08:01:00Z,,steps,7,garmin,forerunner,123\n"))
    assert outcome.change == Change()
    assert "belongs to another patient" in outcome.refused[0]
    assert "Anna" not in outcome.refused[0]
    with store.reading() as connection:
        assert people.list_devices(connection, other.id) == []


def test_an_import_taken_back_leaves_nothing_of_itself(store: Store, archive: Archive, patient: Patient) -> None:
    put(store, archive, patient, ("a.csv", MORNING))
    expected = derived(store)
    (mistake,) = put(store, archive, patient, ("someone else.csv", NOON))
    (again,) = forget(store, archive, patient, mistake.hash[:12])
    assert again.hash != mistake.hash
    assert derived(store) == expected
    with store.reading() as connection:
        assert len(ledger.list_imports(connection, patient.id)) == 1
        with pytest.raises(DamagedStore):
            archive.open(connection, mistake.hash, "x")
    with pytest.raises(NotKnown):
        list(forget(store, archive, patient, mistake.hash))


FITBIT = b'[{"dateTime": "08/01/26 09:30:00", "value": "66"}, {"dateTime": "08/01/26 09:31:00", "value": "0"}]'


def test_the_other_answer_is_taken_only_after_the_first_is_taken_back(store: Store, archive: Archive, patient: Patient) -> None:
    def read_as(answer: Literal["utc", "local"]) -> Outcome:
        source = BytesSource(FITBIT, "steps-2026-08-01.json")
        (outcome,) = import_files(store, archive, patient, [source], ReadOptions(ZoneInfo("Europe/Berlin"), answer), NOW)
        return outcome

    assert read_as("utc").change == Change(inserted=2)
    refused = read_as("local")
    assert "afoot forget" in refused.refused[0]
    assert refused.change == Change()
    assert read_as("utc").change == Change(unchanged=2)
    list(forget(store, archive, patient, refused.hash))
    assert read_as("local").change == Change(inserted=2)
    with store.reading() as connection:
        (row,) = connection.execute(select(tables.minutes.c.first)).all()
    assert row.first == 7 * 60 + 30


def test_a_rebuild_of_one_patient_leaves_the_others(store: Store, archive: Archive, patient: Patient) -> None:
    with store.writing() as connection:
        other = people.add_patient(connection, "Ben", "UTC", NOW)
    put(store, archive, patient, ("a.csv", MORNING))
    put(store, archive, other, ("b.csv", NOON))
    before = derived(store)
    assert len(list(rebuild(store, archive, patient))) == 1
    assert derived(store) == before


def test_who_reads_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'afoot.db'}"
    Store(url).close()
    writer = Store(url)
    with writer.writing():
        reader = Store(url)
        with reader.reading() as connection:
            assert people.list_patients(connection) == []
        reader.close()
    writer.close()


def test_read_by_other_processes_it_is_the_same_store(tmp_path: Path, store: Store, archive: Archive, patient: Patient) -> None:
    files = [
        (f"{day:02}.csv", csv(*(steps(minute, day, day=f"2026-01-{day:02}") for minute in range(300)))) for day in range(1, 29)
    ]
    files += [("bad", b"\0"), ("month.csv", b"".join(large_csv()))]
    sources = [BytesSource(data, name) for name, data in files]
    one = put(store, archive, patient, *files)
    expected = derived(store)
    with store.writing() as connection:
        for table in (*reversed(DERIVED), tables.rejects, tables.imports, tables.devices):
            connection.execute(table.delete())
    with readers_for(PARALLEL_FROM) as run:
        other = list(import_files(store, archive, patient, sources, OPTIONS, NOW, run))
    assert derived(store) == expected
    assert [(outcome.name, outcome.change, outcome.refused) for outcome in other] == [
        (outcome.name, outcome.change, outcome.refused) for outcome in one
    ]
