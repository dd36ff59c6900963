"""Requests that are built to do harm: answered as wrong, never with a fault."""

import pytest

from afoot.service.web import MOST_BODY_BYTES
from tests.service.making import Clinic

NESTED = b"[" * 100_000 + b"]" * 100_000
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (NESTED, {400, 422}),
        (b'{"entries": [{"code": "note", "detail": {"text": ' + b'"' + b"x" * 5000 + b'"}}]}', {422}),
        (b'{"entries": [{"code": "pain", "value": ' + b"9" * 5000 + b"}]}", {400, 422}),
        (b'{"entries": [{"code": "pain", "value": 1e400}]}', {422}),
        (b'{"entries": [{"code": "note", "detail": {"text": "\\ud800"}}]}', {400, 422}),
        (b'{"entries": [{"code": "note", "detail": {"text": "a\\u0000b"}}]}', {422}),
        (b'{"entries": [{"code": "pain", "value": 1}], "corrects": 99999999999999999999}', {422}),
        (b"\xff\xfe", {400, 422}),
        (b"{" + b" " * MOST_BODY_BYTES + b"}", {413}),
    ],
    ids=range(9),
)
def test_bodies(clinic: Clinic, body: bytes, statuses: set[int]) -> None:
    path = f"/api/v1/patients/{clinic.pseudonym('anna')}/observations"
    assert clinic.post("patient/anna", path, content=body, headers=JSON).status_code in statuses
    assert clinic.get("patient/anna", path).json() == []


def test_changes_of_a_prescription(clinic: Clinic) -> None:
    path = f"/api/v1/patients/{clinic.pseudonym('anna')}/prescription"
    for value in (b"1e999", b"NaN", b"[" * 500 + b"]" * 500, b'"\\ud800"', b"9" * 5000, b"null"):
        body = b'{"effective": "2026-03-05", "reason": "x", "changes": {"P1.walks_per_day": ' + value + b"}}"
        answer = clinic.web.put(path, content=body, headers=JSON | clinic.headers("therapist/anna"))
        assert answer.status_code in (400, 422) or (value == b"null" and answer.status_code == 201)


@pytest.mark.parametrize("place", ["an%00na", "..%2f..%2fetc", "%ff%fe", "x" * 5000, "%F0%9F%98%80", "1;drop table patients"])
def test_places(clinic: Clinic, place: str) -> None:
    for path in (f"/api/v1/patients/{place}/days", f"/api/v1/uploads/{place}", f"/static/{place}"):
        assert clinic.get("patient/anna", path).status_code in (404, 422)
    answer = clinic.post("therapist/anna", f"/api/v1/alerts/{place}/ack", json={"note": "x"})
    assert answer.status_code in (404, 422)


def test_headers(clinic: Clinic) -> None:
    for value in ("Bearer", "Bearer ", "Bearer \xff\xfe", "bearer " + "x" * 10_000, "Digest a", "Bearer a b c"):
        given = {"Authorization": value.encode("latin-1")}
        assert clinic.web.get("/api/v1/patients", headers=given).status_code == 401
    assert clinic.web.get("/api/v1/patients", headers={"Cookie": "afoot_session=\x01%00"}).status_code == 401
    assert clinic.web.get("/login?next=%0d%0aSet-Cookie:x=1").status_code == 200
