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
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from devices.errors import DeviceError
from ingest.errors import Conflict, DamagedStore, IngestError, NotKnown

OK, REFUSED, USAGE = 0, 1, 2

# Into a pipe or a file a table is as wide as it needs to be; a terminal folds it.
_PIPE_WIDTH = 400
stdout = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on one line: a stream of them is JSON Lines."""
    text = json.dumps(value, ensure_ascii=False, default=_plain, sort_keys=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, default=_plain, sort_keys=False)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print rows; None is unknown and shows as a dash, never as 0. right: the columns that hold numbers."""
    heading = Text(_visible(title)) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(
            Text(_visible(column, keep="")), justify="right" if column in right else "left", overflow="fold", no_wrap=place == 0
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    stdout.print(table)


def print_text(text: str) -> None:
    """Print a sentence that is part of the result."""
    stdout.print(Text(_visible(text)), soft_wrap=True)


def _cell(value: object) -> Text:
    if value is None:
        return Text("–")
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}")
    return Text(_visible(str(value), keep=""))


def _visible(text: str, keep: str = "\n\t") -> str:
    """Return the text with what would steer a terminal written out: names come from files, and from strangers.

    It goes to the terminal as plain text: a patient may be called "[bold]", or ":smile:".
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def instant(at_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def say(text: str) -> None:
    """Tell the person at the terminal something that is not a result."""
    stderr.print(Text(_visible(text)))


@contextmanager
def refusals() -> Iterator[None]:
    """Turn our own errors into one line on stderr and the exit code that fits."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has seen enough; typer ends the program quietly
    except SQLAlchemyError as error:
        # Without the statement and its values: they hold names.
        say(f"afoot: the store: {getattr(error, 'orig', None) or str(error).splitlines()[0]}")
        raise typer.Exit(REFUSED) from error
    except (NotKnown, Conflict, ValueError, FileNotFoundError) as error:
        say(f"afoot: {error}")
        raise typer.Exit(USAGE) from error
    except (DamagedStore, IngestError, DeviceError, OSError) as error:
        say(f"afoot: {error}")
        raise typer.Exit(REFUSED) from error
