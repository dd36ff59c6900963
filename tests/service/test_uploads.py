"""Uploads in pieces, by tus 1.0.0: resumed where they stopped, kept whole, given up."""

import base64
import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from afoot.service import partial
from afoot.service.jobs import retain
from afoot.service.recovering import import_complete
from afoot.service.tokens import find_token, revoke_token
from ingest import ledger
from tests.service.making import DAY, Clinic, day_csv

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
DATA = day_csv(minutes=500)


def metadata(**pairs: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def begin(clinic: Clinic, size: int = len(DATA), who: str = "patient/anna", **pairs: str) -> Any:
    headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata(**({"filename": "day.csv"} | pairs))}
    return clinic.post(who, "/api/v1/uploads", headers=headers)


def send(clinic: Clinic, url: str, offset: int, data: bytes, who: str = "patient/anna") -> Any:
    headers = clinic.headers(who) | PIECE | {"Upload-Offset": str(offset)}
    return clinic.web.patch(url, headers=headers, content=data)


def offset(clinic: Clinic, url: str) -> int:
    answer = clinic.web.head(url, headers=clinic.headers("patient/anna") | TUS)
    assert answer.status_code == 200
    assert answer.headers["tus-resumable"] == "1.0.0"
    return int(answer.headers["upload-offset"])


def imports(clinic: Clinic) -> list[str]:
    with clinic.app.store.reading() as connection:
        return [one.hash for one in ledger.list_imports(connection, clinic.patients["anna"].id)]


def files(clinic: Clinic) -> list[Path]:
    return list(clinic.app.settings.uploads_folder.glob("*"))


def test_in_pieces_and_resumed(clinic: Clinic) -> None:
    made = begin(clinic, sha256=hashlib.sha256(DATA).hexdigest())
    url = made.headers["location"]
    assert made.status_code == 201
    assert offset(clinic, url) == 0
    first = send(clinic, url, 0, DATA[:1000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert offset(clinic, url) == 1000
    assert send(clinic, url, 900, DATA[900:]).status_code == 409
    assert clinic.get("patient/anna", url).json() == {
        "offset": 1000,
        "size": len(DATA),
        "expires": "2026-03-11T04:53:20Z",
        "outcome": None,
    }
    assert imports(clinic) == []
    last = send(clinic, url, 1000, DATA[1000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(DATA)))
    outcome = clinic.get("patient/anna", url).json()["outcome"]
    assert (outcome["hash"], outcome["inserted"]) == (hashlib.sha256(DATA).hexdigest(), 500)
    assert files(clinic) == []
    assert offset(clinic, url) == len(DATA)
    assert send(clinic, url, len(DATA), b"").status_code == 204


def test_the_protocol_is_announced_and_its_version_wanted(clinic: Clinic) -> None:
    told = clinic.web.options("/api/v1/uploads", headers=clinic.headers("patient/anna"))
    assert (told.status_code, told.headers["tus-version"]) == (204, "1.0.0")
    assert told.headers["tus-extension"] == "creation,expiration,termination"
    assert int(told.headers["tus-max-size"]) == 4096 << 20
    wrong = clinic.post("patient/anna", "/api/v1/uploads", headers={"Upload-Length": "9"})
    assert (wrong.status_code, wrong.headers["tus-version"]) == (412, "1.0.0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Length": "0"}, 422),
        ({"Upload-Length": str((4096 << 20) + 1)}, 413),
        ({}, 400),
        ({"Upload-Length": "9", "Upload-Metadata": "filename !!"}, 400),
        ({"Upload-Length": "9", "Upload-Metadata": metadata(name="no filename")}, 422),
        ({"Upload-Length": "9", "Upload-Metadata": metadata(filename="a", sha256="short")}, 422),
    ],
)
def test_what_cannot_be_begun_is_said(clinic: Clinic, headers: dict[str, str], status: int) -> None:
    assert clinic.post("patient/anna", "/api/v1/uploads", headers=TUS | headers).status_code == status
    assert files(clinic) == []


def test_a_piece_must_fit(clinic: Clinic) -> None:
    url = begin(clinic).headers["location"]
    assert send(clinic, url, 0, DATA + b"x").status_code == 413
    headers = clinic.headers("patient/anna") | TUS | {"Upload-Offset": "0"}
    assert clinic.web.patch(url, headers=headers, content=b"x").status_code == 415
    assert clinic.web.patch(url, headers=headers | PIECE | {"Upload-Offset": "x"}, content=b"x").status_code == 400
    assert send(clinic, "/api/v1/uploads/" + "0" * 32, 0, b"x").status_code == 404


def test_bytes_of_another_hash_are_given_up(clinic: Clinic) -> None:
    url = begin(clinic, sha256="0" * 64).headers["location"]
    assert send(clinic, url, 0, DATA).status_code == 422
    assert (imports(clinic), files(clinic)) == ([], [])
    assert clinic.get("patient/anna", url).status_code == 404


def test_one_writer_at_a_time(clinic: Clinic) -> None:
    url = begin(clinic).headers["location"]
    with partial.growing(clinic.app.settings.uploads_folder, url.rpartition("/")[2]):
        assert send(clinic, url, 0, DATA).status_code == 423
    assert send(clinic, url, 0, DATA).status_code == 204


def test_a_token_that_is_revoked_meanwhile_brings_nothing(clinic: Clinic) -> None:
    def data(who: str) -> Iterator[bytes]:
        yield DATA[:1000]
        with clinic.app.store.writing() as connection:
            token = find_token(connection, clinic.tokens[who])
            assert token is not None
            revoke_token(connection, token.id)
        yield DATA[1000:]

    url = begin(clinic, who="device/anna").headers["location"]
    headers = clinic.headers("device/anna") | PIECE | {"Upload-Offset": "0"}
    assert clinic.web.patch(url, headers=headers, content=data("device/anna")).status_code == 401
    assert files(clinic) == []
    import_complete(clinic.app)
    whose = {"name": "day.csv", "patient": clinic.pseudonym("anna")}
    assert clinic.post("therapist/anna", "/api/v1/files", params=whose, content=data("therapist/anna")).status_code == 401
    assert imports(clinic) == []


def test_whose_it_is_and_how_many(clinic: Clinic) -> None:
    url = begin(clinic).headers["location"]
    assert clinic.get("therapist/anna", url).status_code == 404
    assert begin(clinic, who="therapist/anna").status_code == 422
    assert begin(clinic, who="therapist/anna", patient=clinic.pseudonym("anna")).status_code == 201
    codes = [begin(clinic).status_code for _ in range(partial.MOST_OPEN)]
    assert codes == [201] * (partial.MOST_OPEN - 2) + [429] * 2


def test_given_up_or_forgotten_nothing_stays(clinic: Clinic) -> None:
    url = begin(clinic).headers["location"]
    send(clinic, url, 0, DATA[:10])
    assert clinic.web.delete(url, headers=clinic.headers("patient/anna") | TUS).status_code == 204
    assert files(clinic) == []
    url = begin(clinic).headers["location"]
    clinic.app.at_ms += 7 * DAY - 1
    retain(clinic.app)
    assert offset(clinic, url) == 0
    clinic.app.at_ms += 1
    retain(clinic.app)
    assert files(clinic) == []
    assert clinic.get("patient/anna", url).status_code == 404


def test_what_is_complete_but_was_cut_short_is_imported_by_the_job(clinic: Clinic) -> None:
    """As after a kill between the last byte and the import: the file is whole, the row has no outcome."""
    url = begin(clinic).headers["location"]
    open_one = begin(clinic).headers["location"]
    send(clinic, open_one, 0, DATA[:10])
    with partial.growing(clinic.app.settings.uploads_folder, url.rpartition("/")[2]) as file:
        file.append(DATA)
        assert import_complete(clinic.app) == 0
    assert import_complete(clinic.app) == 1
    assert clinic.get("patient/anna", url).json()["outcome"]["inserted"] == 500
    assert len(files(clinic)) == 1
    assert import_complete(clinic.app) == 0


def test_a_full_disk_keeps_what_came_and_says_so(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    url = begin(clinic).headers["location"]
    assert send(clinic, url, 0, DATA[:1000]).status_code == 204

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")

    monkeypatch.setattr(partial.os, "write", full)
    answer = send(clinic, url, 1000, DATA[1000:])
    assert (answer.status_code, "secret" in answer.text) == (507, False)
    monkeypatch.undo()
    assert offset(clinic, url) == 1000
    assert send(clinic, url, 1000, DATA[1000:]).status_code == 204
