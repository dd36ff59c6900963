"""The outbox on both databases: marks, the right to publish, what is remembered of what lies there."""

import numpy as np
import pytest

from ingest import dirty, tables
from ingest.publishing import outbox
from ingest.publishing.lines import Column, Series
from ingest.publishing.outbox import FACTS, Block, Lying
from ingest.publishing.putting import Right, Superseded
from ingest.store import Store
from tests.ingest.conftest import emptied_url, store
from tests.ingest.making import new_device

__all__ = ["emptied_url", "store"]


def block(day: int, *minutes: int) -> Block:
    times = day * 86_400 + 60 * np.array(minutes, dtype=np.int64)
    steps = Column(np.ones(times.size, dtype=np.int64), np.ones(times.size, dtype=np.bool_))
    return Block.of(day, [Series("minutes", {"patient": "p", "source": "a"}, times, {"steps": steps})] if minutes else [])


def test_days_are_marked_for_judging_and_for_publishing_apart(store: Store) -> None:
    owner, _ = new_device(store)
    with store.writing() as connection:
        dirty.mark(connection, [(owner, 3), (owner, 4)])
        outbox.mark_facts(connection, owner)
        dirty.clear(connection, owner, dirty.read_marks(connection, owner))
        seen = outbox.read_marks(connection, owner)
        assert seen == {FACTS: 1, 3: 1, 4: 1}
        dirty.mark(connection, [(owner, 4)])
        outbox.clear(connection, owner, seen)
        assert outbox.read_marks(connection, owner) == {4: 2}
        assert outbox.patients_with_marks(connection) == {owner}


def test_one_publishes_at_a_time(store: Store) -> None:
    now = [1_000]
    first, second = (Right(lambda: now[0]) for _ in range(2))
    with store.writing() as connection:
        assert first.take(connection)
        assert not second.take(connection)
        first.give_back(connection)
        assert second.take(connection)
        now[0] += Right.LASTS_MS
        assert second.is_running_out()
        second.renew(connection)
        assert not first.take(connection)
        now[0] += Right.LASTS_MS
        assert first.take(connection)
        with pytest.raises(Superseded):
            second.renew(connection)
        second.give_back(connection)
        first.renew(connection)


def test_what_may_lie_there_is_remembered_before_it_does(store: Store) -> None:
    with store.writing() as connection:
        first = block(5, 1, 2)
        outbox.begin_days(connection, "b", "p", [first], {})
        outbox.end_days(connection, "b", "p", [first], {5: (1, "why")})
        kept = outbox.read_days(connection, "b", "p", [5, 6])
        assert (kept[5].digest, kept[5].refused, list(kept)) == (first.digest, 1, [5])
        assert outbox.read_standing(connection).refused_why == "why"
        outbox.begin_days(connection, "b", "p", [block(5, 2, 3)], kept)
        half = outbox.read_days(connection, "b", "p", [5])[5]
        (fields,) = half.presence.values()
        assert half.digest == ""
        assert (fields["steps"] % 86_400 // 60).tolist() == [1, 2, 3]
        outbox.end_days(connection, "b", "p", [block(5)], {})
        assert outbox.list_days(connection, "b", "p") == []


def test_how_it_goes(store: Store) -> None:
    owner, _ = new_device(store)
    with store.writing() as connection:
        assert outbox.read_standing(connection) == outbox.Standing()
        dirty.mark(connection, [(owner, 3)])
        assert Right(lambda: 5).take(connection)
        outbox.note_failure(connection, 10, "down", 20)
        outbox.note_failure(connection, 30, "still down", 60)
        standing = outbox.read_standing(connection)
        assert (standing.queued, standing.patients, standing.failures, standing.behind_ms) == (1, 1, 2, 10)
        assert (standing.failed_ms, standing.next_ms, standing.error) == (30, 60, "still down")
        outbox.note_success(connection, 70)
        standing = outbox.read_standing(connection)
        assert (standing.succeeded_ms, standing.failures, standing.behind_ms, standing.error) == (70, 0, None, "")


def test_a_bucket_that_is_doubted(store: Store) -> None:
    lying = [Lying(bucket, "p", True, "f", "b") for bucket in ("x", "y")]
    with store.writing() as connection:
        outbox.remember(connection, lying)
        outbox.distrust(connection, "x")
        assert [one.is_known for one in outbox.list_lying(connection)] == [False, True]
        outbox.distrust(connection)
        assert [one.is_known for one in outbox.list_lying(connection)] == [False, False]
        outbox.forget_patient(connection, "x", "p")
        assert [one.bucket for one in outbox.list_lying(connection)] == ["y"]
        assert outbox.read_run(connection, "x") == ()
        outbox.write_run(connection, "x", "old", "new")
        assert outbox.read_run(connection, "x") == ("old", "new")


def test_erasing_a_patient_is_not_held_up(store: Store) -> None:
    """What says where something lies has no tie to the patient: it goes when nothing lies there any more."""
    tied = {table.name for table in tables.metadata.sorted_tables if "patient_id" in table.c}
    assert "unpublished_days" in tied
    assert not tied & {"published_patients", "published_days"}
