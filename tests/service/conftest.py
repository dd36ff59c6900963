"""The service in a home of its own, on the test's clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from afoot.service import secret
from tests.service.making import Clinic, open_clinic


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking one takes a fifth of a second by design; one test sees to that."""
    monkeypatch.setattr(secret, "_COST", 1 << 8)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home") as opened:
        yield opened
