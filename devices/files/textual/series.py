"""How do parsed columns become what a recording holds? Checked, rounded, and covered where the device vouches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.files.coverage import cover
from devices.files.textual.cells import Index, Mask
from devices.recording import METRICS, NO_COVERAGE, Intervals, Ms, Recording, Reject, Rejects, Stream, believable


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Parsed samples of one metric, before they are believed.

    start_ms, end_ms: (n,) int64.  value: (n,) numbers.  places: (n,) int64, the line or record each came from
    """

    start_ms: Ms
    end_ms: Ms
    value: npt.NDArray[np.number]
    places: Index

    def take(self, rows: Mask | Index) -> "Samples":
        return Samples(self.start_ms[rows], self.end_ms[rows], self.value[rows], self.places[rows])


def build_stream(metric: str, samples: Samples, rejects: Rejects, place: str) -> Stream | None:
    """Return the believable samples as a stream, or None if there are none; the others become rejects.

    place: what stands before the number of the line, as in `steps.csv line`
    Of a `sum` the samples cover their own time: that the vendor wrote a number for it is its word.
    """
    rounded = np.clip(np.rint(samples.value), -(2**31), 2**31 - 1).astype(np.int64)
    good = believable(METRICS[metric], samples.start_ms, samples.end_ms, rounded)
    bad = np.flatnonzero(~good)
    if len(bad):
        first = bad[0]
        rejects.add(f"{place} {samples.places[first]}", f"a believable {metric}", _describe(samples, int(first)), len(bad))
    if not good.any():
        return None
    start, end = samples.start_ms[good], samples.end_ms[good]
    coverage = cover(start, end) if METRICS[metric].kind == "sum" else NO_COVERAGE
    return Stream(metric, Intervals(start, end, rounded[good].astype(np.int32)), coverage)


def reject_rows(rejects: Rejects, place: str, places: Index, bad: Mask, expected: str, found: str) -> None:
    """Count the bad rows, with the place of the first."""
    rows = np.flatnonzero(bad)
    if len(rows):
        rejects.add(f"{place} {places[rows[0]]}", expected, found, len(rows))


def with_rejects(recordings: Iterable[Recording], rejects: Rejects) -> Iterator[Recording | Reject]:
    """Yield the recordings, then what was left out on the way, also where the reading ends in an error."""
    try:
        yield from recordings
    except DecodeError:
        yield from rejects.drain()
        raise
    yield from rejects.drain()


def _describe(samples: Samples, row: int) -> str:
    at = np.datetime64(int(samples.start_ms[row]), "ms")
    return f"{samples.value[row]} over {(samples.end_ms[row] - samples.start_ms[row]) / 1000:g} s from {at}"
