"""How often each rule alerts on people who are well: `python -m benchmarks.base_rates` writes docs/base-rates.md.

The wearers are read from the folder `shared` beside the project; without it nothing is written.
"""

import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean, median

import numpy as np

from afoot.policies import policies_for
from afoot.replaying import DAY_MS, Material, replay
from rules.alerts import Kind, States, advance_all
from rules.checks import RULES, rules_for
from rules.day import DaySettings, DaySummary, summarise_day
from rules.finding import Finding, Truth
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import PHASE_DAYS, PHASE_NAMES, Prescription
from rules.waking import WakingWindow

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "../shared/validation/fitabase_fitbit/minutes.csv.gz"
PAGE = ROOT / "docs/base-rates.md"
EPOCH = date(1970, 1, 1)
NUDGE = "stationary_now"

# What was counted on all 33 wearers of the study before there was this program, each a person-week unless it says a day.
PUBLISHED = (
    ("still stretches of 30 min or more, a day", 4.7),
    ("still stretches of 60 min or more, a day", 1.3),
    ("days under 50 % of the median of the 7 before", 0.70),
    ("two such days in a row", 0.25),
    ("two days in a row under 40 %", 0.13),
    ("days over 1.5 times that median", 0.87),
    ("3 days over 1.5 times the 14 before", 0.37),
    ("3 days over 2 times the 14 before", 0.08),
)

Wearers = Mapping[str, Sequence[DayMinutes]]


@dataclass(frozen=True, slots=True)
class Rate:
    """One rule in one phase, per person-week. alerts: that opened. days: ends of days at which it was true, and unknown."""

    alerts: float
    days: float
    unknown: float
    is_off: bool


def read_wearers(path: Path) -> Wearers:
    """Return the whole days of each wearer, in order, those without data in between as unknown."""
    found: dict[str, dict[date, np.ndarray]] = defaultdict(dict)
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["ts"])
            steps = found[row["Id"]].setdefault(at.date(), np.full(1440, NA, np.int16))
            steps[at.hour * 60 + at.minute] = int(row["steps"])
    return {name: _fill(days) for name, days in sorted(found.items())}


def _fill(days: Mapping[date, np.ndarray]) -> list[DayMinutes]:
    first, last = min(days), max(days)
    unknown = np.full(1440, NA, np.int16)
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [build_day(day, days.get(day, unknown), start_ms=(day - EPOCH).days * DAY_MS) for day in every]


def judge_wearer(days: Sequence[DayMinutes], phase: int) -> dict[str, Rate]:
    """Return what the rules say of one wearer as if the days were those of one phase of the default programme."""
    first_day, last_day = PHASE_DAYS[phase]
    some = days[: last_day - first_day + 1 - (phase == 0)]
    known = [int(day.steps[day.steps != NA].sum()) for day in some if (day.steps != NA).any()]
    surgery = some[0].day - timedelta(days=max(first_day, 1))
    prescription = Prescription(
        author="base rates", effective=some[0].day, reason="well", surgery_date=surgery, baseline_steps=max(1, int(median(known)))
    )
    following = build_day(some[-1].day + timedelta(days=1), np.full(1440, NA, np.int16), start_ms=some[-1].start_ms + DAY_MS)
    instants = [day.start_ms + DAY_MS for day in some]
    # The end of the last day lies in the next phase's first, whose limits would hold for it.
    replayed = replay(Material(0, (prescription,), {}, [*some, following], instants[:-1]))
    return _count(replayed.findings, instants[:-1], prescription, _nudges(some, prescription))


def _count(
    findings: Sequence[Sequence[Finding]], instants: Sequence[int], prescription: Prescription, nudges: int
) -> dict[str, Rate]:
    states: States = {}
    policies = policies_for(prescription)
    alerts: dict[str, int] = defaultdict(int)
    truths: dict[str, list[Truth]] = defaultdict(list)
    for at_ms, said in zip(instants, findings, strict=True):
        states, happened = advance_all(states, said, policies, at_ms // DAY_MS)
        for step in happened:
            alerts[step.rule] += step.kind is Kind.OPENED
        for finding in said:
            truths[finding.rule].append(finding.truth)
    alerts[NUDGE] = nudges
    weeks = len(instants) / 7
    return {
        rule.name: Rate(
            alerts[rule.name] / weeks,
            truths[rule.name].count(Truth.TRUE) / weeks,
            truths[rule.name].count(Truth.UNKNOWN) / weeks,
            rule.name != NUDGE and set(truths[rule.name]) == {Truth.OFF},
        )
        for rule in RULES
    }


def _nudges(days: Sequence[DayMinutes], prescription: Prescription) -> int:
    """Return how many nudges there would be if every minute were judged: one a still stretch, up to the daily maximum."""
    most = next(rule.daily_max for rule in rules_for(prescription) if rule.name == NUDGE) or 1440
    total = 0
    for day in days[:-1]:
        phase = prescription.phase_on(day.day)
        still = summarise_day(day, prescription.day_settings(day.day)).stationary
        if phase is not None and still is not None:
            total += min(most, len(still.at_least(phase.stationary_nudge_min)))
    return total


def count_events(wearers: Wearers) -> list[float]:
    """Return what PUBLISHED names, counted on these wearers: whole days of any wear, no coverage asked."""
    settings = DaySettings(waking=WakingWindow(start=8 * 60, end=22 * 60))
    bouts: dict[int, list[int]] = {30: [], 60: []}
    events, weeks = np.zeros(6), 0.0
    for days in wearers.values():
        summaries = [summarise_day(day, settings) for day in days]
        for limit, counts in bouts.items():
            counts += [len(one.stationary.at_least(limit)) for one in summaries if one.conclusive and one.stationary]
        steps = np.array([_steps_of(one) for one in summaries])
        events += _count_days(steps)
        weeks += len(steps) / 7
    return [float(mean(bouts[30])), float(mean(bouts[60])), *(events / weeks).tolist()]


def _steps_of(day: DaySummary) -> float:
    return float("nan") if day.steps is None else float(day.steps)


def _count_days(steps: np.ndarray) -> np.ndarray:
    ratio = np.full(steps.size, np.nan)
    for at in range(7, steps.size):
        usual = np.nanmedian(steps[at - 7 : at])
        ratio[at] = steps[at] / usual if usual > 0 else np.nan
    load = [np.nanmean(steps[at - 2 : at + 1]) / np.nanmean(steps[at - 16 : at - 2]) for at in range(16, steps.size)]
    low, lower = ratio < 0.5, ratio < 0.4
    return np.array(
        [
            low.sum(),
            (low[1:] & low[:-1]).sum(),
            (lower[1:] & lower[:-1]).sum(),
            (ratio > 1.5).sum(),
            sum(one > 1.5 for one in load),
            sum(one > 2 for one in load),
        ],
        dtype=float,
    )


def build_page(wearers: Wearers) -> str:
    """Return docs/base-rates.md."""
    phases = [[judge_wearer(days, phase) for days in wearers.values()] for phase in range(len(PHASE_NAMES))]
    rows = [f"| `{rule.name}` | {' | '.join(_cell([one[rule.name] for one in phase]) for phase in phases)} |" for rule in RULES]
    events = count_events(wearers)
    beside = [f"| {name} | {published:.2f} | {ours:.2f} |" for (name, published), ours in zip(PUBLISHED, events, strict=True)]
    days = sum(len(one) for one in wearers.values())
    return f"""<!-- Written by `python -m benchmarks.base_rates`; a test holds it against what that writes. -->
# Base rates

How often the rules alert on people who are well. Whoever was never operated on should hardly ever be alerted about,
so each number below is a rate of false alarms, as far as it says anything of patients.

The wearers: {len(wearers)} of the 33 of the public Fitabase export (Furberg, Brinton, Keating, Ortiz: Zenodo 53894,
April and May 2016), {days} days with steps a minute, no pulse, no word on wear. Their days were judged as if they
were those of each phase
of the default programme, with their own median as baseline, at the end of each day. Programmes are made for people
after surgery: healthy wearers exceed the caps on walks and cadence of the first weeks because they are healthy, and
wear is inferred
from steps, so rules that need a device to vouch for wear stay unknown here, and `device_silent` asks only whether data come.

## Alerts per person-week

The first number is alerts, by hold, cool-down and daily maximum; behind it, ends of days a week at which the rule
was true, and at which it was unknown. A dash: off in that phase.

| rule | {" | ".join(PHASE_NAMES)} |
|---|{"---|" * len(PHASE_NAMES)}
{chr(10).join(rows)}

`{NUDGE}` is off at the end of a day; its alerts are the still stretches as long as the nudge, up to its daily
maximum: what judging every minute would give.

## Beside what was counted before

Events, not alerts: no coverage, hold or cool-down. The first column is of all 33 wearers, from which the defaults
were chosen; the second of the {len(wearers)} here. Per person-week unless it says a day.

| event | 33 wearers | {len(wearers)} wearers |
|---|---|---|
{chr(10).join(beside)}
"""


def _cell(rates: Sequence[Rate]) -> str:
    if all(one.is_off for one in rates):
        return "–"
    alerts, days, unknown = (mean(column) for column in zip(*((one.alerts, one.days, one.unknown) for one in rates), strict=True))
    return f"{alerts:.2f} ({days:.1f}, {unknown:.1f})"


def main() -> None:
    """Write the page."""
    if not SHARED.exists():
        sys.exit(f"{SHARED.name}: the folder `shared` with the wearers is not beside the project")
    PAGE.write_text(build_page(read_wearers(SHARED)), encoding="utf-8")


if __name__ == "__main__":
    main()
