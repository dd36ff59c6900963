"""What has been seen of a ring, frame by frame: the one interpreter of its frames, for the exchange and for the decoder."""

from dataclasses import dataclass, field
from datetime import date

from devices.errors import DecodeError
from devices.radio.codec import Direction, Frame
from devices.radio.colmi import packets
from devices.radio.colmi.packets import (
    Night,
    Packet,
    Pulse,
    PulseBegin,
    PulseNone,
    StepBin,
    StepsBegin,
    StepsNone,
    asked_days_ago,
    decode_packet,
    decode_sleep,
    missing_of_message,
)

# With this packet a day of five-minute values is full, whatever count the ring announced.
_LAST_PULSE_PACKET = 23


@dataclass(slots=True)
class StepsAnswer:
    """The reply to a request for a day's steps.

    asked: the days ago of the request. day: as the reply's packets say; None as long as there is none, and if there are no steps
    """

    asked: int
    at_ms: int
    day: date | None = None
    count: int | None = None
    numbers: set[int] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return self.count is not None and len(self.numbers) >= self.count

    def take(self, packet: StepsNone | StepsBegin | StepBin, at_ms: int) -> None:
        self.at_ms = at_ms
        if isinstance(packet, StepsNone):
            self.day, self.count, self.numbers = None, 0, set()
        elif isinstance(packet, StepsBegin):
            self.day, self.count, self.numbers = None, packet.count, set()
        else:
            if packet.day != self.day:
                self.day, self.numbers = packet.day, set()
            self.count = packet.count
            self.numbers.add(packet.number)


@dataclass(slots=True)
class PulseAnswer:
    """The reply to a request for a day's heart rate."""

    day: date | None = None
    slot_min: int = packets.HR_SLOT_MIN
    count: int = _LAST_PULSE_PACKET + 1
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A value as the ring dates it: start by its clock; at_ms: when it came, by the host's; turn: how often the clock was set
    before that, in this capture"""

    start_ms: int
    value: int
    at_ms: int
    turn: int


@dataclass(slots=True)
class Seen:
    answers: list[StepsAnswer] = field(default_factory=list)
    bins: list[Placed] = field(default_factory=list)
    pulses: list[Placed] = field(default_factory=list)
    nights: list[tuple[Night, int, int]] = field(default_factory=list)  # with when it came, and the turn
    pulse: PulseAnswer = field(default_factory=PulseAnswer)
    turn: int = 0
    has_quarters: bool = False
    has_slept: bool = False  # a whole message about sleep came
    last_ms: int = 0
    turns: list[int] = field(default_factory=list)  # of the answers
    _message: bytes = b""

    def take(self, frame: Frame) -> Packet | None:
        """Take in a frame; return what it was, if it was a packet to us.

        Raises: DecodeError if it is damaged; the next one may be taken
        """
        self.last_ms = frame.at_ms
        if frame.direction is Direction.OUT:
            self._sent(frame)
            return None
        if frame.characteristic == packets.REPLY:
            packet = decode_packet(frame.data)
            self._received(packet, frame.at_ms)
            return packet
        if frame.characteristic == packets.BIG_REPLY:
            self._received_part(frame)
        return None

    @property
    def steps(self) -> StepsAnswer:
        """The reply that is coming in."""
        if not self.answers:
            self._expect_steps(0, self.last_ms)
        return self.answers[-1]

    def _expect_steps(self, days_ago: int, at_ms: int) -> None:
        self.answers.append(StepsAnswer(days_ago, at_ms))
        self.turns.append(self.turn)

    def _sent(self, frame: Frame) -> None:
        if frame.characteristic == packets.BIG_COMMAND:
            self._message = b""
        days_ago = asked_days_ago(frame.data)
        if days_ago is not None:
            self._expect_steps(days_ago, frame.at_ms)
        elif frame.data[:1] == bytes([packets.HEART_RATE]):
            self.pulse = PulseAnswer()
        elif frame.data[:1] == bytes([packets.SET_TIME]):
            self.turn += 1

    def _received(self, packet: Packet, at_ms: int) -> None:
        if isinstance(packet, StepsNone | StepsBegin | StepBin):
            self.steps.take(packet, at_ms)
        if isinstance(packet, StepBin):
            self.bins.append(Placed(packet.start_ms, packet.steps, at_ms, self.turn))
            self.has_quarters |= packet.quarter % 4 != 0
        elif isinstance(packet, PulseNone):
            self.pulse.is_complete = True
        elif isinstance(packet, PulseBegin):
            self.pulse = PulseAnswer(slot_min=packet.slot_min, count=packet.count, is_complete=packet.count <= 1)
        elif isinstance(packet, Pulse):
            self._received_pulse(packet, at_ms)

    def _received_pulse(self, packet: Pulse, at_ms: int) -> None:
        answer = self.pulse
        answer.day = packet.day or answer.day
        answer.is_complete |= packet.number >= min(answer.count - 1, _LAST_PULSE_PACKET)
        if answer.day is None:
            raise DecodeError("heart rate", "the packet with the day before the others", f"packet {packet.number}")
        for slot, value in enumerate(packet.values, start=packet.first):
            minute = slot * answer.slot_min
            if value and minute < 1440:
                self.pulses.append(Placed(packets.day_ms(answer.day) + minute * 60_000, value, at_ms, self.turn))

    def _received_part(self, frame: Frame) -> None:
        self._message += frame.data
        missing = missing_of_message(self._message)
        if missing:
            return
        message, self._message = self._message, b""
        if missing is None:
            raise DecodeError("second service", "the beginning of a message", message[:8].hex() or "nothing")
        self.nights += [(night, frame.at_ms, self.turn) for night in decode_sleep(message)]
        self.has_slept = True
