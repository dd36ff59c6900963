"""PineTime with InfiniTime: no history, but a counter of today's steps, which starts again at the watch's midnight.

Each sync reads it once (live: follows it); what was counted between two readings of one day lies between them. The watch tells
and keeps wall time. Sources: InfiniTime, doc/MotionService.md and doc/ble.md, src/components/ble/CurrentTimeService.cpp.
"""

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from devices.errors import DecodeError
from devices.radio import sig
from devices.radio.codec import (
    Action,
    ClockOffset,
    Commit,
    Cursor,
    Direction,
    Exchange,
    Frame,
    Header,
    Live,
    Malformed,
    Settings,
    Subscribe,
    Write,
)
from devices.radio.dialogue import (
    Arrived,
    Dialogue,
    Event,
    Refused,
    Silence,
    Stop,
    Talk,
    Turn,
    ask_about,
    ask_battery,
    read,
    unwanted,
)
from devices.radio.streams import levels
from devices.recording import DAY_MS, EARLIEST_MS, LATEST_MS, Counter, Device, Recording, Reject, Rejects, Stream

STEPS = "00030001-78fc-48fe-8e23-433b3a1942d0"
MOTION_SERVICE = "00030000-78fc-48fe-8e23-433b3a1942d0"
NAMES = frozenset({"InfiniTime", "Pinetime-JF", "PineTime"})

COMMIT_MS = 5 * 60_000
SILENCE_S = 600.0  # it notifies of changes only, and nobody walks all the time
# The counter is set back a while after midnight: until then it shows yesterday's [G].
UNSETTLED_MS = 5 * 60_000
# A reading of the first hour that is not below the last one of the day before is taken for yesterday's, too [G].
DOUBTFUL_MS = 3_600_000
# Steps of a day that no legs make: a counter read while it was not right.
_MOST = 200_000


class PineTimeCodec:
    name = "pinetime"
    version = 1
    has_history = False
    needs_key = False
    chooser = None

    def matches(self, name: str, services: frozenset[str]) -> bool:
        return name in NAMES or MOTION_SERVICE in services

    def open(self, settings: Settings) -> Exchange:
        return Dialogue(_WatchTalk(settings).begin)

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        watch, pulses = Watch(header.cursor, header.utc_offset_s), list[tuple[int, int]]()
        for frame in frames:
            try:
                watch.take(frame)
                if frame.characteristic == sig.HEART_RATE and (bpm := sig.decode_heart_rate(frame.data).bpm):
                    pulses.append((frame.at_ms, bpm))
            except DecodeError as error:
                rejects.add(error.place, error.expected, error.found)
        if watch.quarantined:
            rejects.add("steps", "a counter that was set back at midnight", "one that may be yesterday's", watch.quarantined)
        pulse = levels("heart_rate", [at for at, _ in pulses], [bpm for _, bpm in pulses], rejects)
        some = tuple(stream for stream in (watch.stream(), pulse) if stream is not None)
        if some:
            yield Recording(Device("pine64", "PineTime", header.peer.id), streams=some)
        yield from rejects.drain()


@dataclass(frozen=True, slots=True)
class Reading:
    """since_ms: when the counter was zero last; boot: how often it was seen to start again within a day"""

    at_ms: int
    since_ms: int
    boot: int
    value: int


@dataclass(slots=True)
class Watch:
    """What the frames tell of the counter, for the exchange and for the decoder alike."""

    cursor: Cursor
    utc_offset_s: int
    readings: list[Reading] = field(default_factory=list)
    quarantined: int = 0
    ahead_ms: int = field(init=False)  # the watch's wall clock, ahead of UTC
    _last: Reading | None = field(init=False)

    def __post_init__(self) -> None:
        self.ahead_ms = self.utc_offset_s * 1000
        kept = [self.cursor.get(key) for key in ("at_ms", "since_ms", "boot", "value")]
        whole = [each for each in kept if isinstance(each, int)]
        plausible = len(whole) == 4 and EARLIEST_MS <= whole[1] <= whole[0] <= LATEST_MS and 0 <= whole[2] < 30_000
        self._last = Reading(*whole) if plausible and 0 <= whole[3] <= _MOST else None

    def take(self, frame: Frame) -> int | None:
        """Take in a frame; return the count, if it was one that may be believed. Raises: DecodeError"""
        if frame.characteristic == sig.CURRENT_TIME:
            shown = sig.decode_current_time(frame.data)
            self.ahead_ms = round(shown.timestamp() * 1000) - frame.at_ms
        if frame.characteristic != STEPS or frame.direction is Direction.OUT:
            return None
        if len(frame.data) != 4:
            raise DecodeError("step count", "4 bytes", f"{len(frame.data)}")
        (value,) = struct.unpack("<I", frame.data)
        if value > _MOST:
            raise DecodeError("step count", f"at most {_MOST:,} steps a day", f"{value:,}")
        reading = self._placed(frame.at_ms, value)
        if reading is None:
            self.quarantined += 1
            return None
        self.readings.append(reading)
        self._last = reading
        return int(value)

    def _placed(self, at_ms: int, value: int) -> Reading | None:
        midnight = (at_ms + self.ahead_ms) // DAY_MS * DAY_MS - self.ahead_ms
        since_midnight = at_ms - midnight
        # The host's clock may have gone back: then the last reading says nothing of this one.
        last = self._last if self._last is not None and self._last.at_ms <= at_ms else None
        if since_midnight < UNSETTLED_MS or not EARLIEST_MS <= midnight <= at_ms <= LATEST_MS:
            return None
        if last is None or last.at_ms < midnight:
            if last is not None and since_midnight < DOUBTFUL_MS and value >= last.value > 0:
                return None
            return Reading(at_ms, midnight, 0, value)
        if value < last.value:
            # The watch started anew: it has counted from zero, at some time since the reading before.
            return Reading(at_ms, last.at_ms, last.boot + 1, value)
        return Reading(at_ms, last.since_ms, last.boot, value)

    def stream(self) -> Stream | None:
        if not self.readings:
            return None
        at, since, boot, value = (np.array(column, dtype=np.int64) for column in zip(*map(_columns, self.readings), strict=True))
        counter = Counter(at, since, boot.astype(np.int16), value.astype(np.int32))
        return Stream("steps", counter, self._coverage())

    def _coverage(self) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
        """From when each counter was zero until it was read last: in between it ran."""
        reach = dict[int, int]()
        for each in self.readings:
            reach[each.since_ms] = max(reach.get(each.since_ms, 0), each.at_ms)
        pieces, end = list[tuple[int, int]](), 0
        for since, until in sorted(reach.items()):
            start = max(since, end)
            if start < until:
                pieces.append((start, until))
                end = until
        return np.array(pieces, dtype=np.int64).reshape(-1, 2)

    def next_cursor(self) -> Cursor:
        if self._last is None:
            return {}
        return dict(zip(("at_ms", "since_ms", "boot", "value"), _columns(self._last), strict=True))


def _columns(reading: Reading) -> tuple[int, int, int, int]:
    return reading.at_ms, reading.since_ms, reading.boot, reading.value


@dataclass(slots=True)
class _WatchTalk:
    settings: Settings
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.settings.cursor, self.settings.utc_offset_s)

    def begin(self, at_ms: int) -> Talk:
        with suppress(Stop):
            yield from self._sync(at_ms)
        return self.watch.next_cursor()

    def _sync(self, at_ms: int) -> Generator[Turn, Event, None]:
        notes = yield from ask_about("firmware", "hardware")
        notes += yield from ask_battery()
        clock = yield from read(sig.CURRENT_TIME)
        now = at_ms
        if clock is not None:
            now = clock.at_ms
            notes += self._take(clock)
            notes.append(ClockOffset(now, self.watch.ahead_ms - self.settings.utc_offset_s * 1000, 1000))
        steps = yield from read(STEPS)
        if steps is None:
            raise DecodeError(STEPS, "a count of steps", "nothing: InfiniTime 1.7 or later has it")
        now = steps.at_ms
        notes += self._take(steps)
        if self.settings.set_clock:
            wall = datetime.fromtimestamp((now + self.settings.utc_offset_s * 1000) / 1000, UTC)
            notes.append(Write(sig.LOCAL_TIME, sig.encode_local_time(self.settings.utc_offset_s), response=True))
            notes.append(Write(sig.CURRENT_TIME, sig.encode_current_time(wall), response=True))
        if self.settings.live:
            yield from self._follow([*notes, Subscribe(STEPS), Subscribe(sig.HEART_RATE)], now)
        else:
            yield Turn(notes, 0.5)

    def _follow(self, actions: Sequence[Action], committed_ms: int) -> Generator[Turn, Event, None]:
        event = yield Turn(actions, SILENCE_S)
        while True:
            actions = []
            if isinstance(event, Refused) and event.action == Subscribe(STEPS):
                raise unwanted(event)
            if isinstance(event, Arrived):
                actions = self._take(event)
            if not isinstance(event, Silence) and event.at_ms >= committed_ms + COMMIT_MS:
                committed_ms = event.at_ms
                actions = [*actions, Commit(self.watch.next_cursor())]
            event = yield Turn(actions, SILENCE_S)

    def _take(self, event: Arrived) -> list[Action]:
        frame = Frame(event.at_ms, Direction.IN, event.characteristic, event.data)
        try:
            count = self.watch.take(frame)
            if event.characteristic == sig.HEART_RATE and (bpm := sig.decode_heart_rate(event.data).bpm):
                return [Live("heart_rate", event.at_ms, bpm)]
        except DecodeError as error:
            return [Malformed(error.place, error.expected, error.found)]
        return [] if count is None else [Live("steps", event.at_ms, count)]


CODEC = PineTimeCodec()
