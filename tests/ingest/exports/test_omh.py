"""Open mHealth: the shape of the schemas, unknown minutes in no data point, and back through our own reader."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from ingest.exports.omh import write_omh
from ingest.local_days import LocalDay, local_days
from ingest.people import Patient
from tests.ingest.exports.making import PHONE, RING, add_patient, bring_back, export, minutes_of, put, walk_through
from tests.ingest.making import DAY, MINUTE, intervals, open_store

MARCH = int(datetime(2024, 3, 30, tzinfo=UTC).timestamp()) * 1000
NOW = MARCH + 30 * DAY


def as_omh(connection: Connection, patient: Patient, days: Sequence[LocalDay]) -> bytes:
    text = io.StringIO()
    write_omh(connection, patient, days, text, at_ms=NOW)
    return text.getvalue().encode()


def check_point(point: dict[str, Any]) -> None:
    """What step-count 3.0, data-point 1.0 and header 1.2 require."""
    header, body = point["header"], point["body"]
    assert set(point) == {"header", "body"}
    assert isinstance(header["id"], str)
    datetime.fromisoformat(header["creation_date_time"])
    assert header["schema_id"] == {"namespace": "omh", "name": "step-count", "version": "3.0"}
    assert isinstance(header["acquisition_provenance"]["source_name"], str)
    assert header["acquisition_provenance"]["modality"] in ("sensed", "self-reported")
    assert set(body) == {"step_count", "effective_time_frame"}
    assert isinstance(body["step_count"]["value"], int)
    assert body["step_count"]["unit"] == "steps"
    assert set(body["effective_time_frame"]) == {"time_interval"}
    interval = body["effective_time_frame"]["time_interval"]
    assert set(interval) == {"start_date_time", "end_date_time"}
    start, end = (datetime.fromisoformat(interval[name]) for name in ("start_date_time", "end_date_time"))
    assert start.tzinfo is not None
    assert timedelta() < end - start <= timedelta(hours=1)


def test_nothing_stored_is_an_empty_list(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert json.loads(export(store, add_patient(store), as_omh)) == []


def test_each_data_point_has_the_shape_of_its_schema_and_each_known_minute_is_in_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    walked = walk_through(rng, MARCH, 2 * 1440)
    covered = [(MARCH, MARCH + 20 * 3_600_000), (MARCH + 22 * 3_600_000, MARCH + 2 * DAY)]
    known = {at: 0 for first, last in covered for at in range(first, last, MINUTE)} | {start: value for start, _, value in walked}
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(walked, covered)])
        points = json.loads(export(store, patient, as_omh))
    told: dict[int, int] = {}
    for point in points:
        check_point(point)
        assert point["header"]["user_id"] == patient.pseudonym
        assert point["header"]["acquisition_provenance"]["source_name"] == RING.key
        interval = point["body"]["effective_time_frame"]["time_interval"]
        first, last = (
            int(datetime.fromisoformat(interval[edge]).timestamp()) * 1000 for edge in ("start_date_time", "end_date_time")
        )
        value = point["body"]["step_count"]["value"]
        assert value == 0 or last - first == MINUTE
        for at in range(first, last, MINUTE):
            assert at not in told
            told[at] = value
    assert told == known
    assert len({point["header"]["id"] for point in points}) == len(points)


def test_what_our_reader_makes_of_it_are_the_same_minutes(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(walk_through(rng, MARCH, 3 * 1440), [(MARCH, MARCH + 3 * DAY)])])
        put(store, patient, PHONE, [intervals(walk_through(rng, MARCH + DAY, 900))])
        first = export(store, patient, as_omh)
        (tmp_path / "again").mkdir()
        with open_store(tmp_path / "again") as again:
            other = add_patient(again)
            assert bring_back(tmp_path / "again", again, other, first, "points.json").rejects == ()
            assert minutes_of(again, other, ["steps"]) == minutes_of(store, patient, ["steps"])
            second = export(again, other, as_omh)
        assert [point["body"] for point in json.loads(second)] == [point["body"] for point in json.loads(first)]


def test_minutes_of_coarse_intervals_say_so(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([(MARCH, MARCH + 15 * MINUTE, 30)])])
        put(store, patient, PHONE, [intervals([(MARCH, MARCH + MINUTE, 30)])])
        points = json.loads(export(store, patient, as_omh))
    coarse = {
        point["header"]["acquisition_provenance"]["source_name"]: point["header"].get("afoot_resolution_s") for point in points
    }
    assert coarse == {RING.key: 900, PHONE.key: None}
    assert sum(point["body"]["step_count"]["value"] for point in points) == 60


def test_a_range_holds_the_minutes_of_its_local_days(tmp_path: Path) -> None:
    days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 3, 31), date(2024, 3, 31))
    rows = [(at, at + MINUTE, 1) for at in range(MARCH, MARCH + 3 * DAY, MINUTE)]
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(rows)])
        points = json.loads(export(store, patient, as_omh, days))
    starts = [point["body"]["effective_time_frame"]["time_interval"]["start_date_time"] for point in points]
    assert len(starts) == 23 * 60
    assert (starts[0], starts[-1]) == ("2024-03-31T00:00:00+01:00", "2024-03-31T23:59:00+02:00")


def test_the_id_of_an_interval_stays_the_same(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals([(MARCH, MARCH + MINUTE, 3)])])
        before = [point["header"]["id"] for point in json.loads(export(store, patient, as_omh))]
        put(store, patient, RING, [intervals([(MARCH + DAY, MARCH + DAY + MINUTE, 3)])])
        put(store, patient, PHONE, [intervals([(MARCH, MARCH + MINUTE, 3)])])
        after = [point["header"]["id"] for point in json.loads(export(store, patient, as_omh))]
    assert len(set(after)) == 3
    assert set(before) < set(after)
