"""How a sync with a ring goes: look at its clock, fetch the days since the last one, set the clock.

A wrong clock is committed, with what was seen by it, before it is set: whatever breaks off afterwards, it is known which of the
ring's dates are right.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from devices.errors import DecodeError
from devices.radio.codec import (
    Action,
    Battery,
    ClockOffset,
    Cursor,
    Direction,
    Frame,
    Live,
    Malformed,
    Progress,
    Settings,
    Subscribe,
    Wait,
    Write,
    whole,
)
from devices.radio.colmi import packets
from devices.radio.colmi.clock import RingClock, believe, judge_clock
from devices.radio.colmi.packets import BatteryLevel, Failed, LiveTotals, Packet, TimeSet
from devices.radio.colmi.seen import Seen
from devices.radio.dialogue import (
    TRIES,
    Arrived,
    Event,
    Refused,
    Silence,
    Stop,
    Talk,
    Turn,
    ask_about,
    commit,
    silent,
    unwanted,
)
from devices.recording import DAY_MS

SETTLE_S = 2.0  # rings drop what is written to them earlier
PATIENCE_S = 3.0
QUIET_S = 1.0
DAYS_KEPT = 7

Step = Generator[Turn, Event, bool]


@dataclass(slots=True)
class RingTalk:
    """One connection. now_ms: when the last thing happened, by the host's clock."""

    settings: Settings
    now_ms: int = 0
    seen: Seen = field(default_factory=Seen)
    _notes: list[Action] = field(default_factory=list)
    _tells_sleep: bool = True

    def begin(self, at_ms: int) -> Talk:
        self.now_ms = at_ms
        try:
            return (yield from self._sync())
        except Stop:
            return dict(self.settings.cursor)

    def _sync(self) -> Talk:
        begun_day = self.now_ms // DAY_MS
        self._notes += yield from ask_about("firmware", "hardware")
        first = Write(packets.COMMAND, packets.ask_battery())
        settle: list[Action] = [Subscribe(packets.REPLY), Subscribe(packets.BIG_REPLY), Wait(SETTLE_S)]
        yield from self._ask(first, lambda packet: isinstance(packet, BatteryLevel), optional=True, before=settle)
        clock = yield from self._look_at_clock()
        self._notes.append(_observed(clock, self.now_ms))
        cursor: Cursor = self.settings.cursor
        is_set = False
        if clock.offset_ms is None and self.settings.set_clock:
            # By a wrong date nothing can be asked for: the clock is set first, and the days are asked for by the right one.
            cursor = yield from self._correct(clock)
            is_set = yield from self._set_clock()
            yield from self._steps(0)
        today = self._ring_day() if is_set else clock.today or self._ring_day()
        yield from self._history(cursor, today)
        while self.now_ms // DAY_MS > begun_day:
            # Midnight went by: what was fetched as today is yesterday, and has its last hour still to come.
            begun_day = self.now_ms // DAY_MS
            yield from self._steps(0)
            yield from self._heart_rate(self._ring_day())
        if self.settings.set_clock and not is_set:
            quarters = {"quarters": 1} if self.seen.has_quarters else {}
            if not clock.is_right:
                cursor = {**(yield from self._correct(clock)), **quarters}
            is_set = yield from self._set_clock()
            if not is_set:
                # Is it there at all? One that fell silent after its steps has not told that it has no heart rate.
                yield from self._steps(0)
        return self._cursor(cursor, begun_day * DAY_MS, is_set)

    def _look_at_clock(self) -> Generator[Turn, Event, RingClock]:
        """Ask for days until one has steps, today first: its date tells which day the ring has."""
        for days_ago in range(DAYS_KEPT + 1):
            yield from self._steps(days_ago)
            clock = judge_clock(self.seen, self.settings.cursor, self.settings.utc_offset_s)
            if clock.today is not None:
                break
        return clock

    def _history(self, cursor: Cursor, today: date) -> Step:
        days = min(DAYS_KEPT, max(0, (self.now_ms - whole(cursor, "day_ms")) // DAY_MS))
        for days_ago in range(1, days + 1):
            self._notes.append(Progress(days_ago, 2 * days + 2))
            yield from self._steps(days_ago)
        for days_ago in range(days + 1):
            self._notes.append(Progress(days + 1 + days_ago, 2 * days + 2))
            yield from self._heart_rate(packets.before(today, days_ago))
        return (yield from self._sleep())

    def _cursor(self, cursor: Cursor, day_ms: int, is_set: bool) -> Cursor:
        after: dict[str, int | str] = {**cursor, "day_ms": day_ms}
        if is_set:
            after["set_ms"] = self.now_ms
        if self.seen.has_quarters:
            after["quarters"] = 1
        return after

    def _correct(self, clock: RingClock) -> Generator[Turn, Event, Cursor]:
        cursor = believe(clock, self.settings.cursor, self.seen, self.now_ms)
        notes, self._notes = self._notes, []
        yield from commit(cursor, notes)
        self.seen = Seen()
        return cursor

    def _set_clock(self) -> Step:
        command = Write(packets.COMMAND, packets.set_time(self.now_ms))
        return self._ask(command, lambda packet: isinstance(packet, TimeSet), optional=True)

    def _steps(self, days_ago: int) -> Step:
        command = Write(packets.COMMAND, packets.ask_steps(days_ago))
        return self._ask(command, lambda _: self.seen.steps.is_complete)

    def _heart_rate(self, day: date) -> Step:
        """What came is kept where the end is missing: rings differ in how many packets make a day."""
        command = Write(packets.COMMAND, packets.ask_heart_rate(day))
        return self._ask(command, lambda _: self.seen.pulse.is_complete, optional=True)

    def _sleep(self) -> Step:
        if not self._tells_sleep:
            return False
        command = Write(packets.BIG_COMMAND, packets.ask_sleep())
        return (yield from self._ask(command, lambda _: self.seen.has_slept, optional=True))

    def _ring_day(self) -> date:
        return datetime.fromtimestamp(self.now_ms // 1000, UTC).date()

    def _ask(
        self,
        command: Write,
        is_answer: Callable[[Packet | None], bool],
        *,
        optional: bool = False,
        before: Sequence[Action] = (),
    ) -> Step:
        """Send a command until it is answered. Return whether it was.

        Raises: NoAnswer; DecodeError if the ring says that it failed, each time; neither if it is optional
        """
        failed = False
        for attempt in range(TRIES):
            self.seen.take(Frame(self.now_ms, Direction.OUT, command.characteristic, command.data))
            event = yield self._turn([*(before if attempt == 0 else ()), command])
            while not isinstance(event, Silence):
                packet = self._take(event, command, optional)
                if isinstance(packet, Failed) and packet.command == command.data[0]:
                    failed = True
                    break
                if isinstance(event, Arrived) and is_answer(packet):
                    if attempt:
                        yield from self._quiet(command)
                    return True
                if isinstance(event, Refused) and event.action == command:
                    return False
                event = yield self._turn()
            self.now_ms = max(self.now_ms, event.at_ms)
        if optional:
            return False
        if failed:
            raise DecodeError(f"command 0x{command.data[0]:02x}", "an answer", f"an error, {TRIES} times")
        raise silent(f"command 0x{command.data[0]:02x}")

    def _quiet(self, command: Write) -> Step:
        """A command that was sent twice may be answered twice: let the second answer pass, or it is taken for the next one's."""
        event = yield self._turn(idle_s=QUIET_S)
        while not isinstance(event, Silence):
            self._take(event, command, True)
            event = yield self._turn(idle_s=QUIET_S)
        return True

    def _turn(self, actions: Sequence[Action] = (), idle_s: float = PATIENCE_S) -> Turn:
        notes, self._notes = self._notes, []
        return Turn([*notes, *actions], idle_s)

    def _take(self, event: Event, command: Write, optional: bool) -> Packet | None:
        self.now_ms = max(self.now_ms, event.at_ms)
        if isinstance(event, Refused):
            if event.action.characteristic in (packets.BIG_REPLY, packets.BIG_COMMAND):
                self._tells_sleep = False
            elif not (optional and event.action == command):
                raise unwanted(event)
        if not isinstance(event, Arrived):
            return None
        try:
            packet = self.seen.take(Frame(event.at_ms, Direction.IN, event.characteristic, event.data))
        except DecodeError as error:
            self._notes.append(Malformed(error.place, error.expected, error.found))
            return None
        if isinstance(packet, BatteryLevel):
            self._notes.append(Battery(packet.percent, packet.charging))
        elif isinstance(packet, LiveTotals):
            self._notes.append(Live("steps", event.at_ms, packet.steps))
        return packet


def _observed(clock: RingClock, at_ms: int) -> ClockOffset:
    """A ring does not tell its time: what is known is the middle of a range, and how far it reaches."""
    if clock.today is None:
        return ClockOffset(at_ms, None)
    middle = (clock.low_ms + clock.high_ms) // 2
    return ClockOffset(at_ms, middle, clock.high_ms - middle)
