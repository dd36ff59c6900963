"""Jobs run by themselves: one process at a time, each on its own, later and later while it fails."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from afoot.app import App
from afoot.backing_up import list_backups
from afoot.service import jobs, turns
from afoot.service.dropping import import_dropped
from afoot.service.jobs import JOBS, Job, evaluate_changed, retain
from afoot.service.metrics import Metrics
from afoot.service.roles import Role
from afoot.service.scheduler import Scheduler
from afoot.service.settled import CLOSED_MS, QUIET_MS
from afoot.service.tables import audit, service_metadata, sessions
from afoot.settings import Settings
from ingest import dirty, ledger
from ingest.backup import make_key
from ingest.store import Store
from tests.service.leasing import LEASE_MS
from tests.service.making import DAY, HOUR, MINUTE, Clinic, add_person, day_csv, open_clinic


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'afoot.db'}"


@contextmanager
def workers(home: Path, url: str, log: Path, lasts: Path) -> "Iterator[list[subprocess.Popen[str]]]":
    """Yield two processes that share a store and a job."""
    command = [sys.executable, "-m", "tests.service.leasing", str(home), url, str(log), str(lasts)]
    folder = Path(__file__).parents[2]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) for _ in range(2)]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


class Line(NamedTuple):
    what: str
    process: int
    at_ns: int
    lasts_ms: int


def runs(log: Path) -> list[Line]:
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [Line(what, int(process), int(at), int(lasts)) for what, process, at, lasts in lines]


def wait_for(is_so: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_two_processes_never_run_a_job_at_once_and_a_killed_ones_is_taken_over(tmp_path: Path, url: str) -> None:
    log, lasts = tmp_path / "log", tmp_path / "lasts"
    lasts.write_text("60")
    App(Settings(home=tmp_path, store=url, durable=False)).close()
    with workers(tmp_path, url, log, lasts) as both:
        wait_for(lambda: len(runs(log)) >= 12)
        # From now on it takes longer than its lease, which is renewed; then its process is killed in the middle of it.
        (tmp_path / "longer").write_text("30000")
        (tmp_path / "longer").replace(lasts)
        wait_for(lambda: runs(log)[-1].lasts_ms == 30_000)
        time.sleep(LEASE_MS / 1000 * 1.5)
        *whole, last = runs(log)
        assert [one.what for one in whole] == ["begin", "end"] * (len(whole) // 2)
        assert all(begun.process == ended.process for begun, ended in zip(whole[::2], whole[1::2], strict=True))
        assert (last.what, last.lasts_ms) == ("begin", 30_000)
        (holder,) = [one for one in both if one.pid == last.process]
        (other,) = [one for one in both if one is not holder]
        holder.kill()
        killed_ns = time.monotonic_ns()
        wait_for(lambda: len(runs(log)) == len(whole) + 2)
        assert (runs(log)[-1].what, runs(log)[-1].process) == ("begin", other.pid)
        assert (runs(log)[-1].at_ns - killed_ns) / 1e6 <= LEASE_MS + 1000


def store_of(url: str) -> Store:
    store = Store(url, durable=False)
    store.add_tables(service_metadata)
    return store


def test_of_many_that_try_one_gets_it(url: str) -> None:
    store = store_of(url)
    with store.writing() as connection:
        turns.add_jobs(connection, ["one"], 0)
        turns.add_jobs(connection, ["one"], 99)
    got: list[str] = []
    ready = threading.Barrier(6)

    def attempt(name: str) -> None:
        ready.wait()
        with store.writing() as connection:
            if turns.claim(connection, "one", name, 10):
                got.append(name)

    threads = [threading.Thread(target=attempt, args=(f"p{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    store.close()


def test_a_lease_ends_and_only_its_holder_gives_it_back(url: str) -> None:
    store = store_of(url)
    with store.writing() as connection:
        turns.add_jobs(connection, ["one"], 0)
        assert turns.claim(connection, "one", "a", 0)
        assert not turns.claim(connection, "one", "b", turns.LEASE_MS - 1)
        assert turns.claim(connection, "one", "b", turns.LEASE_MS)
        assert not turns.renew(connection, "one", "a", turns.LEASE_MS)
        turns.end(connection, "one", "a", turns.LEASE_MS, 1000)
        assert not turns.claim(connection, "one", "a", turns.LEASE_MS + 5000)
        turns.end(connection, "one", "b", turns.LEASE_MS, 1000)
        assert turns.find_due(connection, turns.LEASE_MS + 999) == []
        assert turns.find_due(connection, turns.LEASE_MS + 1000) == ["one"]
    store.close()


def test_what_fails_waits_longer_each_time_and_begins_anew_when_it_goes_well(clinic: Clinic) -> None:
    waits, at_ms = [], 0
    with clinic.app.store.writing() as connection:
        turns.add_jobs(connection, ["one"], 0)
        for problem in ["ValueError"] * 8 + [""]:
            assert turns.claim(connection, "one", "a", at_ms)
            turns.end(connection, "one", "a", at_ms, MINUTE, problem)
            (row,) = [one for one in turns.list_jobs(connection) if one.name == "one"]
            waits.append((row.next_ms - at_ms) // MINUTE)
            at_ms = row.next_ms
    assert waits == [2, 4, 8, 10, 10, 10, 10, 10, 1]


def test_what_is_woken_is_due_soon_even_while_it_runs(clinic: Clinic) -> None:
    with clinic.app.store.writing() as connection:
        turns.add_jobs(connection, ["one"], 0)
        turns.claim(connection, "one", "a", 0)
        turns.end(connection, "one", "a", 0, HOUR)
        turns.wake(connection, "one", 1000)
        assert turns.find_due(connection, 1000 + turns.SETTLE_MS) == ["one"]
        assert turns.claim(connection, "one", "a", 10_000)
        turns.wake(connection, "one", 11_000)
        turns.end(connection, "one", "a", 12_000, HOUR)
        assert turns.find_due(connection, 12_000 + turns.SETTLE_MS) == ["one"]


def test_one_that_fails_or_hangs_stops_no_other(clinic: Clinic) -> None:
    let_go, ran = threading.Event(), threading.Event()

    def fail(_: App) -> None:
        raise ZeroDivisionError("of somebody's data")

    def hang(_: App) -> None:
        let_go.wait(20)

    def run(_: App) -> None:
        ran.set()

    metrics = Metrics()
    made = [Job("fails", jobs.every(60), fail), Job("hangs", jobs.every(60), hang), Job("runs", jobs.every(60), run)]
    scheduler = Scheduler(clinic.app, metrics, made, look_s=0.02)
    scheduler.start()
    assert ran.wait(10)

    def state() -> dict[str, tuple[int, str]]:
        with clinic.app.store.reading() as connection:
            return {one.name: (one.failures, one.problem) for one in turns.list_jobs(connection) if one.ended_ms is not None}

    wait_for(lambda: state() == {"fails": (1, "ZeroDivisionError"), "runs": (0, "")})
    let_go.set()
    scheduler.stop(10)
    assert state()["hangs"] == (0, "")
    text = metrics.text().decode()
    assert 'afoot_jobs_total{job="fails",result="failed"} 1.0' in text
    assert 'afoot_jobs_total{job="runs",result="good"} 1.0' in text


def test_an_upload_is_judged_soon(clinic: Clinic) -> None:
    """The upload wakes the job before it is answered; the job judges whoever changed, and only them."""
    with clinic.app.store.writing() as connection:
        turns.add_jobs(connection, [one.name for one in JOBS], 0)
        turns.claim(connection, turns.EVALUATE, "a", clinic.app.now_ms())
        turns.end(connection, turns.EVALUATE, "a", clinic.app.now_ms(), HOUR)
    assert clinic.upload("device/anna", day_csv()).status_code == 201
    with clinic.app.store.reading() as connection:
        assert turns.EVALUATE in turns.find_due(connection, clinic.app.now_ms() + turns.SETTLE_MS)
        assert dirty.list_patients(connection) == [clinic.patients["anna"].id]
    evaluate_changed(clinic.app)
    with clinic.app.store.reading() as connection:
        assert dirty.list_patients(connection) == []


def test_a_patient_who_cannot_be_judged_keeps_no_other_from_it(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("anna", "bela"):
        clinic.upload(f"device/{name}", day_csv())
    real = jobs.check_patients

    def breaking(store: Store, patients: list[object], *rest: object) -> object:
        if patients == [clinic.patients["anna"]]:
            raise ZeroDivisionError
        return real(store, patients, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "check_patients", breaking)
    with pytest.raises(jobs.Failed, match="1 of 2"):
        evaluate_changed(clinic.app)
    with clinic.app.store.reading() as connection:
        assert dirty.list_patients(connection) == [clinic.patients["anna"].id]


def test_dropped_files_are_imported_once_quiet_and_put_aside(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    with open_clinic(tmp_path / "home", drop=drop) as clinic:
        own = drop / clinic.pseudonym("anna")
        own.mkdir(parents=True)
        (drop / "bela").mkdir()
        (own / "a.csv").write_bytes(day_csv())
        (own / "b.csv").write_bytes(day_csv(date(2026, 3, 2)))
        (own / "junk.bin").write_bytes(b"junk")
        (own / ".hidden").write_bytes(b"junk")
        (own / "link.csv").symlink_to("/etc/passwd")
        (drop / "bela" / "c.csv").write_bytes(day_csv(device="ring"))
        written_ms = (own / "a.csv").stat().st_mtime_ns // 1_000_000
        clinic.app.at_ms = written_ms + CLOSED_MS - 500
        assert import_dropped(clinic.app) == 0
        clinic.app.at_ms = written_ms + QUIET_MS + 2000
        assert import_dropped(clinic.app) == 4
        assert sorted(path.name for path in (own / "imported").iterdir()) == ["a.csv", "b.csv"]
        assert sorted(path.name for path in (own / "refused").iterdir()) == ["junk.bin", "junk.bin.why.txt"]
        assert "expected an export" in (own / "refused" / "junk.bin.why.txt").read_text()
        assert [path.name for path in (drop / "bela" / "imported").iterdir()] == ["c.csv"]
        with clinic.app.store.reading() as connection:
            assert len(ledger.list_imports(connection, clinic.patients["anna"].id)) == 3
            assert len(ledger.list_imports(connection, clinic.patients["bela"].id)) == 1
        assert import_dropped(clinic.app) == 0


def test_what_is_over_goes(clinic: Clinic) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    assert clinic.sign_in("anna").status_code == 303
    clinic.upload("device/anna", day_csv())
    clinic.app.at_ms += HOUR - 1
    retain(clinic.app)
    with clinic.app.store.reading() as connection:
        assert len(connection.execute(sessions.select()).all()) == 1
    clinic.app.at_ms += 1095 * DAY - HOUR + 1
    retain(clinic.app)
    with clinic.app.store.reading() as connection:
        assert len(connection.execute(audit.select()).all()) == 2
    clinic.app.at_ms += 1
    retain(clinic.app)
    with clinic.app.store.reading() as connection:
        assert connection.execute(audit.select()).all() == []
        assert connection.execute(sessions.select()).all() == []


def test_what_a_killed_process_left_goes_after_a_day(clinic: Clinic) -> None:
    folder = clinic.app.settings.uploads_folder
    folder.mkdir(exist_ok=True)
    left, upload = folder / "incoming-x", folder / "upload-x"
    for path in (left, upload):
        path.write_bytes(b"x")
    clinic.app.at_ms = left.stat().st_mtime_ns // 1_000_000 + DAY - 1000
    retain(clinic.app)
    assert left.exists()
    clinic.app.at_ms += 2000
    retain(clinic.app)
    assert (left.exists(), upload.exists()) == (False, True)


@contextmanager
def working(app: App, *made: Job) -> Iterator[None]:
    """Run jobs while the block lasts."""
    scheduler = Scheduler(app, Metrics(), made, look_s=0.02)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop(10)


def job_of(name: str) -> Job:
    (found,) = [one for one in JOBS if one.name == name]
    return found


def result_of(clinic: Clinic, name: str) -> list[str]:
    """The row of a job on the operator's page, without its name."""
    page = clinic.get("operator/", "/operator").text
    row = page.partition(f'<th scope="row"><bdi>{name}</bdi></th>')[2].partition("</tr>")[0]
    return re.findall(r"<bdi>(.*?)</bdi>", row)


@pytest.mark.parametrize("name", ["files", "bluetooth", "publish", "backup"])
def test_what_nothing_is_set_for_is_not_said_to_be_well(clinic: Clinic, name: str) -> None:
    job = job_of(name)

    def row() -> tuple[str, int | None]:
        with clinic.app.store.reading() as connection:
            return next(((one.problem, one.good_ms) for one in turns.list_jobs(connection)), ("", None))

    with working(clinic.app, job):
        wait_for(lambda: row() == (turns.NOT_SET_UP, None))
    assert result_of(clinic, name) == ["never", "–", "not set up"]


def test_a_backup_folder_that_is_set_later_does_not_wait(clinic: Clinic, tmp_path: Path) -> None:
    backup, settings = job_of("backup"), clinic.app.settings

    def row() -> object:
        with clinic.app.store.reading() as connection:
            return next(iter(turns.list_jobs(connection)), None)

    with clinic.app.store.writing() as connection:  # as an earlier start left it: well, and again in an hour
        turns.add_jobs(connection, ["backup"], clinic.app.at_ms)
        assert turns.claim(connection, "backup", "a", clinic.app.at_ms)
        turns.end(connection, "backup", "a", clinic.app.at_ms, HOUR)
    settings.backup_folder = tmp_path / "backups"
    clinic.app.at_ms += MINUTE
    with working(clinic.app, backup):
        wait_for(lambda: getattr(row(), "failures", 0) == 1)
    last, _, said = result_of(clinic, "backup")
    assert last == "1 min ago"
    assert said.startswith("AFOOT_BACKUP_KEYS: not set, so no backup is written")
    settings.backup_keys = [make_key(tmp_path / "key")]
    clinic.app.at_ms += MINUTE
    with working(clinic.app, backup):
        wait_for(lambda: len(list_backups(tmp_path / "backups")) == 1 if (tmp_path / "backups").exists() else False)
        wait_for(lambda: getattr(row(), "failures", 1) == 0)
    assert result_of(clinic, "backup") == ["0 min ago", "in 1 hour", "well"]


def test_what_fails_is_said_in_words_and_what_never_ran_is_not_well(clinic: Clinic) -> None:
    with clinic.app.store.writing() as connection:
        turns.add_jobs(connection, ["deliver", "retention"], clinic.app.at_ms)
        assert turns.claim(connection, "deliver", "a", clinic.app.at_ms)
        turns.end(connection, "deliver", "a", clinic.app.at_ms, MINUTE, "ZeroDivisionError")
    assert result_of(clinic, "deliver")[-1] == "failed: ZeroDivisionError. The service&#39;s log says where."
    assert result_of(clinic, "retention") == ["never", "now", "has not run yet"]
