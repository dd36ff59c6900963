"""The prescription as a form: what stands in its fields, what a filled one changes, and what that would have done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboards.pages.language import Words
from rules.prescription import PHASE_NAMES, PROGRAMME, Phase, Prescription, ProgrammeRow

WHOLE, SHARE, OPTIONAL, TEXT = "whole", "share", "optional", "text"
KINDS: Mapping[str, str] = {
    "stationary_nudge_min": WHOLE,
    "walks_per_day": WHOLE,
    "credited_walk_min": WHOLE,
    "walk_cap_min": OPTIONAL,
    "hourly_steps": WHOLE,
    "floor_share": SHARE,
    "cadence_cap_spm": OPTIONAL,
    "reference": TEXT,
}
PATIENT_FIELDS = ("surgery_date", "baseline_steps", "walking_aid", "waking_window")
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class FormCell:
    """One value of one phase. mark: of the default's evidence, where the value is the default."""

    name: str
    label: str
    value: str
    mark: str


@dataclass(frozen=True, slots=True)
class FormRow:
    title: str
    unit: str
    kind: str
    cells: tuple[FormCell, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One kept version. changes: against the one before it, (what, before, after)."""

    number: int
    author: str
    effective: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a rule would have done. weekly: alerts a week with the changes; before: as it is."""

    title: str
    alerts: int
    before: int
    weekly: str
    unknown: int


@dataclass(frozen=True, slots=True)
class Preview:
    """changes: (what, before, after). period: what was judged; empty where nothing could be. warning: on past days"""

    changes: tuple[tuple[str, str, str], ...]
    period: str
    rows: tuple[Simulated, ...]
    warning: str


@dataclass(frozen=True, slots=True)
class Editor:
    """fields: those of the patient and the version, by name. heads: the phases, (name, days)."""

    fields: Mapping[str, str]
    heads: tuple[tuple[str, str], ...]
    rows: tuple[FormRow, ...]
    versions: tuple[Version, ...]
    is_first: bool
    problem: str = ""
    preview: Preview | None = None


def fill_form(current: Prescription | None, today: date) -> dict[str, str]:
    """Return what the form says before anybody changed it: the newest version, or the default programme."""
    shown = current or _default(today)
    form = {f"{phase.name}.{row.field}": _text(getattr(phase, row.field)) for phase in shown.phases for row in PROGRAMME}
    return form | {
        "surgery_date": "" if current is None else shown.surgery_date.isoformat(),
        "baseline_steps": _text(shown.baseline_steps),
        "walking_aid": "yes" if shown.walking_aid else "",
        "waking_window": _text(shown.waking_window),
        "effective": today.isoformat(),
        "reason": "",
        "more": "",
    }


def read_changes(form: Mapping[str, str], current: Prescription | None, today: date) -> dict[str, Any]:
    """Return what a filled form changes, by the names that a revision takes.

    Raises: ValueError naming the field and what it expects
    """
    before, changes = fill_form(current, today), dict[str, Any]()
    phases = (current or _default(today)).phases
    kinds = {f"{phase.name}.{row.field}": KINDS[row.field] for phase in phases for row in PROGRAMME}
    kinds |= {"surgery_date": TEXT, "baseline_steps": OPTIONAL, "waking_window": TEXT}
    for name, kind in kinds.items():
        said = form.get(name, before[name]).strip()
        if said != before[name]:
            changes[name] = _value(name, kind, said)
    aid = bool(form.get("walking_aid", ""))
    if aid != bool(before["walking_aid"]):
        changes["walking_aid"] = aid
    return changes


def build_editor(
    versions: Sequence[Prescription],
    form: Mapping[str, str],
    today: date,
    words: Words,
    *,
    problem: str = "",
    preview: Preview | None = None,
) -> Editor:
    """Return the form as filled, beside every version so far, the newest first."""
    newest = versions[-1] if versions else None
    shown = newest or _default(today)
    fields = fill_form(newest, today) | dict(form)
    before = [None, *versions][: len(versions)]
    history = [
        Version(one.version, one.author, words.day(one.effective) + f" {one.effective.year}", one.reason, tell_changes(old, one))
        for old, one in zip(before, versions, strict=True)
    ]
    return Editor(
        fields=fields,
        heads=tuple((phase.name, _days(phase, shown, words)) for phase in shown.phases),
        rows=tuple(_row(row, shown, fields, words) for row in PROGRAMME),
        versions=tuple(reversed(history)),
        is_first=newest is None,
        problem=problem,
        preview=preview,
    )


def tell_changes(before: Prescription | None, after: Prescription) -> tuple[tuple[str, str, str], ...]:
    """Return what differs between two versions: (what, before, after); nothing where there was none before."""
    if before is None:
        return ()
    old, new = _flat(before), _flat(after)
    return tuple(
        (name, _text(old.get(name)) or "–", _text(new.get(name)) or "–")
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )


def _flat(one: Prescription) -> dict[str, Any]:
    body = one.model_dump(mode="json")
    titles = {row.field: row.title for row in PROGRAMME}
    flat: dict[str, Any] = {name.replace("_", " "): body[name] for name in PATIENT_FIELDS}
    for phase in body["phases"]:
        flat |= {f"{phase['name']}: {titles.get(name, name)}": value for name, value in phase.items() if name != "name"}
    flat |= {f"thresholds.{name}": value for name, value in body["thresholds"].items()}
    for rule, settings in body["rules"].items():
        flat |= {f"rules.{rule}.{name}": value for name, value in settings.items()}
    return flat


def _row(row: ProgrammeRow, shown: Prescription, fields: Mapping[str, str], words: Words) -> FormRow:
    cells = []
    for phase in shown.phases:
        name = f"{phase.name}.{row.field}"
        place = PHASE_NAMES.index(phase.name) if phase.name in PHASE_NAMES else None
        usual = place is not None and fields[name] == _text(row.values[place])
        mark = row.marks[place] if usual and place is not None else ""
        cells.append(FormCell(name, words("cell_label", title=row.title, phase=phase.name), fields[name], mark))
    return FormRow(row.title, row.unit, KINDS[row.field], tuple(cells))


def _days(phase: Phase, shown: Prescription, words: Words) -> str:
    if phase is shown.phases[-1]:
        return words("days_on", first=phase.first_day)
    return words("days_from_to", first=phase.first_day, last=phase.last_day)


def _value(name: str, kind: str, said: str) -> Any:
    if kind == TEXT:
        return said or None if name == "waking_window" else said
    if not said and kind == OPTIONAL:
        return None
    try:
        return float(said) if kind == SHARE else int(said)
    except ValueError as error:
        expected = "a number" if kind == SHARE else "a whole number, or nothing" if kind == OPTIONAL else "a whole number"
        raise ValueError(f"{name}: expected {expected}, found {said[:40]!r}") from error


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _default(today: date) -> Prescription:
    return Prescription(author="–", effective=today, reason="–", surgery_date=today)
