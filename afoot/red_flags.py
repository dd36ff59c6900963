"""A yes to a red-flag question: the therapist is told at once, by no rule."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ingest.observations import Observation
from rules import outbox
from rules.finding import Priority, Recipient
from rules.minutes import WearSource

RED_FLAG = "red_flag"


def queue_red_flags(connection: Connection, patient_id: int, said: Sequence[Observation], at_ms: int) -> str | None:
    """Queue one urgent message to the therapist of every yes among them; no rule judges it, nothing holds it back.

    Returns: the id that it waits by; None if there is no yes
    """
    flags = [one for one in said if one.entry.is_red_flag]
    if not flags:
        return None
    first = flags[0]
    named = ", ".join(one.entry.code.replace("_", " ") for one in flags)
    row = {
        "id": f"{patient_id}:{RED_FLAG}:{first.number}:{Recipient.THERAPIST.value}",
        "patient_id": patient_id,
        "recipient": Recipient.THERAPIST.value,
        "rule": RED_FLAG,
        "kind": "opened",
        "priority": Priority.HIGH.value,
        "at_ms": first.said.at_ms,
        "not_before_ms": at_ms,
        "expires_ms": None,
        "body": {
            "reason": f"answered with yes: {named}; entered by {first.said.entered_by}",
            "version": 0,
            "evidence": {
                "start_ms": first.said.at_ms,
                "end_ms": first.said.at_ms,
                "wear_source": WearSource.NONE.value,
                "measured": {one.entry.code: 1 for one in flags},
            },
        },
    }
    outbox.queue(connection, [row])
    return str(row["id"])
