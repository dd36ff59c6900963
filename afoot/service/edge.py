"""The outermost layer: nothing a request does ends the process, and what went wrong is counted and logged without values."""

import ipaddress
import logging
import traceback
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afoot.service.problems import answer

log = logging.getLogger(__name__)


class Edge:
    """ASGI middleware. count: called with the status of every answer and the route that gave it."""

    def __init__(self, app: ASGIApp, *, count: Callable[[str, str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
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
            # Where, but not the message: it may hold a name.
            log.error("%s while answering:\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            if not begun:
                await answer(500, "something went wrong here; it was logged")(scope, receive, sending)
        finally:
            self._count(scope["method"], route_of(scope), status)


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
