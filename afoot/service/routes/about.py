"""The service about itself: whether it is well, what it counts, what its API is."""

from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlalchemy import select
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict

from afoot.output import instant
from afoot.service import audit, turns
from afoot.service.access import Anybody, Operator
from afoot.service.metrics import CONTENT_TYPE
from afoot.service.parts import TheParts
from ingest import people, tables

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """status: `ok` when the store answers."""

    status: Literal["ok"] = "ok"


@router.get("/api/v1/health")
def health(parts: TheParts) -> Health:
    """Say whether the service and its store answer. Needs no token; 503 if the store does not."""
    with parts.app.store.reading() as connection:
        connection.execute(select(tables.about.c.key).limit(1)).all()
    return Health()


class JobState(TypedDict):
    """problem: the kind of error that its last run ended with, a setting that cannot be used, or `not set up`; empty: none.

    failures: in a row
    """

    job: str
    due: str
    running: bool
    last_success: str | None
    failures: int
    problem: str


class State(TypedDict):
    """uploads_waiting: in this process."""

    version: str
    uploads_waiting: int
    jobs: list[JobState]


@router.get("/api/v1/status")
def status(parts: TheParts, _: Operator) -> State:
    """Say how the jobs are doing, and how much waits."""
    now_ms = parts.app.now_ms()
    with parts.app.store.reading() as connection:
        found = turns.list_jobs(connection)
    jobs: list[JobState] = [
        {
            "job": one.name,
            "due": instant(one.next_ms),
            "running": one.until_ms > now_ms,
            "last_success": None if one.good_ms is None else instant(one.good_ms),
            "failures": one.failures,
            "problem": one.problem,
        }
        for one in found
    ]
    return {"version": version("afoot"), "uploads_waiting": parts.intake.waiting, "jobs": jobs}


class PlainAct(TypedDict):
    """patient: pseudonym; null: no one patient, or one who is erased."""

    at: str
    who: str
    role: str
    did: str
    patient: str | None


@router.get("/api/v1/audit")
def acts(parts: TheParts, _: Operator, most: Annotated[int, Query(ge=1, le=10_000)] = 1000) -> list[PlainAct]:
    """List who read or changed what of which patient: the newest so many, oldest first."""
    with parts.app.store.reading() as connection:
        names = {one.id: one.pseudonym for one in people.list_patients(connection)}
        return [
            {
                "at": instant(one.at_ms),
                "who": one.who,
                "role": one.role,
                "did": one.action,
                "patient": None if one.patient_id is None else names.get(one.patient_id),
            }
            for one in audit.list_acts(connection, most=most)
        ]


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(parts: TheParts, _: Operator) -> Response:
    """Return what the service counts, for Prometheus."""
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/api/v1/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Anybody) -> JSONResponse:
    """Describe the API."""
    described: dict[str, Any] = request.app.openapi()
    return JSONResponse(described)
