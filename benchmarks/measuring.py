"""Time and memory of a piece of work, in a process of its own."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """seconds: by the clock. peak_mb: of the whole process. result: what the work returned."""

    seconds: float
    peak_mb: float
    result: Any


def measure(work: Callable[..., Any], *arguments: Any) -> Measured:
    """Run `work(*arguments)` in a new process. What it imports is part of its memory, not of its time."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(_measured, work, arguments).result()


def _measured(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Measured:
    started = time.perf_counter()
    result = work(*arguments)
    return Measured(time.perf_counter() - started, _peak_mb(), result)


def _peak_mb() -> float:
    """The high-water mark of this address space: `ru_maxrss` would be at least that of the process that started this one."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("/proc/self/status: expected a line VmHWM; benchmarks of memory need Linux")
    return int(found[1]) / 1024
