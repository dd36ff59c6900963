import numpy as np
import pytest

from rules.bouts import (
    find_activity_bouts,
    find_breaks,
    find_stationary_bouts,
    find_walking_bouts,
    find_walking_minutes,
)
from rules.minutes import NA


def mask(text: str, letters: str) -> np.ndarray:
    return np.array([letter in letters for letter in text], np.bool_)


def walks(text: str, *, minimum: int = 2, share: float = 0.8) -> list[tuple[int, int, int, bool]]:
    """w walking, . worn and still, ? unknown."""
    walking, worn = mask(text, "w"), mask(text, "w.")
    made = find_walking_bouts(walking, worn, ~worn, gap_min=1, active_share=share, min_length_min=minimum)
    return [tuple(bout) for bout in made]


class TestStationary:
    def test_runs_and_what_ends_them(self) -> None:
        """s still, m moving, ? unknown: the first touches the day's edge, the second is whole, the third is cut."""
        text = "sssmssmss?ssm"
        bouts = find_stationary_bouts(mask(text, "s"), mask(text, "?"))
        assert [tuple(bout) for bout in bouts] == [(0, 3, 3, True), (4, 6, 2, False), (7, 9, 2, True), (10, 12, 2, True)]
        assert bouts.longest == 3
        assert [bout.length for bout in bouts.at_least(3)] == [3]

    def test_no_minutes(self) -> None:
        bouts = find_stationary_bouts(mask("", "s"), mask("", "?"))
        assert (len(bouts), bouts.longest) == (0, 0)

    def test_shapes_must_agree(self) -> None:
        with pytest.raises(ValueError, match=r"one length, found \(3,\) and \(2,\)"):
            find_stationary_bouts(mask("sss", "s"), mask("ss", "?"))


def test_a_break_needs_both_minutes_worn() -> None:
    text = "ssm?ms?mms"
    assert np.flatnonzero(find_breaks(mask(text, "s"), mask(text, "m"))).tolist() == [2]


class TestWalkingMinutes:
    STEPS = np.array([19, 25, 40, 39, 20, 19, 60, NA, 60], np.int16)

    def test_without_hysteresis(self) -> None:
        worn = self.STEPS != NA
        assert np.flatnonzero(find_walking_minutes(self.STEPS, worn, start_spm=40)).tolist() == [2, 6, 8]

    def test_with_hysteresis_a_walk_starts_at_40_and_stays_at_20(self) -> None:
        worn = self.STEPS != NA
        made = find_walking_minutes(self.STEPS, worn, start_spm=40, stay_spm=20)
        assert np.flatnonzero(made).tolist() == [2, 3, 4, 6, 8]

    def test_unworn_is_not_walking(self) -> None:
        assert not find_walking_minutes(np.full(5, 90, np.int16), np.zeros(5, np.bool_), start_spm=40).any()


class TestWalks:
    def test_one_minute_is_no_walk(self) -> None:
        assert walks("..w..") == []

    def test_a_pause_of_one_minute_is_bridged_and_of_two_not(self) -> None:
        assert walks("ww.ww..ww.") == [(0, 5, 4, True), (7, 9, 2, False)]

    def test_under_80_percent_walking_is_dropped(self) -> None:
        assert walks("..w.w.w..") == []
        assert walks("..www.w..") == [(2, 7, 4, False)]  # 4 of 5

    def test_unknown_is_no_pause(self) -> None:
        assert walks(".ww?ww.") == [(1, 3, 2, True), (4, 6, 2, True)]

    def test_the_prescribed_length(self) -> None:
        assert walks(".wwwww.wwww.", minimum=5) == [(1, 11, 9, False)]
        assert walks(".wwwww..wwww.", minimum=5) == [(1, 6, 5, False)]


def test_activity_bouts_tolerate_nothing() -> None:
    runs = find_activity_bouts(mask("wwww.wwwww", "w"), min_length_min=5)
    assert (runs.start.tolist(), runs.end.tolist()) == ([5], [10])
