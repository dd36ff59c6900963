"""The worker: what is sent when, to whom, how often, and what is left to see."""

from collections import Counter
from threading import Barrier, Lock, Thread

import pytest

from ingest.store import Store
from rules import deliver, outbox
from rules.channels import SENT, Outcome, Result, send_by_apprise
from rules.deliver import RETRIES, Retries
from rules.finding import Recipient
from rules.messages import Text
from rules.outbox import NO_ROUTE, Delivery, State, list_deliveries, list_waiting, requeue_failed
from rules.routes import add_route, remove_route
from tests.rules.delivery.making import HOUR, NOW, put, row, send
from tests.rules.delivery.servers import Post, Webhook

DEAD = "json://127.0.0.1:9"


class Script:
    """A sender that answers as told, by URL and then in turn, the last one for ever."""

    def __init__(self, **outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        self.sent: list[tuple[str, str, Text]] = []
        self.lock = Lock()

    def __call__(self, url: str, message_id: str, text: Text) -> Outcome:
        with self.lock:
            self.sent.append((url, message_id, text))
            left = self.outcomes.get(url.split("://")[0], [SENT])
            return left.pop(0) if len(left) > 1 else left[0]


def listed(database: Store) -> list[Delivery]:
    with database.reading() as connection:
        return list_deliveries(connection)


PASSING = Outcome(Result.PASSING, "HTTP 503")
UNCLEAR = Outcome(Result.UNCLEAR, "?")
PERMANENT = Outcome(Result.PERMANENT, "HTTP 404")


def test_one_message_per_patient_and_recipient_by_mail_and_webhook(database: Store, hook: Webhook, office: Post) -> None:
    put(database, row("t1"), row("t2", rule="below_floor"), to=(hook.url(), office.url()))
    put(database, row("p1", recipient="patient", rule="too_long"), to=(hook.url("anna"),), recipient=Recipient.PATIENT)
    told = send(database)
    assert {(one.recipient, one.state, one.tries) for one in told} == {("therapist", "sent", 1), ("patient", "sent", 1)}
    assert len(told) == 3
    assert len(hook.got) == 2
    (mail,) = office.got
    therapist = next(one for one in told if one.recipient == "therapist")
    assert therapist.transitions == ("t1", "t2")
    assert mail["Message-ID"] == f"<{therapist.message_id}@clinic.example>"
    assert sorted(hook.ids) == sorted({one.message_id for one in told})
    assert "Anna Muster: 2 notes" in mail["Subject"]
    assert send(database, NOW + HOUR) == []


def test_queueing_the_same_again_adds_nothing(database: Store) -> None:
    put(database, row("a"), row("a"), to=("json://x",))
    script = Script()
    send(database, sender=script)
    put(database, row("a", rule="spike"))
    assert send(database, NOW + 1, sender=script) == []
    assert len(script.sent) == 1


def test_what_the_callers_transaction_undoes_is_not_sent(database: Store) -> None:
    put(database, to=("json://x",))
    with database.writing(keep=False) as connection:
        outbox.queue(connection, [row("a")])
    assert send(database, sender=Script()) == []


def test_nothing_is_sent_before_its_time(database: Store) -> None:
    put(database, row("a", not_before_ms=NOW + HOUR), to=("json://x",))
    assert send(database, NOW + HOUR - 1, sender=Script()) == []
    with database.reading() as connection:
        assert list_waiting(connection, 1) == ["a"]
        assert list_waiting(connection, 2) == []
    assert [one.state for one in send(database, NOW + HOUR, sender=Script())] == [State.SENT]


def test_a_passing_failure_is_tried_again_with_the_same_id_and_text(database: Store, hook: Webhook) -> None:
    hook.statuses = [500, 503, 200]
    put(database, row("a"), to=(hook.url(),))
    at = NOW
    for tries, state, reason in ((1, "queued", "HTTP 500"), (2, "queued", "HTTP 503"), (3, "sent", "")):
        (told,) = send(database, at)
        assert (told.tries, told.state, told.reason) == (tries, state, reason)
        # A transition that comes meanwhile is another message, and the first stays what it was.
        if tries == 1:
            assert told.next_ms == NOW + RETRIES.first_ms
            assert send(database, told.next_ms - 1) == []
        at = told.next_ms
    assert len(set(hook.ids)) == 1
    assert len({content for _, content in hook.got}) == 1
    assert len(hook.got) == 3


def test_a_permanent_failure_is_tried_once_and_stays_visible(database: Store, hook: Webhook) -> None:
    hook.statuses = [404]
    put(database, row("a"), to=(hook.url(),))
    (told,) = send(database)
    assert (told.state, told.tries, told.reason, told.ended_ms) == ("failed", 1, "HTTP 404", NOW)
    assert send(database, NOW + 100 * HOUR) == []
    assert len(hook.got) == 1


def test_one_wrong_channel_among_good_ones_stops_nobody(database: Store, hook: Webhook, office: Post) -> None:
    put(database, row("a"), to=("nosuch://token", DEAD, office.url(), hook.url()))
    put(database, row("b", patient_id=2, recipient="operator"))
    with database.writing() as connection:
        add_route(connection, Recipient.OPERATOR, hook.url("operators"))
    states = Counter((one.state, one.reason) for one in send(database))
    assert states == {
        ("failed", "the channel's URL is not understood"): 1,
        ("queued", "no connection"): 1,
        ("sent", ""): 3,
    }
    assert len(office.got) == 1
    assert {body["title"] for body in hook.bodies()} == {"Anna Muster: steps fell suddenly", "p-11b2: a clinical alert"}


def test_a_sender_that_raises_leaves_its_try_to_be_made_again_and_the_others_sent(database: Store) -> None:
    put(database, row("a"), to=("bad://x", "good://x"))
    script = Script()

    def sender(url: str, message_id: str, text: Text) -> Outcome:
        if url.startswith("bad"):
            raise OSError("broken")
        return script(url, message_id, text)

    with pytest.raises(OSError, match="broken"):
        send(database, sender=sender)
    assert [one.state for one in listed(database)] == [State.SENDING, State.SENT]
    (again,) = send(database, NOW + RETRIES.lost_ms, sender=script)
    assert (again.state, again.tries) == (State.SENT, 2)


def test_what_was_sent_but_not_stored_as_sent_comes_again_as_the_same(database: Store, hook: Webhook, office: Post) -> None:
    put(database, row("a"), to=(hook.url(), office.url()))

    def cut_off(url: str, message_id: str, text: Text) -> Outcome:
        assert send_by_apprise(url, message_id, text) == SENT
        raise OSError("cut off after the answer")

    with pytest.raises(OSError, match="cut off"):
        send(database, sender=cut_off)
    # Another transition comes meanwhile: the repeat is still the same message.
    put(database, row("b", not_before_ms=NOW + 2 * RETRIES.lost_ms))
    assert {one.state for one in send(database, NOW + RETRIES.lost_ms)} == {State.SENT}
    assert len(hook.got) == len(office.got) == 2
    assert len(set(hook.ids)) == 1
    assert hook.got[0][1] == hook.got[1][1]
    assert {mail["Message-ID"] for mail in office.got} == {f"<{hook.ids[0]}@clinic.example>"}


def test_tries_are_bounded_and_fewer_where_nothing_is_known(database: Store) -> None:
    retries = Retries(tries=5, unclear=3)
    put(database, row("a"), to=("passing://x", "unclear://x"))
    script = Script(passing=[PASSING], unclear=[UNCLEAR])
    for step in range(12):
        send(database, NOW + step * HOUR, sender=script, retries=retries)
    assert [(one.state, one.tries) for one in listed(database)] == [(State.FAILED, 5), (State.FAILED, 3)]
    assert Counter(url for url, _, _ in script.sent) == {"passing://x": 5, "unclear://x": 3}


def test_delays_double_up_to_a_cap_and_chance_takes_a_share_off() -> None:
    assert [RETRIES.delay_ms(tries, 0.0) for tries in (1, 2, 3, 7, 8, 30)] == [
        30_000, 60_000, 120_000, 1_920_000, 3_600_000, 3_600_000,
    ]  # fmt: skip
    assert RETRIES.delay_ms(1, 1.0) == 22_500
    assert 20 * HOUR < sum(RETRIES.delay_ms(tries, 0.5) for tries in range(1, RETRIES.tries)) < 28 * HOUR


def test_a_try_that_never_ends_is_given_up_in_the_end(database: Store) -> None:
    put(database, row("a"), to=("json://x",))
    retries = Retries(tries=3)

    def killed(url: str, message_id: str, text: Text) -> Outcome:
        raise OSError("as if killed")

    at = NOW
    for _ in range(3):
        with pytest.raises(OSError, match="killed"):
            send(database, at, sender=killed, retries=retries)
        assert send(database, at + retries.lost_ms - 1, sender=killed, retries=retries) == []
        at += retries.lost_ms
    (told,) = send(database, at, sender=killed, retries=retries)
    assert (told.state, told.reason) == (State.FAILED, deliver.LOST)


def test_what_expires_before_its_message_or_between_tries_is_not_sent(database: Store) -> None:
    put(database, row("late", expires_ms=NOW), row("soon", rule="spike", expires_ms=NOW + 60_000), to=("json://x",))
    script = Script(json=[PASSING])
    assert {(one.transitions, one.state, one.reason) for one in send(database, sender=script)} == {
        (("late",), "failed", deliver.EXPIRED),
        (("soon",), "queued", "HTTP 503"),
    }
    (told,) = send(database, NOW + 60_000, sender=script)
    assert (told.state, told.tries) == ("failed", 2)
    assert told.reason.startswith(deliver.EXPIRED)
    assert len(script.sent) == 1
    with database.writing() as connection:
        assert requeue_failed(connection, NOW + 60_000) == 0


def test_a_recipient_without_a_channel_is_reported_once_and_stops_nobody(database: Store, hook: Webhook) -> None:
    put(database, row("p", recipient="patient"), row("t"), to=(hook.url(),))
    told = {one.recipient: one for one in send(database)}
    assert (told["patient"].state, told["patient"].reason) == (State.FAILED, deliver.NO_CHANNEL)
    assert told["patient"].route_id == NO_ROUTE
    assert told["therapist"].state is State.SENT
    put(database, row("p2", recipient="patient"))
    assert send(database, NOW + 1) == []
    with database.reading() as connection:
        assert len(list_deliveries(connection, patient_id=1, state=State.FAILED)) == 2
    # Once there is a channel, what failed for the want of one goes in one message; and its want would be news again.
    put(database, to=(hook.url("anna"),), recipient=Recipient.PATIENT)
    with database.writing() as connection:
        assert requeue_failed(connection, NOW + 2, patient_id=1) == 2
    (sent,) = send(database, NOW + 2)
    assert (sent.state, sent.transitions) == (State.SENT, ("p", "p2"))
    with database.writing() as connection:
        remove_route(connection, sent.route_id)
    put(database, row("p3", recipient="patient"))
    assert [one.reason for one in send(database, NOW + 3)] == [deliver.NO_CHANNEL]


def test_a_channel_that_is_removed_or_a_patient_who_is_gone_fails_visibly(database: Store) -> None:
    put(database, row("a"), row("x", patient_id=99), to=("json://x",))
    told = send(database, sender=Script(json=[PASSING]))
    assert {(one.patient_id, one.reason) for one in told} == {(1, "HTTP 503"), (99, deliver.NO_PATIENT)}
    with database.writing() as connection:
        remove_route(connection, next(one.route_id for one in told if one.patient_id == 1))
    (gone,) = send(database, NOW + HOUR, sender=Script())
    assert (gone.state, gone.reason) == (State.FAILED, deliver.CHANNEL_GONE)


def test_what_failed_can_be_queued_again_and_keeps_its_id(database: Store) -> None:
    put(database, row("a"), to=("json://x",))
    script = Script(json=[PERMANENT, SENT])
    (failed,) = send(database, sender=script)
    with database.writing() as connection:
        assert requeue_failed(connection, NOW + HOUR, patient_id=2) == 0
        assert requeue_failed(connection, NOW + HOUR) == 1
    (sent,) = send(database, NOW + HOUR, sender=script)
    assert (sent.message_id, sent.state) == (failed.message_id, State.SENT)


def test_two_workers_at_once_send_everything_once(database: Store) -> None:
    put(database, to=("json://x", "xml://x"))
    with database.writing() as connection:
        outbox.queue(connection, [row(f"{n}", recipient="therapist", patient_id=1 + n % 2) for n in range(40)])
        add_route(connection, Recipient.THERAPIST, "form://x")
    script, start = Script(), Barrier(2)

    def work() -> None:
        start.wait()
        send(database, sender=script)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert list_waiting(connection) == []
    assert {one.state for one in listed(database)} == {State.SENT}
    tries = Counter((url, message_id) for url, message_id, _ in script.sent)
    assert set(tries.values()) == {1}
    told = Counter(name for one in listed(database) for name in one.transitions)
    assert len(told) == 40


def test_erasing_a_patient_leaves_nothing(database: Store) -> None:
    put(database, row("a"), row("b", recipient="patient"), row("c", not_before_ms=NOW + 1), to=("json://x",))
    put(database, row("other", patient_id=2))
    send(database, sender=Script())
    with database.writing() as connection:
        outbox.erase_patient(connection, 1)
    with database.reading() as connection:
        for table in outbox.outbox_metadata.sorted_tables:
            assert all(found.patient_id == 2 for found in connection.execute(table.select()))
