"""What was prescribed: dated, phased, per patient; a change is a new version.

The programme's table stands here once, each value with its unit and its evidence mark (E published evidence, X expert or
leaflet advice, G a guess that a clinician must confirm). The prescription of a patient overrides every default.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rules.day import DaySettings
from rules.rule_settings import RuleSettings
from rules.thresholds import Mark, Thresholds
from rules.waking import DEFAULT_WINDOW, WakingWindow


class Phase(BaseModel):
    """What is prescribed from one day after surgery to another, both included; day 0 is the day of surgery.

    None switches a limit off. `reference` is what others did: drawn beside the patient's curve, never an alert.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40)
    first_day: int = Field(ge=0)
    last_day: int = Field(ge=0)
    stationary_nudge_min: int = Field(ge=5, le=240)
    walks_per_day: int = Field(ge=0, le=24)
    credited_walk_min: int = Field(ge=1, le=180)
    walk_cap_min: int | None = Field(ge=1, le=480)
    hourly_steps: int = Field(ge=0, le=6000)
    floor_share: float = Field(ge=0, le=2)
    cadence_cap_spm: int | None = Field(ge=20, le=220)
    reference: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"phase {self.name}: last_day {self.last_day} comes before first_day {self.first_day}")
        if self.walk_cap_min is not None and self.walk_cap_min < self.credited_walk_min:
            raise ValueError(
                f"phase {self.name}: a walk of {self.credited_walk_min} min is asked for, "
                f"but walk_cap_min allows {self.walk_cap_min}"
            )
        return self


PHASE_NAMES = ("P1", "P2", "P3", "P4")
PHASE_DAYS = ((0, 14), (15, 42), (43, 84), (85, 182))


@dataclass(frozen=True, slots=True)
class ProgrammeRow:
    """One field of the programme: its value and evidence mark in each of the four phases."""

    field: str
    title: str
    unit: str
    values: tuple[Any, Any, Any, Any]
    marks: tuple[Mark, Mark, Mark, Mark]
    source: str


_ALL_G: tuple[Mark, Mark, Mark, Mark] = ("G", "G", "G", "G")
_ALL_E: tuple[Mark, Mark, Mark, Mark] = ("E", "E", "E", "E")

PROGRAMME: tuple[ProgrammeRow, ...] = (
    ProgrammeRow(
        "stationary_nudge_min",
        "longest stillness before a nudge",
        "min",
        (30, 30, 45, 60),
        ("X", "X", "G", "X"),
        "leaflets of spine units name 15 to 60 minutes of sitting",
    ),
    ProgrammeRow(
        "walks_per_day",
        "walks a day",
        "walks/day",
        (3, 4, 3, 2),
        ("X", "G", "G", "G"),
        "leaflets: 2-3 walks a day at first, then 3-4",
    ),
    ProgrammeRow(
        "credited_walk_min",
        "length of a credited walk",
        "min",
        (5, 10, 15, 20),
        ("X", "G", "G", "G"),
        "leaflets: 5-10 minutes at first, then 15-20",
    ),
    ProgrammeRow(
        "walk_cap_min",
        "longest single walk",
        "min",
        (10, 20, 30, None),
        _ALL_G,
        "a guess: short, up to twice the credited length",
    ),
    ProgrammeRow(
        "hourly_steps",
        "steps in each waking hour",
        "steps/h",
        (50, 100, 200, 250),
        _ALL_G,
        "a guess: frequent; 250 is the hourly goal of consumer wearables",
    ),
    ProgrammeRow(
        "floor_share",
        "floor of the day's steps",
        "of baseline",
        (0.15, 0.30, 0.50, 0.60),
        _ALL_G,
        "a guess: below the reference in every phase",
    ),
    ProgrammeRow(
        "cadence_cap_spm",
        "cadence not to hold for 5 minutes",
        "steps/min",
        (100, 100, 120, None),
        _ALL_G,
        "a guess: gentle; moderate intensity begins near 100 (Tudor-Locke 2018)",
    ),
    ProgrammeRow(
        "reference",
        "what others did",
        "of baseline",
        (
            "0.29 rising to 0.63 of baseline",
            "0.63 rising to 0.77 of baseline",
            "3,500 steps/day",
            "a plateau at or below 1.0 of baseline",
        ),
        _ALL_E,
        "Stienen 2020 (PMC7080733); 3,500/day at 6 weeks: doi 10.1016/j.apmr.2021.06.002",
    ),
)

DEFAULT_PHASES: tuple[Phase, ...] = tuple(
    Phase(name=name, first_day=days[0], last_day=days[1], **{row.field: row.values[i] for row in PROGRAMME})
    for i, (name, days) in enumerate(zip(PHASE_NAMES, PHASE_DAYS, strict=True))
)


class Prescription(BaseModel):
    """One version of one patient's prescription.

    effective:      the first local day it is in force
    baseline_steps: the pre-operative median steps a day; None: there is none, and every percentage rule is off. A mean of a
                    population never stands in for it
    waking_window:  None: infer the nights from the steps
    Raises: pydantic.ValidationError, naming the field and what it expects
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(default=1, ge=1)
    author: str = Field(min_length=1, max_length=200)
    effective: date
    reason: str = Field(min_length=1, max_length=2000)
    surgery_date: date
    baseline_steps: int | None = Field(default=None, ge=1, le=100_000)
    walking_aid: bool = False
    waking_window: WakingWindow | None = DEFAULT_WINDOW
    phases: tuple[Phase, ...] = DEFAULT_PHASES
    thresholds: Thresholds = Field(default_factory=Thresholds)
    rules: RuleSettings = Field(default_factory=RuleSettings)

    @model_validator(mode="after")
    def _phases_follow(self) -> Self:
        if not self.phases:
            raise ValueError("a prescription needs at least one phase")
        names = [phase.name for phase in self.phases]
        if len(set(names)) != len(names):
            raise ValueError(f"phases need names of their own, found {', '.join(names)}")
        expected = 0
        for phase in self.phases:
            if phase.first_day != expected:
                raise ValueError(f"phase {phase.name}: first_day must be {expected}, found {phase.first_day}")
            expected = phase.last_day + 1
        return self

    def days_since_surgery(self, day: date) -> int:
        return (day - self.surgery_date).days

    def phase_on(self, day: date) -> Phase | None:
        """Return the phase in force; None before the surgery.

        The last phase goes on until a new version ends it: a programme does not stop by itself.
        """
        since = self.days_since_surgery(day)
        if since < 0:
            return None
        return next((phase for phase in self.phases if since <= phase.last_day), self.phases[-1])

    def day_settings(self, day: date) -> DaySettings:
        """Return what the metrics of `day` need to know."""
        phase = self.phase_on(day)
        return DaySettings(
            limits=self.thresholds,
            walking_aid=self.walking_aid,
            waking=self.waking_window,
            credited_walk_min=phase.credited_walk_min if phase else None,
            hourly_steps=phase.hourly_steps if phase else None,
        )


def prescription_for(day: date, versions: Iterable[Prescription]) -> Prescription | None:
    """Return the version in force on `day`: the last effective by then, of one date the highest version; None if none is.

    Raises: ValueError if two versions carry the same number
    """
    known = list(versions)
    numbers = [one.version for one in known]
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"versions need numbers of their own, found {sorted(numbers)}")
    in_force = [one for one in known if one.effective <= day]
    return max(in_force, key=lambda one: (one.effective, one.version), default=None)


def revise(current: Prescription, changes: Mapping[str, Any], *, author: str, effective: date, reason: str) -> Prescription:
    """Return the next version of `current`.

    changes: by name: a field of the prescription (`baseline_steps`), of one phase (`P2.walks_per_day`), of every phase
             (`walks_per_day`), a threshold (`thresholds.walking_spm`) or a parameter of a rule (`rules.sudden_drop.share`)
    Raises:  ValueError naming an unknown field or phase; pydantic.ValidationError (a ValueError too) for a bad value
    """
    row = current.model_dump(mode="json")
    row |= {"version": current.version + 1, "author": author, "effective": effective, "reason": reason}
    for name, value in changes.items():
        _set(row, name, value)
    return Prescription.model_validate(row)


_FIXED = frozenset({"version", "author", "effective", "reason", "phases", "thresholds", "rules"})
_PER_PATIENT = frozenset(Prescription.model_fields) - _FIXED


def _set(row: dict[str, Any], name: str, value: Any) -> None:
    place, _, field = name.rpartition(".")
    if not place and field in _PER_PATIENT:
        row[field] = value
    elif place == "thresholds" and field in Thresholds.model_fields:
        row["thresholds"][field] = value
    elif place.startswith("rules.") and field in row["rules"].get(place.removeprefix("rules."), ()):
        row["rules"][place.removeprefix("rules.")][field] = value
    elif field in Phase.model_fields and (chosen := [p for p in row["phases"] if place in ("", p["name"])]):
        for phase in chosen:
            phase[field] = value
    else:
        phases = ", ".join(phase["name"] for phase in row["phases"])
        raise ValueError(
            f"{name}: expected a field of the prescription ({', '.join(sorted(_PER_PATIENT))}), "
            f"of a phase ({phases}, as in P1.walks_per_day), "
            f"thresholds.<name> or rules.<rule>.<name>"
        )
