"""All rules before one patient at one instant."""

from collections.abc import Sequence
from dataclasses import replace

from rules.check_case import say_nothing
from rules.checks import RULES, Rule
from rules.finding import Finding, Truth, View
from rules.prescription import Prescription, prescription_for

SILENCE = "device_silent"
_IN_ORDER = tuple(sorted(RULES, key=lambda rule: rule.name != SILENCE))


def evaluate(view: View, prescriptions: Sequence[Prescription]) -> list[Finding]:
    """Return one finding of each rule: that of `device_silent` first, the others in the order of the table.

    While the device is silent every other rule that is not off is unknown: it neither fires nor resolves.
    prescriptions: every version; the one in force today judges, and each past day is held against the phase of its own
    Raises: ValueError if two versions carry the same number
    """
    prescription = prescription_for(view.date, prescriptions) if view.date is not None else None
    if prescription is None:
        truth, why = (Truth.UNKNOWN, "no local day is known") if view.date is None else (Truth.OFF, "no prescription is in force")
        return [say_nothing(rule.name, truth, why, view, None) for rule in _IN_ORDER]
    known = view if view.prescriptions else replace(view, prescriptions=tuple(prescriptions))
    silence = _IN_ORDER[0].judge(known, prescription)
    silent = silence.truth is Truth.TRUE
    return [silence, *(_judge(rule, known, prescription, silence, silent) for rule in _IN_ORDER[1:])]


def _judge(rule: Rule, view: View, prescription: Prescription, silence: Finding, silent: bool) -> Finding:
    finding = rule.judge(view, prescription)
    if not silent or not rule.inhibited_by_silence or finding.truth is Truth.OFF:
        return finding
    why = f"the device is silent, so nothing is judged: {silence.reason}"
    return say_nothing(rule.name, Truth.UNKNOWN, why, view, prescription)
