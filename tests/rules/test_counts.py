"""Non-wear by counts, on series small enough to do by hand; the packages' own data are in test_reference_data."""

import numpy as np
import numpy.typing as npt
import pytest

from rules.counts import (
    find_nonwear_by_windows,
    find_nonwear_by_zeros,
    find_nonwear_choi,
    find_nonwear_choi_actilife,
    find_nonwear_troiano,
)
from rules.minutes import NA
from rules.runs import find_runs


def series(*runs: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return counts from (value, minutes) pairs."""
    return np.repeat([value for value, _ in runs], [minutes for _, minutes in runs])


def spans(nonwear: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    runs = find_runs(nonwear)
    return list(zip(runs.start.tolist(), runs.end.tolist(), strict=True))


class TestZeros:
    def test_sixty_zeros_and_no_fewer(self) -> None:
        counts = series((5, 10), (0, 60), (5, 1), (0, 59))
        assert spans(find_nonwear_by_zeros(counts, frame_min=60)) == [(10, 70)]

    def test_unknown_ends_a_run(self) -> None:
        assert spans(find_nonwear_by_zeros(series((0, 40), (NA, 1), (0, 40)), frame_min=60)) == []


class TestWindows:
    def test_two_faint_minutes_are_let_through(self) -> None:
        counts = series((0, 5), (50, 1), (0, 3), (99, 1), (0, 5))
        made = find_nonwear_by_windows(counts, window_min=10, allowance_min=2, ceiling=99)
        assert spans(made) == [(0, 15)]

    def test_one_loud_minute_is_not(self) -> None:
        counts = series((0, 5), (100, 1), (0, 10))
        made = find_nonwear_by_windows(counts, window_min=10, allowance_min=2, ceiling=99)
        assert spans(made) == [(6, 16)]

    def test_a_series_shorter_than_the_window_has_none(self) -> None:
        assert spans(find_nonwear_by_windows(series((0, 9)), window_min=10, allowance_min=2, ceiling=99)) == []


class TestTroiano:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            (series((0, 30), (50, 2), (0, 30)), [(0, 62)]),  # faint, short, zeros right after it: still zeros
            (series((0, 30), (50, 3), (0, 30)), []),  # three minutes long
            (series((0, 30), (101, 1), (0, 30)), []),  # above 100
            (series((500, 5), (50, 2), (0, 60)), [(7, 67)]),  # takes the class of the walking before it
            (series((50, 2), (0, 60)), [(2, 62)]),  # nothing before it
            (series((0, 59), (50, 1)), []),  # nothing after it
            (series((0, 60), (50, 1)), [(0, 60)]),
            (series((NA, 1), (50, 1), (0, 60)), [(2, 62)]),
            (series((0, 59), (NA, 1), (0, 59)), []),
            (series(), []),
        ],
    )
    def test_by_hand(self, counts: npt.NDArray[np.int64], expected: list[tuple[int, int]]) -> None:
        assert spans(find_nonwear_troiano(counts, frame_min=60, spike_min=2, spike_counts=100)) == expected


class TestChoi:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            (series((9, 50), (0, 90), (9, 50)), [(50, 140)]),
            (series((9, 50), (0, 89), (9, 50)), []),
            # A lone spike of 2 minutes, silent 30 minutes around: the gap is 92 long.
            (series((9, 50), (0, 45), (9, 2), (0, 45), (9, 50)), [(50, 142)]),
            # A step 20 minutes before it keeps it.
            (series((9, 50), (0, 25), (9, 3), (0, 17), (9, 2), (0, 45), (9, 50)), []),
            (series((9, 50), (0, 45), (9, 3), (0, 45), (9, 50)), []),  # three minutes are no spike
            (series((0, 10), (9, 50), (0, 10)), [(0, 10), (60, 70)]),  # the ends, at any length
            (series((0, 100)), [(0, 100)]),
            (series((9, 2), (0, 40)), [(0, 42)]),  # nothing but a spike
            (series((9, 50), (NA, 100), (9, 50)), []),  # unknown is silence within, and comes back
            (series((9, 50), (0, 1)), []),  # the last minute takes the mark before it, as the package does
        ],
    )
    def test_by_hand(self, counts: npt.NDArray[np.int64], expected: list[tuple[int, int]]) -> None:
        assert spans(find_nonwear_choi(counts, frame_min=90, stream_min=30, allowance_min=2)) == expected

    def test_unknown_is_never_nonwear(self) -> None:
        counts = series((9, 50), (0, 50), (NA, 10), (0, 50), (9, 50))
        assert spans(find_nonwear_choi(counts, frame_min=90, stream_min=30, allowance_min=2)) == [(50, 100), (110, 160)]


class TestChoiAsActiLife:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            (series((9, 50), (0, 90), (9, 50)), [(50, 140)]),
            (series((0, 10), (9, 50), (0, 10)), []),  # the ends are not special
            (series((0, 45), (9, 2), (0, 45)), [(0, 92)]),
            (series((0, 29), (9, 2), (0, 90)), [(31, 121)]),  # 29 zeros before it do not make it lone
            # Two spikes with one zero between are one of 3 minutes, and no spike any more.
            (series((0, 45), (9, 1), (0, 1), (9, 1), (0, 45)), []),
            (series((9, 2), (0, 90)), [(2, 92)]),
            (series((0, 60), (NA, 1), (0, 60)), []),
            (series(), []),
        ],
    )
    def test_by_hand(self, counts: npt.NDArray[np.int64], expected: list[tuple[int, int]]) -> None:
        assert spans(find_nonwear_choi_actilife(counts, frame_min=90, window_min=30, spike_min=2)) == expected
