"""What patients say, or others for them. A warning sign is answered with what to do, at once."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from afoot.observing import keep_said
from afoot.plain import PlainObservation, plain_observation
from afoot.service.access import Principal, Reader, find_patient, note, note_read
from afoot.service.once import claim_key, note_kept, read_kept
from afoot.service.parts import Parts, TheParts
from afoot.service.roles import Role
from afoot.service.turns import DELIVER, wake
from afoot.times import parse_instant
from ingest.observations import (
    CODES,
    EMERGENCY,
    Entry,
    Observation,
    Said,
    Source,
    find_observation,
    list_observations,
    withdraw_observation,
)
from ingest.people import Patient
from rules.finding import Recipient
from rules.routes import routes_for

router = APIRouter(prefix="/api/v1", tags=["observations"])
Key = Annotated[str | None, Header(max_length=64, pattern="^[A-Za-z0-9-]+$", description="made by the sender, of each set")]
Code = Annotated[list[str] | None, Query(description="only of these")]


class GivenEntry(BaseModel):
    """One thing said. value: yes and no are true and false, or 1 and 0; null where the code has none."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=60)
    value: int | bool | None = None
    detail: dict[str, int | str | None] = Field(default_factory=dict, max_length=20)


class Given(BaseModel):
    """What was said at one instant. at: RFC 3339; default: now. corrects: the number of the observation that is corrected."""

    model_config = ConfigDict(extra="forbid")

    entries: list[GivenEntry] = Field(min_length=1, max_length=50)
    at: str | None = Field(default=None, max_length=40)
    corrects: int | None = Field(default=None, ge=1, le=2**31 - 1)


class Kept(TypedDict):
    """emergency: what to show the patient at once, of a warning sign. told: a message is on its way to the therapist."""

    observations: list[PlainObservation]
    emergency: str | None
    told: bool


@router.post("/patients/{patient}/observations", status_code=201)
def add(parts: TheParts, who: Reader, patient: str, given: Given, idempotency_key: Key = None) -> Kept:
    """Keep what was said. **If `emergency` is not null, show it to the patient before anything else.**

    With an Idempotency-Key the same answers may be sent again: they are kept once, and the answer is the first one.
    """
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
    return keep(parts, who, owner, given, idempotency_key)


def keep(parts: Parts, who: Principal, owner: Patient, given: Given, key: str | None = None) -> Kept:
    """Store it, and queue a warning sign for the therapist in the same commit; nothing if the key came before."""
    now_ms = parts.app.now_ms()
    entries = [Entry(one.code, None if one.value is None else int(one.value), one.detail) for one in given.entries]
    with parts.app.store.writing() as connection:
        if key is not None and not claim_key(connection, owner.id, key, now_ms):
            return _answer(*read_kept(connection, owner.id, key))
        before = None if given.corrects is None else find_observation(connection, owner.id, given.corrects)
        said = said_by(who, _when(given.at, now_ms, before.said.at_ms if before else now_ms), now_ms)
        kept, urgent = keep_said(connection, owner.id, entries, said, given.corrects)
        note(connection, who, "change observations", owner, now_ms)
        told = False
        if urgent is not None:
            wake(connection, DELIVER, now_ms, wait_ms=0)
            # Where no channel is set the message waits, and nobody may believe that it is on its way.
            told = bool(routes_for(connection, owner.id, Recipient.THERAPIST))
        if key is not None:
            note_kept(connection, owner.id, key, kept, told)
    return _answer(kept, told)


def _answer(kept: Sequence[Observation], told: bool) -> Kept:
    alarm = any(one.entry.is_red_flag for one in kept)
    return {"observations": [plain_observation(one) for one in kept], "emergency": EMERGENCY if alarm else None, "told": told}


def _when(text: str | None, now_ms: int, else_ms: int) -> int:
    at_ms = else_ms if text is None else parse_instant(text)
    if at_ms > now_ms:
        raise ValueError(f"at {text}: expected a time that has been")
    return at_ms


def said_by(who: Principal, at_ms: int, now_ms: int) -> Said:
    source = Source.PATIENT if who.role is Role.PATIENT else Source.CLINIC
    return Said(at_ms, source, who.name, now_ms)


@router.delete("/patients/{patient}/observations/{number}")
def withdraw(parts: TheParts, who: Reader, patient: str, number: Annotated[int, Field(ge=1, le=2**31 - 1)]) -> PlainObservation:
    """Say that an observation was not so; it stays in the history."""
    now_ms = parts.app.now_ms()
    with parts.app.store.writing() as connection:
        owner = find_patient(connection, who, patient)
        kept = withdraw_observation(connection, owner.id, number, said_by(who, now_ms, now_ms))
        note(connection, who, "change observations", owner, now_ms)
    return plain_observation(kept)


@router.get("/patients/{patient}/observations")
def list_(parts: TheParts, who: Reader, patient: str, code: Code = None, history: bool = False) -> list[PlainObservation]:
    """List what was said, in the order of time. history: with what was corrected and taken back."""
    if unknown := [one for one in code or [] if one not in CODES]:
        raise ValueError(f"code {unknown[0][:60]!r}: expected one of {', '.join(CODES)}")
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        found = list_observations(connection, owner.id, codes=code or (), history=history)
    note_read(parts, who, "observations", owner)
    return [plain_observation(one) for one in found]


class Question(TypedDict):
    """kind: of the answer; null where `detail` says it all. low, high: its range."""

    code: str
    question: str
    group: str
    kind: str | None
    low: int | None
    high: int | None
    unit: str


@router.get("/questions")
def questions(_: Reader) -> list[Question]:
    """List what can be said, and how patients are asked."""
    return [
        {
            "code": one.name,
            "question": one.question,
            "group": one.group.value,
            "kind": one.value.kind.value if one.value else None,
            "low": one.value.low if one.value else None,
            "high": one.value.high if one.value else None,
            "unit": one.value.unit if one.value else "",
        }
        for one in CODES.values()
    ]
