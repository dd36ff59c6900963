"""afoot contact, review, evidence."""

from datetime import date
from typing import Annotated, Any

import typer

from afoot.commands.common import Json, PatientName, opened, parse_date
from afoot.commands.entering import At, Corrects, Note, Withdraw, when
from afoot.output import instant, print_json, print_table, print_text
from ingest import people
from ingest.remote_monitoring import (
    CONTACTS,
    LONGEST_MIN,
    Care,
    CareKind,
    KeptCare,
    add_care,
    find_care,
    local_date,
    read_evidence,
    withdraw_care,
)

By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who did it, or takes it back.")]
Minutes = Annotated[int | None, typer.Option("--minutes", help="How long it took.", min=1, max=LONGEST_MIN)]
MONTH = typer.Option("--month", metavar="YYYY-MM", help="A calendar month of the patient's; default: this one.")


def contact(
    patient: PatientName,
    by: By,
    minutes: Minutes = None,
    kind: Annotated[str | None, typer.Option("--kind", help=f"One of {', '.join(CONTACTS)}.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Both spoke with each other at the same time.")] = False,
    at: At = None,
    note: Note = None,
    corrects: Corrects = None,
    withdraw: Withdraw = None,
    json: Json = False,
) -> None:
    """Keep that somebody was in contact with a patient."""
    if withdraw is None and kind not in CONTACTS:
        raise typer.BadParameter(f"expected one of {', '.join(CONTACTS)}, found {kind or 'nothing'!r}", param_hint="--kind")
    chosen = CareKind(kind) if kind else CareKind.CALL
    _keep(patient, chosen, by, minutes, live, at, note, corrects, withdraw, json)


def review(
    patient: PatientName,
    by: By,
    minutes: Minutes = None,
    at: At = None,
    note: Note = None,
    corrects: Corrects = None,
    withdraw: Withdraw = None,
    json: Json = False,
) -> None:
    """Keep that somebody looked at a patient's data, and how long it took."""
    _keep(patient, CareKind.REVIEW, by, minutes, False, at, note, corrects, withdraw, json)


def evidence(patient: PatientName, month: Annotated[str | None, MONTH] = None, json: Json = False) -> None:
    """Show what remote monitoring can show for a month: days with data, minutes of review, contacts."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        today = local_date(connection, owner, app.now_ms())
        wanted = _parse_month(month) if month else today
        found = read_evidence(connection, owner, wanted, today)
    facts: dict[str, Any] = {
        "month": f"{wanted:%Y-%m}",
        "data_days_from": found.first,
        "data_days_to": found.last,
        "data_days": len(found.data_days),
        "review_minutes": found.review_min,
        "contact_minutes": found.contact_min,
        "contacts": len(found.contacts),
        "live_contacts": found.live_contacts,
    }
    if json:
        print_json(facts | {"dates": found.data_days, "log": [_plain(one) for one in found.care]})
        return
    print_table(
        f"evidence for {facts['month']}",
        ["recorded", "", "counted over"],
        [
            ["days with data", facts["data_days"], f"the 30 days {found.first} to {found.last}"],
            *([name.replace("_", " "), facts[name], "the calendar month"] for name in list(facts)[4:]),
        ],
        right=[""],
    )
    _print(list(found.care))
    print_text("This is what was recorded. What follows from it is not for afoot to say.")


def _keep(
    patient: str,
    kind: CareKind,
    by: str,
    minutes: int | None,
    live: bool,
    at: str | None,
    note: str | None,
    corrects: int | None,
    withdraw: int | None,
    json: bool,
) -> None:
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, patient)
        now_ms = app.now_ms()
        if withdraw is not None:
            if minutes is not None or corrects is not None:
                raise ValueError("--withdraw: expected nothing else beside it")
            kept = withdraw_care(connection, owner.id, withdraw, by, now_ms)
        else:
            if minutes is None:
                raise ValueError(f"--minutes: expected 1 to {LONGEST_MIN}")
            before = find_care(connection, owner.id, corrects) if corrects is not None else None
            at_ms = when(at, now_ms, before.care.at_ms if before else None)
            kept = add_care(connection, owner.id, Care(at_ms, kind, minutes, by, now_ms, live, note or ""), corrects)
    if json:
        print_json(_plain(kept))
    else:
        _print([kept])


def _parse_month(text: str) -> date:
    """Raises: ValueError naming the form"""
    if len(text) != len("2026-03"):
        raise ValueError(f"--month {text!r}: expected YYYY-MM")
    return parse_date(f"{text}-01")


def _plain(kept: KeptCare) -> dict[str, Any]:
    care = kept.care
    return {
        "number": kept.number,
        "at": instant(care.at_ms),
        "kind": care.kind.value,
        "minutes": care.minutes,
        "live": care.live,
        "by": care.entered_by,
        "note": care.note,
        "replaces": kept.replaces,
        "withdrawn": kept.withdrawn,
    }


def _print(log: list[KeptCare]) -> None:
    rows = [
        [
            kept.number,
            instant(kept.care.at_ms),
            kept.care.kind.value,
            kept.care.minutes,
            "yes" if kept.care.live else "no",
            kept.care.entered_by,
            "taken back" if kept.withdrawn else kept.care.note,
        ]
        for kept in log
    ]
    print_table("", ["number", "at", "kind", "minutes", "live", "by", "note"], rows, right=["number", "minutes"])
