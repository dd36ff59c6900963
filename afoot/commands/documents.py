"""afoot report, afoot export."""

from pathlib import Path
from typing import Annotated

import typer

from afoot.commands.common import From, PatientName, To, opened, parse_range
from afoot.output import say
from afoot.reporting import gather_report
from dashboards.report import build_report
from ingest import people
from ingest.errors import NotKnown
from ingest.exports.extent import every_day
from ingest.exports.fhir import write_fhir
from ingest.exports.omh import write_omh
from ingest.exports.parquet import write_parquet
from ingest.exports.plain import write_csv
from ingest.timeline import read_days


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
            first, last = parse_range(from_, to)
            page = build_report(gather_report(connection, owner, app.now_ms(), first, last))
        path = out or Path(f"{safe_name(owner.name)}.html")
        path.write_text(page, encoding="utf-8")
    say(f"wrote {path}")


def export(
    patient: PatientName,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Plain CSV: all of it, to be imported again.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FOLDER", help="Parquet tables, for analysis.")] = None,
    fhir: Annotated[Path | None, typer.Option("--fhir", metavar="FILE", help="FHIR R4 resources.")] = None,
    omh: Annotated[Path | None, typer.Option("--omh", metavar="FILE", help="Open mHealth step counts.")] = None,
    from_: From = None,
    to: To = None,
) -> None:
    """Write a patient's data in forms that others read; several at once."""
    if not any((csv, parquet, fhir, omh)):
        raise typer.BadParameter("name at least one of --csv, --parquet, --fhir, --omh")
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        days = every_day(connection, owner)
        first, last = parse_range(from_, to)
        if (first or last) and days:
            first, last = first or days[0].day, last or days[-1].day
            days = read_days(connection, owner, first, last) if first <= last else []
        if not days:
            raise NotKnown(f"patient {patient!r} has no data to export in that time")
        if csv:
            with csv.open("w", encoding="utf-8", newline="") as out:
                write_csv(connection, owner, days, out)
        if fhir:
            with fhir.open("w", encoding="utf-8", newline="\n") as out:
                write_fhir(connection, owner, days, out)
        if omh:
            with omh.open("w", encoding="utf-8", newline="\n") as out:
                write_omh(connection, owner, days, out, at_ms=app.now_ms())
        if parquet:
            write_parquet(connection, owner, days, parquet)


def safe_name(name: str) -> str:
    """Return a file name without what would lead out of this folder, at most 200 bytes long."""
    plain = "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in name)
    return plain.encode()[:200].decode(errors="ignore")
