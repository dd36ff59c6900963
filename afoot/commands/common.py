"""What several commands share: options, opening the program, dates."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer
from sqlalchemy import Connection, make_url

from afoot.app import App, open_app
from afoot.output import refusals, say
from afoot.times import parse_date, parse_instant
from ingest import people
from ingest.errors import NoSuchPatient
from ingest.local_days import LocalDay
from ingest.people import Patient
from ingest.timeline import known_range, read_days

PatientName = Annotated[str, typer.Argument(metavar="PATIENT", help="The patient's name, as given to `afoot patient add`.")]
PatientOption = Annotated[str, typer.Option("--patient", help="The patient whose data this is.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First local day; default: the first with data.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last local day; default: the last with data.")]

_ASK = "are AFOOT_HOME and AFOOT_STORE set as where `afoot serve` runs?"


@contextmanager
def opened() -> Iterator[App]:
    """Open the program as the environment sets it up, and report its errors in one line."""
    with refusals():
        app = open_app()
        try:
            yield app
        except NoSuchPatient as error:
            with app.store.reading() as connection:
                raise NoSuchPatient(f"{error} {_where(app, connection)}") from error
        finally:
            app.close()


def say_if_empty(app: App, connection: Connection) -> None:
    """Tell whoever lists what is in a store without a patient that it may be the wrong one: any AFOOT_HOME makes a new one."""
    if not people.list_patients(connection):
        say(f"there is no patient in {named_store(app)}: {_ASK}")


def _where(app: App, connection: Connection) -> str:
    if people.list_patients(connection):
        return f"in {named_store(app)}; `afoot patient list` shows who is in it"
    return f"in {named_store(app)}, which has no patient at all: {_ASK}"


def named_store(app: App) -> str:
    """Return which store this is, without the password of its address."""
    settings = app.settings
    if settings.store:
        return f"the store {make_url(settings.store).render_as_string(hide_password=True)}"
    return f"the store in {settings.home.absolute()}"


def parse_range(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """Return the dates of --from and --to. Raises: ValueError if one is none, or they are the wrong way round"""
    begin, end = (parse_date(text) if text else None for text in (first, last))
    if begin and end and begin > end:
        raise ValueError(f"--from {begin} comes after --to {end}")
    return begin, end


def days_with_data(connection: Connection, patient: Patient, first: str | None, last: str | None) -> Sequence[LocalDay]:
    """Return the local days of --from and --to; a side that is not given begins or ends about where the data do."""
    given, known = parse_range(first, last), known_range(connection, patient)
    if known is None:
        return []
    begin, end = (day or edge for day, edge in zip(given, known, strict=True))
    return read_days(connection, patient, begin, end) if begin <= end else []


__all__ = [
    "From",
    "Json",
    "PatientName",
    "PatientOption",
    "To",
    "days_with_data",
    "named_store",
    "opened",
    "parse_date",
    "parse_instant",
    "parse_range",
    "say_if_empty",
]
