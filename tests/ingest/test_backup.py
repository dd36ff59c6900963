"""Backups: whole, taken beside writers, proven, sealed; what is not whole is not put back."""

import io
import json
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from ingest import people, tables
from ingest.archive import SMALL_BYTES, Archive
from ingest.backup import MANIFEST, read_backup, write_backup
from ingest.collect.files import import_files
from ingest.errors import Conflict, DamagedStore
from ingest.sealing import is_sealed, make_key, opened, read_identities, read_recipients, seal
from ingest.store import Store, read_minutes

HEAD = "start,end,metric,value\n"


def row(minute: int) -> str:
    hour, rest = divmod(minute, 60)
    return f"2026-03-02T{hour:02}:{rest:02}:00Z,2026-03-02T{hour:02}:{rest:02}:59Z,steps,{minute % 7}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with a patient, a small raw file in the database and a large one beside it, which is packed."""
    folder = tmp_path / "home"
    with closing(open_store(folder)) as store:
        keep(store, folder, "small.csv", HEAD.encode())
        keep(store, folder, "large.csv", (HEAD + "".join(row(minute) for minute in range(1400)) * 16).encode())
    assert list((folder / "archive").rglob("*.zst"))
    return folder


def open_store(folder: Path) -> Store:
    folder.mkdir(exist_ok=True)
    return Store(f"sqlite:///{folder / 'afoot.db'}")


def keep(store: Store, folder: Path, name: str, data: bytes) -> None:
    assert name.startswith("small") or len(data) > SMALL_BYTES
    with store.writing() as connection:
        known = {one.name for one in people.list_patients(connection)}
        patient = people.find_patient(connection, "Anna") if known else people.add_patient(connection, "Anna", "UTC", 0)
    files = [BytesSource(data, name)]
    list(import_files(store, Archive(folder / "archive"), patient, files, ReadOptions(ZoneInfo("UTC")), 0))


def backed_up(folder: Path, at_ms: int = 7) -> bytes:
    file = io.BytesIO()
    with closing(open_store(folder)) as store:
        write_backup(store, folder / "archive", file, at_ms)
    return file.getvalue()


def content(folder: Path) -> dict[str, Any]:
    """Every row of every table, and every raw file."""
    with closing(sqlite3.connect(folder / "afoot.db")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        found: dict[str, Any] = {name: database.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2').fetchall() for name in names}
    raw = (path for path in (folder / "archive").rglob("*") if path.is_file())
    return found | {path.relative_to(folder).as_posix(): path.read_bytes() for path in raw}


def test_what_is_put_back_is_what_was_there(home: Path, tmp_path: Path) -> None:
    contents = read_backup(io.BytesIO(backed_up(home)), tmp_path / "other")
    assert content(tmp_path / "other") == content(home)
    assert (contents.made_ms, contents.patients, contents.objects) == (7, 1, 2)
    assert {path.name for path in (tmp_path / "other").iterdir()} == {"afoot.db", "archive"}
    assert (tmp_path / "other").stat().st_mode & 0o077 == 0
    with closing(open_store(tmp_path / "other")) as store, store.reading() as connection:
        assert sum(int(one.grid.minutes[one.grid.minutes >= 0].sum()) for one in read_minutes(connection, 1, "steps", 0, 40_000))


def test_it_is_taken_beside_a_writer_and_whole(home: Path, tmp_path: Path) -> None:
    """Patients are added meanwhile, two in a transaction: a backup has both or none."""
    done = threading.Event()

    def write() -> None:
        with closing(open_store(home)) as store:
            number = 0
            while not done.is_set():
                with store.writing() as connection:
                    for half in "ab":
                        people.add_patient(connection, f"P{number}{half}", "UTC", 0)
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        copies = [backed_up(home) for _ in range(4)]
    finally:
        done.set()
        thread.join()
    counts = []
    for number, copy in enumerate(copies):
        contents = read_backup(io.BytesIO(copy), tmp_path / f"copy{number}")
        counts.append(contents.patients)
    assert all(count % 2 == 1 for count in counts), "Anna, and pairs"
    assert counts == sorted(counts)


def test_a_store_is_never_overwritten(home: Path) -> None:
    before = content(home)
    with pytest.raises(Conflict, match="left alone"):
        read_backup(io.BytesIO(backed_up(home)), home)
    assert content(home) == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_backup_that_is_cut_short_is_refused_and_leaves_nothing(home: Path, tmp_path: Path, share: float) -> None:
    data = backed_up(home)
    # The last blocks of a tar file are padding: cut what is before them.
    data = data[: int((len(data.rstrip(b"\0")) - 1) * share)]
    with pytest.raises(DamagedStore, match="the backup"):
        read_backup(io.BytesIO(data), tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_any_changed_byte_of_a_member_is_found(home: Path, tmp_path: Path) -> None:
    data = backed_up(home)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        places = [(info.name, info.offset_data + info.size // 2) for info in tar]
    assert len(places) == 3
    for number, (name, place) in enumerate(places):
        spoiled = bytearray(data)
        spoiled[place] ^= 0xFF
        with pytest.raises(DamagedStore, match="the backup"):
            read_backup(io.BytesIO(bytes(spoiled)), tmp_path / f"other{number}")
        assert list((tmp_path / f"other{number}").iterdir()) == [], name


def repacked(data: bytes, change: Any) -> bytes:
    """A tar file of the same members, changed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for info in old:
            body = old.extractfile(info)
            assert body is not None
            for made, content_ in change(info, body.read()):
                made.size = len(content_)
                new.addfile(made, io.BytesIO(content_))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
    return info


HOSTILE = {
    "a path that leads out": lambda info, body: [(info, body), (member("../out"), b"x")],
    "an absolute path": lambda info, body: [(info, body), (member("/tmp/afoot-out"), b"x")],
    "a link": lambda info, body: [(info, body), (member("archive/ab/" + "ab" * 32, tarfile.SYMTYPE), b"")],
    "another file": lambda info, body: [(info, body), (member("afoot.db-wal"), b"x")],
    "no manifest": lambda info, body: [] if info.name == MANIFEST else [(info, body)],
    "no database": lambda info, body: [] if info.name == "afoot.db" else [(info, body)],
    "a later format": lambda info, body: [
        (info, json.dumps(json.loads(body) | {"format": 2}).encode() if info.name == MANIFEST else body)
    ],
    "no JSON": lambda info, body: [(info, b"{" if info.name == MANIFEST else body)],
    "a list": lambda info, body: [(info, b"[]" if info.name == MANIFEST else body)],
    "a raw file less": lambda info, body: [] if info.name.startswith("archive") else [(info, body)],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_backup_is_refused_by_name(home: Path, tmp_path: Path, what: str) -> None:
    with pytest.raises(DamagedStore, match="the backup"):
        read_backup(io.BytesIO(repacked(backed_up(home), HOSTILE[what])), tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_damaged_raw_file_makes_no_backup(home: Path) -> None:
    (path,) = (home / "archive").rglob("*.zst")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedStore, match="archive"):
        backed_up(home)


def test_a_missing_raw_file_makes_no_backup(home: Path) -> None:
    (path,) = (home / "archive").rglob("*.zst")
    path.unlink()
    with pytest.raises(DamagedStore, match="found neither"):
        backed_up(home)


def test_a_small_raw_file_that_was_changed_in_the_database_is_found(home: Path) -> None:
    with closing(open_store(home)) as store, store.writing() as connection:
        small = connection.execute(select(tables.objects).where(tables.objects.c.data.is_not(None))).one()
        spoiled = small.data[:-1] + bytes([small.data[-1] ^ 1])
        connection.execute(tables.objects.update().where(tables.objects.c.hash == small.hash).values(data=spoiled))
    with pytest.raises(DamagedStore, match=small.hash[:8]):
        backed_up(home)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    private, public = make_key()
    path = tmp_path / "key"
    path.write_text(f"# a comment\n{private}\n")
    return path, public


def sealed(data: bytes, public: str) -> bytes:
    file = io.BytesIO()
    seal(lambda plain: plain.write(data) and None, file, read_recipients([public]))
    return file.getvalue()


def test_a_sealed_backup_is_opened_by_its_key_alone(keys: tuple[Path, str]) -> None:
    path, public = keys
    data = sealed(b"much" * 100_000, public)
    assert is_sealed(io.BytesIO(data))
    assert b"muchmuch" not in data
    with opened(io.BytesIO(data), read_identities(path), io.BytesIO()) as plain:
        assert plain.read() == b"much" * 100_000
    path.write_text(make_key()[0])
    with pytest.raises(DamagedStore, match="none of the keys"), opened(io.BytesIO(data), read_identities(path), io.BytesIO()):
        pass


@pytest.mark.parametrize("spoil", [lambda data: data[:-20], lambda data: data[:-40] + b"\0" + data[-39:]])
def test_a_sealed_backup_that_was_changed_is_refused(keys: tuple[Path, str], spoil: Any) -> None:
    path, public = keys
    data = spoil(sealed(b"much" * 100_000, public))
    with pytest.raises(DamagedStore, match="changed or cut short"), opened(io.BytesIO(data), read_identities(path), io.BytesIO()):
        pass


def test_what_fails_while_it_is_sealed_fails(keys: tuple[Path, str]) -> None:
    def write(file: Any) -> None:
        file.write(b"x" * 1_000_000)
        raise DamagedStore("gone")

    with pytest.raises(DamagedStore, match="gone"):
        seal(write, io.BytesIO(), read_recipients([keys[1]]))


def test_a_full_disk_under_a_sealed_backup_fails(keys: tuple[Path, str]) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        seal(lambda file: [file.write(b"x" * 65_536) for _ in range(64)] and None, Full(), read_recipients([keys[1]]))  # type: ignore[arg-type]


def test_a_wrong_key_is_named_and_never_shown(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a public key of age"):
        read_recipients(["age1nothing"])
    (tmp_path / "key").write_text("AGE-SECRET-KEY-1WRONG")
    with pytest.raises(ValueError, match="expected private keys") as raised:
        read_identities(tmp_path / "key")
    assert "WRONG" not in str(raised.value)
