"""The queue between those who upload and the store, which has one writer: small files share commits, large ones take turns.

What is acknowledged is on the disk. The queue is bounded, and says so when it is full.
"""

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ingest.archive import SMALL_BYTES, Archive
from ingest.collect.files import Arrival, Outcome, import_arrivals
from ingest.store import Store

log = logging.getLogger(__name__)

MOST_WAITING = 1000
MOST_LARGE = 16
# What one commit holds: more would let the first of them wait for the last.
FILES_AT_ONCE, BYTES_AT_ONCE = 32, 8 << 20


class Full(Exception):
    """So many files wait that another would wait too long."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file to import, and who sent it."""

    arrival: Arrival
    size: int
    who: str
    role: str
    done: "Future[Outcome]" = field(default_factory=Future)


# What else is to be done with what was stored, before it is acknowledged: the audit, counters.
Noting = Callable[[Sequence[tuple[Sent, Outcome]]], None]


class Intake:
    """Threads that import what is submitted. now_ms: the clock."""

    def __init__(self, store: Store, archive: Archive, now_ms: Callable[[], int], noting: Noting) -> None:
        self._store, self._archive, self._now_ms, self._noting = store, archive, now_ms, noting
        self._small = _Lane("small files", self._import, MOST_WAITING)
        self._large = _Lane("large files", self._import, MOST_LARGE)

    def start(self) -> None:
        for lane in (self._small, self._large):
            lane.start()

    def stop(self) -> None:
        """Import what waits, and take no more."""
        for lane in (self._small, self._large):
            lane.stop()

    @property
    def waiting(self) -> int:
        return len(self._small) + len(self._large)

    def submit(self, sent: Sent) -> "Future[Outcome]":
        """Queue a file; the outcome comes when it is safe in the store.

        Raises: Full, now; of the future: what the store or its disk raise
        """
        (self._small if sent.size <= SMALL_BYTES else self._large).put(sent)
        return sent.done

    def _import(self, batch: Sequence[Sent]) -> None:
        """Import a batch; if it fails, each of it alone, so that one cannot fail the others."""
        left = self._import_together(batch, may_fail=len(batch) > 1)
        for one in left:
            self._import_together([one], may_fail=False)

    def _import_together(self, batch: Sequence[Sent], *, may_fail: bool) -> list[Sent]:
        """Returns those that were not stored, if they `may_fail`; else they are told why."""
        stored: dict[int, Outcome] = {}
        problem: BaseException | None = None
        try:
            stored.update(import_arrivals(self._store, self._archive, [one.arrival for one in batch], self._now_ms()))
        except Exception as error:  # noqa: BLE001 - the service's edge: logged, and told to whoever waits
            log.error("%s while importing:\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            problem = error
        self._tell([(batch[place], outcome) for place, outcome in stored.items()])
        left = [one for place, one in enumerate(batch) if place not in stored]
        if may_fail:
            return left
        for one in left:
            one.done.set_exception(problem or RuntimeError("an import without an outcome"))
        return []

    def _tell(self, stored: Sequence[tuple[Sent, Outcome]]) -> None:
        try:
            self._noting(stored)
        except Exception as error:  # noqa: BLE001 - what is stored is stored, whatever becomes of the note
            log.error("%s while noting uploads", type(error).__name__)
        for sent, outcome in stored:
            sent.done.set_result(outcome)


class _Lane:
    """One thread, and what waits for it."""

    def __init__(self, name: str, work: Callable[[Sequence[Sent]], None], most: int) -> None:
        self._work, self._most = work, most
        self._waiting: deque[Sent] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def put(self, sent: Sent) -> None:
        with self._changed:
            if not self._open or len(self._waiting) >= self._most:
                raise Full
            self._waiting.append(sent)
            self._changed.notify()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            if batch:
                self._work(batch)

    def _take(self) -> list[Sent] | None:
        """Wait for files; returns as many as one commit should hold, None when it is time to end."""
        with self._changed:
            while self._open and not self._waiting:
                self._changed.wait()
            if not self._waiting:
                return None
            batch: list[Sent] = []
            size = 0
            while self._waiting and len(batch) < FILES_AT_ONCE and size < BYTES_AT_ONCE:
                one = self._waiting.popleft()
                if one.done.set_running_or_notify_cancel():
                    batch.append(one)
                    size += one.size
            return batch
