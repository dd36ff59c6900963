"""The drop folder: nothing half is taken, what is laid down is seen at once, and the audit knows of it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from watchfiles import Change

from afoot.app import App
from afoot.service import dropping, settled
from afoot.service.audit import list_acts
from afoot.service.dropping import import_dropped
from afoot.service.settled import CLOSED_MS, FORGOTTEN_MS, QUIET_MS, is_settled
from afoot.service.turns import FILES, add_jobs, claim, end, find_due, list_jobs
from afoot.service.watching import DropWatch, is_arrival
from afoot.settings import Settings
from ingest import ledger, people
from tests.service.making import Clinic, day_csv, open_clinic
from tests.service.processes import served


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home", drop=tmp_path / "drop") as opened:
        (tmp_path / "drop" / "anna").mkdir(parents=True)
        yield opened


def drop(clinic: Clinic, data: bytes, name: str = "a.csv", *, age_ms: int = QUIET_MS + 1000) -> Path:
    """Lay a file down, as if so long ago."""
    assert clinic.app.settings.drop is not None
    path = clinic.app.settings.drop / "anna" / name
    path.write_bytes(data)
    clinic.app.at_ms = written_ms(path) + age_ms
    return path


def written_ms(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000


def imports(clinic: Clinic) -> list[ledger.Import]:
    with clinic.app.store.reading() as connection:
        return ledger.list_imports(connection, clinic.patients["anna"].id)


@contextmanager
def another_writes(path: Path) -> Iterator[None]:
    """Have another process keep the file open to write."""
    code = "import sys; file = open(sys.argv[1], 'ab'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.communicate()


def test_a_file_that_somebody_has_open_to_write_waits_however_long_it_stalls(clinic: Clinic) -> None:
    whole = day_csv()
    path = drop(clinic, whole[:300], age_ms=FORGOTTEN_MS - 1000)
    with another_writes(path):
        assert import_dropped(clinic.app) == 0
        assert path.exists()
    path.write_bytes(whole)
    clinic.app.at_ms = written_ms(path) + CLOSED_MS + 100
    assert import_dropped(clinic.app) == 1
    assert [one.change.inserted for one in imports(clinic)] == [60]


def test_a_program_that_never_closes_a_file_keeps_it_not_for_ever(clinic: Clinic) -> None:
    with another_writes(drop(clinic, day_csv(), age_ms=FORGOTTEN_MS + 1000)):
        assert import_dropped(clinic.app) == 1


def test_where_the_system_does_not_tell_a_file_has_to_be_quiet(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(settled.fcntl, "F_SETLEASE")  # as on macOS
    path = drop(clinic, day_csv())
    assert not is_settled(path, written_ms(path) + QUIET_MS - 500)
    assert is_settled(path, written_ms(path) + QUIET_MS + 500)


def test_a_file_from_a_time_to_come_is_imported(clinic: Clinic) -> None:
    """A copy keeps the time that a wrong clock gave it."""
    path = drop(clinic, day_csv())
    os.utime(path, (time.time() + 90_000, time.time() + 90_000))
    assert import_dropped(clinic.app) == 1


def test_a_writer_who_comes_back_meanwhile_loses_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, take = day_csv(), dropping.import_files

    def slowly(*arguments: object) -> object:
        yield from take(*arguments)  # type: ignore[arg-type]
        path.write_bytes(whole)

    path = drop(clinic, whole[:300])
    monkeypatch.setattr(dropping, "import_files", slowly)
    assert import_dropped(clinic.app) == 1
    assert path.exists()  # what was read of it is kept, and it is not put aside as if that were all
    monkeypatch.undo()
    clinic.app.at_ms = written_ms(path) + QUIET_MS + 1000
    assert import_dropped(clinic.app) == 1
    assert not path.exists()
    assert imports(clinic)[-1].state == "done"
    assert sum(one.change.inserted for one in imports(clinic)) == 60


def test_what_waits_makes_the_job_look_again_soon(clinic: Clinic) -> None:
    drop(clinic, day_csv(), age_ms=10)
    with clinic.app.store.writing() as connection:
        add_jobs(connection, [FILES], clinic.app.at_ms + 30_000)
    assert import_dropped(clinic.app) == 0
    with clinic.app.store.reading() as connection:
        (job,) = [one for one in list_jobs(connection) if one.name == FILES]
        assert 0 < job.next_ms - clinic.app.at_ms <= 3000


def test_the_audit_knows_what_the_folder_brought(clinic: Clinic) -> None:
    drop(clinic, day_csv())
    drop(clinic, day_csv(date(2026, 3, 2)), "b.csv")
    drop(clinic, b"junk", "junk.bin")
    assert import_dropped(clinic.app) == 3
    with clinic.app.store.reading() as connection:
        acts = list_acts(connection, who="drop folder")
    assert [(one.action, one.role, one.patient_id, one.at_ms) for one in acts] == [
        ("change files", "job", clinic.patients["anna"].id, clinic.app.at_ms)
    ] * 3
    assert import_dropped(clinic.app) == 0
    with clinic.app.store.reading() as connection:
        assert len(list_acts(connection, who="drop folder")) == 3


@pytest.mark.parametrize(
    ("name", "change", "is_one"),
    [
        ("anna", Change.added, True),
        ("anna/a.fit", Change.added, True),
        ("anna/a.fit", Change.modified, True),
        ("anna/a.fit", Change.deleted, False),
        ("anna/.a.fit.part", Change.added, False),
        ("anna/imported", Change.added, False),
        ("anna/imported/a.fit", Change.added, False),
        ("anna/refused/a.fit.why.txt", Change.added, False),
        ("", Change.modified, False),
        ("../else", Change.added, False),
    ],
)
def test_what_is_worth_a_look(name: str, change: Change, is_one: bool) -> None:
    assert is_arrival(Path("/drop"), change, Path(os.path.normpath(f"/drop/{name}"))) is is_one


def wait_until(holds: Callable[[], bool], most_s: float) -> float:
    """Return how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < most_s
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_folder_that_comes_later_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afoot.service.watching.LOOK_MS", 100)
    monkeypatch.setattr("afoot.service.watching.CLOSED_MS", 100)
    top = tmp_path / "drop"
    app = App(Settings(home=tmp_path / "home", store="", durable=False, drop=top))
    with app.store.writing() as connection:
        add_jobs(connection, [FILES], app.now_ms())
    watch = DropWatch(app)

    def is_due() -> bool:
        with app.store.reading() as connection:
            return FILES in find_due(connection, app.now_ms())

    def put_off() -> None:
        with app.store.writing() as connection:
            assert claim(connection, FILES, "test", app.now_ms())
            end(connection, FILES, "test", app.now_ms(), 3_600_000)

    put_off()
    watch.start()
    try:
        time.sleep(0.2)
        assert not is_due()
        top.mkdir()
        wait_until(is_due, 5)
        time.sleep(0.3)  # the watch begins
        put_off()
        (top / "anna").mkdir()
        (top / "anna" / "a.csv").write_bytes(b"x")
        wait_until(is_due, 5)
    finally:
        watch.stop()
        app.close()


def test_a_dropped_file_is_there_within_seconds(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "drop" / "anna"
    folder.mkdir(parents=True)
    app = App(Settings(home=home, store="", durable=False))
    with app.store.writing() as connection:
        people.add_patient(connection, "anna", "UTC", 0)
    app.close()
    with served(home, role="worker", drop=tmp_path / "drop", durable=False) as service:
        time.sleep(2)  # its first look is over
        (folder / "a.csv").write_bytes(day_csv())
        took = wait_until((folder / "imported" / "a.csv").exists, 15)
        assert took < 8  # without a watch it is half a minute
        assert service.stop() == 0
