"""What the service's pages show of patients, gathered from the store; `dashboards.site` makes pages of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, func, select

from afoot.evaluating import data_range_ms
from afoot.judging import JudgedDay, day_minutes, judge_days, judge_place, read_prescriptions
from afoot.replaying import cut
from dashboards.pages.case import CaseFacts
from dashboards.pages.patient import Facts, Movement, SentFile
from dashboards.pages.ward import PatientFacts
from devices.recording import DAY_MS, MINUTE_MS
from ingest import ledger, people, tables
from ingest.local_days import EPOCH
from ingest.observations import list_observations
from ingest.people import Patient
from ingest.remote_monitoring import read_evidence
from ingest.timeline import read_days, read_timeline
from ingest.wearables import list_wearables
from rules import ledger as alerts
from rules.day import DaySummary
from rules.minutes import State
from rules.prescription import prescription_for

FILES_SHOWN = 5
# How far back the last movement is looked for.
DAYS_BACK = 3


@dataclass(frozen=True, slots=True)
class Now:
    """A patient's present. days: the last local days up to now, today the last; its minutes to come are unknown."""

    zone: ZoneInfo
    days: Sequence[JudgedDay]
    known_ms: int | None
    received_ms: int | None

    @property
    def today(self) -> JudgedDay:
        return self.days[-1]


def read_now(connection: Connection, patient: Patient, at_ms: int, n_days: int) -> Now:
    """Judge the last `n_days` local days, today only as far as it has come."""
    around = EPOCH + timedelta(days=at_ms // DAY_MS)
    days = [
        day
        for day in read_days(connection, patient, around - timedelta(days=n_days + 1), around + timedelta(days=2))
        if day.start_ms <= at_ms
    ][-n_days - 1 :]
    minutes = day_minutes(read_timeline(connection, patient, days))
    minutes[-1] = cut(minutes[-1], at_ms)
    versions = read_prescriptions(connection, patient)
    judged = [judge_place(minutes, place, versions) for place in range(1, len(minutes))]
    known = data_range_ms(connection, patient.id)
    imports = tables.imports
    received = select(func.max(imports.c.received_ms)).where(imports.c.patient_id == patient.id)
    return Now(
        zone=ZoneInfo(people.zone_history(connection, patient)[-1][1]),
        days=judged,
        known_ms=None if known is None else min(known[1] + MINUTE_MS, at_ms),
        received_ms=connection.execute(received).scalar(),
    )


def gather_patient(connection: Connection, patient: Patient, at_ms: int) -> Facts:
    """Return what the patient's own page shows."""
    now = read_now(connection, patient, at_ms, DAYS_BACK)
    today = now.today
    return Facts(
        name=patient.name,
        key=patient.pseudonym,
        at_ms=at_ms,
        zone=now.zone,
        day=today.summary,
        verdict=today.verdict,
        prescription=today.prescription,
        movement=find_movement([one.summary for one in now.days]),
        known_ms=now.known_ms,
        received_ms=now.received_ms,
        files=read_files(connection, patient.id),
        said=list_observations(connection, patient.id, today.summary.start_ms, at_ms + 1),
        wearables=list_wearables(connection, [patient.id]),
    )


def find_movement(days: Sequence[DaySummary]) -> Movement:
    """Return the last movement within local days that follow one another, and whether all is known since."""
    states = np.concatenate([day.states for day in days])
    start_ms = days[0].start_ms
    worn = np.flatnonzero((states != State.UNKNOWN) & (states != State.NOT_WORN))
    moving = np.flatnonzero((states == State.MOVING) | (states == State.WALKING))
    if not moving.size:
        return Movement()
    moved, seen = int(moving[-1]) + 1, int(worn[-1]) + 1
    return Movement(start_ms + moved * MINUTE_MS, start_ms + seen * MINUTE_MS, int((worn >= moved).sum()) == seen - moved)


def read_files(connection: Connection, patient_id: int) -> list[SentFile]:
    """Return the files that came last, the newest first."""
    return [
        SentFile(
            one.name,
            received_ms,
            one.state,
            one.readers,
            one.error,
            one.change,
            ledger.list_rejects(connection, one.id),
            tuple(one.options.get("strangers", {}).values()),
        )
        for one, received_ms in ledger.list_newest(connection, patient_id, FILES_SHOWN)
    ]


def gather_on_ward(connection: Connection, patient: Patient, at_ms: int) -> PatientFacts:
    """Return what the ward's line of a patient shows."""
    return _on_ward(connection, patient, at_ms, read_now(connection, patient, at_ms, 2))


def _on_ward(connection: Connection, patient: Patient, at_ms: int, now: Now) -> PatientFacts:
    before, today = now.days[-2:]
    return PatientFacts(
        key=patient.pseudonym,
        name=patient.name,
        zone=now.zone,
        today=(today.summary, today.verdict),
        yesterday=(before.summary, before.verdict),
        known_ms=now.known_ms,
        received_ms=now.received_ms,
        alerts=alerts.list_alerts(connection, patient.id, open_only=True),
    )


def gather_case(connection: Connection, patient: Patient, at_ms: int, n_days: int, until: date | None = None) -> CaseFacts:
    """Return what the therapist's page of a patient shows: the `n_days` local days up to `until`, or up to now."""
    now = read_now(connection, patient, at_ms, 2)
    today = now.today.summary.day
    known = data_range_ms(connection, patient.id)
    begins = today if known is None else EPOCH + timedelta(days=known[0] // DAY_MS)
    last = min(max(until or today, begins), today)
    first = last - timedelta(days=n_days - 1)
    days = _shown_days(connection, patient, first, now) if last == today else _past_days(connection, patient, first, last)
    till_ms = at_ms - (today - last).days * DAY_MS
    since_ms = till_ms - n_days * DAY_MS
    found = alerts.list_alerts(connection, patient.id)
    open_ids = {one.id for one in alerts.list_alerts(connection, patient.id, open_only=True)}
    versions = read_prescriptions(connection, patient)
    return CaseFacts(
        patient=_on_ward(connection, patient, at_ms, now),
        at_ms=at_ms,
        days=[(one.summary, one.verdict) for one in days],
        prescription=prescription_for(last, versions),
        alerts=[one for one in found if one.id in open_ids or since_ms <= (one.closed_ms or 0) <= till_ms],
        snoozes=alerts.list_snoozes(connection, patient.id, at_ms),
        said=list_observations(connection, patient.id, since_ms, till_ms + 1),
        evidence=read_evidence(connection, patient, today, today),
        shown=(first, last),
        begins_ms=None if known is None else known[0],
    )


def _past_days(connection: Connection, patient: Patient, first: date, last: date) -> list[JudgedDay]:
    return _from_the_first_known(list(judge_days(connection, patient, first, last)))


def _shown_days(connection: Connection, patient: Patient, first: date, now: Now) -> list[JudgedDay]:
    """Return the days from `first` on, or from the first with data; none if nothing is known of any."""
    yesterday, today = now.days[-2:]
    days = [*judge_days(connection, patient, first, yesterday.summary.day - timedelta(days=1)), yesterday, today]
    return _from_the_first_known(days)


def _from_the_first_known(days: list[JudgedDay]) -> list[JudgedDay]:
    known = [place for place, one in enumerate(days) if one.summary.has_data or one.summary.not_worn_min]
    return days[known[0] :] if known else []
