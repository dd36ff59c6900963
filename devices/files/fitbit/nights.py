"""Under which reading of the steps' clock do the nights lie still? Told night by night, which tells one hour from none.

Sleep is in local time whatever the steps are in. Read an hour or more too early or too late, the steps of the morning or of the
evening fall into the night. A night counts for the reading under which it is still, and it must be still minute by minute:
the steps of a way to the bathroom lie within the awakenings, which are cut out of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from devices.errors import DecodeError
from devices.files.source import Source
from devices.files.textual.cells import Cells, Index, Mask
from devices.files.textual.localtime import to_instants
from devices.files.textual.records import Record, read_records
from devices.files.textual.times import parse_iso
from devices.recording import DAY_MS, MINUTE_MS, Ms, Rejects

# Measured on virtual wearers of four habits in thirteen zones, also with noise, errors of the night's bounds and journeys:
# docs/formats/fitbit-google.md.
_FEWEST_NIGHTS = 14  # that speak for a reading
_FEWEST_DAYS = 21  # from the first to the last of them: few journeys are longer
_PER_OTHER_NIGHT = 20  # as many for each night that speaks against it, or is not still under it
_MOVED_MINUTES = 3  # with steps, in a night that speaks against a reading
_MOVED_TIMES = 4  # as many as under the other reading
_STILL_MINUTES = 1  # with steps, at most, in a night that is still
_EDGE_MS = 5 * MINUTE_MS  # of each stretch of sleep: falling asleep and waking are vague

_MOST_NIGHTS = 20_000
_AWAKE = frozenset({"wake", "awake", "restless"})
_BY_ITSELF = "auto_detected"  # what somebody typed in as a night says nothing of its minutes


@dataclass(frozen=True, slots=True, eq=False)
class Rests:
    """Stretches of sleep without awakenings.

    night: (k,) int64, which night each is of, rising from 0.  wall, utc: (k, 2) int64, on the wall clock and as instants
    """

    night: Index
    wall: Ms
    utc: Ms


def read_rests(sources: Iterable[Source], zone: ZoneInfo) -> Rests:
    """Return the sleep in the export's own sleep files, each night once; of a damaged file what came before the damage."""
    nights: dict[int, list[tuple[int, int]]] = {}
    for source in sources:
        try:
            for records in read_records(source, 1, Rejects()):
                nights.update(_nights(records.rows))
        except DecodeError:
            pass  # the reading of this file says so itself
        if len(nights) > _MOST_NIGHTS:
            break
    rests = list(nights.values())
    wall = np.array([bounds for stretches in rests for bounds in stretches], dtype=np.int64).reshape(-1, 2)
    night = np.repeat(np.arange(len(rests)), np.fromiter(map(len, rests), dtype=np.int64, count=len(rests)))
    instants = to_instants(wall.ravel(), zone, ordered=False)
    known = instants.known.reshape(-1, 2).all(axis=1)
    # Numbered anew, as a night may lie within the hour that repeats.
    _, night = np.unique(night[known], return_inverse=True)
    return Rests(night, wall[known], instants.ms.reshape(-1, 2)[known])


def judge_rests(wall: Ms, steps: Ms, rests: Rests) -> Literal["utc", "local"] | None:
    """Return the reading under which the nights are still, or None unless many are and hardly one is not.

    wall, steps: (n,) int64, the minutes as they stand in the files, read as if their clock were UTC
    """
    moving = np.unique(wall[steps > 0])
    (local, local_seen), (utc, utc_seen) = (_moved(moving, rests.night, bounds) for bounds in (rests.wall, rests.utc))
    seen = local_seen & utc_seen
    day = _first_of_each(rests.night, rests.wall[:, 0])[seen] // DAY_MS
    if _is_clear(local[seen], utc[seen], day):
        return "local"
    return "utc" if _is_clear(utc[seen], local[seen], day) else None


def _is_clear(own: Index, other: Index, day: Index) -> bool:
    """Do the nights speak for the reading under which `own` is how many minutes of each have steps? day: on which each was."""
    speaks, against = _speaks(own, other), int(_speaks(other, own).sum())
    count, restless = int(speaks.sum()), int((own > _STILL_MINUTES).sum())
    if count < max(_FEWEST_NIGHTS, _PER_OTHER_NIGHT * max(against, restless)):
        return False
    return int(np.ptp(day[speaks])) >= _FEWEST_DAYS


def _speaks(still: Index, moved: Index) -> Mask:
    """Return which nights speak for the reading under which `still` is how many of their minutes have steps."""
    return (moved >= _MOVED_MINUTES) & (still * _MOVED_TIMES <= moved)


def _moved(moving: Ms, night: Index, bounds: Ms) -> tuple[Index, Mask]:
    """Return ((n,) how many minutes with steps lie in each night's sleep, (n,) whether there are some before and after it)."""
    inner = bounds + np.array([_EDGE_MS, -_EDGE_MS])
    first, last = np.searchsorted(moving, inner[:, 0]), np.searchsorted(moving, np.maximum(inner[:, 1], inner[:, 0]))
    moved = np.bincount(night, weights=last - first).astype(np.int64)
    start, end = _first_of_each(night, bounds[:, 0]), -_first_of_each(night, -bounds[:, 1])
    edges = np.searchsorted(moving, np.stack((start - DAY_MS // 2, start, end, end + DAY_MS // 2)))
    return moved, (edges[1] > edges[0]) & (edges[3] > edges[2])


def _first_of_each(night: Index, at_ms: Ms) -> Ms:
    """Return the least of each night's values: (n,) int64."""
    if not len(night):
        return at_ms
    opens = np.concatenate(([True], night[1:] != night[:-1]))
    return np.minimum.reduceat(at_ms, np.flatnonzero(opens))


def _nights(rows: Sequence[Record]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield the start of each night on the wall clock, and its stretches of sleep."""
    texts, lengths, kept = list[str](), list[int](), list[tuple[int, int]]()
    for row in rows:
        levels = row.get("levels")
        if row.get("logType", _BY_ITSELF) != _BY_ITSELF or type(levels) is not dict or not _list(levels.get("data")):
            continue
        wakes = [wake for wake in _list(levels.get("data")) + _list(levels.get("shortData")) if _is_wake(wake)]
        kept.append((len(texts), len(wakes)))
        texts += [_text(row.get("startTime")), _text(row.get("endTime")), *(_text(wake.get("dateTime")) for wake in wakes)]
        lengths += [0, 0, *(wake["seconds"] * 1000 for wake in wakes)]
    times = parse_iso(Cells.of(texts))
    for first, count in kept:
        own = slice(first, first + 2 + count)
        if times.naive[own].all():
            start, end, *wakes_ms = times.ms[own].tolist()
            if 0 < end - start <= DAY_MS:
                yield start, list(_between(start, end, sorted(zip(wakes_ms, lengths[first + 2 : own.stop], strict=True))))


def _between(start: int, end: int, wakes: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what of [start, end) lies between the awakenings, (start, length) each in time order."""
    for at, length in wakes:
        if at > start:
            yield start, min(at, end)
        start = max(start, at + length)
        if start >= end:
            return
    yield start, end


def _is_wake(level: object) -> bool:
    if type(level) is not dict or _text(level.get("level")).lower() not in _AWAKE:
        return False
    return type(seconds := level.get("seconds")) is int and 0 < seconds <= DAY_MS // 1000


def _list(value: object) -> list[Any]:
    return value if type(value) is list else []


def _text(value: object) -> str:
    return value if type(value) is str else ""
