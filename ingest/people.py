"""Patients, the zones they live in, and their devices."""

import secrets
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, bindparam, or_, select
from sqlalchemy.exc import IntegrityError

from devices.recording import DAY_MS, Device
from ingest import dirty, tables
from ingest.errors import Conflict, NoSuchPatient, NotKnown
from ingest.naming import find_alike
from ingest.store import upsert


@dataclass(frozen=True, slots=True)
class Patient:
    """name: what the clinic calls them here. pseudonym: random; the only one that leaves the store. zone: IANA, at home."""

    id: int
    name: str
    pseudonym: str
    zone: str


@dataclass(frozen=True, slots=True)
class OwnedDevice:
    """A device of a patient. priority: of two devices that know a minute, the higher one is believed."""

    id: int
    patient_id: int
    device: Device
    priority: int


# Files beside the zones: the clock of whatever machine this is, and one with leap seconds, whose minutes are not ours.
_NO_PLACE = frozenset({"localtime", "posixrules", "Factory"})
MOST_NAME_SIGNS = 500


def checked_zone(zone: str) -> ZoneInfo:
    """Return the zone. Raises: NotKnown if no such IANA zone is installed, or if it is no place's time."""
    try:
        if zone in _NO_PLACE or zone.startswith(("posix/", "right/")):
            raise ValueError(zone)
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotKnown(f"time zone {zone!r}: expected an IANA name such as Europe/Berlin") from error


def add_patient(connection: Connection, name: str, zone: str, created_ms: int) -> Patient:
    """Raises: Conflict if the name is taken or empty, NotKnown if the zone is none."""
    checked_zone(zone)
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > MOST_NAME_SIGNS:
        expected = f"printable text of 1 to {MOST_NAME_SIGNS} signs without blanks around it"
        raise Conflict(f"patient name {name[:80]!r}: expected {expected}")
    if other := find_alike(name, connection.execute(select(tables.patients.c.name)).scalars()):
        # Two who are told apart by a capital letter alone get each other's files sooner or later.
        raise Conflict(f"patient {name!r}: {other!r} is there already; expected a name that differs in more than letter case")
    pseudonym = secrets.token_hex(8)
    values = {"name": name, "pseudonym": pseudonym, "zone": zone, "created_ms": created_ms}
    connection.execute(tables.patients.insert().values(values))
    return find_patient(connection, name)


def find_patient(connection: Connection, name: str) -> Patient:
    """Raises: NotKnown if there is no patient of that name."""
    table = tables.patients
    row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
    if row is None:
        # Whoever may not know this patient must not learn the names of the others.
        raise NoSuchPatient(f"patient {name!r}: there is none of that name")
    return _patient(row)


def get_patient(connection: Connection, patient_id: int) -> Patient:
    """Raises: NotKnown if there is none of that id"""
    row = connection.execute(select(tables.patients).where(tables.patients.c.id == patient_id)).one_or_none()
    if row is None:
        raise NotKnown("patient: there is none of that number")
    return _patient(row)


def is_kept(connection: Connection, patient: Patient) -> bool:
    """Whether the patient is still there: who was looked up some time ago may have been erased since."""
    table = tables.patients
    pseudonym = connection.execute(select(table.c.pseudonym).where(table.c.id == patient.id)).scalar_one_or_none()
    return bool(pseudonym == patient.pseudonym)


def list_patients(connection: Connection) -> list[Patient]:
    return [_patient(row) for row in connection.execute(select(tables.patients).order_by(tables.patients.c.name))]


def _patient(row: Row[tuple[object, ...]]) -> Patient:
    return Patient(row.id, row.name, row.pseudonym, row.zone)


def set_zone(connection: Connection, patient_id: int, zone: str, from_ms: int) -> None:
    """From that instant on the patient lives by this zone. Raises: NotKnown if the zone is none."""
    checked_zone(zone)
    upsert(connection, tables.zones, [{"patient_id": patient_id, "from_ms": from_ms, "zone": zone}])
    dirty.mark_since(connection, patient_id, from_ms // DAY_MS)


def set_home(connection: Connection, patient_id: int, zone: str) -> None:
    """Say that the patient's home zone is, and always was, another one. Raises: NotKnown if the zone is none."""
    checked_zone(zone)
    connection.execute(tables.patients.update().where(tables.patients.c.id == patient_id).values(zone=zone))
    dirty.mark_since(connection, patient_id)


_zones, _devices = tables.zones.c, tables.devices
_ZONES = select(_zones.from_ms, _zones.zone).where(_zones.patient_id == bindparam("patient")).order_by(_zones.from_ms)
_DEVICES = (
    select(_devices).where(_devices.c.patient_id == bindparam("patient")).order_by(_devices.c.priority.desc(), _devices.c.key)
)


def zone_history(connection: Connection, patient: Patient) -> list[tuple[int, str]]:
    """Return (from_ms, zone) in time order; the first holds since ever."""
    rows = connection.execute(_ZONES, {"patient": patient.id})
    return [(-(2**62), patient.zone), *((row.from_ms, row.zone) for row in rows)]


def own_device(connection: Connection, patient_id: int, device: Device) -> int:
    """Return the id of this patient's device, making it known if it is new.

    Raises: Conflict if the device has a serial number and belongs to another patient
    """
    table = tables.devices
    mine = select(table.c.id).where(table.c.patient_id == patient_id, table.c.key == device.key)
    found = connection.execute(mine).scalar_one_or_none()
    if found is not None:
        return int(found)
    values = {
        "patient_id": patient_id,
        "key": device.key,
        "vendor": device.vendor,
        "model": device.model,
        "serial": device.serial,
        "name": device.name,
        "priority": 0,
    }
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError as error:
        again = connection.execute(mine).scalar_one_or_none()
        if again is not None:
            return int(again)
        raise not_theirs(device) from error
    return int(connection.execute(mine).scalar_one())


def not_theirs(device: Device) -> Conflict:
    return Conflict(f"device {device.key}: its serial number belongs to another patient; nothing of it was taken")


def list_devices(connection: Connection, patient_id: int) -> list[OwnedDevice]:
    """Return the patient's devices, the most believed first."""
    return [
        OwnedDevice(row.id, row.patient_id, Device(row.vendor, row.model, _serial(row), row.name), row.priority)
        for row in connection.execute(_DEVICES, {"patient": patient_id})
    ]


def _serial(row: Row[tuple[object, ...]]) -> str | None:
    """Return the serial number; one that was released has it in its key alone, so that another patient's device may have it."""
    nameless = Device(row.vendor, row.model, None, row.name)
    return str(row.key).rpartition("/")[2] if row.serial is None and row.key != nameless.key else row.serial


def disown_silent_devices(connection: Connection, patient_id: int) -> None:
    """Let go of the patient's devices of which nothing is known: one of another patient may have come in by mistake."""
    table = tables.devices
    said = [
        select(other.c.device_id).where(other.c.patient_id == patient_id, other.c.device_id == table.c.id).exists()
        for other in tables.DERIVED
        if "device_id" in other.c
    ]
    connection.execute(table.delete().where(table.c.patient_id == patient_id, ~or_(*said)))


def find_device(connection: Connection, patient_id: int, key: str) -> OwnedDevice:
    """Raises: NotKnown if the patient has no device of that key."""
    found = next((one for one in list_devices(connection, patient_id) if one.device.key == key), None)
    if found is None:
        raise NotKnown(f"device {key!r}: expected one of the patient's own")
    return found


def set_priority(connection: Connection, patient_id: int, key: str, priority: int) -> None:
    """Raises: NotKnown if the patient has no device of that key."""
    table = tables.devices
    change = table.update().where(table.c.patient_id == patient_id, table.c.key == key).values(priority=priority)
    if connection.execute(change).rowcount == 0:
        raise NotKnown(f"device {key!r}: expected one of the patient's own")
    dirty.mark_since(connection, patient_id)
