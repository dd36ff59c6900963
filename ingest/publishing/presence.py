"""Which points and fields lie in the database, small enough to remember: so that what is there no more can be deleted exactly.

A point that is written again keeps the fields that the new one does not have, so a field that is unknown now has to be deleted,
and with it its point, which is then written again.
"""

import json
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from ingest.publishing.lines import Series, Times

_STEP_S = 60

# A measurement and its tags, in order of their names.
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
# The instants, in seconds, at which each field of each series is known.
Presence = Mapping[SeriesKey, Mapping[str, Times]]


def presence_of(made: Iterable[Series]) -> Presence:
    """Return what writing these series puts there."""
    found: dict[SeriesKey, dict[str, Times]] = {}
    for series in made:
        fields = {name: series.times[column.known] for name, column in series.fields.items()}
        own = found.setdefault((series.measurement, tuple(sorted(series.tags.items()))), {})
        for name, times in fields.items():
            if times.size:
                own[name] = np.union1d(own[name], times) if name in own else times
    return {key: fields for key, fields in found.items() if fields}


def unite(one: Presence, other: Presence) -> Presence:
    """Return what may be there if either is."""
    found = {key: dict(fields) for key, fields in one.items()}
    for key, fields in other.items():
        own = found.setdefault(key, {})
        for name, times in fields.items():
            own[name] = np.union1d(own[name], times) if name in own else times
    return found


def subtract(before: Presence, after: Presence) -> dict[SeriesKey, Times]:
    """Return by series the instants at which a field that was there is there no more, in order."""
    gone: dict[SeriesKey, Times] = {}
    for key, fields in before.items():
        now = after.get(key, {})
        left = [np.setdiff1d(times, now[name], assume_unique=True) if name in now else times for name, times in fields.items()]
        times = np.unique(np.concatenate(left)) if left else np.empty(0, dtype=np.int64)
        if times.size:
            gone[key] = times
    return gone


def encode(presence: Presence) -> bytes:
    """Return it as bytes: runs of points a minute apart, each by its first instant and its length."""
    rows = [
        [measurement, dict(tags), {name: _runs(times) for name, times in sorted(fields.items())}]
        for (measurement, tags), fields in sorted(presence.items())
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 1)


def decode(data: bytes) -> Presence:
    """Return what `encode` wrote."""
    return {
        (measurement, tuple(sorted(tags.items()))): {name: _spread(runs) for name, runs in fields.items()}
        for measurement, tags, fields in json.loads(zlib.decompress(data))
    }


def _runs(times: Times) -> list[int]:
    begins = np.concatenate(([True], np.diff(times) != _STEP_S))
    starts = times[begins]
    counts = np.diff(np.append(np.flatnonzero(begins), times.size))
    runs: list[int] = np.column_stack((starts, counts)).ravel().tolist()
    return runs


def _spread(runs: list[int]) -> Times:
    starts, counts = np.array(runs, dtype=np.int64).reshape(-1, 2).T
    steps = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + _STEP_S * steps
