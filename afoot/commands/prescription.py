"""afoot prescription."""

from datetime import date, timedelta
from typing import Annotated

import typer

from afoot.commands.common import Json, PatientName, opened, parse_date
from afoot.judging import read_prescriptions
from afoot.output import print_json, print_table, print_text
from afoot.prescribing import parse_change, prescribe
from ingest import people
from ingest.errors import NotKnown
from ingest.remote_monitoring import local_date
from rules.prescription import PHASE_NAMES, PROGRAMME, Phase, Prescription, ProgrammeRow, prescription_for
from rules.thresholds import Thresholds

prescription = typer.Typer(help="What was prescribed: dated, phased, versioned.", no_args_is_help=True)

_YEAR = timedelta(days=366)

ON = typer.Option("--on", metavar="DATE", help="The version in force on that local day; default: the newest.")


@prescription.command("show")
def show(patient: PatientName, on: Annotated[str | None, ON] = None, json: Json = False) -> None:
    """Show a patient's prescription, phase by phase."""
    with opened() as app, app.store.reading() as connection:
        versions = read_prescriptions(connection, people.find_patient(connection, patient))
        chosen = prescription_for(parse_date(on), versions) if on else (versions[-1] if versions else None)
        if chosen is None:
            raise NotKnown(f"patient {patient!r} has no prescription{f' in force on {on}' if on else ''}")
    if json:
        print_json(chosen.model_dump(mode="json"))
    else:
        _print(chosen)


@prescription.command("set")
def set_(
    patient: PatientName,
    author: Annotated[str, typer.Option(help="Who prescribes.")],
    effective: Annotated[str, typer.Option(metavar="DATE", help="The first local day on which it holds.")],
    reason: Annotated[str, typer.Option(help="Why: it is kept with the version.")],
    surgery: Annotated[str | None, typer.Option(metavar="DATE", help="The day of the operation; needed the first time.")] = None,
    baseline: Annotated[int | None, typer.Option(help="Median steps a day before the operation; leave out if not known.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A field: P2.walks_per_day=3, walking_aid=true, thresholds.walking_spm=35."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="The dates are meant, however far away they are.")] = False,
    json: Json = False,
) -> None:
    """Write a new version; what it does not name stays as it was. Old versions are kept."""
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, patient)
        wanted = dict(map(parse_change, changes or []))
        if surgery is not None:
            wanted["surgery_date"] = parse_date(surgery).isoformat()
        if baseline is not None:
            wanted["baseline_steps"] = baseline
        new = prescribe(connection, owner, wanted, author, parse_date(effective), reason, app.now_ms())
        if not yes:
            _check_dates(new, local_date(connection, owner, app.now_ms()))
    if json:
        print_json(new.model_dump(mode="json"))
    else:
        _print(new)


def _check_dates(new: Prescription, today: date) -> None:
    """Raises: ValueError for a date that looks like another year's; the version is then not kept"""
    named = (("--effective", new.effective), ("--surgery", new.surgery_date))
    problems = [f"{name} {day} is more than a year after today, {today}" for name, day in named if day > today + _YEAR]
    if not problems and abs(new.effective - new.surgery_date) > _YEAR:
        problems = [f"--effective {new.effective} is more than a year from the day of the operation, {new.surgery_date}"]
    if problems:
        raise ValueError(f"{'; '.join(problems)}. Nothing was written; if that is meant, add --yes")


def _print(chosen: Prescription) -> None:
    baseline = (
        "not known: rules on shares of it are off" if chosen.baseline_steps is None else f"{chosen.baseline_steps:,} steps/day"
    )
    window = chosen.waking_window
    facts = [
        ["version", str(chosen.version)],
        ["effective from", chosen.effective.isoformat()],
        ["author", chosen.author],
        ["reason", chosen.reason],
        ["surgery", chosen.surgery_date.isoformat()],
        ["baseline", baseline],
        ["walking aid", "yes" if chosen.walking_aid else "no"],
        ["waking window", str(window) if window else "inferred from the steps"],
        *_own_thresholds(chosen),
    ]
    print_table("", ["prescription", ""], facts)
    names = [f"{phase.name} d{phase.first_day}-{phase.last_day}" for phase in chosen.phases]
    rows = [[row.title, row.unit, *(_marked(row, phase) for phase in chosen.phases)] for row in PROGRAMME]
    print_table("", ["", "unit", *names], rows)
    print_text("defaults: [E] published evidence, [X] expert advice, [G] a guess a clinician must confirm; unmarked: set here")


def _own_thresholds(chosen: Prescription) -> list[list[str]]:
    """Return the thresholds that are this patient's own: the rest are those of the definitions."""
    usual = Thresholds().model_dump()
    own = {name: value for name, value in chosen.thresholds.model_dump().items() if value != usual[name]}
    return [[f"thresholds.{name}", f"{_value(value)} (default {_value(usual[name])})"] for name, value in own.items()]


def _marked(row: ProgrammeRow, phase: Phase) -> str:
    """Return a phase's value, with the mark of its evidence where it is the default of the phase of that name."""
    value = getattr(phase, row.field)
    if phase.name in PHASE_NAMES and value == row.values[PHASE_NAMES.index(phase.name)]:
        return f"{_value(value)} [{row.marks[PHASE_NAMES.index(phase.name)]}]"
    return _value(value)


def _value(value: object) -> str:
    return "off" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
