"""Publishing beside influxdb-client's serialiser and garmin-grafana's way: points as dicts, by its client, 20,000 at a time.

The engine is Debian's influxd. Ours goes to it through the tests' proxy, in a process of its own; the peer goes straight to it.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from afoot.app import App, open_app
from afoot.publishing import publish
from benchmarks.store import Batch, batches
from devices.recording import METRICS, Device
from ingest import people, prescriptions
from ingest.evidence import from_minutes
from ingest.minutes import ABSENT, MINUTES_PER_DAY
from ingest.publishing.influx import Influx
from ingest.publishing.lines import Column, Series, build_lines
from ingest.store import add
from rules.prescription import Prescription
from tests.influx.proxy import serve
from tests.influx.rig import TOKEN, Influxd

PATIENTS, DAYS = 10, 60
PEER_POINTS, PEER_AT_ONCE = 60_000, 20_000
RUNS = 3
FIRST = date(2026, 1, 12)


def make_series(some: Sequence[Batch]) -> list[Series]:
    """Return the minutes of each patient as one series, as they are published."""
    found = []
    for patient in sorted({patient for patient, _, _ in some}):
        days = [(day, minutes) for owner, day, minutes in some if owner == patient]
        columns = {name: np.concatenate([minutes[name] for _, minutes in days]) for name in ("steps", "heart_rate")}
        times = np.concatenate([60 * (day * MINUTES_PER_DAY + np.arange(MINUTES_PER_DAY)) for day, _ in days])
        fields = {name: Column(values, values != ABSENT) for name, values in columns.items()}
        fields["state"] = Column(np.where(fields["steps"].known, 3, 0), np.ones(times.size, dtype=np.bool_))
        found.append(Series("minutes", {"patient": f"{patient:016x}", "source": "merged"}, times, fields))
    return found


def frame_of(series: Series) -> pd.DataFrame:
    """Return the series as influxdb-client's serialiser takes it: nullable integers, or unknown ones would become floats."""
    columns = {name: pd.array(one.values, dtype="Int64") for name, one in series.fields.items()}
    for name, column in columns.items():
        column[~series.fields[name].known] = pd.NA
    return pd.DataFrame(columns, index=pd.to_datetime(series.times, unit="s")).assign(**series.tags)


def serialise(frame: pd.DataFrame) -> list[str]:
    from influxdb_client.client.write.dataframe_serializer import DataframeSerializer
    from influxdb_client.client.write_api import PointSettings

    names = {"data_frame_measurement_name": "minutes", "data_frame_tag_columns": ["patient", "source"]}
    lines: list[str] = DataframeSerializer(frame, PointSettings(), precision="s", **names).serialize()
    return lines


def dicts_of(series: Series, count: int) -> Iterator[dict[str, Any]]:
    """Yield points as garmin-grafana makes them: a dict each, its time as text."""
    for row in range(count):
        known = {name: int(one.values[row]) for name, one in series.fields.items() if one.known[row]}
        at = datetime.fromtimestamp(int(series.times[row]), UTC).isoformat()
        yield {"measurement": "minutes", "time": at, "tags": dict(series.tags), "fields": known}


@contextmanager
def server() -> Iterator[tuple[Influxd, str] | None]:
    """Yield influxd and the URL of the proxy before it; None where there is none."""
    program = shutil.which("influxd")
    if program is None:
        yield None
        return
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="afoot-bench-", ignore_cleanup_errors=True) as name:
        influxd = Influxd(program, Path(name))
        ours, theirs = context.Pipe()
        try:
            influxd.start()
            door = context.Process(target=serve, args=(f"127.0.0.1:{influxd.port}", TOKEN, theirs), daemon=True)
            door.start()
            try:
                yield influxd, f"http://127.0.0.1:{ours.recv()}"
            finally:
                door.terminate()
                door.join()
        finally:
            influxd.kill()


def write_ours(url: str, made: Sequence[Series]) -> float:
    """Return points a second, from columns to the last answer."""
    with Influx(url, "afoot", TOKEN) as influx:
        influx.ensure_bucket("bench")
        begun = time.perf_counter()
        count = 0
        for series in made:
            lines = build_lines(series)
            if influx.write("bench", lines):
                raise RuntimeError("the benchmark's lines are not taken")
            count += len(lines)
        return count / (time.perf_counter() - begun)


def write_peer(port: int, series: Series) -> float:
    from influxdb import InfluxDBClient

    client = InfluxDBClient(host="127.0.0.1", port=port, database="peer")
    client.create_database("peer")
    count = min(PEER_POINTS, series.times.size)
    begun = time.perf_counter()
    points = list(dicts_of(series, count))
    for first in range(0, count, PEER_AT_ONCE):
        client.write_points(points[first : first + PEER_AT_ONCE])
    speed = count / (time.perf_counter() - begun)
    client.close()
    return speed


def fill_store(folder: Path, some: Sequence[Batch]) -> App:
    """Return a program whose patients have these minutes and a prescription."""
    app = open_app(folder)
    body = Prescription(author="bench", effective=FIRST, reason="bench", surgery_date=FIRST, baseline_steps=5000)
    owners: dict[int, tuple[int, int]] = {}
    with app.store.writing() as connection:
        for number in sorted({patient for patient, _, _ in some}):
            patient = people.add_patient(connection, f"p{number}", "UTC", 0)
            prescriptions.add_version(connection, patient.id, FIRST, body.model_dump(mode="json"), 0)
            owners[number] = (patient.id, people.own_device(connection, patient.id, Device("v", "m", str(number))))
        for number, day, minutes in some:
            for metric, values in minutes.items():
                add(connection, *owners[number], metric, from_minutes(METRICS[metric], day, values, ABSENT))
    return app


def publish_all(folder: Path, url: str, some: Sequence[Batch]) -> float:
    """Return points a second of publishing a whole store: read, merged, judged, made, written, remembered."""
    app = fill_store(folder, some)
    try:
        with Influx(url, "afoot", TOKEN) as influx:
            begun = time.perf_counter()
            done = publish(app.store, influx, app.now_ms)
            spent = time.perf_counter() - begun
    finally:
        app.close()
    if done.state != "done" or done.refused:
        raise RuntimeError(f"the benchmark's store could not be published: {done}")
    return done.lines / spent


def _best(work: Callable[[], Any], count: int) -> float:
    """Return lines a second of the best of some runs: other work on the machine only ever adds."""
    spent = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return count / min(spent)


def table() -> list[dict[str, object]]:
    """Return the rows of the table; see benchmarks/__main__.py."""
    some = [one for one in batches() if one[1] < (FIRST - date(1970, 1, 1) + timedelta(days=DAYS)).days]
    made = make_series(some)
    lines, frame = build_lines(made[0]), frame_of(made[0])
    if serialise(frame) != lines:
        raise RuntimeError("the lines are not those of influxdb-client")
    ours, peer = _best(lambda: build_lines(made[0]), len(lines)), _best(lambda: serialise(frame), len(lines))
    rows: list[dict[str, object]] = [
        {
            "what": "line protocol of a patient's minutes, the same lines",
            "ours": ours / 1e6,
            "peer": peer / 1e6,
            "peer_name": "influxdb-client, DataFrame",
            "ratio": ours / peer,
            "unit": "M lines/s",
            "required": ">= 10x",
        }
    ]
    blank: dict[str, object] = {
        "peer": None,
        "peer_name": "garmin-grafana's way",
        "ratio": None,
        "unit": "points/s",
        "required": ">= 200,000",
    }
    what = ("points from columns to the engine", f"a store of {PATIENTS} patients x {DAYS} days to the engine, all of it")
    with server() as found, tempfile.TemporaryDirectory(prefix="afoot-bench-") as name:
        if found is None:
            return rows + [blank | {"what": one, "ours": "skipped: no influxd (Debian: influxdb)"} for one in what]
        influxd, url = found
        dicts = write_peer(influxd.port, made[0])
        written = max(write_ours(url, made) for _ in range(RUNS))
        whole = publish_all(Path(name), url, some)
    for said, speed in zip(what, (written, whole), strict=True):
        rows.append(blank | {"what": said, "ours": speed, "peer": dicts, "ratio": speed / dicts})
    return rows
