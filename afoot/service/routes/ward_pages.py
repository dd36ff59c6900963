"""The therapist's pages: the ward, a patient, what is done there, and the report for a visit."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from afoot.presenting import gather_case, gather_on_ward
from afoot.service.access import Principal, Therapist, find_patient, note, note_read, read_form, seen_patients
from afoot.service.chrome import after, chrome
from afoot.service.parts import Parts, TheParts
from afoot.service.problems import Refusal
from dashboards import site
from dashboards.pages.case import build_case
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.programme import build_programme
from dashboards.pages.ward import build_ward
from devices.recording import DAY_MS
from ingest.entries import checked_text
from ingest.people import Patient
from ingest.remote_monitoring import Care, CareKind, add_care
from rules import ledger, red_flags
from rules.checks import RULES
from rules.ledger import UnknownAlert

router = APIRouter(include_in_schema=False)

PERIOD = 28
VISIT_DAYS = 42
LONGEST_SNOOZE_DAYS = 31
_RULES = frozenset({rule.name for rule in RULES} | {ledger.EVERY_RULE})
Done = Annotated[str, Query(max_length=40)]
Act = Callable[[Connection, Principal, Patient, dict[str, str], int], str]


@router.get("/ward")
def ward(parts: TheParts, who: Therapist) -> HTMLResponse:
    """Show the patients of the therapist's care groups, those first who need somebody."""
    at_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        patients = seen_patients(connection, who)
        facts = [gather_on_ward(connection, patient, at_ms) for patient in patients]
    with parts.app.store.writing() as connection:
        for patient in patients:
            note(connection, who, "read ward", patient, at_ms)
    zone = str(facts[0].zone) if facts else "UTC"
    return HTMLResponse(site.ward_page(build_ward(facts, at_ms, CLINIC), chrome(who, "/ward", at_ms, zone=zone)))


@router.get("/ward/{patient}")
def show(
    patient: str, parts: TheParts, who: Therapist, days: int = PERIOD, until: date | None = None, done: Done = ""
) -> HTMLResponse:
    """Show one patient, some days up to now or up to an earlier day."""
    return _case(parts, who, patient, days, until, notice=done)


def _case(
    parts: Parts, who: Principal, key: str, days: int, until: date | None = None, *, notice: str = "", problem: str = ""
) -> HTMLResponse:
    at_ms, period = parts.app.now_ms(), days if days in site.PERIODS else PERIOD
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, key)
        facts = gather_case(connection, owner, at_ms, period, until)
    note_read(parts, who, "patient page", owner)
    around = chrome(who, "", at_ms, zone=str(facts.patient.zone), notice=notice, problem=problem)
    return HTMLResponse(site.case_page(build_case(facts, CLINIC), around, period), 400 if problem else 200)


@router.get("/ward/{patient}/visit")
def visit(patient: str, parts: TheParts, who: Therapist) -> HTMLResponse:
    """Show a patient's weeks on paper, with the evidence of remote monitoring."""
    at_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        owner = find_patient(connection, who, patient)
        facts = gather_case(connection, owner, at_ms, VISIT_DAYS)
    note_read(parts, who, "visit report", owner)
    today = facts.patient.today[0].day if facts.patient.today else facts.days[-1][0].day
    first, last = (facts.days[0][0].day, facts.days[-1][0].day) if facts.days else (today, today)
    programme = build_programme(facts.prescription, last, {verdict.version for _, verdict in facts.days if verdict})
    around = chrome(who, "", at_ms, zone=str(facts.patient.zone))
    return HTMLResponse(site.visit_page(build_case(facts, CLINIC), around, first, last, programme))


@router.post("/ward/{patient}/alerts/{alert}/ack")
async def acknowledge(patient: str, alert: str, request: Request, parts: TheParts, who: Therapist) -> Response:
    """Take an alert on."""
    form = await read_form(request) | {"alert": alert}
    return await run_in_threadpool(_do, parts, who, patient, form, _acknowledge)


@router.post("/ward/{patient}/alerts/{alert}/close")
async def close(patient: str, alert: str, request: Request, parts: TheParts, who: Therapist) -> Response:
    """Say that a warning sign has been looked after."""
    form = await read_form(request) | {"alert": alert}
    return await run_in_threadpool(_do, parts, who, patient, form, _close)


@router.post("/ward/{patient}/snooze")
async def snooze(patient: str, request: Request, parts: TheParts, who: Therapist) -> Response:
    """Send no messages of a rule for some days."""
    return await run_in_threadpool(_do, parts, who, patient, await read_form(request), _snooze)


@router.post("/ward/{patient}/care")
async def keep_care(patient: str, request: Request, parts: TheParts, who: Therapist) -> Response:
    """Keep a review or a contact."""
    return await run_in_threadpool(_do, parts, who, patient, await read_form(request), _care)


def _do(parts: Parts, who: Principal, key: str, form: dict[str, str], act: Act) -> Response:
    """Do what a form asks for in one commit with its line in the audit; show the page again where it cannot be done."""
    at_ms = parts.app.now_ms()
    try:
        with parts.app.store.writing() as connection:
            owner = find_patient(connection, who, key)
            notice = act(connection, who, owner, form, at_ms)
            note(connection, who, notice.removeprefix("done_"), owner, at_ms)
    except (ValueError, UnknownAlert) as error:
        return _case(parts, who, key, PERIOD, problem=str(error))
    return after(f"/ward/{owner.pseudonym}", notice)


def _acknowledge(connection: Connection, who: Principal, owner: Patient, form: dict[str, str], at_ms: int) -> str:
    ledger.acknowledge(connection, _alert_of(owner, form), by=who.name, note=_note(form), at_ms=at_ms)
    return "done_ack"


def _close(connection: Connection, who: Principal, owner: Patient, form: dict[str, str], at_ms: int) -> str:
    red_flags.close_alert(connection, _alert_of(owner, form), by=who.name, note=_note(form), at_ms=at_ms)
    return "done_close"


def _alert_of(owner: Patient, form: dict[str, str]) -> str:
    alert = form.get("alert", "")
    if alert.partition(":")[0] != str(owner.id):
        raise Refusal(404, "alert: expected one of this patient")
    return alert


def _note(form: dict[str, str]) -> str:
    return checked_text("note", form.get("note", ""), lines=True)


def _snooze(connection: Connection, who: Principal, owner: Patient, form: dict[str, str], at_ms: int) -> str:
    rule, days = form.get("rule", ""), _whole(form, "days", LONGEST_SNOOZE_DAYS)
    if rule not in _RULES:
        raise ValueError(f"rule: expected one of the rules, found {rule[:40]!r}")
    why = checked_text("why", form.get("why", ""), lines=True)
    ledger.snooze(connection, owner.id, until_ms=at_ms + days * DAY_MS, by=who.name, why=why, at_ms=at_ms, rule=rule)
    return "done_snooze"


def _care(connection: Connection, who: Principal, owner: Patient, form: dict[str, str], at_ms: int) -> str:
    kinds = {kind.value: kind for kind in CareKind}
    if form.get("kind") not in kinds:
        raise ValueError(f"what: expected one of {', '.join(kinds)}")
    minutes = _whole(form, "minutes", 600)
    care = Care(at_ms, kinds[form["kind"]], minutes, who.name, at_ms, "live" in form, form.get("note", ""))
    add_care(connection, owner.id, care)
    return "done_care"


def _whole(form: dict[str, str], name: str, most: int) -> int:
    said = form.get(name, "")
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= most):
        raise ValueError(f"{name}: expected a whole number from 1 to {most}, found {said[:40]!r}")
    return int(said)
