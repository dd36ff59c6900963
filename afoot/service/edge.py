"""The outermost layer: nothing a request does ends the process, and what went wrong is counted and logged without values."""

import ipaddress
import logging
import traceback
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afoot.service.problems import answer

log = logging.getLogger(__name__)

_FAULT = 1011  # RFC 6455: an unexpected condition


class Edge:
    """ASGI middleware. count: called with the status of every answer and the route that gave it."""

    def __init__(self, app: ASGIApp, *, count: Callable[[str, str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._converse(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                begun.append(True)
            await send(message)

        begun: list[bool] = []
        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            log.info("whoever asked hung up")
        except Exception as error:  # noqa: BLE001 - the service's edge: counted and logged
            _log(error)
            if not begun:
                await answer(500, "something went wrong here; it was logged")(scope, receive, sending)
        finally:
            self._count(scope["method"], route_of(scope), status)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of a WebSocket; it counts as answered by 101 if it was let in."""
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the service's edge: counted and logged
            _log(error)
            with suppress(RuntimeError, OSError):  # it may be closed already
                await send({"type": "websocket.close", "code": _FAULT})
        finally:
            self._count("WEBSOCKET", route_of(scope), status)


def _log(error: Exception) -> None:
    # Where, but not the message: it may hold a name.
    log.error("%s while answering:\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


def route_of(scope: Scope) -> str:
    """Return the path of the route with its parameters' names in place of their values."""
    route = scope.get("route")
    return getattr(route, "path", "none")


def client_of(request: Request) -> str:
    """Return the address that asks, as limits count it; behind a proxy that is believed, the one that it names.

    Of IPv6 the network, /64: whoever has one address of it has all of them.
    """
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(address), 64), strict=False))
