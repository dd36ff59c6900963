"""Gaps: what is silent, for how long, what was lost, why; and that late data closes them."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from devices.recording import SpanKind, Stream
from ingest import tables
from ingest.gaps import LIMIT_MS, Gap, find_gaps
from ingest.store import Store, add, upsert
from tests.ingest.making import DAY, MINUTE, counter, evidence, intervals, new_device, open_store

T0 = 20_000 * DAY
EVER = (T0 - 1000 * DAY, T0 + 1000 * DAY)
Owner = tuple[int, int]


def put(store: Store, owner: Owner, *streams: Stream) -> None:
    with store.writing() as connection:
        add(connection, *owner, streams[0].metric, evidence(*streams))


def covered(*stretches: tuple[int, int]) -> Stream:
    """Known to be still over these stretches, given in minutes since T0."""
    return intervals([], [(T0 + first * MINUTE, T0 + last * MINUTE) for first, last in stretches])


def mark(connection: Connection, owner: Owner, kind: SpanKind, first: int, last: int) -> None:
    row = {"patient_id": owner[0], "device_id": owner[1], "kind": kind.value, "start_ms": T0 + first * MINUTE}
    upsert(connection, tables.spans, [row | {"end_ms": T0 + last * MINUTE, "attributes": json.dumps({})}])


def gaps_of(store: Store, patient: int, at: int, within: tuple[int, int] = EVER, **kwargs: object) -> list[Gap]:
    with store.reading() as connection:
        return find_gaps(connection, patient, *within, T0 + at * MINUTE, **kwargs)  # type: ignore[arg-type]


def bounds(gaps: list[Gap]) -> list[tuple[int, int, bool]]:
    return [((gap.start_ms - T0) // MINUTE, (gap.end_ms - T0) // MINUTE, gap.is_tail) for gap in gaps]


def test_only_what_is_longer_than_the_limit_is_a_gap(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 100), (115, 200), (216, 300)))
        assert bounds(gaps_of(store, owner[0], 300)) == [(200, 216, False)]
        assert bounds(gaps_of(store, owner[0], 300, limit_ms=14 * MINUTE)) == [(100, 115, False), (200, 216, False)]


def test_the_tail_lasts_until_now_and_is_none_while_it_is_short(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 100)))
        assert gaps_of(store, owner[0], 115) == []
        assert bounds(gaps_of(store, owner[0], 116)) == [(100, 116, True)]
        assert gaps_of(store, owner[0], 50) == []
        assert gaps_of(store, owner[0], 5000, (T0, T0 + 100 * MINUTE)) == []


def test_a_patient_without_data_has_no_gaps(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert gaps_of(store, new_device(store)[0], 5000) == []


def test_a_gap_that_reaches_out_of_the_range_is_whole(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 60), (10 * 1440, 10 * 1440 + 60), (12 * 1440, 12 * 1440 + 60)))
        for within in ((T0 + 4 * DAY, T0 + 5 * DAY), (T0 + 5 * DAY, T0 + 10 * DAY + MINUTE)):
            assert bounds(gaps_of(store, owner[0], 12 * 1440 + 60, within)) == [(60, 14_400, False)]
        assert gaps_of(store, owner[0], 12 * 1440 + 60, (T0, T0 + 60 * MINUTE)) == []


def test_late_data_closes_a_gap_and_a_piece_of_it_splits_it(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 100), (400, 500)))
        assert bounds(gaps_of(store, owner[0], 500)) == [(100, 400, False)]
        put(store, owner, covered((200, 300)))
        assert bounds(gaps_of(store, owner[0], 500)) == [(100, 200, False), (300, 400, False)]
        put(store, owner, covered((90, 210), (290, 410)))
        assert gaps_of(store, owner[0], 500) == []
        put(store, owner, covered((500, 700)))
        assert gaps_of(store, owner[0], 700) == []


def test_what_was_lost_stands_with_the_gap_and_a_late_file_takes_it_away(tmp_path: Path) -> None:
    """A counter stood at 100 at 10:00 and at 900 at 14:00: 800 steps in between, nobody knows when."""
    ten, two = 600, 840

    def reading(minute: int, count: int) -> tuple[int, int, int, int]:
        return T0 + minute * MINUTE, T0, 6, count

    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, counter([reading(0, 0), reading(ten, 100)]))
        put(store, owner, counter([reading(two, 900), reading(two + 10, 950)]))
        (gap,) = gaps_of(store, owner[0], two + 10)
        assert (gap.start_ms, gap.end_ms) == (T0 + ten * MINUTE, T0 + two * MINUTE)
        assert gap.unplaced == 800
        put(store, owner, counter([reading(minute, 100 + (minute - ten) * 3) for minute in range(ten, two, 10)]))
        assert gaps_of(store, owner[0], two + 10) == []


def test_of_two_gaps_that_end_on_one_day_the_longest_carries_the_loss(tmp_path: Path) -> None:
    def reading(minute: int, count: int) -> tuple[int, int, int, int]:
        return T0 + minute * MINUTE, T0, 6, count

    with open_store(tmp_path) as store:
        owner = new_device(store)
        for pair in (((0, 0), (60, 10)), ((100, 50), (160, 60)), ((500, 460), (560, 470))):
            put(store, owner, counter([reading(*one) for one in pair]))
        gaps = gaps_of(store, owner[0], 560)
        assert bounds(gaps) == [(60, 100, False), (160, 500, False)]
        assert [gap.unplaced for gap in gaps] == [0, 40 + 400]


@pytest.mark.parametrize(
    ("marks", "explained", "not_worn", "charging"),
    [
        ([], (), 0, 0),
        ([(SpanKind.NOT_WORN, 100, 400)], (SpanKind.NOT_WORN,), 300, 0),
        ([(SpanKind.CHARGING, 110, 390)], (SpanKind.CHARGING,), 0, 280),
        ([(SpanKind.CHARGING, 110, 380)], (), 0, 270),
        ([(SpanKind.CHARGING, 50, 150), (SpanKind.NOT_WORN, 155, 500)], (SpanKind.NOT_WORN, SpanKind.CHARGING), 245, 50),
        ([(SpanKind.NOT_WORN, 0, 50), (SpanKind.SLEEP, 100, 400), (SpanKind.NOT_WORN, 400, 450)], (), 0, 0),
        ([(SpanKind.NOT_WORN, 100, 300), (SpanKind.NOT_WORN, 200, 400)], (SpanKind.NOT_WORN,), 300, 0),
    ],
)
def test_marks_explain_a_gap_if_they_leave_no_gap(
    tmp_path: Path,
    marks: list[tuple[SpanKind, int, int]],
    explained: tuple[SpanKind, ...],
    not_worn: int,
    charging: int,
) -> None:
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 100), (400, 500)))
        with store.writing() as connection:
            for kind, first, last in marks:
                mark(connection, owner, kind, first, last)
        (gap,) = gaps_of(store, owner[0], 500)
        assert (gap.explained_by, gap.not_worn_ms, gap.charging_ms) == (explained, not_worn * MINUTE, charging * MINUTE)


def test_marks_of_another_device_explain_nothing_and_devices_do_not_fill_each_other(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        ring, phone = new_device(store, key="ring"), new_device(store, key="phone")
        put(store, ring, covered((0, 100), (400, 500)))
        put(store, phone, covered((50, 450)))
        with store.writing() as connection:
            mark(connection, phone, SpanKind.NOT_WORN, 100, 400)
        gaps = gaps_of(store, ring[0], 500)
        assert [(gap.device_id, gap.is_tail, gap.explained_by) for gap in gaps] == [(ring[1], False, ()), (phone[1], True, ())]


def test_any_of_the_metrics_makes_a_minute_known(tmp_path: Path) -> None:
    pulse = [(T0 + minute * MINUTE, T0 + minute * MINUTE, 70) for minute in range(100, 400, 5)]
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 100), (400, 500)))
        put(store, owner, intervals(pulse, metric="heart_rate"))
        assert bounds(gaps_of(store, owner[0], 500)) == [(100, 400, False)]
        assert gaps_of(store, owner[0], 500, metrics=("steps", "heart_rate")) == []
        assert len(gaps_of(store, owner[0], 500, metrics=("heart_rate",))) == 1


def test_agrees_with_a_minute_by_minute_loop_on_random_recordings(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    with open_store(tmp_path) as store:
        for trial in range(6):
            owner = new_device(store, patient=f"p{trial}")
            known = np.zeros(5 * 1440, dtype=bool)
            for _ in range(25):
                first = int(rng.integers(0, len(known) - 200))
                known[first : first + int(rng.integers(1, 200))] = True
            edges = np.flatnonzero(np.diff(np.concatenate(([0], known.view(np.int8), [0])))).reshape(-1, 2)
            put(store, owner, covered(*((int(a), int(b)) for a, b in edges)))
            at = len(known) + int(rng.integers(-30, 60))
            minutes = [minute for minute in range(len(known)) if known[minute]]
            expected = [(a + 1, b, False) for a, b in pairwise(minutes) if b - a - 1 > 15]
            expected += [(minutes[-1] + 1, at, True)] if at - minutes[-1] - 1 > 15 else []
            assert bounds(gaps_of(store, owner[0], at)) == expected
            lower, upper = 1440, 3 * 1440
            within = (T0 + lower * MINUTE, T0 + upper * MINUTE)
            assert bounds(gaps_of(store, owner[0], at, within)) == [one for one in expected if one[0] < upper and one[1] > lower]


def test_gaps_across_more_days_than_are_read_at_once(tmp_path: Path) -> None:
    far = 1200 * 1440
    with open_store(tmp_path) as store:
        owner = new_device(store)
        put(store, owner, covered((0, 60), (511 * 1440, 512 * 1440 + 60)))
        put(store, owner, covered((far, far + 60)))
        within = (T0, T0 + 1300 * DAY)
        expected = [(60, 511 * 1440, False), (512 * 1440 + 60, far, False), (far + 60, far + 90, True)]
        assert bounds(gaps_of(store, owner[0], far + 90, within)) == expected
        assert LIMIT_MS == 15 * MINUTE
