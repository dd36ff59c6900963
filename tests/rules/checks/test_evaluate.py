"""What is common to all rules, and all of them together."""

import pickle
from dataclasses import replace
from typing import Any

import pytest

from rules.checks import RULES, rules_for
from rules.evaluate import evaluate
from rules.finding import Finding, PainReport, Recipient, Truth, View
from rules.prescription import Prescription, revise
from tests.rules.checks.made import DAY_MS, HOUR_MS, MIN_MS, P2, P3, SURGERY, made_day, no_day, past, prescribe, thin_day, view

NAMES = [
    "stationary_now",
    "prolonged_stationary_day",
    "frequency_low",
    "hourly_coverage",
    "too_long",
    "too_brisk",
    "spike",
    "load_ratio",
    "sudden_drop",
    "below_floor",
    "no_progress",
    "secondary_decline",
    "avoidance_pattern",
    "night_activity",
    "device_silent",
    "device_fault",
]
DEVICE = {"device_silent", "device_fault"}
REST = [name for name in NAMES if name not in DEVICE]
BAD: dict[str, Any] = {"steps": 100, "walks": (), "still": (200, 70, 70, 70), "reached": 0}


def on(prescription: Prescription) -> Prescription:
    changes = {"rules.night_activity.enabled": True, "rules.spike.cap_steps": 5000}
    return revise(prescription, changes, author="x", effective=SURGERY, reason="all on")


ALL_ON = on(prescribe())


def worst(today: int = P2, **fields: Any) -> View:
    """Return a patient of whom many rules are true."""
    days = past(today, *[{"steps": 3000}] * 14, *[BAD] * 10)
    pain = (PainReport(today * DAY_MS, 1),)
    now = made_day(today, walks=(50,), cadence=(130, 10), steps=9000)
    return view(today, days, **({"today": now, "pain": pain} | fields))


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.rule: finding for finding in findings}


def truths(seen: View, *prescriptions: Prescription) -> dict[str, str]:
    return {finding.rule: finding.truth.value for finding in evaluate(seen, prescriptions or (ALL_ON,))}


def test_the_table() -> None:
    assert [rule.name for rule in RULES] == NAMES
    patient = {"stationary_now", "frequency_low", "too_long", "too_brisk", "spike"}
    assert {rule.name for rule in RULES if rule.recipients[0] is Recipient.PATIENT} == patient
    assert {rule.name for rule in RULES if rule.recipients[0] is Recipient.OPERATOR} == DEVICE
    later = {rule.name: rule.recipients[1:] for rule in RULES if len(rule.recipients) > 1}
    assert later == {
        "frequency_low": (Recipient.THERAPIST,),
        "too_long": (Recipient.THERAPIST,),
        "device_silent": (Recipient.PATIENT,),
    }
    assert {rule.name for rule in RULES if not rule.inhibited_by_silence} == {"device_silent"}
    hours = [0.5, 168, 72, 168, 24, 24, 48, 168, 48, 168, 336, 336, 336, 168, 24, 24]
    assert [rule.cooldown_ms / HOUR_MS for rule in RULES] == hours
    assert {rule.name: rule.daily_max for rule in RULES if rule.daily_max} == {"stationary_now": 8}
    assert {rule.name: rule.off_in for rule in RULES if rule.off_in} == {
        "prolonged_stationary_day": ("P1",),
        "load_ratio": ("P1",),
        "no_progress": ("P1", "P4"),
        "secondary_decline": ("P1",),
    }


def test_the_patients_own_cool_down() -> None:
    changes = {
        "rules.too_long.cooldown_h": 12,
        "rules.too_long.hold_min": 5,
        "rules.too_long.keep_min": 7,
        "rules.too_long.off_in": "P3",
    }
    own = revise(prescribe(), changes, author="x", effective=SURGERY, reason="seldom")
    rule = next(rule for rule in rules_for(own) if rule.name == "too_long")
    assert (rule.cooldown_ms, rule.hold_ms, rule.keep_ms, rule.off_in) == (12 * HOUR_MS, 5 * MIN_MS, 7 * MIN_MS, ("P3",))
    assert [rule for rule in rules_for(prescribe()) if rule not in RULES] == []


def test_one_finding_of_each_rule_silence_first() -> None:
    found = evaluate(worst(), [ALL_ON])
    assert [one.rule for one in found] == ["device_silent", *(name for name in NAMES if name != "device_silent")]
    assert {one.version for one in found} == {4}
    assert {one.at_ms for one in found} == {worst().at_ms}
    fired = {one.rule for one in found if one.truth is Truth.TRUE}
    assert fired == {
        "prolonged_stationary_day",
        "frequency_low",
        "hourly_coverage",
        "too_long",
        "too_brisk",
        "spike",
        "below_floor",
        "no_progress",
        "secondary_decline",
        "avoidance_pattern",
    }


def test_findings_travel_between_processes() -> None:
    found = evaluate(worst(), [ALL_ON])
    assert pickle.loads(pickle.dumps(found)) == found
    assert pickle.loads(pickle.dumps(RULES)) is not None


@pytest.mark.parametrize("name", REST)
def test_older_than_two_syncs_is_unknown(name: str) -> None:
    seen = worst(P3)
    for interval in (HOUR_MS, 6 * HOUR_MS):
        fresh = replace(seen, sync_interval_ms=interval, last_data_ms=seen.at_ms - 2 * interval)
        stale = replace(fresh, last_data_ms=seen.at_ms - 2 * interval - 1)
        assert truths(stale)[name] == "unknown"
        assert "are" in by_name(evaluate(stale, [ALL_ON]))[name].reason
        assert truths(fresh)[name] == truths(seen)[name]
    assert truths(replace(seen, last_data_ms=None))[name] == "unknown"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_known_is_never_true_nor_false(name: str) -> None:
    days = [no_day(since) for since in range(1, P3)]
    seen = view(P3, days, today=no_day(P3), last_data_ms=(P3 * DAY_MS))
    seen = replace(seen, last_data_ms=None)
    assert truths(seen)[name] == ("true" if name == "device_silent" else "unknown")


@pytest.mark.parametrize(
    "name", [name for name in REST if name not in ("too_long", "too_brisk", "stationary_now", "night_activity")]
)
def test_days_that_are_hardly_worn_judge_nothing(name: str) -> None:
    """40 % of each day, however bad, with the sensor heard: no rule about days is true or false."""
    days = [thin_day(since, **BAD) for since in range(1, P3)]
    today = made_day(P3, steps=9000, states=made_day(P3).states * 0)
    rule = next(rule for rule in RULES if rule.name == name)
    assert rule.judge(view(P3, days, today=today), ALL_ON).truth in (Truth.UNKNOWN, Truth.OFF)


@pytest.mark.parametrize("name", NAMES)
def test_switched_off_it_says_why(name: str) -> None:
    changes = {f"rules.{name}.enabled": None, f"rules.{name}.off_reason": "her own wish"}
    off = revise(ALL_ON, changes, author="x", effective=SURGERY, reason="off")
    finding = by_name(evaluate(worst(), [off]))[name]
    assert (finding.truth, finding.reason, finding.clears) == (Truth.OFF, "switched off: her own wish", False)
    silent = revise(ALL_ON, {f"rules.{name}.enabled": False}, author="x", effective=SURGERY, reason="off")
    if name != "night_activity":
        assert by_name(evaluate(worst(), [silent]))[name].reason == "switched off: the prescription gives no reason"


@pytest.mark.parametrize("name", NAMES)
def test_off_in_a_phase(name: str) -> None:
    own = revise(ALL_ON, {f"rules.{name}.off_in": "P2, P4"}, author="x", effective=SURGERY, reason="off")
    assert by_name(evaluate(worst(), [own]))[name].reason == "does not apply in phase P2"
    assert by_name(evaluate(worst(P3), [own]))[name].truth is not Truth.OFF


@pytest.mark.parametrize("name", REST)
def test_before_the_surgery_only_devices_are_judged(name: str) -> None:
    assert (
        by_name(evaluate(worst(-2), [ALL_ON.model_copy(update={"effective": SURGERY.replace(year=2023)})]))[name].reason
        == "before the surgery"
    )


def test_no_baseline_switches_the_percentages_off() -> None:
    off = {name for name, truth in truths(worst(), ALL_ON.model_copy(update={"baseline_steps": None})).items() if truth == "off"}
    assert off == {"below_floor", "no_progress", "avoidance_pattern"}


def test_without_a_prescription_nothing_is_judged() -> None:
    found = evaluate(worst(), [])
    assert {(one.truth, one.version, one.reason) for one in found} == {(Truth.OFF, 0, "no prescription is in force")}
    assert {one.truth for one in evaluate(replace(worst(), today=None), [ALL_ON])} == {Truth.UNKNOWN}
    assert all(rule.judge(replace(worst(), today=None), ALL_ON).truth is Truth.UNKNOWN for rule in RULES)


class TestSilence:
    def test_it_makes_every_other_rule_unknown_and_clears_none(self) -> None:
        seen = worst()
        silent = replace(seen, last_data_ms=seen.at_ms - 25 * HOUR_MS, sync_interval_ms=DAY_MS)
        found = by_name(evaluate(silent, [ALL_ON]))
        assert found.pop("device_silent").truth is Truth.TRUE
        assert {one.truth for one in found.values()} == {Truth.UNKNOWN}
        assert not any(one.clears for one in found.values())
        assert all(one.reason.startswith("the device is silent") for one in found.values())
        heard = replace(silent, last_data_ms=seen.at_ms - 24 * HOUR_MS)
        assert truths(heard) == truths(replace(seen, sync_interval_ms=DAY_MS))

    def test_worn_too_little_inhibits_as_well(self) -> None:
        seen = worst()
        days = [*seen.days[:-3], *(thin_day(since, **BAD) for since in range(P2 - 3, P2))]
        assert set(truths(replace(seen, days=days)).values()) == {"true", "unknown"}

    def test_what_is_off_stays_off(self) -> None:
        silent = replace(worst(), last_data_ms=0)
        assert truths(silent, ALL_ON.model_copy(update={"baseline_steps": None}))["below_floor"] == "off"


def test_the_version_in_force_judges() -> None:
    later = revise(ALL_ON, {"walks_per_day": 0}, author="x", effective=SURGERY.replace(day=31), reason="rest")  # day 30
    assert truths(worst(29), ALL_ON, later)["frequency_low"] == "true"
    assert truths(worst(30), ALL_ON, later)["frequency_low"] == "off"
