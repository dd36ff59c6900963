"""A real monitoring day, bytes to stored minutes, against a derivation by hand from what fitparse reads of it."""

from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import fitparse

from afoot.judging import judge_days
from devices.files.reader import ReadOptions
from ingest import people
from ingest.archive import Archive
from ingest.collect.files import find_files, import_files
from ingest.comparison import compare_totals
from ingest.minutes import ABSENT
from ingest.store import Store
from ingest.timeline import read_days, read_timeline
from tests.shared import shared

FIT_EPOCH = 631_065_600
WALKING, RUNNING = 6, 1


def minutes_by_hand(path: Path) -> dict[int, Fraction]:
    """Return steps by minute since 1970: each increment spread evenly over the time since the record before it."""
    now, steps_before, time_before = 0, {WALKING: 0, RUNNING: 0}, 0
    running_sum: dict[int, Fraction] = defaultdict(Fraction)
    for message in fitparse.FitFile(str(path)).get_messages():
        values = {field.name: field.raw_value for field in message.fields if field.raw_value is not None}
        if message.name == "monitoring_info":
            now = time_before = values["timestamp"]
        if message.name != "monitoring":
            continue
        if "timestamp_16" in values:
            now += (values["timestamp_16"] - now) & 0xFFFF
        else:
            now = values["timestamp"]
        kind = values.get("activity_type")
        if kind in steps_before and "cycles" in values:
            gained = values["cycles"] - steps_before[kind]
            steps_before[kind] = values["cycles"]
            for second in range(time_before, now):
                running_sum[(second + FIT_EPOCH) // 60] += Fraction(gained, now - time_before)
        if now > time_before:
            time_before = now
    return running_sum


def test_3173_steps_to_the_minute(tmp_path: Path) -> None:
    path = shared("samples/fit/python-fitparse/MonitoringFile.fit")
    store = Store(f"sqlite:///{tmp_path / 'afoot.db'}", durable=False)
    with store.writing() as connection:
        patient = people.add_patient(connection, "p", "America/Denver", 0)
    options = ReadOptions(ZoneInfo(patient.zone))
    (outcome,) = import_files(store, Archive(tmp_path / "archive"), patient, find_files([path]), options, 0)
    assert not outcome.refused
    with store.reading() as connection:
        (day,) = read_days(connection, patient, date(2014, 12, 27), date(2014, 12, 27))
        timeline = read_timeline(connection, patient, [day])
        (judged,) = judge_days(connection, patient)
        (compared,) = compare_totals(connection, patient.id, [day])
    store.close()
    assert judged.summary.day == date(2014, 12, 27)
    assert judged.summary.steps == 3173 == compared.ours == compared.vendor
    assert len(day) == 1440
    assert not (timeline.steps == ABSENT).any()
    expected = minutes_by_hand(path)
    first = day.start_ms // 60_000
    assert sum(expected.values()) == 3173
    for minute, steps in enumerate(timeline.steps.tolist()):
        # A minute holds whole steps: the fractions of each of the intervals that meet in it are rounded.
        assert abs(steps - expected.get(first + minute, 0)) < 1, minute
    assert max(timeline.steps.tolist()) == 65
