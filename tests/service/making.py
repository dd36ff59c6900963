"""A clinic with two patients in two care groups, everybody who may come in, and a clock that the test sets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from starlette.testclient import TestClient

from afoot.app import App
from afoot.prescribing import prescribe
from afoot.service.accounts import add_account
from afoot.service.parts import Parts, make_parts
from afoot.service.roles import OF_ONE_PATIENT, Role
from afoot.service.tokens import add_token
from afoot.service.web import build_web
from afoot.settings import Settings
from ingest import groups, people
from ingest.people import Patient
from rules import ledger, red_flags
from rules.alerts import Policy
from rules.finding import Evidence, Finding, Priority, Recipient, Truth
from rules.minutes import WearSource

NOW_MS = 1_772_600_000_000  # 2026-03-04T04:53:20Z
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PASSWORD = "correct horse battery"
URL = "http://127.0.0.1"


class Clocked(App):
    """The program at an instant that the test sets."""

    at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


@dataclass
class Clinic:
    """tokens: by `role/patient whom it may see`, such as `therapist/anna`; the operator's is `operator/`."""

    app: Clocked
    parts: Parts
    web: TestClient
    patients: dict[str, Patient]
    tokens: dict[str, str] = field(default_factory=dict)

    def pseudonym(self, name: str) -> str:
        return self.patients[name].pseudonym

    def headers(self, who: str) -> dict[str, str]:
        """The headers of a request by this one; nobody's if it is empty."""
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}

    def get(self, who: str, path: str, **more: Any) -> Any:
        return self.web.get(path, headers=self.headers(who) | more.pop("headers", {}), **more)

    def post(self, who: str, path: str, **more: Any) -> Any:
        return self.web.post(path, headers=self.headers(who) | more.pop("headers", {}), **more)

    def upload(self, who: str, data: bytes, name: str = "day.csv", **headers: str) -> Any:
        return self.post(who, "/api/v1/files", params={"name": name}, content=data, headers=headers)

    def sign_in(self, name: str, password: str = PASSWORD, **more: Any) -> Any:
        """Sign in as a person does: the form, then its fields."""
        page = self.web.get("/login")
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        fields = {"name": name, "password": password, "csrf": csrf, "next": ""} | more
        return self.web.post("/login", data=fields, follow_redirects=False)


def day_csv(day: date = date(2026, 3, 3), *, first: int = 80, minutes: int = 60, device: str = "") -> bytes:
    """A file of minutes from 8 o'clock UTC on."""
    start = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    rows = [f"{(start + timedelta(minutes=m)):%Y-%m-%dT%H:%M:%SZ},{first + m % 7},{device}" for m in range(minutes)]
    return "\n".join(["start,value,device", *rows, ""]).encode()


def open_alert(connection: Connection, patient: Patient, at_ms: int, rule: str = "sudden_drop") -> str:
    """Open an alert as judging would; returns its id."""
    evidence = Evidence(at_ms - HOUR, at_ms, 0.9, WearSource.HEART_RATE, (), {"steps": 7}, {"share": 0.5})
    finding = Finding(rule, Truth.TRUE, at_ms, 1, "fewer steps", evidence, Priority.NORMAL, True)
    ledger.step(connection, patient.id, [finding], {rule: Policy((Recipient.THERAPIST,))}, at_ms, lambda _: 0, live=True)
    (alert,) = [one for one in ledger.list_alerts(connection, patient.id, open_only=True) if one.rule == rule]
    return alert.id


def open_flag(connection: Connection, patient: Patient, at_ms: int) -> str:
    """Open the alert of a warning sign, which somebody took on; returns its id."""
    red_flags.open_alert(connection, patient.id, red_flags.Answered(["chest_pain"], at_ms, "patient"), at_ms)
    (alert,) = ledger.list_alerts(connection, patient.id, open_only=True)
    return ledger.acknowledge(connection, alert.id, by="Dr. K", note="called", at_ms=at_ms).id


@contextmanager
def open_clinic(home: Path, names: Sequence[str] = ("anna", "bela"), **settings: Any) -> Iterator[Clinic]:
    """Yield a running service; each patient is in a care group of their own."""
    given: dict[str, Any] = {"home": home, "store": "", "durable": False}
    app = Clocked(Settings(**(given | settings)))
    parts = make_parts(app)
    tokens: dict[str, str] = {}
    patients: dict[str, Patient] = {}
    with app.store.writing() as connection:
        for number, name in enumerate(names):
            patient = patients[name] = people.add_patient(connection, name, "Europe/Berlin", NOW_MS)
            group = groups.add_group(connection, f"group_{number}")
            groups.assign(connection, patient.id, group.id)
            changes = {"surgery_date": "2026-02-16"}
            prescribe(connection, patient, changes, "Dr. K", date(2026, 2, 16), "programme", NOW_MS)
            for role in (Role.PATIENT, Role.THERAPIST, Role.DEVICE):
                about: dict[str, Any] = {"patient_id": patient.id} if role in OF_ONE_PATIENT else {"group_ids": [group.id]}
                tokens[f"{role}/{name}"] = add_token(connection, f"{role} of {name}", role, NOW_MS, **about)[1]
        tokens["operator/"] = add_token(connection, "ops", Role.OPERATOR, NOW_MS)[1]
    with TestClient(build_web(app, parts), base_url=URL, raise_server_exceptions=False) as web:
        yield Clinic(app, parts, web, patients, tokens)
    app.close()


def add_person(clinic: Clinic, name: str, role: Role, of: str = "anna") -> None:
    with clinic.app.store.writing() as connection:
        patient = clinic.patients[of]
        about: dict[str, Any] = {}
        if role is Role.PATIENT:
            about = {"patient_id": patient.id}
        elif role is Role.THERAPIST:
            group = groups.group_of(connection, patient.id)
            assert group is not None
            about = {"group_ids": [group.id]}
        add_account(connection, name, PASSWORD, role, NOW_MS, **about)
