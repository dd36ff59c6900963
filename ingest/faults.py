"""What of a device cannot be true? Its minutes there are set aside: unknown, neither zero nor stillness.

Faults are never stored: they are what the stored minutes, the vendors' hours and the clocks amount to, in whatever order those
came, so that late data correct them by themselves. What somebody looked at and trusts is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, select

from devices.recording import DAY_MS, MINUTE_MS
from ingest import dirty, people, tables
from ingest.known import known_minutes, sum_between
from ingest.local_days import OFFSET_HOLDS_MS
from ingest.minutes import MINUTES_PER_DAY
from ingest.store import read_minutes, upsert

# The defaults of the rule `device_fault`, which a prescription may change for its alert; what is set aside, it cannot.
MAX_SPM = 220
VENDOR_SHARE = 0.05
VENDOR_STEPS = 20
# So near a minute that nobody can have walked, the others of that device are not believed either [G].
NEAR_MIN = 5
# A clock may be read some seconds wrong; every zone of the earth stands a multiple of a quarter of an hour ahead of UTC.
_QUARTER_S, _SLACK_S = 900, 60
_WEST_S, _EAST_S = -12 * 3600, 14 * 3600


class FaultKind(StrEnum):
    CADENCE = "impossible_cadence"
    HOUR = "vendor_hour_differs"
    CLOCK = "clock_jumped"


@dataclass(frozen=True, slots=True)
class Fault:
    """[start_ms, end_ms) of one device. at_ms: when it shows. value: of a cadence, the steps of the minute"""

    device_id: int
    kind: FaultKind
    start_ms: int
    end_ms: int
    at_ms: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class DeviceHour:
    """A vendor's sum of [start_ms, end_ms) beside that of the device's minutes; ours is None unless each of them is known."""

    device_id: int
    start_ms: int
    end_ms: int
    vendor: int
    ours: int | None

    @property
    def differs(self) -> bool:
        return self.ours is not None and abs(self.ours - self.vendor) > max(VENDOR_STEPS, VENDOR_SHARE * self.vendor)


@dataclass(frozen=True, slots=True)
class Trust:
    device_id: int
    start_ms: int
    end_ms: int

    def holds(self, fault: Fault | DeviceHour) -> bool:
        return self.device_id == fault.device_id and self.start_ms <= fault.start_ms and fault.end_ms <= self.end_ms


@dataclass(frozen=True, slots=True)
class Faults:
    """faults: by device and time. hours: all that could be compared or not. trusted: what somebody vouches for."""

    faults: tuple[Fault, ...]
    hours: tuple[DeviceHour, ...]
    trusted: tuple[Trust, ...]


_trusted, _owners, _minutes, _hours, _offsets = (
    table.c for table in (tables.trusted, tables.devices, tables.minutes, tables.hours, tables.offsets)
)
_TRUST = (
    select(_owners.id, _trusted.start_ms, _trusted.end_ms)
    .join_from(tables.trusted, tables.devices, (_owners.patient_id == _trusted.patient_id) & (_owners.key == _trusted.device_key))
    .where(_trusted.patient_id == bindparam("patient"))
    .order_by(_owners.id, _trusted.start_ms)
)
_TOO_FAST = (
    select(_minutes.device_id, _minutes.day)
    .where(_minutes.patient_id == bindparam("patient"), _minutes.metric == "steps", _minutes.high > MAX_SPM)
    .where(_minutes.day.between(bindparam("first"), bindparam("last")))
    .order_by(_minutes.device_id, _minutes.day)
)
_HOURS = (
    select(_hours.device_id, _hours.start_ms, _hours.end_ms, _hours.value)
    .where(_hours.patient_id == bindparam("patient"), _hours.metric == "steps")
    .where(_hours.start_ms >= bindparam("start"), _hours.start_ms < bindparam("end"))
    .order_by(_hours.device_id, _hours.start_ms)
)
_OFFSETS = (
    select(_offsets.device_id, _offsets.at_ms, _offsets.offset_s)
    .where(_offsets.patient_id == bindparam("patient"), _offsets.at_ms.between(bindparam("start"), bindparam("end")))
    .order_by(_offsets.device_id, _offsets.at_ms)
)


def find_faults(connection: Connection, patient_id: int, start_ms: int, end_ms: int) -> Faults:
    """Return what touches [start_ms, end_ms)."""
    first, last = start_ms // DAY_MS, (end_ms - 1) // DAY_MS
    trusted = _read_trust(connection, patient_id)
    hours = [one for one in _read_hours(connection, patient_id, first, last) if not any(trust.holds(one) for trust in trusted)]
    found = [*_find_cadences(connection, patient_id, first, last), *_find_clocks(connection, patient_id, start_ms, end_ms)]
    found += [Fault(one.device_id, FaultKind.HOUR, one.start_ms, one.end_ms, one.start_ms) for one in hours if one.differs]
    faults = [
        one for one in found if one.start_ms < end_ms and one.end_ms > start_ms and not any(trust.holds(one) for trust in trusted)
    ]
    faults.sort(key=lambda one: (one.device_id, one.start_ms, one.kind))
    return Faults(tuple(faults), tuple(hours), trusted)


def trust_device(connection: Connection, patient_id: int, key: str, start_ms: int, end_ms: int, entered_ms: int) -> None:
    """Say that the device was right over [start_ms, end_ms). Raises: NotKnown if the patient has no device of that key."""
    people.find_device(connection, patient_id, key)
    row = {"patient_id": patient_id, "device_key": key, "start_ms": start_ms, "end_ms": end_ms, "entered_ms": entered_ms}
    upsert(connection, tables.trusted, [row])
    dirty.mark_since(connection, patient_id, start_ms // DAY_MS)


def distrust_device(connection: Connection, patient_id: int, key: str) -> None:
    """Take back all that was said for the device. Raises: NotKnown if the patient has no device of that key."""
    people.find_device(connection, patient_id, key)
    table = tables.trusted
    connection.execute(delete(table).where(table.c.patient_id == patient_id, table.c.device_key == key))
    dirty.mark_since(connection, patient_id)


def _read_trust(connection: Connection, patient_id: int) -> tuple[Trust, ...]:
    rows = connection.execute(_TRUST, {"patient": patient_id})
    return tuple(Trust(*row) for row in rows)


def _find_cadences(connection: Connection, patient_id: int, first: int, last: int) -> list[Fault]:
    """Return the minutes that nobody can have walked, with those near them on the same day of UTC."""
    rows = connection.execute(_TOO_FAST, {"patient": patient_id, "first": first, "last": last}).all()
    faults = []
    for device_id, day in rows:
        (found,) = read_minutes(connection, patient_id, "steps", day, day, device_id)
        minutes = found.grid.minutes[0]
        for minute in np.flatnonzero(minutes > MAX_SPM).tolist():
            lower, upper = max(0, minute - NEAR_MIN), min(MINUTES_PER_DAY, minute + 1 + NEAR_MIN)
            begin = day * DAY_MS
            edges = (begin + lower * MINUTE_MS, begin + upper * MINUTE_MS, begin + minute * MINUTE_MS)
            faults.append(Fault(device_id, FaultKind.CADENCE, *edges, int(minutes[minute])))
    return faults


def _read_hours(connection: Connection, patient_id: int, first: int, last: int) -> list[DeviceHour]:
    """Return the vendors' hours. One that reaches over a midnight of UTC is left out: its two days change apart."""
    asked = {"patient": patient_id, "start": first * DAY_MS, "end": (last + 1) * DAY_MS}
    rows = connection.execute(_HOURS, asked).all()
    hours: list[DeviceHour] = []
    for device_id, group in groupby(rows, key=lambda row: row.device_id):
        own = [row for row in group if row.start_ms // DAY_MS == (row.end_ms - 1) // DAY_MS]
        hours += _compare(connection, patient_id, device_id, own, first, last)
    return hours


def _compare(
    connection: Connection, patient_id: int, device_id: int, rows: Sequence[Any], first: int, last: int
) -> list[DeviceHour]:
    found = read_minutes(connection, patient_id, "steps", first, last, device_id)
    if not rows or not found:
        return [DeviceHour(device_id, row.start_ms, row.end_ms, row.value, None) for row in rows]
    start, end = (np.array([getattr(row, edge) for row in rows], dtype=np.int64) for edge in ("start_ms", "end_ms"))
    total, known = sum_between(known_minutes(found[0].grid), start, end)
    # Steps that came in longer intervals may belong to the hour beside.
    fine = np.isin(start // DAY_MS, found[0].grid.days[found[0].grid.resolution_s == MINUTE_MS // 1000])
    judged = fine & (known * MINUTE_MS == end - start)
    return [
        DeviceHour(device_id, row.start_ms, row.end_ms, row.value, ours if can else None)
        for row, ours, can in zip(rows, total.tolist(), judged.tolist(), strict=True)
    ]


def _find_clocks(connection: Connection, patient_id: int, start_ms: int, end_ms: int) -> list[Fault]:
    """Return the stretches in which a clock stood as it stands nowhere on earth: a journey and summer time are no fault."""
    asked = {"patient": patient_id, "start": start_ms - 2 * OFFSET_HOLDS_MS, "end": end_ms + OFFSET_HOLDS_MS}
    rows = connection.execute(_OFFSETS, asked).all()
    faults = []
    for device_id, group in groupby(rows, key=lambda row: row.device_id):
        own = list(group)
        for row, following in zip(own, [*own[1:], None], strict=True):
            if not _is_of_earth(row.offset_s):
                held = row.at_ms + OFFSET_HOLDS_MS
                end = held if following is None else min(held, following.at_ms)
                faults.append(Fault(device_id, FaultKind.CLOCK, row.at_ms, end, row.at_ms))
    return faults


def _is_of_earth(offset_s: int) -> bool:
    beside = (offset_s + _QUARTER_S // 2) % _QUARTER_S - _QUARTER_S // 2
    return abs(beside) <= _SLACK_S and _WEST_S - _SLACK_S <= offset_s <= _EAST_S + _SLACK_S
