"""SQLite files from strangers, read as columns.

Such a file is a program as much as a table: views, triggers, virtual tables, generated columns, pages that point at
themselves. Here only the plain columns of ordinary tables are read, by scans without sorting, within a budget of SQLite's
own steps, and every failure is ours.

Source: sqlite.org/security.html, "Untrusted SQLite Database Files"; sqlite.org/fileformat2.html
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError, Hostile
from devices.files.source import Source, as_path, read_head

MAGIC = b"SQLite format 3\x00"
MISSING = -(1 << 62)  # stands for NULL, a text or a blob where an integer belongs; no time or count comes near it
MAX_BYTES = 8 << 30
MAX_TEXT = 200  # characters; a longer text is cut, so that no value costs memory

_BATCH_ROWS = 1 << 16
_HANDLER_EVERY = 1_000
_SCHEMA_STEPS = 50_000  # about 5,000 schema entries; real exports have 300
_BASE_STEPS = 2_000_000
# A scan of six columns takes about 40 steps a row, and no row is shorter than 6 bytes: an honest file needs less than 8.
_STEPS_PER_BYTE = 16

_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, 64 << 20),  # a row that holds an application's icon or a whole FIT file is honest
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_COLUMN, 250),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 2),
    (sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 8),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)
_PRAGMAS = ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "automatic_index = OFF", "mmap_size = 0")
_FUNCTIONS = frozenset({"typeof", "round", "substr"})

Value = int | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Consecutive rows of one table.

    place:   the table and its first row here, for messages
    columns: name -> (n,) int64, MISSING where the value is no number
    """

    place: str
    columns: Mapping[str, npt.NDArray[np.int64]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def is_sqlite(head: bytes) -> bool:
    return head.startswith(MAGIC)


def shown(value: int) -> str:
    """Return a number of a batch as a message says it."""
    return "no number" if value == MISSING else str(value)


def table_names(source: Source) -> tuple[str, ...]:
    """Return the names of the ordinary tables; none if the input is no SQLite file or its schema cannot be read."""
    if not is_sqlite(read_head(source)):
        return ()
    try:
        with open_database(source) as database:
            return tuple(sorted(database.tables))
    except DecodeError:
        return ()


@contextmanager
def open_database(source: Source) -> Iterator["Database"]:
    """Open for reading. Raises: DecodeError if there is no readable schema, Hostile beyond the limits."""
    with as_path(source, limit=MAX_BYTES) as path:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Hostile(source.name, f"at most {MAX_BYTES:,} bytes of SQLite", f"{size:,}")
        with closing(_connect(path, source.name)) as connection:
            yield Database(connection, source.name, size)


def _connect(path: Path, name: str) -> sqlite3.Connection:
    # immutable: no lock, no journal, no -wal or -shm beside the file is read or made; what was committed last is read.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise DecodeError(name, "an SQLite file that opens", str(error)) from error
    connection.text_factory = bytes
    for limit, value in _LIMITS:
        connection.setlimit(limit, value)
    return connection


class Database:
    """The ordinary tables of one open file. Not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection, name: str, size: int) -> None:
        self._connection, self._name = connection, name
        self._steps_left = _SCHEMA_STEPS
        self._tables: frozenset[str] = frozenset()
        connection.set_progress_handler(self._spend, _HANDLER_EVERY)
        with self._guarded("schema"):
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.set_authorizer(self._authorize)
            # A virtual table has the type of a table too, but no page of its own.
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
        self._tables = frozenset(_text(name) for (name,) in rows if isinstance(name, bytes))
        self._steps_left = _BASE_STEPS + _STEPS_PER_BYTE * size

    @property
    def tables(self) -> frozenset[str]:
        return self._tables

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of the stored columns; empty if there is no such table."""
        if table not in self._tables:
            return frozenset()
        with self._guarded(table):
            rows = self._connection.execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall()
        # The last field is not 0 for generated and hidden columns.
        return frozenset(_text(row[1]) for row in rows if row[6] == 0 and isinstance(row[1], bytes))

    def batches(self, table: str, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Batch]:
        """Yield a table's rows, a bounded number at a time, in the order of the file.

        An optional column that the table lacks is all MISSING.
        Raises: DecodeError if a required column is not there or a page is damaged, Hostile beyond the budget
        """
        present = self._require(table, required)
        names = (*required, *optional)
        wanted = ", ".join(_integer(_quoted(name)) if name in present else str(MISSING) for name in names)
        row = 0
        for rows in self._fetch(table, f"SELECT {wanted} FROM {_quoted(table)}", ()):
            flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=len(rows) * len(names))
            values = np.ascontiguousarray(flat.reshape(-1, len(names)).T)
            yield Batch(f"{table} row {row + 1}", dict(zip(names, values, strict=True)))
            row += len(rows)

    def rows(
        self, table: str, required: Sequence[str], optional: Sequence[str] = (), only: tuple[str, Sequence[str]] | None = None
    ) -> Iterator[tuple[Value, ...]]:
        """Yield rows as Python values, for tables of names; blobs and absent columns are None.

        only: a column, and the texts that it may hold; other rows never leave SQLite
        Raises: as `batches`
        """
        present = self._require(table, (*required, only[0]) if only else required)
        wanted = ", ".join(_value(_quoted(name)) if name in present else "NULL" for name in (*required, *optional))
        where = f" WHERE {_quoted(only[0])} IN ({', '.join('?' * len(only[1]))})" if only else ""
        for rows in self._fetch(table, f"SELECT {wanted} FROM {_quoted(table)}{where}", only[1] if only else ()):
            for row in rows:
                yield tuple(_text(value) if isinstance(value, bytes) else value for value in row)

    def _require(self, table: str, required: Sequence[str]) -> frozenset[str]:
        present = self.columns(table)
        missing = [name for name in required if name not in present]
        if missing:
            found = "no such table" if table not in self._tables else f"none named {', '.join(missing)}"
            raise DecodeError(f"{self._name}: {table}", f"the columns {', '.join(required)}", found)
        return present

    def _fetch(self, table: str, query: str, parameters: Sequence[str]) -> Iterator[list[tuple[int | float | bytes | None, ...]]]:
        done = 0
        with self._guarded(table):
            cursor = self._connection.execute(query, parameters)
        while True:
            with self._guarded(f"{table} after row {done}"):
                rows = cursor.fetchmany(_BATCH_ROWS)
            if not rows:
                return
            yield rows
            done += len(rows)

    @contextmanager
    def _guarded(self, place: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            where = f"{self._name}: {place}"
            if self._steps_left <= 0:
                raise Hostile(where, "a table that ends within the steps its file's size allows", "one that goes on") from error
            raise DecodeError(where, "undamaged SQLite", str(error)) from error

    def _spend(self) -> int:
        self._steps_left -= _HANDLER_EVERY
        return int(self._steps_left <= 0)

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        allowed = (
            action == sqlite3.SQLITE_SELECT
            or (action == sqlite3.SQLITE_READ and (first in self._tables or first == "sqlite_master"))
            or (action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS)
            or (action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo")
        )
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _integer(column: str) -> str:
    # typeof() looks at the header of the row: a blob of any size under a number's name is never loaded.
    return (
        f"CASE typeof({column}) WHEN 'integer' THEN {column} WHEN 'real' THEN CAST(round({column}) AS INTEGER) ELSE {MISSING} END"
    )


def _value(column: str) -> str:
    return f"CASE typeof({column}) WHEN 'blob' THEN NULL WHEN 'text' THEN substr({column}, 1, {MAX_TEXT}) ELSE {column} END"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
