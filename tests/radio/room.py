"""A room: virtual wearables on the air, a host with one of the two rigs, a store to sync into; and what each test does in it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from devices.radio.codec import Action
from devices.virtual import Day, Wearer, days_from, truth
from devices.virtual.radio.peripheral import Peripheral
from ingest import people
from ingest.archive import Archive
from ingest.collect.bluetooth import Radio
from ingest.collect.pairing import Paired, Seen
from ingest.collect.rounds import Rules, sync_round
from ingest.store import Store
from ingest.wearables import StoreRoster, add_wearable, list_wearables
from tests.radio.air import Air, Body
from tests.radio.apart import run_apart
from tests.radio.bluez_backend import BluezRig
from tests.radio.bumble_backend import BumbleRig

NOW = round(datetime(2026, 3, 29, 12, 10, 7, tzinfo=UTC).timestamp() * 1000)
RIGS = {"bumble": BumbleRig, "bluez": BluezRig}
# Software answers at once, so nobody waits long for it.
RULES = Rules(scan_s=1.5, pace=0.02)


def lived() -> list[Day]:
    """Ten days around the begin of summer time."""
    return truth(Wearer(5, date(2026, 2, 2), faults=0), days_from(date(2026, 3, 20), 13))


class Clock:
    """Begins at NOW, and passes as time does."""

    def __init__(self, begun_ms: int = NOW) -> None:
        self._begun_ms, self._started = begun_ms, time.monotonic()

    def __call__(self) -> int:
        return self._begun_ms + round((time.monotonic() - self._started) * 1000)

    def forward(self, ms: int) -> None:
        self._begun_ms += ms


@dataclass
class Room:
    rig: BumbleRig | BluezRig
    air: Air
    clock: Clock
    store: Store
    roster: StoreRoster
    patient: people.Patient
    told: list[Action]

    @property
    def radio(self) -> Radio:
        return self.rig.radio

    async def enter(self, peripheral: Peripheral, address: str = "F0:00:00:00:00:01") -> Body:
        return await Body(self.air, peripheral, address).appear()

    def pair(self, body: Body, codec: str, patient: people.Patient | None = None) -> str:
        one = Paired(body.address, body.address, body.peripheral.advertisement.name, codec)
        with self.store.writing() as connection:
            add_wearable(connection, (patient or self.patient).id, one)
        return one.id

    async def sync(self, rules: Rules = RULES) -> dict[str, Seen]:
        with self.store.reading() as connection:
            devices = [one.paired for one in list_wearables(connection)]
        return await sync_round(self.radio, self.roster, devices, self.clock, rules, lambda _, action: self.told.append(action))


def in_room(rig: str, folder: Path, visit: Callable[[Room], Awaitable[None]]) -> None:
    """Run a visit in a room of its own."""

    async def run() -> None:
        clock = Clock()
        air = Air(clock)
        store = Store(f"sqlite:///{folder / 'afoot.db'}", durable=False)
        try:
            with store.writing() as connection:
                patient = people.add_patient(connection, "Anna", "Europe/Berlin", 0)
            roster = StoreRoster(store, Archive(folder / "archive"), folder / "radio", clock)
            async with RIGS[rig](air) as host:
                async with asyncio.timeout(40):
                    await visit(Room(host, air, clock, store, roster, patient, []))
        finally:
            store.close()

    run_apart(run)


def stored(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Everything that was derived, by table, without what names a moment or an import."""
    from sqlalchemy import select

    from ingest import tables

    with store.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in (tables.minutes, tables.spans, tables.totals)
        }


def steps_of(store: Store, patient: people.Patient) -> int:
    return sum(row[9] for row in stored(store)["minutes"] if row[2] == "steps" and row[0] == patient.id)
