"""Rows of the outbox, patients and flushes to test with."""

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from rules import outbox
from rules.channels import Sender, send_by_apprise
from rules.deliver import Database, Retries, flush
from rules.finding import Recipient
from rules.messages import Subject
from rules.outbox import Delivery
from rules.routes import add_route

HOUR = 3_600_000
NOW = 1_772_712_000_000  # Thursday 5 March 2026, 12:00 UTC
ANNA = Subject(1, "Anna Muster", "p-7f3a", ZoneInfo("Europe/Zurich"))
BERT = Subject(2, "Bert Beispiel", "p-11b2", ZoneInfo("Europe/Zurich"))
SUBJECTS = {subject.patient_id: subject for subject in (ANNA, BERT)}
BODY = {
    "reason": "two valid days at 812 and 790 steps",
    "version": 3,
    "evidence": {
        "start_ms": NOW - 48 * HOUR,
        "end_ms": NOW,
        "coverage": 0.934,
        "wear_source": "hr",
        "minutes": [[NOW - 3 * HOUR, NOW - 3 * HOUR + 47 * 60_000]],
        "measured": {"steps": 812, "prior_median": 2410.0},
        "thresholds": {"share": 0.5},
    },
}


def row(name: str, **values: Any) -> dict[str, Any]:
    made = {
        "id": name, "patient_id": 1, "recipient": "therapist", "rule": "sudden_drop", "kind": "opened", "priority": "normal",
        "at_ms": NOW, "not_before_ms": NOW, "expires_ms": None, "body": BODY,
    }  # fmt: skip
    return made | values


def find_subject(_: Connection, patient_id: int) -> Subject | None:
    return SUBJECTS.get(patient_id)


def put(database: Database, *rows: dict[str, Any], to: tuple[str, ...] = (), recipient: Recipient = Recipient.THERAPIST) -> None:
    """Queue rows and, for patient 1, add channels."""
    with database.writing() as connection:
        for url in to:
            add_route(connection, recipient, url, patient_id=1)
        outbox.queue(connection, rows)


def send(
    database: Database, at_ms: int = NOW, *, sender: Sender = send_by_apprise, retries: Retries | None = None, workers: int = 4
) -> list[Delivery]:
    return flush(
        database,
        sender,
        at_ms,
        find_subject=find_subject,
        chance=lambda: 0.0,
        retries=retries or Retries(),
        workers=workers,
    )
