"""Stores to test with: the same tests run on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import tables
from ingest.store import Store
from tests.ingest.servers import Postgresql


@pytest.fixture(scope="session")
def emptied_url(postgresql_server: Postgresql) -> str:
    """A database that is empty again after each test: faster than one for each."""
    return postgresql_server.database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    url = f"sqlite:///{tmp_path / 'afoot.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("emptied_url")
    opened = Store(url, durable=False)
    yield opened
    if request.param == "postgresql":
        tables.metadata.drop_all(opened.engine)
    opened.close()
