"""afoot backup, afoot backup-key, afoot restore."""

from pathlib import Path
from typing import Annotated

import typer

from afoot import backing_up
from afoot.app import load_settings
from afoot.commands.common import opened
from afoot.output import print_text, refusals, say
from ingest import backup as backups


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file to write.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", metavar="PUBLIC_KEY", help="Encrypt to this public key; may be repeated. Default: AFOOT_BACKUP_KEYS."
        ),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Do not encrypt: anybody who has the file can read it.")] = False,
) -> None:
    """Write the whole store and its archive into one file, while everything goes on."""
    with opened() as app:
        keys = key or app.settings.backup_keys
        if plain and key:
            raise ValueError("--plain and --key: expected one of them")
        if not plain and not keys:
            raise ValueError(
                "no public key: make one with `afoot backup-key`, and name it with --key or AFOOT_BACKUP_KEYS, or say --plain"
            )
        manifest = backing_up.write(app, file, [] if plain else keys)
    say(f"wrote {file}: the store and {manifest.objects} large files of the archive{'' if plain else ', encrypted'}")


def backup_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file for the private key.")],
) -> None:
    """Make a key pair for backups: the private key goes into the file, the public one is printed."""
    with refusals():
        print_text(backups.make_key(file))
    say(f"Without {file} no backup can be read. Keep it apart from this machine, and keep a copy.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="The private key of an encrypted backup.")
    ] = None,
) -> None:
    """Put a backup into place: the home must hold no store, or AFOOT_STORE must name an empty database."""
    with refusals():
        settings = load_settings()
        manifest = backups.read_backup(file, settings.archive_folder, settings.store_url, backing_up.METADATA, key_file)
    say(f"restored: the store and {manifest.objects} large files of the archive, all as they were written")
