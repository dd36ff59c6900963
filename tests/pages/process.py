"""`afoot serve` as a process of its own, which can be killed and started again at the same address."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

STARTS_S = 30


class Service:
    """A context: nothing of it is left running."""

    def __init__(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, unless it runs. Raises: TimeoutError if it does not answer"""
        if self._process is not None:
            return
        command = [str(Path(sys.executable).with_name("afoot")), "serve", "--port", str(self.port)]
        own = {"AFOOT_HOME": str(self._home), "AFOOT_SERVE_ROLE": "web"}
        self._process = subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until:
            try:
                with urlopen(f"{self.url}/api/v1/health", timeout=5):
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise TimeoutError(f"{self.url}: expected an answer within {STARTS_S} s")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
