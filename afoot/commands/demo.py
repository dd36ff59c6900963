"""afoot demo."""

from pathlib import Path
from typing import Annotated

import typer

from afoot.output import refusals
from afoot.times import parse_date


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put its files, store and reports.")] = Path("demo"),
    fresh: Annotated[
        bool, typer.Option(help="Begin anew; --no-fresh keeps the folder and shows that importing again adds nothing.")
    ] = True,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day of the exports; default: 2026-04-12.")] = None,
) -> None:
    """Run the main job on four virtual patients: exports, import, judged days, reports; and compare with their truth."""
    with refusals():
        last = None if until is None else parse_date(until)
        # Imported where it is used: virtual wearers take a while, which other commands would spend for nothing.
        from afoot.demonstrating import demonstrate

        demonstrate(folder, fresh=fresh, until=last)
