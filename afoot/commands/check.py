"""afoot check, rules, simulate-rules."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from afoot.app import App
from afoot.commands.common import From, Json, PatientName, To, opened, parse_instant, parse_range
from afoot.evaluating import Checked, check_patients
from afoot.executing import open_executor
from afoot.judging import read_prescriptions
from afoot.output import OK, REFUSED, instant, print_json, print_table, print_text, say
from afoot.prescribing import parse_change
from afoot.simulating import Simulated, simulate
from ingest import people
from ingest.errors import NotKnown
from ingest.people import Patient
from rules.checks import RULES, rules_for
from rules.finding import Finding, Truth
from rules.prescription import Prescription
from rules.rule_settings import Parameter, RuleSettings

OnePatient = Annotated[str | None, typer.Option("--patient", help="Only this patient.")]


def check(
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="The instant to judge for; default: now.")] = None,
    patient: OnePatient = None,
    backfill: Annotated[
        bool,
        typer.Option("--backfill", help="Judge the whole past again, from the first prescribed day with data. Tells nobody."),
    ] = False,
    json: Json = False,
) -> None:
    """Judge every rule for now, and for what changed in the past; queue messages for what is new now."""
    with opened() as app:
        at_ms = app.now_ms() if at is None else parse_instant(at)
        if at_ms > app.now_ms():
            raise ValueError(f"--at {at}: expected now or before; what is not over yet cannot be judged")
        with app.store.reading() as connection:
            chosen = people.list_patients(connection) if patient is None else [people.find_patient(connection, patient)]
        checked = list(_run(app, chosen, at_ms, backfill))
    if json:
        for one in checked:
            print_json(_plain(one))
    else:
        _print(checked)
    raise typer.Exit(REFUSED if any(one.problem for one in checked) else OK)


def _run(app: App, patients: Sequence[Patient], at_ms: int, backfill: bool) -> Iterable[Checked]:
    settings = app.settings
    # For one patient, starting others costs more than the work.
    kind = settings.executor if len(patients) > 1 else "serial"
    with open_executor(kind, workers=settings.workers, scheduler=settings.dask_scheduler) as executor:
        yield from check_patients(app.store, patients, at_ms, executor, backfill=backfill)


def _print(checked: Sequence[Checked]) -> None:
    rows = []
    for one in checked:
        truths = [finding.truth for finding in one.findings]
        counts = [truths.count(truth) for truth in Truth] if truths else [None] * len(Truth)
        rows.append([one.patient.name, *counts, one.judged, len(one.transitions), len(one.tellings)])
    numbers = [*(truth.value for truth in Truth), "instants", "transitions", "told"]
    print_table("", ["patient", *numbers], rows, right=numbers)
    true = [
        [one.patient.name, f.rule, f.priority.value, f.reason] for one in checked for f in one.findings if f.truth is Truth.TRUE
    ]
    if true:
        print_table("\ntrue now", ["patient", "rule", "priority", "why"], true)
    for one in checked:
        if one.problem:
            say(f"afoot: patient {one.patient.name!r}: {one.problem}")


def _plain(one: Checked) -> dict[str, Any]:
    return {
        "patient": one.patient.name,
        "at": instant(one.at_ms),
        "instants": one.judged,
        "rewound": one.rewound,
        "problem": one.problem,
        "findings": [_finding(finding) for finding in one.findings],
        "transitions": [{"rule": step.rule, "kind": step.kind.value, "at": instant(step.at_ms)} for step in one.transitions],
        "told": [{"rule": said.rule, "news": said.news.value} for said in one.tellings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    evidence = finding.evidence
    return {
        "rule": finding.rule,
        "truth": finding.truth.value,
        "priority": finding.priority.value,
        "version": finding.version,
        "reason": finding.reason,
        "window": [instant(evidence.start_ms), instant(evidence.end_ms)],
        "coverage": evidence.coverage,
        "wear_source": evidence.wear_source.value,
        "minutes": [[instant(start), instant(end)] for start, end in evidence.minutes],
        "measured": dict(evidence.measured),
        "thresholds": dict(evidence.thresholds),
    }


def rules(patient: OnePatient = None, json: Json = False) -> None:
    """Show the rules and every number that they rest on: default, unit, evidence mark, source; and what is a patient's own."""
    own: Prescription | None = None
    if patient is not None:
        with opened() as app, app.store.reading() as connection:
            own = _newest(read_prescriptions(connection, people.find_patient(connection, patient)), patient)
    chosen = own.rules if own else RuleSettings()
    usual = {(row.rule, row.name): row.value for row in _rows(RuleSettings())}
    if json:
        for row in _rows(chosen):
            print_json(row.model_dump(mode="json") | {"default": _shown(usual.get((row.rule, row.name), row.value))})
        return
    summary = [
        [rule.name, rule.title, ", then ".join(who.value for who in rule.recipients), _state(chosen, rule.name)]
        for rule in (rules_for(own) if own else RULES)
    ]
    print_table("", ["rule", "tells of", "to", "is"], summary)
    cells = []
    for row in _rows(chosen):
        default = usual.get((row.rule, row.name), row.value)
        value = _shown(row.value) if row.value == default else f"{_shown(row.value)} (default {_shown(default)})"
        cells.append([row.rule, row.name, value, row.unit, row.mark, row.source])
    print_table("\nparameters", ["rule", "name", "value", "unit", "mark", "source"], cells)
    print_text("marks: E published evidence, X expert advice, G a guess a clinician must confirm")


def _rows(settings: RuleSettings) -> list[Parameter]:
    return list(settings.table())


def _state(settings: RuleSettings, rule: str) -> str:
    chosen = getattr(settings, rule)
    if not chosen.enabled:
        return f"off: {chosen.off_reason or 'the prescription gives no reason'}"
    return f"off in {', '.join(chosen.off_in)}" if chosen.off_in else "on"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def simulate_rules(
    patient: PatientName,
    from_: From = None,
    to: To = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="As if it had been prescribed: rules.sudden_drop.share=0.4."),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option("--every", metavar="MINUTES", help="Judge within the days too, so often: a nudge needs it.", min=5, max=720),
    ] = None,
    json: Json = False,
) -> None:
    """Say what these thresholds would have done on a patient's past: alerts of each rule, and how many a week."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        first, last = parse_range(from_, to)
        _newest(read_prescriptions(connection, owner), patient)
        simulated = simulate(connection, owner, dict(map(parse_change, changes or [])), app.now_ms(), first, last, every)
    if json:
        print_json(_simulated(simulated))
        return
    rows = [
        [one.rule, one.alerts, f"{one.alerts / simulated.weeks:.2f}", one.before, one.true, one.unknown, one.off]
        for one in simulated.rules
    ]
    numbers = ["alerts", "a week", "as it is", "true", "unknown", "off"]
    print_table("", ["rule", *numbers], rows, right=numbers)
    more = f" and every {every} minutes" if every else ""
    print_text(f"{simulated.first} to {simulated.last}, {simulated.weeks:.1f} weeks, judged at the end of each local day{more}")


def _simulated(simulated: Simulated) -> dict[str, Any]:
    return {
        "first": simulated.first,
        "last": simulated.last,
        "weeks": simulated.weeks,
        "rules": [
            {
                "rule": one.rule,
                "alerts": one.alerts,
                "alerts_as_it_is": one.before,
                "true": one.true,
                "unknown": one.unknown,
                "off": one.off,
                "opened": [instant(at) for at in one.opened_ms],
            }
            for one in simulated.rules
        ],
    }


def _newest(versions: Sequence[Prescription], patient: str) -> Prescription:
    if not versions:
        raise NotKnown(f"patient {patient!r} has no prescription: set one with `afoot prescription set`")
    return versions[-1]
