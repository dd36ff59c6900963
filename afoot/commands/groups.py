"""afoot group."""

from typing import Annotated

import typer

from afoot.commands.common import Json, PatientName, opened, say_if_empty
from afoot.output import print_json, print_table
from ingest import groups, people

group = typer.Typer(help="Care groups: which therapists see which patients.", no_args_is_help=True)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="The group: lower-case letters, digits and _.")]


@group.command("add")
def add(
    name: GroupName, title: Annotated[str, typer.Option("--title", help="What people read; default: the name.")] = ""
) -> None:
    """Add a care group."""
    with opened() as app, app.store.writing() as connection:
        groups.add_group(connection, name, title)


@group.command("list")
def list_(json: Json = False) -> None:
    """List the care groups and their patients."""
    with opened() as app, app.store.reading() as connection:
        say_if_empty(app, connection)
        rows = [
            {"name": one.name, "title": one.title, "patients": [each.name for each in groups.patients_of(connection, one.id)]}
            for one in groups.list_groups(connection)
        ]
    if json:
        print_json(rows)
        return
    print_table(
        "", ["name", "title", "patients"], [[str(row["name"]), str(row["title"]), ", ".join(row["patients"])] for row in rows]
    )


@group.command("assign")
def assign(patient: PatientName, group: GroupName) -> None:
    """Put a patient into a care group, and out of the one before."""
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, patient)
        groups.assign(connection, owner.id, groups.find_group(connection, group).id)
