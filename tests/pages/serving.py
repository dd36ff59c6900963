"""The service in a thread of this process, so that its clock can stand still."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from afoot.app import App
from afoot.service.parts import Parts
from afoot.service.web import build_web


@contextmanager
def serve(app: App, parts: Parts | None = None) -> Iterator[str]:
    """Yield the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(build_web(app, parts), ws="websockets-sansio", log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
