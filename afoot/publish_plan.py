"""What is to be published: found by looking at the store, so that no way of changing it can be forgotten.

Days of which the minutes changed are marked as they change. All else is compared with what was published: who belongs where, by
which prescriptions and devices the days were made, of which alerts, observations and imports the facts are.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, func, select

from afoot.day_points import affected_days, known_stretch
from devices.recording import DAY_MS
from ingest import dirty, groups, people, tables
from ingest import ledger as imports
from ingest.people import Patient
from ingest.publishing import outbox
from ingest.publishing.outbox import FACTS, Lying
from ingest.publishing.schema import bucket_of
from ingest.store import Store
from rules import ledger

# Raise it when points come out otherwise than before: all of them are then made, and those that differ written, again.
FORMAT = 2
# So many UTC days of one patient are made, and remembered, at a time.
DAYS_AT_ONCE = 31


@dataclass(frozen=True, slots=True)
class Plan:
    """waiting: patients with something to publish, and where.  strangers: who lies where they do not belong"""

    waiting: Sequence[tuple[Patient, Lying]]
    strangers: Sequence[Lying]


def make_plan(connection: Connection, trusted: Collection[str]) -> Plan:
    """Mark what is other than what was published, in the caller's transaction, and return who waits.

    trusted: the buckets in which nothing lies but what the store knows of: there is nothing to delete of who is new there
    """
    lying = {(one.bucket, one.pseudonym): one for one in outbox.list_lying(connection)}
    members = _buckets_of_members(connection)
    facts, basis = _facts(connection), _basis(connection)
    wanted: dict[Patient, Lying] = {}
    for patient in people.list_patients(connection):
        bucket = members.get(patient.id, bucket_of(None))
        before = lying.pop((bucket, patient.pseudonym), Lying(bucket, patient.pseudonym, bucket in trusted, "", ""))
        now = replace(before, facts=f"{patient.zone} {facts.get(patient.id, '')}", basis=basis.get(patient.id, f"{FORMAT}"))
        _mark(connection, patient, before, now)
        if now != before:
            outbox.remember(connection, [now])
        wanted[patient] = now
    marked = outbox.patients_with_marks(connection)
    waiting = [(patient, now) for patient, now in wanted.items() if patient.id in marked]
    return Plan(waiting, list(lying.values()))


def _mark(connection: Connection, patient: Patient, before: Lying, now: Lying) -> None:
    if not now.is_known or now.basis != before.basis:
        dirty.mark_all_unpublished(connection, patient.id)
    if not now.is_known or now != before:
        outbox.mark_facts(connection, patient.id)


def _buckets_of_members(connection: Connection) -> dict[int, str]:
    names = {one.id: one.name for one in groups.list_groups(connection)}
    return {row.patient_id: bucket_of(names[row.group_id]) for row in connection.execute(select(tables.group_patients))}


def _basis(connection: Connection) -> dict[int, str]:
    """Return by patient a text that differs where what the days rest on, beside their minutes and devices, does."""
    table = tables.prescriptions
    return _texts(connection, [(table, [func.count(), func.max(table.c.version), func.max(table.c.created_ms)])])


def _facts(connection: Connection) -> dict[int, str]:
    """Return by patient a text that differs where their facts do. What a day's change makes of them is marked with the day."""
    happened, arrived, owned = ledger.transitions, tables.imports, tables.devices
    still = case((happened.c.superseded, 0), else_=1)
    instants = func.sum(happened.c.at_ms % 1_000_003 * still)
    states = [func.sum(case((arrived.c.state == state, 1), else_=0)) for state in (imports.DONE, imports.REFUSED)]
    return _texts(
        connection,
        [
            (
                happened,
                [func.count(), func.sum(still), func.max(happened.c.at_ms), instants],
            ),
            (tables.observations, [func.count()]),
            (arrived, [func.count(), *states, func.max(arrived.c.received_ms)]),
            (owned, [func.count(), func.max(owned.c.id)]),
            (tables.zones, [func.count(), func.max(tables.zones.c.from_ms)]),
            (tables.prescriptions, [func.count()]),
        ],
    )


def _texts(connection: Connection, asked: Sequence[tuple[Table, Sequence[ColumnElement[Any]]]]) -> dict[int, str]:
    found: dict[int, list[str]] = defaultdict(list)
    for place, (table, columns) in enumerate(asked):
        for patient_id, *values in connection.execute(select(table.c.patient_id, *columns).group_by(table.c.patient_id)):
            found[patient_id].append(f"{place}:{','.join(str(value) for value in values)}")
    return {patient_id: f"{FORMAT} {' '.join(texts)}" for patient_id, texts in found.items()}


def stretches(store: Store, patient: Patient, bucket: str, marks: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the UTC days to make again, as stretches of neighbours."""
    marked = [day for day in marks if day != FACTS]
    if not marked:
        return
    with store.reading() as connection:
        known = known_stretch(connection, patient.id)
        lying = set(outbox.list_days(connection, bucket, patient.pseudonym))
    lived = set() if known is None else set(range(known.first_s * 1000 // DAY_MS - 1, known.end_s * 1000 // DAY_MS + 2))
    # What became, or is no more, a part of what is known: a day without data lies between days with data, and ends at them.
    edges = {day + other for day in lived ^ lying for other in (-1, 0, 1)}
    stretch: list[int] = []
    for day in sorted((edges | set(affected_days(marked))) & (lived | lying)):
        if stretch and (day != stretch[-1] + 1 or len(stretch) == DAYS_AT_ONCE):
            yield stretch
            stretch = []
        stretch.append(day)
    yield stretch
