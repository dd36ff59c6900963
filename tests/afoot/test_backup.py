"""afoot backup, backup-key, restore: all of it comes back, or a reason; nothing is written over."""

import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, select

from afoot import backing_up
from afoot.app import App, open_app
from afoot.erasing import erase_patient
from afoot.settings import Settings
from devices.recording import DAY_MS
from ingest import people
from ingest.archive import SMALL_BYTES
from ingest.backup import read_backup, write_backup
from ingest.errors import BadBackup
from tests.afoot.conftest import Program, csv
from tests.afoot.test_prescription import FIRST
from tests.ingest.servers import Postgresql

LARGE = csv("2026-03-04T08:00:00Z,70", "#" + "x" * SMALL_BYTES)


@pytest.fixture
def key(afoot: Program, tmp_path: Path) -> tuple[str, Path]:
    """The public key, and the file of the private one."""
    path = tmp_path / "afoot.key"
    return afoot.ok("backup-key", path).out.strip(), path


@pytest.fixture
def full(anna: Program, tmp_path: Path) -> Program:
    """Anna's day, a large file in the archive, and what a check, an observation and a prescription leave."""
    (tmp_path / "large.csv").write_text(LARGE)
    anna("import", tmp_path / "large.csv", "--patient", "Anna")
    anna.ok("observe", "Anna", "--pain", "4")
    anna.ok("prescription", "set", "Anna", *FIRST)
    anna.ok("check", "--at", "2026-03-05T12:00:00Z")
    assert len([path for path in (anna.home / "archive").rglob("*") if path.is_file()]) == 1
    return anna


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = [table for metadata in backing_up.METADATA for table in metadata.sorted_tables]
            return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables}
    finally:
        engine.dispose()


def test_everything_comes_back(full: Program, key: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public, private = key
    assert private.stat().st_mode & 0o777 == 0o600
    before, shown = contents(f"sqlite:///{full.home / 'afoot.db'}"), full.ok("days", "Anna", "--json").out
    full.ok("backup", tmp_path / "b.age", "--key", public)
    assert b"Anna" not in (tmp_path / "b.age").read_bytes()
    assert (tmp_path / "b.age").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("AFOOT_HOME", str(tmp_path / "other"))
    full.ok("restore", tmp_path / "b.age", "--key-file", private)
    assert contents(f"sqlite:///{tmp_path / 'other/afoot.db'}") == before
    assert full.ok("days", "Anna", "--json").out == shown
    full.ok("rebuild")
    assert full.ok("days", "Anna", "--json").out == shown
    assert "expected" in full.fails(1, "restore", tmp_path / "b.age", "--key-file", private)  # never over a store
    assert [path.name for path in (tmp_path / "other").iterdir() if path.name.startswith(".")] == []


@pytest.mark.live
def test_from_sqlite_to_postgresql_and_back(full: Program, tmp_path: Path, postgresql_url: str) -> None:
    before = contents(f"sqlite:///{full.home / 'afoot.db'}")
    full.ok("backup", tmp_path / "b.tar", "--plain")
    read_backup(tmp_path / "b.tar", tmp_path / "pg/archive", postgresql_url, backing_up.METADATA, None)
    assert contents(postgresql_url) == before
    with pytest.raises(FileExistsError, match="expected none"):
        read_backup(tmp_path / "b.tar", tmp_path / "pg2/archive", postgresql_url, backing_up.METADATA, None)
    app = App(open_app(tmp_path / "pg").settings.model_copy(update={"store": postgresql_url}))
    try:
        # New rows are numbered after those that came with the backup.
        with app.store.writing() as connection:
            assert people.add_patient(connection, "Ben", "UTC", 0).id > people.find_patient(connection, "Anna").id
        backing_up.write(app, tmp_path / "back.tar", [])
    finally:
        app.close()
    read_backup(
        tmp_path / "back.tar", tmp_path / "third/archive", f"sqlite:///{tmp_path / 'third/afoot.db'}", backing_up.METADATA, None
    )
    after = contents(f"sqlite:///{tmp_path / 'third/afoot.db'}")
    assert len(after.pop("patients")) == len(before.pop("patients")) + 1
    assert after == before


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The store that a backup is restored into."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh/afoot.db'}"
    return empty_database(request)


def empty_database(request: pytest.FixtureRequest) -> str:
    server: Postgresql = request.getfixturevalue("postgresql_server")
    return server.database()


@pytest.mark.parametrize("left", ["nobody", "somebody"])
@pytest.mark.parametrize("first", ["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def test_the_number_of_an_erased_patient_is_no_other_patients_after_a_restore(
    tmp_path: Path, first: str, fresh_url: str, left: str, request: pytest.FixtureRequest
) -> None:
    url = empty_database(request) if first == "postgresql" else ""
    app = App(Settings(home=tmp_path / "home", store=url, durable=False))
    with app.store.writing() as connection:
        if left == "somebody":
            people.add_patient(connection, "Anna", "UTC", 0)
        erased = people.add_patient(connection, "Ben", "UTC", 0)
    erase_patient(app, erased, "test")
    backing_up.write(app, tmp_path / "b.tar", [])
    app.close()
    read_backup(tmp_path / "b.tar", tmp_path / "fresh/archive", fresh_url, backing_up.METADATA, None)
    app = App(Settings(home=tmp_path / "fresh", store=fresh_url, durable=False))
    with app.store.writing() as connection:
        assert people.add_patient(connection, "Cleo", "UTC", 0).id > erased.id
    app.close()


def test_keys_that_do_not_fit(full: Program, key: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no public key" in full.fails(2, "backup", tmp_path / "b.age")
    assert "expected one that begins with age1" in full.fails(2, "backup", tmp_path / "b.age", "--key", "age1wrong")
    assert "expected one of them" in full.fails(2, "backup", tmp_path / "b.age", "--key", key[0], "--plain")
    monkeypatch.setenv("AFOOT_BACKUP_KEYS", f" {key[0]} , ")
    full.ok("backup", tmp_path / "b.age")
    assert "expected no file there" in full.fails(1, "backup", tmp_path / "b.age")
    full.ok("backup-key", tmp_path / "other.key")
    full.fails(1, "backup-key", tmp_path / "other.key")
    monkeypatch.setenv("AFOOT_HOME", str(tmp_path / "other"))
    assert "is encrypted" in full.fails(2, "restore", tmp_path / "b.age")
    assert "cannot be opened with this key" in full.fails(1, "restore", tmp_path / "b.age", "--key-file", tmp_path / "other.key")
    assert "AGE-SECRET-KEY-" in full.fails(2, "restore", tmp_path / "b.age", "--key-file", tmp_path / "b.age")
    assert not (tmp_path / "other/afoot.db").exists()


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_damage_is_found_and_nothing_is_put_into_place(
    full: Program, key: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool, harm: str
) -> None:
    path = tmp_path / "b"
    full.ok("backup", path, *(["--key", key[0]] if encrypted else ["--plain"]))
    raw = bytearray(path.read_bytes())
    for place in range(2_000, len(raw) - 12_000, len(raw) // 7):  # a tar is filled up at its end with what says nothing
        harmed = raw[:place] if harm == "cut" else raw[:place] + bytes([raw[place] ^ 0x40]) + raw[place + 1 :]
        path.write_bytes(harmed)
        monkeypatch.setenv("AFOOT_HOME", str(tmp_path / "other"))
        full.fails(1, "restore", path, "--key-file", key[1])
        assert not (tmp_path / "other/afoot.db").exists()
        assert not (tmp_path / "other/archive").exists()


def tar_of(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "archive/../../evil", "archive/" + "0" * 63, "afoot.db-wal", "manifest.json"]
)
def test_a_tar_of_somebody_else_writes_nowhere(tmp_path: Path, name: str) -> None:
    manifest = json.dumps({"format": 1, "schema": 1, "made_ms": 0, "database": "", "objects": 0}).encode()
    path = tar_of(tmp_path / "b.tar", ("manifest.json", manifest), (name, b"x"))
    with pytest.raises(BadBackup, match=r"expected afoot\.db"):
        read_backup(path, tmp_path / "home/archive", f"sqlite:///{tmp_path / 'home/afoot.db'}", [MetaData()], None)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b.tar", "home"]
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize(
    "hidden",
    [
        "CREATE TRIGGER quiet AFTER INSERT ON audit BEGIN DELETE FROM audit; END",
        "CREATE VIEW more AS SELECT * FROM patients",
        "CREATE VIRTUAL TABLE more USING fts5(x)",
    ],
)
def test_a_store_that_acts_by_itself_is_not_put_into_place(
    full: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    with closing(sqlite3.connect(full.home / "afoot.db")) as connection:
        connection.execute(hidden)
    full.ok("backup", tmp_path / "b", "--plain")
    monkeypatch.setenv("AFOOT_HOME", str(tmp_path / "other"))
    assert "expected tables and indexes alone" in full.fails(1, "restore", tmp_path / "b")
    assert not (tmp_path / "other/afoot.db").exists()


def test_a_manifest_nested_without_end(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "b.tar", ("manifest.json", b"[" * 60_000))
    with pytest.raises(BadBackup, match="manifest"):
        read_backup(path, tmp_path / "home/archive", f"sqlite:///{tmp_path / 'home/afoot.db'}", [MetaData()], None)


def test_a_backup_is_whole_while_others_import(full: Program, tmp_path: Path) -> None:
    """Another process imports all the time; each backup restores, and its ledger and minutes agree."""
    work = tmp_path / "many"
    work.mkdir()
    for day in range(1, 29):
        (work / f"{day}.csv").write_text(csv(f"2026-01-{day:02}T08:00:00Z,{day}"))
    importing = subprocess.Popen(
        [Path(sys.executable).with_name("afoot"), "import", work, "--patient", "Anna"], stdout=subprocess.DEVNULL
    )
    app = open_app()
    try:
        for turn in range(3):
            backing_up.write(app, tmp_path / f"{turn}.tar", [])
    finally:
        app.close()
        assert importing.wait(60) == 0
    for turn in range(3):
        home = tmp_path / f"home{turn}"
        read_backup(tmp_path / f"{turn}.tar", home / "archive", f"sqlite:///{home / 'afoot.db'}", backing_up.METADATA, None)
        rows = contents(f"sqlite:///{home / 'afoot.db'}")
        done = [row for row in rows["imports"] if "done" in row]
        assert len(rows["objects"]) >= len(done) >= 1


def test_a_backup_a_day_and_the_newest_are_kept(
    full: Program, key: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app()
    try:
        assert backing_up.back_up_due(app) is None  # no folder is set
        folder = tmp_path / "backups"
        app.settings.backup_folder, app.settings.backup_keep = folder, 2
        with pytest.raises(ValueError, match="AFOOT_BACKUP_KEYS"):
            backing_up.back_up_due(app)
        app.settings.backup_keys = [key[0]]
        start, made = app.now_ms(), []
        for day in range(4):
            monkeypatch.setattr(app, "now_ms", lambda day=day: start + day * DAY_MS)
            made.append(backing_up.back_up_due(app))
            assert backing_up.back_up_due(app) is None
        assert [path for _, path in backing_up.list_backups(folder)] == made[-2:]
        (folder / "letter.txt").write_text("mine")
        monkeypatch.setattr(app, "now_ms", lambda: start + 9 * DAY_MS)
        backing_up.back_up_due(app)
        assert (folder / "letter.txt").exists()
    finally:
        app.close()


def test_a_large_file_that_went_away_is_said(full: Program, tmp_path: Path) -> None:
    (large,) = [path for path in (full.home / "archive").rglob("*") if path.is_file()]
    large.unlink()
    assert "expected the file" in full.fails(1, "backup", tmp_path / "b.tar", "--plain")
    assert not (tmp_path / "b.tar").exists()


def test_a_full_disk_leaves_no_half_backup(full: Program) -> None:
    app = open_app()
    try:
        with pytest.raises(OSError, match=r".+"):
            write_backup(app.store, app.archive, backing_up.METADATA, Path("/dev/full/b"), 0, [])
    finally:
        app.close()
