"""Did this export write UTC or local time? What its files say together, and None where they do not settle it.

Three kinds of evidence, each of which must be clear on its own, and none of which may speak against another:
- twins: the same minutes also stand in a CSV in UTC. The offset at which they match is 0, or it is not;
- sleep: who sleeps takes no steps. The steps within the nights are next to none under one reading and many under the other;
- nights: many single nights are still under one reading and not under the other, and none the other way round (`nights`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.files.fitbit.kinds import NAIVE_KINDS, Kind, find_kind
from devices.files.fitbit.minutes import read_wall_steps, wall_times
from devices.files.fitbit.nights import judge_rests, read_rests
from devices.files.reader import ReadOptions
from devices.files.source import Source, read_head
from devices.files.textual.cells import parse_decimals
from devices.files.textual.localtime import always_utc, to_instants
from devices.files.textual.records import read_records
from devices.files.textual.table import read_table
from devices.files.textual.times import parse_iso, parse_offsets
from devices.recording import DAY_MS, MINUTE_MS, Ms, Rejects

Meaning = Literal["utc", "local"]
Columns = tuple[Ms, npt.NDArray[np.int64]]

# What is read of each kind: a year or more of months, which is enough to settle it.
_FILES_READ = 24
_FEWEST_TWINS = 30  # minutes with steps that match
_FEWEST_NIGHTS = 3
_FEWEST_HOURS = 8.0
_ASLEEP_PER_HOUR = 25.0  # a night's way to the bathroom
_AWAKE_PER_HOUR = 100.0
_CLEARLY = 4  # how many times as many minutes the better reading must match
_MOST_ROWS = 5_000_000
_KEYS_TRIED = 5_000
_STEP_BITS = 16
_SUMMER, _WINTER = (5, 6, 7, 8), (11, 12, 1, 2)
_NIGHT_EDGE_MS = 20 * MINUTE_MS  # falling asleep and waking are vague
_OFFSETS = range(-12 * 60, 14 * 60 + 1, 15)  # minutes; all that a clock on earth can stand ahead of UTC


@dataclass(slots=True)
class Evidence:
    """What was read for it.

    wall, steps: of the JSON minutes, the wall clock as if UTC.  utc, utc_steps: of the CSV minutes, true instants
    nights_wall, nights_utc: (k, 2) bounds of nights on the wall clock and in UTC, those of one night in one row; empty where
    the files do not say
    """

    wall: Ms = field(default_factory=lambda: np.zeros(0, np.int64))
    steps: Ms = field(default_factory=lambda: np.zeros(0, np.int64))
    utc: Ms = field(default_factory=lambda: np.zeros(0, np.int64))
    utc_steps: Ms = field(default_factory=lambda: np.zeros(0, np.int64))
    nights_wall: Ms = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    nights_utc: Ms = field(default_factory=lambda: np.zeros((0, 2), np.int64))


def infer_naive_time(sources: Sequence[Source], options: ReadOptions) -> Meaning | None:
    """Return what a time without a zone means in these files of one export, or None if they do not settle it."""
    files = _sort_by_kind(sources)
    if not any(kind in NAIVE_KINDS for kind in files):
        return None
    if options.zone is not None and always_utc(options.zone):
        return "utc"
    if Kind.STEPS_JSON not in files:
        return None
    evidence = Evidence()
    evidence.wall, evidence.steps = _distinct(
        *_gather(
            part for source in _spread(files[Kind.STEPS_JSON]) for part in _until_damaged(read_wall_steps(source, Rejects()))
        )
    )
    evidence.utc, evidence.utc_steps = _gather(
        part for source in _near(files.get(Kind.STEPS_CSV, []), evidence.wall) for part in _until_damaged(_true_minutes(source))
    )
    meaning = judge_twins(evidence, options.zone)
    if meaning is not None:
        return meaning
    nights = [part for source in files.get(Kind.SLEEPS_CSV, []) for part in _until_damaged(_table_nights(source))]
    nights += [part for source in files.get(Kind.SLEEP_JSON, []) for part in _until_damaged(_list_nights(source, options.zone))]
    evidence.nights_wall = np.concatenate([evidence.nights_wall, *(wall for wall, _ in nights)])
    evidence.nights_utc = np.concatenate([evidence.nights_utc, *(utc for _, utc in nights)])
    by_hour = judge_sleep(evidence)
    if options.zone is None:
        return by_hour
    by_night = judge_rests(evidence.wall, evidence.steps, read_rests(files.get(Kind.SLEEP_JSON, []), options.zone))
    return by_night if by_hour in (by_night, None) else by_hour if by_night is None else None


def judge_twins(evidence: Evidence, zone: ZoneInfo | None) -> Meaning | None:
    """Count the JSON minutes that stand in a CSV too, the same minute with the same steps, under either reading.

    With a zone only minutes count at which the two readings differ. Without one every offset is tried; that all match at 0 then
    may also be a local clock in its half year at UTC, so it must hold in summer and in winter.
    """
    true = _keys(evidence.utc, evidence.utc_steps)
    if zone is None:
        return _judge_offsets(_sample(_keys(evidence.wall, evidence.steps)), true)
    instants = to_instants(evidence.wall, zone, ordered=True)
    differ = instants.known & (instants.ms != evidence.wall)
    as_utc = _count_in(_keys(evidence.wall[differ], evidence.steps[differ]), true)
    as_local = _count_in(_keys(instants.ms[differ], evidence.steps[differ]), true)
    return _clearer(as_utc, as_local)


def judge_sleep(evidence: Evidence) -> Meaning | None:
    """Compare the steps within the nights under both readings; where a night's UTC is unknown, only `utc` can be shown."""
    local = _steps_asleep(evidence, evidence.nights_wall)
    utc = _steps_asleep(evidence, evidence.nights_utc)
    if local is None:
        return None
    if utc is None:
        return "utc" if local >= _AWAKE_PER_HOUR else None
    if utc <= _ASLEEP_PER_HOUR and local >= _AWAKE_PER_HOUR:
        return "utc"
    if local <= _ASLEEP_PER_HOUR and utc >= _AWAKE_PER_HOUR:
        return "local"
    return None


def _judge_offsets(wall: Ms, true: Ms) -> Meaning | None:
    matches = {int(offset): _count_in(wall - (int(offset) << _STEP_BITS), true) for offset in _OFFSETS}
    at_zero = matches.pop(0)
    meaning = _clearer(at_zero, max(matches.values()))
    if meaning != "utc":
        return meaning
    matched = wall[np.isin(wall, true)] >> _STEP_BITS
    months = matched.astype("datetime64[m]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return "utc" if np.isin(months, _SUMMER).any() and np.isin(months, _WINTER).any() else None


def _clearer(as_utc: int, as_local: int) -> Meaning | None:
    if as_utc >= max(_FEWEST_TWINS, _CLEARLY * as_local):
        return "utc"
    return "local" if as_local >= max(_FEWEST_TWINS, _CLEARLY * as_utc) else None


def _count_in(keys: Ms, true: Ms) -> int:
    if not len(true):
        return 0
    found = np.searchsorted(true, keys)
    return int((true[np.minimum(found, len(true) - 1)] == keys).sum())


def _sample(keys: Ms) -> Ms:
    return keys[:: -(-len(keys) // _KEYS_TRIED)] if len(keys) else keys


def _keys(at_ms: Ms, steps: Ms) -> Ms:
    """Return (minute, steps) of the minutes with steps as one number each, in order: the minute above the bits of the steps."""
    moving = (steps > 0) & (steps < 1 << _STEP_BITS)
    return np.unique((at_ms[moving] // MINUTE_MS << _STEP_BITS) + steps[moving])


def _steps_asleep(evidence: Evidence, nights: Ms) -> float | None:
    """Return the steps an hour within the nights whose days have rows, or None if those are too few to judge."""
    inner = nights + np.array([_NIGHT_EDGE_MS, -_NIGHT_EDGE_MS])
    inner = inner[inner[:, 1] > inner[:, 0]]
    order = np.argsort(evidence.wall, kind="stable")
    wall = evidence.wall[order]
    total = np.concatenate(([0], np.cumsum(evidence.steps[order])))
    places = np.searchsorted(wall, np.column_stack((inner[:, 0] - DAY_MS // 2, inner, inner[:, 1] + DAY_MS // 2)))
    seen = (places[:, 1] > places[:, 0]) & (places[:, 3] > places[:, 2])
    hours = float((inner[seen, 1] - inner[seen, 0]).sum()) / 3_600_000
    if seen.sum() < _FEWEST_NIGHTS or hours < _FEWEST_HOURS:
        return None
    return float((total[places[seen, 2]] - total[places[seen, 1]]).sum()) / hours


def _sort_by_kind(sources: Iterable[Source]) -> dict[Kind, list[Source]]:
    files: dict[Kind, list[Source]] = {}
    for source in sources:
        try:
            kind = find_kind(source.name, read_head(source))
        except DecodeError:
            continue  # the reading of this file says so itself
        if kind is not None:
            files.setdefault(kind, []).append(source)
    return files


def _spread(sources: Sequence[Source]) -> Sequence[Source]:
    """Return up to a couple of dozen files, evenly over all: summers and winters."""
    return sources[:: -(-len(sources) // _FILES_READ)] if sources else sources


def _near(sources: Iterable[Source], wall: Ms) -> list[Source]:
    """Return the CSVs whose first row lies within a month of a JSON minute."""
    days, near = np.unique(wall // DAY_MS), []
    for source in sources:
        first = next(_until_damaged(_true_minutes(source)), None)
        if first is not None and len(days) and int(np.abs(days - first[0][0] // DAY_MS).min()) <= 31:
            near.append(source)
    return near[: 2 * _FILES_READ]


def _true_minutes(source: Source) -> Iterator[Columns]:
    for rows in read_table(source, ("timestamp", "steps"), (), Rejects()):
        times = parse_iso(rows["timestamp"])
        steps, is_number = parse_decimals(rows["steps"])
        good = times.good & ~times.naive & is_number
        if good.any():
            yield times.ms[good], steps[good].astype(np.int64)


def _table_nights(source: Source) -> Iterator[Columns]:
    """Yield nights on the wall clock and in UTC, (k, 2) each."""
    names = ("sleep_start", "sleep_end", "start_utc_offset", "end_utc_offset")
    for rows in read_table(source, names, (), Rejects()):
        times = [parse_iso(rows[name]) for name in names[:2]]
        offsets = [parse_offsets(rows[name]) for name in names[2:]]
        good = np.all([*(time.good & ~time.naive for time in times), *(good for _, good in offsets)], axis=0)
        utc = np.column_stack([time.ms for time in times])[good]
        yield utc + np.column_stack([offset_s for offset_s, _ in offsets])[good].astype(np.int64) * 1000, utc


def _list_nights(source: Source, zone: ZoneInfo | None) -> Iterator[Columns]:
    """Yield nights on the wall clock, and in UTC where the zone is known, (k, 2) each."""
    for records in read_records(source, 1, Rejects()):
        times = [parse_iso(wall_times(records.rows, key)) for key in ("startTime", "endTime")]
        wall = np.column_stack([time.ms for time in times])[np.all([time.naive for time in times], axis=0)]
        if zone is None:
            yield wall, np.zeros((0, 2), np.int64)
        else:
            yield wall, to_instants(wall.ravel(), zone, ordered=False).ms.reshape(-1, 2)


def _gather(parts: Iterable[Columns]) -> Columns:
    """Return the columns of all parts in one, up to some millions of rows: more settle no more."""
    first, second, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for one, other in parts:
        first.append(one)
        second.append(other.astype(np.int64))
        rows += len(one)
        if rows > _MOST_ROWS:
            break
    return np.concatenate(first), np.concatenate(second)


def _distinct(wall: Ms, steps: Ms) -> Columns:
    """Return each minute once, in order: overlapping exports hold the same minutes, and twice the steps prove nothing."""
    order = np.lexsort((steps, wall))
    wall, steps = wall[order], steps[order]
    last = np.append(wall[1:] != wall[:-1], np.ones(min(1, len(wall)), dtype=bool))
    return wall[last], steps[last]


def _until_damaged(parts: Iterator[Columns]) -> Iterator[Columns]:
    """Yield what can be read; the reading of the file itself will say where it is damaged."""
    try:
        yield from parts
    except DecodeError:
        return
