import datetime as dt

import numpy as np
import pytest

from rules.minutes import NA, DayMinutes, build_day

DAY = dt.date(2024, 5, 1)


def test_what_is_not_given_is_unknown() -> None:
    day = build_day(DAY, [0, 3, NA])
    assert len(day) == 3
    assert day.heart_rate.tolist() == [NA, NA, NA]
    assert day.counts is None
    assert not day.has_sleep_record
    assert not day.device_says_worn
    assert day.local_minute.tolist() == [0, 1, 2]


def test_a_sleep_record_without_sleep_is_still_a_record() -> None:
    assert build_day(DAY, [0], asleep=[False]).has_sleep_record


def test_a_column_of_another_length_or_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"2024-05-01 heart_rate: expected \(2,\) int16, found \(3,\) int16"):
        build_day(DAY, [0, 0], heart_rate=[1, 2, 3])
    day = build_day(DAY, [0, 0])
    with pytest.raises(ValueError, match=r"steps: expected \(2,\) int16, found \(2,\) int64"):
        DayMinutes(DAY, 0, day.local_minute, day.steps.astype(np.int64), day.heart_rate, day.not_worn, day.charging, day.asleep)
    with pytest.raises(ValueError, match="resolution_s: expected 1 or more, found 0"):
        build_day(DAY, [0], resolution_s=0)
