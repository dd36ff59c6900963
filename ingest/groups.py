"""Care groups: which therapists see which patients. A patient is in one group, or in none until somebody says which.

What leaves the store for dashboards is kept apart by group, too: these cannot hide one row of a database from its reader.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ingest import tables
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient, list_patients
from ingest.store import upsert

# It names a database and an organisation elsewhere: nothing there may need quoting.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Group:
    """name: lower-case letters, digits and underscores. title: what people read."""

    id: int
    name: str
    title: str


def add_group(connection: Connection, name: str, title: str = "") -> Group:
    """Raises: Conflict if the name is taken, or cannot be one"""
    table = tables.care_groups
    if not _NAME.fullmatch(name):
        raise Conflict(f"care group {name!r}: expected up to 32 lower-case letters, digits and _, a letter first")
    title = title or name
    if title != title.strip() or not title.isprintable():
        raise Conflict(f"title {title!r}: expected printable text without blanks around it")
    if connection.execute(select(table.c.id).where(table.c.name == name)).first():
        raise Conflict(f"care group {name!r} is there already")
    connection.execute(table.insert().values(name=name, title=title))
    return find_group(connection, name)


def find_group(connection: Connection, name: str) -> Group:
    """Raises: NotKnown if there is none of that name"""
    table = tables.care_groups
    row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
    if row is None:
        raise NotKnown(f"care group {name!r}: there is none of that name")
    return Group(row.id, row.name, row.title)


def list_groups(connection: Connection) -> list[Group]:
    table = tables.care_groups
    return [Group(row.id, row.name, row.title) for row in connection.execute(select(table).order_by(table.c.name))]


def assign(connection: Connection, patient_id: int, group_id: int) -> None:
    """Put the patient into this group, and out of the one before."""
    upsert(connection, tables.group_patients, [{"patient_id": patient_id, "group_id": group_id}])


def group_of(connection: Connection, patient_id: int) -> Group | None:
    groups, members = tables.care_groups, tables.group_patients
    query = select(groups).join(members, members.c.group_id == groups.c.id).where(members.c.patient_id == patient_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Group(row.id, row.name, row.title)


def group_ids(connection: Connection) -> dict[int, int]:
    """Return the group of each patient who is in one, by their ids."""
    members = tables.group_patients
    return {row.patient_id: row.group_id for row in connection.execute(select(members))}


def patients_of(connection: Connection, group_id: int) -> list[Patient]:
    """Return the group's patients by name."""
    members = tables.group_patients
    ids = set(connection.execute(select(members.c.patient_id).where(members.c.group_id == group_id)).scalars())
    return [patient for patient in list_patients(connection) if patient.id in ids]
