"""The evidence of remote monitoring: days with data, minutes of review, contacts. What it is worth to a payer is not said here.

Source: MOVEMENT.md, 8: device supply counts distinct days with data in a rolling 30 days, management counts minutes and live
contacts in a calendar month.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, select

from devices.recording import DAY_MS, METRICS, MINUTE_MS
from ingest import tables
from ingest.entries import append, checked_text, find_standing, standing
from ingest.local_days import LocalDay
from ingest.minutes import ABSENT, MINUTES_PER_DAY
from ingest.people import Patient
from ingest.store import read_minutes
from ingest.timeline import read_days

ROLLING_DAYS = 30
LONGEST_MIN = 600
_ONE_DAY = timedelta(days=1)


class CareKind(StrEnum):
    """REVIEW: somebody looked at the patient's data; the others are contacts with the patient."""

    REVIEW = "review"
    CALL = "call"
    VIDEO = "video"
    VISIT = "visit"
    MESSAGE = "message"


CONTACTS = (CareKind.CALL, CareKind.VIDEO, CareKind.VISIT, CareKind.MESSAGE)


@dataclass(frozen=True, slots=True)
class Care:
    """One piece of work for a patient. live: both spoke with each other at the time, as in no call that nobody took."""

    at_ms: int
    kind: CareKind
    minutes: int
    entered_by: str
    entered_ms: int
    live: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class KeptCare:
    """One as it is kept. replaces: the number of the one that it corrects; withdrawn: nothing stands in its place."""

    number: int
    care: Care
    replaces: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be shown for one calendar month of the patient's.

    first, last: the rolling days that `data_days` are among: the 30 up to the end of the month, or up to today
    data_days:   local days with at least one known minute of any device and metric
    care:        reviews and contacts of the month, in time order
    """

    first: date
    last: date
    data_days: Sequence[date]
    care: Sequence[KeptCare]

    @property
    def review_min(self) -> int:
        return sum(one.care.minutes for one in self.care if one.care.kind is CareKind.REVIEW)

    @property
    def contact_min(self) -> int:
        return sum(one.care.minutes for one in self.contacts)

    @property
    def contacts(self) -> list[KeptCare]:
        return [one for one in self.care if one.care.kind is not CareKind.REVIEW]

    @property
    def live_contacts(self) -> int:
        return sum(one.care.live for one in self.care)


def add_care(connection: Connection, patient_id: int, care: Care, replaces: int | None = None) -> KeptCare:
    """Keep a review or a contact, or what one should have been, in the caller's transaction.

    Raises: ValueError for what cannot be; NotKnown, Conflict for a number to replace that is none or stands no more
    """
    return _kept(append(connection, tables.care_log, patient_id, _row(care), replaces))


def withdraw_care(connection: Connection, patient_id: int, number: int, by: str, entered_ms: int) -> KeptCare:
    """Say that a review or contact never was. Raises: NotKnown, Conflict, ValueError"""
    before = _kept(find_standing(connection, tables.care_log, patient_id, number)).care
    row = _row(Care(before.at_ms, before.kind, before.minutes, by, entered_ms, before.live)) | {"withdrawn": True}
    return _kept(append(connection, tables.care_log, patient_id, row, number))


def find_care(connection: Connection, patient_id: int, number: int) -> KeptCare:
    """Return one that stands. Raises: NotKnown, Conflict"""
    return _kept(find_standing(connection, tables.care_log, patient_id, number))


def list_care(connection: Connection, patient_id: int, start_ms: int, end_ms: int, *, history: bool = False) -> list[KeptCare]:
    """Return reviews and contacts that began within [start_ms, end_ms), in time order; history: with what was replaced."""
    table = tables.care_log
    wanted = select(table).where(table.c.patient_id == patient_id, table.c.at_ms >= start_ms, table.c.at_ms < end_ms)
    if not history:
        wanted = wanted.where(standing(table))
    return [_kept(row) for row in connection.execute(wanted.order_by(table.c.at_ms, table.c.number))]


def read_evidence(connection: Connection, patient: Patient, month: date, today: date) -> Evidence:
    """Return the evidence of the calendar month that `month` lies in, as far as `today`; both are the patient's own dates."""
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - _ONE_DAY
    days = read_days(connection, patient, first, last)
    care = list_care(connection, patient.id, days[0].start_ms, days[-1].end_ms)
    end = min(last, today)
    begin = end - timedelta(days=ROLLING_DAYS - 1)
    return Evidence(begin, end, find_data_days(connection, patient, begin, end), care)


def find_data_days(connection: Connection, patient: Patient, first: date, last: date) -> list[date]:
    """Return the local days first..last in which any device knows at least one minute of anything."""
    days = read_days(connection, patient, first, last)
    if not days:
        return []
    known = _known_minutes(connection, patient.id, days[0].start_ms, days[-1].end_ms)
    edges = np.array([*(day.start_ms for day in days), days[-1].end_ms], dtype=np.int64) // MINUTE_MS
    before = np.searchsorted(known, edges)
    return [day.day for day, count in zip(days, np.diff(before), strict=True) if count]


def local_date(connection: Connection, patient: Patient, at_ms: int) -> date:
    """Return the date that the patient's calendar shows at an instant."""
    return _day_of(connection, patient, at_ms).day


def _day_of(connection: Connection, patient: Patient, at_ms: int) -> LocalDay:
    around = date(1970, 1, 1) + timedelta(days=at_ms // DAY_MS)
    days = read_days(connection, patient, around - 2 * _ONE_DAY, around + 2 * _ONE_DAY)
    return next(day for day in days if day.start_ms <= at_ms < day.end_ms)


def _known_minutes(connection: Connection, patient_id: int, start_ms: int, end_ms: int) -> npt.NDArray[np.int64]:
    """Return the minutes since 1970 that any device knows, of whole UTC days around [start_ms, end_ms): (k,) int64, sorted."""
    first, last = start_ms // DAY_MS, (end_ms - 1) // DAY_MS
    known = np.zeros((last - first + 1, MINUTES_PER_DAY), dtype=np.bool_)
    for metric in METRICS:
        for found in read_minutes(connection, patient_id, metric, first, last):
            known[found.grid.days - first] |= found.grid.minutes != ABSENT
    return np.flatnonzero(known) + first * MINUTES_PER_DAY


def _row(care: Care) -> dict[str, Any]:
    if not 1 <= care.minutes <= LONGEST_MIN:
        raise ValueError(f"minutes: expected 1 to {LONGEST_MIN}, found {care.minutes}")
    if care.live and care.kind in (CareKind.REVIEW, CareKind.MESSAGE):
        raise ValueError(f"a {care.kind.value} is never live: expected a call, video or visit")
    return {
        "at_ms": care.at_ms,
        "kind": care.kind.value,
        "minutes": care.minutes,
        "live": care.live,
        "note": checked_text("note", care.note, lines=True) if care.note.strip() else "",
        "entered_by": checked_text("by", care.entered_by, most=200),
        "entered_ms": care.entered_ms,
        "withdrawn": False,
    }


def _kept(row: Row[tuple[object, ...]]) -> KeptCare:
    care = Care(row.at_ms, CareKind(row.kind), row.minutes, row.entered_by, row.entered_ms, row.live, row.note)
    return KeptCare(row.number, care, row.replaces, row.withdrawn)
