"""The service about itself: whether it is well, what it counts, what its API is."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from afoot.service.access import Anybody, Operator
from afoot.service.metrics import CONTENT_TYPE
from afoot.service.parts import TheParts
from ingest import tables

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


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(parts: TheParts, _: Operator) -> Response:
    """Return what the service counts, for Prometheus."""
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/api/v1/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Anybody) -> JSONResponse:
    """Describe the API."""
    described: dict[str, Any] = request.app.openapi()
    return JSONResponse(described)
