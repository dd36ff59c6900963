"""Who may do what: every route that the service has, asked by every role, for a patient of theirs and for another's.

The routes come from the application itself, so that one without an entry here fails.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from sqlalchemy import delete
from starlette.routing import Mount
from starlette.testclient import WebSocketDenialResponse

from afoot.service.limits import Limit, Limiter
from afoot.service.routes import PUBLIC, ROUTERS
from ingest import tables, wearables
from ingest.collect.pairing import Paired
from rules import ledger
from tests.service.making import Clinic, day_csv, open_alert, open_clinic, open_flag

TUS = {"Tus-Resumable": "1.0.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAME = "filename ZGF5LmNzdg=="
PATIENT, READERS, SENDERS, THERAPISTS = ("patient",), ("patient", "therapist"), ("patient", "therapist", "device"), ("therapist",)
ANYBODY = (*SENDERS, "operator")


@dataclass(frozen=True)
class Entry:
    """may: the roles. of_patient: asks for one patient, so that another's is not found. given: of the request."""

    may: tuple[str, ...]
    of_patient: bool = True
    given: Any = None
    params: Any = None
    headers: Any = None
    owner_only: bool = False


PUBLICLY = Entry(ANYBODY, of_patient=False)
# {upload} is one that the asking principal began itself, or, for a principal of another patient, one of anna's device.
MATRIX: dict[tuple[str, str], Entry] = {
    ("GET", "/"): PUBLICLY,
    ("GET", "/login"): PUBLICLY,
    ("POST", "/login"): PUBLICLY,
    ("GET", "/api/v1/health"): PUBLICLY,
    ("POST", "/logout"): Entry(ANYBODY, of_patient=False),
    ("GET", "/metrics"): Entry(("operator",), of_patient=False),
    ("GET", "/api/v1/status"): Entry(("operator",), of_patient=False),
    ("GET", "/api/v1/audit"): Entry(("operator",), of_patient=False),
    ("GET", "/api/v1/openapi.json"): Entry(ANYBODY, of_patient=False),
    ("GET", "/api/v1/questions"): Entry(READERS, of_patient=False),
    ("GET", "/api/v1/patients"): Entry(READERS, of_patient=False),
    ("GET", "/api/v1/alerts"): Entry(THERAPISTS, of_patient=False),
    ("POST", "/api/v1/files"): Entry(SENDERS, given=day_csv(), params={"name": "day.csv", "patient": "{patient}"}),
    ("POST", "/api/v1/uploads"): Entry(
        SENDERS, headers=TUS | {"Upload-Length": "9", "Upload-Metadata": NAME + ",patient {patient64}"}
    ),
    ("OPTIONS", "/api/v1/uploads"): Entry(SENDERS, of_patient=False),
    ("HEAD", "/api/v1/uploads/{upload}"): Entry(("device",), headers=TUS, owner_only=True),
    ("GET", "/api/v1/uploads/{upload}"): Entry(("device",), owner_only=True),
    ("PATCH", "/api/v1/uploads/{upload}"): Entry(
        ("device",),
        given=b"abc",
        headers=TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
        owner_only=True,
    ),
    ("DELETE", "/api/v1/uploads/{upload}"): Entry(("device",), headers=TUS, owner_only=True),
    ("GET", "/api/v1/patients/{patient}/days"): Entry(READERS),
    ("GET", "/api/v1/patients/{patient}/imports"): Entry(READERS),
    ("GET", "/api/v1/patients/{patient}/devices"): Entry(READERS),
    ("GET", "/api/v1/patients/{patient}/observations"): Entry(READERS),
    ("POST", "/api/v1/patients/{patient}/observations"): Entry(READERS, given={"entries": [{"code": "pain", "value": 3}]}),
    ("DELETE", "/api/v1/patients/{patient}/observations/{number}"): Entry(READERS),
    ("GET", "/api/v1/patients/{patient}/alerts"): Entry(READERS),
    ("POST", "/api/v1/alerts/{alert}/ack"): Entry(THERAPISTS, given={"note": "called"}),
    ("POST", "/api/v1/alerts/{alert}/close"): Entry(THERAPISTS, given={"note": "seen by a doctor"}),
    ("POST", "/api/v1/patients/{patient}/snooze"): Entry(
        THERAPISTS, given={"rule": "all", "until": "2026-03-09T08:00:00Z", "why": "in hospital"}
    ),
    ("GET", "/api/v1/patients/{patient}/snoozes"): Entry(READERS),
    ("GET", "/api/v1/patients/{patient}/prescription"): Entry(READERS),
    ("PUT", "/api/v1/patients/{patient}/prescription"): Entry(
        THERAPISTS, given={"effective": "2026-03-04", "reason": "more", "changes": {"P1.walks_per_day": 4}}
    ),
    ("POST", "/api/v1/patients/{patient}/prescription/preview"): Entry(THERAPISTS, given={"changes": {}}),
    ("GET", "/offline"): PUBLICLY,
    ("GET", "/worker.js"): PUBLICLY,
    ("GET", "/app.webmanifest"): PUBLICLY,
    ("GET", "/me"): Entry(PATIENT, of_patient=False),
    ("GET", "/me/files"): Entry(PATIENT, of_patient=False),
    ("GET", "/me/session"): Entry(PATIENT, of_patient=False),
    ("POST", "/me/wearables/remove"): Entry(PATIENT, given=b"wearable=PAGE-1", headers=FORM),
    ("WEBSOCKET", "/me/radio"): Entry(PATIENT, of_patient=False),
    ("GET", "/ward"): Entry(THERAPISTS, of_patient=False),
    ("GET", "/ward/{patient}"): Entry(THERAPISTS),
    ("GET", "/ward/{patient}/visit"): Entry(THERAPISTS),
    ("GET", "/ward/{patient}/prescription"): Entry(THERAPISTS),
    ("POST", "/ward/{patient}/prescription"): Entry(THERAPISTS, given=b"effective=2026-03-04&reason=more", headers=FORM),
    ("POST", "/ward/{patient}/alerts/{alert}/ack"): Entry(THERAPISTS, given=b"note=called", headers=FORM),
    ("POST", "/ward/{patient}/alerts/{alert}/close"): Entry(THERAPISTS, given=b"note=seen", headers=FORM),
    ("POST", "/ward/{patient}/snooze"): Entry(THERAPISTS, given=b"rule=&days=1&why=away", headers=FORM),
    ("POST", "/ward/{patient}/care"): Entry(THERAPISTS, given=b"kind=call&minutes=5", headers=FORM),
    ("GET", "/operator"): Entry(("operator",), of_patient=False),
}
WHO = ("", "patient/anna", "patient/bela", "therapist/anna", "therapist/bela", "device/anna", "device/bela", "operator/")


def all_routes() -> Iterator[tuple[str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIWebSocketRoute):
                yield "WEBSOCKET", route.path
                continue
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in sorted(route.methods))


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    assert sorted(all_routes()) == sorted(MATRIX)


def test_nothing_else_is_served(clinic: Clinic) -> None:
    """What is mounted beside the routers is the folder of static files, and nothing of the framework's own."""
    application: Any = clinic.web.app
    mounted = {route.path for route in application.routes if isinstance(route, Mount)}
    assert mounted == {"/static"}
    assert {path for path in ("/docs", "/redoc", "/openapi.json") if clinic.web.get(path).status_code != 404} == set()


def test_who_needs_no_sign_in_is_named() -> None:
    public = {path for (_, path), entry in MATRIX.items() if entry is PUBLICLY}
    assert public == set(PUBLIC)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with open_clinic(tmp_path_factory.mktemp("matrix") / "home") as opened:
        assert opened.upload("device/anna", day_csv()).status_code == 201
        yield opened


def expected(entry: Entry, who: str) -> int | None:
    """Return the status of a refusal; None where it is let in."""
    if entry is PUBLICLY:
        return None
    if not who:
        return 401
    role, _, whose = who.partition("/")
    if entry.owner_only:
        # Others that may upload are told that there is none; whoever may not, that they may not.
        return None if who == "device/anna" else 404 if role in SENDERS else 403
    if role not in entry.may:
        return 403
    return 404 if entry.of_patient and whose != "anna" else None


def ask(clinic: Clinic, method: str, path: str, entry: Entry, who: str) -> int:
    """Ask for what is anna's."""
    anna = clinic.pseudonym("anna")
    places = {"patient": anna, "patient64": base64.b64encode(anna.encode()).decode()}
    if "{upload}" in path:
        made = clinic.post("device/anna", "/api/v1/uploads", headers=TUS | {"Upload-Length": "9", "Upload-Metadata": NAME})
        places["upload"] = made.headers["location"].rpartition("/")[2]
    if "{number}" in path:
        given = {"entries": [{"code": "pain", "value": 2}]}
        made = clinic.post("patient/anna", f"/api/v1/patients/{anna}/observations", json=given)
        places["number"] = str(made.json()["observations"][0]["number"])
    if "{alert}" in path:
        with clinic.app.store.writing() as connection:
            ledger.forget(connection, clinic.patients["anna"].id)
            place = open_flag if path.endswith("/close") else open_alert
            places["alert"] = place(connection, clinic.patients["anna"], clinic.app.now_ms())
    if path == "/me/wearables/remove":
        with clinic.app.store.writing() as connection:
            wearables.forget_wearables(connection, clinic.patients["anna"].id)
            wearables.add_wearable(connection, clinic.patients["anna"].id, Paired("PAGE-1", "", "R02_341C", "colmi"))
    if method == "WEBSOCKET":
        return open_socket(clinic, path, who)
    params = {key: value.format(**places) for key, value in (entry.params or {}).items()}
    headers = clinic.headers(who) | {key: value.format(**places) for key, value in (entry.headers or {}).items()}
    body: dict[str, Any] = {"content": entry.given} if isinstance(entry.given, bytes) else {"json": entry.given}
    clinic.web.cookies.clear()
    answer = clinic.web.request(
        method, path.format(**places), params=params, headers=headers, follow_redirects=False, **(body if entry.given else {})
    )
    if "{upload}" in path:
        clinic.web.delete(f"/api/v1/uploads/{places['upload']}", headers=TUS | clinic.headers("device/anna"))
    return answer.status_code


def open_socket(clinic: Clinic, path: str, who: str) -> int:
    """Return the status of the answer: 101 where it is let in."""
    clinic.parts.syncs_by_account = Limiter(Limit(1, 1))
    try:
        with clinic.web.websocket_connect(f"ws://127.0.0.1{path}", headers=clinic.headers(who)):
            return 101
    except WebSocketDenialResponse as refused:
        return refused.status_code


@pytest.mark.parametrize("who", WHO, ids=lambda who: who or "anonymous")
@pytest.mark.parametrize(("method", "path"), MATRIX, ids=lambda part: str(part))
def test_who_may(ward: Clinic, method: str, path: str, who: str) -> None:
    entry = MATRIX[method, path]
    status = ask(ward, method, path, entry, who)
    refused = expected(entry, who)
    if refused is not None:
        assert status == refused
    elif (method, path) == ("POST", "/login"):
        assert status == 403  # without the form's own token
    else:
        assert status < 400


def test_unknown_and_forbidden_patients_look_the_same(ward: Clinic) -> None:
    for method, path in MATRIX:
        if method == "GET" and "{patient}" in path:
            others = ward.get("therapist/bela", path.format(patient=ward.pseudonym("anna")))
            nobody = ward.get("therapist/bela", path.format(patient="0123456789abcdef"))
            assert (others.status_code, others.text) == (nobody.status_code, nobody.text) == (404, nobody.text)


def test_lists_hold_only_what_may_be_seen(ward: Clinic) -> None:
    def names(who: str) -> list[str]:
        return [one["name"] for one in ward.get(who, "/api/v1/patients").json()]

    assert names("patient/anna") == names("therapist/anna") == ["anna"]
    assert names("patient/bela") == names("therapist/bela") == ["bela"]
    with ward.app.store.writing() as connection:
        ledger.forget(connection, ward.patients["bela"].id)
        alert = open_alert(connection, ward.patients["bela"], ward.app.now_ms())
    assert alert in [one["alert"] for one in ward.get("therapist/bela", "/api/v1/alerts").json()]
    assert alert not in [one["alert"] for one in ward.get("therapist/anna", "/api/v1/alerts").json()]


def test_patients_of_no_group_are_seen_by_no_therapist(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home") as clinic:
        with clinic.app.store.writing() as connection:
            connection.execute(delete(tables.group_patients))
        assert clinic.get("therapist/anna", "/api/v1/patients").json() == []
        assert clinic.get("therapist/anna", f"/api/v1/patients/{clinic.pseudonym('anna')}/days").status_code == 404
