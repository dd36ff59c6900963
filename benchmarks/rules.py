"""All metrics of one patient-day: ours beside the same metrics in plain pandas, in one run and with the same numbers."""

import time
from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from rules.day import DaySettings, DaySummary, summarise_day
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription
from rules.verdict import judge_day

DAY = date(2024, 5, 20)
REQUIRED_MS = 2.0
PRESCRIPTION = Prescription(author="benchmark", effective=DAY, reason="benchmark", surgery_date=DAY, baseline_steps=5000)
SETTINGS = PRESCRIPTION.day_settings(DAY)


def make_days(count: int) -> list[DayMinutes]:
    """Return seeded days with a pulse: some 160 stretches of stillness, walks, an hour off the wrist, an hour unknown."""
    random = np.random.default_rng(20240520)
    return [_make_day(random) for _ in range(count)]


def _make_day(random: np.random.Generator) -> DayMinutes:
    steps = np.zeros(1440, np.int16)
    stirs = random.choice(np.arange(420, 1320), 150, replace=False)
    steps[stirs] = random.integers(1, 60, stirs.size)
    for start in random.integers(430, 1280, 12):
        length = int(random.integers(2, 25))
        steps[start : start + length] = random.integers(38, 115, length)
    pulse = np.full(1440, 70, np.int16)
    pulse[random.random(1440) < 0.2] = NA
    off, lost = (int(at) for at in random.integers(430, 1200, 2))
    steps[off : off + 60], pulse[off : off + 60] = 0, NA
    steps[lost : lost + 60] = NA
    return build_day(DAY, steps, heart_rate=pulse)


def summarise_with_pandas(day: DayMinutes, settings: DaySettings) -> dict[str, float | None]:
    """Return the main metrics as one would write them with frames: run lengths by groupby."""
    limits = settings.limits
    frame = pd.DataFrame(
        {
            "wall": day.local_minute,
            "steps": pd.Series(day.steps, dtype="float64").where(day.steps != NA),
            "pulse": day.heart_rate != NA,
        }
    )
    gap = (frame["pulse"] != frame["pulse"].shift()).cumsum()
    length = frame.groupby(gap)["pulse"].transform("size")
    inner = ~gap.isin([gap.iloc[0], gap.iloc[-1]])
    known = frame["steps"].notna()
    moving = frame["steps"] >= limits.stationary_below_steps
    frame["worn"] = known & (frame["pulse"] | (inner & (length <= limits.hr_bridge_min)) | moving)
    frame["waking"] = (frame["wall"] >= 420) & (frame["wall"] < 1320)
    frame["judged"] = frame["worn"] & frame["waking"]
    frame["moving"] = frame["worn"] & moving
    frame["still"] = frame["judged"] & ~frame["moving"]
    still = _run_lengths(frame["still"])
    walking = frame["worn"] & (frame["steps"] >= settings.walking_spm)
    pause = (walking != walking.shift()).cumsum()
    short = (walking.groupby(pause).transform("size") <= limits.walk_gap_min) & ~pause.isin([pause.iloc[0], pause.iloc[-1]])
    merged = walking | (short & frame["worn"])
    walks = walking.groupby((merged != merged.shift()).cumsum()).agg(["size", "sum"])
    walks = walks[(walks["sum"] > 0) & (walks["size"] >= limits.walk_counted_min)]
    walks = walks[walks["sum"] >= limits.walk_active_share * walks["size"]]
    breaks = int((frame["still"].shift(fill_value=False) & frame["moving"]).sum())
    whole = frame["judged"].rolling(limits.move_every_min).sum().shift() == limits.move_every_min
    some = frame["moving"].rolling(limits.move_every_min).sum().shift() > 0
    worn_steps = frame["steps"].where(frame["worn"])
    hours = frame.assign(worn_steps=worn_steps).groupby(frame["wall"] // 60).agg({"worn_steps": "sum", "judged": "sum"})
    best = worn_steps.dropna().sort_values(ascending=False)
    bands = pd.cut(worn_steps[frame["waking"] | (worn_steps > 0)], [-1, 0, 19, 39, 59, 79, 99, 119, 999]).value_counts()
    ascending = still.sort_values().reset_index(drop=True)
    runs = len(ascending)
    gini = 2 * (ascending * (ascending.index + 1)).sum() / (runs * ascending.sum()) - (runs + 1) / runs
    ending = ascending.value_counts().sort_index()
    hazard = (ending / ending[::-1].cumsum()[::-1]).mean()
    active = _run_lengths(frame["judged"] & frame["moving"])
    return {
        "steps": frame["steps"].sum(),
        "worn_waking_min": frame["judged"].sum(),
        "still_min": frame["still"].sum(),
        "longest_stationary_min": still.max(),
        "prolonged_30": (still >= 30).sum(),
        "breaks": breaks,
        "walks": len(walks),
        "credited_walks": (walks["size"] >= settings.credited_walk_min).sum(),
        "move_every_30": (whole & some).sum() / whole.sum(),
        "hours_reached": ((hours["judged"] >= limits.hourly_worn_min) & (hours["worn_steps"] >= settings.hourly_steps)).sum(),
        "peak_30": best.head(30).mean(),
        "peak_60": best.head(60).mean(),
        "quiet_min": bands.sort_index().iloc[0],
        "gini": gini * runs / (runs - 1),
        "alpha": 1 + runs / np.log(still / (still.min() - 0.5)).sum(),
        "usual_min": ascending[ascending.cumsum() * 2 >= ascending.sum()].iloc[0],
        "hazard": hazard,
        "active_mean": active.mean(),
    }


def _run_lengths(state: "pd.Series[bool]") -> "pd.Series[int]":
    runs = (state != state.shift()).cumsum()
    return state[state].groupby(runs[state]).size()


def pick(made: DaySummary) -> dict[str, float | None]:
    """Return ours of what the peer computes, by the same names."""
    still, active = made.fragmentation_stationary, made.fragmentation_active
    if made.walking is None or made.prolonged is None or made.cadence_bands is None or still is None or active is None:
        raise ValueError("the benchmark's days have minutes")
    return {
        "steps": made.steps,
        "worn_waking_min": made.worn_waking_min,
        "still_min": made.still_min,
        "longest_stationary_min": made.longest_stationary_min,
        "prolonged_30": made.prolonged[30],
        "breaks": made.breaks,
        "walks": len(made.walking),
        "credited_walks": made.credited_walks,
        "move_every_30": made.move_every_30,
        "hours_reached": made.hours_reached,
        "peak_30": made.peak_30,
        "peak_60": made.peak_60,
        "quiet_min": made.cadence_bands["none"],
        "gini": still.gini,
        "alpha": still.alpha,
        "usual_min": still.usual_min,
        "hazard": still.hazard,
        "active_mean": active.mean_min,
    }


def _time_ms(work: Callable[[DayMinutes], object], days: list[DayMinutes], rounds: int) -> float:
    """Return the best round's milliseconds a day: other work on the machine only ever adds."""
    work(days[0])
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        for day in days:
            work(day)
        best = min(best, time.perf_counter() - begun)
    return 1000 * best / len(days)


def table() -> list[dict[str, object]]:
    days = make_days(40)
    ours = _time_ms(lambda day: summarise_day(day, SETTINGS), days, rounds=5)
    judged = _time_ms(lambda day: judge_day(summarise_day(day, SETTINGS), PRESCRIPTION), days, rounds=5)
    peer = _time_ms(lambda day: summarise_with_pandas(day, SETTINGS), days[:10], rounds=3)
    rows = (("all metrics of one patient-day", ours), ("the same, and judged", judged))
    return [
        {
            "what": what,
            "ours": round(spent, 3),
            "peer": round(peer, 3),
            "peer_name": "pandas, groupby run lengths",
            "ratio": round(peer / spent, 1),
            "unit": "ms",
            "required": f"<= {REQUIRED_MS:g} ms",
        }
        for what, spent in rows
    ]


if __name__ == "__main__":
    for row in table():
        print(row)
