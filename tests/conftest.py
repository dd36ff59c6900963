"""What all tests share."""

import gc
from collections.abc import Iterator

import pytest

from tests.ingest.servers import Postgresql, postgresql


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests without the garbage collector: what it would walk again and again are modules, which stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Postgresql]:
    """One server for all tests of a process."""
    with postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: Postgresql) -> str:
    """An empty database."""
    return postgresql_server.database()
