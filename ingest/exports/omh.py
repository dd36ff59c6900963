"""Open mHealth data points: step-count 3.0, each of one device, in a JSON list with one data point a line.

Source: schemas omh:data-point 1.0, omh:header 1.2, omh:step-count 3.0, omh:time-interval 1.0.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TextIO

import numpy as np
from sqlalchemy import Connection

from devices.recording import DAY_MS
from ingest.exports.jsontext import NUMBER, TEXT, Ids, Template
from ingest.exports.runs import find_runs
from ingest.exports.wall import Stretch, Wall, by_month
from ingest.known import known_minutes, part
from ingest.local_days import LocalDay
from ingest.people import OwnedDevice, Patient, list_devices
from ingest.store import read_minutes

_MINUTE_S = 60


def write_omh(connection: Connection, patient: Patient, days: Sequence[LocalDay], out: TextIO, *, at_ms: int) -> None:
    """Write the known step minutes of each of the patient's devices within the local days; unknown ones are in no data point.

    Time without steps is one data point an hour at most; its count of 0 was measured. Minutes of a day whose device counted
    over longer intervals say so in their header: `afoot_resolution_s`.
    at_ms: now, which the header asks for. Raises: DamagedStore, OSError
    """
    created = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    before = "[\n"
    for text in _points(connection, patient, days, created):
        out.write(before)
        out.write(text)
        before = ",\n"
    out.write("\n]\n" if before == ",\n" else "[]\n")


def _points(connection: Connection, patient: Patient, days: Sequence[LocalDay], created: str) -> Iterator[str]:
    if not days:
        return
    wall = Wall(days)
    devices = sorted(list_devices(connection, patient.id), key=lambda owned: owned.device.key)
    for stretch in by_month(days):
        for owned in devices:
            yield from _points_of(connection, patient, owned, stretch, wall, created)


def _points_of(
    connection: Connection, patient: Patient, owned: OwnedDevice, stretch: Stretch, wall: Wall, created: str
) -> Iterator[str]:
    first_day, last_day = stretch.start_ms // DAY_MS, (stretch.end_ms - 1) // DAY_MS
    for found in read_minutes(connection, patient.id, "steps", first_day, last_day, owned.id):
        known = part(known_minutes(found.grid), stretch.start_ms, stretch.end_ms)
        runs = find_runs(known.minute, known.value)
        ids = Ids(patient.pseudonym, owned.device.key).at("step-count", runs.start_ms.tolist())
        columns = (ids, map(str, runs.value.tolist()), wall.texts(runs.start_ms), wall.texts(runs.end_ms))
        rows = list(zip(*columns, strict=True))
        resolution_s = found.grid.resolution_s[np.searchsorted(found.grid.days, runs.start_ms // DAY_MS)]
        changes = np.flatnonzero(np.diff(resolution_s, prepend=-1, append=-1)).tolist()
        for first, last in pairwise(changes):
            template = _template(patient, owned, created, int(resolution_s[first]))
            yield from template.fill(*zip(*rows[first:last], strict=True))


def _template(patient: Patient, owned: OwnedDevice, created: str, resolution_s: int) -> Template:
    header: dict[str, object] = {
        "id": TEXT,
        "creation_date_time": created,
        "schema_id": {"namespace": "omh", "name": "step-count", "version": "3.0"},
        "acquisition_provenance": {"source_name": owned.device.key, "modality": "sensed"},
        "user_id": patient.pseudonym,
    }
    if resolution_s > _MINUTE_S:
        header["afoot_resolution_s"] = resolution_s
    interval = {"start_date_time": TEXT, "end_date_time": TEXT}
    body = {"step_count": {"value": NUMBER, "unit": "steps"}, "effective_time_frame": {"time_interval": interval}}
    return Template({"header": header, "body": body})
