"""How often somebody may try: buckets that fill again with time, in the memory of this process."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many at once, and as many again in `over_ms`."""

    many: int
    over_ms: int


class Limiter:
    """Counts tries by key (an account, an address). The longest unused key is forgotten when there are too many."""

    def __init__(self, limit: Limit, most_keys: int = MOST_KEYS) -> None:
        self._limit = limit
        self._most = most_keys
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_ms(self, key: str, at_ms: int) -> int:
        """Return how long until the next try may be made; 0: now. Counts nothing."""
        with self._lock:
            left = self._left(key, at_ms)
        return 0 if left >= 1 else ceil((1 - left) * self._limit.over_ms / self._limit.many)

    def count(self, key: str, at_ms: int) -> None:
        """Count a try."""
        with self._lock:
            self._buckets[key] = (self._left(key, at_ms) - 1, at_ms)
            self._buckets.move_to_end(key)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)

    def give_back(self, key: str, at_ms: int) -> None:
        """Take back a try that was counted."""
        with self._lock:
            self._buckets[key] = (self._left(key, at_ms) + 1, at_ms)

    def forget(self, key: str) -> None:
        """Begin anew with a key: who got in was right after all."""
        with self._lock:
            self._buckets.pop(key, None)

    def _left(self, key: str, at_ms: int) -> float:
        left, then_ms = self._buckets.get(key, (float(self._limit.many), at_ms))
        return min(float(self._limit.many), left + max(0, at_ms - then_ms) * self._limit.many / self._limit.over_ms)
