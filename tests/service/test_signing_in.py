"""Sessions: begun by a password, bound to a cookie, ended by time; forms that no other site can send; limits on guessing."""

import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.requests import Request

from afoot.service import accounts
from afoot.service.access import SESSION_COOKIE
from afoot.service.edge import client_of
from afoot.service.headers import POLICY
from afoot.service.limits import Limit, Limiter
from afoot.service.roles import Role
from afoot.service.routes import login
from afoot.service.secret import form_token, hash_password, password_matches
from afoot.service.tables import accounts as tables_of_accounts
from afoot.service.tables import sessions, tokens
from afoot.service.tokens import find_token, revoke_token
from dashboards.pages.patient_de import GERMAN
from dashboards.pages.patient_en import ENGLISH
from ingest.errors import Conflict
from tests.service.making import HOUR, MINUTE, PASSWORD, Clinic, add_person, day_csv, open_clinic


@pytest.fixture
def person(clinic: Clinic) -> Clinic:
    """Anna's own account, signed in."""
    add_person(clinic, "anna", Role.PATIENT)
    assert clinic.sign_in("anna").status_code == 303
    return clinic


def csrf(clinic: Clinic) -> str:
    return form_token(clinic.web.cookies[SESSION_COOKIE])


def test_a_session_reads_and_leads_home(person: Clinic) -> None:
    assert person.web.get("/api/v1/patients").json()[0]["name"] == "anna"
    assert person.sign_in("anna").headers["location"] == "/me"
    assert person.sign_in("anna", next="/me?x=1").headers["location"] == "/me?x=1"


@pytest.mark.parametrize("goal", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_it_leads_nowhere_else(clinic: Clinic, goal: str) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    assert clinic.sign_in("anna", next=goal).headers["location"] == "/me"


def test_the_cookie_is_for_this_site_and_no_script(clinic: Clinic, tmp_path: Path) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    said = clinic.sign_in("anna").headers.get_list("set-cookie")
    (cookie,) = [one for one in said if one.startswith(SESSION_COOKIE)]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    with open_clinic(tmp_path / "https", serve_url="https://afoot.example") as secure:
        add_person(secure, "anna", Role.PATIENT)
        secure.web.base_url = "https://afoot.example"
        answer = secure.sign_in("anna")
        assert all("Secure" in one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION_COOKIE))
        assert "max-age" in answer.headers["strict-transport-security"]


def test_no_secret_is_kept(person: Clinic) -> None:
    cookie, token = person.web.cookies[SESSION_COOKIE], person.tokens["device/anna"]
    raw = b"".join(path.read_bytes() for path in person.app.settings.home.glob("afoot.db*"))
    for secret in (cookie, token, PASSWORD, csrf(person)):
        assert secret.encode() not in raw
    with person.app.store.reading() as connection:
        assert len(list(connection.execute(select(sessions.c.digest)).scalars())) == 1
        assert all(len(digest) == 64 for digest in connection.execute(select(tokens.c.digest)).scalars())


def test_passwords_are_slow_to_guess_and_checked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept = hash_password(PASSWORD)
    assert kept.startswith("scrypt$32768$8$3$")
    assert password_matches(PASSWORD, kept)
    assert not password_matches(PASSWORD + " ", kept)
    assert hash_password(PASSWORD) != kept
    for wrong in ("short", "x" * 201):
        with pytest.raises(ValueError, match="10 to 200"):
            hash_password(wrong)
    with pytest.raises(ValueError, match="expected scrypt"):
        password_matches(PASSWORD, "plain")


def test_a_session_ends_unused_and_in_all(person: Clinic) -> None:
    for _ in range(11):
        person.app.at_ms += 59 * MINUTE
        assert person.web.get("/api/v1/patients").status_code == 200
    person.app.at_ms += 2 * HOUR - 11 * MINUTE
    assert person.web.get("/api/v1/patients").status_code == 401
    assert person.sign_in("anna").status_code == 303
    person.app.at_ms += 61 * MINUTE
    assert person.web.get("/api/v1/patients").status_code == 401


def test_a_used_session_ends_after_twelve_hours(person: Clinic) -> None:
    for _ in range(23):
        person.app.at_ms += 30 * MINUTE
        assert person.web.get("/api/v1/patients").status_code == 200
    person.app.at_ms += 30 * MINUTE
    assert person.web.get("/api/v1/patients").status_code == 401


def test_signing_out_and_a_new_password_end_sessions(person: Clinic) -> None:
    cookie = person.web.cookies[SESSION_COOKIE]
    assert person.web.post("/logout", data={"csrf": csrf(person)}, follow_redirects=False).status_code == 303
    person.web.cookies.set(SESSION_COOKIE, cookie)
    assert person.web.get("/api/v1/patients").status_code == 401
    person.web.cookies.clear()
    person.sign_in("anna")
    with person.app.store.writing() as connection:
        accounts.set_password(connection, accounts.find_account(connection, "anna").id, "another password")
    assert person.web.get("/api/v1/patients").status_code == 401
    assert person.sign_in("anna").status_code == 401
    assert person.sign_in("anna", "another password").status_code == 303


@pytest.mark.parametrize("written", [" anna", "Anna ", "ANNA"])
def test_a_name_is_one_however_a_phone_writes_it(clinic: Clinic, written: str) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    assert clinic.sign_in(written).headers["location"] == "/me"
    with pytest.raises(Conflict, match="'anna' is there already"):
        add_person(clinic, written, Role.PATIENT)


def test_older_accounts_that_differ_by_case_go_by_their_very_name(clinic: Clinic) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    add_person(clinic, "other", Role.OPERATOR)
    with clinic.app.store.writing() as connection:
        connection.execute(update(tables_of_accounts).where(tables_of_accounts.c.name == "other").values(name="Anna"))
    assert clinic.sign_in("anna").headers["location"] == "/me"
    assert clinic.sign_in("Anna").headers["location"] == "/operator"
    assert clinic.sign_in("ANNA").status_code == 401


def test_another_spelling_is_no_further_try(clinic: Clinic) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    spelled = ["anna", "Anna", "ANNA", " anna", "anNa", "annA"]
    assert [clinic.sign_in(name, "wrong password").status_code for name in spelled] == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("role", "path", "home"),
    [(Role.PATIENT, "/ward", "/me"), (Role.THERAPIST, "/me", "/ward"), (Role.OPERATOR, "/ward", "/operator")],
)
def test_a_page_of_others_says_so_and_leads_home(clinic: Clinic, role: Role, path: str, home: str) -> None:
    add_person(clinic, "somebody", role)
    clinic.sign_in("somebody")
    for language, words in (("en", ENGLISH), ("de", GERMAN)):
        page = clinic.web.get(f"{path}?lang={language}", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert words("page_other") in page.text
        assert 'href="/"' in page.text
    assert clinic.web.get("/", follow_redirects=False).headers["location"] == home
    script = clinic.web.get(path)
    assert (script.status_code, script.json()["detail"][:8]) == (403, "expected")


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": ""}])
def test_a_change_needs_the_forms_token(person: Clinic, headers: dict[str, str]) -> None:
    path = f"/api/v1/patients/{person.pseudonym('anna')}/observations"
    given = {"entries": [{"code": "pain", "value": 3}]}
    assert person.web.post(path, json=given, headers=headers).status_code == 403
    assert person.web.post("/api/v1/files?name=a.csv", content=day_csv(), headers=headers).status_code == 403
    assert person.web.get(path).json() == []
    assert person.web.post(path, json=given, headers={"X-CSRF-Token": csrf(person)}).status_code == 201


def test_another_sites_page_changes_nothing_even_with_it(person: Clinic) -> None:
    headers = {"X-CSRF-Token": csrf(person), "Sec-Fetch-Site": "cross-site"}
    assert person.web.post("/api/v1/files?name=a.csv", content=day_csv(), headers=headers).status_code == 403


def test_a_form_of_another_site_signs_nobody_in(clinic: Clinic) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    answer = clinic.web.post("/login", data={"name": "anna", "password": PASSWORD, "csrf": "0" * 64}, follow_redirects=False)
    assert answer.status_code == 403
    assert SESSION_COOKIE not in clinic.web.cookies


def test_what_is_taken_away_while_a_password_is_checked_opens_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    changes = (accounts.set_password, lambda connection, id_, _: accounts.remove_account(connection, id_))
    for change in changes:
        with clinic.app.store.writing() as connection:
            found = accounts.find_account(connection, "anna")
            accounts.set_password(connection, found.id, PASSWORD)

        def checked(password: str, kept: str, change: Any = change, id_: int = found.id) -> bool:
            with clinic.app.store.writing() as connection:
                change(connection, id_, "another long password")
            return password_matches(password, kept)

        monkeypatch.setattr(login, "password_matches", checked)
        assert clinic.sign_in("anna").status_code == 401
    with clinic.app.store.reading() as connection:
        assert connection.execute(select(sessions)).all() == []


def test_guessing_is_held_back_by_account_and_forgotten_with_time(clinic: Clinic) -> None:
    add_person(clinic, "anna", Role.PATIENT)
    add_person(clinic, "kern", Role.THERAPIST)
    assert [clinic.sign_in("anna", "wrong password").status_code for _ in range(6)] == [401] * 5 + [429]
    held = clinic.sign_in("anna")
    assert held.status_code == 429
    assert 0 < int(held.headers["retry-after"]) <= 180
    assert clinic.sign_in("kern").status_code == 303
    clinic.app.at_ms += 3 * MINUTE + 1000
    assert clinic.sign_in("anna").status_code == 303


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_whoever_has_a_network_is_one_address(host: str, counted: str) -> None:
    assert client_of(Request({"type": "http", "headers": [], "client": (host, 1)})) == counted


def test_guessing_is_held_back_by_address(clinic: Clinic) -> None:
    clinic.parts.logins_by_address = Limiter(Limit(3, HOUR))
    add_person(clinic, "anna", Role.PATIENT)
    assert [clinic.sign_in("anna").status_code for _ in range(4)] == [303] * 4
    codes = [clinic.sign_in(f"nobody{n}", "wrong password").status_code for n in range(4)]
    assert codes == [401] * 3 + [429]


def test_headers_allow_nothing_from_elsewhere_and_nothing_inline(clinic: Clinic) -> None:
    for path in ("/login", "/static/login.css", "/api/v1/health", "/nowhere", "/api/v1/patients"):
        headers = clinic.web.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "no-store" in headers["cache-control"] or path.startswith("/static")
    assert "unsafe" not in POLICY
    assert "*" not in POLICY
    page = clinic.web.get("/login").text
    assert "<script" not in page
    assert "style=" not in page


def test_it_answers_to_its_own_names_alone(clinic: Clinic) -> None:
    for other in ("evil.example", "127.0.0.1.evil.example", "x@localhost", "[::1", "localhost:1:2", ""):
        refused = clinic.web.get("/api/v1/health", headers={"Host": other})
        assert refused.status_code == 400
        assert "AFOOT_SERVE_URL" in refused.json()["detail"]
        assert "evil" not in refused.text
    for ours in ("localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765"):
        assert clinic.web.get("/api/v1/health", headers={"Host": ours}).status_code == 200


def test_pages_lead_to_the_sign_in_and_the_api_says_so(clinic: Clinic) -> None:
    page = clinic.web.post("/logout", headers={"Accept": "text/html"})
    assert page.status_code == 401
    api = clinic.web.get("/api/v1/patients", headers={"Accept": "text/html"})
    assert api.status_code == 401
    assert api.headers["www-authenticate"] == "Bearer"
    metrics = clinic.web.get("/metrics", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (metrics.status_code, metrics.headers["location"]) == (303, "/login?next=/metrics")


def test_no_name_and_no_secret_is_logged(person: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    person.sign_in("anna", "wrong password")
    person.upload("device/anna", day_csv(), "annas-own-watch.csv")
    person.web.get("/api/v1/patients/anna/days")
    ours = "".join(one.getMessage() for one in caplog.records if not one.name.startswith("httpx"))
    hidden = (PASSWORD, "wrong password", "watch", person.tokens["device/anna"], person.web.cookies[SESSION_COOKIE], "anna")
    assert ours
    assert [one for one in hidden if one in ours] == []


def test_a_revoked_token_opens_nothing(clinic: Clinic) -> None:
    assert clinic.upload("device/anna", day_csv()).status_code == 201
    with clinic.app.store.writing() as connection:
        found = find_token(connection, clinic.tokens["device/anna"])
        assert found is not None
        revoke_token(connection, found.id)
    assert clinic.upload("device/anna", day_csv()).status_code == 401
    assert clinic.web.get("/api/v1/patients", headers={"Authorization": "Basic YTpi"}).status_code == 401
