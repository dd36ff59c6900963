"""The prescription of a patient as a form: shown, tried out on the past, saved as a new version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from afoot.judging import read_prescriptions
from afoot.prescribing import next_version, parse_change, prescribe
from afoot.service.access import Principal, Therapist, find_patient, note, note_read, read_form
from afoot.service.chrome import after, chrome
from afoot.service.parts import Parts, TheParts
from afoot.service.turns import EVALUATE, wake
from afoot.simulating import simulate
from dashboards import site
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.editor import LONGEST_TEXT, Preview, Simulated, build_editor, fill_form, read_changes, tell_changes
from dashboards.pages.ward import TITLES
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.remote_monitoring import local_date
from rules.prescription import Prescription

router = APIRouter(include_in_schema=False)

# A month says what a rule does, and takes a second to judge.
TRIED_DAYS = 28


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a form asks for. changes: by the names of a revision."""

    version: Prescription
    changes: Mapping[str, Any]


@router.get("/ward/{patient}/prescription")
def show(patient: str, parts: TheParts, who: Therapist) -> HTMLResponse:
    """Show the prescription as a form, with every version."""
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
    note_read(parts, who, "prescription", owner)
    return _page(parts, who, owner, None)


@router.post("/ward/{patient}/prescription")
async def change(patient: str, request: Request, parts: TheParts, who: Therapist) -> Response:
    """Try a change out, or save it."""
    form = {name: text[:LONGEST_TEXT] for name, text in (await read_form(request)).items()}
    return await run_in_threadpool(_save if form.get("do") == "save" else _preview, parts, who, patient, form)


def _page(
    parts: Parts,
    who: Principal,
    owner: Patient,
    form: dict[str, str] | None,
    *,
    problem: str = "",
    preview: Preview | None = None,
) -> HTMLResponse:
    at_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        versions = read_prescriptions(connection, owner)
        today = local_date(connection, owner, at_ms)
    filled = (
        fill_form(versions[-1] if versions else None, today)
        if form is None
        else form | {"walking_aid": form.get("walking_aid", "")}
    )
    editor = build_editor(versions, filled, today, CLINIC, problem=problem, preview=preview)
    number = (versions[-1].version if versions else 0) + 1
    around = chrome(who, "", at_ms, zone=owner.zone)
    page = site.editor_page(editor, around, owner.pseudonym, owner.name, number)
    return HTMLResponse(page, 400 if problem else 200)


def _preview(parts: Parts, who: Principal, key: str, form: dict[str, str]) -> Response:
    at_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, key)
        versions = read_prescriptions(connection, owner)
        today = local_date(connection, owner, at_ms)
        try:
            draft = _read(form, versions, today)
            shown = _try(connection, owner, versions, draft, today, at_ms)
        except ValueError as error:
            return _page(parts, who, owner, form, problem=str(error))
    return _page(parts, who, owner, form, preview=shown)


def _save(parts: Parts, who: Principal, key: str, form: dict[str, str]) -> Response:
    at_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, key)
    try:
        with parts.app.store.writing() as connection:
            versions = read_prescriptions(connection, owner)
            if form.get("based_on") != str(versions[-1].version if versions else 0):
                raise Conflict("somebody saved another version in between: look at it, and change that one")
            draft = _read(form, versions, local_date(connection, owner, at_ms))
            version = draft.version
            kept = prescribe(connection, owner, draft.changes, who.name, version.effective, version.reason, at_ms)
            note(connection, who, "change prescription", owner, at_ms)
            wake(connection, EVALUATE, at_ms)
    except (ValueError, Conflict) as error:
        return _page(parts, who, owner, form, problem=str(error))
    return after(f"/ward/{owner.pseudonym}", f"editor_saved {kept.version}")


def _read(form: Mapping[str, str], versions: list[Prescription], today: date) -> _Draft:
    """Raises: ValueError naming the field and what it expects"""
    changes = read_changes(form, versions[-1] if versions else None, today)
    changes |= dict(parse_change(line) for line in form.get("more", "").splitlines() if line.strip())
    try:
        effective = date.fromisoformat(form.get("effective", ""))
    except ValueError as error:
        raise ValueError("in force from: expected a date") from error
    reason = form.get("reason", "").strip()
    if not reason:
        raise ValueError("why: expected a reason; it is kept with the version")
    return _Draft(next_version(versions, changes, "–", effective, reason), changes)


def _try(connection: Connection, owner: Patient, versions: list[Prescription], draft: _Draft, today: date, at_ms: int) -> Preview:
    """Return what a draft changes, and what it would have done in the last weeks."""
    warning = CLINIC("preview_past") if draft.version.effective < today else ""
    changes = tell_changes(versions[-1] if versions else None, draft.version)
    try:
        found = simulate(connection, owner, draft.changes, at_ms, today - timedelta(days=TRIED_DAYS), today - timedelta(days=1))
    except NotKnown:
        return Preview(changes, "", (), warning)
    rows = tuple(
        Simulated(TITLES[one.rule], one.alerts, one.before, f"{one.alerts / found.weeks:.1f}", one.unknown)
        for one in found.rules
        if one.alerts or one.before
    )
    period = CLINIC("preview_rules", first=CLINIC.day(found.first), last=CLINIC.day(found.last))
    return Preview(changes, period, rows, warning)
