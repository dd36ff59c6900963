"""Prescriptions: every version, a new one with its reason, and what it would have done."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from afoot.judging import read_prescriptions
from afoot.output import instant
from afoot.prescribing import prescribe
from afoot.service.access import Principal, Reader, Therapist, find_patient, note, note_read
from afoot.service.parts import Parts, TheParts
from afoot.service.turns import EVALUATE, wake
from afoot.simulating import Simulated, simulate
from afoot.times import parse_date
from ingest.entries import checked_text
from ingest.people import Patient
from ingest.timeline import known_range

router = APIRouter(prefix="/api/v1/patients/{patient}/prescription", tags=["prescriptions"])
# Simulating more would keep a processor busy for a minute.
MOST_DAYS, USUAL_DAYS = 120, 28


class Change(BaseModel):
    """changes: by name, such as P2.walks_per_day, surgery_date, thresholds.walking_spm or rules.sudden_drop.share."""

    model_config = ConfigDict(extra="forbid")

    effective: date
    reason: str = Field(max_length=4000)
    changes: dict[str, Any] = Field(default_factory=dict, max_length=200)


class Trial(BaseModel):
    """changes: as if every version had prescribed them. first, last: the local days; default: the last 28 with data."""

    model_config = ConfigDict(extra="forbid")

    changes: dict[str, Any] = Field(default_factory=dict, max_length=200)
    first: date | None = None
    last: date | None = None


class PlainRule(TypedDict):
    """alerts: with the changes. alerts_as_it_is: without. true, unknown, off: at how many instants."""

    rule: str
    alerts: int
    alerts_as_it_is: int
    true: int
    unknown: int
    off: int
    opened: list[str]


class PlainSimulated(TypedDict):
    first: str
    last: str
    weeks: float
    rules: list[PlainRule]


@router.get("")
def versions(parts: TheParts, who: Reader, patient: str) -> list[dict[str, Any]]:
    """List the versions, oldest first."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = read_prescriptions(connection, owner)
    note_read(parts, who, "prescription", owner)
    return [one.model_dump(mode="json") for one in found]


@router.put("", status_code=201)
def put(parts: TheParts, who: Therapist, patient: str, given: Change) -> dict[str, Any]:
    """Write a new version; what it does not name stays as it was. Old versions are kept."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
    return keep(parts, who, owner, given)


def keep(parts: Parts, who: Principal, owner: Patient, given: Change) -> dict[str, Any]:
    """Raises: ValueError saying which field is wrong"""
    now_ms, reason = parts.app.now_ms(), checked_text("reason", given.reason, lines=True)
    effective = parse_date(given.effective.isoformat())
    with parts.app.store.writing() as connection:
        new = prescribe(connection, owner, given.changes, who.name, effective, reason, now_ms)
        note(connection, who, "change prescription", owner, now_ms)
        wake(connection, EVALUATE, now_ms)
    return new.model_dump(mode="json")


@router.post("/preview")
def preview(parts: TheParts, who: Therapist, patient: str, given: Trial) -> PlainSimulated:
    """Say what the changes would have done on the patient's past; nothing is stored, nobody is told."""
    if given.first and given.last and not 0 <= (given.last - given.first).days < MOST_DAYS:
        raise ValueError(f"first, last: expected 1 to {MOST_DAYS} days")
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        known = known_range(connection, owner)
    note_read(parts, who, "days", owner)
    first, last = given.first, given.last
    if known is not None:
        last = last or known[1]
        first = first or last - timedelta(days=USUAL_DAYS - 1)
    with parts.app.store.reading() as connection:
        return plain_simulated(simulate(connection, owner, given.changes, parts.app.now_ms(), first, last))


def plain_simulated(simulated: Simulated) -> PlainSimulated:
    return {
        "first": simulated.first.isoformat(),
        "last": simulated.last.isoformat(),
        "weeks": simulated.weeks,
        "rules": [
            {
                "rule": one.rule,
                "alerts": one.alerts,
                "alerts_as_it_is": one.before,
                "true": one.true,
                "unknown": one.unknown,
                "off": one.off,
                "opened": [instant(at) for at in one.opened_ms],
            }
            for one in simulated.rules
        ],
    }
