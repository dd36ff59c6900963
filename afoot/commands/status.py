"""afoot status."""

import typer

from afoot.commands.common import Json, opened
from afoot.output import OK, REFUSED, print_json, print_table
from afoot.status import PARTS

_SIGNS = {True: "ok", False: "NOT OK", None: ""}


def status(json: Json = False) -> None:
    """Say how afoot stands: what can be reached, what waits, what went wrong. Ends with 1 if something is not as it should be."""
    with opened() as app:
        lines = [line for part in PARTS for line in part(app)]
    if json:
        print_json([{"part": one.part, "what": one.what, "said": one.in_full, "ok": one.ok} for one in lines])
    else:
        print_table("", ["part", "what", "", "state"], [[line.part, line.what, _SIGNS[line.ok], line.in_full] for line in lines])
    raise typer.Exit(OK if all(line.ok is not False for line in lines) else REFUSED)
