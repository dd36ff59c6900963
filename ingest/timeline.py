"""The patient's timeline: the minutes of several devices made one, never summed, each minute from the device to believe.

For each minute, of the devices that know its steps and do not say that they are off the body: first the one whose wearer has a
pulse, then one that takes no pulse at all, then one that should have a pulse and has none; then by priority, more steps, key.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, bindparam, func, select

from devices.recording import DAY_MS, MINUTE_MS, SpanKind
from ingest import people, tables
from ingest.faults import find_faults
from ingest.local_days import EPOCH, LocalDay, OffsetReading, local_days
from ingest.minutes import ABSENT, MINUTES_PER_DAY, Minutes
from ingest.people import OwnedDevice, Patient
from ingest.store import read_minutes

# A pulse this near says that the device is on the body [G].
PULSE_NEAR_MIN = 10
# Marks of what is off the body are made of samples this far apart at most, so they begin and end that late [G].
MARK_EDGE_MIN = 5
# Beside the days asked for lie this many minutes more, so that a mark's edges are found where they are, whichever days those are.
_NEAR_MS = MARK_EDGE_MIN * MINUTE_MS
_ASKED = slice(MARK_EDGE_MIN, -MARK_EDGE_MIN)
# A device that gave less than this share of a day's known minutes does not set its resolution [G].
RESOLUTION_SHARE = 0.1

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One patient over whole local days. Columns have a row for each elapsed minute since start_ms, over all days.

    days:      the local days, in order, without a hole between them
    steps, heart_rate, counts: (n,) int16, ABSENT where unknown
    not_worn, charging: (n,) bool: what devices say of the minutes for which none is to be believed
    asleep:    (n,) bool, by a sleep record.  recorded: (n,) bool, the record itself, its waking parts included
    source:    (n,) int16, the row in `devices` that gave the steps; -1 where unknown
    says_worn: (n,) bool, the minute's source is a device that reports when it is not worn
    resolution_s: (d,) int32, of each local day
    unplaced:  steps counted in these days that no minute holds
    set_aside: (n,) bool, unknown because what a device says of it cannot be true
    """

    days: list[LocalDay]
    devices: list[OwnedDevice]
    steps: Minutes
    heart_rate: Minutes
    counts: Minutes
    not_worn: Mask
    charging: Mask
    asleep: Mask
    recorded: Mask
    source: npt.NDArray[np.int16]
    says_worn: Mask
    resolution_s: npt.NDArray[np.int32]
    unplaced: int
    set_aside: Mask


_offsets, _owners, _spans, _minutes = (table.c for table in (tables.offsets, tables.devices, tables.spans, tables.minutes))
# Each judged day needs these: to build a statement takes longer than to run it.
_OFFSETS = (
    select(_offsets.at_ms, _offsets.offset_s, _owners.priority, _owners.key)
    .join_from(tables.offsets, tables.devices, _owners.id == _offsets.device_id)
    .where(_offsets.patient_id == bindparam("patient"), _offsets.at_ms.between(bindparam("start"), bindparam("end")))
)
_MARKS = (
    select(_spans.device_id, _spans.kind, _spans.start_ms, _spans.end_ms, _spans.attributes)
    .where(_spans.patient_id == bindparam("patient"), _spans.kind.in_([SpanKind.NOT_WORN, SpanKind.CHARGING, SpanKind.SLEEP]))
    .where(_spans.start_ms < bindparam("end"), _spans.end_ms > bindparam("start"))
)
_WEAR_REPORTERS = (
    select(_spans.device_id).where(_spans.patient_id == bindparam("patient"), _spans.kind == SpanKind.NOT_WORN).distinct()
)
_PULSE_TAKERS = select(_owners.id).where(
    _owners.patient_id == bindparam("patient"),
    select(_minutes.day)
    .where(_minutes.patient_id == bindparam("patient"), _minutes.device_id == _owners.id, _minutes.metric == "heart_rate")
    .exists(),
)


def read_days(connection: Connection, patient: Patient, first: date, last: date) -> list[LocalDay]:
    """Return the patient's local days first..last, as zones and the devices' clocks tell them; none if nobody lived any."""
    zones = people.zone_history(connection, patient)
    probe = local_days(zones, first, last)
    if not probe:
        return probe
    asked = {"patient": patient.id, "start": probe[0].start_ms - 3 * DAY_MS, "end": probe[-1].end_ms + 3 * DAY_MS}
    rows = connection.execute(_OFFSETS, asked).all()
    if not rows:
        return probe
    # As for minutes: the higher priority, then the first by key.
    owners_by_trust = sorted({(-row.priority, row.key) for row in rows}, reverse=True)
    order = {(-negative, key): rank for rank, (negative, key) in enumerate(owners_by_trust)}
    readings = [OffsetReading(row.at_ms, row.offset_s, order[row.priority, row.key]) for row in rows]
    return local_days(zones, first, last, readings)


def known_range(connection: Connection, patient: Patient) -> tuple[date, date] | None:
    """Return dates between which all stored minutes lie, whatever the zone; None if there are none."""
    table = tables.minutes
    query = select(func.min(table.c.day), func.max(table.c.day)).where(table.c.patient_id == patient.id)
    first, last = connection.execute(query).one()
    return None if first is None else (EPOCH + timedelta(days=first - 1), EPOCH + timedelta(days=last + 1))


def read_timeline(connection: Connection, patient: Patient, days: Sequence[LocalDay]) -> Timeline:
    """Merge what the patient's devices know of the days (from `read_days`; at least one)."""
    start, end = days[0].start_ms, days[-1].end_ms
    devices = people.list_devices(connection, patient.id)
    index = {device.id: row for row, device in enumerate(devices)}
    size = (end - start) // MINUTE_MS
    columns = {metric: np.full((len(devices), size), ABSENT, dtype=np.int16) for metric in ("steps", "heart_rate", "counts")}
    resolution = np.full((len(devices), (end - 1) // DAY_MS - start // DAY_MS + 1), 60, dtype=np.int32)
    unplaced = 0
    for metric, rows in columns.items():
        for found in read_minutes(connection, patient.id, metric, start // DAY_MS, (end - 1) // DAY_MS):
            row = index[found.device_id]
            _lay_out(rows[row], found.grid.days, found.grid.minutes, start)
            if metric == "steps":
                resolution[row, found.grid.days - start // DAY_MS] = found.grid.resolution_s
                unplaced += int(found.grid.unplaced.sum())
    marks, near = _read_marks(connection, patient.id, index, start, end)
    steps_near = _read_near(connection, patient.id, index, columns["steps"], near, start)
    aside = np.zeros(near.shape, dtype=np.bool_)
    for fault in find_faults(connection, patient.id, start - _NEAR_MS, end + _NEAR_MS).faults:
        edges = (fault.start_ms, fault.end_ms + MINUTE_MS - 1)
        lower, upper = (max(0, (edge - start + _NEAR_MS) // MINUTE_MS) for edge in edges)
        aside[index[fault.device_id], lower:upper] = True
    aside &= steps_near != ABSENT
    steps_near[aside] = ABSENT
    off, aside = _without_moving_edges(near, steps_near)[:, _ASKED], aside[:, _ASKED]
    # The pulse stays: it says that somebody wears the device, and rests on no step.
    columns["steps"][aside] = ABSENT
    columns["counts"][aside] = ABSENT
    source = _choose(
        columns["steps"], columns["heart_rate"], off, devices, _among(devices, _pulse_takers(connection, patient.id))
    )
    chosen = source >= 0
    column = np.arange(size)
    steps = np.full(size, ABSENT, dtype=np.int16)
    steps[chosen] = columns["steps"][source[chosen], column[chosen]]
    says = _among(devices, _wear_reporters(connection, patient.id))
    return Timeline(
        list(days),
        devices,
        steps,
        _first_known(columns["heart_rate"], source, off),
        _first_known(columns["counts"], source, off),
        _any(marks.not_worn) & ~chosen,
        _any(marks.charging) & ~chosen,
        _any(marks.asleep),
        _any(marks.recorded),
        source,
        chosen & says[source] if len(devices) else chosen,
        _day_resolutions(days, source, resolution, start),
        unplaced,
        _any(aside) & ~chosen,
    )


def _any(marks: Mask) -> Mask:
    return np.asarray(marks.any(axis=0), dtype=np.bool_)


def _lay_out(row: Minutes, days: npt.NDArray[np.int64], minutes: Minutes, start_ms: int) -> None:
    """Copy UTC day blocks into a row that begins at start_ms."""
    first = start_ms // MINUTE_MS
    for day, block in zip(days.tolist(), minutes, strict=True):
        offset = day * MINUTES_PER_DAY - first
        lower, upper = max(offset, 0), min(offset + MINUTES_PER_DAY, len(row))
        row[lower:upper] = block[lower - offset : upper - offset]


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Which minutes each device marked: (devices, n) bool. `recorded` is the sleep record, its waking parts included."""

    not_worn: Mask
    charging: Mask
    asleep: Mask
    recorded: Mask


def _read_marks(connection: Connection, patient_id: int, index: dict[int, int], start: int, end: int) -> tuple[_Marks, Mask]:
    """Return the marks of [start, end), and what is marked off the body of that and of the minutes near it."""
    start, end = start - _NEAR_MS, end + _NEAR_MS
    size = (end - start) // MINUTE_MS
    marks = _Marks(*(np.zeros((len(index), size), dtype=np.bool_) for _ in range(4)))
    by_kind = {SpanKind.NOT_WORN: marks.not_worn, SpanKind.CHARGING: marks.charging, SpanKind.SLEEP: marks.recorded}
    rows = connection.execute(_MARKS, {"patient": patient_id, "start": start, "end": end})
    for device_id, kind, first_ms, last_ms, attributes in rows:
        # A minute is marked if most of it is: spans have second edges.
        first, last = (max(0, (instant - start + MINUTE_MS // 2) // MINUTE_MS) for instant in (first_ms, last_ms))
        by_kind[SpanKind(kind)][index[device_id], first:last] = True
        if kind == SpanKind.SLEEP and json.loads(attributes).get("stage") != "awake":
            marks.asleep[index[device_id], first:last] = True
    asked = _Marks(*(one[:, _ASKED] for one in (marks.not_worn, marks.charging, marks.asleep, marks.recorded)))
    return asked, marks.not_worn | marks.charging


def _read_near(connection: Connection, patient_id: int, index: dict[int, int], steps: Minutes, off: Mask, start: int) -> Minutes:
    """Return the steps with those of the minutes near them, ABSENT where no mark reaches over the end of what is asked."""
    near = np.full(off.shape, ABSENT, dtype=np.int16)
    end = start + steps.shape[1] * MINUTE_MS
    for at, first_ms in ((MARK_EDGE_MIN, start - _NEAR_MS), (off.shape[1] - MARK_EDGE_MIN, end)):
        if (off[:, at - 1] & off[:, at]).any():
            for found in read_minutes(connection, patient_id, "steps", first_ms // DAY_MS, (first_ms + _NEAR_MS - 1) // DAY_MS):
                _lay_out(near[index[found.device_id]], found.grid.days, found.grid.minutes, start - _NEAR_MS)
    near[:, _ASKED] = steps
    return near


def _without_moving_edges(off: Mask, steps: Minutes) -> Mask:
    """Return when each device was off the body: (devices, n) bool. A mark that reaches over an end of it has no edge there.

    A device that counts steps in the minutes at the edge of such a mark was still, or again, on the body in them; what it counts
    in the midst of one, it was carried about.
    """
    counted = off & (steps > 0)
    for row in np.flatnonzero(counted.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(off[row].astype(np.int8))) + 1
        size = off.shape[1]
        for first, last in pairwise([0, *edges.tolist(), size]):
            if not off[row, first]:
                continue
            begin, end = slice(first, min(first + MARK_EDGE_MIN, last)), slice(max(last - MARK_EDGE_MIN, first), last)
            if first > 0:
                off[row, begin] &= ~np.logical_and.accumulate(counted[row, begin])
            if last < size:
                off[row, end] &= ~np.logical_and.accumulate(counted[row, end][::-1])[::-1]
    return off


def _wear_reporters(connection: Connection, patient_id: int) -> set[int]:
    """Return the devices that ever said that they were not worn: of these, silence about it means worn."""
    return set(connection.execute(_WEAR_REPORTERS, {"patient": patient_id}).scalars())


def _pulse_takers(connection: Connection, patient_id: int) -> set[int]:
    """Return the devices that ever took a pulse: whether one does must not depend on the days that are asked for."""
    return set(connection.execute(_PULSE_TAKERS, {"patient": patient_id}).scalars())


def _among(devices: Sequence[OwnedDevice], ids: set[int]) -> Mask:
    return np.array([device.id in ids for device in devices], dtype=np.bool_)


def _choose(
    steps: Minutes, heart_rate: Minutes, off: Mask, devices: Sequence[OwnedDevice], takes_pulse: Mask
) -> npt.NDArray[np.int16]:
    """Return for each minute the row of the device to believe, -1 if none knows it: (n,) int16."""
    known = (steps != ABSENT) & ~off
    if len(devices) < 2:
        return np.where(known.any(axis=0), np.int16(0), np.int16(-1)).astype(np.int16)
    near = np.array([_spread(row, PULSE_NEAR_MIN) for row in heart_rate != ABSENT])
    tier = np.where(near, 2, np.where(takes_pulse, 0, 1)[:, None])
    # `devices` come by falling priority, then key; equal ones share a rank so that steps decide before the key.
    priorities = sorted({device.priority for device in devices})
    priority = np.array([priorities.index(device.priority) for device in devices])[:, None]
    score = ((tier * len(priorities) + priority) * 65_536 + np.maximum(steps, 0).astype(np.int64)) + 1
    score[~known] = 0
    best = score.argmax(axis=0).astype(np.int16)
    return np.where(known.any(axis=0), best, np.int16(-1)).astype(np.int16)


def _spread(mask: Mask, reach: int) -> Mask:
    """Return which minutes have a marked one at most `reach` away."""
    total = np.concatenate(([0], mask.cumsum()))
    at = np.arange(len(mask))
    near = total[np.minimum(at + reach + 1, len(mask))] > total[np.maximum(at - reach, 0)]
    return np.asarray(near, dtype=np.bool_)


def _first_known(values: Minutes, source: npt.NDArray[np.int16], off: Mask) -> Minutes:
    """Return the minute's value from its source, else from the first device on the body that knows one."""
    known = (values != ABSENT) & ~off
    size = values.shape[1]
    merged = np.full(size, ABSENT, dtype=np.int16)
    if not known.any():
        return merged
    column = np.arange(size)
    own = np.where(source >= 0, source, 0)
    row = np.where((source >= 0) & known[own, column], own, known.argmax(axis=0))
    some = known[row, column]
    merged[some] = values[row[some], column[some]]
    return merged


def _day_resolutions(
    days: Sequence[LocalDay], source: npt.NDArray[np.int16], resolution: npt.NDArray[np.int32], start: int
) -> npt.NDArray[np.int32]:
    """Return the coarsest resolution among the devices that a day is made of: (d,) int32."""
    coarsest = np.full(len(days), 60, dtype=np.int32)
    if not len(resolution) or int(resolution.max()) == 60:
        return coarsest
    utc_day = (start // MINUTE_MS + np.arange(len(source))) // MINUTES_PER_DAY - start // DAY_MS
    for row, day in enumerate(days):
        part = slice((day.start_ms - start) // MINUTE_MS, (day.end_ms - start) // MINUTE_MS)
        known = source[part] >= 0
        if not known.any():
            continue
        made_of = resolution[source[part][known], utc_day[part][known]]
        values, counts = np.unique(made_of, return_counts=True)
        coarsest[row] = values[counts >= min(RESOLUTION_SHARE * counts.sum(), counts.max())].max()
    return coarsest
