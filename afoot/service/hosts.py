"""The names that the service answers to: a page elsewhere must not reach it by a name of its own that leads here."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from afoot.service.problems import answer
from afoot.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANY = ("0.0.0.0", "::")
# Source: RFC 9110, 7.2; RFC 3986, 3.2.2: a name or IPv4 address, or an IPv6 address in brackets, and perhaps a port
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^\s:/?#@\[\]]+))(?::\d*)?")
# Without the name that was asked for: whoever asks chose it.
NOT_OURS = (
    "afoot does not answer to the name or address that was asked for. If it is the one that people use: whoever runs the service "
    "sets AFOOT_SERVE_URL to it, such as http://192.168.1.20:8765, and starts the service again"
)


def known_hosts(settings: Settings) -> list[str]:
    """Return the names and addresses that the service answers to, in lower case."""
    named = urlsplit(settings.serve_url).hostname
    listening = settings.serve_host.lower() if settings.serve_host not in _ANY else None
    return sorted({*LOOPBACK, *(one for one in (named, listening) if one)})


def tell_hosts(settings: Settings, port: int) -> str:
    """Return what to say at the start to whoever listens beyond this machine and names no address; else nothing."""
    if settings.serve_host in LOOPBACK or settings.serve_url:
        return ""
    scheme = "https" if settings.serve_cert else "http"
    return (
        f"it answers to these names alone: {', '.join(known_hosts(settings))}. "
        f"Set AFOOT_SERVE_URL to the address that people use, such as {scheme}://192.168.1.20:{port}"
    )


class KnownHosts:
    """ASGI middleware. Whoever asks for another name gets 400, and is told what to set."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self._is_ours(Headers(scope=scope).get("host", "")):
            await answer(400, NOT_OURS)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, header: str) -> bool:
        found = _HOST.fullmatch(header)
        return found is not None and (found["six"] or found["name"]).lower() in self._hosts
