"""Who is told by what, and that a URL is told to nobody."""

import logging
from hashlib import sha256

import pytest
from sqlalchemy.exc import DBAPIError

from ingest.store import Store
from rules import outbox
from rules.finding import Recipient
from rules.routes import Refused, Secret, add_route, find_route, list_routes, remove_route, routes_for
from tests.rules.delivery.making import NOW, put, row, send
from tests.rules.delivery.servers import Webhook

TOKEN = "s3cr3t-T0ken"
URL = f"slack://{TOKEN}/B/C/#ward"


def test_a_patients_own_channels_come_before_the_clinics(database: Store) -> None:
    with database.writing() as connection:
        ward = add_route(connection, Recipient.THERAPIST, URL)
        own = add_route(connection, Recipient.THERAPIST, "json://own", patient_id=1)
        assert routes_for(connection, 1, Recipient.THERAPIST) == [own]
        assert routes_for(connection, 2, Recipient.THERAPIST) == [ward]
        assert routes_for(connection, 1, Recipient.OPERATOR) == []
        assert remove_route(connection, own.id)
        assert not remove_route(connection, own.id)
        assert routes_for(connection, 1, Recipient.THERAPIST) == [ward]
        assert find_route(connection, own.id) is None


def test_the_same_channel_twice_is_one(database: Store) -> None:
    with database.writing() as connection:
        first = add_route(connection, Recipient.THERAPIST, URL)
        assert add_route(connection, Recipient.THERAPIST, f" {URL} ") == first
        assert list_routes(connection) == [first]


def test_no_channel_serves_every_patient_as_a_patient(database: Store) -> None:
    with database.writing() as connection, pytest.raises(Refused):
        add_route(connection, Recipient.PATIENT, URL)


def test_a_url_is_shown_nowhere(database: Store) -> None:
    with database.writing() as connection:
        route = add_route(connection, Recipient.THERAPIST, URL)
        assert TOKEN not in repr(route) + str(route) + route.label
        assert route.label.startswith("slack ")
        assert route.url == URL
    digest = sha256(URL.encode()).hexdigest()
    values = {"patient_id": 0, "recipient": "therapist", "url": Secret(URL), "digest": digest, "label": "", "language": ""}
    with pytest.raises(DBAPIError) as twice, database.writing() as connection:
        connection.execute(outbox.routes.insert().values(values))
    assert TOKEN not in str(twice.value) + repr(twice.value)


def test_nothing_of_a_channel_or_a_patient_is_logged_or_kept_as_a_reason(
    database: Store, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hook.statuses = [404]
    urls = (
        hook.url(TOKEN), f"json://user:{TOKEN}@127.0.0.1:1/", f"nosuch://{TOKEN}",
        f"mailto://127.0.0.1:1?from=a@x.example&to={TOKEN}@x.example&mode=insecure",
    )  # fmt: skip
    put(database, row("t"), to=urls)
    told = send(database, NOW)
    assert len(told) == 4
    said = caplog.text + repr(told)
    assert TOKEN not in said
    assert "Anna" not in said
