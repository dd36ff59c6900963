"""Which stretches of sleep and of not being worn do the tables of stages name?"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from devices.errors import Hostile
from devices.files.gadgetbridge.activity import Worn, by_device, timely
from devices.files.gadgetbridge.families import SPANS, Changes, Stages, State
from devices.files.sqlite import MISSING, Database
from devices.recording import DAY_MS, LATEST_MS, Recording, Rejects, Span

Column = npt.NDArray[np.int64]

LONGEST_STAGE_MS = 12 * 3_600_000  # a stage that seems to last longer lacks its end
_MOST_NIGHTS = 1_000_000
_BEFORE_ALL = (0, MISSING)


def read_stages(database: Database, stages: Stages, devices: Mapping[int, Worn], rejects: Rejects) -> Iterator[Recording]:
    """Yield the spans of a table whose rows say how long they last. Raises: DecodeError, Hostile"""
    for batch in database.batches(stages.table, ("DEVICE_ID", stages.start, stages.kind, stages.end or stages.length)):
        for device_id, columns in by_device(timely(batch, stages.unit_ms, rejects, stages.start), devices, batch.place, rejects):
            start = columns[stages.start]
            if stages.end:
                end = np.clip(columns[stages.end], 0, LATEST_MS) * stages.unit_ms
            else:
                end = start + np.clip(columns[stages.length], 0, DAY_MS) * stages.length_ms
            known = np.isin(columns[stages.kind], list(stages.states))
            lasts = (end > start) & (end - start <= LONGEST_STAGE_MS)
            rejects.add(batch.place, "a stage of up to 12 hours", "another length", int((known & ~lasts).sum()))
            spans = _spans(stages.states, columns[stages.kind], start, end)
            yield Recording(devices[device_id].device, spans=tuple(spans))


def read_changes(database: Database, changes: Changes, devices: Mapping[int, Worn], rejects: Rejects) -> Iterator[Recording]:
    """Yield the spans of a table whose rows only say when a stage begins or ends. Raises: DecodeError, Hostile"""
    bounds = _bounds(database, changes, devices, rejects)
    last: dict[int, tuple[int, int]] = {}
    for batch in database.batches(changes.table, ("TIMESTAMP", "DEVICE_ID", "STAGE")):
        for device_id, columns in by_device(timely(batch, 1, rejects), devices, batch.place, rejects):
            # The row before a batch's first: the last one of the batch before.
            then, stage = last.get(device_id, _BEFORE_ALL)
            at = np.concatenate(([then], columns["TIMESTAMP"]))
            held = np.concatenate(([stage], columns["STAGE"]))
            last[device_id] = (int(at[-1]), int(held[-1]))
            spans = _between(changes, at, held, bounds.get(device_id, np.empty(0, dtype=np.int64)))
            yield Recording(devices[device_id].device, spans=tuple(spans))
    for device_id, (then, stage) in last.items() if changes.forward else ():
        # What began last goes on until the bound after it, if there is one.
        at, held = np.array([then, then + DAY_MS]), np.array([stage, MISSING])
        spans = _between(changes, at, held, bounds.get(device_id, np.empty(0, dtype=np.int64)))
        yield Recording(devices[device_id].device, spans=tuple(spans))


def _between(changes: Changes, at: Column, held: Column, bounds: Column) -> Iterator[Span]:
    """Yield the spans between each row and the next, cut at a bound between them."""
    start, end = at[:-1], at[1:]
    if changes.forward:
        next_bound = np.append(bounds, LATEST_MS)[np.searchsorted(bounds, start, side="right")]
        return _spans(changes.states, held[:-1], start, np.minimum(end, next_bound))
    last_bound = np.concatenate(([0], bounds))[np.searchsorted(bounds, end, side="left")]
    return _spans(changes.states, held[1:], np.maximum(start, last_bound), end)


def _bounds(database: Database, changes: Changes, devices: Mapping[int, Worn], rejects: Rejects) -> dict[int, Column]:
    table, time = changes.bounds
    if table not in database.tables:
        return {}
    found: dict[int, list[Column]] = {}
    count = 0
    for batch in database.batches(table, ("DEVICE_ID", time, *changes.bounds_where)):
        for device_id, columns in by_device(timely(batch, 1, rejects, time), devices, batch.place, rejects):
            meant = np.ones(len(columns[time]), dtype=bool)
            for column, value in changes.bounds_where.items():
                meant &= columns[column] == value
            found.setdefault(device_id, []).append(columns[time][meant])
            count += int(meant.sum())
        if count > _MOST_NIGHTS:
            raise Hostile(table, f"at most {_MOST_NIGHTS:,} nights", "more")
    return {device_id: np.unique(np.concatenate(parts)) for device_id, parts in found.items()}


def _spans(states: Mapping[int, State], kinds: Column, start: Column, end: Column) -> Iterator[Span]:
    lasts = (end > start) & (end - start <= LONGEST_STAGE_MS)
    for code, state in states.items():
        kind, attributes = SPANS[state]
        rows = lasts & (kinds == code)
        for begin, finish in zip(start[rows].tolist(), end[rows].tolist(), strict=True):
            yield Span(kind, begin, finish, attributes)
