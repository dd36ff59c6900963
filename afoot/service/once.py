"""Answers that a phone may send again, because it cannot know whether they arrived: each set is kept once."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from afoot.service.tables import said_once
from ingest.observations import Observation, list_observations


def claim_key(connection: Connection, patient_id: int, key: str, at_ms: int) -> bool:
    """Return whether this set of answers is new, in the caller's transaction; of two at once the other waits for it."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"patient_id": patient_id, "key": key, "at_ms": at_ms, "numbers": [], "told": False}
    return connection.execute(dialect.insert(said_once).values(row).on_conflict_do_nothing()).rowcount == 1


def note_kept(connection: Connection, patient_id: int, key: str, kept: Sequence[Observation], told: bool) -> None:
    """Say what became of the set, in the same transaction."""
    mine = (said_once.c.patient_id == patient_id, said_once.c.key == key)
    numbers = [one.number for one in kept]
    connection.execute(update(said_once).where(*mine).values(numbers=numbers, told=told))


def read_kept(connection: Connection, patient_id: int, key: str) -> tuple[list[Observation], bool]:
    """Return what a set became when it came first, and whether a message of a warning sign was on its way."""
    query = select(said_once.c.numbers, said_once.c.told)
    row = connection.execute(query.where(said_once.c.patient_id == patient_id, said_once.c.key == key)).one()
    found = list_observations(connection, patient_id, history=True)
    return [one for one in found if one.number in set(row.numbers)], row.told
