"""The real process: killed while many upload, stopped while one does."""

import hashlib
import http.client
import random
import socket
import threading
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from afoot.app import App
from afoot.service.hosts import tell_hosts
from afoot.service.jobs import JOBS
from afoot.service.roles import Role
from afoot.service.tokens import add_token
from afoot.service.turns import NOT_SET_UP, list_jobs
from afoot.settings import Settings
from ingest import ledger, people
from ingest.store import read_minutes
from tests.service.making import day_csv
from tests.service.processes import Served, served

KILLS, SENDERS = 2, 6
TUS = {"Tus-Resumable": "1.0.0"}


def prepare(home: Path) -> tuple[int, str]:
    """Return the id of a patient, and a device's token."""
    app = App(Settings(home=home, store="", durable=False))
    with app.store.writing() as connection:
        patient = people.add_patient(connection, "anna", "UTC", 0)
        _, secret = add_token(connection, "watch", Role.DEVICE, 0, patient_id=patient.id)
    app.close()
    return patient.id, secret


def ask(service: Served, token: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
    """One request on a connection of its own. Raises: OSError, HTTPException if the service is gone meanwhile"""
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"} | named)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def send_until_gone(service: Served, token: str, files: Sequence[bytes], acknowledged: set[str]) -> None:
    """Upload one after the other; what is answered with 201 or 200 is acknowledged."""
    for data in files:
        try:
            status, _ = ask(service, token, "POST", "/api/v1/files?name=day.csv", data)
        except (OSError, http.client.HTTPException):
            return
        assert status in (200, 201)
        acknowledged.add(hashlib.sha256(data).hexdigest())


def stored(home: Path, patient_id: int) -> set[str]:
    """The hashes of what is done, with the store's own checks of the minutes."""
    app = App(Settings(home=home, store="", durable=False))
    with app.store.reading() as connection:
        done = {one.hash for one in ledger.list_imports(connection, patient_id, ledger.DONE)}
        read_minutes(connection, patient_id, "steps", 0, 99_999)
        for digest in done:
            app.archive.verify(connection, digest)
    app.close()
    return done


def test_killed_while_many_upload_it_has_all_that_it_acknowledged(tmp_path: Path) -> None:
    home = tmp_path / "home"
    patient_id, token = prepare(home)
    rng = random.Random(5)
    files = [day_csv(date(2020, 1, 1) + timedelta(days=n), minutes=200) for n in range(KILLS * 600)]
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        mine = files[kill * 600 : kill * 600 + 600]
        with served(home, uploads_per_minute=100_000) as service:
            threads = [
                threading.Thread(target=send_until_gone, args=(service, token, mine[n::SENDERS], acknowledged))
                for n in range(SENDERS)
            ]
            for thread in threads:
                thread.start()
            time.sleep(0.3 + rng.random() * 0.7)
            service.kill()
            for thread in threads:
                thread.join()
        assert acknowledged <= stored(home, patient_id)
    assert len(acknowledged) > KILLS * SENDERS
    assert not list((home / "uploads").glob("upload-*"))


def test_killed_within_an_upload_it_goes_on_where_it_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    patient_id, token = prepare(home)
    data = day_csv(minutes=1400)
    with served(home) as service:
        headers = TUS | {"Upload_Length": str(len(data)), "Upload_Metadata": "filename ZGF5LmNzdg=="}
        _, told = ask(service, token, "POST", "/api/v1/uploads", b"", **headers)
        url = told["location"]
        piece = TUS | {"Content_Type": "application/offset+octet-stream"}
        assert ask(service, token, "PATCH", url, data[:5000], **piece, Upload_Offset="0")[0] == 204
        # Half of a piece is on its way when the process is killed.
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        connection.putrequest("PATCH", url)
        all_headers = {"Authorization": f"Bearer {token}", "Content-Length": "5000", "Upload-Offset": "5000"}
        for name, value in (all_headers | {name.replace("_", "-"): value for name, value in piece.items()}).items():
            connection.putheader(name, value)
        connection.endheaders(data[5000:7000])
        time.sleep(0.1)
        service.kill()
        connection.close()
    with served(home) as service:
        _, told = ask(service, token, "HEAD", url, **TUS)
        at = int(told["upload-offset"])
        assert 5000 <= at <= 7000
        assert ask(service, token, "PATCH", url, data[at:], **piece, Upload_Offset=str(at))[0] == 204
    assert stored(home, patient_id) == {hashlib.sha256(data).hexdigest()}


def test_one_process_answers_and_another_does_the_work(tmp_path: Path) -> None:
    home = tmp_path / "home"
    patient_id, token = prepare(home)
    app = App(Settings(home=home, store="", durable=False))
    with served(home, role="web") as web, served(home, role="worker") as worker:
        assert ask(web, token, "POST", "/api/v1/files?name=day.csv", day_csv())[0] == 201
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with app.store.reading() as connection:
                ran = {one.name for one in list_jobs(connection) if one.good_ms is not None or one.problem == NOT_SET_UP}
            if {job.name for job in JOBS} <= ran:
                break
            time.sleep(0.1)
        assert {job.name for job in JOBS} <= ran
        assert (web.stop(), worker.stop()) == (0, 0)
    app.close()
    assert len(stored(home, patient_id)) == 1


def test_told_to_stop_it_ends_what_was_begun(tmp_path: Path) -> None:
    """An upload on its way is answered and kept; nothing new is let in; the process ends well."""
    home = tmp_path / "home"
    patient_id, token = prepare(home)
    data = day_csv(minutes=300)
    with served(home) as service:
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        connection.putrequest("POST", "/api/v1/files?name=day.csv")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data[:1000])
        time.sleep(0.2)
        ended: list[int] = []
        stopping = threading.Thread(target=lambda: ended.append(service.stop()))
        stopping.start()
        time.sleep(0.2)
        connection.send(data[1000:])
        assert connection.getresponse().status == 201
        connection.close()
        stopping.join()
        assert ended == [0]
        assert "Traceback" not in "".join(service.said)
    assert stored(home, patient_id) == {hashlib.sha256(data).hexdigest()}
    app = App(Settings(home=home, store="", durable=False))
    with app.store.reading() as connection_:
        assert {one.holder for one in list_jobs(connection_)} == {""}
    app.close()


def test_who_listens_beyond_this_machine_is_told_by_which_names(tmp_path: Path) -> None:
    everywhere = Settings(home=tmp_path, store="", serve_host="0.0.0.0", serve_cert=tmp_path / "chain.pem")
    assert "alone: 127.0.0.1, ::1, localhost. Set AFOOT_SERVE_URL" in tell_hosts(everywhere, 8765)
    assert "https://192.168.1.20:8765" in tell_hosts(everywhere, 8765)
    # A loopback address that is not the usual one: a test opens nothing to the network.
    with served(tmp_path / "home", role="web", serve_host="127.0.0.2") as service:
        said = "".join(service.said)
        assert "127.0.0.1, 127.0.0.2, ::1, localhost" in said
        assert f"AFOOT_SERVE_URL to the address that people use, such as http://192.168.1.20:{urlsplit(service.url).port}" in said
    with served(tmp_path / "home", role="web", serve_url="http://afoot.example") as named:
        assert "AFOOT_SERVE_URL" not in "".join(named.said)


def test_what_cannot_be_served_is_said_before_it_listens(tmp_path: Path) -> None:
    """A certificate that is not there or none, and a port that somebody has."""
    none = tmp_path / "none.pem"
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for cert, said in ((none, f"AFOOT_SERVE_CERT: expected a file that can be read, found {none}"), (text, "as PEM")):
        with pytest.raises(AssertionError, match="it ended") as ended, served(tmp_path, serve_cert=cert, serve_key=text):
            pass
        assert said in str(ended.value)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AssertionError, match="--port") as ended, served(tmp_path, serve_port=port):
            pass
        assert str(port) in str(ended.value)
