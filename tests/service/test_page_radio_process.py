"""A page's sync with the real process: killed in the midst of it, and told to stop."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from afoot.app import App
from afoot.service.page_captures import keep_abandoned
from afoot.service.roles import Role
from afoot.service.tokens import add_token
from afoot.settings import Settings
from devices.virtual import Day, Wearer, days_from, truth
from devices.virtual.radio.ring import RingModel, VirtualRing
from ingest import people, tables
from tests.service.paging import PyPage
from tests.service.processes import Served, served

SMALL = RingModel(days_kept=1, pulse_every_min=60, tells_sleep=False)
ENOUGH = 14  # answers after which some steps have come


class Spoken:
    """A real WebSocket, as `PyPage` speaks."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send_json(self, data: Any) -> None:
        self._connection.send(json.dumps(data))

    def receive_json(self) -> Any:
        return json.loads(self._connection.recv(timeout=30))


@pytest.fixture
def days() -> list[Day]:
    today = datetime.now(UTC).date()
    return truth(Wearer(5, date(2026, 2, 2), faults=0), days_from(today - timedelta(days=2), 4))


def prepare(home: Path) -> str:
    app = App(Settings(home=home, store="", durable=False))
    with app.store.writing() as connection:
        patient = people.add_patient(connection, "anna", "UTC", 0)
        _, secret = add_token(connection, "phone", Role.PATIENT, 0, patient_id=patient.id)
    app.close()
    return secret


@contextmanager
def halfway(service: Served, token: str, days: list[Day]) -> Iterator[Spoken]:
    """Yield a page whose ring has told half of what it kept, and who then says nothing."""
    url = service.url.replace("http", "ws") + "/me/radio"
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        spoken = Spoken(socket)
        page = PyPage(
            spoken, VirtualRing(days, SMALL), lambda: round(datetime.now(UTC).timestamp() * 1000), lambda n: n == ENOUGH
        )
        page.greet()
        assert page.run() == {}
        yield spoken


def minutes(app: App) -> list[Any]:
    with app.store.reading() as connection:
        return list(connection.execute(select(tables.minutes)))


def test_killed_in_the_midst_of_a_sync_it_has_what_had_come(tmp_path: Path, days: list[Day]) -> None:
    home = tmp_path / "home"
    token = prepare(home)
    with served(home, role="web") as service, halfway(service, token, days) as page:
        service.kill()
        with pytest.raises(ConnectionClosed):
            page.receive_json()
    app = App(Settings(home=home, store="", durable=False))
    assert minutes(app) == []
    assert keep_abandoned(app) == 1
    assert minutes(app)
    assert keep_abandoned(app) == 0
    with app.store.reading() as connection:
        (cursor,) = connection.execute(select(tables.wearables.c.cursor)).scalars()
    assert cursor == {}
    app.close()


def test_told_to_stop_it_keeps_what_had_come_and_ends_in_good_order(tmp_path: Path, days: list[Day]) -> None:
    home = tmp_path / "home"
    token = prepare(home)
    with served(home, role="web") as service:
        with halfway(service, token, days) as page:
            assert service.stop() == 0
            with pytest.raises(ConnectionClosed):
                page.receive_json()
        assert not [line for line in service.said if "ERROR" in line or "Traceback" in line]
    app = App(Settings(home=home, store="", durable=False))
    assert minutes(app)
    assert not list(app.settings.radio_folder.rglob("*.capture"))
    app.close()
