"""The service in a home of its own, on the test's clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.making import Clinic, open_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home") as opened:
        yield opened
