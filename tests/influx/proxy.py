"""A door in front of a 1.x InfluxDB that takes what a client of 2.x sends, and that can be told to misbehave.

`POST /api/v2/write?bucket=..&org=..&precision=..` becomes `/write?db=..`, `/query` passes; both need the Token header. What
stands behind it is the real engine: its parser, its types, its storage, its InfluxQL. What 2.x alone has is not here: creating
buckets through its API, and its own answer to a partial write, which `as_two` imitates (422 for 400). Before a 2.x it only
misbehaves.
"""

import gzip
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

_PASSED = ("Authorization", "Content-Type", "Accept")
_PRECISION = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to one request.

    status:   answer this, and pass nothing on
    delay_s:  wait before anything else
    lines:    pass on so many lines of the body only, then cut the connection
    cut:      pass all of it on, then cut the connection before the answer
    half:     pass all of it on, then send only the beginning of an answer
    """

    status: int | None = None
    body: str = '{"code":"internal error","message":"a fault of the test"}'
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    lines: int | None = None
    cut: bool = False
    half: bool = False


DOWN = Fault(lines=0)
Judge = Callable[[str, list[bytes]], Fault | None]


@dataclass(slots=True)
class Request:
    """One request as it came: path without the query, query, body unpacked, whether it was packed."""

    path: str
    query: dict[str, str]
    body: bytes
    packed: bool


@dataclass
class Proxy:
    """port: where it listens, on loopback. requests: what came, of writes and queries.

    faults: for the next writes, one each.  judge: asked of each write, by bucket and lines, when there are no faults
    query_faults: for the next queries
    before_two: what stands behind is a 2.x: everything passes as it is
    """

    port: int
    token: str
    faults: deque[Fault] = field(default_factory=deque)
    query_faults: deque[Fault] = field(default_factory=deque)
    judge: Judge | None = None
    as_two: bool = False
    before_two: bool = False
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Behave, and forget what came."""
        self.faults.clear()
        self.query_faults.clear()
        self.judge, self.as_two = None, False
        self.requests.clear()

    @property
    def writes(self) -> list[Request]:
        return [one for one in self.requests if one.path == "/api/v2/write"]

    @property
    def lines(self) -> list[bytes]:
        return [line for one in self.writes for line in one.body.splitlines()]


@contextmanager
def proxy(upstream: str, token: str, *, before_two: bool = False) -> Iterator[Proxy]:
    """Yield a proxy that runs in threads of this process. upstream: host and port"""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.upstream = upstream
    server.state = Proxy(server.server_address[1], token, before_two=before_two)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    upstream: str
    state: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in one packet: sent as head and body, its second half waits 40 ms until the client has acknowledged the first.
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        packed = self.headers.get("Content-Encoding") == "gzip"
        if packed:
            body = gzip.decompress(body)
        state = self.server.state
        if parts.path == "/ping":
            self._pass_on("GET", "/ping", b"", {})
            return
        if self.headers.get("Authorization") != f"Token {state.token}":
            self._answer(401, b'{"code":"unauthorized","message":"unauthorized access"}')
            return
        state.requests.append(Request(parts.path, query, body, packed))
        if parts.path == "/api/v2/write":
            self._write(query, body)
        elif parts.path == "/query":
            fault = state.query_faults.popleft() if state.query_faults else None
            headers = {"Content-Type": self.headers.get("Content-Type") or "application/x-www-form-urlencoded"}
            self._with(fault, body, lambda part: self._upstream(self.command, self.path, part, headers))
        elif state.before_two:
            self._pass_on(self.command, self.path, body, {})
        else:
            self._answer(404, b'{"code":"not found","message":"path not found"}')

    def _write(self, query: dict[str, str], body: bytes) -> None:
        state = self.server.state
        fault = state.faults.popleft() if state.faults else None
        if fault is None and state.judge is not None:
            fault = state.judge(query["bucket"], body.splitlines())
        where = urlencode({"db": query["bucket"], "precision": _PRECISION[query.get("precision", "ns")]})
        path = self.path if state.before_two else f"/write?{where}"
        self._with(fault, body, lambda part: self._upstream("POST", path, part, {}))

    def _with(self, fault: Fault | None, body: bytes, go_on: Callable[[bytes], tuple[int, bytes, dict[str, str]]]) -> None:
        fault = fault or Fault()
        time.sleep(fault.delay_s)
        if fault.status is not None:
            self._answer(fault.status, fault.body.encode(), dict(fault.headers))
            return
        if fault.lines is not None:
            if fault.lines:
                go_on(b"\n".join(body.splitlines()[: fault.lines]))
            self._cut()
            return
        try:
            status, answer, headers = go_on(body)
        except (OSError, HTTPException):
            self._cut()  # what stands behind is down
            return
        if fault.cut:
            self._cut()
        elif fault.half:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{")
            self.wfile.flush()
            self._cut()
        else:
            self._answer(422 if self.server.state.as_two and b"partial write" in answer else status, answer, headers)

    def _pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            self._answer(*self._upstream(method, path, body, headers))
        except (OSError, HTTPException):
            self._cut()

    def _upstream(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection(self.server.upstream, timeout=60)
        try:
            if self.server.state.before_two:
                headers = headers | {name: self.headers[name] for name in _PASSED if name in self.headers}
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name in ("Content-Type", "X-Influxdb-Version")}
            status, text = answer.status, answer.read()
        finally:
            connection.close()
        if status >= 400 and b'"error"' in text and not self.server.state.before_two:
            text = json.dumps({"code": "invalid", "message": json.loads(text)["error"]}).encode()
        return status, text, kept

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(SHUT_RDWR)
        except OSError:
            return  # the client was faster


def serve(upstream: str, token: str, ready: Any) -> None:
    """Run a proxy until the process ends, for those who measure: it takes no time of theirs. ready: is sent the port"""
    with proxy(upstream, token) as door:
        ready.send(door.port)
        threading.Event().wait()
