"""A real InfluxDB for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.influx.rig import Rig, influx_rig


@pytest.fixture(scope="session")
def influx_server() -> Iterator[Rig]:
    with influx_rig() as rig:
        yield rig


@pytest.fixture
def influx(influx_server: Rig) -> Rig:
    """The server, with nothing of afoot's in it."""
    influx_server.reset()
    return influx_server
