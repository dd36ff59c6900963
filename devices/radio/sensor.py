"""Sensors of the standard heart rate and running speed and cadence services: no history, so what is not followed is lost.

Steps are the integral of the cadence over the time between two measurements. Which feet a sensor counts differs between makers,
and no characteristic tells: the device's entry says so (`both_feet`, 1 unless it says 0).
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

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
    whole,
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
    silent,
    unwanted,
)
from devices.radio.streams import levels, totals
from devices.recording import MINUTE_MS, Device, Recording, Reject, Rejects

# How long one listens to a sensor in turn with other devices, when nobody follows it.
LISTEN_MS = 60_000
COMMIT_MS = 5 * 60_000
SILENCE_S = 20.0
# Sensors notify about once a second; what lies between measurements further apart is not known [G].
LONGEST_GAP_MS = 5_000
# A minute's worth of a cadence of 1/min, in the unit of the integral: cadence times ms.
_STEP = MINUTE_MS
_MEASURES = (sig.HEART_RATE, sig.RSC_MEASUREMENT)


class SensorCodec:
    name = "sensor"
    version = 1
    has_history = False
    needs_key = False
    chooser = None

    def matches(self, name: str, services: frozenset[str]) -> bool:
        return bool(services & {sig.HEART_RATE_SERVICE, sig.RSC_SERVICE})

    def open(self, settings: Settings) -> Exchange:
        return Dialogue(_SensorTalk(settings).begin)

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        steps, pulses = Integral(header), list[tuple[int, int]]()
        for frame in frames:
            if frame.direction is Direction.IN and frame.characteristic in _MEASURES:
                _take(frame, steps, pulses, rejects)
        streams = [
            totals("steps", *steps.minutes(), rejects),
            levels("heart_rate", [at for at, _ in pulses], [bpm for _, bpm in pulses], rejects),
        ]
        some = tuple(stream for stream in streams if stream is not None)
        if some:
            yield Recording(Device("sensor", header.peer.name, header.peer.id), streams=some)
        yield from rejects.drain()


def _take(frame: Frame, steps: "Integral", pulses: list[tuple[int, int]], rejects: Rejects) -> None:
    try:
        if frame.characteristic == sig.RSC_MEASUREMENT:
            steps.add(frame.at_ms, sig.decode_cadence(frame.data).cadence_spm)
        elif (bpm := sig.decode_heart_rate(frame.data).bpm) is not None:
            pulses.append((frame.at_ms, bpm))
    except DecodeError as error:
        rejects.add(error.place, error.expected, error.found)


class Integral:
    """Cadences -> steps by minute. It goes on where the capture before ended, to a fraction of a step."""

    def __init__(self, header: Header | None = None, cursor: Cursor | None = None) -> None:
        cursor = header.cursor if header else cursor or {}
        self.factor = 2 if header and header.facts.get("both_feet") == 0 else 1
        self.at_ms = whole(cursor, "cadence_ms")
        self.part = whole(cursor, "part") % _STEP
        self._pieces = list[tuple[int, int, int]]()

    def add(self, at_ms: int, cadence_spm: int) -> None:
        start, self.at_ms = self.at_ms, at_ms
        if not start < at_ms <= start + LONGEST_GAP_MS:
            return
        while start < at_ms:
            end = min(at_ms, (start // MINUTE_MS + 1) * MINUTE_MS)
            whole, self.part = divmod(self.part + cadence_spm * self.factor * (end - start), _STEP)
            self._append(start, end, whole)
            start = end

    def _append(self, start: int, end: int, steps: int) -> None:
        if self._pieces and self._pieces[-1][1] == start and start % MINUTE_MS:
            start, _, before = self._pieces.pop()
            steps += before
        self._pieces.append((start, end, steps))

    def minutes(self) -> tuple[list[int], list[int], list[int]]:
        """Return starts, ends, steps: pieces of minutes, those without a step among them."""
        return [a for a, _, _ in self._pieces], [b for _, b, _ in self._pieces], [c for _, _, c in self._pieces]

    @property
    def cursor(self) -> Cursor:
        return {"cadence_ms": self.at_ms, "part": self.part} if self.at_ms else {}


@dataclass(slots=True)
class _SensorTalk:
    settings: Settings
    integral: Integral = field(init=False)

    def __post_init__(self) -> None:
        self.integral = Integral(cursor=self.settings.cursor)

    def begin(self, at_ms: int) -> Talk:
        with suppress(Stop):
            yield from self._follow(at_ms)
        return self.integral.cursor

    def _follow(self, at_ms: int) -> Generator[Turn, Event, None]:
        notes: list[Action] = [ClockOffset(at_ms, None)]  # it has no clock: its measurements are of the instant they come
        notes += yield from ask_about("maker", "model", "serial", "firmware", "hardware")
        notes += yield from ask_battery()
        event = yield Turn([*notes, *(Subscribe(each) for each in _MEASURES)], SILENCE_S)
        missing, committed_ms = 0, at_ms
        while self.settings.live or event.at_ms < at_ms + LISTEN_MS:
            actions = list[Action]()
            if isinstance(event, Silence):
                raise silent("sensor")
            if isinstance(event, Refused):
                missing += 1
                if missing == len(_MEASURES):
                    raise unwanted(event)
            elif isinstance(event, Arrived):
                actions += self._measured(event)
            if event.at_ms >= committed_ms + COMMIT_MS:
                committed_ms = event.at_ms
                actions.append(Commit(self.integral.cursor))
            event = yield Turn(actions, SILENCE_S)

    def _measured(self, event: Arrived) -> Iterator[Action]:
        try:
            if event.characteristic == sig.RSC_MEASUREMENT:
                cadence = sig.decode_cadence(event.data).cadence_spm
                self.integral.add(event.at_ms, cadence)
                yield Live("cadence", event.at_ms, cadence)
            elif event.characteristic == sig.HEART_RATE:
                bpm = sig.decode_heart_rate(event.data).bpm
                if bpm is not None:
                    yield Live("heart_rate", event.at_ms, bpm)
        except DecodeError as error:
            yield Malformed(error.place, error.expected, error.found)


CODEC = SensorCodec()
