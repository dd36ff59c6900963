"""Which time does a ring's clock show, and which of what it dated may be believed?

A ring does not tell its time: only the date that it calls today, and that what it dated lies in its past. So the offset of its
clock is known to within hours, and is decided between the clocks that a ring is likely to have:

1. UTC, if what is seen does not contradict it: as afoot sets it;
2. the wearer's wall time, if UTC is contradicted and this is not: as vendors' apps set it;
3. else it is unknown: what was dated by it is left out (it stays in the archive).

Whenever it was not UTC, the next cursor says from when on the ring's dates are right: from the first whole hour after the clock
was set, and after the last bin that the wrong clock had dated, because a bin that both clocks wrote to holds two different hours.
"""

from dataclasses import dataclass
from datetime import date

from devices.radio.codec import Cursor, whole
from devices.radio.colmi import packets
from devices.radio.colmi.seen import Seen
from devices.recording import DAY_MS

HOUR_MS = 3_600_000
# What a clock may be off without being called wrong [G]: it drifts by seconds a day, and the answer takes a while.
TOLERANCE_MS = 5 * 60_000
# The ring keeps about a week: an older date is none of its own, and one further ahead is gone when its day comes.
_KEPT_MS = 9 * DAY_MS


@dataclass(frozen=True, slots=True)
class RingClock:
    """What is seen of a ring's clock before it is set: its offset is in [low_ms, high_ms), ahead of the host's.

    today: as the ring called it, None if no day had steps. offset_ms: as decided; None if it is none of the likely ones
    """

    low_ms: int
    high_ms: int
    today: date | None
    offset_ms: int | None

    @property
    def is_right(self) -> bool:
        return self.offset_ms == 0

    @property
    def is_far_off(self) -> bool:
        """Whether it is off by more than a day: a clock that lost its power, not one that somebody set."""
        return self.low_ms > DAY_MS or self.high_ms < -DAY_MS


def judge_clock(seen: Seen, cursor: Cursor, utc_offset_s: int) -> RingClock:
    """Return what the frames before the clock was set say about it."""
    today, at_ms = _today(seen)
    if today is None:
        return RingClock(-TOLERANCE_MS, TOLERANCE_MS, None, 0)
    midnight = packets.day_ms(today)
    low = max([midnight - at_ms, *(each.start_ms - each.at_ms for each in seen.bins if each.turn == 0)])
    high = midnight + DAY_MS - at_ms
    # A ring that afoot has set before does not keep wall time.
    likely = [0] if "set_ms" in cursor else [0, utc_offset_s * 1000]
    fitting = (each for each in likely if low - TOLERANCE_MS <= each < high + TOLERANCE_MS)
    return RingClock(low, high, today, next(fitting, None))


def _today(seen: Seen) -> tuple[date | None, int]:
    """Return the ring's date, by the first answer that has one, and when that came."""
    for answer, turn in zip(seen.answers, seen.turns, strict=True):
        if turn == 0 and answer.day is not None and answer.asked <= 7:
            return packets.before(answer.day, -answer.asked), answer.at_ms
    return None, 0


def believe(clock: RingClock, cursor: Cursor, seen: Seen, set_ms: int) -> dict[str, int | str]:
    """Return the cursor that says what to believe of a ring whose clock is about to be set at `set_ms`."""
    after = {key: value for key, value in cursor.items() if key not in ("good_from_ms", "good_to_ms")}
    if clock.is_right:
        return after
    dated = [each.start_ms + HOUR_MS for each in seen.bins if each.turn == 0 and each.start_ms < set_ms + _KEPT_MS]
    if clock.is_far_off and "set_ms" in cursor:
        # A clock that lost its power dates other days than these: what it had dated before stays right.
        after["good_from_ms"], after["good_to_ms"] = whole(cursor, "right_from_ms"), set_ms
    after["right_from_ms"] = max([_next_hour(set_ms), *([] if clock.is_far_off else dated)])
    return after


def _next_hour(at_ms: int) -> int:
    return -(-at_ms // HOUR_MS) * HOUR_MS


@dataclass(frozen=True, slots=True)
class Belief:
    """Turns the ring's dates into UTC where they may be believed."""

    clock: RingClock
    cursor: Cursor

    def offset_ms(self, turn: int) -> int | None:
        return 0 if turn else self.clock.offset_ms

    def is_right(self, start_ms: int, end_ms: int, turn: int, at_ms: int) -> bool:
        """start_ms, end_ms: by the ring. at_ms: when it was told, by the host."""
        offset = self.offset_ms(turn)
        if offset is None or start_ms < at_ms - _KEPT_MS:
            return False
        if offset:
            # The bin that was open when the clock was set stays half a bin.
            return end_ms <= at_ms + offset
        is_past = start_ms <= at_ms + TOLERANCE_MS
        was_right = whole(self.cursor, "good_from_ms") <= start_ms and end_ms <= whole(self.cursor, "good_to_ms")
        return is_past and (start_ms >= whole(self.cursor, "right_from_ms") or was_right)
