"""The frames of a ring's capture -> a recording."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from devices.errors import DecodeError
from devices.radio.codec import Frame, Header
from devices.radio.colmi import packets
from devices.radio.colmi.clock import HOUR_MS, Belief, judge_clock
from devices.radio.colmi.seen import Placed, Seen
from devices.radio.streams import levels, sleep_span, totals
from devices.recording import DAY_MS, MINUTE_MS, Device, Ms, Recording, Reject, Rejects, Span

VENDOR = "colmi"


def decode(header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
    rejects = Rejects()
    seen = Seen()
    for number, frame in enumerate(frames, start=1):
        try:
            seen.take(frame)
        except DecodeError as error:
            rejects.add(f"frame {number}, {error.place}", error.expected, error.found)
    belief = Belief(judge_clock(seen, header.cursor, header.utc_offset_s), header.cursor)
    length = packets.QUARTER_MS if seen.has_quarters or header.cursor.get("quarters") else HOUR_MS
    streams = [
        totals("steps", *_intervals(seen, belief, length, rejects), rejects, _coverage(seen, belief)),
        levels("heart_rate", *_instants(seen, belief, rejects), rejects),
    ]
    spans = tuple(_sleep(seen, belief, rejects))
    some = tuple(stream for stream in streams if stream is not None)
    if some or spans:
        yield Recording(device(header), streams=some, spans=spans)
    yield from rejects.drain()


def device(header: Header) -> Device:
    """`R02_341C` and `COLMI R10_0B2C` name the model before the last four digits of the address."""
    return Device(VENDOR, header.peer.name.rpartition(" ")[2].partition("_")[0], header.peer.id)


def _intervals(seen: Seen, belief: Belief, length: int, rejects: Rejects) -> tuple[list[int], list[int], list[int]]:
    start, value = list[int](), list[int]()
    for each in seen.bins:
        offset = _believed(each, length, belief, rejects)
        if offset is not None:
            start.append(each.start_ms - offset)
            value.append(each.value)
    return start, [each + length for each in start], value


def _instants(seen: Seen, belief: Belief, rejects: Rejects) -> tuple[list[int], list[int]]:
    at, value = list[int](), list[int]()
    for each in seen.pulses:
        offset = _believed(each, 0, belief, rejects)
        # Slots of today that are still to come may hold what an earlier day left there.
        if offset is not None and each.start_ms - offset <= each.at_ms:
            at.append(each.start_ms - offset)
            value.append(each.value)
    return at, value


def _believed(each: Placed, length: int, belief: Belief, rejects: Rejects) -> int | None:
    """Return the offset that the value was dated with, if its date may be believed."""
    if length and not belief.is_right(each.start_ms, each.start_ms + length, each.turn, each.at_ms):
        rejects.add("ring's clock", "values dated by a clock that is known to have been right", _told(belief))
        return None
    if not length and not belief.is_right(each.start_ms, each.start_ms, each.turn, each.at_ms):
        return None
    return belief.offset_ms(each.turn) or 0


def _told(belief: Belief) -> str:
    clock = belief.clock
    if clock.is_right:
        return "values from before the clock was set right"
    low, high = round(clock.low_ms / HOUR_MS), round(clock.high_ms / HOUR_MS)
    return f"{clock.today} as today: {low:+d} to {high:+d} hours off"


def _coverage(seen: Seen, belief: Belief) -> Ms:
    """Return the time for which the ring vouches, by UTC: (k, 2) int64.

    A ring sends no packet for an hour without steps, whether it lay still or had no power; and a ring without power loses its
    clock. So between two signs of life (steps, a heart rate, an answer now) on the same day or on days that follow one another,
    all of them dated by a clock that ran on, no packet means no steps, if the day's answer came whole. Nothing else does.
    """
    signs = sorted(_signs(seen, belief))
    whole = _whole_days(seen, belief)
    pieces = list[tuple[int, int]]()
    for (_, end), (start, _) in pairwise(signs):
        days = range(end // DAY_MS, start // DAY_MS + 1)
        if start > end and len(days) <= 2:
            pieces += [(max(end, day * DAY_MS), min(start, (day + 1) * DAY_MS)) for day in days if day in whole]
    return np.array([piece for piece in pieces if piece[0] < piece[1]], dtype=np.int64).reshape(-1, 2)


def _signs(seen: Seen, belief: Belief) -> Iterator[tuple[int, int]]:
    """Yield when the ring is known to have been alive, by its own clock where that is UTC: [start, end)."""
    length = packets.QUARTER_MS if seen.has_quarters else HOUR_MS
    for each in seen.bins:
        if belief.offset_ms(each.turn) == 0 and belief.is_right(each.start_ms, each.start_ms + length, each.turn, each.at_ms):
            yield each.start_ms, min(each.start_ms + length, max(each.at_ms, each.start_ms))
    for each in seen.pulses:
        is_past = each.start_ms <= each.at_ms and belief.offset_ms(each.turn) == 0
        if is_past and belief.is_right(each.start_ms, each.start_ms, each.turn, each.at_ms):
            yield each.start_ms, each.start_ms
    for answer, turn in zip(seen.answers, seen.turns, strict=True):
        if answer.is_complete and belief.offset_ms(turn) == 0:
            now = answer.at_ms // MINUTE_MS * MINUTE_MS
            yield now, now


def _whole_days(seen: Seen, belief: Belief) -> set[int]:
    """Return the days of UTC (since 1970) whose steps came whole.

    Of a day that is over, a ring that says it has none may not keep it any more: that is not a day without steps. Today it keeps.
    """
    days = set()
    for answer, turn in zip(seen.answers, seen.turns, strict=True):
        if answer.is_complete and belief.offset_ms(turn) == 0:
            if answer.day is not None:
                days.add(packets.day_ms(answer.day) // DAY_MS)
            elif answer.asked == 0:
                days.add(answer.at_ms // DAY_MS)
    return days


def _sleep(seen: Seen, belief: Belief, rejects: Rejects) -> Iterator[Span]:
    for night, at_ms, turn in seen.nights:
        offset = belief.offset_ms(turn)
        if offset is None:
            rejects.add("ring's clock", "nights dated by a clock that is known", _told(belief))
            continue
        midnight = (at_ms + offset) // DAY_MS * DAY_MS - night.days_ago * DAY_MS
        start = midnight + night.start_min * MINUTE_MS
        if not belief.is_right(start, midnight + night.end_min * MINUTE_MS, turn, at_ms):
            continue
        for stage, minutes in night.stages:
            end = start + minutes * MINUTE_MS
            if minutes:
                yield from sleep_span(start - offset, end - offset, packets.STAGES.get(stage), rejects)
            start = end
