"""What all rules share: what makes a rule off or unknown, which days count, and how a finding is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from statistics import median
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from rules.day import DaySummary
from rules.finding import Evidence, Finding, Number, Priority, Truth, View
from rules.minutes import MINUTE_S, State, WearSource
from rules.prescription import Phase, Prescription, prescription_for
from rules.rule_settings import RuleParameters

MINUTE_MS = MINUTE_S * 1000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# What the device or the pulse says of wear holds while nothing moves; what counts and steps say of it is a guess.
VOUCHED = frozenset({WearSource.DEVICE, WearSource.HEART_RATE})
NO_BASELINE = "no baseline before the surgery is known, so rules that are shares of it are off"
_QUALITY = {source: place for place, source in enumerate(WearSource)}
_NOTHING: Mapping[str, Number] = MappingProxyType({})

S = TypeVar("S", bound=RuleParameters)


@dataclass(frozen=True, slots=True)
class Window:
    """What a finding rests on. coverage: worn share of its waking minutes; None where it does not rest on minutes."""

    start_ms: int
    end_ms: int
    coverage: float | None
    wear_source: WearSource


class Judged(NamedTuple):
    """A day and the phase that was in force on it."""

    day: DaySummary
    phase: Phase


@dataclass(frozen=True, slots=True, eq=False)
class Case(Generic[S]):
    """One rule before one patient at one instant; the rule applies, and the data are there and fresh.

    phase: of today; None before the surgery, where only the rules about devices apply
    days:  whole days since the surgery, in order and without a hole
    """

    rule: str
    view: View
    today: DaySummary
    prescription: Prescription
    settings: S
    phase: Phase | None
    days: Sequence[DaySummary]

    @property
    def at_ms(self) -> int:
        return self.view.at_ms

    @property
    def share_needed(self) -> float:
        """The coverage below which nothing is judged."""
        return self.prescription.thresholds.coverage_share

    def phase_of(self, day: DaySummary) -> Phase | None:
        """Return the phase that was in force on `day`, by the version that was."""
        if day.day >= self.prescription.effective or not self.view.prescriptions:
            return self.prescription.phase_on(day.day)
        then = prescription_for(day.day, self.view.prescriptions)
        return then.phase_on(day.day) if then is not None else None

    def applies_on(self, day: DaySummary) -> Phase | None:
        """Return the phase in force on `day`, or None if the rule does not apply in it."""
        phase = self.phase_of(day)
        return None if phase is None or phase.name in self.settings.off_in else phase

    def last_valid(self, many: int, within: int, fits: Callable[[DaySummary, Phase], bool] | None = None) -> list[Judged]:
        """Return the last `many` valid days of the last `within` whole days, in order: fewer, if there are not so many.

        Days lacking data count neither for nor against; so do days of a phase in which the rule does not apply.
        """
        found: list[Judged] = []
        for day in reversed(self.days[max(0, len(self.days) - within) :]):
            if not day.conclusive:
                continue
            phase = self.applies_on(day)
            if phase is not None and (fits is None or fits(day, phase)):
                found.append(Judged(day, phase))
                if len(found) == many:
                    break
        return found[::-1]

    def up_to_valid(self) -> Sequence[DaySummary]:
        """Return the days up to the newest valid one, which must be fresh; none if it is not.

        So a window of days never slides while nothing new is known: silence alone changes no finding.
        """
        fresh = self.prescription.rules.common.fresh_days
        for end in range(len(self.days), max(0, len(self.days) - fresh), -1):
            if self.days[end - 1].conclusive:
                return self.days[:end]
        return ()

    def own_median(self, before: Sequence[DaySummary]) -> float | None:
        """Return the patient's own level: the median steps of the valid ones of the last days of `before`; None under four."""
        common = self.prescription.rules.common
        steps = [day.steps for day in before[-common.median_days :] if day.conclusive and day.steps is not None]
        return float(median(steps)) if len(steps) >= common.median_valid_days else None

    def say(
        self,
        truth: Truth,
        reason: str,
        window: Window,
        *,
        minutes: tuple[tuple[int, int], ...] = (),
        measured: Mapping[str, Number] = _NOTHING,
        thresholds: Mapping[str, Number] = _NOTHING,
        priority: Priority = Priority.NORMAL,
        clears: bool = True,
        escalates: bool = False,
    ) -> Finding:
        evidence = Evidence(
            window.start_ms, window.end_ms, window.coverage, window.wear_source, minutes, dict(measured), dict(thresholds)
        )
        version = self.prescription.version
        return Finding(
            self.rule, truth, self.at_ms, version, reason, evidence, priority, clears and truth is Truth.FALSE, escalates
        )

    def unknown(self, reason: str, window: Window | None = None) -> Finding:
        return self.say(Truth.UNKNOWN, reason, window or self.instant(), clears=False)

    def off(self, reason: str) -> Finding:
        return self.say(Truth.OFF, reason, self.instant(), clears=False)

    def instant(self) -> Window:
        return Window(self.at_ms, self.at_ms, None, self.today.wear_source)


Check = Callable[[Case[S]], Finding]
Judge = Callable[[View, Prescription], Finding]


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there before a rule judges.

    baseline: the steps before the surgery;  surgery: only days after it;  data: of today or before, and fresh
    """

    baseline: bool = False
    surgery: bool = True
    data: bool = True


NEEDS = Needs()
NEEDS_BASELINE = Needs(baseline=True)
NEEDS_NOTHING = Needs(surgery=False, data=False)


def judge_by(rule: str, check: Check[S], needs: Needs = NEEDS) -> Judge:
    """Return `check` with everything before it that is common to all rules. It can be pickled."""
    return partial(_judge, rule, check, needs)


def _judge(rule: str, check: Check[S], needs: Needs, view: View, prescription: Prescription) -> Finding:
    today = view.today
    if today is None:
        return say_nothing(rule, Truth.UNKNOWN, "no local day of this patient is known", view, prescription)
    settings = getattr(prescription.rules, rule)
    phase = prescription.phase_on(today.day)
    why = _why_off(settings, phase, today.day, prescription, needs)
    if why is not None:
        return say_nothing(rule, Truth.OFF, why, view, prescription)
    why = _why_blind(view, prescription) if needs.data else None
    if why is not None:
        return say_nothing(rule, Truth.UNKNOWN, why, view, prescription)
    return check(Case(rule, view, today, prescription, settings, phase, _days_since(view, prescription)))


def say_nothing(rule: str, truth: Truth, reason: str, view: View, prescription: Prescription | None) -> Finding:
    """Return a finding that neither fires nor clears."""
    wear = WearSource.NONE if view.today is None else view.today.wear_source
    version = 0 if prescription is None else prescription.version
    return Finding(rule, truth, view.at_ms, version, reason, Evidence(view.at_ms, view.at_ms, None, wear), clears=False)


def _why_off(settings: RuleParameters, phase: Phase | None, today: date, prescription: Prescription, needs: Needs) -> str | None:
    if not settings.enabled:
        return f"switched off: {settings.off_reason or 'the prescription gives no reason'}"
    if needs.surgery and phase is None:
        return "before the surgery"
    if needs.surgery and prescription.days_since_surgery(today) < prescription.rules.common.first_day:
        return "the day of the surgery is not judged"
    if phase is not None and phase.name in settings.off_in:
        return f"does not apply in phase {phase.name}"
    return NO_BASELINE if needs.baseline and prescription.baseline_steps is None else None


def _why_blind(view: View, prescription: Prescription) -> str | None:
    if view.last_data_ms is None:
        return "no data have arrived yet"
    age_ms = view.at_ms - view.last_data_ms
    limit_ms = prescription.rules.common.stale_syncs * view.sync_interval_ms
    if age_ms > limit_ms:
        return f"the newest data are {hours(age_ms)} old; from {hours(limit_ms)} on nothing is judged"
    return None


def hours(length_ms: float) -> str:
    return f"{length_ms / HOUR_MS:.1f} h"


def _days_since(view: View, prescription: Prescription) -> Sequence[DaySummary]:
    if not view.days:
        return ()
    first = prescription.surgery_date + timedelta(days=prescription.rules.common.first_day)
    return view.days[max(0, (first - view.days[0].day).days) :]


def end_of(day: DaySummary) -> int:
    return day.start_ms + day.n_min * MINUTE_MS


def span_of(day: DaySummary, start: int, end: int) -> tuple[int, int]:
    """Return minutes [start, end) of `day` as UTC."""
    return day.start_ms + start * MINUTE_MS, day.start_ms + end * MINUTE_MS


def window_of(days: Sequence[DaySummary], *, valid_only: bool = False) -> Window:
    """Return the window of whole days, at least one, the worn share of its waking minutes, and the weakest wear source.

    valid_only: days that are not valid add their waking minutes, but nothing that was worn
    """
    used = [day for day in days if day.conclusive] if valid_only else days
    waking = sum(day.waking_min for day in days)
    worn = sum(day.worn_waking_min for day in used)
    source = weakest(day.wear_source for day in used)
    return Window(days[0].start_ms, end_of(days[-1]), worn / waking if waking else None, source)


def weakest(sources: Iterable[WearSource]) -> WearSource:
    return max(sources, key=lambda source: _QUALITY[source], default=WearSource.NONE)


def window_between(view: View, start_ms: int, end_ms: int) -> Window:
    """Return the window [start_ms, end_ms) with its coverage, minute by minute, over the days that it touches."""
    worn = waking = 0
    sources = []
    for day in (*view.days[-3:], view.today):
        if day is None or day.start_ms >= end_ms or end_of(day) <= start_ms or day.waking_start is None:
            continue
        first = max(day.waking_start, (start_ms - day.start_ms) // MINUTE_MS)
        last = min(day.waking_end or 0, (end_ms - day.start_ms) // MINUTE_MS)
        states = day.states[first : max(first, last)]
        worn += int(np.count_nonzero(states >= State.STILL))
        waking += states.size - int(np.count_nonzero(states == State.ASLEEP))
        sources.append(day.wear_source)
    return Window(start_ms, end_ms, worn / waking if waking else None, weakest(sources))
