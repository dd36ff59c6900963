"""asyncio apart from the thread of the tests, where a browser that another test opened keeps a loop of its own running."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """Call `work` in a thread of its own; what it raises is raised here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return apart(lambda: asyncio.run(work()))
