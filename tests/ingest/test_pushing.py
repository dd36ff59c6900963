"""A gateway's spool and a real HTTP server that misbehaves: nothing is lost, nothing is sent to a stranger."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.collect.pushing import Clinic, checked_url, push_waiting
from ingest.collect.spool import Spool

# What the clinic does with one request: takes it and says so, takes it and says nothing or half of it, or does not take it.
TAKES = {"ok", "known", "silent", "half"}


class ClinicServer(ThreadingHTTPServer):
    """Keeps what it took by hash; misbehaves as `faults` says, one for each request, then behaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[str] = []
        self.kept: dict[str, bytes] = {}
        self.names: list[str] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: ClinicServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: its second half would wait 40 ms for the acknowledgement of the first

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.server.faults.pop(0) if self.server.faults else "ok"
        digest = hashlib.sha256(body).hexdigest()
        assert self.headers["X-Content-SHA256"] == digest
        self.server.tokens.add(self.headers["Authorization"])
        self.server.names.append(self.path)
        if fault in TAKES:
            self.server.kept[digest] = body
        if fault == "ok":
            self._answer(201, {"hash": digest})
        elif fault == "known":
            self._answer(200, {"hash": digest, "known": True})
        elif fault == "half":
            self.send_response(201)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"hash": "')
            self.close_connection = True
        elif fault == "silent" or fault == "dropped":
            self.close_connection = True
        elif fault == "portal":
            self._answer(200, None)
        elif fault == "other hash":
            self._answer(201, {"hash": "0" * 64})
        elif fault == "moved":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/steal")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "busy":
            self._answer(503, {"detail": "busy"}, {"Retry-After": "7"})
        else:
            self._answer(int(fault), {"detail": "no"})

    def _answer(self, status: int, told: dict[str, object] | None, headers: dict[str, str] | None = None) -> None:
        raw = b"<html>Welcome to the hotel</html>" if told is None else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(raw))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def running() -> Iterator[ClinicServer]:
    server = ClinicServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[ClinicServer]:
    with running() as one:
        yield one


@pytest.fixture
def clinic(server: ClinicServer) -> ClinicServer:
    server.faults, server.kept, server.names, server.tokens = [], {}, [], set()
    return server


def fill(spool: Spool, folder: Path, *contents: bytes) -> None:
    for number, content in enumerate(contents):
        path = folder / f"new{number}"
        path.write_bytes(content)
        spool.adopt(path, "ring über Nacht.capture")
        assert not path.exists()


def test_what_waits_is_sent_in_order_and_leaves(tmp_path: Path, clinic: ClinicServer) -> None:
    spool = Spool(tmp_path / "spool")
    fill(spool, tmp_path, b"one", b"two", b"three")
    again = Spool(tmp_path / "spool")  # as after a restart
    assert [one.path.read_bytes() for one in again.waiting()] == [b"one", b"two", b"three"]
    pushed = push_waiting(again, Clinic(clinic.url, "secret"))
    assert (pushed.sent, pushed.refused, pushed.problem) == (3, 0, "")
    assert list(clinic.kept.values()) == [b"one", b"two", b"three"]
    assert clinic.tokens == {"Bearer secret"}
    assert set(clinic.names) == {"/api/v1/files?name=ring_ber_Nacht.capture"}
    assert again.waiting() == []
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert "secret" not in repr(Clinic(clinic.url, "secret"))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("silent", "cannot be reached"),
        ("dropped", "cannot be reached"),
        ("half", "cannot be reached"),
        ("portal", "not the clinic"),
        ("other hash", "not the clinic"),
        ("moved", "answered 302"),
        ("400", "answered 400: no"),
        ("401", "is the token right"),
        ("403", "is the token right"),
        ("404", "answered 404"),
        ("429", "answered 429"),
        ("500", "answered 500"),
        ("busy", "answered 503: busy"),
    ],
)
def test_what_is_not_acknowledged_stays(tmp_path: Path, clinic: ClinicServer, fault: str, says: str) -> None:
    spool = Spool(tmp_path / "spool")
    fill(spool, tmp_path, b"one", b"two")
    clinic.faults = [fault]
    pushed = push_waiting(spool, Clinic(clinic.url, "t"))
    assert (pushed.sent, pushed.refused) == (0, 0)
    assert says in pushed.problem
    assert pushed.wait_s == (7 if fault == "busy" else 0)
    assert len(spool.waiting()) == 2
    assert len(clinic.names) == 1  # the second is not tried: the same stands in its way
    assert push_waiting(spool, Clinic(clinic.url, "t")).sent == 2
    assert set(clinic.kept.values()) == {b"one", b"two"}


def test_what_the_clinic_will_never_take_is_kept_aside_with_the_reason(tmp_path: Path, clinic: ClinicServer) -> None:
    spool = Spool(tmp_path / "spool")
    fill(spool, tmp_path, b"bad", b"good")
    clinic.faults = ["422"]
    pushed = push_waiting(spool, Clinic(clinic.url, "t"))
    assert (pushed.sent, pushed.refused) == (1, 1)
    ((one, reason),) = spool.refused()
    assert one.path.read_bytes() == b"bad"
    assert reason == "the clinic answered 422: no"
    fill(spool, tmp_path, b"next")
    assert [each.number for each in spool.waiting()] == [2]  # never that of a file that lies aside


@pytest.mark.parametrize("name", ["x.reason", ".reason", "..", "/", "", "-", "a/../b", "\n", "\u202e", "x" * 500, "1-2.reason"])
def test_a_file_of_any_name_waits(tmp_path: Path, name: str) -> None:
    spool = Spool(tmp_path / "spool")
    for number in (1, 2):
        (tmp_path / "new").write_bytes(b"x")
        made = spool.adopt(tmp_path / "new", name)
        assert (made.number, made.path.parent) == (number, tmp_path / "spool/waiting")
        assert spool.waiting()[-1] == made
    spool.refuse(made, "no")
    assert [(one.name, why) for one, why in spool.refused()] == [(made.name, "no")]


def test_nobody_there(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    fill(spool, tmp_path, b"one")
    with running() as server:
        url = server.url
    pushed = push_waiting(spool, Clinic(url, "t"))
    assert "cannot be reached" in pushed.problem
    assert len(spool.waiting()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "clinic.example.org",
        "http://clinic.example.org",
        "http://192.168.0.4",
        "ftp://127.0.0.1",
        "https://a:b@c",
        "https://a?x",
        "https://",
    ],
)
def test_health_data_never_go_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="clinic's URL: expected"):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://clinic.example.org/", "http://127.0.0.1:8765", "http://localhost:1", "http://[::1]:2/"])
def test_urls_that_are_taken(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


FAULTS = st.sampled_from(
    ["ok", "known", "silent", "half", "dropped", "portal", "other hash", "moved", "401", "429", "500", "busy"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FAULTS, max_size=12), st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4, unique=True))
def test_after_any_faults_the_clinic_has_all_of_it(
    tmp_path_factory: pytest.TempPathFactory, server: ClinicServer, faults: list[str], contents: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("gateway")
    server.faults, server.kept = list(faults), {}
    spool = Spool(folder / "spool")
    fill(spool, folder, *contents)
    for _ in range(len(faults) + 1):
        push_waiting(spool, Clinic(server.url, "t"))
        waiting = {one.path.read_bytes() for one in spool.waiting()}
        assert waiting | set(server.kept.values()) >= set(contents)
        spool = Spool(folder / "spool")
    assert spool.waiting() == []
    assert sorted(server.kept.values()) == sorted(contents)
