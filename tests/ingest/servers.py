"""A real PostgreSQL of the tests' own: its own data folder, its own socket, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        pytest.skip("needs PostgreSQL's server programs (Debian: postgresql), which are not installed")
    return folders[-1].parent


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root: then the account that its package made runs it."""
    if os.getuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("needs the account `postgres` to run PostgreSQL when the tests run as root")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


class Postgresql:
    """A running server. Whoever needs a database asks for one of their own: that is made in a moment, a server is not."""

    def __init__(self, url: str) -> None:
        self._url, self._made = url, 0

    def database(self) -> str:
        """Return the URL of a new, empty database, which goes with the server."""
        self._made += 1
        name = f"afoot{self._made}"
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Run a server for as long as the context lasts; skips the test where it is not installed."""
    programs, owner = _programs(), _as_owner()
    with tempfile.TemporaryDirectory(prefix="afoot-pg-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        data = folder / "data"
        run = [*owner, str(programs / "initdb"), "-D", str(data), "-U", "afoot", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(run, check=True, capture_output=True)
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        control = [*owner, str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        subprocess.run([*control, "-o", settings, "start"], check=True, capture_output=True)
        try:
            yield Postgresql(f"postgresql+psycopg://afoot@/postgres?host={folder}")
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)
