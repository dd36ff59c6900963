"""An empty outbox on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.store import Store
from rules.outbox import outbox_metadata
from tests.ingest.servers import Postgresql
from tests.rules.delivery.servers import Post, Webhook, post, webhook


@pytest.fixture(scope="session")
def emptied_url(postgresql_server: Postgresql) -> str:
    """A database that is empty again after each test."""
    return postgresql_server.database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'afoot.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("emptied_url")
    opened = Store(url, durable=False)
    with opened.writing() as connection:
        outbox_metadata.create_all(connection)
    yield opened
    outbox_metadata.drop_all(opened.engine)
    opened.close()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as opened:
        yield opened


@pytest.fixture
def office() -> Iterator[Post]:
    with post() as opened:
        yield opened
