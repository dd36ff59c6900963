"""What a rule sees and what it says: the nouns of judging a patient, not yet of alerting anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from rules.day import DaySummary
from rules.minutes import DayMinutes, WearSource
from rules.prescription import Prescription

Number = int | float


class Truth(StrEnum):
    """UNKNOWN: not enough is known; it neither fires nor resolves. OFF: the rule does not apply, and its reason says why."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    OFF = "off"


class Recipient(StrEnum):
    PATIENT = "patient"
    THERAPIST = "therapist"
    OPERATOR = "operator"


class Priority(StrEnum):
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a finding is what it is; kept with the alert, shown with it.

    start_ms, end_ms: the window judged, half-open UTC
    coverage:         worn share of the window's waking minutes; None where the rule does not rest on minutes
    minutes:          stretches [start_ms, end_ms) that decide it: the still stretch, the walk that was too long
    measured:         what was found, by name: {"steps": 812, "median": 2410}
    thresholds:       what it was held against, by name, as set for this patient: {"share": 0.5}
    """

    start_ms: int
    end_ms: int
    coverage: float | None
    wear_source: WearSource
    minutes: tuple[tuple[int, int], ...] = ()
    measured: Mapping[str, Number] = field(default_factory=dict)
    thresholds: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one patient at one instant.

    rule:     its name in RULES
    version:  of the prescription that it was judged by; 0 where none was in force
    reason:   in plain words, for the therapist
    clears:   of a FALSE finding: the condition for resolving an open alert holds too (hysteresis: it may be false and not clear)
    escalates: of a TRUE finding: the rule's own formula says that its later recipient is to know at once
    """

    rule: str
    truth: Truth
    at_ms: int
    version: int
    reason: str
    evidence: Evidence
    priority: Priority = Priority.NORMAL
    clears: bool = True
    escalates: bool = False


@dataclass(frozen=True, slots=True)
class PainReport:
    """A self-report of pain, 0..10."""

    at_ms: int
    value: int


@dataclass(frozen=True, slots=True)
class VendorHour:
    """A vendor's own count of steps over [start_ms, end_ms), beside the sum of our minutes; None where they are not all known."""

    start_ms: int
    end_ms: int
    vendor: int
    ours: int | None


@dataclass(frozen=True, slots=True)
class FastMinute:
    """A minute of more steps than anybody takes; its device's minutes around it are unknown to the other rules."""

    at_ms: int
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """All that the rules may know of a patient at one instant: nothing after `at_ms` is in it.

    days:        whole local days before today, in order and without a hole, days without data included; 200 at most
    today:       the local day of at_ms up to at_ms, its later minutes unknown; `today_minutes` the same minute by minute
    last_data_ms: end of the last known minute of any of the patient's devices; None if there is none
    sync_interval_ms: how often this patient's devices usually deliver (median over the last weeks; a day where that is not known)
    pain:        self-reports, in time order
    vendor_hours, fast_minutes: for `device_fault`
    trusted:     stretches [start_ms, end_ms) in which somebody looked at a device and found it right
    clock_jumps_ms: when a device's clock was found to have jumped
    prescriptions: every version, so that a past day is held against the one then in force; empty: against the one judged by
    """

    at_ms: int
    days: Sequence[DaySummary]
    today: DaySummary | None
    today_minutes: DayMinutes | None
    last_data_ms: int | None
    sync_interval_ms: int
    pain: Sequence[PainReport] = ()
    vendor_hours: Sequence[VendorHour] = ()
    fast_minutes: Sequence[FastMinute] = ()
    clock_jumps_ms: Sequence[int] = ()
    trusted: Sequence[tuple[int, int]] = ()
    prescriptions: Sequence[Prescription] = ()

    @property
    def date(self) -> date | None:
        """Today, as the patient's clocks have it."""
        return None if self.today is None else self.today.day
