"""The command line: `afoot`."""

import logging
import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from afoot.commands import (
    access,
    alerts,
    backup,
    check,
    days,
    demo,
    documents,
    files,
    groups,
    init,
    monitoring,
    observe,
    people,
    publish,
    radio,
    serving,
    status,
)
from afoot.commands.gateway import gateway
from afoot.commands.grafana import grafana
from afoot.commands.notify import notify
from afoot.commands.owners import device
from afoot.commands.prescription import prescription

app = typer.Typer(
    help="Movement in the prescribed dose after lumbar spinal fusion: from wearable to judged day. Not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(people.patient, name="patient")
app.add_typer(device, name="device")
app.add_typer(groups.group, name="group")
app.add_typer(access.user, name="user")
app.add_typer(access.token, name="token")
app.add_typer(prescription, name="prescription")
app.add_typer(notify, name="notify")
app.add_typer(gateway, name="gateway")
app.add_typer(grafana, name="grafana")
app.command("import")(files.import_)
app.command("imports")(files.imports)
app.command("forget")(files.forget)
app.command("identify")(files.identify)
app.command("rebuild")(files.rebuild)
app.command("day")(days.day)
app.command("days")(days.days)
app.command("gaps")(days.gaps)
app.command("compare")(days.compare)
app.command("report")(documents.report)
app.command("export")(documents.export)
app.command("observe")(observe.observe)
app.command("observations")(observe.observations)
app.command("contact")(monitoring.contact)
app.command("review")(monitoring.review)
app.command("evidence")(monitoring.evidence)
app.command("check")(check.check)
app.command("rules")(check.rules)
app.command("simulate-rules")(check.simulate_rules)
app.command("alerts")(alerts.alerts)
app.command("ack")(alerts.ack)
app.command("close")(alerts.close)
app.command("snooze")(alerts.snooze)
app.command("sync")(radio.sync)
app.command("live")(radio.live)
app.command("doctor")(radio.doctor)
app.command("serve")(serving.serve)
app.command("audit")(access.show_audit)
app.command("publish")(publish.publish)
app.command("status")(status.status)
app.command("backup")(backup.backup)
app.command("backup-key")(backup.backup_key)
app.command("restore")(backup.restore)
app.command("init")(init.init)
app.command("demo")(demo.demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"afoot {version('afoot')}\n")
        raise typer.Exit


@app.callback()
def configure(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more to stderr.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    # Apprise logs what it cannot read of a channel's URL, passwords and tokens included; its answers are read elsewhere.
    logging.getLogger("apprise").propagate = False


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a sign must not end the program
    app()
