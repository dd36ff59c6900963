"""What cannot be true is unknown, whatever came first, until late data or a person say otherwise."""

import random
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from ingest import faults, people
from ingest.archive import Archive
from ingest.collect.files import import_files
from ingest.faults import FaultKind, find_faults
from ingest.minutes import ABSENT
from ingest.people import Patient
from ingest.store import Store
from ingest.timeline import Timeline, read_days, read_timeline
from rules.rule_settings import DeviceFault
from tests.shared import shared

DAY = date(2026, 3, 3)
START_MS = 1_772_496_000_000
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
KEY = "fitbit/fitabase/1"


@pytest.fixture
def patient(store: Store) -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, "Anna", "UTC", 0)


def minutes(changes: dict[int, int], until: int = 1440) -> bytes:
    rows = [f"1,3/3/2026 {at // 60:02}:{at % 60:02}:00,{changes.get(at, 5)}" for at in range(until)]
    return ("Id,ActivityMinute,Steps\n" + "\n".join(rows) + "\n").encode()


def hours(changes: dict[int, int]) -> bytes:
    rows = [f"1,3/3/2026 {at:02}:00:00,{changes.get(at, 300)}" for at in range(24)]
    return ("Id,ActivityHour,StepTotal\n" + "\n".join(rows) + "\n").encode()


def clock(at: str, offset: str) -> bytes:
    return f"start,value,vendor,model,serial\n2026-03-03T{at}{offset},5,fitbit,fitabase,1\n".encode()


def give(store: Store, folder: Path, patient: Patient, *files: bytes) -> None:
    for place, data in enumerate(files):
        sources = [BytesSource(data, f"{place}.csv")]
        options = ReadOptions(ZoneInfo("UTC"))
        for outcome in import_files(store, Archive(folder / "archive"), patient, sources, options, 0):
            assert not outcome.refused


def kinds(store: Store, patient: Patient) -> list[tuple[str, int, int]]:
    with store.reading() as connection:
        found = find_faults(connection, patient.id, START_MS, START_MS + 24 * HOUR_MS).faults
    return [(one.kind.value, (one.start_ms - START_MS) // MINUTE_MS, (one.end_ms - START_MS) // MINUTE_MS) for one in found]


def timeline(store: Store, patient: Patient) -> Timeline:
    with store.reading() as connection:
        return read_timeline(connection, patient, read_days(connection, patient, DAY, DAY))


def unknown(store: Store, patient: Patient) -> list[int]:
    """The minutes that are set aside: each of them is unknown, and no other minute is."""
    found = timeline(store, patient)
    assert ((found.steps == ABSENT) == found.set_aside).all()
    return np.flatnonzero(found.set_aside).tolist()


def test_the_limits_are_those_of_the_rule() -> None:
    rule = DeviceFault()
    assert (rule.max_spm, rule.vendor_share, rule.vendor_steps) == (faults.MAX_SPM, faults.VENDOR_SHARE, faults.VENDOR_STEPS)


def test_a_minute_that_nobody_can_have_walked(store: Store, tmp_path: Path, patient: Patient) -> None:
    give(store, tmp_path, patient, minutes({600: 221, 700: 220, 2: 300}))
    assert kinds(store, patient) == [("impossible_cadence", 0, 8), ("impossible_cadence", 595, 606)]
    assert unknown(store, patient) == [*range(8), *range(595, 606)]


@pytest.mark.parametrize(("vendor", "differs"), [(320, False), (321, True), (280, False), (279, True)])
def test_an_hour_that_does_not_add_up(store: Store, tmp_path: Path, patient: Patient, vendor: int, differs: bool) -> None:
    give(store, tmp_path, patient, minutes({}), hours({10: vendor}))
    assert kinds(store, patient) == ([("vendor_hour_differs", 600, 660)] if differs else [])
    assert unknown(store, patient) == (list(range(600, 660)) if differs else [])


def test_an_hour_that_is_not_all_known_is_no_fault_until_it_is(store: Store, tmp_path: Path, patient: Patient) -> None:
    give(store, tmp_path, patient, hours({10: 900}), minutes({}, until=659))
    assert kinds(store, patient) == []
    give(store, tmp_path, patient, minutes({}))
    assert kinds(store, patient) == [("vendor_hour_differs", 600, 660)]


def test_late_data_correct_it(store: Store, tmp_path: Path, patient: Patient) -> None:
    give(store, tmp_path, patient, hours({10: 400}), minutes({}))
    assert len(unknown(store, patient)) == 60
    give(store, tmp_path, patient, minutes({630: 105}))
    assert unknown(store, patient) == []


def test_an_hour_that_was_not_over_when_it_was_written_is_left_out(store: Store, tmp_path: Path, patient: Patient) -> None:
    begun = hours({12: 40} | dict.fromkeys(range(13, 24), 0))
    give(store, tmp_path, patient, begun, minutes({}))
    assert unknown(store, patient) == []
    with store.reading() as connection:
        assert len(find_faults(connection, patient.id, START_MS, START_MS + 24 * HOUR_MS).hours) == 12


@pytest.mark.parametrize(
    ("offset", "jumped"), [("+01:00", False), ("+05:45", False), ("-12:00", False), ("+02:07", True), ("-13:00", True)]
)
def test_a_clock_that_stands_as_nowhere_on_earth(
    store: Store, tmp_path: Path, patient: Patient, offset: str, jumped: bool
) -> None:
    give(store, tmp_path, patient, clock("20:00:00", "+00:00"), clock("10:00:00", offset))
    assert [kind for kind, _, _ in kinds(store, patient) if kind == FaultKind.CLOCK] == (["clock_jumped"] if jumped else [])


def test_a_person_lifts_it_and_takes_that_back(store: Store, tmp_path: Path, patient: Patient) -> None:
    give(store, tmp_path, patient, minutes({600: 230}), hours({10: 525, 20: 600}))
    assert len(unknown(store, patient)) == 11 + 60
    with store.writing() as connection:
        faults.trust_device(connection, patient.id, KEY, START_MS + 9 * HOUR_MS, START_MS + 12 * HOUR_MS, 0)
    assert unknown(store, patient) == list(range(1200, 1260))
    assert timeline(store, patient).steps[600] == 230
    with store.writing() as connection:
        faults.distrust_device(connection, patient.id, KEY)
    assert len(unknown(store, patient)) == 11 + 60


@pytest.mark.parametrize("seed", range(4))
def test_the_order_does_not_matter(store: Store, tmp_path: Path, patient: Patient, seed: int) -> None:
    files = [
        minutes({600: 250}, 700),
        minutes({}, 1000),
        minutes({630: 105}),
        hours({10: 590, 15: 1}),
        clock("12:00:00", "+02:07"),
    ]
    random.Random(seed).shuffle(files)
    give(store, tmp_path, patient, *files)
    assert {kind for kind, _, _ in kinds(store, patient)} == {"impossible_cadence", "vendor_hour_differs", "clock_jumped"}
    assert [kind for kind in kinds(store, patient) if kind[0] != "clock_jumped"] == [
        ("impossible_cadence", 595, 606),
        ("vendor_hour_differs", 600, 660),
        ("vendor_hour_differs", 900, 960),
    ]


def test_nothing_of_the_healthy_is_set_aside(tmp_path: Path) -> None:
    """Every whole hour of the public wearers is compared, and none differs."""
    folder = shared("validation/fitabase_fitbit")
    hourly, steps = pd.read_csv(folder / "fitbit_hourly_steps.csv"), pd.read_csv(folder / "minutes.csv.gz")
    store = Store(f"sqlite:///{tmp_path / 'afoot.db'}", durable=False)
    compared = 0
    for name, rows in steps.groupby("Id"):
        mine = hourly[hourly["Id"] == name]
        with store.writing() as connection:
            patient = people.add_patient(connection, str(name), "UTC", 0)
        of_minutes = "".join(f"{name},{at},{value}\n" for at, value in zip(rows["ts"], rows["steps"], strict=True))
        of_hours = "".join(f"{name},{at},{value}\n" for at, value in zip(mine["ts"], mine["StepTotal"], strict=True))
        give(
            store,
            tmp_path,
            patient,
            f"Id,ActivityMinute,Steps\n{of_minutes}".encode(),
            f"Id,ActivityHour,StepTotal\n{of_hours}".encode(),
        )
        with store.reading() as connection:
            found = find_faults(connection, patient.id, 1_459_000_000_000, 1_464_000_000_000)
        assert found.faults == ()
        compared += sum(hour.ours is not None for hour in found.hours)
    store.close()
    assert compared > 4000
