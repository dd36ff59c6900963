"""Results as JSON, the same from commands and from the API."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from afoot.output import instant
from devices.recording import Reject
from ingest.collect.files import Outcome
from ingest.observations import CODES, Kind, Observation
from rules.ledger import Alert


class PlainReject(TypedDict):
    """What was left out of a file, why, and how often."""

    place: str
    expected: str
    found: str
    count: int


class PlainOutcome(TypedDict):
    """What became of a file. known: it was imported before. inserted, changed, unchanged: minutes."""

    file: str
    hash: str
    formats: list[str]
    known: bool
    inserted: int
    changed: int
    unchanged: int
    refused: list[str]
    rejects: list[PlainReject]


class PlainObservation(TypedDict):
    """What a patient said. value: yes and no as true and false; null where the code has none, and of what was taken back."""

    number: int
    at: str
    code: str
    value: int | bool | None
    unit: str
    detail: dict[str, int | str | None]
    source: str
    entered_by: str
    entered: str
    replaces: int | None
    withdrawn: bool


class PlainAlert(TypedDict):
    """An alert with its evidence."""

    alert: str
    patient: str
    rule: str
    state: str
    priority: str
    opened: str
    closed: str | None
    acknowledged: str | None
    acknowledged_by: str | None
    note: str | None
    closed_by: str | None
    closing_note: str | None
    because: str
    prescription: int
    window: list[str]
    coverage: float | None
    wear_source: str
    minutes: list[list[str]]
    measured: dict[str, Any]
    thresholds: dict[str, Any]


def plain_rejects(rejects: Sequence[Reject]) -> list[PlainReject]:
    return [{"place": one.place, "expected": one.expected, "found": one.found, "count": one.count} for one in rejects]


def plain_outcome(outcome: Outcome) -> PlainOutcome:
    return {
        "file": outcome.name,
        "hash": outcome.hash,
        "formats": list(outcome.readers),
        "known": outcome.known,
        "inserted": outcome.change.inserted,
        "changed": outcome.change.changed,
        "unchanged": outcome.change.unchanged,
        "refused": list(outcome.refused),
        "rejects": plain_rejects(outcome.rejects),
    }


def plain_observation(one: Observation) -> PlainObservation:
    code = CODES[one.entry.code]
    value: int | bool | None = one.entry.value
    if value is not None and code.value is not None and code.value.kind is Kind.YES_NO:
        value = bool(value)
    return {
        "number": one.number,
        "at": instant(one.said.at_ms),
        "code": one.entry.code,
        "value": value,
        "unit": code.value.unit if code.value else "",
        "detail": dict(one.entry.detail),
        "source": one.said.source.value,
        "entered_by": one.said.entered_by,
        "entered": instant(one.said.entered_ms),
        "replaces": one.replaces,
        "withdrawn": one.withdrawn,
    }


def plain_alert(alert: Alert, name: str) -> PlainAlert:
    """name: what to call the patient."""
    finding = alert.finding
    evidence = finding.evidence
    return {
        "alert": alert.id,
        "patient": name,
        "rule": alert.rule,
        "state": "withdrawn" if alert.withdrawn else alert.standing.value,
        "priority": alert.priority.value,
        "opened": instant(alert.opened_ms),
        "closed": None if alert.closed_ms is None else instant(alert.closed_ms),
        "acknowledged": None if alert.acknowledged_ms is None else instant(alert.acknowledged_ms),
        "acknowledged_by": alert.acknowledged_by or None,
        "note": alert.note or None,
        "closed_by": alert.closed_by or None,
        "closing_note": alert.closing_note or None,
        "because": finding.reason,
        "prescription": finding.version,
        "window": [instant(evidence.start_ms), instant(evidence.end_ms)],
        "coverage": evidence.coverage,
        "wear_source": evidence.wear_source.value,
        "minutes": [[instant(start_ms), instant(end_ms)] for start_ms, end_ms in evidence.minutes],
        "measured": dict(evidence.measured),
        "thresholds": dict(evidence.thresholds),
    }
