"""afoot import, identify, imports, forget, rebuild."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from afoot.commands.common import Json, PatientOption, opened
from afoot.output import OK, REFUSED, print_json, print_table, refusals, say, stderr
from afoot.plain import plain_outcome, plain_rejects
from devices.errors import DecodeError, Unrecognised
from devices.files.reader import ReadOptions
from devices.recording import Reject
from ingest import ledger, people
from ingest.collect.files import Outcome, find_files, import_files, preview, readers_for
from ingest.collect.files import forget as forget_import
from ingest.collect.files import rebuild as rebuild_store
from ingest.digest import find_parts, open_container
from ingest.store import Change

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders or zips.")]


def import_(
    paths: Paths,
    patient: PatientOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    naive_time: Annotated[
        str | None,
        typer.Option(help="What a time without a zone means where vendors wrote both: `utc` or `local`. Default: inferred."),
    ] = None,
    json: Json = False,
) -> None:
    """Import exported files: archive them, read them, store their minutes. Importing anything again changes nothing."""
    if naive_time not in (None, "utc", "local"):
        raise typer.BadParameter(f"expected utc or local, found {naive_time!r}", param_hint="--naive-time")
    with opened() as app:
        files = find_files(paths)
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
        options = ReadOptions(people.checked_zone(owner.zone), cast(Literal["utc", "local"] | None, naive_time))
        if dry_run:
            report(_with_progress(preview(app.store, owner, files, options), len(files)), json)
        with readers_for(len(files)) as run:
            outcomes = import_files(app.store, app.archive, owner, files, options, app.now_ms(), run)
            report(_with_progress(_told_if_cut_short(outcomes, [file.name for file in files]), len(files)), json)


def rebuild(json: Json = False) -> None:
    """Derive everything anew from the raw archive, as after an update that reads a format better."""
    with opened() as app:
        with app.store.reading() as connection:
            total = len(ledger.list_imports(connection))
        report(_with_progress(rebuild_store(app.store, app.archive), total), json)


def forget(
    digest: Annotated[str, typer.Argument(metavar="HASH", help="The import, as `afoot imports` shows it; its first digits do.")],
    patient: PatientOption,
    json: Json = False,
) -> None:
    """Take an import back: a file of somebody else, or one read with a wrong answer. Its raw bytes go too."""
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
            total = len(ledger.list_imports(connection, owner.id)) - 1
        report(_with_progress(forget_import(app.store, app.archive, owner, digest), total), json)


def identify(paths: Paths, json: Json = False) -> None:
    """Say what format files are of, without importing anything."""
    rows: list[dict[str, Any]] = []
    with refusals():
        for source in find_files(paths):
            try:
                parts, left = find_parts(open_container(source))
                formats = sorted({part.reader.name for part in parts})
                rows.append({"file": source.name, "formats": formats, "problem": "; ".join(map(_sentence, left))})
            except (DecodeError, Unrecognised, OSError) as error:
                rows.append({"file": source.name, "formats": [], "problem": _about(source.name, str(error))})
    if json:
        for row in rows:
            print_json(row)
    else:
        cells = [[row["file"], ", ".join(row["formats"]) or None, row["problem"]] for row in rows]
        print_table("", ["file", "format", "problem"], cells)
    raise typer.Exit(OK if all(row["formats"] for row in rows) else REFUSED)


def imports(patient: PatientOption, json: Json = False) -> None:
    """List what was imported for a patient and what became of it."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        rows: list[dict[str, Any]] = [
            {
                "hash": one.hash,
                "file": one.name,
                "state": one.state,
                "format": one.readers,
                "inserted": one.change.inserted,
                "changed": one.change.changed,
                "unchanged": one.change.unchanged,
                "rejected": sum(reject.count for reject in rejects),
                "rejects": plain_rejects(rejects),
                "problem": one.error,
            }
            for one in ledger.list_imports(connection, owner.id)
            for rejects in [ledger.list_rejects(connection, one.id)]
        ]
    if json:
        print_json(rows)
        return
    numbers = ["inserted", "changed", "unchanged", "rejected"]
    columns = ["file", "state", "format", *numbers, "problem"]
    cells = [[row["hash"][:12], *(row[column] for column in columns[:-1]), _about(row["file"], row["problem"])] for row in rows]
    print_table("", ["hash", *columns], cells, right=numbers)


def _with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("files", total=total)
        for outcome in outcomes:
            yield outcome
            progress.advance(task)


def _told_if_cut_short(outcomes: Iterator[Outcome], names: Sequence[str]) -> Iterator[Outcome]:
    """Yield the outcomes; where a full disk or a person ends the import, say of each file whether it is safe."""
    left, is_whole = dict.fromkeys(names), False
    try:
        lost = False
        for outcome in outcomes:
            if outcome.hash:
                del left[outcome.name]
            lost = lost or outcome.lacked_room
            yield outcome
        is_whole = not lost
    finally:
        if not is_whole:
            say(f"stored safely: {len(names) - len(left)} of {len(names)} files. {'Not stored:' if left else ''}")
            for name in left:
                say(f"  {name}")
            say("Import them all again when nothing stands in the way: what is stored stays as it is.")


def report(outcomes: Iterator[Outcome], json: bool) -> None:
    """Print what became of the files, and leave with 1 if any was refused, in whole or in part.

    As JSON a line each, the moment it is safe in the store; else a line a format, and one for each file with a problem.
    """
    total = _Tally()
    formats: dict[str, _Tally] = {}
    problems: list[Sequence[object]] = []
    for outcome in outcomes:
        total.count(outcome)
        if json:
            print_json(plain_outcome(outcome))
            continue
        formats.setdefault(", ".join(outcome.readers) or "none", _Tally()).count(outcome)
        lines = [*outcome.refused, *map(_sentence, outcome.rejects)]
        problems += [[outcome.name if not row else "", _about(outcome.name, line)] for row, line in enumerate(lines)]
    if not json:
        numbers = ["files", "known before", "minutes new", "changed", "as before", "files refused"]
        print_table("", ["format", *numbers], [[name, *tally.cells()] for name, tally in formats.items()], right=numbers)
        if problems:
            print_table("\nleft out", ["file", "why"], problems)
    raise typer.Exit(REFUSED if total.refused else OK)


@dataclass(slots=True)
class _Tally:
    files: int = 0
    known: int = 0
    refused: int = 0
    change: Change = field(default_factory=Change)

    def count(self, outcome: Outcome) -> None:
        self.files += 1
        self.known += outcome.known
        self.refused += bool(outcome.refused)
        self.change += outcome.change

    def cells(self) -> list[int]:
        return [self.files, self.known, self.change.inserted, self.change.changed, self.change.unchanged, self.refused]


def _about(name: str, line: str) -> str:
    """Return the line without the file's own name, which stands beside it."""
    return line.removeprefix(f"{name}: ")


def _sentence(reject: Reject) -> str:
    times = f" ({reject.count:,} times)" if reject.count > 1 else ""
    return f"{reject.place}: expected {reject.expected}, found {reject.found}{times}"
