"""afoot notify."""

import os
import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from afoot.app import App
from afoot.commands.common import Json, opened
from afoot.delivering import find_subject, send_due
from afoot.output import OK, REFUSED, instant, print_json, print_table
from ingest import people
from ingest.entries import checked_text
from ingest.errors import NotKnown
from rules import outbox, routes
from rules.channels import Outcome, Result, send_by_apprise, understands
from rules.finding import Priority, Recipient
from rules.messages import LANGUAGES, Notice, Subject, find_language, write_message
from rules.outbox import Delivery, State
from rules.routes import CLINIC, Route

notify = typer.Typer(help="Channels: who is told, by which way; and sending what waits.", no_args_is_help=True)

URL_SETTING = "AFOOT_NOTIFY_URL"
# A URL of a channel is a line; nobody's is longer.
LONGEST_URL = 8192
_ROLES = tuple(one.value for one in Recipient)

PatientOnly = Annotated[str | None, typer.Option("--patient", help="Only messages about this patient. Default: about all.")]


@notify.command("add")
def add(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"Whose channel it is: {', '.join(_ROLES)}.")],
    patient: PatientOnly = None,
    url_file: Annotated[
        Path | None,
        typer.Option("--url-file", metavar="FILE", help=f"A file with the Apprise URL. Default: {URL_SETTING}, else stdin."),
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What to call it here; the URL is never shown.")] = "",
    language: Annotated[str, typer.Option("--language", help=f"Of its messages: {', '.join(LANGUAGES)}.")] = "en",
    json: Json = False,
) -> None:
    """Add a channel. Its URL is a secret, and never an argument: the list of processes would show it."""
    if role not in _ROLES:
        raise typer.BadParameter(f"expected one of {', '.join(_ROLES)}", param_hint="ROLE")
    if language.partition("-")[0] not in LANGUAGES:
        raise typer.BadParameter(f"expected one of {', '.join(LANGUAGES)}", param_hint="--language")
    with opened() as app:
        url = _read_url(url_file)
        name = checked_text("--label", label, most=80) if label else ""
        if "://" in name:
            raise ValueError("--label: expected a name, found a URL, which is secret")
        with app.store.writing() as connection:
            owner = CLINIC if patient is None else people.find_patient(connection, patient).id
            made = routes.add_route(connection, Recipient(role), url, patient_id=owner, label=name, language=language)
        row = _plain(made, {} if patient is None else {owner: patient})
    _print([row], json)


@notify.command("list")
def list_(json: Json = False) -> None:
    """List the channels. Their URLs are not shown: they are secrets."""
    with opened() as app, app.store.reading() as connection:
        names = _names(connection)
        rows = [_plain(route, names) for route in routes.list_routes(connection)]
    _print(rows, json)


@notify.command("remove")
def remove(
    channel: Annotated[int, typer.Argument(metavar="CHANNEL", help="Its number, as `afoot notify list` shows it.")],
) -> None:
    """Remove a channel. Messages that wait for it fail, and are listed as failed."""
    with opened() as app, app.store.writing() as connection:
        if not routes.remove_route(connection, channel):
            raise NotKnown(f"channel {channel}: there is none of that number")


@notify.command("test")
def send_test(
    channel: Annotated[int | None, typer.Argument(metavar="[CHANNEL]", help="Only this one; default: each of them.")] = None,
    json: Json = False,
) -> None:
    """Send a test message by each channel and say what became of it."""
    rows = []
    with opened() as app:
        with app.store.reading() as connection:
            names = _names(connection)
            wanted = [one for one in routes.list_routes(connection) if channel in (None, one.id)]
            subjects = {one.patient_id: find_subject(connection, one.patient_id) or _NOBODY for one in wanted}
        if not wanted:
            raise NotKnown("there is no channel yet" if channel is None else f"channel {channel}: there is none of that number")
        for route in wanted:
            outcome = _send_test(route, subjects[route.patient_id], app.now_ms())
            rows.append(_plain(route, names) | {"result": outcome.result.value, "reason": outcome.reason or None})
    _print(rows, json)
    raise typer.Exit(OK if all(row["result"] == Result.SENT.value for row in rows) else REFUSED)


@notify.command("flush")
def flush(json: Json = False) -> None:
    """Send what is due. Nothing else sends but a red flag; so run it every minute or so."""
    with opened() as app:
        _report(app, send_due(app), json)


@notify.command("retry")
def retry(
    patient: PatientOnly = None,
    json: Json = False,
) -> None:
    """Send again what has failed and is not too late, and whatever is due."""
    with opened() as app:
        with app.store.writing() as connection:
            owner = None if patient is None else people.find_patient(connection, patient).id
            outbox.requeue_failed(connection, app.now_ms(), patient_id=owner)
        _report(app, send_due(app), json)


_NOBODY = Subject(CLINIC, "test", "test", ZoneInfo("UTC"))


def _send_test(route: Route, subject: Subject, at_ms: int) -> Outcome:
    message_id = outbox.message_id_of([f"test:{route.id}:{at_ms}"])
    notice = Notice("", "test", Priority.NORMAL.value, at_ms, {})
    text = write_message([notice], route.recipient, subject, find_language(route.language), message_id)
    return send_by_apprise(route.url, message_id, text)


def _read_url(path: Path | None) -> str:
    """Return the URL of the file, the environment or stdin. Raises: ValueError, which never says what was found"""
    if path is not None:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(LONGEST_URL + 1)
    elif URL_SETTING in os.environ:
        text = os.environ[URL_SETTING]
    elif sys.stdin.isatty():
        text = getpass("Apprise URL (it is not shown): ")
    else:
        text = sys.stdin.read(LONGEST_URL + 1)
    url = text.strip()
    if not url or len(url) > LONGEST_URL or not url.isprintable() or not understands(url):
        raise ValueError(
            "the channel: expected one Apprise URL, such as mailtos:// or ntfys:// begin; found none that is understood"
        )
    return url


def _names(connection: Connection) -> dict[int, str]:
    return {one.id: one.name for one in people.list_patients(connection)}


def _plain(route: Route, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "channel": route.id,
        "role": route.recipient.value,
        "patient": names.get(route.patient_id),
        "label": route.label,
        "language": route.language,
    }


def _print(rows: Sequence[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(rows)
        return
    columns = list(rows[0]) if rows else ["channel", "role", "patient", "label", "language"]
    print_table("", columns, [list(row.values()) for row in rows], right=["channel"])


def _report(app: App, tried: Sequence[Delivery], json: bool) -> None:
    """Print what became of each message and channel; leave with 1 if any was not sent."""
    with app.store.reading() as connection:
        names, labels = _names(connection), {one.id: one.label for one in routes.list_routes(connection)}
    rows: list[dict[str, Any]] = [
        {
            "message": one.message_id,
            "patient": names.get(one.patient_id),
            "role": one.recipient,
            "channel": labels.get(one.route_id),
            "state": one.state.value,
            "tries": one.tries,
            "again": instant(one.next_ms) if one.state is State.QUEUED else None,
            "reason": one.reason or None,
        }
        for one in tried
    ]
    if json:
        print_json(rows)
    else:
        columns = ["message", "patient", "role", "channel", "state", "tries", "again", "reason"]
        print_table("", columns, [list(row.values()) for row in rows], right=["tries"])
    raise typer.Exit(OK if all(one.state is State.SENT for one in tried) else REFUSED)
