"""What the clocks around a wearer show: local days of 23, 24 and 25 hours, and the days of a journey."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from devices.virtual.wearer import Wearer

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class LocalDay:
    """One date on this person's clocks.

    start_ms, end_ms:  UTC instants, half-open; both on a whole minute
    offset_s:          ahead of UTC until `turn`; after it, `offset_after_s`
    turn:              minute of the day at which the clock was put forward or back; the day's length if it was not
    journey:           was that a change of zone, not of summer time?
    """

    day: date
    start_ms: int
    end_ms: int
    offset_s: int
    offset_after_s: int
    turn: int
    journey: bool

    @property
    def minutes(self) -> int:
        return (self.end_ms - self.start_ms) // MINUTE_MS

    def elapsed(self, wall_minute: int) -> int:
        """Return the minute of the day at which the clocks show `wall_minute` minutes past 00:00, the first time if twice."""
        shown_at_start = (self.start_ms // 1000 + self.offset_s) // 60 % 1440
        before = wall_minute - shown_at_start
        if before < self.turn:
            return max(before, 0)
        return min(max(before - (self.offset_after_s - self.offset_s) // 60, self.turn), self.minutes)


def home_zone(wearer: Wearer, day: date) -> ZoneInfo:
    """Return the zone in which the day ends."""
    names = [wearer.zone, *(trip.zone for trip in wearer.trips if trip.day <= day)]
    return ZoneInfo(names[-1])


def zone_at(wearer: Wearer, at_ms: int) -> ZoneInfo:
    """Return the zone by which this person's clocks stand at an instant."""
    zone = ZoneInfo(wearer.zone)
    for trip in wearer.trips:
        if at_ms < round(datetime.combine(trip.day, time(12), zone).timestamp() * 1000):
            break
        zone = ZoneInfo(trip.zone)
    return zone


def local_day(wearer: Wearer, day: date) -> LocalDay:
    """Return when the date begins and ends for this person.

    Raises: ValueError if a trip changes the date itself
    """
    zone_before, zone = home_zone(wearer, day - timedelta(days=1)), home_zone(wearer, day)
    start, end = _midnight(day, zone_before), _midnight(day + timedelta(days=1), zone)
    minutes = (end - start) // MINUTE_MS
    offset, offset_after = _offset_s(zone_before, start), _offset_s(zone, end - MINUTE_MS)
    if zone_before.key != zone.key:
        return LocalDay(day, start, end, offset, offset_after, _noon_switch(day, zone_before, zone, start), journey=True)
    turn = minutes if offset == offset_after else _first_minute_with(zone, start, minutes, offset_after)
    return LocalDay(day, start, end, offset, offset_after, turn, journey=False)


def _midnight(day: date, zone: ZoneInfo) -> int:
    # Where summer time starts at midnight there is no 00:00; the offset before it then names the first instant of the date.
    return round(datetime.combine(day, time(0), zone).timestamp() * 1000)


def _offset_s(zone: ZoneInfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _noon_switch(day: date, before: ZoneInfo, after: ZoneInfo, start_ms: int) -> int:
    noon_ms = round(datetime.combine(day, time(12), before).timestamp() * 1000)
    shown = datetime.fromtimestamp(noon_ms / 1000, UTC).astimezone(after)
    if shown.date() != day:
        raise ValueError(f"trips: {day} from {before.key} to {after.key} changes the date; expected less than half a day")
    return (noon_ms - start_ms) // MINUTE_MS


def _first_minute_with(zone: ZoneInfo, start_ms: int, minutes: int, offset_s: int) -> int:
    low, high = 0, minutes - 1
    while low < high:
        middle = (low + high) // 2
        if _offset_s(zone, start_ms + middle * MINUTE_MS) == offset_s:
            high = middle
        else:
            low = middle + 1
    return low
