"""asyncio apart from the thread of the tests, where a browser that another test opened keeps a loop of its own running."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Call = Callable[[Coroutine[Any, Any, T]], T]
LONGEST_S = 30.0


def apart(work: Callable[[], T]) -> T:
    """Call `work` in a thread of its own; what it raises is raised here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return apart(lambda: asyncio.run(work()))


@contextmanager
def loop_apart() -> Iterator[Call]:
    """Yield a function that awaits in a loop which goes on, in a thread of its own, until the block ends.

    What is raised there is raised here. Raises: TimeoutError
    """
    started: Future[asyncio.AbstractEventLoop] = Future()
    end = asyncio.Event()

    async def live() -> None:
        started.set_result(asyncio.get_running_loop())
        await end.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, live())
        loop = started.result()
        try:
            yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(LONGEST_S)
        finally:
            loop.call_soon_threadsafe(end.set)
