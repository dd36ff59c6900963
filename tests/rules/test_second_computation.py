"""The benchmark's peer is a second computation of the same day; its own time is measured by `make bench`."""

import pytest

from benchmarks.rules import SETTINGS, make_days, pick, summarise_with_pandas
from rules.day import summarise_day


def test_plain_pandas_says_the_same() -> None:
    for day in make_days(12):
        assert pick(summarise_day(day, SETTINGS)) == pytest.approx(summarise_with_pandas(day, SETTINGS), rel=1e-12)
