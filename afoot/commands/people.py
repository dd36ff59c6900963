"""afoot patient, afoot device."""

from pathlib import Path
from typing import Annotated, Any

import typer

from afoot.commands.common import Json, PatientName, PatientOption, opened, parse_instant, say_if_empty
from afoot.erasing import erase_patient
from afoot.handing import hand_over
from afoot.output import instant, print_json, print_table, say
from afoot.service import audit
from afoot.service.audit import COMMAND_LINE
from afoot.service.roles import Role
from ingest import faults, groups, people

patient = typer.Typer(help="Patients: who they are, and by whose clock they live.", no_args_is_help=True)
device = typer.Typer(help="The devices of a patient.", no_args_is_help=True)

Zone = Annotated[str, typer.Option("--zone", help="IANA time zone of the patient's home, such as Europe/Berlin.")]


@patient.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the clinic calls the patient here.")], zone: Zone, json: Json = False
) -> None:
    """Add a patient."""
    with opened() as app, app.store.writing() as connection:
        new = people.add_patient(connection, name, zone, app.now_ms())
        row = {"name": new.name, "pseudonym": new.pseudonym, "zone": new.zone}
    if json:
        print_json(row)
    else:
        print_table("", list(row), [list(row.values())])


@patient.command("list")
def list_(json: Json = False) -> None:
    """List the patients, their care groups, their home zones and where they lived or travelled since."""
    with opened() as app, app.store.reading() as connection:
        say_if_empty(app, connection)
        names = {one.id: one.name for one in groups.list_groups(connection)}
        of = groups.group_ids(connection)
        rows: list[dict[str, Any]] = [
            {
                "name": one.name,
                "pseudonym": one.pseudonym,
                "group": names[of[one.id]] if one.id in of else None,
                "zone": one.zone,
                "moves": [{"from": instant(at), "zone": zone} for at, zone in people.zone_history(connection, one)[1:]],
            }
            for one in people.list_patients(connection)
        ]
    if json:
        print_json(rows)
        return
    cells = [row | {"moves": "; ".join(f"{one['zone']} from {one['from']}" for one in row["moves"])} for row in rows]
    columns = ["name", "pseudonym", "group", "zone", "moves"]
    print_table("", columns, [[row[column] for column in columns] for row in cells])


@patient.command("zone")
def zone(
    name: PatientName,
    zone: Annotated[str, typer.Argument(help="IANA time zone that the patient lives by.")],
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From when on: 2026-08-01T10:00:00Z. Default: since ever."),
    ] = None,
) -> None:
    """Say that the patient moved or travels, or, without --from, that the home zone was wrong."""
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, name)
        if since is not None:
            people.set_zone(connection, owner.id, zone, parse_instant(since))
            return
        people.set_home(connection, owner.id, zone)
    say("The home zone is set. Exports in local time are read by it from now on; for those already imported: afoot rebuild")


@patient.command("erase")
def erase(
    name: PatientName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase all that is kept of a patient: data, raw files, records, alerts, accounts. It cannot be taken back."""
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, name)
        if not yes and not typer.confirm(f"Erase everything of {owner.name!r}?", err=True):
            raise typer.Abort
        erase_patient(app, owner, COMMAND_LINE)
    say("The patient is erased. Backups made before still hold the data.")


@patient.command("export")
def hand(
    name: PatientName,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write; one of that name is replaced.")],
) -> None:
    """Write all that is kept of a patient into one zip: raw files, CSV, FHIR, records."""
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, name)
            hand_over(app, connection, owner, out)
        with app.store.writing() as connection:
            act = audit.Act(app.now_ms(), COMMAND_LINE, Role.OPERATOR.value, "read everything", owner.id)
            audit.note(connection, [act])
    say(f"wrote {out}")


@device.command("list")
def list_devices(patient: PatientOption, json: Json = False) -> None:
    """List a patient's devices, the most believed first."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        rows = [
            {
                "device": one.device.key,
                "vendor": one.device.vendor,
                "model": one.device.model,
                "serial": one.device.serial,
                "name": one.device.name,
                "priority": one.priority,
            }
            for one in people.list_devices(connection, owner.id)
        ]
    if json:
        print_json(rows)
    else:
        columns = ["device", "vendor", "model", "serial", "name", "priority"]
        print_table("", columns, [list(row.values()) for row in rows], right=["priority"])


@device.command("trust")
def trust(
    key: Annotated[str, typer.Argument(metavar="DEVICE", help="The device, as `afoot device list` shows it.")],
    patient: PatientOption,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when on: 2026-08-01T10:00:00Z.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Until when.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back all that was said for this device.")] = False,
) -> None:
    """Say that a device was right where `afoot gaps` shows its minutes as set aside: they count again."""
    if undo != (from_ is None and to is None) or (from_ is None) != (to is None):
        raise typer.BadParameter("expected both --from and --to, or --undo alone")
    with opened() as app, app.store.writing() as connection:
        owner = people.find_patient(connection, patient)
        if from_ is None or to is None:
            faults.distrust_device(connection, owner.id, key)
            return
        start_ms, end_ms = parse_instant(from_), parse_instant(to)
        if end_ms <= start_ms:
            raise typer.BadParameter("expected --to after --from")
        faults.trust_device(connection, owner.id, key, start_ms, end_ms, app.now_ms())


@device.command("prefer")
def prefer(
    key: Annotated[str, typer.Argument(metavar="DEVICE", help="The device, as `afoot device list` shows it.")],
    priority: Annotated[
        int,
        typer.Argument(
            metavar="PRIORITY", help="Of two devices that know a minute, the one with more is believed.", min=-100, max=100
        ),
    ],
    patient: PatientOption,
) -> None:
    """Say which of a patient's devices to believe where several know a minute."""
    with opened() as app, app.store.writing() as connection:
        people.set_priority(connection, people.find_patient(connection, patient).id, key, priority)
