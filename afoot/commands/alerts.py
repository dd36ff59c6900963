"""afoot alerts, ack, close, snooze."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from afoot.commands.common import Json, PatientName, opened, parse_instant, say_if_empty
from afoot.output import instant, print_json, print_table
from afoot.plain import plain_alert
from ingest import people
from ingest.entries import checked_text
from ingest.errors import NotKnown
from rules import ledger, red_flags
from rules.checks import RULES
from rules.ledger import EVERY_RULE, Alert, UnknownAlert

ALL = "all"
_NAMES = tuple(rule.name for rule in RULES)

By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who says so: it is kept.")]


def alerts(
    patient: Annotated[str | None, typer.Argument(metavar="[PATIENT]", help="Only of this patient.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those that are open, acknowledged ones included.")] = False,
    json: Json = False,
) -> None:
    """List alerts, oldest first, and what is snoozed now."""
    with opened() as app, app.store.reading() as connection:
        say_if_empty(app, connection)
        everybody = people.list_patients(connection)
        chosen = everybody if patient is None else [people.find_patient(connection, patient)]
        names = {one.id: one.name for one in everybody}
        owner = None if patient is None else chosen[0].id
        found = [one for one in ledger.list_alerts(connection, owner, open_only=open_) if one.patient_id in names]
        now_ms = app.now_ms()
        resting = [(one.name, rest) for one in chosen for rest in ledger.list_snoozes(connection, one.id, now_ms)]
    if json:
        print_json([plain_alert(one, names[one.patient_id]) for one in found])
        return
    rows = [
        [
            one.id,
            names[one.patient_id],
            one.rule,
            "withdrawn" if one.withdrawn else one.standing.value,
            one.priority.value,
            instant(one.opened_ms),
            None if one.closed_ms is None else instant(one.closed_ms),
            one.acknowledged_by or None,
            one.finding.reason,
        ]
        for one in found
    ]
    print_table("", ["alert", "patient", "rule", "state", "priority", "opened", "closed", "acknowledged by", "because"], rows)
    if resting:
        cells = [[name, rest.rule or ALL, instant(rest.until_ms), rest.by, rest.why] for name, rest in resting]
        print_table("\nsnoozed", ["patient", "rule", "until", "by", "because"], cells)


def ack(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The alert, as `afoot alerts` shows it.")],
    by: By,
    note: Annotated[str, typer.Option("--note", help="What was done, or is to be: it is kept.")],
    json: Json = False,
) -> None:
    """Take an alert on: nobody further is told of it. It closes when its rule is clear again; a red flag by `afoot close`."""
    _act(ledger.acknowledge, alert, by, note, ["alert", "patient", "rule", "state", "acknowledged_by", "note"], json)


def close(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="An acknowledged red flag, as `afoot alerts` shows it.")],
    by: By,
    note: Annotated[str, typer.Option("--note", help="What came of it: it is kept.")],
    json: Json = False,
) -> None:
    """Say that a red flag has been looked after. Only a person closes one, and only after somebody acknowledged it."""
    _act(red_flags.close_alert, alert, by, note, ["alert", "patient", "rule", "state", "closed_by", "closing_note"], json)


def _act(act: Callable[..., Alert], alert: str, by: str, note: str, columns: list[str], json: bool) -> None:
    """Do what a person says to an alert, and show how it stands then."""
    with opened() as app, app.store.writing() as connection:
        who, what = checked_text("--by", by, most=200), checked_text("--note", note, lines=True)
        try:
            done = act(connection, alert, by=who, note=what, at_ms=app.now_ms())
        except UnknownAlert as error:
            raise NotKnown(str(error)) from error
        names = {one.id: one.name for one in people.list_patients(connection)}
        row: Mapping[str, Any] = plain_alert(done, names[done.patient_id])
    if json:
        print_json(row)
        return
    print_table("", [name.replace("_", " ") for name in columns], [[row[name] for name in columns]])


def snooze(
    patient: PatientName,
    rule: Annotated[str, typer.Argument(metavar="RULE|all", help="A rule, or all of them.")],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Until when; a time that has been ends a snooze.")],
    by: By,
    why: Annotated[str, typer.Option("--why", help="Why: it is kept.")],
    json: Json = False,
) -> None:
    """Send no messages of a rule for a while. Alerts are recorded as ever; red flags and urgent alerts come through."""
    if rule not in (*_NAMES, ALL):
        raise typer.BadParameter(f"expected all or one of {', '.join(_NAMES)}, found {rule!r}", param_hint="RULE")
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, patient)
        made = ledger.snooze(
            connection,
            owner.id,
            until_ms=parse_instant(until),
            by=checked_text("--by", by, most=200),
            why=checked_text("--why", why, lines=True),
            at_ms=app.now_ms(),
            rule=EVERY_RULE if rule == ALL else rule,
        )
    row = {"patient": patient, "rule": rule, "until": instant(made.until_ms), "by": made.by, "why": made.why}
    if json:
        print_json(row)
    else:
        print_table("", list(row), [list(row.values())])
