"""Who asks, and whether they may: every route but the public ones depends on `allow`.

A token in the header, or a session in a cookie; a form or script of a session carries its form token as well, and no other
site's page can make one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy import Connection, Row, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from afoot.service import audit, sessions, tokens
from afoot.service.parts import Parts, parts_of
from afoot.service.problems import OtherRole, Refusal, answer, no_such_patient, not_signed_in, too_many
from afoot.service.roles import OF_ONE_PATIENT, PEOPLE, Role, Scope
from afoot.service.secret import form_token, same
from ingest import tables
from ingest.people import Patient

SESSION_COOKIE = "afoot_session"
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
MOST_FORM_BYTES = 64 << 10
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Only so that the OpenAPI says how to come in.
_BEARER = HTTPBearer(auto_error=False, description="of `afoot token create`")
_COOKIE = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="of /login; changes need X-CSRF-Token, too")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks. name: of the account, or the token's label. csrf: what the forms of a session carry; None for a token."""

    name: str
    scope: Scope
    csrf: str | None = None

    @property
    def role(self) -> Role:
        return self.scope.role

    @property
    def is_person(self) -> bool:
        return self.role in PEOPLE

    @property
    def key(self) -> str:
        """What limits count by."""
        return f"{self.role}:{self.name}"


def identify(parts: Parts, request: HTTPConnection) -> Principal | None:
    """Return who asks; None if nobody that is known. Reads the store: not for the event loop."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind:
        return _by_token(parts, secret.strip()) if kind.lower() == "bearer" else None
    cookie = request.cookies.get(SESSION_COOKIE)
    return _by_session(parts, cookie) if cookie else None


def _by_token(parts: Parts, secret: str) -> Principal | None:
    store, now_ms = parts.app.store, parts.app.now_ms()
    with store.reading() as connection:
        token = tokens.find_token(connection, secret)
    if token is None:
        return None
    if token.used_ms is None or now_ms - token.used_ms >= tokens.USED_MS:
        with store.writing() as connection:
            tokens.note_use(connection, token.id, now_ms)
    return Principal(token.label, token.scope)


def _by_session(parts: Parts, secret: str) -> Principal | None:
    store, now_ms = parts.app.store, parts.app.now_ms()
    with store.reading() as connection:
        found = sessions.find_session(connection, secret, now_ms, parts.lifetime)
    if found is None:
        return None
    account, seen_ms = found
    if now_ms - seen_ms >= sessions.SEEN_MS:
        with store.writing() as connection:
            sessions.note_seen(connection, secret, now_ms)
    return Principal(account.name, account.scope, form_token(secret))


def allow(*roles: Role) -> Callable[..., Awaitable[Principal]]:
    """Return the dependency of a route that these roles may use: `who: Annotated[Principal, Depends(allow(Role.PATIENT))]`.

    Answers 401 to strangers, 403 to other roles, and 403 to a change without the form token of its session.
    """

    async def permitted(
        request: Request, _token: Annotated[object, Security(_BEARER)], _cookie: Annotated[object, Security(_COOKIE)]
    ) -> Principal:
        who = await run_in_threadpool(identify, parts_of(request), request)
        if who is None:
            raise not_signed_in()
        if who.csrf is not None and request.method not in _SAFE:
            await check_origin(request, who.csrf)
        if who.role not in roles:
            raise _other_role(who, roles)
        return who

    permitted.roles = frozenset(roles)  # type: ignore[attr-defined]
    return permitted


async def admit(socket: WebSocket, *roles: Role) -> Principal | None:
    """Return who opens a WebSocket, if these roles may; else nobody, and the answer has been given: 401, 403 or 429.

    A session's must come from this site's own pages; its first message is to carry the form token, too.
    """
    parts = parts_of(socket)
    who = await run_in_threadpool(identify, parts, socket)
    if who is None:
        refusal = not_signed_in()
    elif who.role not in roles:
        refusal = _other_role(who, roles)
    elif who.csrf is not None and not _is_own_page(parts, socket):
        refusal = _other_site()
    elif wait_ms := parts.syncs_by_account.wait_ms(who.key, parts.app.now_ms()):
        refusal = too_many(wait_ms)
    else:
        parts.syncs_by_account.count(who.key, parts.app.now_ms())
        return who
    await socket.send_denial_response(answer(refusal.status, refusal.detail, refusal.headers))
    return None


def _is_own_page(parts: Parts, socket: WebSocket) -> bool:
    """Whether a browser says that one of our own pages opens it; each says it, and no page can make it say otherwise."""
    try:
        origin = urlsplit(socket.headers.get("origin", "")).netloc
    except ValueError:
        return False
    return bool(origin) and origin in (socket.headers.get("host"), urlsplit(parts.app.settings.serve_url).netloc)


def _other_role(who: Principal, roles: Sequence[Role]) -> Refusal:
    return OtherRole(403, f"expected {' or '.join(roles)}, found {who.role}")


def _other_site() -> Refusal:
    return Refusal(403, "expected a request of this site's own pages")


async def check_origin(request: Request, csrf: str) -> None:
    """Raises: Refusal if another site's page may have sent it"""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _other_site()
    sent = request.headers.get(CSRF_HEADER) or (await read_form(request)).get(CSRF_FIELD, "")
    if not same(sent, csrf):
        raise Refusal(403, f"expected the session's form token as {CSRF_HEADER}, or as the field {CSRF_FIELD} of a form")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of an urlencoded form, of several of one name the last; none if the body is of another kind."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    if not hasattr(request.state, "form"):
        request.state.form = dict(parse_qsl((await read_body(request, MOST_FORM_BYTES)).decode(errors="replace"), True))
    form: dict[str, str] = request.state.form
    return form


async def read_body(request: Request, most: int) -> bytes:
    """Return the body. Raises: Refusal if it is longer than `most` bytes"""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refusal(413, f"expected at most {most:,} bytes")
    return bytes(body)


def find_patient(connection: Connection, who: Principal, pseudonym: str) -> Patient:
    """Return the patient of that pseudonym.

    Raises: Refusal (404) if there is none, or it is none that this principal may see: the same in both cases
    """
    if not pseudonym.isprintable():
        raise no_such_patient()  # PostgreSQL takes no NUL
    patients = tables.patients
    row = connection.execute(select(patients).where(patients.c.pseudonym == pseudonym)).one_or_none()
    if row is None or not may_see(connection, who, row.id):
        raise no_such_patient()
    return _patient(row)


def own_patient(connection: Connection, who: Principal) -> Patient:
    """Return the one patient of a patient or device. Raises: Refusal (404) if it is gone, or the role has none"""
    if who.scope.patient_id is None:
        raise no_such_patient()
    return patient_of_id(connection, who.scope.patient_id)


def patient_of_id(connection: Connection, patient_id: int) -> Patient:
    """Raises: Refusal (404) if it is gone"""
    patients = tables.patients
    row = connection.execute(select(patients).where(patients.c.id == patient_id)).one_or_none()
    if row is None:
        raise no_such_patient()
    return _patient(row)


def may_see(connection: Connection, who: Principal, patient_id: int) -> bool:
    """Whether the patient is within the principal's scope; what of them, the routes say by role."""
    if who.role in OF_ONE_PATIENT:
        return who.scope.patient_id == patient_id
    if who.role is Role.THERAPIST:
        members = tables.group_patients
        group = connection.execute(select(members.c.group_id).where(members.c.patient_id == patient_id)).scalar_one_or_none()
        return group in who.scope.group_ids
    return False


def seen_patients(connection: Connection, who: Principal) -> list[Patient]:
    """Return all patients that the principal may see, by name."""
    patients, members = tables.patients, tables.group_patients
    query = select(patients).order_by(patients.c.name)
    if who.role in OF_ONE_PATIENT:
        query = query.where(patients.c.id == who.scope.patient_id)
    elif who.role is Role.THERAPIST:
        mine = select(members.c.patient_id).where(members.c.group_id.in_(who.scope.group_ids))
        query = query.where(patients.c.id.in_(mine))
    else:
        return []
    return [_patient(row) for row in connection.execute(query)]


def _patient(row: Row[tuple[object, ...]]) -> Patient:
    return Patient(row.id, row.name, row.pseudonym, row.zone)


def note(connection: Connection, who: Principal, action: str, patient: Patient | None, at_ms: int) -> None:
    """Write into the audit that they did it: every read of a patient by a person, and every change."""
    audit.note(connection, [audit.Act(at_ms, who.name, who.role.value, action, patient.id if patient else None)])


def note_read(parts: Parts, who: Principal, what: str, patient: Patient) -> None:
    """Write into the audit, before the answer leaves, that they read it."""
    with parts.app.store.writing() as connection:
        note(connection, who, f"read {what}", patient, parts.app.now_ms())


Anybody = Annotated[Principal, Depends(allow(*Role))]
Operator = Annotated[Principal, Depends(allow(Role.OPERATOR))]
Therapist = Annotated[Principal, Depends(allow(Role.THERAPIST))]
OwnPatient = Annotated[Principal, Depends(allow(Role.PATIENT))]
Reader = Annotated[Principal, Depends(allow(Role.PATIENT, Role.THERAPIST))]
Sender = Annotated[Principal, Depends(allow(Role.PATIENT, Role.THERAPIST, Role.DEVICE))]
