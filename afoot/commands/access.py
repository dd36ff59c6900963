"""afoot user, token, audit."""

import os
import sys
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from afoot.app import App
from afoot.commands.common import Json, opened, parse_instant, say_if_empty
from afoot.output import instant, print_json, print_table, print_text, say, stderr
from afoot.service import accounts, audit, tokens
from afoot.service.audit import COMMAND_LINE
from afoot.service.roles import Role, Scope
from ingest import groups, people

user = typer.Typer(help="People who sign in: patients, therapists, operators.", no_args_is_help=True)
token = typer.Typer(help="Tokens of devices, gateways and scripts.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="What they sign in with.")]
OfPatient = Annotated[str | None, typer.Option("--patient", help="Of a patient's own: the patient's name.")]
OfGroups = Annotated[
    list[str] | None, typer.Option("--group", help="Of a therapist's: a care group whose patients are seen. As often as needed.")
]


@user.command("add")
def add_user(
    name: UserName,
    role: Annotated[Role, typer.Option("--role", help="patient, therapist or operator.")],
    patient: OfPatient = None,
    group: OfGroups = None,
    json: Json = False,
) -> None:
    """Add somebody who signs in; the password is asked for, or read from AFOOT_PASSWORD or standard input."""
    with opened() as app:
        password = _read_password()
        with app.store.writing() as connection:
            made = accounts.add_account(connection, name, password, role, app.now_ms(), **_scope(connection, patient, group))
            _note(connection, app, "change accounts", made.scope)
            row = {"name": made.name, "role": made.scope.role.value, "sees": _sees(connection, made.scope)}
    _print([row], json)


@user.command("list")
def list_users(json: Json = False) -> None:
    """List those who sign in."""
    with opened() as app, app.store.reading() as connection:
        say_if_empty(app, connection)
        rows = [
            {"name": one.name, "role": one.scope.role.value, "sees": _sees(connection, one.scope)}
            for one in accounts.list_accounts(connection)
        ]
    _print(rows, json, ["name", "role", "sees"])


@user.command("password")
def password(name: UserName) -> None:
    """Set another password, and end all sessions of the account."""
    with opened() as app:
        new = _read_password()
        with app.store.writing() as connection:
            found = accounts.find_account(connection, name)
            accounts.set_password(connection, found.id, new)
            _note(connection, app, "change accounts", found.scope)
    say("The password is set; every session of this account has ended.")


@user.command("remove")
def remove_user(name: UserName) -> None:
    """Remove an account, and end its sessions. What it did stays in the audit."""
    with opened() as app, app.store.writing() as connection:
        found = accounts.find_account(connection, name)
        accounts.remove_account(connection, found.id)
        _note(connection, app, "change accounts", found.scope)


@token.command("create")
def create_token(
    role: Annotated[Role, typer.Option("--role", help="device, patient, therapist or operator.")],
    label: Annotated[str, typer.Option("--label", help="What it is for; it stands in the audit.")],
    patient: OfPatient = None,
    group: OfGroups = None,
    json: Json = False,
) -> None:
    """Make a token and show it, this once: only its hash is kept."""
    with opened() as app, app.store.writing() as connection:
        made, secret = tokens.add_token(connection, label, role, app.now_ms(), **_scope(connection, patient, group))
        _note(connection, app, "change tokens", made.scope)
        row = _token_row(connection, made)
    if json:
        print_json(row | {"secret": secret})
    else:
        _print([row], json)
        say("The token, shown only now:")
        print_text(secret)


@token.command("list")
def list_tokens(json: Json = False) -> None:
    """List the tokens, without their secrets."""
    with opened() as app, app.store.reading() as connection:
        rows = [_token_row(connection, one) for one in tokens.list_tokens(connection)]
    _print(rows, json, ["token", "role", "label", "sees", "created", "used"])


@token.command("revoke")
def revoke_token(
    number: Annotated[int, typer.Argument(metavar="TOKEN", help="Its number, as `afoot token list` shows it.")],
) -> None:
    """Revoke a token: from now on it opens nothing."""
    with opened() as app, app.store.writing() as connection:
        tokens.revoke_token(connection, number)
        _note(connection, app, "change tokens", None)


def show_audit(
    patient: OfPatient = None,
    who: Annotated[str | None, typer.Option("--who", help="Only what this account or token did.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only from then on.")] = None,
    most: Annotated[int, typer.Option("--most", help="The newest so many.", min=1, max=1_000_000)] = 1000,
    json: Json = False,
) -> None:
    """List who read or changed what of which patient, oldest first."""
    with opened() as app, app.store.reading() as connection:
        owner = None if patient is None else people.find_patient(connection, patient).id
        since_ms = None if since is None else parse_instant(since)
        found = audit.list_acts(connection, patient_id=owner, who=who, since_ms=since_ms, most=most)
        names = {one.id: one.name for one in people.list_patients(connection)}
    rows: list[dict[str, Any]] = [
        {
            "at": instant(one.at_ms),
            "who": one.who,
            "role": one.role,
            "did": one.action,
            "patient": None if one.patient_id is None else names.get(one.patient_id, f"erased ({one.patient_id})"),
        }
        for one in found
    ]
    _print(rows, json, ["at", "who", "role", "did", "patient"])


def _read_password() -> str:
    """Never an argument: the list of processes would show it."""
    given = os.environ.get("AFOOT_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, again = (stderr.input(f"{text}: ", password=True) for text in ("Password", "Again"))
    if first != again:
        raise ValueError("password: the two were not the same")
    return first


def _scope(connection: Connection, patient: str | None, group: list[str] | None) -> dict[str, Any]:
    owner = None if patient is None else people.find_patient(connection, patient).id
    return {"patient_id": owner, "group_ids": [groups.find_group(connection, one).id for one in group or []]}


def _sees(connection: Connection, scope: Scope) -> str:
    if scope.patient_id is not None:
        return next((one.name for one in people.list_patients(connection) if one.id == scope.patient_id), "nobody")
    return ", ".join(one.name for one in groups.list_groups(connection) if one.id in scope.group_ids)


def _token_row(connection: Connection, one: tokens.Token) -> dict[str, Any]:
    return {
        "token": one.id,
        "role": one.scope.role.value,
        "label": one.label,
        "sees": _sees(connection, one.scope),
        "created": instant(one.created_ms),
        "used": None if one.used_ms is None else instant(one.used_ms),
    }


def _note(connection: Connection, app: App, action: str, scope: Scope | None) -> None:
    patient_id = scope.patient_id if scope else None
    audit.note(connection, [audit.Act(app.now_ms(), COMMAND_LINE, Role.OPERATOR.value, action, patient_id)])


def _print(rows: list[dict[str, Any]], json: bool, columns: list[str] | None = None) -> None:
    if json:
        print_json(rows if columns else rows[0])
    else:
        print_table("", columns or list(rows[0]), [list(row.values()) for row in rows])
