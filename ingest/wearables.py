"""The wearables that patients are paired with, and how far each was read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.radio.codec import Cursor
from ingest import owners, people, tables
from ingest.archive import Archive
from ingest.collect.exchanging import Clock
from ingest.collect.files import import_files
from ingest.collect.links import BrokenProtocol
from ingest.collect.pairing import Paired, Seen
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.store import Store

wearables = tables.wearables


@dataclass(frozen=True, slots=True)
class Wearable:
    """A paired wearable as it stands. tried_ms, synced_ms: the last try, and the last that ended well"""

    patient_id: int
    paired: Paired
    battery: int | None
    charging: bool | None
    tried_ms: int | None
    synced_ms: int | None
    problem: str
    hint: str


def add_wearable(connection: Connection, patient_id: int, paired: Paired) -> None:
    """Raises: Conflict if it is paired already, or another patient has data of it"""
    row = connection.execute(select(wearables.c.patient_id).where(wearables.c.id == paired.id)).first()
    if row is not None:
        whose = "this patient" if row.patient_id == patient_id else "another patient"
        raise Conflict(f"wearable {paired.id}: is paired with {whose} already")
    owners.check_pairing(connection, patient_id, paired.id)
    values: dict[str, Any] = {"cursor": dict(paired.cursor), "facts": dict(paired.facts), "problem": "", "hint": ""}
    values |= {"id": paired.id, "patient_id": patient_id, "address": paired.address, "name": paired.name, "codec": paired.codec}
    connection.execute(wearables.insert().values(**values, key=paired.key.hex() if paired.key else None))


def remove_wearable(connection: Connection, patient_id: int, id: str) -> None:
    """Let go of a wearable; what it said stays. Raises: NotKnown"""
    gone = wearables.delete().where(wearables.c.patient_id == patient_id, wearables.c.id == id)
    if connection.execute(gone).rowcount == 0:
        raise NotKnown(f"wearable {id!r}: expected one that this patient is paired with")


def list_wearables(connection: Connection, patient_ids: Sequence[int] | None = None) -> list[Wearable]:
    """Return the wearables of these patients, or of all."""
    query = select(wearables).order_by(wearables.c.patient_id, wearables.c.id)
    if patient_ids is not None:
        query = query.where(wearables.c.patient_id.in_(patient_ids))
    return [_wearable(row) for row in connection.execute(query)]


def _wearable(row: Any) -> Wearable:
    key = bytes.fromhex(row.key) if row.key else None
    paired = Paired(row.id, row.address, row.name, row.codec, row.cursor, row.facts, key)
    return Wearable(row.patient_id, paired, row.battery, row.charging, row.tried_ms, row.synced_ms, row.problem, row.hint)


def forget_wearables(connection: Connection, patient_id: int) -> None:
    connection.execute(wearables.delete().where(wearables.c.patient_id == patient_id))


class StoreRoster:
    """A `Roster` in a clinic's store: captures are imported like files, and the cursor follows."""

    def __init__(self, store: Store, archive: Archive, folder: Path, clock: Clock) -> None:
        self._store, self._archive, self._clock, self.folder = store, archive, clock, folder

    def find(self, id: str) -> Paired:
        """Raises: NotKnown if it was let go of"""
        with self._store.reading() as connection:
            row, patient = self._find(connection, id)
            zone = people.zone_history(connection, patient)[-1][1]
        offset = datetime.fromtimestamp(self._clock() / 1000, ZoneInfo(zone)).utcoffset()
        assert offset is not None
        return replace(_wearable(row).paired, utc_offset_s=round(offset.total_seconds()))

    def _find(self, connection: Connection, id: str) -> tuple[Any, Patient]:
        row = connection.execute(select(wearables).where(wearables.c.id == id)).one_or_none()
        if row is None:
            raise NotKnown(f"wearable {id!r}: it is paired with nobody any more")
        return row, people.get_patient(connection, row.patient_id)

    def keep(self, id: str, capture: Path, cursor: Cursor | None) -> None:
        with self._store.reading() as connection:
            _, patient = self._find(connection, id)
        options = ReadOptions(people.checked_zone(patient.zone))
        source = FileSource(capture, capture.name)
        for outcome in import_files(self._store, self._archive, patient, [source], options, self._clock()):
            if outcome.refused:
                capture.unlink(missing_ok=True)  # it is in the archive, and named in the ledger with the reason
                raise BrokenProtocol("; ".join(outcome.refused))
        if cursor is not None:
            with self._store.writing() as connection:
                connection.execute(wearables.update().where(wearables.c.id == id).values(cursor=dict(cursor)))
        capture.unlink(missing_ok=True)

    def note(self, id: str, seen: Seen) -> None:
        values: dict[str, Any] = {"tried_ms": seen.at_ms, "problem": seen.problem, "hint": seen.hint}
        if not seen.problem:
            values["synced_ms"] = seen.at_ms
        if seen.battery is not None:
            values |= {"battery": seen.battery, "charging": seen.charging}
        with self._store.writing() as connection:
            connection.execute(wearables.update().where(wearables.c.id == id).values(**values))
