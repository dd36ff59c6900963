"""Backups by the settings: a new one when the last is old enough, and no more of them than are to be kept."""

import re
from datetime import UTC, datetime
from pathlib import Path

from afoot.app import STATE, App
from afoot.settings import BadSetting, Settings
from devices.recording import DAY_MS
from ingest import tables
from ingest.backup import Manifest, checked_recipients, write_backup

METADATA = (tables.metadata, *STATE)
_NAME = re.compile(r"afoot-(\d{8}T\d{6}Z)\.(?:age|tar)")
_FORM = "%Y%m%dT%H%M%SZ"


def write(app: App, path: Path, public_keys: list[str]) -> Manifest:
    return write_backup(app.store, app.archive, METADATA, path, app.now_ms(), public_keys)


def back_up_due(app: App) -> Path | None:
    """Write a backup into the folder of the settings if the newest there is a day old, and drop the oldest beyond those to keep.

    Returns: the new one; None if none is due, or no folder is set
    Raises:  BadSetting if no public key is set, for a backup that nobody watches is never a plain one; or if a key or the folder
             cannot be used
    """
    folder, keys = app.settings.backup_folder, app.settings.backup_keys
    if folder is None:
        return None
    check_keys(app.settings)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = list_backups(folder)
    except OSError as error:
        raise BadSetting(f"AFOOT_BACKUP_FOLDER: {folder}: {error.strerror}") from error
    now = app.now_ms()
    if kept and now - kept[-1][0] < DAY_MS:
        return None
    path = folder / f"afoot-{datetime.fromtimestamp(now / 1000, UTC).strftime(_FORM)}.age"
    write(app, path, keys)
    for _, old in list_backups(folder)[: -app.settings.backup_keep]:
        old.unlink()
    return path


def check_keys(settings: Settings) -> None:
    """Raises: BadSetting if there is no public key to encrypt backups to, or one that is none"""
    if not settings.backup_keys:
        raise BadSetting("AFOOT_BACKUP_KEYS: not set, so no backup is written: set the public key that `afoot backup-key` prints")
    try:
        checked_recipients(settings.backup_keys)
    except ValueError as error:
        raise BadSetting(f"AFOOT_BACKUP_KEYS: {error}") from error


def list_backups(folder: Path) -> list[tuple[int, Path]]:
    """Return (made_ms, path) of the backups in a folder, the newest last; by their names, whatever else lies there."""
    found = []
    for path in folder.iterdir():
        if (match := _NAME.fullmatch(path.name)) is not None:
            made = datetime.strptime(match[1], _FORM).replace(tzinfo=UTC)
            found.append((round(made.timestamp() * 1000), path))
    return sorted(found)
