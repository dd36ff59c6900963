"""What several commands share: options, opening the program, dates."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from afoot.app import App, open_app
from afoot.output import refusals

PatientName = Annotated[str, typer.Argument(metavar="PATIENT", help="The patient's name, as given to `afoot patient add`.")]
PatientOption = Annotated[str, typer.Option("--patient", help="The patient whose data this is.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First local day; default: the first with data.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last local day; default: the last with data.")]


@contextmanager
def opened() -> Iterator[App]:
    """Open the program as the environment sets it up, and report its errors in one line."""
    with refusals():
        app = open_app()
        try:
            yield app
        finally:
            app.close()


def parse_date(text: str) -> date:
    """Raises: ValueError naming the form"""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD") from error


def parse_instant(text: str) -> int:
    """Return ms since 1970. Raises: ValueError naming the form"""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"time {text!r}: expected RFC 3339, such as 2026-03-29T01:00:00Z") from error
    if at.tzinfo is None:
        raise ValueError(f"time {text!r}: expected an offset from UTC, or Z")
    return round(at.astimezone(UTC).timestamp() * 1000)
