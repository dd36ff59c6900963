"""`kill -9` of the worker at random moments: every transition is delivered at least once, and repeats carry the same id."""

import json
import multiprocessing
import random
import re
import time
from collections import defaultdict

import pytest

from ingest.store import Store
from rules import outbox
from rules.finding import Recipient
from rules.outbox import State, list_deliveries, list_waiting
from rules.routes import add_route
from tests.rules.delivery import killed
from tests.rules.delivery.making import NOW, put, row, send
from tests.rules.delivery.servers import Post, Webhook

MOMENTS = {"sqlite": 30, "postgresql": 15}
RULES = ("sudden_drop", "below_floor", "no_progress", "spike", "load_ratio")


def test_kill_9_at_random_moments(database: Store, hook: Webhook, office: Post) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    # Processes are forked by one that has no threads and has imported all that they need.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", killed.__name__])
    put(database, to=(hook.url(), office.url()))
    with database.writing() as connection:
        add_route(connection, Recipient.PATIENT, hook.url("anna"), patient_id=1)
    chance, at_ms, names = random.Random(9), NOW, []
    hook.delay_s = 0.01
    for moment in range(MOMENTS[database.engine.dialect.name]):
        new = [
            row(f"{moment}-{n}", rule=RULES[n], at_ms=at_ms, not_before_ms=at_ms, recipient=("therapist", "patient")[n % 2])
            for n in range(4)
        ]
        names += [one["id"] for one in new]
        ready = context.Event()
        worker = context.Process(target=killed.work, args=(url, at_ms, ready))
        worker.start()
        assert ready.wait(20)
        put(database, *new)
        time.sleep(chance.uniform(0.0, 0.1))
        worker.kill()
        worker.join()
        at_ms += 100_000
    sent_by_the_killed = len(hook.got) + len(office.got)
    for _ in range(3):
        at_ms += 100_000
        send(database, at_ms, retries=killed.RETRIES)
    with database.reading() as connection:
        deliveries = list_deliveries(connection)
        assert list_waiting(connection) == []
    assert {one.state for one in deliveries} == {State.SENT}
    assert sorted({name for one in deliveries for name in one.transitions}) == sorted(names)
    _hold_against_what_arrived(deliveries, hook, office)
    # The moments were of use: the killed sent some of it, and some tries were cut off.
    assert sent_by_the_killed > 0
    assert sum(one.tries for one in deliveries) > len(deliveries)


def _hold_against_what_arrived(deliveries: list[outbox.Delivery], hook: Webhook, office: Post) -> None:
    """Each delivery arrived, and what arrived twice under one id is the same word for word."""
    arrived: dict[str, set[str]] = defaultdict(set)
    for headers, content in hook.got:
        if content:
            body = json.loads(content)
            assert body["id"] == headers["X-Afoot-Id"]
            arrived["webhook " + body["id"]].add(body["title"] + body["message"])
    for mail in office.got:
        found = re.fullmatch(r"<(\w+)@clinic\.example>", mail["Message-ID"])
        assert found is not None
        arrived["mail " + found[1]].add(mail["Subject"] + mail.get_content())
    by_message: dict[str, list[str]] = defaultdict(list)
    for one in deliveries:
        by_message[one.message_id].append(one.recipient)
    wanted = {f"webhook {message}" for message in by_message}
    wanted |= {f"mail {message}" for message, recipients in by_message.items() if "therapist" in recipients}
    assert set(arrived) == wanted
    assert {len(texts) for texts in arrived.values()} == {1}


@pytest.fixture(autouse=True)
def _no_worker_left() -> None:
    assert multiprocessing.active_children() == []
