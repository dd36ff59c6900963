"""A patient's days as points: minutes by device and merged, hours, days in numbers, bouts; a UTC day at a time.

Local days are cut where UTC days end, so that what is published of one UTC day never lies within what is of another, whatever
zone the patient moves to.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from afoot.judging import JudgedDay, day_minutes, judge_place
from dashboards.pages.recovery import MEDIAN_DAYS, find_medians, find_reference
from devices.recording import DAY_MS, METRICS, MINUTE_MS
from ingest import tables
from ingest.local_days import EPOCH
from ingest.minutes import ABSENT, MINUTES_PER_DAY
from ingest.people import Patient
from ingest.publishing.lines import Column, Series
from ingest.publishing.rows import Row, rows_of
from ingest.publishing.schema import MERGED
from ingest.store import read_minutes
from ingest.timeline import read_days, read_timeline
from rules.bouts import Bouts
from rules.day import DaySummary
from rules.minutes import NA, DayMinutes
from rules.prescription import Phase, Prescription
from rules.runs import add_up
from rules.verdict import DayVerdict, Status

# Shorter stretches of stillness are too many to look at.
STILL_FROM_MIN = 20
MINUTE_S = MINUTE_MS // 1000
DAY_S = DAY_MS // 1000
# A UTC day is part of the dates from the one before to the one after, a night of two dates, and a date of the UTC days likewise.
NEAR_DAYS = 3
# The days of which a change tells otherwise: the median of a week goes on for so long.
LATER_DAYS = MEDIAN_DAYS - 1
_ONE_DAY = timedelta(days=1)
_OVERALL = (Status.EXCEEDED, Status.MISSED, Status.UNKNOWN, Status.MET, Status.OFF)

Made = dict[int, list[Series]]


@dataclass(frozen=True, slots=True)
class Known:
    """[first_s, end_s): from the patient's first known minute to the last."""

    first_s: int
    end_s: int


def known_stretch(connection: Connection, patient_id: int) -> Known | None:
    """Return from when to when anything is known of a patient; None if nothing is."""
    table = tables.minutes
    day = table.c.day * MINUTES_PER_DAY
    query = select(func.min(day + table.c.first), func.max(day + table.c.last))
    first, last = connection.execute(query.where(table.c.patient_id == patient_id, table.c.count > 0)).one()
    return None if first is None else Known(first * MINUTE_S, (last + 1) * MINUTE_S)


def affected_days(days: Sequence[int]) -> list[int]:
    """Return the UTC days, in order, of whose points a change in these days may make others."""
    return sorted({day + other for day in days for other in range(-NEAR_DAYS, NEAR_DAYS + LATER_DAYS + 1)})


def make_days(
    connection: Connection,
    patient: Patient,
    versions: Sequence[Prescription],
    sources: Mapping[int, str],
    first_day: int,
    last_day: int,
) -> Made:
    """Return the points of the UTC days first_day..last_day, both included, by day; a day of which nothing is known has none.

    sources: what each device, by id, is called
    """
    made: Made = defaultdict(list)
    known = known_stretch(connection, patient.id)
    if known is None:
        return made
    for series in _device_minutes(connection, patient, sources, first_day, last_day):
        _keep(made, series)
    for day, minutes, judged, median in _judged_days(connection, patient, versions, known, first_day, last_day):
        for series in _local_day(patient.pseudonym, known, day, minutes, judged, median):
            _keep(made, series)
    return {day: made[day] for day in range(first_day, last_day + 1) if day in made}


def _keep(made: Made, series: Series) -> None:
    """Cut a series where UTC days end."""
    days = series.times // DAY_S
    found, begins = np.unique(days, return_index=True)
    for day, begin, end in zip(found.tolist(), begins.tolist(), [*begins[1:].tolist(), days.size], strict=True):
        part = slice(begin, end)
        fields = {name: Column(one.values[part], one.known[part]) for name, one in series.fields.items()}
        made[day].append(Series(series.measurement, series.tags, series.times[part], fields))


def _device_minutes(
    connection: Connection, patient: Patient, sources: Mapping[int, str], first_day: int, last_day: int
) -> Iterator[Series]:
    found: dict[int, dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]]] = defaultdict(dict)
    for metric in METRICS:
        for one in read_minutes(connection, patient.id, metric, first_day, last_day):
            found[one.device_id][metric] = (one.grid.days, one.grid.minutes)
    size = (last_day - first_day + 1) * MINUTES_PER_DAY
    for device_id, metrics in sorted(found.items()):
        fields, some = {}, np.zeros(size, dtype=np.bool_)
        for metric, (days, minutes) in metrics.items():
            values = np.full((last_day - first_day + 1, MINUTES_PER_DAY), ABSENT, dtype=np.int16)
            values[days - first_day] = minutes
            fields[metric] = Column(values.ravel(), values.ravel() != ABSENT)
            some |= fields[metric].known
        at = np.flatnonzero(some)
        if at.size:
            tags = {"patient": patient.pseudonym, "source": sources[device_id]}
            chosen = {name: Column(one.values[at], one.known[at]) for name, one in fields.items()}
            yield Series("minutes", tags, first_day * DAY_S + at * MINUTE_S, chosen)


def _judged_days(
    connection: Connection, patient: Patient, versions: Sequence[Prescription], known: Known, first_day: int, last_day: int
) -> Iterator[tuple[date, DayMinutes, JudgedDay, float | None]]:
    """Yield the local days that touch these UTC days and what is known, with the median of the week up to each."""
    first, last = (EPOCH + timedelta(days=day) for day in (first_day, last_day))
    days = read_days(connection, patient, first - (MEDIAN_DAYS + 1) * _ONE_DAY, last + 2 * _ONE_DAY)
    lived = [row for row, day in enumerate(days) if day.end_ms > known.first_s * 1000 and day.start_ms < known.end_s * 1000]
    if not lived:
        return
    lower = max(0, lived[0] - 1)
    minutes = day_minutes(read_timeline(connection, patient, days[lower : lived[-1] + 2]))
    judged = [judge_place(minutes, row - lower, versions) for row in lived]
    surgery = next((one.prescription.surgery_date for one in reversed(judged) if one.prescription), None)
    medians = find_medians([one.summary for one in judged], surgery)
    for row, one, median in zip(lived, judged, medians, strict=True):
        if days[row].end_ms > first_day * DAY_MS and days[row].start_ms < (last_day + 1) * DAY_MS:
            yield days[row].day, minutes[row - lower], one, median


def _local_day(
    pseudonym: str, known: Known, day: date, minutes: DayMinutes, judged: JudgedDay, median: float | None
) -> Iterator[Series]:
    summary, start_s = judged.summary, minutes.start_ms // 1000
    patient = {"patient": pseudonym}
    times = start_s + np.arange(len(minutes), dtype=np.int64) * MINUTE_S
    lived = (times >= known.first_s) & (times < known.end_s)
    if lived.any():
        yield Series(
            "minutes",
            patient | {"source": MERGED},
            times[lived],
            {
                "steps": _present(minutes.steps[lived]),
                "heart_rate": _present(minutes.heart_rate[lived]),
                "state": Column(summary.states[lived], np.ones(int(lived.sum()), dtype=np.bool_)),
            },
        )
    yield _hours(patient, start_s, summary)
    yield rows_of("daily", patient, [(start_s, _daily(day, judged, median))])
    yield from _bouts(pseudonym, start_s, judged)


def _present(values: npt.NDArray[np.int16]) -> Column:
    return Column(values, values != NA)


def _hours(patient: Mapping[str, str], start_s: int, summary: DaySummary) -> Series:
    hours = summary.hours
    bounds = np.append(hours.start, summary.n_min)
    known = np.diff(add_up(summary.cadence != NA)[bounds])
    every = np.ones(known.size, dtype=np.bool_)
    return Series(
        "hours",
        patient,
        start_s + hours.start * MINUTE_S,
        {
            "steps": Column(hours.steps, known > 0),
            "known_min": Column(known, every),
            "judged_min": Column(hours.judged, every),
            "waking_min": Column(hours.waking, every),
            "hour": Column(hours.hour, every),
        },
    )


def _bouts(pseudonym: str, start_s: int, judged: JudgedDay) -> Iterator[Series]:
    summary = judged.summary
    if summary.walking is None or summary.stationary is None:
        return
    phase = _phase_of(judged)
    kinds = (("walk", summary.walking, phase), ("still", summary.stationary.at_least(STILL_FROM_MIN), None))
    for kind, bouts, asked in kinds:
        if len(bouts):
            tags = {"patient": pseudonym, "source": MERGED, "kind": kind}
            yield Series("bouts", tags, start_s + bouts.start * MINUTE_S, _bout_fields(bouts, summary, asked))


def _bout_fields(bouts: Bouts, summary: DaySummary, phase: Phase | None) -> dict[str, Column]:
    every = np.ones(len(bouts), dtype=np.bool_)
    steps = add_up(np.maximum(summary.cadence, 0))
    fields = {
        "minutes": Column(bouts.length, every),
        "active_min": Column(bouts.active, every),
        "steps": Column(steps[bouts.end] - steps[bouts.start], every),
        "censored": Column(bouts.censored.astype(np.int64), every),
    }
    if phase is not None:
        fields["credited"] = Column((bouts.length >= phase.credited_walk_min).astype(np.int64), every)
    return fields


def _phase_of(judged: JudgedDay) -> Phase | None:
    return judged.prescription.phase_on(judged.summary.day) if judged.prescription else None


def _daily(day: date, judged: JudgedDay, median: float | None) -> Row:
    """Return the fields of a local day; None is unknown."""
    summary = judged.summary
    row: dict[str, Any] = {name: getattr(summary, name) for name in _SAME}
    prolonged = summary.prolonged or {}
    row |= {f"still_{length}": prolonged.get(length) for length in (20, 30, 60)}
    row |= {
        "date": day.isoformat(),
        "valid": int(summary.valid),
        "partial": int(summary.partial),
        "longest_still_min": summary.longest_stationary_min,
        "breaks_per_hour": summary.breaks_per_stationary_hour,
        "walks": None if summary.walking is None else len(summary.walking),
        "longest_walk_min": None if summary.walking is None else summary.walking.longest,
        "walk_gap_min": summary.walk_gap_median_min,
        "wear_source": summary.wear_source.value,
        "waking_source": summary.waking_source.value,
        "median_7": median,
    }
    if judged.prescription is not None and judged.verdict is not None:
        row |= _against(summary, judged.prescription, judged.verdict, median)
    return row


# Written as the day itself calls them.
_SAME = (
    "steps",
    "worn_min",
    "worn_waking_min",
    "waking_min",
    "not_worn_min",
    "unknown_min",
    "unknown_waking_min",
    "asleep_min",
    "still_min",
    "moving_min",
    "walking_min",
    "moderate_min",
    "resolution_s",
    "breaks",
    "hours_judged",
    "hours_reached",
    "coverage",
    "move_every_30",
    "walk_thirds",
    "peak_1",
    "peak_30",
    "peak_60",
)


def _against(summary: DaySummary, prescription: Prescription, verdict: DayVerdict, median: float | None) -> dict[str, Any]:
    """Return the day against its prescription, and against the patient's own baseline."""
    items = {item.name: item for item in verdict.items}
    baseline = prescription.baseline_steps
    share = summary.steps / baseline if baseline and summary.steps is not None and summary.conclusive else None
    return {
        "version": verdict.version,
        "phase": verdict.phase,
        "days_since_surgery": verdict.days_since_surgery,
        "adherence": verdict.adherence,
        "verdict": next(one.value for one in _OVERALL if one in {item.status for item in verdict.items}),
        **{f"{name}_status": item.status.value for name, item in items.items()},
        "walks_done": items["walks"].done,
        "walks_target": items["walks"].target,
        "still_nudge_min": items["stillness"].target,
        "walk_cap_min": items["walk_length"].target,
        "hourly_share": items["hourly"].done,
        "hourly_target": items["hourly"].target,
        "floor_steps": items["floor"].target,
        "baseline_steps": baseline,
        "baseline_share": share,
        "median_7_share": median / baseline if baseline and median is not None else None,
        "reference_steps": _reference(summary.day, prescription),
    }


def _reference(day: date, prescription: Prescription) -> float | None:
    """Return the steps a day that the phase's reference names for this day; None where it names none."""
    phase = prescription.phase_on(day)
    ends = find_reference(phase.reference, prescription.baseline_steps) if phase else None
    if phase is None or ends is None:
        return None
    gone = min(prescription.days_since_surgery(day) - phase.first_day, phase.last_day - phase.first_day + 1)
    return ends[0] + (ends[1] - ends[0]) * gone / (phase.last_day - phase.first_day + 1)
