import datetime as dt

import numpy as np
import pytest

from rules.minutes import NA, DayMinutes, WearSource, build_day
from rules.thresholds import Thresholds
from rules.wear import Wear, decide_wear, find_worn_by_pulse, find_worn_by_steps

DAY = dt.date(2024, 5, 1)
LIMITS = Thresholds()


def decide(day: DayMinutes, limits: Thresholds = LIMITS) -> Wear:
    return decide_wear(day, np.ones(len(day), np.bool_), limits)


def spread(*runs: tuple[int, int]) -> np.ndarray:
    return np.repeat([value for value, _ in runs], [minutes for _, minutes in runs]).astype(np.int16)


class TestPulse:
    def test_gaps_of_ten_are_bridged_and_of_eleven_not(self) -> None:
        worn = find_worn_by_pulse(spread((70, 1), (NA, 10), (70, 1), (NA, 11), (70, 1)), bridge_min=10)
        assert worn.tolist() == [True] * 12 + [False] * 11 + [True]

    def test_edges_are_not_bridged(self) -> None:
        assert find_worn_by_pulse(spread((NA, 3), (70, 2), (NA, 3)), bridge_min=10).sum() == 2

    def test_zeros_of_a_device_off_the_wrist_are_not_worn(self) -> None:
        """Vendors write steps = 0 there."""
        wear = decide(build_day(DAY, spread((0, 200)), heart_rate=spread((70, 100), (NA, 100))))
        assert wear.source is WearSource.HEART_RATE
        assert wear.worn.sum() == 100
        assert wear.not_worn.tolist() == [False] * 100 + [True] * 100

    def test_no_pulse_and_no_steps_is_unknown(self) -> None:
        wear = decide(build_day(DAY, spread((0, 100), (NA, 100)), heart_rate=spread((70, 100), (NA, 100))))
        assert not wear.not_worn.any()
        assert wear.worn.sum() == 100

    def test_a_minute_of_pulse_without_steps_data_is_not_worn_time(self) -> None:
        wear = decide(build_day(DAY, spread((0, 50), (NA, 50)), heart_rate=spread((70, 100))))
        assert wear.worn.sum() == 50
        assert not wear.not_worn.any()

    def test_a_pulse_lost_while_walking(self) -> None:
        wear = decide(build_day(DAY, spread((0, 60), (90, 20), (0, 60)), heart_rate=spread((70, 65), (NA, 15), (70, 60))))
        assert wear.source is WearSource.HEART_RATE
        assert wear.worn.all()

    def test_spot_measurements_do_not_tell_wear(self) -> None:
        pulse = np.full(600, NA, np.int16)
        pulse[::30] = 70
        wear = decide(build_day(DAY, spread((0, 100), (50, 10), (0, 490)), heart_rate=pulse))
        assert wear.source is WearSource.STEPS_INFERRED
        assert not wear.not_worn.any()

    def test_a_chest_strap_beside_a_phone_does_not_tell_wear(self) -> None:
        steps = spread((0, 60), (60, 30), (0, 60), (60, 30), (0, 60), (60, 30))
        wear = decide(build_day(DAY, steps, heart_rate=spread((NA, 60), (120, 30), (NA, 180))))
        assert wear.source is WearSource.STEPS_INFERRED


class TestStepsOnly:
    def test_zero_runs_of_119_and_120(self) -> None:
        steps = spread((20, 1), (0, 119), (20, 1), (0, 120), (20, 1))
        worn = find_worn_by_steps(steps, np.ones(steps.size, np.bool_), 120)
        assert worn.tolist() == [True] * 121 + [False] * 120 + [True]

    def test_the_long_run_is_unknown_not_unworn(self) -> None:
        wear = decide(build_day(DAY, spread((0, 300))))
        assert wear.source is WearSource.STEPS_INFERRED
        assert not wear.worn.any()
        assert not wear.not_worn.any()

    def test_outside_the_waking_window_only_movement_is_worn(self) -> None:
        steps = spread((0, 30), (5, 1), (0, 30))
        worn = find_worn_by_steps(steps, np.zeros(steps.size, np.bool_), 120)
        assert np.flatnonzero(worn).tolist() == [30]

    def test_unknown_is_not_worn(self) -> None:
        worn = find_worn_by_steps(spread((0, 10), (NA, 10), (0, 10)), np.ones(30, np.bool_), 120)
        assert worn.tolist() == [True] * 10 + [False] * 10 + [True] * 10

    def test_an_unknown_minute_within_does_not_shorten_the_silence(self) -> None:
        """Of 130 zero minutes nothing is still; with five of them lost, it must not become more."""
        split = spread((20, 1), (0, 60), (NA, 5), (0, 65), (20, 1))
        worn = find_worn_by_steps(split, np.ones(split.size, np.bool_), 120)
        assert np.flatnonzero(worn).tolist() == [0, 131]

    def test_unknown_minutes_at_its_end_are_no_part_of_it(self) -> None:
        """A day that is not over: 30 zero minutes so far, the rest not yet there."""
        steps = spread((20, 1), (0, 30), (NA, 200))
        assert find_worn_by_steps(steps, np.ones(steps.size, np.bool_), 120).sum() == 31


class TestDevice:
    def test_the_device_is_asked_first(self) -> None:
        off = np.zeros(200, np.bool_)
        off[150:] = True
        wear = decide(build_day(DAY, spread((0, 200)), heart_rate=spread((70, 200)), not_worn=off, device_says_worn=True))
        assert wear.source is WearSource.DEVICE
        assert (wear.worn.sum(), wear.not_worn.sum()) == (150, 50)

    def test_charging_is_not_worn_whatever_else_says(self) -> None:
        charging = np.zeros(100, np.bool_)
        charging[:10] = True
        wear = decide(build_day(DAY, spread((NA, 5), (0, 95)), heart_rate=spread((70, 100)), charging=charging))
        assert wear.not_worn.tolist() == [True] * 10 + [False] * 90

    def test_a_device_that_never_reports_wear_is_not_believed_on_silence(self) -> None:
        assert decide(build_day(DAY, spread((0, 130)))).worn.sum() == 0
        assert decide(build_day(DAY, spread((0, 130)), device_says_worn=True)).worn.sum() == 130


class TestCounts:
    @pytest.mark.parametrize(("rule", "worn"), [("zero", 140), ("troiano", 109), ("choi", 79), ("choi_actilife", 109)])
    def test_the_rule_is_a_setting(self, rule: str, worn: int) -> None:
        """50 moving, 30 zeros, a faint minute, 60 zeros, 29 moving, 30 zeros at the end.

        Zero rule: 60 of 200 are non-wear; Troiano: with the faint minute one run of 91; Choi: the faint minute, silent 30
        minutes around, joins the zeros to 91, and the end's 30 go too (the package's edges are special, ActiLife's are not).
        """
        counts = spread((500, 50), (0, 30), (50, 1), (0, 60), (500, 29), (0, 30))
        day = build_day(DAY, np.zeros(200, np.int16), counts=counts)
        wear = decide(day, Thresholds(counts_rule=rule))
        assert wear.source is WearSource.COUNTS
        assert wear.worn.sum() == worn

    def test_unknown_counts_are_unknown(self) -> None:
        wear = decide(build_day(DAY, spread((0, 20)), counts=spread((9, 10), (NA, 10))))
        assert wear.worn.sum() == 10
        assert not wear.not_worn.any()


def test_nothing_known() -> None:
    wear = decide(build_day(DAY, spread((NA, 100))))
    assert wear.source is WearSource.NONE
    assert not wear.worn.any()
    assert not wear.not_worn.any()
