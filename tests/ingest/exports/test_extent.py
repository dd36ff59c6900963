"""Everything means every kind of row, whatever the zone."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from devices.recording import Span, SpanKind, VendorTotal
from ingest.exports.extent import every_day
from tests.ingest.exports.making import RING, add_patient, put
from tests.ingest.making import MINUTE, intervals, open_store

NOON = int(datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()) * 1000


def test_nothing_stored_is_no_day(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        with store.reading() as connection:
            assert every_day(connection, patient) == []


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
def test_minutes_spans_and_totals_each_count(tmp_path: Path, zone: str) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, zone)
        put(store, patient, RING, [intervals([(NOON, NOON + MINUTE, 5)])])
        put(store, patient, RING, spans=[Span(SpanKind.SLEEP, NOON + 9 * 86_400_000, NOON + 11 * 86_400_000, {"stage": "deep"})])
        put(store, patient, RING, totals=[VendorTotal(date(2024, 3, 3), "steps", 1)])
        with store.reading() as connection:
            days = every_day(connection, patient)
        assert days[0].day == date(2024, 3, 3)
        assert days[-1].end_ms >= NOON + 11 * 86_400_000
        assert [one.end_ms for one in days[:-1]] == [two.start_ms for two in days[1:]]
