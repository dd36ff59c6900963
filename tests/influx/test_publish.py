"""What is published is what the store says, on a real server: at first, again, late, moved, erased, whatever goes wrong."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from afoot.app import App, open_app
from tests.influx import clinic
from tests.influx.clinic import Clock, run, same_as_store
from tests.influx.rig import Rig

pytestmark = pytest.mark.live
SPINE, OPERATORS = "afoot_spine", "afoot__operators"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[date, list[Path]]]:
    return clinic.make_exports(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, exports: dict[str, dict[date, list[Path]]]) -> Path:
    """A program with all but the last two days of its patients."""
    folder = tmp_path_factory.mktemp("home")
    app = open_app(folder)
    clinic.fill(app, exports, clinic.DAYS - 2)
    app.close()
    return folder


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[App]:
    with clinic.copied(home, tmp_path) as app:
        yield app


def all_same(app: App, rig: Rig) -> None:
    same_as_store(app, rig, "Anna", SPINE)
    same_as_store(app, rig, "Ben", OPERATORS)


def test_all_that_the_store_says_is_there(app: App, influx: Rig) -> None:
    done = run(app, influx)
    assert (done.state, done.problem, done.patients, done.refused, done.queued) == ("done", "", 2, 0, 0)
    all_same(app, influx)
