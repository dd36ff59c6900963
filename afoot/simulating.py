"""What thresholds would have done on a patient's past, without touching the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from afoot.evaluating import Task, read_past
from afoot.policies import policies_for
from afoot.replaying import Material, replay
from ingest.errors import NotKnown
from ingest.people import Patient
from rules.alerts import Kind, States, Transition, advance_all
from rules.checks import RULES
from rules.finding import Finding, Truth
from rules.prescription import Prescription, prescription_for, revise
from rules.telling import local_day


@dataclass(frozen=True, slots=True)
class RuleSimulated:
    """One rule. alerts: with the changes; before: without. true, unknown, off: at how many instants it was so."""

    rule: str
    alerts: int
    before: int
    true: int
    unknown: int
    off: int
    opened_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    first: date
    last: date
    rules: Sequence[RuleSimulated]

    @property
    def weeks(self) -> float:
        return ((self.last - self.first).days + 1) / 7


def simulate(
    connection: Connection,
    patient: Patient,
    changes: Mapping[str, Any],
    at_ms: int,
    first: date | None = None,
    last: date | None = None,
    every_min: int | None = None,
) -> Simulated:
    """Judge a patient's past at the end of each local day, as it was prescribed and with `changes` in every version.

    every_min: and so often within the days
    Raises: NotKnown if no day in that range is both known and prescribed for; ValueError for a change that cannot be
    """
    task = read_past(connection, patient, at_ms, first, last, every_min)
    if task is None:
        raise NotKnown(f"patient {patient.name!r} has no data in that time under a prescription")
    changed = tuple(_changed(one, changes) for one in task.material.prescriptions)
    # What is kept was judged by the prescriptions as they are.
    as_it_is = count_alerts(task, task.material)
    with_changes = count_alerts(task, replace(task.material, prescriptions=changed)) if changes else as_it_is
    instants = task.material.instants
    rows = [_row(rule.name, *with_changes[rule.name], before=len(as_it_is[rule.name][0])) for rule in RULES]
    return Simulated(task.date_of(instants[0] - 1), task.date_of(instants[-1] - 1), rows)


def _row(rule: str, opened: tuple[int, ...], truths: Sequence[Truth], *, before: int) -> RuleSimulated:
    true, unknown, off = (truths.count(one) for one in (Truth.TRUE, Truth.UNKNOWN, Truth.OFF))
    return RuleSimulated(rule, len(opened), before, true, unknown, off, opened)


def _changed(prescription: Prescription, changes: Mapping[str, Any]) -> Prescription:
    if not changes:
        return prescription
    changed = revise(
        prescription, changes, author=prescription.author, effective=prescription.effective, reason=prescription.reason
    )
    return changed.model_copy(update={"version": prescription.version})


def count_alerts(task: Task, material: Material) -> dict[str, tuple[tuple[int, ...], list[Truth]]]:
    """Return for each rule when its alerts would have opened, and what it found at each instant."""
    replayed = replay(material)
    states: States = {}
    opened: dict[str, list[int]] = {rule.name: [] for rule in RULES}
    truths: dict[str, list[Truth]] = {rule.name: [] for rule in RULES}
    for at_ms, findings in zip(material.instants, replayed.findings, strict=True):
        states, happened = _advance(states, findings, task, material, at_ms)
        for step in happened:
            if step.kind is Kind.OPENED:
                opened[step.rule].append(at_ms)
        for finding in findings:
            truths[finding.rule].append(finding.truth)
    return {rule.name: (tuple(opened[rule.name]), truths[rule.name]) for rule in RULES}


def _advance(
    states: States, findings: Sequence[Finding], task: Task, material: Material, at_ms: int
) -> tuple[States, list[Transition]]:
    versions = material.prescriptions
    policies = policies_for(prescription_for(task.date_of(at_ms), versions) or versions[0])
    return advance_all(states, findings, policies, local_day(at_ms, task.offset_at))
