"""Writers of one process wait for their turn in the order in which they came.

SQLite lets one write and has the others look again and again: who is unlucky waits until it gives up. And whoever writes one
transaction after the other would leave the others no gap.
"""

import threading
from collections import deque
from types import TracebackType

from sqlalchemy.exc import TimeoutError


class Turn:
    """A lock that is handed on in order. Not reentrant: a writer within a writer would wait for itself."""

    def __init__(self, most_ms: int) -> None:
        self._most_s = most_ms / 1000
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        """Raises: TimeoutError (of SQLAlchemy) if the turn does not come in time"""
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(self._most_s):
            return
        with self._lock:
            if mine.is_set():
                return  # it came in the last moment
            self._waiting.remove(mine)
        raise TimeoutError(f"others write to the store for more than {self._most_s:g} s")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
