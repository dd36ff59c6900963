"""Sets of half-open time spans as (k, 2) int64 arrays: sorted, disjoint and not touching."""

import numpy as np
import numpy.typing as npt

Spans = npt.NDArray[np.int64]


def empty() -> Spans:
    return np.empty((0, 2), dtype=np.int64)


def union(spans: Spans) -> Spans:
    """Return the set of any (k, 2) spans: those that touch become one, empty ones vanish."""
    spans = spans[spans[:, 1] > spans[:, 0]]
    if len(spans) < 2:
        return spans
    if (spans[1:, 0] < spans[:-1, 0]).any():
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.concatenate(([True], spans[1:, 0] > reach[:-1])))
    last = np.append(first[1:], len(spans)) - 1
    return np.stack((spans[first, 0], reach[last]), axis=1)


def subtract(whole: Spans, part: Spans) -> Spans:
    """Return what of the set `whole` is outside the set `part`."""
    if not len(whole) or not len(part):
        return whole
    edges = np.concatenate((whole[:, 0], whole[:, 1], part[:, 0], part[:, 1]))
    inside = np.repeat(np.array([1, -1, 0, 0]), [len(whole)] * 2 + [len(part)] * 2)
    taken = np.repeat(np.array([0, 0, 1, -1]), [len(whole)] * 2 + [len(part)] * 2)
    order = np.argsort(edges, kind="stable")
    edges, inside, taken = edges[order], inside[order].cumsum(), taken[order].cumsum()
    left = (inside[:-1] > 0) & (taken[:-1] == 0)
    return union(np.stack((edges[:-1][left], edges[1:][left]), axis=1))


def split_days(spans: Spans, day_ms: int) -> Spans:
    """Return the same time cut at every multiple of `day_ms`: no piece crosses one."""
    if not len(spans):
        return spans
    first = spans[:, 0] // day_ms
    pieces = (spans[:, 1] - 1) // day_ms - first + 1
    if (pieces == 1).all():
        return spans
    row = np.repeat(np.arange(len(spans)), pieces)
    day = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.stack((np.maximum(spans[row, 0], day * day_ms), np.minimum(spans[row, 1], (day + 1) * day_ms)), axis=1)
