"""The service as a real process on loopback: 200 patients who upload a day each at once; memory over 10,000 uploads."""

import http.client
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from sqlalchemy import func, select

from afoot.app import App
from afoot.service.roles import Role
from afoot.service.tokens import add_token
from afoot.settings import Settings
from devices.virtual import Wearer, days_from, write_fit
from ingest import people, tables
from tests.service.making import day_csv
from tests.service.processes import Served, served

PATIENTS = 200
UPLOADS, SENDERS, WARM = 10_000, 8, 2_000
Row = dict[str, Any]


def table() -> list[Row]:
    """Return the rows of this benchmark."""
    return [*_all_at_once(), *_many()]


def _all_at_once() -> list[Row]:
    """Each patient sends one day of a watch (FIT), all at the same moment."""
    with _clinic(PATIENTS) as (home, tokens, service):
        files = _days(home)
        seconds = np.array(_at_once([_sending(service, token, data) for token, data in zip(tokens, files, strict=True)]))
        stored = _stored(home)
        size_kb = sum(map(len, files)) / PATIENTS / 1000
    assert stored == PATIENTS, f"{stored} of {PATIENTS} uploads are in the store"
    what = f"{PATIENTS} patients upload the monitoring file of a day at once ({size_kb:.0f} KB of FIT)"
    return [
        _row(f"{what}: p50", float(np.percentile(seconds, 50)), "s", ""),
        _row(f"{what}: p99", float(np.percentile(seconds, 99)), "s", "no error, nothing lost"),
    ]


def _many() -> list[Row]:
    """Small files, one after the other from a few senders; memory after a warm-up, and at the end."""
    with _clinic(SENDERS) as (home, tokens, service):
        small = [day_csv(date.fromordinal(730_000 + n), minutes=5) for n in range(UPLOADS // SENDERS)]
        warm = WARM // SENDERS
        began = time.perf_counter()

        def send(token: str, files: Sequence[bytes]) -> None:
            for data in files:
                _sending(service, token, data)()

        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda token: send(token, small[:warm]), tokens))
            before_mb = _resident_mb(service)
            list(pool.map(lambda token: send(token, small[warm:]), tokens))
        seconds, after_mb, stored = time.perf_counter() - began, _resident_mb(service), _stored(home)
    assert stored == UPLOADS, f"{stored} of {UPLOADS} uploads are in the store"
    return [
        _row(f"{UPLOADS:,} small uploads of {SENDERS} senders", UPLOADS / seconds, "uploads/s", "nothing lost"),
        _row(f"memory after {WARM:,} uploads", before_mb, "MB", ""),
        _row(f"memory after {UPLOADS:,} uploads", after_mb, "MB", "flat: at most 10 % more"),
    ]


@contextmanager
def _clinic(patients: int) -> Iterator[tuple[Path, list[str], Served]]:
    """Yield a home, a device's token of each patient, and a service that syncs every commit to the disk."""
    with tempfile.TemporaryDirectory(prefix="afoot-bench-") as name:
        home = Path(name) / "home"
        app = App(Settings(home=home, store=""))
        with app.store.writing() as connection:
            tokens = []
            for number in range(patients):
                patient = people.add_patient(connection, f"P{number}", "UTC", 0)
                tokens.append(add_token(connection, f"watch {number}", Role.DEVICE, 0, patient_id=patient.id)[1])
        app.close()
        with served(home, uploads_per_minute=10_000_000) as service:
            yield home, tokens, service


def _days(home: Path) -> list[bytes]:
    """A day of a different wearer for each patient: one FIT file of monitoring."""
    found = []
    for number in range(PATIENTS):
        wearer = Wearer(number, date(2026, 2, 2), faults=0)
        folder = home.parent / f"fit{number}"
        paths = write_fit(wearer, days_from(date(2026, 3, 3), 1), folder, syncs=1)
        found.append(max((path.read_bytes() for path in paths), key=len))
    return found


def _sending(service: Served, token: str, data: bytes) -> Callable[[], float]:
    def send() -> float:
        began = time.perf_counter()
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=120)
        connection.request("POST", "/api/v1/files?name=day.fit", data, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 201, (answer.status, body)
        return time.perf_counter() - began

    return send


def _at_once(sends: Sequence[Callable[[], float]]) -> list[float]:
    ready = threading.Barrier(len(sends))

    def send(one: Callable[[], float]) -> float:
        ready.wait()
        return one()

    with ThreadPoolExecutor(len(sends)) as pool:
        return list(pool.map(send, sends))


def _stored(home: Path) -> int:
    app = App(Settings(home=home, store=""))
    with app.store.reading() as connection:
        done = tables.imports.c.state == "done"
        found = connection.execute(select(func.count()).select_from(tables.imports).where(done)).scalar_one()
    app.close()
    return int(found)


def _resident_mb(service: Served) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def _row(what: str, ours: float, unit: str, required: str) -> Row:
    return {"what": what, "ours": ours, "peer": None, "peer_name": "", "ratio": None, "unit": unit, "required": required}
