"""How long a body may take: a sender who stalls does not hold a connection, and what it locks, for ever."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afoot.service.problems import Refusal

# What has to come within the time that is given. A bad mobile connection brings ten times as much in a minute.
LEAST_BYTES = 16 << 10
# Of a body that nobody reads: less is taken in, so that whoever sends it comes to read the answer.
UNREAD_BYTES = 1 << 20


class Patience:
    """ASGI middleware. seconds: within which `LEAST_BYTES` of a body, or the rest of it, have to come; then again"""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Waiting(receive, self._seconds)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.drain():
                # Else the server would go on to wait for the rest, without an end.
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await self._app(scope, body.receive, sending)


class _Waiting:
    """One request's body. Only waiting for the sender counts, not what is done here with what came."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._seconds = receive, seconds
        self._left_s, self._came, self._is_over = seconds, 0, False

    async def receive(self) -> Message:
        """Raises: Refusal (408) if too little comes"""
        if self._is_over:
            return await self._receive()  # until they hang up
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._receive()
        except TimeoutError as error:
            expected = f"expected {LEAST_BYTES:,} bytes of the body, or its end, within {self._seconds:g} seconds"
            raise Refusal(408, f"{expected}, found fewer; send it again") from error
        self._left_s = max(0.0, self._left_s - (loop.time() - began))
        self._came += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        if self._came >= LEAST_BYTES:
            self._left_s, self._came = self._seconds, 0
        return message

    async def drain(self) -> bool:
        """Take in what was not read, to some extent. Returns whether that was all of it"""
        left = UNREAD_BYTES
        while not self._is_over and left > 0:
            try:
                message = await self.receive()
            except Refusal:
                return False
            left -= len(message.get("body", b""))
        return self._is_over
