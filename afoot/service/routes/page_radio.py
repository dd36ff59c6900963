"""The patient's wearables on their page: a sync over the browser's own radio, and letting go of one."""

from functools import partial

from fastapi import APIRouter, Request, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from afoot.service.access import OwnPatient, Principal, admit, identify, note, own_patient, read_form
from afoot.service.page_radio import PageSync
from afoot.service.parts import Parts, TheParts, parts_of
from afoot.service.problems import Refusal
from afoot.service.roles import Role
from ingest import wearables

router = APIRouter(include_in_schema=False)


@router.websocket("/me/radio")
async def sync(socket: WebSocket) -> None:
    """Sync one wearable over the radio of whoever opens this."""
    parts = parts_of(socket)
    who = await admit(socket, Role.PATIENT)
    if who is not None:
        await socket.accept()
        await PageSync(parts, socket, who, partial(identify, parts, socket)).run()


@router.post("/me/wearables/remove")
async def remove(request: Request, parts: TheParts, who: OwnPatient) -> Response:
    """Let go of a wearable that the patient paired on this page. What it said stays."""
    await run_in_threadpool(_remove, parts, who, (await read_form(request)).get("wearable", ""))
    return RedirectResponse("/me#wearables", 303)


def _remove(parts: Parts, who: Principal, id: str) -> None:
    with parts.app.store.writing() as connection:
        patient = own_patient(connection, who)
        if wearables.find_wearable(connection, patient.id, id).paired.address:
            raise Refusal(403, "expected a wearable that was paired on this page; the clinic paired this one")
        wearables.remove_wearable(connection, patient.id, id)
        note(connection, who, "change wearables", patient, parts.app.now_ms())
