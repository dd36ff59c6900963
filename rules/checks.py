"""The sixteen rules, in the order of the table: who is told, how often, and what judges."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rules.check_case import HOUR_MS, MINUTE_MS, NEEDS, NEEDS_BASELINE, NEEDS_NOTHING, Judge, Needs, judge_by
from rules.check_decline import check_no_progress, check_secondary_decline, check_sudden_drop
from rules.check_device import check_device_fault, check_device_silent
from rules.check_floor import check_avoidance_pattern, check_below_floor
from rules.check_frequency import check_frequency_low, check_hourly_coverage
from rules.check_limits import check_too_brisk, check_too_long
from rules.check_load import check_load_ratio, check_spike
from rules.check_night import check_night_activity
from rules.check_stillness import check_prolonged_stationary_day, check_stationary_now
from rules.finding import Finding, Recipient
from rules.prescription import Prescription
from rules.rule_settings import RuleParameters, RuleSettings

_PATIENT = (Recipient.PATIENT,)
_THERAPIST = (Recipient.THERAPIST,)
_PATIENT_FIRST = (Recipient.PATIENT, Recipient.THERAPIST)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and how it alerts.

    recipients:           who is told first, then who is told later
    off_in:               the phases in which it does not apply
    cooldown_ms:          no second alert within it
    daily_max:            alerts a day; None is no limit
    hold_ms, keep_ms:     a finding must be known true for so long before an alert opens, and known clear before it closes
    inhibited_by_silence: it is unknown while `device_silent` is true
    judge:                pure: (View, Prescription) -> Finding
    """

    name: str
    title: str
    recipients: tuple[Recipient, ...]
    judge: Judge = field(repr=False)
    off_in: tuple[str, ...]
    cooldown_ms: int
    daily_max: int | None
    hold_ms: int
    keep_ms: int
    inhibited_by_silence: bool = True


def _rule(
    name: str,
    title: str,
    recipients: tuple[Recipient, ...],
    check: Callable[[Any], Finding],
    needs: Needs = NEEDS,
    *,
    inhibited: bool = True,
) -> Rule:
    usual = getattr(RuleSettings(), name)
    return Rule(name, title, recipients, judge_by(name, check, needs), **_policy(usual), inhibited_by_silence=inhibited)


def _policy(settings: RuleParameters) -> dict[str, Any]:
    return {
        "off_in": settings.off_in,
        "cooldown_ms": round(settings.cooldown_h * HOUR_MS),
        "daily_max": settings.daily_max,
        "hold_ms": settings.hold_min * MINUTE_MS,
        "keep_ms": settings.keep_min * MINUTE_MS,
    }


RULES: tuple[Rule, ...] = (
    _rule("stationary_now", "still for too long now", _PATIENT, check_stationary_now),
    _rule("prolonged_stationary_day", "days of long stillness", _THERAPIST, check_prolonged_stationary_day),
    _rule("frequency_low", "fewer walks than prescribed", _PATIENT_FIRST, check_frequency_low),
    _rule("hourly_coverage", "too few hours with steps", _THERAPIST, check_hourly_coverage),
    _rule("too_long", "a walk too long", _PATIENT_FIRST, check_too_long),
    _rule("too_brisk", "walking too briskly", _PATIENT, check_too_brisk),
    _rule("spike", "far more steps than usual", _PATIENT, check_spike),
    _rule("load_ratio", "more steps than the weeks before", _THERAPIST, check_load_ratio),
    _rule("sudden_drop", "a sudden drop in steps", _THERAPIST, check_sudden_drop),
    _rule("below_floor", "below the floor", _THERAPIST, check_below_floor, NEEDS_BASELINE),
    _rule("no_progress", "no progress", _THERAPIST, check_no_progress, NEEDS_BASELINE),
    _rule("secondary_decline", "a decline from the best weeks", _THERAPIST, check_secondary_decline),
    _rule("avoidance_pattern", "little movement, little pain", _THERAPIST, check_avoidance_pattern, NEEDS_BASELINE),
    _rule("night_activity", "more steps at night", _THERAPIST, check_night_activity),
    _rule(
        "device_silent",
        "the device is silent",
        (Recipient.OPERATOR, Recipient.PATIENT),
        check_device_silent,
        NEEDS_NOTHING,
        inhibited=False,
    ),
    _rule("device_fault", "the device cannot be right", (Recipient.OPERATOR,), check_device_fault, NEEDS_NOTHING),
)


def rules_for(prescription: Prescription) -> tuple[Rule, ...]:
    """Return the rules with what this patient's prescription says of their phases, cool-downs and limits."""
    return tuple(replace(rule, **_policy(getattr(prescription.rules, rule.name))) for rule in RULES)
