"""How each rule alerts one patient: the rules' own table, and the prescription's waking hours as the end of quiet."""

from collections.abc import Mapping

from rules.alerts import Policy
from rules.checks import Rule, rules_for
from rules.evaluate import SILENCE
from rules.prescription import Prescription
from rules.waking import DEFAULT_WINDOW

HOUR_MS = 3_600_000
# A message that nobody acknowledged for a day goes to the next [G].
ESCALATE_AFTER_MS = 24 * HOUR_MS
# A nudge to stand up is worth nothing later [G].
EXPIRES_MS = {"stationary_now": HOUR_MS // 2}


def policies_for(prescription: Prescription) -> Mapping[str, Policy]:
    """Return the policy of each rule, by its name."""
    window = prescription.waking_window or DEFAULT_WINDOW
    whole_day = (window.end - window.start) % 1440 == 0
    quiet = None if whole_day else (window.end % 1440, window.start)
    return {rule.name: _policy(rule, quiet) for rule in rules_for(prescription)}


def _policy(rule: Rule, quiet: tuple[int, int] | None) -> Policy:
    return Policy(
        recipients=rule.recipients[:1],
        hold_ms=rule.hold_ms,
        keep_ms=rule.keep_ms,
        cooldown_ms=rule.cooldown_ms,
        daily_max=rule.daily_max,
        quiet=quiet,
        # A nudge that expires is nobody else's business.
        escalate_after_ms=None if rule.name in EXPIRES_MS else ESCALATE_AFTER_MS,
        escalation=rule.recipients[1:],
        expires_after_ms=EXPIRES_MS.get(rule.name),
        inhibits=rule.name == SILENCE,
        inhibited=rule.inhibited_by_silence,
    )
