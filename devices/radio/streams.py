"""Values that a codec found -> the streams of a recording: only believable ones, the rest counted."""

from collections.abc import Iterator, Sequence

import numpy as np

from devices.files.coverage import join_touching
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    NO_COVERAGE,
    Intervals,
    Ms,
    Rejects,
    Span,
    SpanKind,
    Stream,
    believable,
)


def totals(
    metric: str, start: Sequence[int], end: Sequence[int], value: Sequence[int], rejects: Rejects, coverage: Ms = NO_COVERAGE
) -> Stream | None:
    """Return a stream of totals over [start, end); None if there is nothing in it."""
    samples = _believable(metric, start, end, value, rejects)
    if not len(samples.value) and not len(coverage):
        return None
    return Stream(metric, samples, join_touching(coverage[:, 0], coverage[:, 1]) if len(coverage) else NO_COVERAGE)


def levels(metric: str, at: Sequence[int], value: Sequence[int], rejects: Rejects) -> Stream | None:
    """Return a stream of readings at instants; None if there is none."""
    return levels_over(metric, at, at, value, rejects)


def levels_over(metric: str, start: Sequence[int], end: Sequence[int], value: Sequence[int], rejects: Rejects) -> Stream | None:
    """Return a stream of means over [start, end); None if there is none."""
    samples = _believable(metric, start, end, value, rejects)
    return Stream(metric, samples) if len(samples.value) else None


def sleep_span(start_ms: int, end_ms: int, stage: str | None, rejects: Rejects) -> Iterator[Span]:
    """Yield a stage of sleep; nothing if it is none that is known (None), or cannot be."""
    if stage is None:
        rejects.add("sleep", "a known stage", "another")
    elif EARLIEST_MS <= start_ms < end_ms <= LATEST_MS and end_ms - start_ms <= DAY_MS:
        yield Span(SpanKind.SLEEP, start_ms, end_ms, {"stage": stage})
    else:
        rejects.add("sleep", "a stage of up to a day at a believable time", f"{start_ms} to {end_ms} ms")


def _believable(metric: str, start: Sequence[int], end: Sequence[int], value: Sequence[int], rejects: Rejects) -> Intervals:
    columns = [np.array(column, dtype=np.int64) for column in (start, end, value)]
    good = believable(METRICS[metric], *columns)
    bad = np.flatnonzero(~good)
    if len(bad):
        expected = f"a believable {metric.replace('_', ' ')} at a believable time"
        rejects.add(metric, expected, f"{columns[2][bad[0]]} at {columns[0][bad[0]]} ms", len(bad))
    return Intervals(columns[0][good], columns[1][good], columns[2][good].astype(np.int32))
