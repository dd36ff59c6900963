"""Results go to stdout, as a table for people or as JSON for machines; everything else goes to stderr."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from devices.errors import DeviceError
from ingest.errors import Conflict, DamagedStore, IngestError, NotKnown

OK, REFUSED, USAGE = 0, 1, 2

# Into a pipe or a file a table is as wide as it needs to be; a terminal folds it.
_PIPE_WIDTH = 400
stdout = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on one line: a stream of them is JSON Lines."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain, sort_keys=False) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print rows; None is unknown and shows as a dash, never as 0. right: the columns that hold numbers."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    stdout.print(table)


def print_text(text: str) -> None:
    """Print a sentence that is part of the result."""
    stdout.print(text.replace("[", r"\["), soft_wrap=True)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    # Brackets are rich's markup: a patient may be called "[bold]".
    return str(value).replace("[", r"\[")


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def instant(at_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def say(text: str) -> None:
    """Tell the person at the terminal something that is not a result."""
    stderr.print(text.replace("[", r"\["))


@contextmanager
def refusals() -> Iterator[None]:
    """Turn our own errors into one line on stderr and the exit code that fits."""
    try:
        yield
    except (NotKnown, Conflict, ValueError, FileNotFoundError) as error:
        say(f"afoot: {error}")
        raise typer.Exit(USAGE) from error
    except (DamagedStore, IngestError, DeviceError, OSError) as error:
        say(f"afoot: {error}")
        raise typer.Exit(REFUSED) from error
