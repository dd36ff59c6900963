"""What a device said over a stretch of time, as intervals: the samples that its minutes were made of."""

from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection, select

from devices.recording import DAY_MS, MINUTE_MS, Metric, Ms, Values
from ingest import spans, tables
from ingest.blocks import decode_minutes
from ingest.evidence import NOTHING, Evidence, combine, decode, from_minutes
from ingest.exports.wall import Stretch
from ingest.known import Column
from ingest.minutes import ABSENT, Told, as_intervals
from ingest.store import PERIOD_DAYS


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Samples by (start, end): start_ms, end_ms (n,) int64, value (n,) int32; of a `sum`, a measured nothing is a 0."""

    start_ms: Ms
    end_ms: Ms
    value: Values


def read_said(connection: Connection, patient_id: int, device_id: int, metric: Metric, stretch: Stretch) -> Said:
    """Return the samples that begin within the stretch, whole; of the first stretch also those that reach into it.

    Counters are told by the intervals between their readings. Time of no steps is cut at the days of UTC and at the edges.
    Raises: DamagedStore
    """
    start_ms, end_ms = stretch.start_ms, stretch.end_ms
    whole = _read_evidence(connection, patient_id, device_id, metric, start_ms // DAY_MS, (end_ms - 1) // DAY_MS)
    if len(whole.at_ms):
        whole = _without_readings(metric, whole)
    start, end, value = whole.start_ms, whole.end_ms, whole.value
    chosen = (start >= start_ms) & (start < end_ms)
    if stretch.is_first:
        chosen |= (start < start_ms) & (end > start_ms)
    start, end, value = start[chosen], end[chosen], value[chosen]
    if metric.kind == "mean":
        return Said(start, end, value)
    own_time = spans.union(np.stack((whole.start_ms, whole.end_ms), axis=1))
    still = spans.subtract(spans.union(np.clip(whole.coverage, start_ms, end_ms)), own_time)
    still = spans.split_days(still, DAY_MS)
    start, end = np.concatenate((start, still[:, 0])), np.concatenate((end, still[:, 1]))
    value = np.concatenate((value, np.zeros(len(still), dtype=np.int32)))
    order = np.lexsort((end, start))
    return Said(start[order], end[order], value[order])


def _read_evidence(
    connection: Connection, patient_id: int, device_id: int, metric: Metric, first_day: int, last_day: int
) -> Evidence:
    """Return the evidence of the days, with as much around them as the intervals between a counter's readings can need."""
    table = tables.minutes
    rows = connection.execute(
        select(table.c.day, table.c.block, table.c.evidence)
        .where(table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.metric == metric.name)
        .where(table.c.day.between(first_day - PERIOD_DAYS, last_day + 1))
    )
    parts = [
        from_minutes(metric, day, decode_minutes([block])[0], ABSENT) if evidence is None else decode(metric, day, evidence)
        for day, block, evidence in rows
    ]
    return combine(metric, parts)


def _without_readings(metric: Metric, evidence: Evidence) -> Evidence:
    """Return evidence without readings that makes the same minutes."""
    told, *_ = as_intervals(evidence)
    # A reading is a tick of a millisecond there; only where it completes a minute does that millisecond say anything.
    is_tick = np.isin(told.coverage[:, 1] - 1, evidence.at_ms) & (told.coverage[:, 1] % MINUTE_MS != 0)
    coverage = np.stack((told.coverage[:, 0], told.coverage[:, 1] - is_tick), axis=1)
    start, end, value = _walked_minutes(told)
    return combine(metric, [replace(NOTHING, start_ms=start, end_ms=end, value=value.astype(np.int32), coverage=coverage)])


def _walked_minutes(told: Told) -> tuple[Ms, Ms, Column]:
    """Return the intervals, those that were walked throughout as the minutes that they were placed in: as intervals they would
    pass for coarser ones."""
    start, end, value = told.start_ms, told.end_ms, told.value
    fine = (end - start > MINUTE_MS) & (told.resolution_ms <= MINUTE_MS)
    if not fine.any():
        return start, end, value
    whole_start, length, total = start[fine], (end - start)[fine], value[fine]
    pieces = spans.split_days(np.stack((whole_start, end[fine]), axis=1), MINUTE_MS)
    row = np.searchsorted(whole_start, pieces[:, 0], side="right") - 1
    low, high = pieces[:, 0] - whole_start[row], pieces[:, 1] - whole_start[row]
    placed = total[row] * high // length[row] - total[row] * low // length[row]
    return (
        np.concatenate((start[~fine], pieces[:, 0])),
        np.concatenate((end[~fine], pieces[:, 1])),
        np.concatenate((value[~fine], placed)),
    )
