"""Every formula a second time, with pandas, on random patients."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from rules.day import DaySummary
from rules.finding import Truth
from tests.rules.checks.made import P3, judge, made_day, no_day, prescribe, view

BASELINE = 5000
SEEDS = range(40)


@cache
def patient(seed: int) -> tuple[list[DaySummary], pd.DataFrame]:
    """Return 59 days after surgery, a tenth of them unknown, with spells of little activity, and the same as a table."""
    random = np.random.default_rng(seed)
    level = 3000 * np.exp(np.cumsum(random.normal(0, 0.15, P3)))
    steps = np.clip(random.normal(level, level * 0.2), 0, 20_000).round()
    steps[-3:] = (steps[-3:] * random.choice([1, 1, 0.4])).round()
    steps[random.random(P3) < 0.08] = np.nan
    table = pd.DataFrame({"steps": steps, "walks": random.integers(0, 6, P3), "reached": random.integers(4, 12, P3)}).iloc[1:]
    table["still"] = random.integers(100, 200, P3 - 1)
    days = [
        no_day(int(since))
        if np.isnan(row.steps)
        else made_day(
            int(since), steps=int(row.steps), walks=(15,) * int(row.walks), reached=int(row.reached), still=(int(row.still),)
        )
        for since, row in table.iterrows()
    ]
    return days, table


def fires(name: str, days: list[DaySummary]) -> bool | None:
    finding = judge(name, view(P3, days), prescribe(baseline_steps=BASELINE))
    return None if finding.truth is Truth.UNKNOWN else finding.truth is Truth.TRUE


def x_of_y(bad: pd.Series, valid: pd.Series, x: int, y: int, within: int, clear: int | None) -> bool | None:
    recent = bad[valid].loc[P3 - within :].tail(y)
    if len(recent) < y:
        return None
    return bool(recent.sum() >= x and (clear is None or recent.tail(clear).any()))


@pytest.mark.parametrize("seed", SEEDS)
def test_x_of_y_days(seed: int) -> None:
    days, table = patient(seed)
    valid = table.steps.notna()
    phase_walks = np.where(table.index < 15, 3, np.where(table.index < 43, 4, 3))
    assert fires("frequency_low", days) == x_of_y(table.walks < phase_walks, valid, 3, 4, 7, 2)
    assert fires("hourly_coverage", days) == x_of_y(table.reached / 15 < 0.5, valid, 3, 5, 10, None)
    assert fires("prolonged_stationary_day", days) == x_of_y(table.still >= 150, valid, 3, 5, 10, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_less_than_before(seed: int) -> None:
    days, table = patient(seed)
    steps = table.steps
    end = steps.last_valid_index()
    low = steps.loc[P3 - 3 :].dropna().tail(2)
    expected: bool | None = None
    if len(low) == 2:
        before = steps.loc[: low.index[0] - 1].tail(7).dropna()
        expected = bool((low < 0.5 * before.median()).all()) if len(before) >= 4 else None
    assert fires("sudden_drop", days) == expected

    three = steps.loc[P3 - 7 :].dropna().tail(3)
    assert fires("below_floor", days) == (bool(three.median() < 0.5 * BASELINE) if len(three) == 3 else None)

    fortnight = steps.loc[end - 13 : end]
    known = fortnight.dropna()
    expected = None
    if end >= P3 - 3 and len(known) / 14 >= 0.8:
        rise, run = (np.subtract.outer(*[column] * 2) for column in (known.to_numpy(), known.index.to_numpy()))
        slope = np.median(rise[run > 0] / run[run > 0])
        expected = bool(slope <= 0 and known.median() < 0.6 * BASELINE)
    assert fires("no_progress", days) == expected

    medians = steps.loc[:end].rolling(7, min_periods=4).median().iloc[6:]
    expected = None
    if end >= P3 - 3 and steps.loc[end - 12 : end].notna().mean() >= 0.8:
        expected = bool((medians < 0.75 * medians.cummax().ffill()).tail(7).all())
    assert fires("secondary_decline", days) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_more_than_before(seed: int) -> None:
    days, table = patient(seed)
    end = table.steps.last_valid_index()
    acute, chronic = table.steps.loc[end - 2 : end], table.steps.loc[end - 16 : end - 3]
    expected = None
    if end >= P3 - 3 and acute.notna().mean() >= 0.8 and chronic.notna().mean() >= 0.8:
        expected = bool(acute.mean() / chronic.mean() > 1.5)
    assert fires("load_ratio", days) == expected


def test_the_random_patients_try_every_outcome() -> None:
    for name in (
        "frequency_low",
        "hourly_coverage",
        "sudden_drop",
        "below_floor",
        "no_progress",
        "load_ratio",
        "secondary_decline",
    ):
        assert {fires(name, patient(seed)[0]) for seed in SEEDS} >= {True, False}, name
