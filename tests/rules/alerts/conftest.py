"""A database to keep alert state in: the same tests on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine

from rules.ledger import rules_metadata
from tests.ingest.servers import Postgresql


@pytest.fixture(scope="session")
def postgresql_engine(postgresql_server: Postgresql) -> Iterator[Engine]:
    engine = create_engine(postgresql_server.database())
    rules_metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path: Path = tmp_path_factory.mktemp("alerts") / "alerts.db"
    engine = create_engine(f"sqlite:///{path}")
    rules_metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A transaction that is undone afterwards."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with engine.connect() as opened:
        yield opened
        opened.rollback()
