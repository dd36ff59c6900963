"""The store: the same evidence in any order, pieces or repetition ends in the same rows."""

import random
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from afoot.summaries import summaries_metadata
from devices.recording import METRICS, Stream
from ingest import evidence as ev
from ingest import tables
from ingest.errors import DamagedStore
from ingest.minutes import ABSENT
from ingest.store import Change, Store, add, read_minutes
from tests.ingest.making import DAY, MINUTE, counter, dump_minutes, evidence, intervals, new_device, open_store
from tests.ingest.servers import Postgresql

T0 = 20_000 * DAY


def put(store: Store, owner: tuple[int, int], *streams: Stream) -> Change:
    with store.writing() as connection:
        return add(connection, *owner, streams[0].metric, evidence(*streams))


def test_counts_what_is_new_changed_and_known(store: Store) -> None:
    owner = new_device(store)
    first = intervals([(T0, T0 + MINUTE, 10), (T0 + MINUTE, T0 + 2 * MINUTE, 20)])
    assert put(store, owner, first) == Change(inserted=2)
    assert put(store, owner, first) == Change(unchanged=2)
    grown = intervals([(T0 + MINUTE, T0 + 2 * MINUTE, 25), (T0 + 2 * MINUTE, T0 + 3 * MINUTE, 1)])
    assert put(store, owner, grown) == Change(inserted=1, changed=1)  # of the first minute it says nothing


def test_what_is_read_is_what_was_written(store: Store) -> None:
    rng = np.random.default_rng(5)
    days = [20_000, 20_001, 20_005]
    values = rng.integers(0, 200, (3, 1440))
    rows = [
        ((day * 1440 + minute) * MINUTE, (day * 1440 + minute + 1) * MINUTE, int(values[row, minute]))
        for row, day in enumerate(days)
        for minute in range(1440)
    ]
    owner = new_device(store)
    put(store, owner, intervals(rows))
    with store.reading() as connection:
        (found,) = read_minutes(connection, owner[0], "steps", 19_000, 21_000)
    assert found.grid.days.tolist() == days
    np.testing.assert_array_equal(found.grid.minutes, values)


def test_two_devices_of_one_patient_do_not_touch(store: Store) -> None:
    ring, watch = new_device(store, key="ring"), new_device(store, key="watch")
    put(store, ring, intervals([(T0, T0 + MINUTE, 10)]))
    put(store, watch, intervals([(T0, T0 + MINUTE, 99)]))
    with store.reading() as connection:
        found = read_minutes(connection, ring[0], "steps", 20_000, 20_000)
    assert {one.device_id: int(one.grid.minutes[0, 0]) for one in found} == {ring[1]: 10, watch[1]: 99}


def test_what_is_not_kept_leaves_nothing(store: Store) -> None:
    owner = new_device(store)
    with store.writing(keep=False) as connection:
        change = add(connection, *owner, "steps", evidence(intervals([(T0, T0 + MINUTE, 10)])))
    assert change == Change(inserted=1)
    with store.reading() as connection:
        assert dump_minutes(connection, owner[1]) == []


def test_an_error_rolls_back(store: Store) -> None:
    owner = new_device(store)

    def fail() -> None:
        with store.writing() as connection:
            add(connection, *owner, "steps", evidence(intervals([(T0, T0 + MINUTE, 10)])))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading() as connection:
        assert dump_minutes(connection, owner[1]) == []


def test_a_late_file_moves_unplaced_steps_into_their_minutes(store: Store) -> None:
    noon = T0 + 720 * MINUTE
    morning = counter([(T0, T0, -1, 0), (noon - MINUTE, T0, -1, 0), (noon, T0, 6, 90)])
    afternoon = counter([(noon + MINUTE, T0, 6, 100), (noon + 2 * MINUTE, T0, 6, 130)])
    owner = new_device(store)
    put(store, owner, afternoon)
    with store.reading() as connection:
        (before,) = read_minutes(connection, owner[0], "steps", 20_000, 20_000)
    assert before.grid.unplaced.tolist() == [100]
    assert before.grid.minutes[0, 719] == ABSENT
    put(store, owner, morning)
    with store.reading() as connection:
        (after,) = read_minutes(connection, owner[0], "steps", 20_000, 20_000)
    assert after.grid.unplaced.tolist() == [0]
    assert after.grid.minutes[0, 719:722].tolist() == [90, 10, 30]
    assert (after.grid.minutes[0, :719] == 0).all()


def test_one_column_tells_the_totals_without_unpacking(store: Store) -> None:
    owner = new_device(store)
    put(store, owner, intervals([(T0 + 5 * MINUTE, T0 + 6 * MINUTE, 10), (T0 + 9 * MINUTE, T0 + 10 * MINUTE, 30)]))
    with store.reading() as connection:
        row = connection.execute(select(tables.minutes)).one()
    assert (row.count, row.total, row.low, row.high, row.first, row.last) == (2, 40, 10, 30, 5, 9)


aligned = st.tuples(st.integers(0, 4000), st.just(0), st.just(60), st.integers(0, 300))
ragged = st.tuples(st.integers(0, 4000), st.integers(0, 59), st.integers(1, 4000), st.integers(0, 300))


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    with open_store(tmp_path_factory.mktemp("together")) as one, open_store(tmp_path_factory.mktemp("apart")) as other:
        yield one, other


@given(
    st.uuids(),
    st.lists(st.one_of(aligned, ragged), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 900)), max_size=3),
    st.lists(st.tuples(st.integers(0, 4300), st.integers(-1, 2), st.integers(0, 2000)), max_size=8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_order_any_pieces_any_repetition_is_the_same_store(
    two_stores: tuple[Store, Store],
    name: UUID,
    rows: list[tuple[int, int, int, int]],
    cover: list[tuple[int, int]],
    readings: list[tuple[int, int, int]],
    random_: random.Random,
) -> None:
    streams = [
        intervals([(T0 + m * MINUTE + s * 1000, T0 + m * MINUTE + (s + length) * 1000, value)]) for m, s, length, value in rows
    ]
    streams += [intervals([], [(T0 + m * MINUTE, T0 + (m + n) * MINUTE)]) for m, n in cover]
    for minute, channel, count in readings:
        at = T0 + minute * MINUTE
        streams.append(counter([(at, at // DAY * DAY, channel, 0 if channel < 0 else count)]))
    shuffled = streams * 2
    random_.shuffle(shuffled)
    dumps = []
    for store, arrivals in zip(two_stores, ([streams], [[stream] for stream in shuffled]), strict=True):
        owner = new_device(store, key=str(name))
        with store.writing() as connection:
            connection.execute(tables.minutes.delete().where(tables.minutes.c.device_id == owner[1]))
            for some in arrivals:
                add(connection, *owner, "steps", evidence(*some))
            again = add(connection, *owner, "steps", evidence(*streams))
            assert (again.inserted, again.changed) == (0, 0)
            dumps.append([row[2:] for row in dump_minutes(connection, owner[1])])
    assert dumps[0] == dumps[1]


@given(st.lists(ragged, max_size=20), st.lists(st.tuples(st.integers(0, 1300), st.integers(1, 90)), max_size=5))
def test_evidence_comes_back_from_its_bytes(rows: list[tuple[int, int, int, int]], cover: list[tuple[int, int]]) -> None:
    stream = intervals(
        [(T0 + m * MINUTE + s * 1000, T0 + m * MINUTE + (s + length) * 1000, value) for m, s, length, value in rows],
        [(T0 + m * MINUTE + 7, T0 + (m + n) * MINUTE) for m, n in cover],
    )
    whole = evidence(stream)
    for day in ev.touched_days(whole):
        part = ev.part_of_day(whole, int(day))
        back = ev.decode(METRICS["steps"], int(day), ev.encode(int(day), part))
        for name in ev.Evidence.__slots__:
            np.testing.assert_array_equal(getattr(back, name), getattr(part, name))


@pytest.mark.parametrize(
    "data", [b"", b"\x02abc", b"\x01abc", b"\x01" + zlib.compress(b"short"), b"\x01" + zlib.compress(b"\xff" * 40)]
)
def test_damaged_evidence_is_named(data: bytes) -> None:
    with pytest.raises(DamagedStore, match="day 5"):
        ev.decode(METRICS["steps"], 5, data)


@pytest.mark.live
def test_many_may_open_a_new_store_at_once(postgresql_server: Postgresql) -> None:
    """As the processes of several machines do when they start."""
    for _ in range(3):
        url, together = postgresql_server.database(), Barrier(6)

        def open_store(url: str = url, together: Barrier = together) -> None:
            together.wait(10)
            store = Store(url, durable=False)
            store.add_tables(summaries_metadata)
            store.close()

        with ThreadPoolExecutor(6) as pool:
            for opened in [pool.submit(open_store) for _ in range(6)]:
                opened.result()
