"""Judging patients: what changed is read, judged by `replay` wherever the executor runs it, and written in one transaction each.

Judged are the end of every local day and the instant of each check. Where data changed that an earlier instant rested on, the
record goes back to before it and the same instants are judged again; only the check's own instant is the present, so nobody is
told of what turns out about the past.
"""

import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from sqlalchemy import BigInteger, Connection, bindparam, cast, func, select

from afoot import checks, summaries
from afoot.checks import Position
from afoot.executing import Executor
from afoot.judging import day_minutes, read_prescriptions
from afoot.policies import policies_for
from afoot.replaying import VIEW_DAYS, Material, Replayed, replay
from devices.recording import MINUTE_MS
from ingest import dirty, tables
from ingest.faults import FaultKind, find_faults
from ingest.local_days import EPOCH, LocalDay
from ingest.observations import read_pain
from ingest.people import Patient, is_kept
from ingest.publishing.outbox import mark_facts
from ingest.store import Store
from ingest.timeline import known_range, read_days, read_timeline
from rules import ledger, outbox
from rules.alerts import Transition
from rules.finding import FastMinute, Finding, PainReport, VendorHour
from rules.ledger import Judged
from rules.prescription import Prescription, prescription_for
from rules.telling import Telling

log = logging.getLogger(__name__)

DAY_MS = 1440 * MINUTE_MS
FIRST_MS = -(2**62)
READ_AT_ONCE = 16
# No rule looks further back for reports of pain, and none for deliveries.
PAIN_MS = 30 * DAY_MS
DELIVERIES_MS = 400 * DAY_MS
# `device_fault` looks back for 14 days at most, of which one may have 25 hours.
FAULTS_MS = 16 * DAY_MS
# Files that arrive within it are one delivery [G].
ONE_DELIVERY_MS = 15 * MINUTE_MS
# Quiet hours may end on the day after tomorrow, by the clock of a zone ahead of ours.
_AHEAD = timedelta(days=3)
_ONE_DAY = timedelta(days=1)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking one patient.

    findings:  of all rules, for the present
    judged:    how many instants, the past ones included
    rewound:   data of an instant judged before had changed
    problem:   why nothing was judged
    """

    patient: Patient
    at_ms: int
    findings: Sequence[Finding] = ()
    transitions: Sequence[Transition] = ()
    tellings: Sequence[Telling] = ()
    judged: int = 0
    rewound: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One patient read, to be judged and written. back_to_ms: what was judged then or later is to be forgotten first."""

    patient: Patient
    at_ms: int
    material: Material
    local_days: Sequence[LocalDay]
    position: Position
    from_ms: int | None
    back_to_ms: int | None
    standing_ms: int | None
    marks: dict[int, int]
    stale: frozenset[date]

    def offset_at(self, at_ms: int) -> int:
        """Return how far the patient's clocks stand ahead of UTC, in ms."""
        place = bisect_right([day.start_ms for day in self.local_days], at_ms) - 1
        day = self.local_days[max(0, place)]
        minute = min(max(0, (at_ms - day.start_ms) // MINUTE_MS), len(day) - 1)
        wall_ms = (day.day - EPOCH).days * DAY_MS + int(day.wall[minute]) * MINUTE_MS
        return wall_ms - (day.start_ms + minute * MINUTE_MS)

    def date_of(self, at_ms: int) -> date:
        return self.local_days[max(0, bisect_right([day.start_ms for day in self.local_days], at_ms) - 1)].day


def check_patients(
    store: Store, patients: Sequence[Patient], at_ms: int, executor: Executor, *, backfill: bool = False
) -> Iterator[Checked]:
    """Judge each patient for the present, and for what of the past changed or was not judged yet; yield what came of each.

    backfill: judge the whole past again, from the first day with data under a prescription
    """
    waiting: deque[Task] = deque()
    refused: list[Checked] = []

    def materials() -> Iterator[Material]:
        for one in _read_all(store, patients, at_ms, backfill):
            if isinstance(one, Checked):
                refused.append(one)
                continue
            waiting.append(one)
            yield one.material

    for replayed in executor.run(replay, materials()):
        task = waiting.popleft()
        yield write(store, task, replayed) or _check_again(store, task.patient, at_ms, backfill)
    yield from refused


def _read_all(store: Store, patients: Sequence[Patient], at_ms: int, backfill: bool) -> Iterator[Task | Checked]:
    for first in range(0, len(patients), READ_AT_ONCE):
        some = patients[first : first + READ_AT_ONCE]
        with store.reading() as connection:
            tasks = [read_task(connection, one, at_ms, backfill=backfill) for one in some]
        yield from tasks


def _check_again(store: Store, patient: Patient, at_ms: int, backfill: bool) -> Checked:
    """Somebody else judged the patient in between: see what is left to do."""
    for _ in range(_TRIES):
        with store.reading() as connection:
            task = read_task(connection, patient, at_ms, backfill=backfill)
        done = task if isinstance(task, Checked) else write(store, task, replay(task.material))
        if done is not None:
            return done
    return Checked(patient, at_ms, problem="others judge this patient all the time; try again")


def read_task(connection: Connection, patient: Patient, at_ms: int, *, backfill: bool = False) -> Task | Checked:
    """Return what is to be judged of one patient, and all that it takes; or why there is nothing."""
    position = checks.read_position(connection, patient.id)
    if position.newest_ms is not None and at_ms < position.newest_ms:
        return Checked(patient, at_ms, problem=f"judged up to {_instant(position.newest_ms)} already; expected that or later")
    versions = tuple(read_prescriptions(connection, patient))
    if not versions:
        return Checked(patient, at_ms)
    marks = dirty.read_marks(connection, patient.id)
    back_to_ms, standing_ms = _find_standing(connection, patient.id, position, marks, backfill)
    from_ms = None if backfill else position.from_ms if position.is_known else at_ms
    past = [one for one in checks.list_instants(connection, patient.id, standing_ms) if one < at_ms]
    known = known_range(connection, patient)
    lowest = _lowest_date(standing_ms, from_ms, past, known, versions, at_ms)
    stale = frozenset(_local_dates(marks, _reach(versions)))
    today = _utc_date(at_ms) + _ONE_DAY
    first = min(lowest, max(lowest - timedelta(days=VIEW_DAYS + 1), known[0] if known else lowest))
    kept = _usable(summaries.read_known(connection, patient.id, first, today), versions, stale)
    missing = next((day for day in _dates(first, lowest) if day not in kept), lowest)
    local_days = read_days(connection, patient, missing - _ONE_DAY, today + _AHEAD)
    after_ms = next((one for one in (standing_ms, from_ms) if one is not None), None)
    if after_ms is None:
        after_ms = (data_range_ms(connection, patient.id) or (None,))[0]
    ends = [day.end_ms for day in local_days if day.day >= lowest and after_ms is not None and after_ms < day.end_ms <= at_ms]
    instants = sorted({*past, *ends, at_ms})
    task = Task(
        patient=patient,
        at_ms=at_ms,
        material=Material(patient.id, versions, {}, (), instants),
        local_days=local_days,
        position=position,
        from_ms=from_ms,
        back_to_ms=back_to_ms,
        standing_ms=standing_ms,
        marks=marks,
        stale=stale,
    )
    return replace(task, material=_material(connection, task, kept))


def _material(connection: Connection, task: Task, kept: Mapping[date, bytes]) -> Material:
    """Return what it takes to judge: the minutes of the days that are judged or not kept, and of those that they rest on."""
    days = [day for day in task.local_days if day.start_ms <= task.at_ms]
    today = days[-1].day
    judged = {task.date_of(one) for one in task.material.instants}
    fresh = [day.day in judged or day.day not in kept for day in days]
    reach = _reach(task.material.prescriptions)
    needed = {days[row].day for row in range(len(days)) if any(fresh[max(0, row - reach) : row + 1 + reach])}
    first = next(row for row, day in enumerate(days) if day.day in needed)
    minutes = day_minutes(read_timeline(connection, task.patient, days[first:]))
    start_ms = task.material.instants[0] - PAIN_MS
    earlier = data_range_ms(connection, task.patient.id, min([*kept, *needed]))
    faults = find_faults(connection, task.patient.id, task.material.instants[0] - FAULTS_MS, task.at_ms + 1)
    return replace(
        task.material,
        kept={day: block for day, block in kept.items() if day < today},
        minutes=[one for one in minutes if one.day in needed],
        deliveries=_deliveries(connection, task.patient.id, task.at_ms),
        pain=[PainReport(*one) for one in read_pain(connection, task.patient.id, start_ms, task.at_ms + 1)],
        vendor_hours=[VendorHour(one.start_ms, one.end_ms, one.vendor, one.ours) for one in faults.hours],
        fast_minutes=[FastMinute(one.at_ms, one.value) for one in faults.faults if one.kind is FaultKind.CADENCE],
        clock_jumps_ms=[one.at_ms for one in faults.faults if one.kind is FaultKind.CLOCK],
        trusted=[(one.start_ms, one.end_ms) for one in faults.trusted],
        heard_before_ms=None if earlier is None else earlier[1] + MINUTE_MS,
    )


def read_past(
    connection: Connection, patient: Patient, at_ms: int, first: date | None, last: date | None, every_min: int | None = None
) -> Task | None:
    """Return what it takes to judge the ends of the local days first..last, as if never judged; None if there are none.

    A side that is not given begins or ends with the data; days without a prescription are left out.
    every_min: judge within the days too, so often
    """
    versions = tuple(read_prescriptions(connection, patient))
    known = known_range(connection, patient)
    if known is None or not versions:
        return None
    begin = max(first or known[0], known[0], min(one.effective for one in versions))
    end = last or known[1]
    days = read_days(connection, patient, max(begin - timedelta(days=VIEW_DAYS), known[0]), max(begin, end) + _AHEAD)
    first_ms, last_ms = data_range_ms(connection, patient.id) or (at_ms, at_ms)
    lived = [day for day in days if begin <= day.day <= end and first_ms < day.end_ms <= at_ms]
    instants = [day.end_ms for day in lived if last is not None or day.start_ms <= last_ms]
    if not instants:
        return None
    if every_min:
        instants = sorted({*instants, *range(lived[0].start_ms + every_min * MINUTE_MS, instants[-1], every_min * MINUTE_MS)})
    task = Task(
        patient=patient,
        at_ms=instants[-1],
        material=Material(patient.id, versions, {}, (), instants),
        local_days=days,
        position=Position(),
        from_ms=None,
        back_to_ms=None,
        standing_ms=None,
        marks={},
        stale=frozenset(),
    )
    return replace(task, material=_material(connection, task, {}))


def write(store: Store, task: Task, replayed: Replayed) -> Checked | None:
    """Write what was judged, with the messages that it calls for, in one transaction; None if somebody else judged meanwhile."""
    patient_id = task.patient.id
    with store.writing() as connection:
        if not is_kept(connection, task.patient):
            return Checked(task.patient, task.at_ms, problem="the patient was erased meanwhile")
        if checks.read_position(connection, patient_id, lock=True) != task.position:
            return None
        if task.back_to_ms is not None:
            ledger.rewind(connection, patient_id, task.back_to_ms)
        transitions, tellings = _step(connection, task, replayed)
        outbox.queue(connection, ledger.pending_messages(patient_id, tellings))
        if transitions or task.back_to_ms is not None:
            mark_facts(connection, patient_id)
        if not task.position.is_known or task.from_ms != task.position.from_ms:
            checks.begin(connection, patient_id, task.from_ms)
        checks.note(connection, patient_id, task.at_ms)
        summaries.drop(connection, patient_id, task.stale - replayed.days.keys())
        summaries.keep(connection, patient_id, replayed.days)
        dirty.clear(connection, patient_id, task.marks)
    log.info("judged one patient for %d instants: %d transitions", len(replayed.findings), len(transitions))
    return Checked(
        task.patient,
        task.at_ms,
        replayed.findings[-1],
        transitions,
        tellings,
        len(replayed.findings),
        task.back_to_ms is not None,
    )


def _step(connection: Connection, task: Task, replayed: Replayed) -> tuple[list[Transition], list[Telling]]:
    """Take the findings into the record, each by the policies of the prescription that was in force."""
    transitions: list[Transition] = []
    tellings: list[Telling] = []
    versions = task.material.prescriptions
    history = [
        Judged(at_ms, findings, at_ms == task.at_ms)
        for at_ms, findings in zip(task.material.instants, replayed.findings, strict=True)
    ]
    for _, group in groupby(history, lambda one: one.findings[0].version):
        some = list(group)
        policies = policies_for(prescription_for(task.date_of(some[0].at_ms), versions) or versions[0])
        stepped = ledger.steps(connection, task.patient.id, some, policies, task.offset_at)
        transitions += stepped.transitions
        tellings += stepped.tellings
    return transitions, tellings


def _find_standing(
    connection: Connection, patient_id: int, position: Position, marks: Mapping[int, int], backfill: bool
) -> tuple[int | None, int | None]:
    """Return from when on the record is to be forgotten, if at all, and up to when it stands then."""
    if position.judged_ms is None:
        return None, None
    if backfill:
        return FIRST_MS, None
    changed_ms = min(marks) * DAY_MS + 1 if marks else None
    if changed_ms is None or position.judged_ms < changed_ms:
        return None, position.judged_ms
    return changed_ms, checks.standing_at(connection, patient_id, changed_ms)


def _lowest_date(
    standing_ms: int | None,
    from_ms: int | None,
    past: Sequence[int],
    known: tuple[date, date] | None,
    versions: Sequence[Prescription],
    at_ms: int,
) -> date:
    """Return a date, by any clock, that nothing which is to be judged lies before."""
    lowest = [_utc_date(one) - _ONE_DAY for one in (at_ms, standing_ms, *past[:1], from_ms) if one is not None]
    if standing_ms is None and from_ms is None and known is not None:
        # Before there was a prescription there is nothing to judge by.
        lowest.append(max(known[0], min(one.effective for one in versions)))
    elif standing_ms is not None:
        lowest = [_utc_date(standing_ms) - _ONE_DAY]
    return min(lowest)


_minutes = tables.minutes.c
_day_ms = cast(_minutes.day, BigInteger) * DAY_MS
_DATA_RANGE = select(func.min(_day_ms + _minutes.first * MINUTE_MS), func.max(_day_ms + _minutes.last * MINUTE_MS)).where(
    _minutes.patient_id == bindparam("patient"), _minutes.metric.in_(sorted(dirty.METRICS)), _minutes.count > 0
)
_DATA_RANGE_UNTIL = _DATA_RANGE.where(_minutes.day <= bindparam("last"))


def data_range_ms(connection: Connection, patient_id: int, last: date | None = None) -> tuple[int, int] | None:
    """Return when the patient's first and last known minutes begin. last: the last UTC day to look at; None: all"""
    if last is None:
        found = connection.execute(_DATA_RANGE, {"patient": patient_id})
    else:
        found = connection.execute(_DATA_RANGE_UNTIL, {"patient": patient_id, "last": (last - EPOCH).days})
    first_ms, last_ms = found.one()
    return None if first_ms is None else (first_ms, last_ms)


def _usable(
    found: Mapping[date, tuple[str, bytes]], versions: Sequence[Prescription], stale: Collection[date]
) -> dict[date, bytes]:
    return {
        day: block
        for day, (key, block) in sorted(found.items())
        if day not in stale and key == summaries.key_of(day, prescription_for(day, versions))
    }


def _deliveries(connection: Connection, patient_id: int, at_ms: int) -> list[int]:
    """Return when data arrived, in order; what came within minutes came together."""
    column = tables.imports.c.received_ms
    recent = (tables.imports.c.patient_id == patient_id, column.between(at_ms - DELIVERIES_MS, at_ms))
    found: list[int] = []
    for received_ms in connection.execute(select(column).where(*recent).distinct().order_by(column)).scalars():
        if not found or received_ms - found[-1] > ONE_DELIVERY_MS:
            found.append(received_ms)
    return found


def _reach(versions: Sequence[Prescription]) -> int:
    """Return how many days beside it a day's numbers rest on: a night that is inferred from the steps belongs to two."""
    return int(any(one.waking_window is None for one in versions))


def _local_dates(marks: Iterable[int], reach: int) -> set[date]:
    """Return the local dates whose numbers may rest on these UTC days: those beside them too, whatever the zone."""
    return {EPOCH + timedelta(days=day + offset) for day in marks for offset in range(-1 - reach, 2 + reach)}


def _dates(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((end - first).days))


def _utc_date(at_ms: int) -> date:
    return EPOCH + timedelta(days=at_ms // DAY_MS)


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
