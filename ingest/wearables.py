"""The wearables that patients are paired with, and how far each was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.radio.codec import Cursor
from devices.radio.codecs import find_own
from ingest import owners, people, tables
from ingest.archive import Archive
from ingest.collect.exchanging import Clock
from ingest.collect.files import Outcome, import_files
from ingest.collect.links import BrokenProtocol
from ingest.collect.pairing import Paired, Seen
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.store import Store

wearables = tables.wearables


@dataclass(frozen=True, slots=True)
class Wearable:
    """A paired wearable as it stands; one without an address is reached by the patient's page alone.

    tried_ms, synced_ms: the last try, and the last that ended well
    """

    patient_id: int
    paired: Paired
    battery: int | None
    charging: bool | None
    tried_ms: int | None
    synced_ms: int | None
    problem: str
    hint: str

    @property
    def can_sync_by_page(self) -> bool:
        """Whether a browser reaches it: of a family that it can, and known by a name of its own."""
        codec = find_own(self.paired.name)
        return codec is not None and codec.name == self.paired.codec


def add_wearable(connection: Connection, patient_id: int, paired: Paired) -> None:
    """Pair a wearable with a patient.

    One that the patient paired by a browser's page, which tells no address, is found again by its own name (`Chooser`): it gets
    its address, and stays the device that it was.

    Raises: Conflict if it is paired already, or another patient has data of it
    """
    whose = owners.find_paired(connection, paired.id)
    if whose is not None:
        raise Conflict(f"wearable {paired.id}: is paired with {'this' if whose == patient_id else 'another'} patient already")
    owners.check_pairing(connection, patient_id, paired.id)
    if paired.address and (known := _without_address(connection, patient_id, paired)) is not None:
        connection.execute(wearables.update().where(wearables.c.id == known).values(address=paired.address))
        return
    values: dict[str, Any] = {"cursor": dict(paired.cursor), "facts": dict(paired.facts), "problem": "", "hint": ""}
    values |= {"id": paired.id, "patient_id": patient_id, "address": paired.address, "name": paired.name, "codec": paired.codec}
    connection.execute(wearables.insert().values(**values, key=paired.key.hex() if paired.key else None))


def _without_address(connection: Connection, patient_id: int, paired: Paired) -> str | None:
    if find_own(paired.name) is None:
        return None
    known = find_by_name(connection, patient_id, paired.codec, paired.name)
    return None if known is None or known.paired.address else known.paired.id


def find_by_name(connection: Connection, patient_id: int, codec: str, name: str) -> Wearable | None:
    """Return the patient's wearable that advertises this name."""
    found = (one for one in list_wearables(connection, [patient_id]) if (one.paired.codec, one.paired.name) == (codec, name))
    return next(found, None)


def find_wearable(connection: Connection, patient_id: int, place: str) -> Wearable:
    """Return the patient's wearable of that id or address, in any case of letters. Raises: NotKnown"""
    for one in list_wearables(connection, [patient_id]):
        if place.upper() in (one.paired.id.upper(), one.paired.address.upper()):
            return one
    raise NotKnown(f"wearable {place!r}: expected one that this patient is paired with")


def remove_wearable(connection: Connection, patient_id: int, place: str) -> None:
    """Let go of a wearable; what it said stays. place: as `find_wearable` has it. Raises: NotKnown"""
    known = find_wearable(connection, patient_id, place)
    connection.execute(wearables.delete().where(wearables.c.id == known.paired.id))


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
    """A `Roster` in a clinic's store: captures are imported like files, and the cursor follows.

    imported: told of each capture that is stored
    """

    def __init__(
        self,
        store: Store,
        archive: Archive,
        folder: Path,
        clock: Clock,
        imported: Callable[[Patient, Outcome], None] | None = None,
    ) -> None:
        self._store, self._archive, self._clock, self.folder = store, archive, clock, folder
        self._imported = imported

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
            if outcome.hash and self._imported is not None:
                self._imported(patient, outcome)
            if outcome.refused:
                if not outcome.hash:
                    raise OSError(f"a capture could not be archived: {'; '.join(outcome.refused)}")
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
