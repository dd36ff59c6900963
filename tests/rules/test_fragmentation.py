from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.fragmentation import (
    NO_RUNS,
    find_alpha,
    find_alpha_chastin,
    find_average_hazard,
    find_gini,
    find_half_life,
    find_transition_probability,
    find_transitions,
    find_usual_length,
    measure_fragmentation,
)

LENGTHS = np.array([1, 1, 2, 4, 12])  # 20 minutes in 5 runs


def test_gini_by_hand() -> None:
    """2 * (1*1 + 2*1 + 3*2 + 4*4 + 5*12) / (5 * 20) - 6/5 = 1.7 - 1.2 = 0.5, times 5/4."""
    assert find_gini(LENGTHS) == pytest.approx(0.625, rel=1e-15)
    assert find_gini(np.array([7, 7, 7])) == 0
    assert find_gini(np.array([7])) is None


def test_alpha_by_hand() -> None:
    discrete = 1 + 5 / (log(2) + log(2) + log(4) + log(8) + log(24))
    continuous = 1 + 5 / (log(2) + log(4) + log(12))
    assert find_alpha(LENGTHS) == pytest.approx(discrete, rel=1e-15)
    assert find_alpha_chastin(LENGTHS) == pytest.approx(continuous, rel=1e-15)
    assert find_alpha_chastin(np.array([1, 1, 1])) is None


def test_half_life_by_hand() -> None:
    assert find_half_life(2.0) == 2.0
    assert find_half_life(1.5) == 4.0
    assert find_half_life(1.0001) is None


def test_the_usual_length_holds_half_of_the_time() -> None:
    """Runs up to 4 hold 8 of 20 minutes; with the one of 12 it is more than half."""
    assert find_usual_length(LENGTHS) == 12
    assert find_usual_length(np.array([5, 5])) == 5
    assert find_usual_length(np.array([1, 3, 4])) == 3  # exactly half
    assert find_usual_length(np.array([], np.int64)) is None


def test_the_hazard_by_hand() -> None:
    """2 of 5 end at 1; 1 of 3 at 2; 1 of 2 at 4; 1 of 1 at 12."""
    assert find_average_hazard(LENGTHS) == pytest.approx((2 / 5 + 1 / 3 + 1 / 2 + 1) / 4, rel=1e-15)


def test_transitions_are_rounded_as_ggir_does() -> None:
    assert find_transition_probability(4, 25, 0) == 0.16
    assert find_transition_probability(0, 10, 1) == 0.0
    assert find_transition_probability(0, 0, 0) == 1.0


def test_transitions_leave_the_unfinished_run_out_of_the_mean() -> None:
    """still 3, moving 2, still 4 and then unknown; moving 1, still 2 at the end."""
    classes = np.array([1] * 3 + [2] * 2 + [1] * 4 + [-1] + [2] + [1] * 2, np.int8)
    rising = find_transitions(classes, (1,), (2,))
    assert (rising.count, rising.mean_min) == (1, 3.0)
    assert rising.probability == round(1 / 7, 6)  # 9 minutes of rest, two of them followed by nothing known
    settling = find_transitions(classes, (2,), (1,))
    assert (settling.count, settling.mean_min) == (2, 1.5)
    assert settling.probability == round(2 / 3, 6)


def test_all_of_it_by_hand() -> None:
    made = measure_fragmentation(LENGTHS, unfinished=1)
    assert (made.runs, made.total_min, made.mean_min, made.transition) == (5, 20, 4.0, 0.25)
    assert made.transition_ggir == round(4 / 19, 6)
    assert made.usual_min == 12


def test_the_distribution_needs_runs() -> None:
    made = measure_fragmentation(LENGTHS, min_runs=10)
    assert (made.gini, made.alpha, made.alpha_chastin, made.half_life_min) == (None, None, None, None)
    assert made.mean_min == 4.0


def test_no_runs() -> None:
    assert measure_fragmentation(np.array([], np.int64)) == NO_RUNS


@given(st.lists(st.integers(1, 1440), min_size=2, max_size=80).map(np.array))
def test_gini_against_its_other_formula(lengths: np.ndarray) -> None:
    """Half the mean absolute difference of two runs drawn without replacement, over the mean."""
    n = lengths.size
    differences = np.abs(lengths[:, None] - lengths[None, :]).sum() / (n * (n - 1))
    assert find_gini(lengths) == pytest.approx(min(differences / (2 * lengths.mean()), 1), abs=1e-12)
