"""A yes to a red-flag question: the alert opens and the therapist is told at once, by no rule."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ingest.observations import Observation
from ingest.store import Store
from rules import outbox, red_flags
from rules.red_flags import Answered


def queue_red_flags(connection: Connection, patient_id: int, said: Sequence[Observation], at_ms: int) -> str | None:
    """Open one alert for every yes among them, or raise the one that is open, and queue one urgent message to the therapist.

    Returns: the id that the message waits by; None if there is no yes
    """
    flags = [one for one in said if one.entry.is_red_flag]
    if not flags:
        return None
    answered = Answered([one.entry.code for one in flags], flags[0].said.at_ms, flags[0].said.entered_by)
    rows = red_flags.open_alert(connection, patient_id, answered, at_ms)
    outbox.queue(connection, rows)
    return str(rows[0]["id"])


def escalate_red_flags(store: Store, at_ms: int) -> None:
    """Queue messages to the next about every red flag that nobody acknowledged in time."""
    with store.reading() as connection:
        if not red_flags.unacknowledged(connection):
            return
    with store.writing() as connection:
        outbox.queue(connection, red_flags.escalate_due(connection, at_ms))
