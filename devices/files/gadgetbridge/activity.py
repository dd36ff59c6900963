"""What do the rows of an activity table say? Steps, heart rate and states of one family, device by device, in file order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.files.coverage import cover, join_touching
from devices.files.gadgetbridge.families import (
    MI_BAND_1,
    MI_BAND_1_TYPES,
    NO_HEART_RATE,
    SPANS,
    Family,
    Kinds,
    State,
)
from devices.files.sqlite import MISSING, Batch, Database, shown
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    LONGEST_DAY_MS,
    METRICS,
    MINUTE_MS,
    Counter,
    Device,
    Intervals,
    Recording,
    Rejects,
    Span,
    Stream,
    believable,
)

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, Column]

STEPS, HEART_RATE = METRICS["steps"], METRICS["heart_rate"]
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_QUARTER_MS = 15 * MINUTE_MS
# Who had more steps since midnight than that, and than all the day before, would have walked from midnight on without a rest: the
# count was not zero then [G].
_STEADY_SPM = 60
# No watch was carried further west within a day; the count has fallen by then.
_MOST_BEHIND_MS = DAY_MS // 2
_TIME = "a time from 1990 to 2100"
# Rows of one device at most this far apart belong to one stretch [G].
PAUSE_MS = 15 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Worn:
    """A row of the DEVICE table. type: the kind of wearable, as a name or, in old databases, a number."""

    device: Device
    type: str = ""


@dataclass(slots=True)
class Carry:
    """What of a device's earlier rows the next ones need."""

    state: int = State.NONE
    runs: dict[State, tuple[int, int]] = field(default_factory=dict)
    since_ms: int = 0
    steps: int = 0
    alive_ms: int = 0


def read_family(
    database: Database, family: Family, devices: Mapping[int, Worn], zone: ZoneInfo | None, rejects: Rejects
) -> Iterator[Recording]:
    """Yield what a family's table holds, a batch at a time and a device at a time.

    zone: the phone's, for cumulative families; others do without
    Raises: DecodeError, Hostile
    """
    carries: dict[int, Carry] = {}
    for batch in database.batches(family.table, *_columns_of(family)):
        for device_id, columns in by_device(timely(batch, 1_000, rejects), devices, batch.place, rejects):
            carry = carries.setdefault(device_id, Carry())
            yield _read_rows(family, devices[device_id], columns, carry, zone, batch.place, rejects)
    for device_id, carry in carries.items():
        if spans := [_span(state, run) for state, run in carry.runs.items()]:
            yield Recording(devices[device_id].device, spans=tuple(spans))


def _columns_of(family: Family) -> tuple[list[str], list[str]]:
    required = ["TIMESTAMP", "DEVICE_ID", "STEPS"]
    required += [column for column in (family.length_column, family.end_column) if column]
    optional = [column for column in (family.heart_rate,) if column]
    optional += ["RAW_INTENSITY"] if family.live else []
    optional += [family.kinds.column] if family.kinds.states else []
    return required, optional + [column for column, _, _ in family.kinds.refined]


def timely(batch: Batch, unit_ms: int, rejects: Rejects, time: str = "TIMESTAMP") -> Batch:
    """Return the rows whose time is believable, with that column in milliseconds."""
    when = batch.columns[time]
    good = (when >= EARLIEST_MS // unit_ms) & (when < LATEST_MS // unit_ms)
    if not good.all():
        rejects.add(batch.place, _TIME, _first(when, ~good), int((~good).sum()))
        batch = Batch(batch.place, {name: column[good] for name, column in batch.columns.items()})
    return Batch(batch.place, {**batch.columns, time: batch.columns[time] * unit_ms})


def by_device(batch: Batch, devices: Mapping[int, Worn], place: str, rejects: Rejects) -> Iterator[tuple[int, dict[str, Column]]]:
    """Yield (device id, its rows) in the order of the file, for devices that the DEVICE table has."""
    ids = batch.columns["DEVICE_ID"]
    if not len(ids):
        return
    order = np.argsort(ids, kind="stable")
    edges = np.flatnonzero(np.diff(ids[order])) + 1
    for rows in np.split(order, edges):
        device_id = int(ids[rows[0]])
        if device_id not in devices:
            rejects.add(place, "a device that the DEVICE table has", device_id, len(rows))
            continue
        yield device_id, {name: column[rows] for name, column in batch.columns.items()}


def _read_rows(
    family: Family, worn: Worn, columns: Columns, carry: Carry, zone: ZoneInfo | None, place: str, rejects: Rejects
) -> Recording:
    start = columns["TIMESTAMP"]
    end = _ends(family, columns)
    live = columns["RAW_INTENSITY"] == -1 if family.live else np.zeros(len(start), dtype=bool)
    regular = (end > start) & ~live
    kinds = MI_BAND_1 if worn.type in MI_BAND_1_TYPES else family.kinds
    states = _states(kinds, columns, regular, carry)
    if family.cumulative and zone is not None:
        steps = _counter(columns, carry, zone, place, rejects)
    else:
        # A minute with steps was worn, whatever a kind carried over from an earlier minute says.
        states[(states == State.NOT_WORN) & (columns["STEPS"] > 0)] = State.NONE
        off = (states == State.NOT_WORN) | (states == State.CHARGING)
        steps = _intervals(start, end, columns["STEPS"], regular & ~off, place, rejects)
    streams = (steps, _heart_rates(start, columns.get(family.heart_rate), place, rejects))
    return Recording(worn.device, tuple(filter(_holds, streams)), tuple(_spans(states, start, end, carry)))


def _holds(stream: Stream) -> bool:
    return bool(len(stream.samples.value) or len(stream.coverage))


def _ends(family: Family, columns: Columns) -> Column:
    """Return when each row ends; a row of no sensible length ends where it starts."""
    start = columns["TIMESTAMP"]
    if family.length_column:
        length_s = columns[family.length_column]
    elif family.end_column:
        length_s = columns[family.end_column] - start // 1_000
    else:
        return start + family.length_s * 1_000
    end: Column = start + np.where((length_s > 0) & (length_s <= DAY_MS // 1_000), length_s, 0) * 1_000
    return end


def _states(kinds: Kinds, columns: Columns, regular: Mask, carry: Carry) -> Column:
    """Return each row's state: (n,) int64; a kind that means "as before" takes that of the last row that had one."""
    states = np.full(len(regular), int(State.NONE), dtype=np.int64)
    if not kinds.states:
        return states
    raw = columns[kinds.column]
    masked = raw & kinds.mask
    for kind, state in kinds.states.items():
        states[masked == kind] = state
    light = states == State.LIGHT
    for column, limit, deeper in kinds.refined:
        states[light & (columns[column] != MISSING) & (columns[column] & 127 > limit)] = deeper
    if kinds.carried:
        own = regular & (raw >= 0) & ~np.isin(masked, kinds.carried)
        last = np.maximum.accumulate(np.where(own, np.arange(len(own)), -1))
        states = np.where(last >= 0, states[last], carry.state)
        carry.state = int(states[-1])
    states[~regular] = State.NONE
    return states


def _intervals(start: Column, end: Column, steps: Column, counted: Mask, place: str, rejects: Rejects) -> Stream:
    """Return the steps of rows that last; each row with a valid count is vouched for, a count of 0 by that alone."""
    good = believable(STEPS, start, end, steps)
    bad = counted & ~good & (steps != -1)
    rejects.add(place, f"steps of 0 to {STEPS.high} a minute", _first(steps, bad), int(bad.sum()))
    good &= counted
    some = good & (steps > 0)
    samples = Intervals(start[some], end[some], steps[some].astype(np.int32))
    return Stream(STEPS.name, samples, cover(start[good], end[good]))


def _counter(columns: Columns, carry: Carry, zone: ZoneInfo, place: str, rejects: Rejects) -> Stream:
    """Return counts since local midnight, and as coverage the time in which rows, of whatever kind, are no further apart
    than PAUSE_MS: the device was alive.

    The count of a file that begins within a day lacks what other kinds of activity counted before: it falls and recovers,
    so it never counts less than it did before on the same day.
    """
    at, steps = columns["TIMESTAMP"], columns["STEPS"]
    since = _own_midnights(at, steps, _last_midnights(at, zone))
    length = at - since
    good = (length <= LONGEST_DAY_MS) & (steps >= 0) & (steps <= STEPS.high * (length // MINUTE_MS + 1))
    bad = ~good & (steps != -1)
    rejects.add(place, f"steps of a day, at most {STEPS.high} a minute", _first(steps, bad), int(bad.sum()))
    alive = np.unique(np.append(at[good | ((steps == -1) & _measured(columns["HEART_RATE"]))], carry.alive_ms))
    carry.alive_ms = int(alive[-1])
    near = np.diff(alive) <= PAUSE_MS
    samples = Counter(
        at[good],
        since[good],
        np.zeros(int(good.sum()), dtype=np.int16),
        _never_falling(at[good], since[good], steps[good], carry),
    )
    return Stream(STEPS.name, samples, cover(alive[:-1][near], alive[1:][near]))


def _never_falling(at: Column, since: Column, steps: Column, carry: Carry) -> npt.NDArray[np.int32]:
    if not len(at):
        return np.empty(0, dtype=np.int32)
    order = np.argsort(at, kind="stable")
    days, day = np.unique(since[order], return_inverse=True)
    highest = steps[order]
    if days[0] == carry.since_ms:
        highest[0] = max(int(highest[0]), carry.steps)
    lift = day * (1 << 32)
    highest = np.maximum.accumulate(highest + lift) - lift
    carry.since_ms, carry.steps = int(days[-1]), int(highest[-1])
    result = np.empty(len(at), dtype=np.int32)
    result[order] = highest
    return result


def _last_midnights(at_ms: Column, zone: ZoneInfo) -> Column:
    """Return the local midnight before each instant; for one at midnight that of the day which it closes."""
    days = np.unique(at_ms // DAY_MS)
    days = np.unique(np.concatenate((days - 1, days, days + 1)))
    starts = np.array([_start_of_day(int(day), zone) for day in days], dtype=np.int64)
    return starts[np.searchsorted(starts, at_ms, side="left") - 1]


def _own_midnights(at: Column, steps: Column, since: Column) -> Column:
    """Return when each count was zero by the watch's own clock, where the counts prove that it stands behind the phone's.

    at, steps, since: (n,) instants, counts and the last midnights at home
    On a journey west the watch's day ends later than the one at home. Then its count goes on over the midnight at home, too high
    to have been gathered since then or as it was, and falls hours later: its own midnight, on a quarter of an hour. The count
    that goes on belongs to the day that ended there. One that has not fallen yet belongs to the day before all the same.
    """
    own = since.copy()
    rows = np.flatnonzero(steps >= 0)
    rows = rows[np.argsort(at[rows], kind="stable")]
    time, count, home = at[rows], steps[rows], since[rows]
    falls = np.append(np.flatnonzero(count[1:] < count[:-1]) + 1, len(rows))
    for first in (np.flatnonzero(home[1:] != home[:-1]) + 1).tolist():
        midnight = int(home[first])
        fall = int(falls[np.searchsorted(falls, first)])
        last = int(np.searchsorted(time, midnight + _MOST_BEHIND_MS, side="right"))
        went_on = slice(first, min(fall, last))
        same = fall > first and count[first] == count[first - 1] > 0
        if not same and not (count[went_on] > _most(time[went_on] - midnight)).any():
            continue
        ended = -(-int(time[fall - 1]) // _QUARTER_MS) * _QUARTER_MS
        if last < fall or fall == len(rows) or ended > time[fall]:
            own[rows[went_on]] = np.maximum(own[rows[first - 1]], time[went_on] - DAY_MS)
            continue
        own[rows[went_on]] = ended - DAY_MS
        later = rows[fall:]
        own[later[since[later] == midnight]] = ended
    return own


def _most(length_ms: Column) -> Column:
    """Return how many steps a count that began at zero holds after that time at most."""
    return _STEADY_SPM * (length_ms // MINUTE_MS + 1)


def _start_of_day(day: int, zone: ZoneInfo) -> int:
    start = datetime.combine(date.fromordinal(_EPOCH_ORDINAL + day), datetime.min.time(), zone)
    return int(start.timestamp()) * 1_000


def _measured(rates: Column) -> Mask:
    return (rates >= HEART_RATE.low) & (rates <= HEART_RATE.high)


def _heart_rates(at: Column, rates: Column | None, place: str, rejects: Rejects) -> Stream:
    """Return the measured heart rates, each at the instant of its row."""
    if rates is None:
        rates = np.full(len(at), MISSING)
    good = _measured(rates)
    bad = ~good & ~np.isin(rates, NO_HEART_RATE) & (rates != MISSING)
    expected = f"a heart rate of {HEART_RATE.low} to {HEART_RATE.high}"
    rejects.add(place, expected, _first(rates, bad), int(bad.sum()))
    return Stream(HEART_RATE.name, Intervals(at[good], at[good], rates[good].astype(np.int32)))


def _first(column: Column, rows: Mask) -> str:
    return shown(int(column[rows][0])) if rows.any() else ""


def read_heart_rates(database: Database, table: str, devices: Mapping[int, Worn], rejects: Rejects) -> Iterator[Recording]:
    """Yield a table of heart rates, in milliseconds. Raises: DecodeError, Hostile"""
    for batch in database.batches(table, ("TIMESTAMP", "DEVICE_ID", "HEART_RATE")):
        for device_id, columns in by_device(timely(batch, 1, rejects), devices, batch.place, rejects):
            stream = _heart_rates(columns["TIMESTAMP"], columns["HEART_RATE"], batch.place, rejects)
            yield Recording(devices[device_id].device, (stream,))


def _spans(states: Column, start: Column, end: Column, carry: Carry) -> Iterator[Span]:
    """Yield the runs of each state that have ended; the last one is carried, as the next rows may go on with it."""
    for state in SPANS:
        rows = states == state
        if not rows.any():
            continue
        runs = join_touching(start[rows], end[rows]).tolist()
        before = carry.runs.pop(state, None)
        if before is not None:
            runs = _continued(before, runs)
        carry.runs[state] = (runs[-1][0], runs[-1][1])
        for run in runs[:-1]:
            yield _span(state, run)


def _continued(before: tuple[int, int], runs: list[list[int]]) -> list[list[int]]:
    if runs[0][0] > before[1]:
        return [list(before), *runs]
    return [[min(before[0], runs[0][0]), max(before[1], runs[0][1])], *runs[1:]]


def _span(state: State, run: Sequence[int]) -> Span:
    kind, attributes = SPANS[state]
    return Span(kind, run[0], run[1], attributes)
