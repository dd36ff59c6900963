"""Signing in and out: a form, and a cookie that scripts cannot read."""

import threading
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from afoot.service import accounts, audit, sessions
from afoot.service.access import SESSION_COOKIE, Anybody, check_origin, identify, read_form
from afoot.service.accounts import Account
from afoot.service.edge import client_of
from afoot.service.language import language_of, remember_language
from afoot.service.parts import Parts, TheParts
from afoot.service.problems import Refusal, too_many
from afoot.service.roles import Role
from afoot.service.secret import form_token, new_secret, password_matches
from dashboards import site
from ingest.naming import folded

router = APIRouter(include_in_schema=False)

LOGIN_COOKIE = "afoot_login"
# Where each role goes after it signed in.
HOMES = {Role.PATIENT: "/me", Role.THERAPIST: "/ward", Role.OPERATOR: "/operator", Role.DEVICE: "/"}
# A password takes tens of megabytes to check: one after the other, however many ask.
_checking = threading.Lock()


@router.get("/login")
def show(request: Request, parts: TheParts, next_: Annotated[str, Query(alias="next")] = "", ended: bool = False) -> HTMLResponse:
    """Show the form. ended: somebody has just signed out"""
    return _form(request, parts, next_, notice=language_of(request)("login_ended") if ended else "")


@router.post("/login")
async def sign_in(request: Request, parts: TheParts) -> Response:
    """Begin a session, and go where the person wanted to go."""
    form = await read_form(request)
    await check_origin(request, form_token(request.cookies.get(LOGIN_COOKIE) or new_secret()))
    name, password, goal = (form.get(field, "") for field in ("name", "password", "next"))
    try:
        secret = await run_in_threadpool(_begin, parts, name, password, client_of(request))
    except Refusal as error:
        wait_min = -(-int(error.headers.get("Retry-After", "60")) // 60)
        held = _form(request, parts, goal, problem=language_of(request)("login_wait", minutes=wait_min), status=error.status)
        held.headers.update(error.headers)
        return held
    if secret is None:
        return _form(request, parts, goal, problem=language_of(request)("login_wrong"), status=401)
    account, value = secret
    answer = RedirectResponse(local_path(goal) or HOMES[account.scope.role], 303)
    _set_cookie(answer, parts, SESSION_COOKIE, value)
    answer.delete_cookie(LOGIN_COOKIE)
    return answer


@router.post("/logout")
async def sign_out(request: Request, parts: TheParts, _: Anybody) -> Response:
    """End the session."""
    if secret := request.cookies.get(SESSION_COOKIE):
        await run_in_threadpool(_end, parts, secret)
    answer = RedirectResponse("/login?ended=1", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.get("/")
def home(request: Request, parts: TheParts) -> Response:
    """Lead to the first page of whoever is signed in; anybody else to the sign-in page."""
    who = identify(parts, request)
    return RedirectResponse(HOMES[who.role] if who and who.csrf else "/login", 303)


def _begin(parts: Parts, name: str, password: str, address: str) -> tuple[Account, str] | None:
    """Return the account and the secret of a new session; None if name and password are nobody's.

    Raises: Refusal if this account or address was wrong too often
    """
    now_ms = parts.app.now_ms()
    # However it is written it is one account's tries. A name longer than any account's is nobody's, and not worth its memory.
    key_of_account = folded(name)[: accounts.LONGEST_NAME + 1]
    limits = ((parts.logins_by_account, key_of_account), (parts.logins_by_address, address))
    for limiter, key in limits:
        if wait_ms := limiter.wait_ms(key, now_ms):
            parts.metrics.logins.labels("held back").inc()
            raise too_many(wait_ms)
    for limiter, key in limits:
        # Before it is known how it ends: many at once must not be many tries.
        limiter.count(key, now_ms)
    with parts.app.store.reading() as connection:
        account, kept = accounts.read_password(connection, name)
    with _checking:
        right = password_matches(password, kept)
    if account is None or not right:
        parts.metrics.logins.labels("wrong").inc()
        return None
    parts.logins_by_account.forget(key_of_account)
    parts.logins_by_address.give_back(address, now_ms)
    parts.metrics.logins.labels("right").inc()
    with parts.app.store.writing() as connection:
        if accounts.read_password(connection, name) != (account, kept):
            return None  # removed, or given another password, while this one was checked
        audit.note(connection, [audit.Act(now_ms, account.name, account.scope.role.value, "sign in", account.scope.patient_id)])
        return account, sessions.begin_session(connection, account.id, now_ms)


def _end(parts: Parts, secret: str) -> None:
    with parts.app.store.writing() as connection:
        sessions.end_session(connection, secret)


def _form(request: Request, parts: Parts, goal: str, *, problem: str = "", notice: str = "", status: int = 200) -> HTMLResponse:
    """The form of somebody without a session carries a token of a cookie of its own: nobody signs others in as themselves."""
    secret = request.cookies.get(LOGIN_COOKIE) or new_secret()
    words = language_of(request)
    text = site.login_page(words, form_token(secret), next_path=local_path(goal), problem=problem, notice=notice)
    answer = remember_language(HTMLResponse(text, status), words)
    _set_cookie(answer, parts, LOGIN_COOKIE, secret)
    return answer


def _set_cookie(answer: Response, parts: Parts, name: str, value: str) -> None:
    answer.set_cookie(name, value, httponly=True, samesite="strict", secure=parts.is_https, path="/")


def local_path(goal: str) -> str:
    """Return the path if it leads to a page of this service, else nothing."""
    good = goal.startswith("/") and not goal.startswith("//") and "\\" not in goal and goal.isprintable()
    return goal if good else ""
