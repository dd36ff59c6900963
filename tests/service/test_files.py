"""Files that come in by one request: kept and answered, held back, refused."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from afoot.service import bodies, intake
from afoot.service.audit import list_acts
from afoot.service.dropping import import_dropped
from afoot.service.roles import Role
from dashboards.pages.patient_en import ENGLISH
from devices.files import READERS
from ingest import ledger, wearables
from ingest.collect.pairing import Paired
from tests.contracts.made import files_of
from tests.ingest.test_owners import RING
from tests.service.making import Clinic, add_person, day_csv, open_clinic


def imports(clinic: Clinic, name: str = "anna") -> list[ledger.Import]:
    with clinic.app.store.reading() as connection:
        return ledger.list_imports(connection, clinic.patients[name].id)


def test_new_known_and_unreadable(clinic: Clinic) -> None:
    data = day_csv()
    new = clinic.upload("device/anna", data)
    assert new.status_code == 201
    assert new.json() == {
        "file": "day.csv",
        "hash": hashlib.sha256(data).hexdigest(),
        "formats": ["plain_csv"],
        "known": False,
        "inserted": 60,
        "changed": 0,
        "unchanged": 0,
        "refused": [],
        "rejects": [],
    }
    known = clinic.upload("patient/anna", data)
    assert (known.status_code, known.json()["known"], known.json()["unchanged"]) == (200, True, 60)
    junk = clinic.upload("device/anna", b"neither here nor there", "junk.bin")
    assert junk.status_code == 422
    assert "expected an export that afoot reads" in junk.json()["refused"][0]
    assert [one.state for one in imports(clinic)] == ["done", "refused"]


def test_a_hash_that_does_not_fit_keeps_nothing(clinic: Clinic) -> None:
    data = day_csv()
    right = hashlib.sha256(data).hexdigest()
    assert clinic.upload("device/anna", data[:-9], **{"X-Content-SHA256": right}).status_code == 400
    assert imports(clinic) == []
    assert clinic.upload("device/anna", data, **{"X-Content-SHA256": right.upper()}).status_code == 201


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [("", b"x", 422), ("n" * 301, b"x", 422), ("a\nb", b"x", 422), ("a.csv", b"", 422), ("../../etc/passwd", b"junk", 422)],
)
def test_what_cannot_be_taken_is_said(clinic: Clinic, name: str, data: bytes, status: int) -> None:
    assert clinic.upload("device/anna", data, name).status_code == status
    assert list(clinic.app.settings.uploads_folder.glob("*")) == []


def test_more_than_the_limit_is_refused_announced_or_not(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home", upload_mb=1) as clinic:
        large = b"x" * ((1 << 20) + 1)
        assert clinic.upload("device/anna", large).status_code == 413

        def pieces() -> Any:
            yield from (large[:70_000] for _ in range(20))

        answer = clinic.post("device/anna", "/api/v1/files?name=a.csv", content=pieces())
        assert answer.status_code == 413
        assert "at most 1,048,576 bytes" in answer.json()["detail"]
        assert imports(clinic) == []
        assert list(clinic.app.settings.uploads_folder.glob("*")) == []


def test_a_full_disk_is_said_before_anything_is_kept(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SPARE_BYTES", 1 << 62)
    assert clinic.upload("device/anna", day_csv()).status_code == 507
    assert imports(clinic) == []


def test_a_large_file_is_read_from_the_disk_and_leaves_nothing_there(clinic: Clinic) -> None:
    data = b"".join(day_csv(date(2025, 1, 1) + timedelta(days=n), minutes=900)[0 if not n else 19 :] for n in range(60))
    assert len(data) > 1 << 20
    answer = clinic.upload("device/anna", data)
    assert (answer.status_code, answer.json()["inserted"]) == (201, 54_000)
    assert list(clinic.app.settings.uploads_folder.glob("*")) == []


def test_therapists_say_whose_file_it_is(clinic: Clinic) -> None:
    assert clinic.upload("therapist/anna", day_csv()).status_code == 422
    params = {"name": "day.csv", "patient": clinic.pseudonym("anna")}
    assert clinic.post("therapist/anna", "/api/v1/files", params=params, content=day_csv()).status_code == 201
    assert len(imports(clinic)) == 1


def test_many_at_once_are_all_kept(clinic: Clinic) -> None:
    """Of two patients, by threads that all begin together: one writer, no error, nothing lost."""
    files = [day_csv(date(2025, 6, 1) + timedelta(days=n), minutes=10) for n in range(60)]
    ready = threading.Barrier(20)

    def send(n: int) -> int:
        ready.wait()
        status: int = clinic.upload(f"device/{('anna', 'bela')[n % 2]}", files[n]).status_code
        return status

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(send, range(60))) == {201}
    assert sorted([len(imports(clinic, "anna")), len(imports(clinic, "bela"))]) == [30, 30]
    with clinic.app.store.reading() as connection:
        assert len([one for one in list_acts(connection) if one.action == "change files"]) == 60


def test_uploads_are_held_back_by_account_and_address(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home", uploads_per_minute=1) as clinic:
        data = day_csv()
        assert clinic.upload("device/anna", data).status_code == 201
        held = clinic.upload("device/anna", data)
        assert (held.status_code, held.headers["retry-after"]) == (429, "60")
        assert clinic.upload("device/bela", data).status_code == 201
        clinic.app.at_ms += 60_000
        assert clinic.upload("device/anna", data).status_code == 200


def test_a_full_queue_says_when_to_come_again(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: intake.Sent) -> None:
        raise intake.Full

    monkeypatch.setattr(clinic.parts.intake, "submit", full)
    answer = clinic.upload("device/anna", day_csv())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert imports(clinic) == []


def test_one_file_that_breaks_a_reader_does_not_fail_the_others(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours: the bytes are archived, the sender is told, everybody else's are stored."""
    (reader,) = [one for one in READERS if one.name == "plain_csv"]
    read = type(reader).read

    def breaking(self: Any, source: Any, options: Any) -> Any:
        with source.open() as stream:
            if b"BREAK" in stream.read():
                raise RuntimeError("a fault of ours")
        return read(self, source, options)

    monkeypatch.setattr(type(reader), "read", breaking)
    files = [day_csv(date(2025, 6, 1 + n), minutes=5, device="BREAK" if n == 3 else "ring") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda data: clinic.upload("device/anna", data).status_code, files))
    assert codes == [201] * 3 + [500] + [201] * 4
    assert sorted(one.state for one in imports(clinic)) == ["archived"] + ["done"] * 7
    monkeypatch.undo()
    assert clinic.upload("device/anna", files[3]).status_code == 201


def test_a_capture_of_a_wearable_of_another_patient_is_refused_with_the_reason(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home", drop=tmp_path / "drop") as clinic:
        ring = Paired(RING, RING, "R02_341C", "colmi")
        with clinic.app.store.writing() as connection:
            wearables.add_wearable(connection, clinic.patients["bela"].id, ring)
        capture = files_of("capture")["ring 1.capture"]
        answer = clinic.upload("device/anna", capture, "ring.capture")
        assert (answer.status_code, answer.json()["file"], answer.json()["inserted"]) == (422, "ring.capture", 0)
        (why,) = answer.json()["refused"]
        assert f"expected a device of this patient, found {RING}, which is paired with another" in why
        assert "bela" not in answer.text
        own = tmp_path / "drop" / "anna"
        own.mkdir(parents=True)
        (own / "ring.capture").write_bytes(files_of("capture")["ring 2.capture"])
        clinic.app.at_ms = (own / "ring.capture").stat().st_mtime_ns // 1_000_000 + 60_000
        assert import_dropped(clinic.app) == 1
        assert "paired with another" in (own / "refused" / "ring.capture.why.txt").read_text()
        assert clinic.upload("device/bela", capture, "ring.capture").status_code == 201


def test_the_page_says_that_a_file_is_of_somebody_else_s_device(clinic: Clinic) -> None:
    data = day_csv().replace(b"start,value,device", b"start,value,serial").replace(b",\n", b",W-1\n")
    assert clinic.upload("device/bela", data, "other.csv").status_code == 201
    assert clinic.upload("device/anna", data).status_code == 422
    add_person(clinic, "anna", Role.PATIENT)
    clinic.sign_in("anna")
    page = clinic.web.get("/me").text
    assert ENGLISH("file_other_why") in page
    assert "could not be read" not in page
    assert "bela" not in page
