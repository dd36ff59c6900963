"""afoot publish."""

import time
from typing import Annotated, Any

import typer

from afoot.app import App
from afoot.commands.common import Json, opened
from afoot.output import OK, REFUSED, print_json, print_text

EVERY_S = 30


def publish(
    all_: Annotated[
        bool, typer.Option("--all", help="Delete what lies there and write all of it again, as into an empty database.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once/--watch", help=f"One run, or one every {EVERY_S} seconds until it is stopped.")
    ] = True,
    json: Json = False,
) -> None:
    """Publish to InfluxDB what changed since it was last published. Nothing else changes there what is in it."""
    with opened() as app:
        code = _publish(app, json, everything=all_, at_once=True)
        while not once:
            time.sleep(EVERY_S)
            _publish(app, json, everything=False, at_once=False)
    raise typer.Exit(code)


def _publish(app: App, json: bool, *, everything: bool, at_once: bool) -> int:
    # Imported where it is used: the client takes a quarter of a second, which other commands would spend for nothing.
    from afoot.publishing import publish_due

    done = publish_due(app, everything=everything, at_once=at_once)
    if done.state == "off":
        raise ValueError("AFOOT_INFLUX_URL is not set: there is no InfluxDB to publish to")
    row: dict[str, Any] = {
        "state": done.state,
        "patients": done.patients,
        "lines": done.lines,
        "deleted": done.deleted,
        "refused": done.refused,
        "queued": done.queued,
        "problem": done.problem or None,
    }
    if json:
        print_json(row)
    elif done.state == "busy":
        print_text("Another run publishes now; it takes what waits along.")
    else:
        print_text(f"{done.patients:,} patients, {done.lines:,} lines written; {done.queued:,} days and facts wait")
        if done.refused:
            print_text(f"{done.refused:,} lines are not taken: afoot status says which")
        if done.problem:
            print_text(f"not all of it: {done.problem}")
    return REFUSED if done.state == "failed" or done.refused else OK
