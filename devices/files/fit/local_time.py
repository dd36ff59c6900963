"""What a FIT file says of its device's own clock: offsets from UTC, and with them local midnights. Never a zone's name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from devices.files.fit.clock import NONE
from devices.files.fit.container import FitFile, Ints
from devices.files.fit.messages import ACTIVITY, DEVICE_SETTINGS, FILE_ID, MONITORING_INFO, TIMESTAMP_CORRELATION
from devices.files.fit.rows import gather_rows, unix_seconds
from devices.recording import Offset, Rejects

_DAY_S = 86_400
_FIRST_DAY = date(1970, 1, 1)
_GRAIN_S = 900  # offsets of zones are whole quarters of an hour
_SLACK_S = 60  # some writers take the two clocks' readings a moment apart
_WEST_S, _EAST_S = -12 * 3600, 14 * 3600

# The field that holds the local time beside the message's own timestamp.
_LOCAL_TIME = {MONITORING_INFO: 0, ACTIVITY: 5, TIMESTAMP_CORRELATION: 3}
_ACTIVE_ZONE, _TIME_OFFSET, _ZONE_OFFSET = 0, 2, 5
_CREATED = 4


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

    def midnights(self, at_s: Ints) -> Ints:
        """Return the instant of the last local midnight at or before each instant: (n,) int64 seconds."""
        if not len(self.at_s):
            return self._midnights_of_zone(at_s)
        offset = self._offsets(at_s)
        day = (at_s + offset) // _DAY_S * _DAY_S
        # The offset in force at that midnight, should the clock have been set since.
        return day - self._offsets(day - offset)

    def dates(self, midnight_s: Ints) -> list[date]:
        """Return the local day that each of these local midnights starts."""
        if not len(self.at_s):
            return [datetime.fromtimestamp(at, self.zone or UTC).date() for at in midnight_s.tolist()]
        days = (midnight_s + self._offsets(midnight_s)) // _DAY_S
        return [_FIRST_DAY + timedelta(days=day) for day in days.tolist()]

    def offsets(self) -> tuple[Offset, ...]:
        return tuple(Offset(at * 1000, offset) for at, offset in zip(self.at_s.tolist(), self.offset_s.tolist(), strict=True))

    def _offsets(self, at_s: Ints) -> Ints:
        return self.offset_s[np.maximum(np.searchsorted(self.at_s, at_s, side="right") - 1, 0)]

    def _midnights_of_zone(self, at_s: Ints) -> Ints:
        if self.zone is None or not len(at_s):
            return at_s
        first = datetime.fromtimestamp(int(at_s.min()), self.zone).date() - timedelta(days=1)
        last = datetime.fromtimestamp(int(at_s.max()), self.zone).date() + timedelta(days=1)
        days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
        midnights = np.array([int(datetime(d.year, d.month, d.day, tzinfo=self.zone).timestamp()) for d in days])
        return midnights[np.searchsorted(midnights, at_s, side="right") - 1]


def read_clock(file: FitFile, zone: ZoneInfo | None, rejects: Rejects) -> LocalClock:
    """Return what the file says of the local clock, `zone` behind it."""
    rows = gather_rows(file, {message: (field,) for message, field in _LOCAL_TIME.items()})
    utc = unix_seconds(rows.fit_time)
    local = np.full(len(rows), NONE, dtype=np.int64)
    for message, field in _LOCAL_TIME.items():
        own = rows.number == message
        local[own] = unix_seconds(rows.column(message, field)[own])
    told = (utc >= 0) & (local >= 0)
    at, ahead = utc[told], (local - utc)[told]
    if not len(at):
        at, ahead = _settings(file)
    offset = (ahead + _GRAIN_S // 2) // _GRAIN_S * _GRAIN_S
    good = (np.abs(ahead - offset) <= _SLACK_S) & (offset >= _WEST_S) & (offset <= _EAST_S)
    for strange in ahead[~good].tolist():
        rejects.add("local_timestamp", "a local time whole quarters of an hour off UTC, -12 to +14 h", f"{strange} s")
    order = np.argsort(at[good], kind="stable")
    at, offset = at[good][order], offset[good][order]
    news = np.ones(len(at), dtype=np.bool_)
    news[1:] = offset[1:] != offset[:-1]
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
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
