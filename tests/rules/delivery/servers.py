"""A real mail server and a real webhook on this machine, which answer as told and keep what they get."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "right-Password-1"


@dataclass
class Webhook:
    """statuses: the answers to give, in turn, the last one for ever; delay_s: before each."""

    port: int = 0
    statuses: list[int] = field(default_factory=lambda: [200])
    delay_s: float = 0.0
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def url(self, path: str = "hook", schema: str = "json") -> str:
        return f"{schema}://127.0.0.1:{self.port}/{path}"

    @property
    def ids(self) -> list[str]:
        return [headers["X-Afoot-Id"] for headers, _ in self.got]

    def answer(self, headers: dict[str, str], content: bytes) -> int:
        with self.lock:
            self.got.append((headers, content))
            return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def bodies(self) -> list[Any]:
        return [json.loads(content) for _, content in self.got]


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = hook.answer(dict(self.headers), content)
            time.sleep(hook.delay_s)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if status in range(300, 400):
                self.send_header("Location", f"http://127.0.0.1:{hook.port}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that was killed or gave up is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Post:
    """replies: to RCPT TO, in turn, the last one for ever."""

    port: int = 0
    replies: list[str] = field(default_factory=lambda: ["250 OK"])
    got: list[EmailMessage] = field(default_factory=list)

    def url(self, to: Sequence[str] = ("anna@clinic.example",), login: str = "") -> str:
        at = f"{login}@" if login else ""
        return f"mailto://{at}127.0.0.1:{self.port}?from=afoot@clinic.example&to={','.join(to)}&mode=insecure"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: Any) -> str:  # noqa: N802
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append(message_from_bytes(content, policy=policy.default))
        return "250 kept"


class AnyPort(Controller):
    """On a port of the system's choice, which its own first connection has to know."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def post(*, login: bool = False) -> Iterator[Post]:
    office = Post()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=False)

    settings = {"auth_required": True, "auth_require_tls": False, "authenticator": authenticate} if login else {}
    controller = AnyPort(office, hostname="127.0.0.1", port=0, **settings)
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()
