"""A real InfluxDB: Debian's influxd 1.x behind the proxy, the tests' own and gone afterwards, or one that the environment names.

`AFOOT_TEST_INFLUX_URL`, `AFOOT_TEST_INFLUX_TOKEN` and `AFOOT_TEST_INFLUX_ORG` name a real InfluxDB 2.x; its buckets whose names
begin with `afoot_` are emptied.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.influx.proxy import Proxy, proxy

TOKEN = "a-token-of-the-tests"
_START_S = 30.0
_CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
  logging-enabled = false
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[coordinator]
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-body-size = 25000000
[logging]
  level = "error"
"""


class Influxd:
    """Debian's influxd on a free loopback port, with a data folder of its own. It can be killed and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port, rpc_port = _free_ports(2)
        self._config = folder / "influxdb.conf"
        self._config.write_text(_CONFIG.format(folder=folder, port=self.port, rpc_port=rpc_port))
        self._program, self._log = program, folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-config", str(self._config)], stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"influxd did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Rig:
    """Where to publish to, and a way to ask what is there.

    proxy:   None before a server that speaks TLS.  influxd: None where the environment names the server
    """

    url: str
    token: str
    org: str
    proxy: Proxy | None = None
    influxd: Influxd | None = None

    def query(self, bucket: str, query: str) -> list[dict[str, Any]]:
        """Return the rows of an InfluxQL query: tags, columns, `time` in whole seconds, and `name`, the measurement.

        Raises: RuntimeError with what the server said
        """
        status, answer = self.request("POST", "/query", {"db": bucket, "epoch": "s", "q": query})
        result: dict[str, Any] = {"error": answer.decode(errors="replace")}
        if status == 200:
            result = next(iter(json.loads(answer).get("results", [])), {})
        if "error" in result:
            raise RuntimeError(f"{query}: {result['error']}")
        return [
            {"name": series.get("name", ""), **series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
            for series in result.get("series", [])
            for values in series.get("values", [])
        ]

    def request(self, method: str, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=60)
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(method, path, urlencode(query), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def count(self, bucket: str, measurement: str, field: str) -> int:
        """Return in how many points of a measurement a field is."""
        rows = self.query(bucket, f'SELECT count("{field}") AS n FROM "{measurement}"')
        return int(rows[0]["n"]) if rows else 0

    def buckets(self) -> list[str]:
        """Return the buckets that are afoot's."""
        status, answer = self.request("POST", "/query", {"q": "SHOW DATABASES"})
        if status != 200:
            raise RuntimeError(f"SHOW DATABASES: {answer.decode(errors='replace')}")
        found = [name for series in json.loads(answer)["results"][0].get("series", []) for (name,) in series.get("values", [])]
        return [name for name in found if name.startswith("afoot_")]

    def reset(self) -> None:
        """Leave nothing of what was published, and let the proxy behave."""
        if self.proxy is not None:
            self.proxy.reset()
        for name in self.buckets():
            self._drop(name)
        if self.proxy is not None:
            self.proxy.reset()

    def _drop(self, bucket: str) -> None:
        if self.influxd is not None:
            self.request("POST", "/query", {"q": f'DROP DATABASE "{bucket}"'})
            return
        self.query(bucket, "DELETE WHERE time >= 0")


@contextmanager
def influx_rig() -> Iterator[Rig]:
    """Yield a server to test with; skips the test where there is none."""
    url = os.environ.get("AFOOT_TEST_INFLUX_URL")
    if url:
        token, org = (os.environ.get(f"AFOOT_TEST_INFLUX_{name}", "") for name in ("TOKEN", "ORG"))
        parts = urlsplit(url)
        if parts.scheme == "https":
            yield Rig(url.rstrip("/"), token, org)
            return
        with proxy(parts.netloc, token, before_two=True) as door:
            yield Rig(door.url, token, org, door)
        return
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("needs influxd (Debian: influxdb), which is not installed, or AFOOT_TEST_INFLUX_URL")
    with tempfile.TemporaryDirectory(prefix="afoot-influx-", ignore_cleanup_errors=True) as name:
        influxd = Influxd(program, Path(name))
        try:
            influxd.start()
            with proxy(f"127.0.0.1:{influxd.port}", TOKEN) as door:
                yield Rig(door.url, TOKEN, "afoot", door, influxd)
        finally:
            influxd.kill()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
