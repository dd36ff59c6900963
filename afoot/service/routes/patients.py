"""Patients and their days."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from afoot.judging import JudgedDay, judge_days
from afoot.plain import PlainReject, plain_rejects
from afoot.service.access import Reader, find_patient, note, note_read, seen_patients
from afoot.service.parts import TheParts
from afoot.service.problems import Refusal
from afoot.times import parse_date
from ingest import ledger, people
from ingest.timeline import known_range

router = APIRouter(prefix="/api/v1/patients", tags=["patients"])

# Longer ranges are for `afoot export`.
MOST_DAYS = 400
First = Annotated[str | None, Query(alias="from", description="first local day, YYYY-MM-DD; default: the first with data")]
Last = Annotated[str | None, Query(alias="to", description="last local day, YYYY-MM-DD; default: the last with data")]


class PlainPatient(TypedDict):
    patient: str
    name: str
    zone: str


class PlainImport(TypedDict):
    """A file that arrived. state: archived (kept, not read yet), done, refused (not all of it could be read)."""

    file: str
    hash: str
    state: str
    formats: str
    inserted: int
    changed: int
    unchanged: int
    problem: str
    rejects: list[PlainReject]


class PlainDay(TypedDict):
    """summary: the metrics of docs/definitions.md. verdict: how they compare with the prescription; null: none was in force."""

    summary: dict[str, Any]
    verdict: dict[str, Any] | None


@router.get("")
def list_patients(parts: TheParts, who: Reader) -> list[PlainPatient]:
    """List the patients that may be seen: a patient's own, a therapist's care groups."""
    with parts.app.store.reading() as connection:
        found = seen_patients(connection, who)
    with parts.app.store.writing() as connection:
        for patient in found:
            note(connection, who, "read list of patients", patient, parts.app.now_ms())
    return [{"patient": one.pseudonym, "name": one.name, "zone": one.zone} for one in found]


@router.get("/{patient}/days")
def days(parts: TheParts, who: Reader, patient: str, first: First = None, last: Last = None) -> list[PlainDay]:
    """List local days; those without data in between are unknown, not empty."""
    begin, end = (parse_date(text) if text else None for text in (first, last))
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        _check_length(begin, end, known_range(connection, owner))
        judged = list(judge_days(connection, owner, begin, end))
    note_read(parts, who, "days", owner)
    return plain_days(judged)


def _check_length(begin: date | None, end: date | None, known: tuple[date, date] | None) -> None:
    begin, end = begin or (known and known[0]), end or (known and known[1])
    if begin and end and not 0 <= (end - begin).days < MOST_DAYS:
        raise Refusal(422, f"from, to: expected 1 to {MOST_DAYS} days, found {(end - begin).days + 1}")


def plain_days(judged: Sequence[JudgedDay]) -> list[PlainDay]:
    return [
        {"summary": one.summary.to_json(), "verdict": one.verdict.to_json() if one.verdict is not None else None}
        for one in judged
    ]


@router.get("/{patient}/imports")
def imports(parts: TheParts, who: Reader, patient: str) -> list[PlainImport]:
    """List the files that arrived, and what became of each."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = [(one, ledger.list_rejects(connection, one.id)) for one in ledger.list_imports(connection, owner.id)]
    note_read(parts, who, "imports", owner)
    return [
        {
            "file": one.name,
            "hash": one.hash,
            "state": one.state,
            "formats": one.readers,
            "inserted": one.change.inserted,
            "changed": one.change.changed,
            "unchanged": one.change.unchanged,
            "problem": one.error,
            "rejects": plain_rejects(rejects),
        }
        for one, rejects in found
    ]


class PlainDevice(TypedDict):
    """priority: of two devices that know a minute, the higher one is believed."""

    device: str
    vendor: str
    model: str
    name: str
    priority: int


@router.get("/{patient}/devices")
def devices(parts: TheParts, who: Reader, patient: str) -> list[PlainDevice]:
    """List a patient's devices, the most believed first."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = people.list_devices(connection, owner.id)
    note_read(parts, who, "devices", owner)
    return [
        {
            "device": one.device.key,
            "vendor": one.device.vendor,
            "model": one.device.model,
            "name": one.device.name,
            "priority": one.priority,
        }
        for one in found
    ]
