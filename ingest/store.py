"""The store: opening it, and the minutes of every device and metric in it.

SQLite in one file, or PostgreSQL by URL, by the same code. What a writer commits is on the disk (`synchronous=FULL`).
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, MetaData, Table, bindparam, create_engine, event, func, inspect, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url

from devices.recording import DAY_MS, METRICS, Metric
from ingest import tables
from ingest.blocks import decode_minutes, encode_minutes
from ingest.errors import DamagedStore
from ingest.evidence import Evidence, combine, decode, encode, from_minutes, is_told_by_minutes, part_of_day, touched_days
from ingest.minutes import ABSENT, MINUTES_PER_DAY, Grid, Minutes, plain_minutes, said_minutes, to_minutes
from ingest.turns import Turn

PAGE_BYTES = 16_384
CREATING = 0x61666F6F74  # the name, as the number of a lock that lasts for a transaction
BUSY_MS = 30_000
DAYS_AT_ONCE = 512
# A counter's period begins at a local midnight, up to 25 hours back: placing a UTC day takes the evidence of the two before it.
PERIOD_DAYS = 2

Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """How many minutes a write made known, how many it gave another value, and how many that it spoke of stayed as they were."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Change") -> "Change":
        return Change(self.inserted + other.inserted, self.changed + other.changed, self.unchanged + other.unchanged)


class Store:
    """One store. Every write happens inside `writing()`, which commits when its block ends and rolls back on any error."""

    def __init__(self, url: str, *, durable: bool = True) -> None:
        """url: `sqlite:///path` or `postgresql+psycopg://...`. durable: False lets a power cut take the last commits."""
        self.engine = _open(url, durable)
        self._turn: AbstractContextManager[object] = Turn(BUSY_MS) if self.engine.dialect.name == "sqlite" else nullcontext()
        # Only a new store is written to: whoever comes to read must not wait for somebody who writes.
        if not inspect(self.engine).has_table(tables.about.name):
            with self.writing() as connection:
                _create(connection)
        with self.reading() as connection:
            _check(connection)
        self.add_tables(tables.metadata)

    def add_tables(self, *wanted: MetaData) -> None:
        """Create those of the tables that are not there yet: the store may be older than they are, or other rooms' own."""
        there = set(inspect(self.engine).get_table_names())
        missing = [metadata for metadata in wanted if not metadata.tables.keys() <= there]
        if missing:
            with self.writing() as connection:
                _create_tables(connection, *missing)

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[Connection]:
        """A transaction that commits when its block ends, or, with `keep` off, is undone: what would happen, without it."""
        with self._turn, self.engine.connect() as connection, connection.begin() as transaction:
            if self.engine.dialect.name == "sqlite":
                # Take the write lock now: what is read below must still be true when it is written back.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            if not keep:
                transaction.rollback()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _open(url: str, durable: bool) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-32768")

    return engine


def _create_tables(connection: Connection, *wanted: MetaData) -> None:
    """Create the tables that are not there, one process at a time: PostgreSQL fails if two create the same one at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(CREATING)))
    for metadata in wanted:
        metadata.create_all(connection)


def _create(connection: Connection) -> None:
    _create_tables(connection, tables.metadata)
    values = [{"key": "schema", "value": str(tables.SCHEMA_VERSION)}, {"key": "store", "value": secrets.token_hex(8)}]
    insert_new(connection, tables.about, values)


def _check(connection: Connection) -> None:
    schema = connection.execute(select(tables.about.c.value).where(tables.about.c.key == "schema")).scalar()
    if schema != str(tables.SCHEMA_VERSION):
        newer = schema is not None and schema.isdecimal() and int(schema) > tables.SCHEMA_VERSION
        why = ": a newer afoot made it, use that one" if newer else ""
        raise DamagedStore(f"the store: expected schema {tables.SCHEMA_VERSION}, found {schema}{why}")


@cache
def _upsert(dialect: str, table: Table, largest: tuple[str, ...]) -> Any:
    """Building a statement costs more than running it, so each is built once."""
    statement: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=keys)
    where = None
    if largest:
        where = tuple_(*(statement.excluded[name] for name in largest)) > tuple_(*(table.c[name] for name in largest))
    return statement.on_conflict_do_update(index_elements=keys, set_=rest, where=where)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, largest: tuple[str, ...] = ()) -> None:
    """Insert whole rows; one whose primary key is there replaces it, with `largest` only where it is larger in those columns."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, largest), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert whole rows; one whose key is there stays as it is."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def add(connection: Connection, patient_id: int, device_id: int, metric: str, evidence: Evidence) -> Change:
    """Add what a device said to what it said before, and place the minutes of every day that this touches.

    Runs inside `Store.writing()`. Adding the same again, in any order or in pieces, ends in the same rows.
    """
    return add_parts(connection, patient_id, device_id, metric, [evidence])[0]


def add_parts(
    connection: Connection,
    patient_id: int,
    device_id: int,
    metric: str,
    parts: Sequence[Evidence],
    written: set[int] | None = None,
) -> list[Change]:
    """`add` for what several files said, at once: much faster, and each file's own share of the change is returned.

    A minute that several of them made known is counted with the first.
    written: the UTC days of which something changed are added to it
    """
    kind, changes = METRICS[metric], [Change()] * len(parts)
    whole = combine(kind, parts)
    days = touched_days(whole)
    if not len(days):
        return changes
    if connection.dialect.name == "postgresql":
        # One writer a device at a time; SQLite has one writer in all.
        connection.execute(select(tables.devices.c.id).where(tables.devices.c.id == device_id).with_for_update())
    for first in range(0, len(days), DAYS_AT_ONCE):
        some = days[first : first + DAYS_AT_ONCE]
        new = whole if len(some) == len(days) else combine(kind, [part_of_day(whole, int(day)) for day in some])
        placed = _add(connection, patient_id, device_id, kind, new, days if new is whole else touched_days(new))
        changes = [change + share for change, share in zip(changes, placed.shares(kind, parts), strict=True)]
        if written is not None:
            written.update(placed.written)
    return changes


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """What became of the minutes of the days (d,): (d, 1440) bool each.

    said:    what the new evidence speaks of, if at hand
    written: the days whose rows are new or other than they were
    """

    days: Days
    inserted: npt.NDArray[np.bool_]
    changed: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    said: npt.NDArray[np.bool_] | None
    written: list[int]

    def shares(self, metric: Metric, parts: Sequence[Evidence]) -> list[Change]:
        """Return what each part changed; a minute that several of them speak of is counted with the first."""
        if len(parts) == 1 and self.said is not None:
            inserted, changed = (int(np.count_nonzero(mask)) for mask in (self.inserted, self.changed))
            return [Change(inserted, changed, int(np.count_nonzero(self.said)) - inserted - changed)]
        said = [said_minutes(metric, part, self.days) for part in parts]
        part = np.repeat(np.arange(len(parts)), [len(minutes) for minutes in said])
        minute = np.concatenate(said)
        known = self.known.ravel()[minute]
        part, minute = part[known], minute[known]
        first = np.zeros(len(minute), dtype=np.bool_)
        first[np.unique(minute, return_index=True)[1]] = True
        new, other = (
            np.bincount(part[first & mask.ravel()[minute]], minlength=len(parts)) for mask in (self.inserted, self.changed)
        )
        spoken = np.bincount(part, minlength=len(parts))
        columns = (new, other, spoken - new - other)
        return [Change(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _add(connection: Connection, patient_id: int, device_id: int, metric: Metric, new: Evidence, days: Days) -> _Placed:
    stored = {row.day: row for row in _rows(connection, patient_id, device_id, metric.name, days)}
    said: npt.NDArray[np.bool_] | None
    if is_told_by_minutes(metric, new) and all(row.evidence is None for row in stored.values()):
        before, placed = _minutes_before(stored, days), plain_minutes(metric, new, days)
        # Both say whole minutes, so their union is the larger value of each; ABSENT is below any.
        after, said = np.maximum(before, placed), placed != ABSENT
        evidence: list[bytes | None] = [None] * len(days)
        resolution_s, unplaced = np.full(len(days), 60), np.zeros(len(days), dtype=np.int64)
    else:
        whole, days = _with_stored(metric, new, days, stored)
        grid = to_minutes(metric, whole, days)
        before, after, said = _minutes_before(stored, days), grid.minutes, None
        evidence = [_evidence_bytes(metric, whole, int(day)) for day in days]
        resolution_s, unplaced = grid.resolution_s, grid.unplaced
    rows: list[dict[str, Any]] = []
    known, was, same = after != ABSENT, before != ABSENT, after == before
    for index in np.flatnonzero(known.any(axis=1) | (unplaced > 0) | np.array([data is not None for data in evidence])):
        old, data, lost = stored.get(int(days[index])), evidence[index], int(unplaced[index])
        if old is not None and same[index].all() and old.evidence == data and old.unplaced == lost:
            continue
        key = {"patient_id": patient_id, "device_id": device_id, "metric": metric.name, "day": int(days[index])}
        rows.append(key | _columns(after[index], data, int(resolution_s[index]), lost))
    upsert(connection, tables.minutes, rows)
    return _Placed(days, known & ~was, was & ~same, known, said, [row["day"] for row in rows])


_ROWS = select(tables.minutes.c.day, tables.minutes.c.block, tables.minutes.c.evidence, tables.minutes.c.unplaced).where(
    tables.minutes.c.patient_id == bindparam("patient"),
    tables.minutes.c.device_id == bindparam("device"),
    tables.minutes.c.metric == bindparam("metric"),
    tables.minutes.c.day.between(bindparam("first"), bindparam("last")),
)


def _rows(connection: Connection, patient_id: int, device_id: int, metric: str, days: Days) -> Sequence[Any]:
    """The stored days around the given ones, as far as placing those and the days that they bear on can need."""
    first, last = int(days[0]) - PERIOD_DAYS - 1, int(days[-1]) + PERIOD_DAYS + 1
    where = {"patient": patient_id, "device": device_id, "metric": metric, "first": first, "last": last}
    return connection.execute(_ROWS, where).all()


def _minutes_before(stored: dict[int, Any], days: Days) -> Minutes:
    """Return what is stored for the given days: (d, 1440) int16."""
    minutes = np.full((len(days), MINUTES_PER_DAY), ABSENT, dtype=np.int16)
    there = [index for index, day in enumerate(days.tolist()) if day in stored]
    if there:
        minutes[there] = decode_minutes([stored[int(days[index])].block for index in there])
    return minutes


def _with_stored(metric: Metric, new: Evidence, days: Days, stored: dict[int, Any]) -> tuple[Evidence, Days]:
    """Return the new evidence with what is stored of the days around, and the days to place with it."""
    told = {day: decode(metric, day, row.evidence) for day, row in stored.items() if row.evidence is not None}
    counters = any(len(part.at_ms) for part in (new, *told.values()))
    wanted = days
    if counters:
        # A reading bears on the minutes since the one before it, and on the later readings of its period.
        days = np.unique(np.add.outer(days, np.arange(-1, PERIOD_DAYS + 1)))
        wanted = np.array(list(stored), dtype=np.int64)
    plain = [day for day, row in stored.items() if row.evidence is None and day in wanted]
    blocks = decode_minutes([stored[day].block for day in plain])
    parts = [from_minutes(metric, day, block, ABSENT) for day, block in zip(plain, blocks, strict=True)]
    return combine(metric, [new, *told.values(), *parts]), days


def _evidence_bytes(metric: Metric, whole: Evidence, day: int) -> bytes | None:
    """Return what to keep beside the minutes of a day: nothing where they tell all, or where there is nothing of that day."""
    part = part_of_day(whole, day)
    # What a counter read just after midnight says reaches into the day before it: those minutes are not evidence of their own.
    first, last = np.searchsorted(whole.at_ms, (day * DAY_MS, (day + 2) * DAY_MS))
    if first == last and not part.is_empty and is_told_by_minutes(metric, part):
        return None
    return encode(day, part)


def _columns(minutes: Minutes, evidence: bytes | None, resolution_s: int, unplaced: int) -> dict[str, Any]:
    known = np.flatnonzero(minutes != ABSENT)
    values = minutes[known]
    return {
        "block": encode_minutes(minutes),
        "evidence": evidence,
        "resolution_s": resolution_s,
        "unplaced": unplaced,
        "count": len(known),
        "total": int(values.sum(dtype=np.int64)),
        "low": int(values.min()) if len(known) else ABSENT,
        "high": int(values.max()) if len(known) else ABSENT,
        "first": int(known[0]) if len(known) else ABSENT,
        "last": int(known[-1]) if len(known) else ABSENT,
    }


@dataclass(frozen=True, slots=True, eq=False)
class DeviceMinutes:
    """What one device has of one metric: see `Grid`; days without a row are not in it."""

    device_id: int
    grid: Grid


_minutes = tables.minutes.c
# Statements that each judged day needs stand ready: to build one takes longer than to run it.
_MINUTES = (
    select(_minutes.device_id, _minutes.day, _minutes.block, _minutes.resolution_s, _minutes.unplaced)
    .where(_minutes.patient_id == bindparam("patient"), _minutes.metric == bindparam("metric"))
    .where(_minutes.day.between(bindparam("first_day"), bindparam("last_day")))
    .order_by(_minutes.device_id, _minutes.day)
)
_MINUTES_OF_DEVICE = _MINUTES.where(_minutes.device_id == bindparam("device"))


def read_minutes(
    connection: Connection, patient_id: int, metric: str, first_day: int, last_day: int, device_id: int | None = None
) -> list[DeviceMinutes]:
    """Return the stored minutes of the UTC days first_day..last_day, both included, by device."""
    asked = {"patient": patient_id, "metric": metric, "first_day": first_day, "last_day": last_day}
    if device_id is None:
        rows = connection.execute(_MINUTES, asked).all()
    else:
        rows = connection.execute(_MINUTES_OF_DEVICE, asked | {"device": device_id}).all()
    minutes = decode_minutes([row.block for row in rows])
    days, resolution_s, unplaced = (
        np.array([getattr(row, name) for row in rows], dtype=kind)
        for name, kind in (("day", np.int64), ("resolution_s", np.int32), ("unplaced", np.int64))
    )
    owner = np.array([row.device_id for row in rows], dtype=np.int64)
    return [
        DeviceMinutes(int(device), Grid(days[own], minutes[own], resolution_s[own], unplaced[own]))
        for device in np.unique(owner)
        for own in [owner == device]
    ]
