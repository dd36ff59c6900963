"""Serving: a process that answers, one that runs jobs, or both; and how it ends."""

import errno
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from afoot.app import App
from afoot.output import say
from afoot.service.hosts import LOOPBACK, tell_hosts
from afoot.service.jobs import JOBS
from afoot.service.parts import make_parts
from afoot.service.scheduler import Scheduler
from afoot.service.watching import DropWatch
from afoot.service.web import build_web
from afoot.settings import Settings
from ingest.collect.remote import LONGEST_MESSAGE

log = logging.getLogger(__name__)

# How long what was begun may take to end when the service is told to stop.
GRACE_S = 30


def serve(app: App) -> None:
    """Serve until the process is told to stop.

    Raises: OSError if the address cannot be had, ValueError for settings that do not fit together
    """
    settings = app.settings
    settings.uploads_folder.mkdir(mode=0o700, exist_ok=True)
    if settings.serve_role == "worker":
        _work(app)
        return
    if (settings.serve_cert is None) != (settings.serve_key is None):
        raise ValueError("AFOOT_SERVE_CERT and AFOOT_SERVE_KEY: expected both or neither")
    _check_certificate(settings)
    parts = make_parts(app)
    scheduler = Scheduler(app, parts.metrics, JOBS if settings.serve_role == "all" else ())
    if settings.serve_host not in LOOPBACK and not parts.is_https:
        log.warning("listening beyond this machine without https: names, passwords and tokens can be read on the way")
    with _listen(settings.serve_host, settings.serve_port) as listening:
        config = uvicorn.Config(
            build_web(app, parts),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            proxy_headers=bool(settings.serve_proxy),
            forwarded_allow_ips=settings.serve_proxy,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=settings.serve_cert,
            ssl_keyfile=settings.serve_key,
        )
        _load(config)  # before anything says that it listens
        host, port = listening.getsockname()[:2]
        scheme = "https" if settings.serve_cert else "http"
        if hosts := tell_hosts(settings, port):
            say(f"afoot: {hosts}")
        say(f"afoot listens on {scheme}://{f'[{host}]' if ':' in host else host}:{port}")
        _outlive_signals()
        with _working(app, scheduler, watches=settings.serve_role == "all"):
            uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _working(app: App, scheduler: Scheduler, *, watches: bool) -> Iterator[None]:
    """Run jobs while the block lasts."""
    watch = DropWatch(app)
    scheduler.start()
    if watches:
        watch.start()
    try:
        yield
    finally:
        watch.stop()
        scheduler.stop(GRACE_S)


def _outlive_signals() -> None:
    """The server ends in good order when told to, and then repeats the signal; by then the jobs must still end, too."""

    def told(number: int, _: FrameType | None) -> None:
        log.info("told to stop by signal %d", number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def _check_certificate(settings: Settings) -> None:
    """Raises: ValueError for a file that is not there, or cannot be read"""
    if settings.serve_cert is None or settings.serve_key is None:
        return
    for name, path in (("AFOOT_SERVE_CERT", settings.serve_cert), ("AFOOT_SERVE_KEY", settings.serve_key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ValueError(f"{name}: expected a file that can be read, found {path}: {error.strerror or error}") from error


def _load(config: uvicorn.Config) -> None:
    """Raises: ValueError for a certificate and key that are none, or do not fit together"""
    try:
        config.load()
    except ssl.SSLError as error:
        expected = "expected a certificate chain and its private key, as PEM"
        raise ValueError(f"AFOOT_SERVE_CERT, AFOOT_SERVE_KEY: {expected}, found {error.reason or error}") from error


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        hint = "; choose another with --port or AFOOT_SERVE_PORT" if error.errno == errno.EADDRINUSE else ""
        raise OSError(f"{host} port {port}: {error.strerror or error}{hint}") from error
    listening.listen(2048)
    return listening


def _work(app: App) -> None:
    """Run jobs until told to stop."""
    scheduler = Scheduler(app, make_parts(app).metrics, JOBS)
    stop = threading.Event()

    def told(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    say("afoot works")
    with _working(app, scheduler, watches=True):
        stop.wait()
