"""The operator's page: how afoot stands, who may come in, and how the jobs are. No name or value of a patient is on it."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row
from starlette.responses import HTMLResponse

from afoot.app import App
from afoot.service import accounts, tokens
from afoot.service.access import Operator, note
from afoot.service.chrome import chrome
from afoot.service.parts import TheParts
from afoot.service.roles import Scope
from afoot.service.turns import NOT_SET_UP, list_jobs
from afoot.status import PARTS, Line
from dashboards import site
from dashboards.pages.clinic_en import CLINIC
from dashboards.site import Table
from devices.recording import MINUTE_MS
from ingest import groups

router = APIRouter(include_in_schema=False)


@router.get("/operator")
def show(parts: TheParts, who: Operator) -> HTMLResponse:
    """Show what `afoot status` says, jobs, accounts and tokens."""
    at_ms = parts.app.now_ms()
    standing = _standing(parts.app)
    with parts.app.store.reading() as connection:
        names = {group.id: group.title for group in groups.list_groups(connection)}
        tables = [standing, _jobs(connection, at_ms), _accounts(connection, names), _tokens(connection, names, at_ms)]
    with parts.app.store.writing() as connection:
        note(connection, who, "read accounts", None, at_ms)
    return HTMLResponse(site.operator_page(tables, chrome(who, "/operator", at_ms)))


def _standing(app: App) -> Table:
    heads = [CLINIC(f"operator_{name}") for name in ("part", "what", "state", "said")]
    rows = [[one.part, one.what, _STATES[one.ok], _said(one)] for part in PARTS for one in part(app)]
    return Table(CLINIC("operator_standing"), heads, rows)


_STATES = {True: CLINIC("operator_ok"), False: CLINIC("operator_not_ok"), None: "–"}


def _said(line: Line) -> str:
    return CLINIC("operator_aside", said=line.said) if line.aside else line.said


def _jobs(connection: Connection, at_ms: int) -> Table:
    heads = [CLINIC(f"operator_{name}") for name in ("job", "last", "next", "result")]
    rows = [
        [row.name, _ago(row.good_ms, at_ms), "–" if row.problem == NOT_SET_UP else _ahead(row.next_ms, at_ms), _result(row)]
        for row in list_jobs(connection)
    ]
    return Table(CLINIC("operator_jobs"), heads, rows)


def _result(row: Row[Any]) -> str:
    if row.problem == NOT_SET_UP:
        return CLINIC("operator_not_set_up")
    if not row.problem:
        return CLINIC("operator_well" if row.ended_ms is not None else "operator_not_yet")
    # The kind of an error is a name of the program's; what is wrong with a setting is said in words.
    return CLINIC("operator_failed", kind=row.problem) if row.problem.isidentifier() else str(row.problem)


def _accounts(connection: Connection, names: dict[int, str]) -> Table:
    heads = [CLINIC(f"operator_{name}") for name in ("user", "role", "scope")]
    rows = [[one.name, one.scope.role.value, _scope(one.scope, names)] for one in accounts.list_accounts(connection)]
    return Table(CLINIC("operator_users"), heads, rows)


def _tokens(connection: Connection, names: dict[int, str], at_ms: int) -> Table:
    heads = [CLINIC(f"operator_{name}") for name in ("token", "role", "scope", "seen")]
    rows = [
        [one.label, one.scope.role.value, _scope(one.scope, names), _ago(one.used_ms, at_ms)]
        for one in tokens.list_tokens(connection)
    ]
    return Table(CLINIC("operator_tokens"), heads, rows)


def _scope(scope: Scope, names: dict[int, str]) -> str:
    if scope.patient_id is not None:
        return CLINIC("operator_one_patient")
    return ", ".join(names.get(one, str(one)) for one in sorted(scope.group_ids)) or "–"


def _ago(then_ms: int | None, at_ms: int) -> str:
    return CLINIC("never") if then_ms is None else CLINIC("ago", length=CLINIC.length(max(0, at_ms - then_ms)))


def _ahead(then_ms: int, at_ms: int) -> str:
    return CLINIC("operator_due") if then_ms - at_ms < MINUTE_MS else CLINIC("operator_in", length=CLINIC.length(then_ms - at_ms))
