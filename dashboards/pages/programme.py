"""The prescription in force, as a table to read."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboards.pages.words import count, duration, listed, long_date
from rules.prescription import PROGRAMME, Phase, Prescription


@dataclass(frozen=True, slots=True)
class PhaseHead:
    name: str
    days: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class Programme:
    """heads: a column a phase; rows: (title, a text a phase)."""

    facts: tuple[tuple[str, str], ...]
    heads: tuple[PhaseHead, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def build_programme(prescription: Prescription | None, day: date, judged_by: Set[int]) -> Programme | None:
    """Return the prescription as it stands on `day`; None without one. judged_by: the versions that the days were judged by."""
    if prescription is None:
        return None
    now = prescription.phase_on(day)
    last = prescription.phases[-1]
    baseline = prescription.baseline_steps
    return Programme(
        facts=(
            ("Version", _tell_version(prescription.version, judged_by)),
            ("Prescribed by", prescription.author),
            ("In force since", long_date(prescription.effective)),
            ("Reason", prescription.reason),
            ("Surgery", long_date(prescription.surgery_date)),
            ("Own baseline", f"{count(baseline)} steps a day" if baseline else "none known: shares of it are switched off"),
            ("Walking aid", "yes" if prescription.walking_aid else "no"),
            ("Waking hours", str(prescription.waking_window or "by the quiet of the night")),
        ),
        heads=tuple(
            PhaseHead(phase.name, f"day {phase.first_day} {'on' if phase is last else f'to {phase.last_day}'}", phase is now)
            for phase in prescription.phases
        ),
        rows=tuple((row.title, tuple(_cell(row.field, row.unit, phase) for phase in prescription.phases)) for row in PROGRAMME),
    )


def _tell_version(version: int, judged_by: Set[int]) -> str:
    if judged_by <= {version}:
        return str(version)
    return f"{version}; days here were judged by {listed([str(number) for number in sorted(judged_by)])}"


def _cell(field: str, unit: str, phase: Phase) -> str:
    value: Any = getattr(phase, field)
    if value is None or value == "":
        return "no limit" if value is None else "–"
    if isinstance(value, str):
        return value
    if field == "floor_share":
        return f"{value * 100:.4g} % {unit}"
    return duration(value) if unit == "min" else f"{count(value)} {unit}"
