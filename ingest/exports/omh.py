"""Open mHealth data points: step-count 3.0, each of one device, in a JSON list with one data point a line.

Source: schemas omh:data-point 1.0, omh:header 1.2, omh:step-count 3.0, omh:time-interval 1.0.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import numpy as np
from sqlalchemy import Connection

from devices.recording import DAY_MS
from ingest.exports.runs import find_runs
from ingest.exports.wall import Stretch, Wall, by_month
from ingest.known import known_minutes, part
from ingest.local_days import LocalDay
from ingest.people import OwnedDevice, Patient, list_devices
from ingest.store import read_minutes

MINUTE_S = 60
_SCHEMA = {"namespace": "omh", "name": "step-count", "version": "3.0"}


def write_omh(connection: Connection, patient: Patient, days: Sequence[LocalDay], out: TextIO, *, at_ms: int) -> None:
    """Write the known step minutes of each of the patient's devices within the local days; unknown ones are in no data point.

    Time without steps is one data point an hour at most; its count of 0 was measured. Minutes of a day whose device counted
    over longer intervals say so in their header: `afoot_resolution_s`.
    at_ms: now, which the header asks for. Raises: DamagedStore, OSError
    """
    created = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    before = "[\n"
    for point in _points(connection, patient, days, created):
        out.write(before + json.dumps(point, ensure_ascii=False, separators=(",", ":")))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _points(connection: Connection, patient: Patient, days: Sequence[LocalDay], created: str) -> Iterator[dict[str, Any]]:
    if not days:
        return
    wall = Wall(days)
    devices = sorted(list_devices(connection, patient.id), key=lambda owned: owned.device.key)
    for stretch in by_month(days):
        for owned in devices:
            yield from _points_of(connection, patient, owned, stretch, wall, created)


def _points_of(
    connection: Connection, patient: Patient, owned: OwnedDevice, stretch: Stretch, wall: Wall, created: str
) -> Iterator[dict[str, Any]]:
    first_day, last_day = stretch.start_ms // DAY_MS, (stretch.end_ms - 1) // DAY_MS
    # The same interval has the same id in every export.
    series = uuid.uuid5(uuid.NAMESPACE_OID, f"{patient.pseudonym} {owned.device.key} step-count")
    provenance = {"source_name": owned.device.key, "modality": "sensed"}
    for found in read_minutes(connection, patient.id, "steps", first_day, last_day, owned.id):
        known = part(known_minutes(found.grid), stretch.start_ms, stretch.end_ms)
        runs = find_runs(known.minute, known.value)
        resolution_s = found.grid.resolution_s[np.searchsorted(found.grid.days, runs.start_ms // DAY_MS)].tolist()
        times = (runs.start_ms.tolist(), wall.texts(runs.start_ms), wall.texts(runs.end_ms))
        for at, start, end, value, resolution in zip(*times, runs.value.tolist(), resolution_s, strict=True):
            header: dict[str, Any] = {
                "id": str(uuid.uuid5(series, str(at))),
                "creation_date_time": created,
                "schema_id": _SCHEMA,
                "acquisition_provenance": provenance,
                "user_id": patient.pseudonym,
            }
            if resolution > MINUTE_S:
                header["afoot_resolution_s"] = resolution
            interval = {"start_date_time": start, "end_date_time": end}
            body = {"step_count": {"value": value, "unit": "steps"}, "effective_time_frame": {"time_interval": interval}}
            yield {"header": header, "body": body}
