"""The outbox of what dashboards read: what is still to be published, what lies there already, who publishes, and how it goes.

What changed is marked in the transaction that changed it (`ingest/dirty.py`). Before lines are sent, the store remembers what may
lie there afterwards; when the answer has come, what does. So whatever stops a run in between, the next one knows what to write
again and what to delete. Times are UTC milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, delete, func, select, update

from ingest import dirty, tables
from ingest.publishing.lines import Series, build_lines
from ingest.publishing.presence import Presence, decode, encode, presence_of, unite
from ingest.store import insert_new, upsert

# What is no day's: alerts, observations, gaps, devices, the patient's line of the ward.
FACTS = -1
_NOTHING: Presence = {}
_ROW = 1
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How publishing goes.

    queued:     days of patients, and patients' facts, that wait
    patients:   how many patients they are of
    behind_ms:  since when what waits could not be published
    succeeded_ms, failed_ms: the end of the last run that did, or did not, publish all that waited
    refused:    lines that the database does not take, and `refused_why` of the first
    """

    queued: int = 0
    patients: int = 0
    succeeded_ms: int | None = None
    failed_ms: int | None = None
    behind_ms: int | None = None
    failures: int = 0
    next_ms: int = 0
    error: str = ""
    refused: int = 0
    refused_why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What is published together: a UTC day of a patient, or the patient's facts. Its points belong to no other block."""

    day: int
    lines: Sequence[str]
    presence: Presence
    digest: str

    @classmethod
    def of(cls, day: int, made: Sequence[Series]) -> "Block":
        lines = [line for series in made for line in build_lines(series)]
        return cls(day, lines, presence_of(made), sha256("\n".join(lines).encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store remembers of a block. digest: empty where it may be half written."""

    digest: str
    presence: Presence
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Lying:
    """A patient of whom something lies in a bucket. is_known: the store remembers all of it."""

    bucket: str
    pseudonym: str
    is_known: bool
    facts: str
    basis: str


def mark_facts(connection: Connection, patient_id: int) -> None:
    """Mark what is no day's, in the transaction that changed it."""
    dirty.mark_unpublished(connection, [(patient_id, FACTS)])


def read_marks(connection: Connection, patient_id: int) -> dict[int, int]:
    return dirty.read_marks(connection, patient_id, tables.unpublished_days)


def clear(connection: Connection, patient_id: int, seen: Mapping[int, int]) -> None:
    dirty.clear(connection, patient_id, seen, tables.unpublished_days)


def patients_with_marks(connection: Connection) -> set[int]:
    return set(dirty.list_patients(connection, tables.unpublished_days))


def take(connection: Connection, holder: str, at_ms: int, until_ms: int) -> bool:
    """Take the right to publish. Returns whether it was to be had."""
    table = tables.publisher
    insert_new(connection, table, [_IDLE])
    free = (table.c.holder == "") | (table.c.until_ms <= at_ms)
    taken = update(table).where(table.c.id == _ROW, free).values(holder=holder, until_ms=until_ms)
    return connection.execute(taken).rowcount == 1


def renew(connection: Connection, holder: str, until_ms: int) -> bool:
    """Keep the right to publish. Returns whether it was still the holder's: nobody else had it in between."""
    table = tables.publisher
    kept = update(table).where(table.c.id == _ROW, table.c.holder == holder).values(until_ms=until_ms)
    return connection.execute(kept).rowcount == 1


_IDLE = {"id": _ROW, "holder": "", "until_ms": 0, "failures": 0, "next_ms": 0, "error": ""}


def give_back(connection: Connection, holder: str) -> None:
    table = tables.publisher
    connection.execute(update(table).where(table.c.id == _ROW, table.c.holder == holder).values(holder="", until_ms=0))


def note_success(connection: Connection, at_ms: int) -> None:
    values = {"succeeded_ms": at_ms, "failures": 0, "next_ms": 0, "error": "", "behind_ms": None}
    connection.execute(update(tables.publisher).where(tables.publisher.c.id == _ROW).values(values))


def note_failure(connection: Connection, at_ms: int, error: str, next_ms: int) -> None:
    table = tables.publisher
    values = {"failed_ms": at_ms, "failures": table.c.failures + 1, "next_ms": next_ms, "error": error}
    values |= {"behind_ms": func.coalesce(table.c.behind_ms, at_ms)}
    connection.execute(update(table).where(table.c.id == _ROW).values(values))


def read_standing(connection: Connection) -> Standing:
    """Return how publishing goes, by what the store knows of it."""
    table, marks, days = tables.publisher, tables.unpublished_days, tables.published_days
    row = connection.execute(select(table).where(table.c.id == _ROW)).one_or_none()
    queued, patients = connection.execute(select(func.count(), func.count(marks.c.patient_id.distinct()))).one()
    refused = connection.execute(select(func.sum(days.c.refused))).scalar() or 0
    first = select(days.c.reason).where(days.c.refused > 0).order_by(days.c.bucket, days.c.pseudonym, days.c.day).limit(1)
    why = connection.execute(first).scalar() or ""
    if row is None:
        return Standing(queued, patients, refused=refused, refused_why=why)
    return Standing(
        queued=queued,
        patients=patients,
        succeeded_ms=row.succeeded_ms,
        failed_ms=row.failed_ms,
        behind_ms=row.behind_ms,
        failures=row.failures,
        next_ms=row.next_ms,
        error=row.error,
        refused=refused,
        refused_why=why,
    )


def list_lying(connection: Connection) -> list[Lying]:
    """Return of whom something lies where."""
    table = tables.published_patients
    rows = connection.execute(select(table).order_by(table.c.bucket, table.c.pseudonym))
    return [Lying(row.bucket, row.pseudonym, row.is_known, row.facts, row.basis) for row in rows]


def remember(connection: Connection, lying: Iterable[Lying]) -> None:
    """Remember of whom something may lie where, before it does."""
    rows = [
        {"bucket": one.bucket, "pseudonym": one.pseudonym, "is_known": one.is_known, "facts": one.facts, "basis": one.basis}
        for one in lying
    ]
    upsert(connection, tables.published_patients, rows)


def forget_days(connection: Connection, bucket: str, pseudonym: str) -> None:
    """Nothing of the patient lies in the bucket any more."""
    table = tables.published_days
    connection.execute(delete(table).where(table.c.bucket == bucket, table.c.pseudonym == pseudonym))


def forget_patient(connection: Connection, bucket: str, pseudonym: str) -> None:
    """Nothing of the patient lies in the bucket any more, and nothing will."""
    forget_days(connection, bucket, pseudonym)
    table = tables.published_patients
    connection.execute(delete(table).where(table.c.bucket == bucket, table.c.pseudonym == pseudonym))


def distrust(connection: Connection, bucket: str | None = None) -> None:
    """What lies in a bucket, or in any, is not what the store remembers: delete it and write all again."""
    table = tables.published_patients
    doubted = update(table).values(is_known=False)
    connection.execute(doubted if bucket is None else doubted.where(table.c.bucket == bucket))


def read_days(connection: Connection, bucket: str, pseudonym: str, days: Sequence[int]) -> dict[int, Kept]:
    """Return what the store remembers of a patient's blocks."""
    table = tables.published_days
    found: dict[int, Kept] = {}
    for first in range(0, len(days), AT_ONCE):
        some = days[first : first + AT_ONCE]
        where = (table.c.bucket == bucket, table.c.pseudonym == pseudonym, table.c.day.in_(some))
        rows = connection.execute(select(table.c.day, table.c.digest, table.c.presence, table.c.refused).where(*where))
        found |= {row.day: Kept(row.digest, decode(row.presence), row.refused) for row in rows}
    return found


def list_days(connection: Connection, bucket: str, pseudonym: str) -> list[int]:
    """Return the days of a patient of which something may lie there."""
    table = tables.published_days
    where = (table.c.bucket == bucket, table.c.pseudonym == pseudonym, table.c.day != FACTS)
    return list(connection.execute(select(table.c.day).where(*where).order_by(table.c.day)).scalars())


def begin_days(connection: Connection, bucket: str, pseudonym: str, blocks: Sequence[Block], kept: Mapping[int, Kept]) -> None:
    """Remember what may lie there while these blocks are being written."""
    rows = []
    for block in blocks:
        before = kept[block.day].presence if block.day in kept else _NOTHING
        rows.append(_day_row(bucket, pseudonym, block.day, "", unite(before, block.presence), 0, ""))
    upsert(connection, tables.published_days, rows)


def end_days(
    connection: Connection, bucket: str, pseudonym: str, blocks: Sequence[Block], refused: Mapping[int, tuple[int, str]]
) -> None:
    """Remember what lies there now. refused: by day how many lines were not taken, and why"""
    some = [block for block in blocks if block.presence]
    rows = [
        _day_row(bucket, pseudonym, block.day, block.digest, block.presence, *refused.get(block.day, (0, ""))) for block in some
    ]
    upsert(connection, tables.published_days, rows)
    table = tables.published_days
    empty = [block.day for block in blocks if not block.presence]
    for first in range(0, len(empty), AT_ONCE):
        where = (table.c.bucket == bucket, table.c.pseudonym == pseudonym, table.c.day.in_(empty[first : first + AT_ONCE]))
        connection.execute(delete(table).where(*where))


def _day_row(
    bucket: str, pseudonym: str, day: int, digest: str, presence: Presence, refused: int, reason: str
) -> dict[str, object]:
    return {
        "bucket": bucket,
        "pseudonym": pseudonym,
        "day": day,
        "digest": digest,
        "presence": encode(presence),
        "refused": refused,
        "reason": reason,
    }


def read_run(connection: Connection, bucket: str) -> tuple[str, ...]:
    """Return what the mark in a bucket may say if it is the one that this store wrote to last; nothing if it never did."""
    table = tables.published_buckets
    row = connection.execute(select(table.c.run, table.c.next_run).where(table.c.bucket == bucket)).one_or_none()
    return () if row is None else tuple(one for one in row if one)


def write_run(connection: Connection, bucket: str, run: str, next_run: str = "") -> None:
    upsert(connection, tables.published_buckets, [{"bucket": bucket, "run": run, "next_run": next_run}])
