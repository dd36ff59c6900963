"""Files come in: whole, in one request."""

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from afoot.plain import PlainOutcome, plain_outcome
from afoot.service.access import Principal, Sender, find_patient, identify, may_see, own_patient
from afoot.service.bodies import STREAMED_BYTES, Body, checked_name, receive
from afoot.service.edge import client_of
from afoot.service.intake import Full, Sent
from afoot.service.parts import Parts, TheParts
from afoot.service.problems import Problem, Refusal, no_such_patient, not_signed_in, overloaded, too_many
from devices.files.reader import ReadOptions
from ingest.collect.files import Arrival, Outcome
from ingest.people import Patient, checked_zone
from ingest.store import Change

router = APIRouter(prefix="/api/v1", tags=["files"])

Pseudonym = Annotated[str | None, Query(description="pseudonym; a patient and a device leave it out: it is their own")]
_RAW = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post(
    "/files",
    status_code=201,
    response_model=PlainOutcome,
    responses={
        200: {"model": PlainOutcome, "description": "These bytes were imported before"},
        422: {"model": PlainOutcome | Problem, "description": "Kept, but nothing of it could be read; or a wrong request"},
        507: {"model": Problem},
    },
    openapi_extra=_RAW,
    max_body_size=STREAMED_BYTES,
)
async def add_file(
    request: Request,
    parts: TheParts,
    who: Sender,
    name: Annotated[str, Query(description="of the file, as people know it")],
    patient: Pseudonym = None,
) -> Response:
    """Import the body of the request. Answers when it is safe in the store, not before.

    201 new, 200 known before, 422 of no form that is read; 429 and 503 say when to come again. With X-Content-SHA256 (hex) the
    bytes are compared with it.
    """
    name = checked_name(name)
    owner = await run_in_threadpool(owner_of, parts, who, patient)
    hold_back(parts, who, request)
    settings = parts.app.settings
    async with receive(request, name, uploads_folder(parts), settings.upload_mb << 20) as body:
        await run_in_threadpool(check_still, parts, request, who, owner)
        outcome = await import_body(parts, who, owner, body)
    return JSONResponse(plain_outcome(outcome), status_of(outcome))


def owner_of(parts: Parts, who: Principal, pseudonym: str | None) -> Patient:
    """Return whose files they send. Raises: Refusal if the patient is none, or none of theirs"""
    with parts.app.store.reading() as connection:
        if pseudonym is not None:
            return find_patient(connection, who, pseudonym)
        if who.scope.patient_id is None:
            raise Refusal(422, "patient: expected a pseudonym")
        return own_patient(connection, who)


def check_still(parts: Parts, request: Request, who: Principal, owner: Patient) -> None:
    """Raises: Refusal if the token was revoked, or the patient given to others, while the body came in

    A session may end unused meanwhile: a long upload by a person is not lost for that.
    """
    now = identify(parts, request) if who.csrf is None else who
    if now is None:
        raise not_signed_in()
    with parts.app.store.reading() as connection:
        if not may_see(connection, now, owner.id):
            raise no_such_patient()


def hold_back(parts: Parts, who: Principal, request: Request) -> None:
    """Count an upload. Raises: Refusal if there were too many"""
    now_ms = parts.app.now_ms()
    limits = ((parts.uploads_by_account, who.key), (parts.uploads_by_address, client_of(request)))
    for limiter, key in limits:
        if wait_ms := limiter.wait_ms(key, now_ms):
            parts.metrics.uploads.labels("held back").inc()
            raise too_many(wait_ms)
    for limiter, key in limits:
        limiter.count(key, now_ms)


async def import_body(parts: Parts, who: Principal, owner: Patient, body: Body) -> Outcome:
    """Import what arrived, and wait until it is in the store. Raises: Refusal if too much waits, or the disk is full"""
    options = ReadOptions(checked_zone(owner.zone))
    sent = Sent(Arrival(owner, body.source, options), body.size, who.name, who.role.value)
    with parts.metrics.upload_seconds.time():
        try:
            # Shielded: whoever hangs up has sent it nevertheless.
            outcome = await asyncio.shield(asyncio.wrap_future(parts.intake.submit(sent)))
        except Full as error:
            parts.metrics.uploads.labels("overloaded").inc()
            raise overloaded() from error
    if not outcome.hash:
        raise Refusal(507, "the bytes could not be kept; send them again")
    return outcome


def status_of(outcome: Outcome) -> int:
    """Return 201 for what is new, 200 for what was known, 422 for what nothing could be read of."""
    if outcome.known:
        return 200
    return 422 if outcome.refused and outcome.change == Change() else 201


def uploads_folder(parts: Parts) -> Path:
    folder = parts.app.settings.uploads_folder
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
