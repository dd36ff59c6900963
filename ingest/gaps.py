"""For how long did each device say nothing, what was lost meanwhile, and is there an innocent reason?

Gaps are never stored: they are what the stored minutes leave out, so that late data closes them by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from devices.recording import DAY_MS, MINUTE_MS, SpanKind
from ingest import spans, tables
from ingest.known import Column, known_minutes
from ingest.minutes import MINUTES_PER_DAY
from ingest.store import read_minutes

# Shorter silences are the pauses between the records of event-driven devices [G].
LIMIT_MS = 15 * MINUTE_MS
# Known minutes are laid out as columns for this many days at a time: 12 MB a device.
DAYS_AT_ONCE = 512
REASONS = (SpanKind.NOT_WORN, SpanKind.CHARGING)


@dataclass(frozen=True, slots=True)
class Gap:
    """[start_ms, end_ms) between two known minutes of one device, or, as its tail, since the last one.

    unplaced:     steps that the device counted meanwhile, in minutes that nobody knows: what it had counted unseen on the UTC
                  day on which the gap ends. Of several gaps that end on one day, the longest carries the count of that day
    not_worn_ms, charging_ms: how much of it the device itself marked so
    explained_by: the marks that leave no more than the limit unexplained at a time, the one with the most time first
    """

    device_id: int
    start_ms: int
    end_ms: int
    is_tail: bool
    unplaced: int
    not_worn_ms: int
    charging_ms: int
    explained_by: tuple[SpanKind, ...]

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


def find_gaps(
    connection: Connection,
    patient_id: int,
    start_ms: int,
    end_ms: int,
    at_ms: int,
    *,
    limit_ms: int = LIMIT_MS,
    metrics: Sequence[str] = ("steps",),
) -> list[Gap]:
    """Return the stretches longer than the limit that touch [start_ms, end_ms), whole, by device and time.

    A stretch has known minutes of its device on both sides, within the range or not; the tail, after the last one, lasts
    until `at_ms`.
    metrics: a minute is known if any of these is
    """
    silences = _find_silences(connection, patient_id, start_ms, end_ms, at_ms, metrics)
    gaps: list[Gap] = []
    for device_id, silent, is_tail in silences:
        chosen = (silent[:, 1] - silent[:, 0] > limit_ms) & (silent[:, 0] < end_ms) & (silent[:, 1] > start_ms)
        if chosen.any():
            gaps += _describe(connection, patient_id, device_id, silent[chosen], is_tail[chosen], limit_ms)
    return gaps


_Silence = tuple[int, spans.Spans, npt.NDArray[np.bool_]]


def _find_silences(
    connection: Connection, patient_id: int, start_ms: int, end_ms: int, at_ms: int, metrics: Sequence[str]
) -> Iterator[_Silence]:
    """Yield for each device (its id, (k, 2) stretches in ms without a known minute, (k,) which of them is the tail)."""
    first_day, last_day = start_ms // DAY_MS, (end_ms - 1) // DAY_MS
    before = _nearest(connection, patient_id, metrics, before=first_day)
    after = _nearest(connection, patient_id, metrics, after=last_day)
    last_known = _nearest(connection, patient_id, metrics)
    within = _runs_within(connection, patient_id, first_day, last_day, metrics)
    for device_id, last in sorted(last_known.items()):
        sides = [np.full((int(device_id in known), 2), known.get(device_id, 0), dtype=np.int64) for known in (before, after)]
        runs = np.concatenate([sides[0], *within.get(device_id, []), sides[1]])
        silent = np.stack((runs[:-1, 1] + 1, runs[1:, 0]), axis=1) * MINUTE_MS
        tail = np.array([[(last + 1) * MINUTE_MS, at_ms]], dtype=np.int64)
        yield device_id, np.concatenate((silent, tail)), np.arange(len(silent) + 1) == len(silent)


def _nearest(
    connection: Connection, patient_id: int, metrics: Sequence[str], *, before: int | None = None, after: int | None = None
) -> dict[int, int]:
    """Return by device the last known minute before the UTC day `before`, the first one after the day `after`, or the last."""
    table = tables.minutes
    nearest = func.max(table.c.day * MINUTES_PER_DAY + table.c.last)
    where = [table.c.patient_id == patient_id, table.c.metric.in_(metrics), table.c.count > 0]
    if before is not None:
        where.append(table.c.day < before)
    query = select(table.c.device_id, nearest)
    if after is not None:
        query = select(table.c.device_id, func.min(table.c.day * MINUTES_PER_DAY + table.c.first))
        where.append(table.c.day > after)
    rows = connection.execute(query.where(*where).group_by(table.c.device_id))
    return {int(device_id): int(minute) for device_id, minute in rows}


def _runs_within(
    connection: Connection, patient_id: int, first_day: int, last_day: int, metrics: Sequence[str]
) -> dict[int, list[npt.NDArray[np.int64]]]:
    """Return by device (k, 2) int64 parts: the first and the last minute of every unbroken run of known ones, in time order."""
    runs: dict[int, list[npt.NDArray[np.int64]]] = {}
    for first in range(first_day, last_day + 1, DAYS_AT_ONCE):
        last = min(first + DAYS_AT_ONCE - 1, last_day)
        known: dict[int, Column] = {}
        for metric in metrics:
            for found in read_minutes(connection, patient_id, metric, first, last):
                minutes = known_minutes(found.grid).minute
                known[found.device_id] = np.union1d(known[found.device_id], minutes) if found.device_id in known else minutes
        for device_id, minutes in known.items():
            broken = np.flatnonzero(np.diff(minutes) > 1)
            bounds = np.concatenate((minutes[:1], np.stack((minutes[broken], minutes[broken + 1]), axis=1).ravel(), minutes[-1:]))
            runs.setdefault(device_id, []).append(bounds.reshape(-1, 2))
    return runs


def _describe(
    connection: Connection,
    patient_id: int,
    device_id: int,
    silent: spans.Spans,
    is_tail: npt.NDArray[np.bool_],
    limit_ms: int,
) -> Iterator[Gap]:
    lower, upper = int(silent[0, 0]), int(silent[-1, 1])
    marks = {kind: _read_marks(connection, patient_id, device_id, kind, lower, upper) for kind in REASONS}
    unplaced = _assign_unplaced(_read_unplaced(connection, patient_id, device_id, lower, upper), silent, is_tail)
    for (start, end), tail, lost in zip(silent.tolist(), is_tail.tolist(), unplaced.tolist(), strict=True):
        inside = {kind: _within(marked, start, end) for kind, marked in marks.items()}
        time = {kind: int((part[:, 1] - part[:, 0]).sum()) for kind, part in inside.items()}
        left = spans.subtract(np.array([[start, end]]), spans.union(np.concatenate(list(inside.values()))))
        explained = bool(((left[:, 1] - left[:, 0]) <= limit_ms).all())
        reasons = sorted((kind for kind in REASONS if time[kind]), key=lambda kind: -time[kind]) if explained else ()
        yield Gap(device_id, start, end, tail, lost, time[SpanKind.NOT_WORN], time[SpanKind.CHARGING], tuple(reasons))


def _read_marks(connection: Connection, patient_id: int, device_id: int, kind: SpanKind, lower: int, upper: int) -> spans.Spans:
    table = tables.spans
    rows = connection.execute(
        select(table.c.start_ms, table.c.end_ms)
        .where(table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.kind == kind.value)
        .where(table.c.start_ms < upper, table.c.end_ms > lower)
    )
    return spans.union(np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2))


def _within(marked: spans.Spans, start: int, end: int) -> spans.Spans:
    first = np.searchsorted(marked[:, 1], start, side="right")
    last = np.searchsorted(marked[:, 0], end, side="left")
    return np.clip(marked[first:last], start, end)


def _read_unplaced(connection: Connection, patient_id: int, device_id: int, lower: int, upper: int) -> dict[int, int]:
    """Return by UTC day the steps that no minute holds."""
    table = tables.minutes
    rows = connection.execute(
        select(table.c.day, table.c.unplaced)
        .where(table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.metric == "steps")
        .where(table.c.day.between(lower // DAY_MS, upper // DAY_MS), table.c.unplaced > 0)
    )
    return {int(day): int(count) for day, count in rows}


def _assign_unplaced(unplaced: dict[int, int], silent: spans.Spans, is_tail: npt.NDArray[np.bool_]) -> Column:
    """Return for each stretch what was lost in it: (k,) int64. A reading that closes a gap is the one that cannot be placed."""
    lost = np.zeros(len(silent), dtype=np.int64)
    length = np.where(is_tail, 0, silent[:, 1] - silent[:, 0])
    ends_on = silent[:, 1] // DAY_MS
    for day, count in unplaced.items():
        ending = np.flatnonzero((ends_on == day) & ~is_tail)
        if len(ending):
            lost[ending[length[ending].argmax()]] = count
    return lost
