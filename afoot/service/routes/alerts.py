"""Alerts: seen, taken on, put to rest."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from afoot.output import instant
from afoot.plain import PlainAlert, plain_alert
from afoot.service.access import (
    Principal,
    Reader,
    Therapist,
    find_patient,
    may_see,
    note,
    note_read,
    patient_of_id,
    seen_patients,
)
from afoot.service.parts import Parts, TheParts
from afoot.times import parse_instant
from ingest.entries import checked_text
from ingest.people import Patient
from rules import ledger, red_flags
from rules.checks import RULES
from rules.ledger import EVERY_RULE, Alert, Snooze, UnknownAlert

router = APIRouter(prefix="/api/v1", tags=["alerts"])
ALL = "all"
NAMES = tuple(rule.name for rule in RULES)
Open = Annotated[bool, Query(alias="open", description="only those that are open, acknowledged ones included")]
AlertId = Annotated[str, Path(max_length=200, description="as the list of alerts shows it")]


class Acting(BaseModel):
    """note: what was done, is to be, or came of it; it is kept."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(max_length=4000)


class Snoozing(BaseModel):
    """rule: one of the rules, or all. until: RFC 3339; a time that has been ends a snooze. why: it is kept."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(max_length=60)
    until: str = Field(max_length=40)
    why: str = Field(max_length=4000)


class PlainSnooze(TypedDict):
    rule: str
    until: str
    by: str
    why: str


@router.get("/alerts")
def list_all(parts: TheParts, who: Therapist, open_: Open = True) -> list[PlainAlert]:
    """List the alerts of all patients that may be seen, oldest first."""
    with parts.app.store.reading() as connection:
        names = {one.id: one for one in seen_patients(connection, who)}
        found = [one for one in ledger.list_alerts(connection, open_only=open_) if one.patient_id in names]
    for patient_id in sorted({one.patient_id for one in found}):
        note_read(parts, who, "alerts", names[patient_id])
    return [plain_alert(one, names[one.patient_id].pseudonym) for one in found]


@router.get("/patients/{patient}/alerts")
def list_(parts: TheParts, who: Reader, patient: str, open_: Open = False) -> list[PlainAlert]:
    """List a patient's alerts with their evidence, oldest first."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = ledger.list_alerts(connection, owner.id, open_only=open_)
    note_read(parts, who, "alerts", owner)
    return [plain_alert(one, owner.pseudonym) for one in found]


@router.post("/alerts/{alert}/ack")
def acknowledge(parts: TheParts, who: Therapist, alert: AlertId, given: Acting) -> PlainAlert:
    """Take an open alert on: it is escalated no further. It closes when its rule is clear again; a red flag by `close`."""
    return act(parts, who, ledger.acknowledge, alert, given.note)


@router.post("/alerts/{alert}/close")
def close(parts: TheParts, who: Therapist, alert: AlertId, given: Acting) -> PlainAlert:
    """Say that a red flag has been looked after. Only a person closes one, and only after somebody acknowledged it."""
    return act(parts, who, red_flags.close_alert, alert, given.note)


def act(parts: Parts, who: Principal, doing: Callable[..., Alert], alert: str, text: str) -> PlainAlert:
    """Do what a person says to an alert.

    doing:  `ledger.acknowledge` or `red_flags.close_alert`
    Raises: UnknownAlert if there is none, it is not as it must be, or it is of a patient that they may not see
    """
    now_ms = parts.app.now_ms()
    with parts.app.store.writing() as connection:
        owner = _owner(connection, who, alert)
        done = doing(connection, alert, by=who.name, note=checked_text("note", text, lines=True), at_ms=now_ms)
        note(connection, who, "change alert", owner, now_ms)
    return plain_alert(done, owner.pseudonym)


def _owner(connection: Connection, who: Principal, alert: str) -> Patient:
    patient_id = alert.partition(":")[0]
    if not (patient_id.isascii() and patient_id.isdigit() and len(patient_id) < 10):
        raise UnknownAlert("alert: expected an open one")
    if not may_see(connection, who, int(patient_id)):
        raise UnknownAlert(f"alert {alert}: expected an open one")
    return patient_of_id(connection, int(patient_id))


@router.post("/patients/{patient}/snooze", status_code=201)
def snooze(parts: TheParts, who: Therapist, patient: str, given: Snoozing) -> PlainSnooze:
    """Send no messages of a rule, or of any, until an instant. Alerts are recorded as ever; urgent ones come through."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
    return put_to_rest(parts, who, owner, given)


def put_to_rest(parts: Parts, who: Principal, owner: Patient, given: Snoozing) -> PlainSnooze:
    """Raises: ValueError for a rule or time that is none"""
    if given.rule not in (*NAMES, ALL):
        raise ValueError(f"rule: expected all or one of {', '.join(NAMES)}")
    now_ms = parts.app.now_ms()
    until_ms, why = parse_instant(given.until), checked_text("why", given.why, lines=True)
    rule = EVERY_RULE if given.rule == ALL else given.rule
    with parts.app.store.writing() as connection:
        made = ledger.snooze(connection, owner.id, until_ms=until_ms, by=who.name, why=why, at_ms=now_ms, rule=rule)
        note(connection, who, "change snooze", owner, now_ms)
    return plain_snooze(made)


@router.get("/patients/{patient}/snoozes")
def snoozes(parts: TheParts, who: Reader, patient: str) -> list[PlainSnooze]:
    """List what is snoozed now."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = ledger.list_snoozes(connection, owner.id, parts.app.now_ms())
    note_read(parts, who, "snoozes", owner)
    return [plain_snooze(one) for one in found]


def plain_snooze(one: Snooze) -> PlainSnooze:
    return {"rule": one.rule or ALL, "until": instant(one.until_ms), "by": one.by, "why": one.why}
