"""Our definitions against what reference implementations made of public data; see docs/definitions.md for the list.

Floats are compared at the precision that the reference was printed with, and counts, minutes and spans exactly.
"""

import gzip
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from rules.bouts import (
    find_activity_bouts,
    find_breaks,
    find_stationary_bouts,
    find_walking_bouts,
    find_walking_minutes,
)
from rules.cadence import CADENCE_BANDS, count_bands, find_peaks
from rules.counts import (
    find_nonwear_by_windows,
    find_nonwear_by_zeros,
    find_nonwear_choi,
    find_nonwear_choi_actilife,
    find_nonwear_troiano,
)
from rules.day import DaySettings, summarise_day
from rules.fragmentation import (
    find_alpha_chastin,
    find_gini,
    find_half_life,
    find_transitions,
    measure_fragmentation,
)
from rules.frequency import sum_hours
from rules.minutes import build_day
from rules.runs import find_runs, paint
from rules.waking import WakingWindow
from tests.shared import shared


def read_json(relative: str, parse_float: Callable[[str], Any] = float) -> Any:
    return json.loads(shared(relative).read_text(), parse_float=parse_float)


def read_table(path: Path) -> pd.DataFrame:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return pd.read_csv(io.BytesIO(raw))


def mask(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(column) == 1


ROUNDING = Decimal("1e-15")  # of the reference's own floats, where a digit falls on an exact half


def agrees(value: float | None, printed: Decimal | int | None) -> bool:
    """Is `value` what the reference printed, to its last digit?"""
    if value is None or printed is None:
        return value is printed
    last_digit = Decimal(10) ** int(Decimal(printed).as_tuple().exponent)
    return abs(Decimal(value) - printed) <= last_digit / 2 + ROUNDING


class TestChoiAsPhysicalActivity:
    @pytest.mark.parametrize(
        ("column", "frame", "stream"),
        [
            ("choi_f90_s45_a2", 90, 45),
            ("choi_f90_s30_a2", 90, 30),
            ("choi_f60_s30_a2", 60, 30),
            ("choi_f20_s10_a2", 20, 10),
        ],
    )
    def test_data_sec(self, column: str, frame: int, stream: int) -> None:
        table = read_table(shared("validation/physicalactivity_choi/dataSec_1min.csv"))
        nonwear = find_nonwear_choi(table["counts"].to_numpy(), frame_min=frame, stream_min=stream, allowance_min=2)
        np.testing.assert_array_equal(~nonwear, (table[column] == "w").to_numpy())

    def test_the_default_stream_and_the_papers_differ_as_published(self) -> None:
        counts = read_table(shared("validation/physicalactivity_choi/dataSec_1min.csv"))["counts"].to_numpy()
        wear = [1 - find_nonwear_choi(counts, frame_min=90, stream_min=s, allowance_min=2).mean() for s in (45, 30)]
        assert [round(100 * share, 1) for share in wear] == [92.8, 90.5]

    def test_200_synthetic_series(self) -> None:
        cases = read_json("validation/physicalactivity_choi/choi_synthetic_cases.json")
        assert len(cases) == 200
        wrong = [
            number
            for number, case in enumerate(cases)
            if not np.array_equal(
                ~find_nonwear_choi(
                    np.array(case["counts"]),
                    frame_min=case["frame"],
                    stream_min=case["streamFrame"],
                    allowance_min=case["allowanceFrame"],
                ),
                mask(case["expected_wear"]),
            )
        ]
        assert wrong == []

    def test_worn_minutes_of_each_day(self) -> None:
        table = read_table(shared("validation/physicalactivity_choi/dataSec_1min.csv"))
        summary = read_json("validation/physicalactivity_choi/summaryData_f90_s45.json")
        worn = ~find_nonwear_choi(table["counts"].to_numpy(), frame_min=90, stream_min=45, allowance_min=2)
        by_day = pd.Series(worn).groupby(table["ts"].str[:10]).sum().tolist()
        assert by_day == list(summary["wearTimeByDay"].values())
        assert sum(minutes >= summary["validCut"] for minutes in by_day) == summary["totalValidNumDays"]


class TestActiLife:
    FOLDER = "validation/actigraph_sleepr_actilife"

    def read(self, kind: str) -> tuple[pd.DataFrame, npt.NDArray[np.int64], pd.DatetimeIndex]:
        periods = read_table(shared(f"{self.FOLDER}/GT3XPlus-RawData-Day01-{kind}-periods.csv"))
        minutes = read_table(shared(f"{self.FOLDER}/GT3XPlus-RawData-Day01-10sec60sec.csv"))
        return periods, minutes["axis1"].to_numpy(), pd.DatetimeIndex(pd.to_datetime(minutes["timestamp"]))

    def expect(self, periods: pd.DataFrame, times: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        worn = np.zeros(len(times), np.bool_)
        for row in periods.itertuples():
            worn[(times >= pd.Timestamp(row.period_start)) & (times < pd.Timestamp(row.period_end))] = bool(row.wear)
        return worn

    @pytest.mark.parametrize("settings", ["Default", "Custom1", "Custom2"])
    def test_choi(self, settings: str) -> None:
        periods, counts, times = self.read("Choi")
        chosen = periods[periods["nonwear_algorithm"] == f"Choi {settings}"]
        first = chosen.iloc[0]
        nonwear = find_nonwear_choi_actilife(
            counts,
            frame_min=int(first["min_period_len"]),
            window_min=int(first["min_window_len"]),
            spike_min=int(first["spike_tolerance"]),
        )
        np.testing.assert_array_equal(~nonwear, self.expect(chosen, times))

    @pytest.mark.parametrize("settings", ["Default", "Custom1", "Custom2"])
    def test_troiano(self, settings: str) -> None:
        periods, counts, times = self.read("Troiano")
        chosen = periods[(periods["nonwear_algorithm"] == f"Troiano {settings}") & periods["endat_nnz_seq"]]
        first = chosen.iloc[0]
        nonwear = find_nonwear_troiano(
            counts,
            frame_min=int(first["min_period_len"]),
            spike_min=int(first["spike_tolerance"]),
            spike_counts=int(first["spike_stoplevel"]),
        )
        np.testing.assert_array_equal(~nonwear, self.expect(chosen, times))


class TestAccelerometry:
    """R accelerometry 3.1 on five NHANES participants; bouts with a tolerance are broken there and no oracle."""

    def test_eight_columns_of_50400_minutes(self) -> None:
        table = read_table(shared("validation/accelerometry_nhanes0304/minutes.csv.gz"))
        totals = read_json("validation/accelerometry_nhanes0304/expected_totals.json")
        for person, rows in table.groupby("seqn"):
            counts = rows["counts"].to_numpy()
            worn = ~find_nonwear_by_zeros(counts, frame_min=60)
            sedentary = worn & (counts < 100)
            made = {
                "wear_60_0": worn,
                "wear_90_2_99": ~find_nonwear_by_windows(counts, window_min=90, allowance_min=2, ceiling=99),
                "mvpa10_tol0": paint(find_activity_bouts(worn & (counts >= 2020), min_length_min=10), counts.size),
                "sedbreak_flag": find_breaks(sedentary, worn & (counts >= 100)),
            }
            bouts = find_stationary_bouts(sedentary, ~worn)
            for length in (10, 20, 30, 60):
                kept = bouts.at_least(length)
                made[f"sed{length}"] = paint(find_runs(sedentary).at_least(length), counts.size)
                assert kept.length.sum() == totals[str(person)][f"sed{length}"]
            for name, column in made.items():
                np.testing.assert_array_equal(column, mask(rows[name]), err_msg=f"{person} {name}")
            assert made["sedbreak_flag"].sum() == totals[str(person)]["sedbreaks"]


class TestActFrag:
    def test_275_days_of_ten_metrics(self) -> None:
        table = read_table(shared("validation/actfrag/minutes.csv.gz"))
        expected = read_json("validation/actfrag/expected_day_level_thresh100.json", Decimal)
        days = {(str(who), str(day)): rows for (who, day), rows in table.groupby(["ID", "Day"])}
        assert len(expected) == 275
        for row in expected:
            rows = days[row["ID"], row["Day"]]
            worn, active = mask(rows["wear"]), rows["count"].to_numpy() >= 100
            for state, name in ((worn & ~active, "r"), (worn & active, "a")):
                made = measure_fragmentation(find_runs(state).length)
                ours = (made.mean_min, made.transition, made.gini, made.alpha, made.hazard)
                transition = {"r": "SATP", "a": "ASTP"}[name]
                theirs = [row[f"mean_{name}"], row[transition], row[f"Gini_{name}"], row[f"alpha_{name}"], row[f"h_{name}"]]
                assert all(map(agrees, ours, theirs)), (row["ID"], row["Day"], name, ours, theirs)


class TestScikitDigitalHealth:
    def test_46_fragmentation_cases(self) -> None:
        cases = read_json("validation/skdh/fragmentation_cases.json")
        assert len(cases) == 46
        for case in cases:
            lengths = find_runs(np.asarray(case["x"]) == case["voi"]).length
            made = measure_fragmentation(lengths)
            if not lengths.size:  # a state that never came: it says mean 0, gini 0 and alpha 1, we say nothing
                assert (case["average_duration"], case["gini"], case["power_law_alpha"]) == (0, 0, 1)
                assert (made.runs, made.mean_min, made.gini, made.alpha) == (0, None, None, None)
                continue
            ours = (made.mean_min, made.transition, made.hazard)
            theirs = [case["average_duration"], case["transition_probability"], case["average_hazard"]]
            assert ours == pytest.approx(theirs, rel=1e-14)
            if lengths.size > 1:
                assert (made.gini, made.alpha) == pytest.approx((case["gini"], case["power_law_alpha"]), rel=1e-12)
            else:  # of one run it says gini 1, we say nothing
                assert (made.gini, case["gini"]) == (None, 1.0)

    def test_bouts_where_the_definitions_agree(self) -> None:
        """With pauses of a minute at most and 80 % active it calls 22 minutes bouts, of which 20 are active; so do we."""
        cases = [case for case in read_json("validation/skdh/bout_cases.json") if case["name"] == "conftest act_acc"]
        active = mask(cases[0]["x"])
        worn = np.ones_like(active)
        bouts = find_walking_bouts(active, worn, ~worn, gap_min=1, active_share=0.8, min_length_min=6)
        by_metric = {(case["boutmetric"], case["closedbout"]): case["expected_min"] for case in cases}
        assert by_metric[3, True] == by_metric[4, True] == bouts.length.sum() == 22
        assert by_metric[1, False] == bouts.active.sum() == 20

    def test_360_series_without_tolerance(self) -> None:
        """Its own share of 1.0 never fires (it asks for more than all); GGIR's minutes stand beside it."""
        cases = [case for case in read_json("validation/skdh/bout_cases.json") if case["boutcrit"] == 1]
        assert len(cases) == 360
        for case in cases:
            bouts = find_activity_bouts(mask(case["x"]), min_length_min=case["boutdur_min"])
            assert bouts.length.sum() == case["ggir_3_3_7_min"]
            assert case["expected_min"] == 0


class TestGgir:
    def test_every_bout_case_of_criterion_1(self) -> None:
        cases = [case for case in read_json("validation/ggir/getbout_cases.json") if case["boutcriter"] == 1]
        minutes = [case for case in cases if case["ws3"] == 60]
        assert (len(cases), len(minutes)) == (102, 93)
        for case in cases:
            x = mask(case["x"])
            bouts = find_activity_bouts(x, min_length_min=case["boutduration_epochs"])
            np.testing.assert_array_equal(paint(bouts, x.size), mask(case["expected"]), err_msg=case["name"])

    IN, LIPA, MVPA = 1, 2, 3
    CLASSES: Mapping[int, int] = {5: IN, 10: IN, 11: IN, 6: LIPA, 12: LIPA, 7: MVPA, 8: MVPA, 9: MVPA}

    def test_23_fragmentation_cases_of_days(self) -> None:
        cases = read_json("validation/ggir/fragmentation_cases.json", Decimal)["cases"]
        cases = [case for case in cases if case["mode"] == "day"]
        assert len(cases) == 23
        for case in cases:
            classes = np.array([-1 if level is None else self.CLASSES[level] for level in case["LEVELS"]], np.int8)
            two = np.where(classes == self.MVPA, self.LIPA, classes)
            made = self.transitions(classes, two) | self.distribution(two)
            expected = case["expected"]
            assert set(made) == set(expected)
            assert [name for name, value in made.items() if not agrees(value, expected[name])] == []

    def test_2_cases_of_sleep(self) -> None:
        """Sleep (0) against wake (1); the series starts anew after each unknown minute."""
        cases = [c for c in read_json("validation/ggir/fragmentation_cases.json")["cases"] if c["mode"] == "spt"]
        assert len(cases) == 2
        for case in cases:
            classes = np.array([-1 if level is None else level for level in case["LEVELS"]], np.int8)
            falling, waking = find_transitions(classes, (1,), (0,)), find_transitions(classes, (0,), (1,))
            expected = case["expected"]
            assert (falling.count, falling.probability) == (expected["Nfrag_wake"], expected["TP_wake2sleep"])
            assert (waking.count, waking.probability) == (expected["Nfrag_sleep"], expected["TP_sleep2wake"])

    def transitions(self, classes: npt.NDArray[np.int8], two: npt.NDArray[np.int8]) -> dict[str, float | None]:
        rest, moving = (self.IN,), (self.LIPA,)
        in_pa, pa_in = find_transitions(two, rest, moving), find_transitions(two, moving, rest)
        in_lipa, in_mvpa = find_transitions(classes, rest, (self.LIPA,)), find_transitions(classes, rest, (self.MVPA,))
        lipa = find_transitions(classes, (self.LIPA,), (self.IN, self.MVPA))
        mvpa = find_transitions(classes, (self.MVPA,), (self.IN, self.LIPA))
        from_three = find_transitions(classes, (self.LIPA, self.MVPA), rest)
        return {
            "Nfrag_PA2IN": from_three.count,
            "Nfrag_IN2PA": in_pa.count,
            "TP_PA2IN": from_three.probability,
            "TP_IN2PA": in_pa.probability,
            "Nfrag_IN2LIPA": in_lipa.count,
            "TP_IN2LIPA": in_lipa.probability,
            "Nfrag_IN2MVPA": in_mvpa.count,
            "TP_IN2MVPA": in_mvpa.probability,
            "Nfrag_LIPA": lipa.count,
            "mean_dur_LIPA": lipa.mean_min,
            "Nfrag_MVPA": mvpa.count,
            "mean_dur_MVPA": mvpa.mean_min,
            "Nfrag_PA": pa_in.count,
            "Nfrag_IN": in_pa.count,
            "mean_dur_PA": pa_in.mean_min,
            "mean_dur_IN": in_pa.mean_min,
            "NFragPM_PA": 1 / pa_in.mean_min if pa_in.mean_min else None,
            "NFragPM_IN": 1 / in_pa.mean_min if in_pa.mean_min else None,
        }

    def distribution(self, two: npt.NDArray[np.int8]) -> dict[str, float | None]:
        """Gini, alpha and half-life are ours; the spread and GGIR's W0.5 are made here of our runs, to prove these."""
        made: dict[str, float | None] = {}
        for name, state in (("IN", self.IN), ("PA", self.LIPA)):
            lengths = find_runs(two == state).length
            logs = np.log(lengths)
            spread = float(lengths.std(ddof=1))
            alpha = find_alpha_chastin(lengths) if spread else None
            half = None if alpha is None else find_half_life(alpha)
            made[f"Gini_dur_{name}"] = find_gini(lengths)
            made[f"CoV_dur_{name}"] = float(logs.std(ddof=1) / logs.mean())
            made[f"SD_dur_{name}"] = spread
            made[f"alpha_dur_{name}"] = alpha
            made[f"x0.5_dur_{name}"] = half
            made[f"W0.5_dur_{name}"] = None if half is None else float(lengths[lengths > half].sum() / lengths.sum())
        return made


class TestFitabase:
    FOLDER = "validation/fitabase_fitbit"

    def read(self) -> pd.DataFrame:
        table = read_table(shared(f"{self.FOLDER}/minutes.csv.gz"))
        table["day"] = table["ts"].str[:10]
        return table

    def test_hourly_sums_are_the_vendors(self) -> None:
        table = self.read()
        vendor = read_table(shared(f"{self.FOLDER}/fitbit_hourly_steps.csv")).set_index(["Id", "ts"])["StepTotal"]
        compared = 0
        for (who, day), rows in table.groupby(["Id", "day"]):
            local = (rows["ts"].str[11:13].astype(int) * 60 + rows["ts"].str[14:16].astype(int)).to_numpy(np.int16)
            known = np.ones(local.size, np.bool_)
            hours = sum_hours(local, rows["steps"].to_numpy(np.int16), known, known)
            for hour, steps, minutes in zip(hours.hour, hours.steps, hours.judged, strict=True):
                key = (who, f"{day}T{hour:02}:00")
                if minutes == 60 and key in vendor.index:
                    assert steps == vendor[key], key
                    compared += 1
        assert compared == 4544

    def test_day_metrics(self) -> None:
        """A second computation of the same days, made with other code; each is complete and worn throughout."""
        expected = read_table(shared(f"{self.FOLDER}/expected_day_metrics.csv"))
        days = dict(iter(self.read().groupby(["Id", "day"])))
        for row in expected.to_dict("records"):
            steps = days[row["Id"], row["day"]]["steps"].to_numpy(np.int16)
            worn = np.ones(steps.size, np.bool_)
            peaks = find_peaks(steps)
            walking = find_walking_minutes(steps, worn, start_spm=40)
            walks = find_walking_bouts(walking, worn, ~worn, gap_min=1, active_share=0.8, min_length_min=2)
            hours = sum_hours(np.arange(steps.size, dtype=np.int16), steps, worn, worn)
            window = WakingWindow(start=8 * 60, end=22 * 60).covers(np.arange(steps.size, dtype=np.int16))
            still = find_stationary_bouts(window & (steps < 10), ~worn)
            made: dict[str, object] = {
                "steps": steps.sum(),
                "moving_min": (steps >= 1).sum(),
                "peak1": peaks[0],
                "hours_250_0918": (hours.steps[9:18] >= 250).sum(),
                "longest_stationary_0822": still.longest,
                "strict_walk_runs_ge40_min2": len(find_activity_bouts(walking, min_length_min=2)),
                "walk_bouts_ge40_gap1_min2_crit80": len(walks),
                "walk_bout_minutes": walks.length.sum(),
            }
            made |= {f"stationary_lt10_0822_ge{n}": len(still.at_least(n)) for n in (20, 30, 60)}
            bands = count_bands(steps)
            names = ("0_0", "1_19", "20_39", "40_59", "60_79", "80_99", "100_119", "120_up")
            made |= {f"band_{name}": bands[band] for name, (band, _) in zip(names, CADENCE_BANDS, strict=True)}
            assert {name: row[name] for name in made} == made, (row["Id"], row["day"])
            assert peaks[1:] == pytest.approx([row["peak30"], row["peak60"]], rel=1e-15)

    def test_the_whole_summary_says_the_same(self) -> None:
        expected = read_table(shared(f"{self.FOLDER}/expected_day_metrics.csv"))
        days = dict(iter(self.read().groupby(["Id", "day"])))
        settings = DaySettings(waking=WakingWindow(start=8 * 60, end=22 * 60))
        for row in expected.to_dict("records"):
            steps = days[row["Id"], row["day"]]["steps"].to_numpy(np.int16)
            day = build_day(pd.Timestamp(row["day"]).date(), steps, device_says_worn=True)
            made = summarise_day(day, settings)
            assert made.prolonged is not None
            assert made.walking is not None
            assert (made.steps, made.moving_min, made.longest_stationary_min, len(made.walking)) == (
                row["steps"],
                row["moving_min"],
                row["longest_stationary_0822"],
                row["walk_bouts_ge40_gap1_min2_crit80"],
            )
            assert list(made.prolonged.values()) == [row[f"stationary_lt10_0822_ge{n}"] for n in (20, 30, 60)]
            assert (made.peak_1, made.peak_30, made.peak_60) == pytest.approx(
                (row["peak1"], row["peak30"], row["peak60"]), rel=1e-15
            )
