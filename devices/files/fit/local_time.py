"""What a FIT file says of its device's own clock: offsets from UTC, and with them local midnights. Never a zone's name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from devices.files.fit.container import FitFile, Ints
from devices.files.fit.messages import ACTIVITY, DEVICE_SETTINGS, FILE_ID, MONITORING_INFO, TIMESTAMP_CORRELATION
from devices.files.fit.rows import gather_rows, unix_seconds
from devices.files.offsets import tell_offsets
from devices.recording import Offset, Rejects

_DAY_S = 86_400
_FIRST_DAY = date(1970, 1, 1)
_GRAIN_S = 900  # offsets of zones are whole quarters of an hour
_SLACK_S = 60  # some writers take the two clocks' readings a moment apart
_LONGEST_FILE_S = 366 * _DAY_S  # a time beyond is a fault of the clock
_WEST_S, _EAST_S = -12 * 3600, 14 * 3600

# The field that holds the local time beside the message's own timestamp.
_LOCAL_TIME = {MONITORING_INFO: 0, ACTIVITY: 5, TIMESTAMP_CORRELATION: 3}
_ACTIVE_ZONE, _TIME_OFFSET, _ZONE_OFFSET = 0, 2, 5
_CREATED = 4

_NOTHING: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class LocalClock:
    """The device's offsets from UTC in time order.

    at_s, offset_s: (k,) int64, from when, and how far ahead of UTC; the first one also stands for the time before it
    zone:           stands in where the file has none
    """

    at_s: Ints
    offset_s: Ints
    zone: ZoneInfo | None

    @property
    def is_known(self) -> bool:
        return len(self.at_s) > 0 or self.zone is not None

    def days(self, at_s: Ints) -> tuple[Ints, Ints]:
        """Return the local day of each instant: the instant at which it began, and its number (days since 1970-01-01).

        at_s: (n,) int64 seconds.  Where the clock agrees with the zone, the day began as it does in the zone: a file holds the
        offset of its own hours, and on the day that the clocks change the morning had another one.
        """
        if not len(at_s) or not self.is_known:
            return at_s, at_s // _DAY_S
        if not len(self.at_s):
            begin, number, _ = _days_of_zone(at_s, self.zone or UTC)
            return begin, number
        offset = self._offsets(at_s)
        number = (at_s + offset) // _DAY_S
        begin = number * _DAY_S - offset
        # The offset in force when that day began, should the clock have been set since.
        begin = number * _DAY_S - self._offsets(begin)
        if self.zone is None:
            return begin, number
        zone_begin, zone_number, offsets = _days_of_zone(at_s, self.zone)
        at_home = (offset == offsets[0]) | (offset == offsets[1])
        return np.where(at_home, zone_begin, begin), np.where(at_home, zone_number, number)

    def offsets(self, last_s: int | None = None) -> tuple[Offset, ...]:
        """Return the offsets as readings of the clock; last_s: until when the file holds data.

        A watch names its offset when it changes, or once a file: from the second day on of a long file it is named again.
        """
        if not len(self.at_s):
            return ()
        days = np.arange(self.at_s[0] // _DAY_S + 2, (self.at_s[-1] if last_s is None else last_s) // _DAY_S + 1) * _DAY_S
        at_s = np.concatenate((self.at_s, days[days - self.at_s[0] <= _LONGEST_FILE_S]))
        return tell_offsets(at_s * 1000, np.concatenate((self.offset_s, self._offsets(at_s[len(self.at_s) :]))))

    def _offsets(self, at_s: Ints) -> Ints:
        return self.offset_s[np.maximum(self.at_s.searchsorted(at_s, side="right") - 1, 0)]


def date_of(number: int) -> date:
    return _FIRST_DAY + timedelta(days=number)


def _days_of_zone(at_s: Ints, zone: tzinfo) -> tuple[Ints, Ints, tuple[Ints, Ints]]:
    """Return when each instant's day began in the zone, its number, and the zone's offsets when it began and when it ended."""
    numbers = range(int(at_s.min()) // _DAY_S - 1, int(at_s.max()) // _DAY_S + 3)
    begin = np.array([_midnight(number, zone) for number in numbers])
    number = np.arange(numbers.start, numbers.stop)
    offset = number * _DAY_S - begin
    i = begin.searchsorted(at_s, side="right") - 1
    return begin[i], number[i], (offset[i], offset[i + 1])


@lru_cache(maxsize=4096)
def _midnight(number: int, zone: tzinfo) -> int:
    """Return the instant at which a local day begins, in seconds."""
    return int(datetime.combine(date_of(number), time.min, zone).timestamp())


def read_clock(file: FitFile, zone: ZoneInfo | None, rejects: Rejects) -> LocalClock:
    """Return what the file says of the local clock, `zone` behind it."""
    at, ahead = _NOTHING, _NOTHING
    for message, field in _LOCAL_TIME.items():
        for table in file.of(message):
            stored = table.ints(field)
            if stored is not None:
                utc, local = unix_seconds(file.times(table)), unix_seconds(stored)
                told = (utc >= 0) & (local >= 0)
                at, ahead = np.append(at, utc[told]), np.append(ahead, (local - utc)[told])
    if not len(at):
        at, ahead = _settings(file)
    offset = (ahead + _GRAIN_S // 2) // _GRAIN_S * _GRAIN_S
    good = (np.abs(ahead - offset) <= _SLACK_S) & (offset >= _WEST_S) & (offset <= _EAST_S)
    for strange in ahead[~good].tolist():
        rejects.add("local_timestamp", "a local time whole quarters of an hour off UTC, -12 to +14 h", f"{strange} s")
    order = good.nonzero()[0]
    order = order[at[order].argsort(kind="stable")]
    at, offset = at[order], offset[order]
    # The first, and each that is another than the one before it.
    news = np.append(order[:1] >= 0, offset[1:] != offset[:-1])
    return LocalClock(at[news], offset[news], zone)


def _settings(file: FitFile) -> tuple[Ints, Ints]:
    """Return when the device's settings were written, and the offset that they name; empty if they name none.

    An offset of 0 is what a device has whose owner never set it (an Edge 820 at UTC-7 does), so it says nothing.
    """
    created = gather_rows(file, {FILE_ID: (_CREATED,)}).column(FILE_ID, _CREATED)
    at = unix_seconds(created[:1])
    for table in file.of(DEVICE_SETTINGS):
        offsets, active = table.definition.field(_TIME_OFFSET), table.ints(_ACTIVE_ZONE)
        if offsets is None or active is None or offsets.base.code != "u4":
            continue
        # Unsigned in the profile, yet west of Greenwich it is written as two's complement.
        known = table.columns[offsets.key].astype("u4").view("i4").reshape(len(table), -1)
        which = int(active[0])
        if 0 <= which < known.shape[1] and known[0, which] and len(at) and at[0] >= 0:
            return at, known[:1, which].astype(np.int64)
    return _NOTHING, _NOTHING
