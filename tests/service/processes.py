"""The service as a process of its own, on a free port of this machine."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

WAIT_S = 30


@dataclass
class Served:
    process: subprocess.Popen[str]
    url: str
    said: list[str]

    def kill(self) -> None:
        """As a power cut ends it, but for the disk."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


@contextmanager
def served(home: Path, *, role: str = "all", store: str = "", **settings: object) -> Iterator[Served]:
    """Yield a running service, which is gone afterwards whatever happened."""
    given = {
        "HOME": home,
        "SERVE_ROLE": role,
        "SERVE_PORT": 0,
        "STORE": store,
        **{name.upper(): value for name, value in settings.items()},
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AFOOT_")}
    environment |= {f"AFOOT_{name.upper()}": str(value) for name, value in given.items() if value != ""}
    command = [sys.executable, "-c", "from afoot.cli import main; main()", "serve"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    said: list[str] = []
    try:
        url = _read_until_ready(process, said)
        threading.Thread(target=_drain, args=(process.stderr, said), daemon=True).start()
        yield Served(process, url, said)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_S)


def _read_until_ready(process: "subprocess.Popen[str]", said: list[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"afoot (?:listens on (http\S+)|works)", line):
            return found[1] or ""
    process.stderr.close()
    raise AssertionError(f"it ended: {''.join(said)}")


def _drain(stream: IO[str] | None, said: list[str]) -> None:
    assert stream is not None
    said.extend(stream)
    stream.close()
