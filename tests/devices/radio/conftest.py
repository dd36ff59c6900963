"""One wearer's ten days around the begin of summer time, and the instant at which most syncs begin."""

from datetime import UTC, date, datetime

import pytest

from devices.virtual import Day, Wearer, days_from, truth

NOW = round(datetime(2026, 3, 29, 12, 10, 7, tzinfo=UTC).timestamp() * 1000)  # summer time began at 01:00Z
BERLIN_S = 7200


@pytest.fixture(scope="session")
def days() -> list[Day]:
    return truth(Wearer(5, date(2026, 2, 2), faults=0), days_from(date(2026, 3, 20), 13))
