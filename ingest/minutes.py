"""Evidence -> the minutes of UTC days.

A minute inside coverage without a sample is 0; outside it is absent. An interval longer than a minute is spread so that its
total is kept exactly. What a counter counted while nothing says when (before the first reading of a stretch, say) is never
put into minutes: it is reported as unplaced.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.recording import DAY_MS, MINUTE_MS, Metric, Ms
from ingest import spans
from ingest.evidence import Evidence

ABSENT = -32768
MOST = 32767
MINUTES_PER_DAY = 1440

# Readings of one device at most this far apart belong to one stretch [G]: sync files of one watch end and begin with its
# event-driven records, minutes apart.
BRIDGE_MS = 15 * MINUTE_MS

# The cadence from which on an interval between two readings of a counter was walked throughout [G]. Source: purposeful steps,
# Tudor-Locke 2011.
WALKING_SPM = 40

# Two readings whose counters were zero at instants nearer than this are of one day: a clock that was set on a journey moves
# midnight by 14 hours at most, a new day by 23 at least.
SAME_DAY_MS = 18 * 3_600_000

# A day's resolution is the interval length within which this share of its total was measured [G].
RESOLVED_SHARE = 0.9

Minutes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The minutes of d UTC days, of one device and metric.

    days:         (d,) int64, days since 1970
    minutes:      (d, 1440) int16, ABSENT where unknown
    resolution_s: (d,) int32, at least 60: how long the intervals are that the minutes were made of
    unplaced:     (d,) int64, counted on that day, with no telling in which minutes
    """

    days: npt.NDArray[np.int64]
    minutes: Minutes
    resolution_s: npt.NDArray[np.int32]
    unplaced: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Samples cut at minute edges: flat (day, minute) index, value, and the resolution of the sample they are of."""

    place: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]
    resolution_ms: Ms


def to_minutes(metric: Metric, evidence: Evidence, days: npt.NDArray[np.int64]) -> Grid:
    """Return the minutes of the given UTC days (sorted, distinct).

    The evidence must be complete for these days and, where it has counter readings, for the two days before each: a period
    that began at a local midnight reaches back that far. What it holds beyond does not matter.
    """
    unplaced = np.zeros(len(days), dtype=np.int64)
    if metric.kind == "mean":
        return Grid(days, _levels(evidence, days), np.full(len(days), 60, dtype=np.int32), unplaced)
    told, unplaced_at, amount = as_intervals(evidence)
    position, inside = _positions(days, unplaced_at // DAY_MS)
    np.add.at(unplaced, position[inside], amount[inside])
    start, end, value = told.start_ms, told.end_ms, told.value
    pieces = _place(start, end, value, told.resolution_ms, days)
    total = np.bincount(pieces.place, weights=pieces.value, minlength=len(days) * MINUTES_PER_DAY)
    minutes = np.minimum(total, MOST).astype(np.int16)
    minutes[~_known(start, end, told.coverage, days)] = ABSENT
    return Grid(days, minutes.reshape(-1, MINUTES_PER_DAY), _resolutions(pieces, len(days)), unplaced)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Evidence as intervals alone, by start: start_ms, end_ms, value, resolution_ms (n,) int64; coverage (k, 2) int64.

    resolution_ms: what the interval's length means for what can be told within it
    """

    start_ms: Ms
    end_ms: Ms
    value: npt.NDArray[np.int64]
    resolution_ms: Ms
    coverage: Ms


def as_intervals(evidence: Evidence) -> tuple[Told, Ms, npt.NDArray[np.int64]]:
    """Return the evidence of a `sum` with its counters as the intervals between their readings, and what cannot be placed.

    The unplaced is (when it was read, how much): (m,) int64 each.
    """
    start, end, value = evidence.start_ms, evidence.end_ms, evidence.value.astype(np.int64)
    if not len(evidence.at_ms):
        nothing = np.empty(0, dtype=np.int64)
        return Told(start, end, value, end - start, evidence.coverage), nothing, nothing
    coverage = _stretches(evidence)
    counted, unplaced = _increments(evidence, coverage)
    columns = zip((start, end, value, end - start), (*counted, _counted_resolution(*counted)), strict=True)
    start, end, value, resolution = (np.concatenate(pair) for pair in columns)
    order = np.lexsort((end, start))
    return Told(start[order], end[order], value[order], resolution[order], coverage), *unplaced


def plain_minutes(metric: Metric, evidence: Evidence, days: npt.NDArray[np.int64]) -> Minutes:
    """`to_minutes` of evidence that its minutes tell (`is_told_by_minutes`), by the short way: (d, 1440) int16."""
    minutes = np.full(len(days) * MINUTES_PER_DAY, ABSENT, dtype=np.int16)
    if metric.kind == "sum":
        first = evidence.coverage[:, 0] // MINUTE_MS
        length = evidence.coverage[:, 1] // MINUTE_MS - first
        covered = np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
        minutes[_flat(covered, days)[0]] = 0
    minutes[_flat(evidence.start_ms // MINUTE_MS, days)[0]] = np.minimum(evidence.value, MOST)
    return minutes.reshape(-1, MINUTES_PER_DAY)


def said_minutes(metric: Metric, evidence: Evidence, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return which minutes of the days the evidence itself speaks of: flat (day, minute) indices, each once."""
    if metric.kind == "mean" and (evidence.start_ms == evidence.end_ms).all():
        minute = np.unique(evidence.start_ms // MINUTE_MS)
    else:
        coverage = evidence.coverage if metric.kind == "mean" or not len(evidence.at_ms) else _stretches(evidence)
        stretches = _whole_minutes(evidence.start_ms, np.maximum(evidence.end_ms, evidence.start_ms + 1), coverage)
        length = stretches[:, 1] - stretches[:, 0]
        minute = np.repeat(stretches[:, 0] - np.cumsum(length) + length, length) + np.arange(length.sum())
    place, inside = _flat(minute, days)
    return place[inside]


def _positions(days: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return where each day stands in `days`, and whether it does."""
    if not len(days):
        return np.zeros(len(day), dtype=np.int64), np.zeros(len(day), dtype=np.bool_)
    if days[-1] - days[0] == len(days) - 1:
        position = day - days[0]
        inside = (position >= 0) & (position < len(days))
        return (position if inside.all() else np.where(inside, position, 0)), inside
    position = np.minimum(np.searchsorted(days, day), len(days) - 1)
    return position, days[position] == day


def _cut(start: Ms, end: Ms) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return, for each minute that each sample touches: the sample's row, the minute since 1970."""
    first = start // MINUTE_MS
    pieces = (end - 1) // MINUTE_MS - first + 1
    if (pieces == 1).all():
        return np.arange(len(start)), first
    row = np.repeat(np.arange(len(start)), pieces)
    return row, first[row] + np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)


def _flat(minute: npt.NDArray[np.int64], days: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    position, inside = _positions(days, minute // MINUTES_PER_DAY)
    return position * MINUTES_PER_DAY + minute % MINUTES_PER_DAY, inside


def _sum_over(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], value: npt.NDArray[np.int64], days: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return for each minute the sum of the values whose minutes [first, last) hold it: (d * 1440,) int64.

    Its cost is that of the values and the days, however long the stretches are.
    """
    change = np.zeros(len(days) * MINUTES_PER_DAY + 1, dtype=np.int64)
    if not len(days):
        return change[:-1]
    from_day, to_day = first // MINUTES_PER_DAY, (last - 1) // MINUTES_PER_DAY
    # No stretch here is longer than two days' edges apart: what crosses midnight is added to each of its days.
    for day in (from_day, to_day):
        use = np.ones(len(day), dtype=np.bool_) if day is from_day else to_day != from_day
        position, inside = _positions(days, day)
        use &= inside
        base, origin = position[use] * MINUTES_PER_DAY, day[use] * MINUTES_PER_DAY
        np.add.at(change, base + np.maximum(first[use] - origin, 0), value[use])
        np.add.at(change, base + np.minimum(last[use] - origin, MINUTES_PER_DAY), -value[use])
    return change.cumsum()[:-1]


def _levels(evidence: Evidence, days: npt.NDArray[np.int64]) -> Minutes:
    """The mean of the samples that touch each minute, rounded to even."""
    first = evidence.start_ms // MINUTE_MS
    last = np.maximum(-(-evidence.end_ms // MINUTE_MS), first + 1)
    count = _sum_over(first, last, np.ones(len(first), dtype=np.int64), days)
    total = _sum_over(first, last, evidence.value.astype(np.int64), days)
    minutes = np.full(len(count), ABSENT, dtype=np.int16)
    some = count > 0
    minutes[some] = np.rint(total[some] / count[some]).astype(np.int16)
    return minutes.reshape(-1, MINUTES_PER_DAY)


def _place(start: Ms, end: Ms, value: npt.NDArray[np.int64], resolution: Ms, days: npt.NDArray[np.int64]) -> _Pieces:
    """Return the samples' pieces. Samples are sorted by start and lie within a day's length each."""
    overlapping = _days_with_overlap(start, end, days)
    crowded = np.flatnonzero(overlapping)
    row, minute = _cut(start, end) if not len(crowded) else _cut_outside(start, end, days[crowded])
    place, inside = _flat(minute, days)
    if len(crowded):
        inside &= ~overlapping[place // MINUTES_PER_DAY]
    if not inside.all():
        row, minute, place = row[inside], minute[inside], place[inside]
    length = end[row] - start[row]
    low = np.maximum(minute * MINUTE_MS - start[row], 0)
    high = np.minimum((minute + 1) * MINUTE_MS - start[row], length)
    amount = value[row] * high // length - value[row] * low // length
    pieces = [_Pieces(place, amount, resolution[row])]
    pieces += [_place_overlapping(start, end, value, int(days[index]), int(index)) for index in crowded]
    if len(pieces) == 1:
        return pieces[0]
    return _Pieces(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in _Pieces.__slots__))


def _cut_outside(start: Ms, end: Ms, crowded: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`_cut`, of the samples that are not wholly within the crowded days: a thousand long ones there would be millions."""
    whole = _positions(crowded, start // DAY_MS)[1] & _positions(crowded, (end - 1) // DAY_MS)[1]
    kept = np.flatnonzero(~whole)
    row, minute = _cut(start[kept], end[kept])
    return kept[row], minute


def _days_with_overlap(start: Ms, end: Ms, days: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return on which days two samples share time: (d,) bool. Samples are sorted by start."""
    found = np.zeros(len(days), dtype=np.bool_)
    if len(start) < 2:
        return found
    reach = np.maximum.accumulate(end)[:-1]
    late = np.flatnonzero(start[1:] < reach)
    if not len(late):
        return found
    # The shared time is from the later start to where the earlier one, or the later one, ends: two days at most, each.
    for edge in (start[late + 1], np.minimum(reach[late], end[late + 1]) - 1):
        position, inside = _positions(days, edge // DAY_MS)
        found[position[inside]] = True
    return found


def _place_overlapping(start: Ms, end: Ms, value: npt.NDArray[np.int64], day: int, index: int) -> _Pieces:
    """Place one day on which samples of one device share time: at each instant the sample with the highest rate counts.

    Two records of one device over the same time are two accounts of the same steps (a vendor merged or revised them), never
    steps to be added. Rounding runs over the day from its start, so the day's total is kept to within one step.
    """
    lower, upper = day * DAY_MS, (day + 1) * DAY_MS
    touching = np.flatnonzero((start < upper) & (end > lower))
    events = sorted({*start[touching].tolist(), *end[touching].tolist(), lower, upper})
    cuts = [instant for instant in events if lower <= instant <= upper]
    queue: list[tuple[float, int, int]] = []
    pending = iter(touching.tolist())
    upcoming = next(pending, None)
    rate = np.zeros(len(cuts) - 1)
    long = np.zeros(len(cuts) - 1, dtype=np.int64)
    for place, instant in enumerate(cuts[:-1]):
        while upcoming is not None and start[upcoming] <= instant:
            length = int(end[upcoming] - start[upcoming])
            heapq.heappush(queue, (-float(value[upcoming]) / length, length, int(end[upcoming])))
            upcoming = next(pending, None)
        while queue and queue[0][2] <= instant:
            heapq.heappop(queue)
        if queue:
            rate[place], long[place] = -queue[0][0], queue[0][1]
    edges = np.array(cuts, dtype=np.int64)
    so_far = np.concatenate(([0.0], np.cumsum(rate * np.diff(edges))))
    minute_edges = lower + np.arange(MINUTES_PER_DAY + 1) * MINUTE_MS
    # Nine decimals before rounding: the sum of exact thirds must not fall to the wrong side of a half.
    amount = np.diff(np.rint(np.round(np.interp(minute_edges, edges, so_far), 9))).astype(np.int64)
    some = np.flatnonzero(amount)
    owner = np.clip(np.searchsorted(edges, minute_edges[some + 1] - 1, side="right") - 1, 0, len(long) - 1)
    return _Pieces(index * MINUTES_PER_DAY + some, amount[some], np.maximum(long[owner], MINUTE_MS))


def _whole_minutes(start: Ms, end: Ms, coverage: Ms) -> Ms:
    """Return the stretches of minutes that a sample touches or coverage holds whole: (k, 2) int64, minutes since 1970."""
    touched = np.stack((start // MINUTE_MS, -(-end // MINUTE_MS)), axis=1)
    whole = np.stack((-(-coverage[:, 0] // MINUTE_MS), coverage[:, 1] // MINUTE_MS), axis=1)
    return spans.union(np.concatenate((touched, whole)))


def _known(start: Ms, end: Ms, coverage: Ms, days: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which minutes a sample touches or coverage holds whole: (d * 1440,) bool."""
    stretches = spans.split_days(_whole_minutes(start, end, coverage), MINUTES_PER_DAY)
    return _sum_over(stretches[:, 0], stretches[:, 1], np.ones(len(stretches), dtype=np.int64), days) > 0


def _resolutions(pieces: _Pieces, count: int) -> npt.NDArray[np.int32]:
    """Return for each day the sample length within which RESOLVED_SHARE of its total was measured, in s, at least 60."""
    resolution = np.full(count, 60, dtype=np.int32)
    if not len(pieces.resolution_ms) or int(pieces.resolution_ms.max()) <= MINUTE_MS:
        return resolution
    day = pieces.place // MINUTES_PER_DAY
    order = np.lexsort((pieces.resolution_ms, day))
    day, amount, length = day[order], pieces.value[order], pieces.resolution_ms[order]
    running = amount.cumsum()
    first = np.searchsorted(day, np.arange(count), side="left")
    last = np.searchsorted(day, np.arange(count), side="right") - 1
    for index in np.flatnonzero(last >= first):
        before = running[first[index]] - amount[first[index]]
        total = running[last[index]] - before
        if total > 0:
            within = np.searchsorted(running[first[index] : last[index] + 1] - before, RESOLVED_SHARE * total)
            resolution[index] = max(60, -(-int(length[first[index] + within]) // 1000))
    return resolution


_Counted = tuple[Ms, Ms, npt.NDArray[np.int64]]


def _counted_resolution(start: Ms, end: Ms, amount: npt.NDArray[np.int64]) -> Ms:
    """Return what the length of a counter's interval means for what can be told within it, in ms.

    The device reads its counter when what its wearer does changes. So an interval at walking cadence was walked throughout,
    however long it is; a slower one may hold anything.
    """
    length = end - start
    return np.where(amount * MINUTE_MS >= WALKING_SPM * length, np.minimum(length, MINUTE_MS), length)


def _stretches(evidence: Evidence) -> Ms:
    """Return the time for which the device vouches, short pauses between its readings included."""
    times = np.unique(evidence.at_ms)
    ticks = np.stack((times, times + 1), axis=1)
    pauses = np.stack((times[:-1], times[1:]), axis=1)
    short = pauses[:, 1] - pauses[:, 0] <= BRIDGE_MS
    return spans.union(np.concatenate((evidence.coverage, ticks, pauses[short])))


def _increments(evidence: Evidence, stretches: Ms) -> tuple[_Counted, tuple[Ms, npt.NDArray[np.int64]]]:
    """Return what the counters counted as (start, end, amount) intervals, and the unplaced as (at, amount).

    An increment belongs to the time since the reading before it, of any channel: devices write a record when the kind of
    activity changes. Source: shared measurements on a real monitoring day (at most 65 steps/min that way, 12,840 the other).
    """
    times = np.unique(evidence.at_ms)
    real = evidence.channel >= 0
    at, since, channel, count = (
        column[real] for column in (evidence.at_ms, evidence.since_ms, evidence.channel, evidence.count.astype(np.int64))
    )
    order = np.lexsort((since, at, channel))
    at, since, channel, count = at[order], since[order], channel[order], count[order]
    run = np.searchsorted(stretches[:, 0], at, side="right") - 1
    follows = np.zeros(len(at), dtype=np.bool_)
    follows[1:] = (channel[1:] == channel[:-1]) & (np.abs(since[1:] - since[:-1]) < SAME_DAY_MS)
    before = np.zeros(len(at), dtype=np.int64)
    before[1:][follows[1:]] = count[:-1][follows[1:]]
    # A counter that falls within its period was reset or is at fault: what it counted in between is not known.
    amount = np.maximum(count - before, 0)
    unbroken = follows.copy()
    unbroken[1:] &= run[1:] == run[:-1]
    from_zero = ~follows & (stretches[run, 0] <= since + BRIDGE_MS) if len(at) else follows
    index = np.searchsorted(times, at)
    previous = np.where(index > 0, times[np.maximum(index - 1, 0)], np.iinfo(np.int64).min)
    begin = np.maximum(previous, since)
    placed = (unbroken | from_zero) & (begin < at) & (at - begin <= DAY_MS) & (amount > 0)
    lost = (amount > 0) & ~placed
    keys, inverse = np.unique(np.stack((begin[placed], at[placed]), axis=1), axis=0, return_inverse=True)
    total = np.bincount(inverse.ravel(), weights=amount[placed], minlength=len(keys)).astype(np.int64)
    return (keys[:, 0], keys[:, 1], total), (at[lost], amount[lost])
