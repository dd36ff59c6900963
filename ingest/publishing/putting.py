"""Blocks into a bucket: what is there no more is deleted, what is new or other is written, what stayed is left alone.

Each block goes through three commits of three systems: the store remembers what may lie there, the database takes it, the store
remembers what lies there. Stopped anywhere in between, the same call again ends in the same.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from secrets import token_hex

from sqlalchemy import Connection

from ingest.publishing import outbox
from ingest.publishing.influx import LINES_AT_ONCE, Deletion, Influx, Refusal
from ingest.publishing.outbox import Block, Kept
from ingest.publishing.presence import subtract
from ingest.store import Store


class Superseded(Exception):
    """Somebody else publishes now."""


class Right:
    """The right to publish, of one run at a time. It lasts longer than the slowest request, and is renewed between them.

    It is not given away earlier where its holder is seen to be dead: the server may still be at the request that it had sent, and
    carry out a deletion after the next holder's writing.
    """

    LASTS_MS = 180_000

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock, self._holder, self._since_ms = clock, token_hex(8), 0

    def take(self, connection: Connection) -> bool:
        """Take it, in a transaction of the store. Returns whether it was to be had."""
        self._since_ms = self._clock()
        return outbox.take(connection, self._holder, self._since_ms, self._since_ms + self.LASTS_MS)

    def renew(self, connection: Connection) -> None:
        """Raises: Superseded if it ran out and somebody else took it"""
        self._since_ms = self._clock()
        if not outbox.renew(connection, self._holder, self._since_ms + self.LASTS_MS):
            raise Superseded

    def is_running_out(self) -> bool:
        return self._clock() > self._since_ms + self.LASTS_MS // 4

    def give_back(self, connection: Connection) -> None:
        outbox.give_back(connection, self._holder)


@dataclass(frozen=True, slots=True)
class Put:
    """How many blocks and lines were written, stretches deleted, and lines not taken."""

    blocks: int = 0
    lines: int = 0
    deleted: int = 0
    refused: int = 0

    def __add__(self, other: "Put") -> "Put":
        return Put(
            self.blocks + other.blocks,
            self.lines + other.lines,
            self.deleted + other.deleted,
            self.refused + other.refused,
        )


def put(store: Store, influx: Influx, bucket: str, pseudonym: str, blocks: Sequence[Block], right: Right) -> Put:
    """Make the bucket say of these blocks what they say.

    Raises: InfluxError; Superseded
    """
    with store.reading() as connection:
        kept = outbox.read_days(connection, bucket, pseudonym, [block.day for block in blocks])
    changed = [block for block in blocks if _is_other(block, kept.get(block.day))]
    if not changed:
        return Put()
    with store.writing() as connection:
        right.renew(connection)
        outbox.begin_days(connection, bucket, pseudonym, changed, kept)
    deletions = [one for block in changed if block.day in kept for one in _deletions(kept[block.day], block)]
    influx.delete(bucket, deletions)
    refused = _write(store, influx, bucket, [line for block in changed for line in block.lines], right)
    by_day = _by_day(changed, refused)
    with store.writing() as connection:
        right.renew(connection)
        outbox.end_days(connection, bucket, pseudonym, changed, by_day)
    lost = sum(count for count, _ in by_day.values())
    return Put(len(changed), sum(len(block.lines) for block in changed) - lost, len(deletions), lost)


def _write(store: Store, influx: Influx, bucket: str, lines: Sequence[str], right: Right) -> list[Refusal]:
    refused: list[Refusal] = []
    for begin in range(0, len(lines), LINES_AT_ONCE):
        if right.is_running_out():
            with store.writing() as connection:
                right.renew(connection)
        found = influx.write(bucket, lines[begin : begin + LINES_AT_ONCE])
        refused += [Refusal(begin + one.first, begin + one.last, one.reason) for one in found]
    return refused


def _is_other(block: Block, kept: Kept | None) -> bool:
    if kept is None:
        return bool(block.presence)
    return kept.digest != block.digest


def _deletions(kept: Kept, block: Block) -> list[Deletion]:
    """Return what to delete before the block is written: of each series, from its first stale point to its last."""
    gone = subtract(kept.presence, block.presence)
    return [Deletion(series, int(times[0]), int(times[-1])) for series, times in sorted(gone.items())]


def _by_day(blocks: Sequence[Block], refused: Sequence[Refusal]) -> Mapping[int, tuple[int, str]]:
    """Return for each block with lines that were not taken how many, and why not the first of them."""
    ends = list(accumulate(len(block.lines) for block in blocks))
    counts: Counter[int] = Counter()
    reasons: dict[int, str] = {}
    for refusal in refused:
        for block, begin, end in zip(blocks, [0, *ends], ends, strict=False):
            first, last = max(refusal.first, begin), min(refusal.last, end - 1)
            if first <= last:
                counts[block.day] += last - first + 1
                reasons.setdefault(block.day, f"{_head(block.lines[first - begin])}: {refusal.reason}")
    return {day: (count, reasons[day]) for day, count in counts.items()}


def _head(line: str) -> str:
    """Return which line it is, without its values."""
    series, _, rest = line.partition(" ")
    return f"{series} at {rest.rpartition(' ')[2]}"
