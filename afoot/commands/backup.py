"""afoot backup, restore and backup-key."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from afoot.app import App
from afoot.commands.common import Json, opened
from afoot.output import instant, print_json, print_text, refusals
from afoot.settings import Settings
from ingest.backup import Contents, read_backup, write_backup

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.")]


def backup(
    path: File,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="KEY", help="Seal it to this public key of age; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the database and the raw files into one file, while others go on writing. SQLite only: for PostgreSQL, pg_dump."""
    with opened() as app:
        if path.exists():
            raise ValueError(f"{path} is there already; a backup never replaces another one")
        contents = _write(app, path, to or [])
    _say(contents, path, json)


def _write(app: App, path: Path, keys: list[str]) -> Contents:
    # Imported where they are used: most commands seal nothing.
    from ingest.sealing import read_recipients, seal

    recipients = read_recipients(keys)
    made: list[Contents] = []

    def write(file: BinaryIO) -> None:
        made.append(write_backup(app.store, app.settings.archive_folder, file, app.now_ms()))

    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "xb", opener=_private) as file:
            if recipients:
                seal(write, file, recipients)
            else:
                write(file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return made[0]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def restore(
    path: File,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="File with the private key of age that opens it.")] = None,
    json: Json = False,
) -> None:
    """Put a backup into AFOOT_HOME, which must have no store yet. Every byte is checked before anything is put into place."""
    from ingest.sealing import is_sealed, read_identities
    from ingest.sealing import opened as unsealed

    with refusals(), ExitStack() as stack:
        settings = Settings()
        if settings.store:
            raise ValueError("AFOOT_STORE is set: a backup is put back into the folder AFOOT_HOME, as SQLite")
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file: BinaryIO = stack.enter_context(path.open("rb"))
        if is_sealed(file):
            if key_file is None:
                raise ValueError(f"{path} is sealed: --key-file names the file with the private key")
            scratch = stack.enter_context(tempfile.TemporaryFile(dir=settings.home))
            file = stack.enter_context(unsealed(file, read_identities(key_file), scratch))
        contents = read_backup(file, settings.home)
    _say(contents, path, json)


def backup_key(path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the private key.")]) -> None:
    """Make a key for sealing backups: the private one goes into the file, the public one is printed for `backup --to`."""
    from ingest.sealing import make_key

    with refusals():
        private, public = make_key()
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            file.write(f"# public key: {public}\n{private}\n")
    print_text(public)


def _say(contents: Contents, path: Path, json: bool) -> None:
    if json:
        print_json({"file": str(path), **asdict(contents)})
        return
    print_text(
        f"{path}: as of {instant(contents.made_ms)}, {contents.patients:,} patients, {contents.objects:,} raw files, "
        f"{contents.size:,} bytes; every one was checked"
    )
