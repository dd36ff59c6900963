import datetime as dt

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from rules.minutes import NA, DayMinutes, WakingSource, build_day
from rules.runs import find_runs
from rules.thresholds import Thresholds
from rules.waking import DEFAULT_WINDOW, Waking, WakingWindow, decide_waking, find_rest

DAY = dt.date(2024, 5, 1)
LIMITS = Thresholds()


def day_with(*walks: tuple[int, int], steps: int = 60, asleep: tuple[tuple[int, int], ...] | None = None) -> DayMinutes:
    series = np.zeros(1440, np.int16)
    for start, end in walks:
        series[start:end] = steps
    record = None
    if asleep is not None:
        record = np.zeros(1440, np.bool_)
        for start, end in asleep:
            record[start:end] = True
    return build_day(DAY, series, asleep=record)


def spans(waking: Waking) -> list[tuple[int, int]]:
    runs = find_runs(waking.mask)
    return list(zip(runs.start.tolist(), runs.end.tolist(), strict=True))


class TestWindow:
    @pytest.mark.parametrize("text", ["07:00-22:00", "06:30-24:00", "14:00-02:00"])
    def test_text_there_and_back(self, text: str) -> None:
        assert str(WakingWindow.model_validate(text)) == text

    @pytest.mark.parametrize("text", ["7-22", "25:00-26:00", "07:00", "07:60-22:00", ""])
    def test_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(ValidationError, match="a waking window looks like 07:00-22:00"):
            WakingWindow.model_validate(text)

    def test_a_short_one_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="lasts 4 hours or more, found 10:00-13:59"):
            WakingWindow.model_validate("10:00-13:59")

    def test_past_midnight(self) -> None:
        covered = WakingWindow.model_validate("14:00-02:00").covers(np.array([0, 119, 120, 839, 840, 1439], np.int16))
        assert covered.tolist() == [True, True, False, False, True, True]

    def test_midnight_as_00_00(self) -> None:
        assert WakingWindow.model_validate("07:00-00:00") == WakingWindow(start=420, end=1440)

    def test_it_is_text_within_another_model(self) -> None:
        class Holder(BaseModel):
            window: WakingWindow

        assert Holder(window=WakingWindow()).model_dump() == {"window": "07:00-22:00"}


class TestRecord:
    def test_a_night_in_the_record_decides(self) -> None:
        made = decide_waking(day_with(asleep=((0, 400), (1380, 1440))), DEFAULT_WINDOW, LIMITS)
        assert made.source is WakingSource.SLEEP_RECORD
        assert spans(made) == [(400, 1380)]

    def test_awakenings_of_20_minutes_stay_asleep_and_longer_do_not(self) -> None:
        made = decide_waking(day_with(asleep=((0, 200), (220, 300), (321, 400))), DEFAULT_WINDOW, LIMITS)
        assert spans(made) == [(300, 321), (400, 1440)]

    def test_a_nap_is_taken_out_of_the_prescribed_window(self) -> None:
        made = decide_waking(day_with(asleep=((800, 860),)), DEFAULT_WINDOW, LIMITS)
        assert made.source is WakingSource.PRESCRIPTION
        assert spans(made) == [(420, 800), (860, 1320)]

    def test_no_record(self) -> None:
        assert spans(decide_waking(day_with(), DEFAULT_WINDOW, LIMITS)) == [(420, 1320)]


class TestRest:
    def evening(self, *walks: tuple[int, int]) -> np.ndarray:
        """Return the steps of 18:00-12:00 (1,080 minutes), walking 30 a minute at `walks`."""
        steps = np.zeros(1080, np.int16)
        for start, end in walks:
            steps[start:end] = 30
        return steps

    def test_a_night_of_eight_hours(self) -> None:
        """Up until 23:00 (minute 300) and from 07:00 (780) on, walking every 5 minutes."""
        steps = self.evening()
        steps[0:300:5] = 30
        steps[780::5] = 30
        assert find_rest(steps, LIMITS) == (296, 780)

    def test_a_walk_to_the_bathroom_does_not_end_it(self) -> None:
        steps = self.evening((500, 502))
        steps[0:300:5] = 30
        steps[780::5] = 30
        assert find_rest(steps, LIMITS) == (296, 780)

    def test_a_half_hour_up_does(self) -> None:
        steps = self.evening((400, 430))
        steps[0:300:5] = 30
        steps[780::5] = 30
        assert find_rest(steps, LIMITS) == (430, 780)

    def test_19_steps_in_ten_minutes_are_rest(self) -> None:
        steps = self.evening()
        steps[0:300:5] = 30
        steps[780::5] = 30
        steps[300:780:10] = 19
        assert find_rest(steps, LIMITS) is not None

    def test_under_4_and_over_14_hours_are_no_night(self) -> None:
        short = self.evening()
        short[::5] = 30
        short[400:630] = 0
        assert find_rest(short, LIMITS) is None
        long = self.evening((0, 100), (950, 1080))
        assert find_rest(long, LIMITS) is None

    def test_unknown_is_no_rest(self) -> None:
        assert find_rest(np.full(1080, NA, np.int16), LIMITS) is None


class TestInference:
    def test_both_nights_with_the_neighbours(self) -> None:
        """Bed at 21:00 and up at 05:30: the night at each end is whole only with the day beside it."""
        busy = [(minute, minute + 1) for minute in range(330, 1260, 5)]
        made = decide_waking(day_with(*busy), None, LIMITS, before=day_with(*busy), after=day_with(*busy))
        assert made.source is WakingSource.INFERRED
        assert spans(made) == [(330, 1256)]

    def test_an_end_without_a_night_keeps_the_default(self) -> None:
        busy = [(minute, minute + 1) for minute in range(330, 1260, 5)]
        made = decide_waking(day_with(*busy), None, LIMITS)
        assert spans(made) == [(330, 1320)]

    def test_nothing_to_infer_from(self) -> None:
        made = decide_waking(build_day(DAY, np.full(1440, NA, np.int16)), None, LIMITS)
        assert made.source is WakingSource.PRESCRIPTION
        assert spans(made) == [(420, 1320)]
