"""Keeping what a patient says, for commands, pages and the API: a warning sign is queued in the same commit."""

from collections.abc import Sequence

from sqlalchemy import Connection

from afoot.red_flags import queue_red_flags
from ingest.observations import Entry, Observation, Said, add_observations, correct_observation


def keep_said(
    connection: Connection, patient_id: int, entries: Sequence[Entry], said: Said, corrects: int | None = None
) -> tuple[list[Observation], str | None]:
    """Store entries, in the caller's transaction; a warning sign among them is queued for the therapist.

    corrects: the number of the observation that the one entry corrects
    Returns: what was kept, and the id of what waits to be sent; None if nobody need be told
    Raises:  ValueError for an entry that cannot be; NotKnown, Conflict for a number that cannot be corrected
    """
    if corrects is None:
        kept = add_observations(connection, patient_id, entries, said)
    else:
        if len(entries) != 1:
            raise ValueError(f"a correction: expected one answer, found {len(entries)}")
        kept = [correct_observation(connection, patient_id, corrects, entries[0], said)]
    return kept, queue_red_flags(connection, patient_id, kept, said.entered_ms)
