"""When each patient was judged, so that judging the past again judges the same instants."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, delete, func, select

from ingest.store import upsert
from rules import ledger

checks_metadata = MetaData()

since = Table(
    "judged_since",
    checks_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("from_ms", BigInteger, comment="the first check; null: since the first data"),
)

instants = Table(
    "judged_instants",
    checks_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a patient was judged.

    is_known: whether ever.  from_ms: since when each end of a day is judged; None: since the first data
    judged_ms: the record is as of this instant.  newest_ms: the newest instant ever judged
    """

    is_known: bool = False
    from_ms: int | None = None
    judged_ms: int | None = None
    newest_ms: int | None = None


def read_position(connection: Connection, patient_id: int, *, lock: bool = False) -> Position:
    """lock: on PostgreSQL nobody else judges the patient until the caller's transaction ends."""
    table = ledger.judged
    query = select(table.c.judged_ms, table.c.newest_ms).where(table.c.patient_id == patient_id)
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).first()
    begun = connection.execute(select(since.c.from_ms).where(since.c.patient_id == patient_id)).first()
    if row is None or begun is None:
        return Position()
    return Position(True, begun.from_ms, row.judged_ms, row.newest_ms)


def begin(connection: Connection, patient_id: int, from_ms: int | None) -> None:
    upsert(connection, since, [{"patient_id": patient_id, "from_ms": from_ms}])


def note(connection: Connection, patient_id: int, at_ms: int) -> None:
    upsert(connection, instants, [{"patient_id": patient_id, "at_ms": at_ms}])


def list_instants(connection: Connection, patient_id: int, after_ms: int | None) -> list[int]:
    """Return when the patient was checked after an instant, in order."""
    wanted = select(instants.c.at_ms).where(instants.c.patient_id == patient_id).order_by(instants.c.at_ms)
    if after_ms is not None:
        wanted = wanted.where(instants.c.at_ms > after_ms)
    return list(connection.execute(wanted).scalars())


def standing_at(connection: Connection, patient_id: int, at_ms: int) -> int | None:
    """Return the instant up to which the record would still stand after `ledger.rewind` to `at_ms`."""
    table = ledger.checkpoints
    kept = select(func.max(table.c.at_ms)).where(table.c.patient_id == patient_id, table.c.at_ms < at_ms)
    found: int | None = connection.execute(kept).scalar()
    return found


def forget(connection: Connection, patient_ids: Sequence[int]) -> None:
    """Erase when these patients were judged."""
    for table in (since, instants):
        connection.execute(delete(table).where(table.c.patient_id.in_(patient_ids)))
