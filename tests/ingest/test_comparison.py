"""Vendor totals beside our own sums: against plain loops, on days of 23, 24 and 25 hours, and while travelling."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from ingest import tables
from ingest.comparison import Comparison, compare_totals
from ingest.local_days import LocalDay, OffsetReading, local_days
from ingest.store import Store, add, upsert
from tests.ingest.making import MINUTE, evidence, intervals, new_device, open_store


def put_total(store: Store, owner: tuple[int, int], day: date, value: int) -> None:
    row = {"patient_id": owner[0], "device_id": owner[1], "metric": "steps", "day": day, "value": value}
    with store.writing() as connection:
        upsert(connection, tables.totals, [row])


def compared(store: Store, patient: int, days: Sequence[LocalDay]) -> list[Comparison]:
    with store.reading() as connection:
        return compare_totals(connection, patient, days)


def test_days_around_both_clock_changes_against_a_loop(tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    rng = np.random.default_rng(3)
    with open_store(tmp_path) as store:
        owner = new_device(store, zone="Europe/Berlin")
        expected = []
        for first, last in ((date(2024, 3, 30), date(2024, 4, 1)), (date(2024, 10, 26), date(2024, 10, 28))):
            days = local_days([(-(2**62), "Europe/Berlin")], first, last)
            lower, upper = days[0].start_ms, days[-1].end_ms
            minutes = [at for at in range(lower, upper, MINUTE) if rng.random() < 0.7]
            values = {at: int(rng.integers(0, 120)) for at in minutes}
            with store.writing() as connection:
                rows = [(at, at + MINUTE, value) for at, value in values.items()]
                add(connection, *owner, "steps", evidence(intervals(rows)))
            for one in days:
                local = {
                    at: v
                    for at, v in values.items()
                    if datetime.fromtimestamp(at / 1000, UTC).astimezone(berlin).date() == one.day
                }
                hours = {date(2024, 3, 31): 23, date(2024, 10, 27): 25}.get(one.day, 24)
                put_total(store, owner, one.day, 4000)
                ours = sum(local.values())
                expected.append(Comparison(owner[1], one.day, ours, 4000, ours - 4000, len(local) / (60 * hours)))
        days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 3, 30), date(2024, 10, 28))
        assert compared(store, owner[0], days) == expected


def test_a_total_without_a_known_minute_is_unknown_and_not_zero(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put_total(store, owner, date(2024, 5, 2), 700)
        days = local_days([(-(2**62), "UTC")], date(2024, 5, 1), date(2024, 5, 3))
        assert compared(store, owner[0], days) == [Comparison(owner[1], date(2024, 5, 2), None, 700, None, 0.0)]
        assert compared(store, owner[0], days[2:]) == []


def test_each_device_and_patient_stands_alone(tmp_path: Path) -> None:
    days = local_days([(-(2**62), "UTC")], date(2024, 5, 1), date(2024, 5, 1))
    start = days[0].start_ms
    with open_store(tmp_path) as store:
        ring, phone, other = new_device(store, key="ring"), new_device(store, key="phone"), new_device(store, patient="q")
        for owner, value in ((ring, 10), (phone, 20), (other, 40)):
            with store.writing() as connection:
                add(connection, *owner, "steps", evidence(intervals([(start, start + MINUTE, value)])))
            put_total(store, owner, days[0].day, 15)
        found = compared(store, ring[0], days)
        assert [(row.device_id, row.ours, row.difference) for row in found] == [(ring[1], 10, -5), (phone[1], 20, 5)]


def test_the_day_of_a_flight_is_as_long_as_its_wearer_lived_it(tmp_path: Path) -> None:
    """From Berlin to New York on 2024-07-10: the clock goes back six hours at 12:00 UTC, so that date lasts 30 hours."""
    noon = int(datetime(2024, 7, 10, 12, tzinfo=UTC).timestamp()) * 1000
    readings = [OffsetReading(noon, -4 * 3600), OffsetReading(noon + 40 * 3_600_000, -4 * 3600)]
    days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 7, 10), date(2024, 7, 10), readings)
    start, end = days[0].start_ms, days[0].end_ms
    with open_store(tmp_path) as store:
        owner = new_device(store, zone="Europe/Berlin")
        with store.writing() as connection:
            rows = [(at, at + MINUTE, 1) for at in range(start - 60 * MINUTE, end + 60 * MINUTE, MINUTE)]
            add(connection, *owner, "steps", evidence(intervals(rows)))
        put_total(store, owner, days[0].day, 1800)
        assert compared(store, owner[0], days) == [Comparison(owner[1], days[0].day, 1800, 1800, 0, 1.0)]
