"""Where the work on patients runs, the same function everywhere: this process, others of this machine, or a Dask cluster."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

CHUNK = 8  # patients sent at once: fewer, and sending them costs more than judging them
AHEAD = 3  # chunks sent for each worker before the first comes back

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Executor(Protocol):
    """Runs a pure function over many things."""

    def run(self, work: Callable[[_Given], _Made], things: Iterable[_Given]) -> Iterator[_Made]:
        """Yield what becomes of each, in order; takes only so many of the things ahead as keep it busy."""
        ...


class Serial:
    def run(self, work: Callable[[_Given], _Made], things: Iterable[_Given]) -> Iterator[_Made]:
        return map(work, things)


class Pooled:
    """Any pool that takes a function with its arguments and gives something with a `result()`."""

    def __init__(self, submit: Callable[..., Any], workers: int) -> None:
        self._submit = submit
        self._ahead = AHEAD * workers

    def run(self, work: Callable[[_Given], _Made], things: Iterable[_Given]) -> Iterator[_Made]:
        rest, waiting = iter(things), deque[Any]()
        while True:
            while len(waiting) < self._ahead and (chunk := list(islice(rest, CHUNK))):
                waiting.append(self._submit(_do_all, work, chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()


def _do_all(work: Callable[[_Given], _Made], chunk: Sequence[_Given]) -> list[_Made]:
    return [work(thing) for thing in chunk]


@contextmanager
def open_executor(kind: str, *, workers: int = 0, scheduler: str = "") -> Iterator[Executor]:
    """Yield the executor of that kind: `serial`, `processes` or `dask`.

    workers:   how many; 0 is one for each processor. Of a cluster that is there already, it has its own
    scheduler: the address of a Dask scheduler; without one a cluster of this machine alone is started, on loopback
    Raises: ValueError if it is none of them, or Dask is not installed; OSError if the scheduler does not answer
    """
    many = workers or os.cpu_count() or 1
    if kind == "serial":
        yield Serial()
    elif kind == "processes":
        with ProcessPoolExecutor(many, mp_context=get_context("spawn")) as pool:
            yield Pooled(pool.submit, many)
    elif kind == "dask":
        with _open_dask(many, scheduler) as pooled:
            yield pooled
    else:
        raise ValueError(f"executor {kind!r}: expected serial, processes or dask")


@contextmanager
def _open_dask(workers: int, scheduler: str) -> Iterator[Executor]:
    try:
        import distributed  # an extra, and slow to load
    except ModuleNotFoundError as error:
        raise ValueError("AFOOT_EXECUTOR: dask is not installed; install afoot[dask]") from error
    dask: Any = distributed  # untyped
    if scheduler:
        with dask.Client(scheduler, timeout="10s", set_as_default=False) as client:
            yield Pooled(_submitting(client), max(1, len(client.nthreads())))
        return
    local = dask.LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs="ERROR"
    )
    with local as cluster, dask.Client(cluster, set_as_default=False) as client:
        yield Pooled(_submitting(client), workers)


def _submitting(client: Any) -> Callable[..., Any]:
    # Not pure in Dask's sense: else it would hash the minutes of every patient to find equal work.
    return lambda work, *given: client.submit(work, *given, pure=False)
