"""The patient's own page, its parts, and the shell that a phone keeps for when there is no connection."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from afoot.presenting import gather_patient, read_files
from afoot.service.access import OwnPatient, note_read, own_patient
from afoot.service.language import language_of, remember_language
from afoot.service.parts import TheParts
from dashboards import site
from dashboards.pages.patient import build_files, build_patient
from ingest import people

router = APIRouter(include_in_schema=False)


@router.get("/me")
def show(request: Request, parts: TheParts, who: OwnPatient) -> HTMLResponse:
    """Show a patient their day."""
    words = language_of(request)
    with parts.app.store.reading() as connection:
        patient = own_patient(connection, who)
        facts = gather_patient(connection, patient, parts.app.now_ms())
    note_read(parts, who, "own page", patient)
    return remember_language(HTMLResponse(site.patient_page(build_patient(facts, words), words, who.csrf or "")), words)


@router.get("/me/files")
def show_files(request: Request, parts: TheParts, who: OwnPatient) -> HTMLResponse:
    """Show what became of the files that were sent last, for a page that is open."""
    words, now_ms = language_of(request), parts.app.now_ms()
    with parts.app.store.reading() as connection:
        patient = own_patient(connection, who)
        zone = people.checked_zone(people.zone_history(connection, patient)[-1][1])
        files = build_files(read_files(connection, patient.id), now_ms, zone, words)
    note_read(parts, who, "own files", patient)
    return HTMLResponse(site.files_part(files, words))


@router.get("/me/session")
def show_session(parts: TheParts, who: OwnPatient) -> JSONResponse:
    """Tell a script whose session it is, and what time it is here, before it sends what waited on the phone."""
    with parts.app.store.reading() as connection:
        owner = own_patient(connection, who)
    return JSONResponse({"key": owner.pseudonym, "csrf": who.csrf, "now_ms": parts.app.now_ms()})


@router.get("/offline")
def show_offline(request: Request) -> HTMLResponse:
    """Show the page that a phone keeps: it holds nothing of anybody."""
    return HTMLResponse(site.offline_page(language_of(request)))


@router.get("/app.webmanifest")
def show_manifest(request: Request) -> Response:
    return Response(site.manifest(language_of(request)), media_type="application/manifest+json")


@router.get("/worker.js")
def show_worker() -> Response:
    return Response(site.service_worker(), media_type="text/javascript")
