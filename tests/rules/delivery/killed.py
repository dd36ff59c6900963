"""The process that `test_kill` kills: a worker that sends what is due at an ever later time, over and over."""

from contextlib import suppress
from itertools import count
from multiprocessing.synchronize import Event

from sqlalchemy import create_engine

from ingest.store import Store
from rules.channels import understands
from rules.deliver import Retries
from tests.rules.delivery.making import send

# A try counts as lost only once the test moves its clock beyond a worker's.
RETRIES = Retries(first_ms=10, lost_ms=90_000)

# Apprise loads its services with the first URL, SQLAlchemy its drivers with the first engine: here, so that each process
# that is forked from this one has them.
understands("json://localhost")
with suppress(ImportError):
    create_engine("postgresql+psycopg://")


def work(url: str, at_ms: int, ready: Event) -> None:
    store = Store(url, durable=False)
    send(store, 0, retries=RETRIES)
    ready.set()
    for step in count():
        send(store, at_ms + min(step * 10, 80_000), retries=RETRIES, workers=2)
