"""afoot device whose, release: when one device was several patients'."""

from typing import Annotated, Any

import typer

from afoot.commands.common import Json, PatientOption, opened
from afoot.commands.people import device
from afoot.output import print_json, print_table, print_text
from ingest import owners, people

__all__ = ["device"]

Serial = Annotated[
    str, typer.Argument(metavar="SERIAL", help="The device's serial number or address, or as `afoot device list` shows it.")
]


@device.command("whose")
def whose(serial: Serial, json: Json = False) -> None:
    """Say which patients have data of a device, and who is paired with it."""
    with opened() as app, app.store.reading() as connection:
        rows: list[dict[str, Any]] = [
            {"patient": one.patient.name, "device": one.key, "paired": one.paired, "released": one.released}
            for one in owners.list_owners(connection, serial)
        ]
    if json:
        print_json(rows)
    elif not rows:
        print_text(f"nobody has data of a device {serial!r}, and nobody is paired with it")
    else:
        words = [
            [row["patient"], row["device"], *("yes" if row[name] else "no" for name in ("paired", "released"))] for row in rows
        ]
        print_table("", ["patient", "device", "paired", "released"], words)


@device.command("release")
def release(serial: Serial, patient: PatientOption) -> None:
    """Let another patient have a device; what it said so far stays this one's."""
    with opened() as app, app.store.writing() as connection:
        owners.release_device(connection, people.find_patient(connection, patient).id, serial)
