"""Whose turn it is to run a job: one process at a time, by a lease that ends by itself if its holder dies.

Every process that shares the store sees the same rows. Clocks of several machines must agree to some seconds.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from afoot.service.tables import jobs

LEASE_MS = 60_000
RENEW_MS = 15_000
EVALUATE, DELIVER, FILES = "evaluate", "deliver", "files"
# After an upload others of the same patient often follow.
SETTLE_MS = 3_000
LONGEST_WAIT_MS = 600_000
# What stands for the problem of a job that has nothing to do, as things are set. It is none.
NOT_SET_UP = "not set up"


def add_jobs(connection: Connection, names: Iterable[str], at_ms: int) -> None:
    """Make the jobs known that are not; they are due at once."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    blank = {"next_ms": at_ms, "holder": "", "until_ms": 0, "failures": 0, "problem": ""}
    rows = [{"name": name} | blank for name in sorted(names)]
    connection.execute(dialect.insert(jobs).on_conflict_do_nothing(index_elements=["name"]), rows)


def find_due(connection: Connection, at_ms: int) -> list[str]:
    """Return the jobs that are due and that nobody holds."""
    query = select(jobs.c.name).where(jobs.c.next_ms <= at_ms, jobs.c.until_ms <= at_ms)
    return list(connection.execute(query.order_by(jobs.c.next_ms, jobs.c.name)).scalars())


def list_names(connection: Connection) -> list[str]:
    return list(connection.execute(select(jobs.c.name)).scalars())


def list_jobs(connection: Connection) -> Sequence[Row[Any]]:
    """Return the rows of all jobs, by name."""
    return connection.execute(select(jobs).order_by(jobs.c.name)).all()


def list_held(connection: Connection, holder: str, until_ms: int) -> list[str]:
    """Return the jobs of this holder whose lease ends by then."""
    query = select(jobs.c.name).where(jobs.c.holder == holder, jobs.c.until_ms <= until_ms)
    return list(connection.execute(query).scalars())


def claim(connection: Connection, name: str, holder: str, at_ms: int) -> bool:
    """Take a job that is due. Returns whether it is ours now; of several who try at once it is one's."""
    free = (jobs.c.name == name, jobs.c.next_ms <= at_ms, jobs.c.until_ms <= at_ms)
    taken = update(jobs).where(*free).values(holder=holder, until_ms=at_ms + LEASE_MS, started_ms=at_ms)
    return connection.execute(taken).rowcount == 1


def renew(connection: Connection, name: str, holder: str, at_ms: int) -> bool:
    """Hold a job for longer. Returns whether it still was ours."""
    mine = (jobs.c.name == name, jobs.c.holder == holder)
    return connection.execute(update(jobs).where(*mine).values(until_ms=at_ms + LEASE_MS)).rowcount == 1


def end(connection: Connection, name: str, holder: str, at_ms: int, every_ms: int, problem: str = "") -> None:
    """Give a job back; after failures it waits longer each time. problem: what went wrong, without a name; empty: nothing."""
    mine = (jobs.c.name == name, jobs.c.holder == holder)
    row = connection.execute(select(jobs.c.failures, jobs.c.started_ms, jobs.c.next_ms).where(*mine)).one_or_none()
    if row is None:
        return  # the lease was over, and it is another's
    failures = row.failures + 1 if problem else 0
    # Woken while it ran, it runs again soon.
    woken = row.next_ms > row.started_ms
    wait_ms = SETTLE_MS if woken and not problem else backoff_ms(every_ms, failures)
    values = {
        "holder": "",
        "until_ms": 0,
        "failures": failures,
        "problem": problem,
        "ended_ms": at_ms,
        "next_ms": at_ms + wait_ms,
    }
    connection.execute(update(jobs).where(*mine).values(values | ({} if problem else {"good_ms": at_ms})))


def rest(connection: Connection, name: str, holder: str, next_ms: int) -> None:
    """Give a job back that is not set up: it did nothing, neither well nor badly."""
    mine = (jobs.c.name == name, jobs.c.holder == holder)
    values = {"holder": "", "until_ms": 0, "failures": 0, "problem": NOT_SET_UP, "next_ms": next_ms}
    connection.execute(update(jobs).where(*mine).values(values))


def hasten(connection: Connection, names: Collection[str], at_ms: int) -> None:
    """Make jobs due now, however long they would wait."""
    connection.execute(update(jobs).where(jobs.c.name.in_(names), jobs.c.next_ms > at_ms).values(next_ms=at_ms))


def backoff_ms(every_ms: int, failures: int) -> int:
    """Return how long to wait after so many failures in a row."""
    return every_ms if not failures else max(every_ms, min(LONGEST_WAIT_MS, every_ms << min(failures, 16)))


def wake(connection: Connection, name: str, at_ms: int, *, wait_ms: int = SETTLE_MS) -> None:
    """Make a job due soon, in the transaction of what it is to look at; one that fails waits as long as it would anyway."""
    soon = at_ms + wait_ms
    due = (jobs.c.name == name, jobs.c.failures == 0, (jobs.c.next_ms > soon) | (jobs.c.next_ms <= jobs.c.started_ms))
    connection.execute(update(jobs).where(*due).values(next_ms=soon))
