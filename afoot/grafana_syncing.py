"""Grafana as the settings name it: made what the care groups are, given its files and its tokens, and told to read them anew."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afoot.app import App
from afoot.publishing import open_influx, read_token
from afoot.service import accounts
from afoot.service.roles import Role
from afoot.settings import Settings
from dashboards.grafana_server import GrafanaServer
from dashboards.grafana_sync import CareGroup, Sync, Synced
from dashboards.provision import Organisation, build_files, token_file
from ingest import groups

KINDS = ("datasources", "dashboards", "alerting")


@dataclass(frozen=True, slots=True)
class Outcome:
    """steps: what was done, or in a dry run would be. passwords: the files with the first passwords of new users"""

    steps: Sequence[str]
    passwords: Sequence[Path]


def sync_grafana(app: App, therapists: Mapping[str, Sequence[str]] | None = None, *, dry_run: bool = False) -> Outcome:
    """Make Grafana what afoot says.

    therapists: the logins of each care group, by its name; None: people are left alone
    Raises: ValueError for a setting that cannot be used; NotKnown for a group that is none; GrafanaError, InfluxError; OSError if
            a file cannot be written
    """
    settings = app.settings
    folder, server = _reach(settings)
    with app.store.reading() as connection:
        for name in therapists or {}:
            groups.find_group(connection, name)
        wanted = [
            CareGroup(one.name, None if therapists is None else tuple(therapists.get(one.name, ())))
            for one in groups.list_groups(connection)
        ]
    synced = Sync(server, lambda: secrets.token_urlsafe(18), dry_run=dry_run).run(wanted)
    passwords = [_write(folder / f"passwords/{login}", f"{text}\n", 0o600) for login, text in synced.passwords.items()]
    steps = [*synced.steps, *_write_tokens(app, folder, synced, dry_run), *_write_files(app, folder, synced, dry_run)]
    if len(steps) > len(synced.steps) and not dry_run:
        for kind in KINDS:
            server.read_files_anew(kind)
    return Outcome(steps, passwords)


def list_therapists(app: App) -> list[str]:
    """Return LOGIN=GROUP for each group of each therapist's account."""
    with app.store.reading() as connection:
        names = {one.id: one.name for one in groups.list_groups(connection)}
        found = [one for one in accounts.list_accounts(connection) if one.scope.role is Role.THERAPIST]
    return [f"{one.name}={names[id]}" for one in found for id in sorted(one.scope.group_ids)]


def _reach(settings: Settings) -> tuple[Path, GrafanaServer]:
    """Return the folder of Grafana's files, and Grafana. Raises: ValueError naming all settings that are missing at once"""
    folder, password_file = settings.grafana_files, settings.grafana_password_file
    needed = {
        "AFOOT_GRAFANA_URL (the Grafana to set up)": settings.grafana_url,
        "AFOOT_GRAFANA_PASSWORD_FILE (the password of its administrator)": password_file,
        "AFOOT_GRAFANA_FILES (the folder that Grafana reads its provisioning from)": folder,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing or folder is None:
        raise ValueError(f"not set: {', '.join(missing)}")
    password = read_token(password_file, "AFOOT_GRAFANA_PASSWORD_FILE")
    return folder, GrafanaServer(settings.grafana_url, settings.grafana_user, password)


def _write_tokens(app: App, folder: Path, synced: Synced, dry_run: bool) -> list[str]:
    """Make a token for each organisation that has none here: InfluxDB shows a token once, when it is made."""
    missing = [one for one in synced.organisations if not (folder / token_file(one.name)).exists()]
    if missing and not dry_run:
        with open_influx(app) as influx:
            for one in missing:
                token = influx.make_read_token(one.bucket, f"Grafana reads {one.bucket}")
                _write(folder / token_file(one.name), f"Token {token}", 0o600)
    return [f"make a token that reads {one.bucket} alone" for one in missing]


def _write_files(app: App, folder: Path, synced: Synced, dry_run: bool) -> list[str]:
    settings = app.settings
    # An organisation that a dry run did not make has no number yet; its files are written when it has one.
    known: list[Organisation] = [one for one in synced.organisations if one.id]
    files = build_files(known, settings.grafana_influx_url or settings.influx_url, settings.grafana_link_url)
    changed = [path for path, text in files.items() if _read(folder / path) != text]
    if not dry_run:
        for path in changed:
            _write(folder / path, files[path], 0o644)
    return [f"write {path}" for path in changed]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str, mode: int) -> Path:
    """Write it beside and put it into place, so that Grafana never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open(part, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(text)
    part.replace(path)
    return path
