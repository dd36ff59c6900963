import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.runs import add_up, encode_runs, fill_short_gaps, find_runs, paint

masks = st.lists(st.booleans(), max_size=60).map(lambda flags: np.array(flags, np.bool_))


def test_runs_by_hand() -> None:
    runs = find_runs(np.array([1, 1, 0, 1, 0, 0, 1], np.bool_))
    assert (runs.start.tolist(), runs.end.tolist()) == ([0, 3, 6], [2, 4, 7])
    assert runs.at_least(2).start.tolist() == [0]


def test_gaps_by_hand() -> None:
    mask = np.array([0, 1, 0, 1, 0, 0, 1, 0], np.bool_)
    assert fill_short_gaps(mask, 1).tolist() == [False, True, True, True, False, False, True, False]
    assert fill_short_gaps(mask, 2).tolist() == [False, True, True, True, True, True, True, False]
    assert fill_short_gaps(mask, 0).tolist() == mask.tolist()


def test_totals_by_hand() -> None:
    assert add_up(np.array([3, 1, 2])).tolist() == [0, 3, 4, 6]


@given(masks)
def test_painting_the_runs_gives_the_mask_back(mask: np.ndarray) -> None:
    runs = find_runs(mask)
    assert paint(runs, mask.size).tolist() == mask.tolist()
    assert (runs.length > 0).all()


@given(st.lists(st.integers(-1, 2), max_size=60).map(lambda x: np.array(x, np.int8)))
def test_repeating_the_code_gives_the_series_back(classes: np.ndarray) -> None:
    value, start, length = encode_runs(classes)
    assert np.repeat(value, length).tolist() == classes.tolist()
    assert start.tolist() == [0, *np.cumsum(length)[:-1].tolist()][: start.size]
    assert (value[1:] != value[:-1]).all()
