"""afoot report."""

from pathlib import Path
from typing import Annotated

import typer

from afoot.commands.common import From, PatientName, To, opened, parse_date
from afoot.output import say
from afoot.reporting import gather_report
from dashboards.report import build_report
from ingest import people


def report(
    patient: PatientName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to write it; default: PATIENT.html.")
    ] = None,
    from_: From = None,
    to: To = None,
) -> None:
    """Write a report of a patient's days: one HTML page that stands alone, to read, print or hand over."""
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
            first, last = (parse_date(text) if text else None for text in (from_, to))
            page = build_report(gather_report(connection, owner, app.now_ms(), first, last))
        path = out or Path(f"{safe_name(owner.name)}.html")
        path.write_text(page, encoding="utf-8")
    say(f"wrote {path}")


def safe_name(name: str) -> str:
    """Return a file name without what would lead out of this folder."""
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in name)[:100]
