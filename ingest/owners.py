"""Whose a device is: decided when a file comes in, and remembered, so that a rebuild comes to the same.

A wearable that somebody is paired with is theirs, whoever sent a file of it first. Any other device with a serial number is of
the patient for whom it was first imported, until it is released.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from devices.recording import Device
from ingest import people, tables
from ingest.errors import Conflict, NotKnown

_devices, _wearables = tables.devices, tables.wearables


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who has to do with a device. key: None of a pairing of which no data came yet

    released: its data are theirs and stay, and what comes from now on may be another's
    """

    patient: people.Patient
    key: str | None
    paired: bool
    released: bool


def find_paired(connection: Connection, serial: str) -> int | None:
    """Return the id of the patient with whom the wearable of that id or address is paired."""
    wanted = serial.upper()
    here = or_(func.upper(_wearables.c.id) == wanted, func.upper(_wearables.c.address) == wanted)
    return connection.execute(select(_wearables.c.patient_id).where(here)).scalars().first() if wanted else None


def claim_device(connection: Connection, patient_id: int, device: Device) -> int:
    """Return the id of the patient's device, of which a new file says something; it is made known if it is new.

    Raises: Conflict if it is paired with another patient, or has a serial number and belongs to another
    """
    if device.serial is not None:
        if find_paired(connection, device.serial) not in (None, patient_id):
            found = f"found {device.serial}, which is paired with another"
            raise Conflict(f"device {device.key}: expected a device of this patient, {found}; nothing of it was taken")
        others = select(_devices.c.id).where(_devices.c.key == device.key, _devices.c.serial.is_not(None))
        if connection.execute(others.where(_devices.c.patient_id != patient_id)).first() is not None:
            raise people.not_theirs(device)
    return people.own_device(connection, patient_id, device)


def claim_again(connection: Connection, patient_id: int, device: Device) -> int:
    """As `claim_device`, of a file that was imported before: what was theirs then is theirs still, whoever is paired by now."""
    mine = select(_devices.c.id).where(_devices.c.patient_id == patient_id, _devices.c.key == device.key)
    found = connection.execute(mine).scalar_one_or_none()
    return claim_device(connection, patient_id, device) if found is None else int(found)


def check_pairing(connection: Connection, patient_id: int, id: str) -> None:
    """Raises: Conflict if data of this wearable are another patient's, saying what the clinic has to do"""
    others = select(_devices.c.id).where(func.upper(_devices.c.serial) == id, _devices.c.patient_id != patient_id)
    if connection.execute(others).first() is not None:
        raise Conflict(
            f"wearable {id}: expected one that no other patient has data of, found data of another. See whose: "
            f"`afoot device whose {id}`. If they wore it before, keep their data: `afoot device release {id} --patient NAME`. "
            "If it was never theirs, take each wrong file back: `afoot forget HASH --patient NAME`. Then pair it again"
        )


def list_owners(connection: Connection, serial: str) -> list[Owner]:
    """Return who has data of the device of that serial number, address or key, or is paired with it."""
    serial = _serial_of(connection, serial)
    wanted = serial.upper()
    rows = connection.execute(select(_devices.c.patient_id, _devices.c.key, _devices.c.serial).where(_is(wanted))).all()
    paired = find_paired(connection, serial)
    found = [
        Owner(
            people.get_patient(connection, row.patient_id), row.key, row.patient_id == paired, _is_released(row.key, row.serial)
        )
        for row in rows
    ]
    if paired is not None and paired not in {one.patient.id for one in found}:
        found.append(Owner(people.get_patient(connection, paired), None, paired=True, released=False))
    return sorted(found, key=lambda one: (one.patient.name, one.key or ""))


def release_device(connection: Connection, patient_id: int, serial: str) -> None:
    """Let others have the device: what it said so far stays this patient's, also through a rebuild.

    Raises: NotKnown if the patient has no device of that serial number, address or key
    """
    wanted = _serial_of(connection, serial).upper()
    theirs = (_devices.c.patient_id == patient_id, _is(wanted), _devices.c.serial.is_not(None))
    # The key stays: by it the patient's own files find their device again.
    if connection.execute(update(_devices).where(*theirs).values(serial=None)).rowcount == 0:
        raise NotKnown(f"device {serial!r}: expected the serial number or address of a device of this patient, not released yet")


def _serial_of(connection: Connection, text: str) -> str:
    """Return the serial number of the device of that key, as lists of devices show it; any other text as it is."""
    rows = connection.execute(select(_devices.c.key, _devices.c.serial).where(func.upper(_devices.c.key) == text.upper())).all()
    known = [row.serial for row in rows if row.serial is not None]
    return str((known or [row.key.rpartition("/")[2] for row in rows] or [text])[0])


def _is_released(key: str, serial: str | None) -> bool:
    """Whether it had a serial number; a device that never had one is told by its name, after a ~."""
    return serial is None and not key.rpartition("/")[2].startswith("~")


def _is(serial: str) -> ColumnElement[bool]:
    ends = func.upper(_devices.c.key).endswith(f"/{serial.replace('/', '_')}", autoescape=True)
    return or_(func.upper(_devices.c.serial) == serial, _devices.c.serial.is_(None) & ends)
