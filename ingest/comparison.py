"""What a vendor says a day amounts to, beside the sum of that device's own minutes. Neither is corrected by the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from devices.recording import DAY_MS, MINUTE_MS
from ingest import tables
from ingest.known import known_minutes, sum_between
from ingest.local_days import LocalDay
from ingest.store import read_minutes

DAYS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Comparison:
    """One local day of one device.

    ours:       the sum of the known minutes; None if none is known
    vendor:     what the vendor says of that date
    difference: ours - vendor; None if none is known. Below zero is to be expected where `share` is below 1
    share:      of the day's minutes, those known
    """

    device_id: int
    day: date
    ours: int | None
    vendor: int
    difference: int | None
    share: float


def compare_totals(connection: Connection, patient_id: int, days: Sequence[LocalDay], metric: str = "steps") -> list[Comparison]:
    """Return every day total of the vendors within the local days beside our own sum, by day and device."""
    rows: list[Comparison] = []
    for first in range(0, len(days), DAYS_AT_ONCE):
        rows += _compare(connection, patient_id, days[first : first + DAYS_AT_ONCE], metric)
    return rows


def _compare(connection: Connection, patient_id: int, days: Sequence[LocalDay], metric: str) -> list[Comparison]:
    table = tables.totals
    totals = connection.execute(
        select(table.c.device_id, table.c.day, table.c.value)
        .where(table.c.patient_id == patient_id, table.c.metric == metric)
        .where(table.c.day.between(days[0].day, days[-1].day))
        .order_by(table.c.day, table.c.device_id)
    ).all()
    if not totals:
        return []
    index = {day.day: row for row, day in enumerate(days)}
    start, end = (np.array(edges, dtype=np.int64) for edges in zip(*((day.start_ms, day.end_ms) for day in days), strict=True))
    grids = read_minutes(connection, patient_id, metric, int(start[0]) // DAY_MS, (int(end[-1]) - 1) // DAY_MS)
    own = {found.device_id: sum_between(known_minutes(found.grid), start, end) for found in grids}
    nothing = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    rows = []
    for device_id, day, vendor in totals:
        if day not in index:
            continue  # a date that the wearer flew over
        row = index[day]
        total, known = (int(column[row]) for column in own.get(device_id, nothing))
        minutes = int(end[row] - start[row]) // MINUTE_MS
        ours = total if known else None
        difference = None if ours is None else ours - vendor
        rows.append(Comparison(device_id, day, ours, vendor, difference, known / minutes))
    return rows
