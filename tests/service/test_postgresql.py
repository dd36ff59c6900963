"""The same service on PostgreSQL, which several machines may share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest

from afoot.erasing import erase_patient
from afoot.service.jobs import evaluate_changed
from afoot.service.roles import Role
from ingest import dirty, ledger
from tests.service.making import Clinic, add_person, day_csv, open_clinic

pytestmark = pytest.mark.live


@pytest.fixture
def shared(tmp_path: Path, postgresql_url: str) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home", store=postgresql_url) as clinic:
        yield clinic


def test_it_takes_in_judges_and_erases(shared: Clinic) -> None:
    files = [day_csv(date(2026, 2, 20) + timedelta(days=n // 2), minutes=30, device=f"d{n % 2}") for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: shared.upload(f"device/{('anna', 'bela')[n % 2]}", files[n]).status_code, range(24)))
    assert codes == [201] * 24
    add_person(shared, "anna", Role.PATIENT)
    assert shared.sign_in("anna").status_code == 303
    assert shared.sign_in("an\0na").status_code == 401
    shared.web.cookies.clear()
    path = f"/api/v1/patients/{shared.pseudonym('anna')}"
    assert shared.get("patient/anna", f"{path}/days").json()[0]["summary"]["day"] == "2026-02-20"
    said = shared.post("patient/anna", f"{path}/observations", json={"entries": [{"code": "fever", "value": True}]})
    assert said.json()["emergency"]
    assert shared.get("patient/anna", "/api/v1/patients/an%00na/days").status_code == 404
    evaluate_changed(shared.app)
    with shared.app.store.reading() as connection:
        assert dirty.list_patients(connection) == []
    erase_patient(shared.app, shared.patients["anna"], "test")
    with shared.app.store.reading() as connection:
        assert {one.patient_id for one in ledger.list_imports(connection)} == {shared.patients["bela"].id}
    assert shared.get("patient/anna", f"{path}/days").status_code == 401
