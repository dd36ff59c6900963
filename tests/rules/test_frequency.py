import numpy as np
import pytest

from rules.bouts import Bouts
from rules.frequency import find_median_gap, find_move_every, find_thirds, sum_hours
from rules.minutes import NA


def walks(*spans: tuple[int, int]) -> Bouts:
    start = np.array([a for a, _ in spans], np.int64)
    end = np.array([b for _, b in spans], np.int64)
    return Bouts(start, end, end - start, np.zeros(start.size, np.bool_))


class TestHours:
    def test_a_common_day(self) -> None:
        local = np.arange(1440, dtype=np.int16)
        steps = np.ones(1440, np.int16)
        steps[60:90] = NA
        hours = sum_hours(local, steps, steps != NA, local >= 420)
        assert hours.hour.tolist() == list(range(24))
        assert hours.steps.tolist() == [60, 30, *[60] * 22]
        assert hours.judged.tolist() == [60, 30, *[60] * 22]
        assert hours.waking.tolist() == [0] * 7 + [60] * 17

    def test_the_repeated_hour_of_a_25_hour_day_stands_twice(self) -> None:
        local = np.concatenate((np.arange(180), np.arange(120, 1440))).astype(np.int16)
        hours = sum_hours(local, np.ones(1500, np.int16), np.ones(1500, np.bool_), np.ones(1500, np.bool_))
        assert hours.hour.tolist() == [0, 1, 2, 2, *range(3, 24)]
        assert set(hours.steps.tolist()) == {60}

    def test_the_lost_hour_of_a_23_hour_day_is_not_there(self) -> None:
        local = np.concatenate((np.arange(120), np.arange(180, 1440))).astype(np.int16)
        hours = sum_hours(local, np.ones(1380, np.int16), np.ones(1380, np.bool_), np.ones(1380, np.bool_))
        assert hours.hour.tolist() == [0, 1, *range(3, 24)]
        assert set(hours.steps.tolist()) == {60}

    def test_no_minutes(self) -> None:
        none = np.zeros(0, np.int16)
        assert sum_hours(none, none, none.astype(np.bool_), none.astype(np.bool_)).hour.tolist() == []


class TestMoveEvery:
    def test_one_break_in_an_hour(self) -> None:
        """60 minutes, movement at 20: minutes 30..50 have it within their last 30, 51..59 do not."""
        moving = np.zeros(60, np.bool_)
        moving[20] = True
        assert find_move_every(moving, np.ones(60, np.bool_), window_min=30) == pytest.approx(21 / 30)

    def test_windows_with_an_unknown_minute_take_no_part(self) -> None:
        judged = np.ones(60, np.bool_)
        judged[10] = False  # only 41..59 look back on 30 known minutes
        moving = np.zeros(60, np.bool_)
        moving[20] = True
        assert find_move_every(moving, judged, window_min=30) == pytest.approx(10 / 19)

    def test_nothing_to_judge(self) -> None:
        none = np.zeros(60, np.bool_)
        assert find_move_every(none, none, window_min=30) is None
        assert find_move_every(none[:30], ~none[:30], window_min=30) is None
        assert find_move_every(none[:31], ~none[:31], window_min=30) == 0


def test_the_gap_runs_from_the_end_of_a_walk_to_the_next() -> None:
    assert find_median_gap(walks((500, 510), (600, 610), (900, 905))) == (90 + 290) / 2
    assert find_median_gap(walks((500, 510))) is None


def test_thirds_of_the_waking_day() -> None:
    assert find_thirds(walks((430, 440), (500, 510)), 420, 1320) == pytest.approx(1 / 3)
    assert find_thirds(walks((400, 410), (720, 730), (1400, 1410)), 420, 1320) == 1
    assert find_thirds(walks(), 420, 1320) == 0
    assert find_thirds(walks((5, 9)), 420, 420) is None
