"""Sending what is queued in the store, by Apprise."""

from random import random
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from afoot.app import App
from afoot.red_flags import escalate_red_flags
from ingest import people
from ingest.errors import NotKnown
from ingest.people import Patient
from rules.channels import send_by_apprise
from rules.deliver import flush
from rules.messages import Subject
from rules.outbox import Delivery


def send_due(app: App) -> list[Delivery]:
    """Send all that is due, red flags that nobody acknowledged included; returns what was tried and what failed without a try."""
    escalate_red_flags(app.store, app.now_ms())
    return flush(app.store, send_by_apprise, app.now_ms(), find_subject=find_subject, chance=random, clock=app.now_ms)


def find_subject(connection: Connection, patient_id: int) -> Subject | None:
    """Return whom a message is about, on the clock that they live by now."""
    try:
        return subject_of(connection, people.get_patient(connection, patient_id))
    except NotKnown:
        return None


def subject_of(connection: Connection, patient: Patient) -> Subject:
    zone = people.zone_history(connection, patient)[-1][1]
    return Subject(patient.id, patient.name, patient.pseudonym, ZoneInfo(zone))
