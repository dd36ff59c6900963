"""What goes wrong at the service's edge, and what whoever asked is told of it.

API: JSON `{"detail": "..."}`. A page that needs a session sends to the sign-in page instead.
"""

import errno
import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError, SQLAlchemyError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from afoot.service.language import language_of
from dashboards import site
from devices.errors import shown
from ingest.errors import Conflict, NotKnown
from rules.ledger import UnknownAlert

log = logging.getLogger(__name__)

BUSY_S = 5
FULL_DISK = "the disk of the service is full; nothing of this was kept"


class Problem(BaseModel):
    """detail: what was expected, and what was found."""

    detail: str


class Refusal(Exception):
    """A request that is not answered as it was meant. wait_s: when to come again."""

    def __init__(self, status: int, detail: str, *, wait_s: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail = status, detail
        self.headers = dict(headers or {}) | ({} if wait_s is None else {"Retry-After": str(wait_s)})
        super().__init__(detail)


class OtherRole(Refusal):
    """Somebody asks for what is of another role."""


def not_signed_in() -> Refusal:
    return Refusal(401, "expected a token or a session", headers={"WWW-Authenticate": "Bearer"})


def no_such_patient() -> Refusal:
    """The same for one that is not there and one that is not theirs."""
    return Refusal(404, "patient: there is none of that pseudonym")


def too_many(wait_ms: int) -> Refusal:
    return Refusal(429, "too many requests", wait_s=-(-wait_ms // 1000))


def overloaded() -> Refusal:
    return Refusal(503, "too much waits to be stored; send it again", wait_s=BUSY_S)


def add_handlers(web: FastAPI) -> None:
    """Turn errors into answers, each kind by one function."""
    web.add_exception_handler(Refusal, _refused)
    web.add_exception_handler(HTTPException, _refused_by_framework)
    web.add_exception_handler(RequestValidationError, _invalid)
    for kind, status in ((NotKnown, 404), (UnknownAlert, 404), (Conflict, 409), (ValueError, 422)):
        web.add_exception_handler(kind, _saying(status))
    web.add_exception_handler(SQLAlchemyError, _store)
    web.add_exception_handler(OSError, _disk)


def answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def is_page(request: Request) -> bool:
    """Whether a person's browser asks, for a page."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if error.status == 401 and request.method == "GET" and is_page(request):
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    if error.status == 404 and is_page(request):
        return _missing(request)
    if isinstance(error, OtherRole) and is_page(request):
        words = language_of(request)
        # Its link leads to the first page of whoever is signed in.
        return HTMLResponse(site.plain_page(words, words("page_other"), words("page_other_why")), error.status)
    return answer(error.status, error.detail, error.headers)


def _missing(request: Request) -> Response:
    words = language_of(request)
    return HTMLResponse(site.plain_page(words, words("page_missing"), words("page_missing_why")), 404)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and is_page(request):
        return _missing(request)
    return answer(error.status_code, str(error.detail), error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    """Name the place and the expectation; what was found stays out: it may be a value of a patient."""
    assert isinstance(error, RequestValidationError)
    problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
    return answer(422, shown("; ".join(problems), 1000))


def _saying(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def say(_: Request, error: Exception) -> Response:
        return answer(status, shown(str(error), 1000))

    return say


async def _store(_: Request, error: Exception) -> Response:
    """Without the statement and its values: they hold names."""
    log.error("the store: %s", type(error).__name__)
    if isinstance(error, OperationalError | TimeoutError):
        return answer(503, "the store is busy or not there; try again", {"Retry-After": str(BUSY_S)})
    return answer(500, "the store refused it")


async def _disk(_: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    log.error("%s: %s", type(error).__name__, errno.errorcode.get(error.errno or 0, "no number"))
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return answer(507, FULL_DISK) if full else answer(500, "the disk of the service refused it")
