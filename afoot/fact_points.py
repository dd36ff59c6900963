"""What is no day's, as points: alerts, observations, gaps, devices, and the patient's line of the ward."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Connection, cast, func, select

from afoot.day_points import DAY_S, MINUTE_S, known_stretch
from afoot.judging import day_minutes, judge_place
from devices.recording import DAY_MS, MINUTE_MS
from ingest import ledger as imports
from ingest import people, tables, wearables
from ingest.gaps import Gap, find_gaps
from ingest.local_days import EPOCH
from ingest.observations import CODES, Kind, Observation, list_observations
from ingest.people import OwnedDevice, Patient
from ingest.publishing.lines import Series
from ingest.publishing.rows import rows_of
from ingest.timeline import read_days, read_timeline
from rules import alerts, ledger
from rules.alerts import Transition
from rules.finding import Priority
from rules.ledger import Alert
from rules.prescription import Prescription, prescription_for

GAP_DAYS, RECENT_DAYS = 90, 30
_ENDS = frozenset({alerts.Kind.RESOLVED, alerts.Kind.WITHDRAWN})
_ANSWERS = ("difficulty", "pain", "repetitions", "amount")


def make_facts(
    connection: Connection, patient: Patient, versions: Sequence[Prescription], sources: Mapping[int, str]
) -> list[Series]:
    """Return the points of all that is known of a patient beside the days."""
    created_ms = connection.execute(select(tables.patients.c.created_ms).where(tables.patients.c.id == patient.id)).scalar_one()
    at_s = int(created_ms) // 1000
    devices = people.list_devices(connection, patient.id)
    gaps = _recent_gaps(connection, patient.id)
    return [
        *_alerts(patient.pseudonym, ledger.list_transitions(connection, patient.id)),
        *_observations(patient.pseudonym, list_observations(connection, patient.id)),
        *_gaps(patient.pseudonym, sources, gaps),
        *_sync(connection, patient, devices, sources, gaps, at_s),
        rows_of("ward", {"patient": patient.pseudonym}, [(at_s, _ward(connection, patient, versions, devices))]),
    ]


def _spaced(rows: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Return rows of one series in order of time, each a second after the one before at least: none hides another."""
    spaced: list[tuple[int, dict[str, Any]]] = []
    for at_s, row in rows:
        spaced.append((max(at_s, spaced[-1][0] + 1) if spaced else at_s, row))
    return spaced


def _alerts(pseudonym: str, transitions: Sequence[Transition]) -> Iterator[Series]:
    """Yield what happened, so that the last point of each series says whether its alert is open.

    An alert that was raised goes on in the series of its new severity, and ends in that of the old one.
    """
    rows: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    severity: dict[str, Priority] = {}
    for one in transitions:
        before = severity.get(one.rule)
        if before is not None and before is not one.priority:
            rows[one.rule, before.value].append((one.at_ms // 1000, _event(one) | {"open": 0, "acknowledged": 0}))
        rows[one.rule, one.priority.value].append((one.at_ms // 1000, _event(one)))
        if one.kind in _ENDS:
            severity.pop(one.rule, None)
        else:
            severity[one.rule] = one.priority
    for (rule, priority), own in sorted(rows.items()):
        yield rows_of("alerts", {"patient": pseudonym, "rule": rule, "severity": priority}, _spaced(own))


def _event(one: Transition) -> dict[str, Any]:
    return {
        "event": one.kind.value,
        "open": int(one.kind not in _ENDS),
        "acknowledged": int(one.kind is alerts.Kind.ACKNOWLEDGED),
        "opened_s": one.opened_ms // 1000,
        "text": one.finding.reason,
    }


def _observations(pseudonym: str, observations: Sequence[Observation]) -> Iterator[Series]:
    rows: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for one in observations:
        entry = one.entry
        row = {"value": entry.value, "red_flag": int(entry.is_red_flag), "text": _sentence(one), "source": one.said.source.value}
        row |= {name: entry.detail[name] for name in _ANSWERS if isinstance(entry.detail.get(name), int)}
        rows[entry.code].append((one.said.at_ms // 1000, row))
    for code, own in sorted(rows.items()):
        yield rows_of("observations", {"patient": pseudonym, "code": code}, _spaced(own))


def _sentence(one: Observation) -> str:
    """Return what was said in a few words; a note's own words stay in the store: they may name somebody."""
    code = CODES.get(one.entry.code)
    name = one.entry.code.replace("_", " ")
    if code is None or code.value is None or one.entry.value is None:
        return f"{name}: written down"
    if code.value.kind is Kind.YES_NO:
        return f"{name}: {'yes' if one.entry.value else 'no'}"
    return f"{name}: {one.entry.value} {code.value.unit}".strip()


def _recent_gaps(connection: Connection, patient_id: int) -> list[Gap]:
    """Return the gaps of the weeks up to the last known minute; what is missing since then is no gap yet."""
    known = known_stretch(connection, patient_id)
    if known is None:
        return []
    end_ms = known.end_s * 1000
    found = find_gaps(connection, patient_id, end_ms - GAP_DAYS * DAY_MS, end_ms, end_ms, metrics=("steps", "heart_rate"))
    return [gap for gap in found if not gap.is_tail]


def _gaps(pseudonym: str, sources: Mapping[int, str], gaps: Sequence[Gap]) -> Iterator[Series]:
    rows: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for gap in gaps:
        row = {
            "minutes": gap.length_ms // MINUTE_MS,
            "unplaced": gap.unplaced,
            "explained": int(bool(gap.explained_by)),
            "reason": ", ".join(kind.value.replace("_", " ") for kind in gap.explained_by) or None,
        }
        rows[gap.device_id].append((gap.start_ms // 1000, row))
    for device_id, own in sorted(rows.items()):
        yield rows_of("gaps", {"patient": pseudonym, "source": sources[device_id]}, own)


def _sync(
    connection: Connection,
    patient: Patient,
    devices: Sequence[OwnedDevice],
    sources: Mapping[int, str],
    gaps: Sequence[Gap],
    at_s: int,
) -> Iterator[Series]:
    table = tables.minutes
    day = cast(table.c.day, BigInteger) * DAY_MS
    columns = (
        func.min(day + table.c.first * MINUTE_MS),
        func.max(day + (table.c.last + 1) * MINUTE_MS),
        func.max(table.c.day),
    )
    where = (table.c.patient_id == patient.id, table.c.count > 0)
    stretches = {
        row[0]: row[1:]
        for row in connection.execute(select(table.c.device_id, *columns).where(*where).group_by(table.c.device_id))
    }
    battery = {one.paired.id: one.battery for one in wearables.list_wearables(connection, [patient.id])}
    for device in devices:
        first_ms, last_ms, last_day = stretches.get(device.id, (None, None, None))
        row: dict[str, Any] = {"first_data_ms": first_ms, "last_data_ms": last_ms}
        row |= {"vendor": device.device.vendor or None, "model": device.device.model or None}
        row |= {"battery": battery.get(device.device.serial or "")}
        if last_ms is not None:
            recent = [gap for gap in gaps if gap.device_id == device.id and gap.start_ms >= last_ms - RECENT_DAYS * DAY_MS]
            row |= {"gaps_30": len(recent), "gap_min_30": sum(gap.length_ms for gap in recent) // MINUTE_MS}
            row |= _recent_steps(connection, patient.id, device.id, last_day)
        yield rows_of("sync", {"patient": patient.pseudonym, "source": sources[device.id]}, [(at_s, row)])


def _recent_steps(connection: Connection, patient_id: int, device_id: int, last_day: int) -> dict[str, Any]:
    """Return what the last weeks' minutes of steps amount to; none of it is known of a device that counts none."""
    table = tables.minutes
    where = (table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.metric == "steps")
    query = select(func.sum(table.c.count), func.sum(table.c.unplaced), func.max(table.c.resolution_s))
    known, unplaced, resolution = connection.execute(query.where(*where, table.c.day > last_day - RECENT_DAYS)).one()
    if known is None:
        return {}
    return {"known_min": int(known), "unplaced_30": int(unplaced), "resolution_s": int(resolution)}


def _ward(
    connection: Connection, patient: Patient, versions: Sequence[Prescription], devices: Sequence[OwnedDevice]
) -> dict[str, Any]:
    known = known_stretch(connection, patient.id)
    received = select(func.max(tables.imports.c.received_ms)).where(tables.imports.c.patient_id == patient.id)
    row: dict[str, Any] = {
        "devices": len(devices),
        "zone": people.zone_history(connection, patient)[-1][1],
        "last_data_ms": None if known is None else known.end_s * 1000,
        "last_sync_ms": connection.execute(received).scalar(),
        "prescribed": int(bool(versions)),
    }
    row |= _import_counts(connection, patient.id) | _open_alerts(ledger.list_alerts(connection, patient.id, open_only=True))
    if known is not None:
        row |= _last_state(connection, patient, versions, known.end_s)
    newest = max(versions, key=lambda one: (one.effective, one.version), default=None)
    if newest is not None:
        row |= {"surgery_s": (newest.surgery_date - EPOCH).days * DAY_S, "baseline_steps": newest.baseline_steps}
    return row


def _import_counts(connection: Connection, patient_id: int) -> dict[str, Any]:
    table, rejects = tables.imports, tables.rejects
    query = select(table.c.state, func.count()).where(table.c.patient_id == patient_id).group_by(table.c.state)
    states = Counter({state: int(count) for state, count in connection.execute(query)})
    rejected = select(func.sum(rejects.c.count)).join(table, table.c.id == rejects.c.import_id)
    return {
        "imports": states.total(),
        "imports_refused": states[imports.REFUSED],
        "imports_waiting": states[imports.ARCHIVED],
        "rejected": int(connection.execute(rejected.where(table.c.patient_id == patient_id)).scalar() or 0),
    }


def _open_alerts(found: Sequence[Alert]) -> dict[str, Any]:
    """Return how many stand open, and the one to look at first: the highest, then the oldest."""
    row: dict[str, Any] = {
        "open_alerts": len(found),
        "open_high": sum(one.priority is Priority.HIGH for one in found),
        "unacknowledged": sum(one.standing is alerts.Standing.OPEN for one in found),
    }
    if found:
        worst = min(found, key=lambda one: (one.priority is not Priority.HIGH, one.opened_ms, one.rule))
        row |= {"worst_rule": worst.rule, "worst_text": worst.finding.reason}
    return row


def _last_state(connection: Connection, patient: Patient, versions: Sequence[Prescription], end_s: int) -> dict[str, Any]:
    """Return the local date and the state of the last known minute, and the phase of that day."""
    last = EPOCH + timedelta(days=end_s // DAY_S + 1)
    days = read_days(connection, patient, last - timedelta(days=4), last)
    place = next(row for row in reversed(range(len(days))) if days[row].start_ms < end_s * 1000)
    minutes = day_minutes(read_timeline(connection, patient, days[max(0, place - 1) : place + 2]))
    judged = judge_place(minutes, min(place, 1), versions)
    minute = (end_s - MINUTE_S - days[place].start_ms // 1000) // MINUTE_S
    prescription = prescription_for(days[place].day, versions)
    phase = prescription.phase_on(days[place].day) if prescription else None
    return {
        "last_date": days[place].day.isoformat(),
        "last_state": int(np.int64(judged.summary.states[minute])),
        "phase": None if phase is None else phase.name,
    }
