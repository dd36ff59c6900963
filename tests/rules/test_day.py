import json
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from rules.day import DaySettings, DaySummary, summarise_day
from rules.minutes import NA, State, WakingSource, WearSource, build_day
from rules.thresholds import Thresholds
from rules.waking import WakingWindow
from tests.rules.days import DAY, make_day, mark

SETTINGS = DaySettings(credited_walk_min=5, hourly_steps=50)


class TestCommonDay:
    """07:00-22:00 waking; 12 steps every 20 minutes; walks 10:00-10:10 and 16:00-16:06 at 70 steps/min."""

    @pytest.fixture
    def made(self) -> DaySummary:
        return summarise_day(make_day((600, 610), (960, 966)), SETTINGS)

    def test_wear(self, made: DaySummary) -> None:
        assert (made.wear_source, made.waking_source) == (WearSource.DEVICE, WakingSource.PRESCRIPTION)
        assert (made.waking_start, made.waking_end, made.waking_min) == (420, 1320, 900)
        assert (made.worn_min, made.worn_waking_min, made.coverage) == (1440, 900, 1.0)
        assert (made.valid, made.partial, made.conclusive) == (True, False, True)

    def test_steps(self, made: DaySummary) -> None:
        # 45 stirs of 12, of which those of 10:00 and 16:00 fall into the walks.
        assert made.steps == 16 * 70 + 43 * 12
        assert (made.moving_min, made.walking_min, made.moderate_min) == (16 + 43, 16, 0)

    def test_stillness(self, made: DaySummary) -> None:
        assert made.still_min == 900 - 16 - 43
        assert made.longest_stationary_min == 19
        assert made.prolonged == {20: 0, 30: 0, 60: 0}
        # 45 stirs or walks; the one at 07:00 has no still minute of the window before it.
        assert made.breaks == 44
        assert made.breaks_per_stationary_hour == pytest.approx(44 / (841 / 60))
        assert made.move_every_30 == 1.0

    def test_walks(self, made: DaySummary) -> None:
        assert made.walking is not None
        assert [tuple(walk) for walk in made.walking] == [(600, 610, 10, False), (960, 966, 6, False)]
        assert made.credited_walks == 2
        assert made.walk_gap_median_min == 350
        assert made.walk_thirds == pytest.approx(2 / 3)

    def test_hours(self, made: DaySummary) -> None:
        # Each waking hour has three stirs of 12: 36 steps, but those of the walks 700 + 24 and 420 + 24.
        assert made.hours.steps[7:22].tolist() == [36, 36, 36, 724, 36, 36, 36, 36, 36, 444, 36, 36, 36, 36, 36]
        assert (made.hours_judged, made.hours_reached, made.hourly_coverage) == (15, 2, 2 / 15)

    def test_cadence(self, made: DaySummary) -> None:
        assert made.cadence_bands == {
            "none": 841,
            "incidental": 43,
            "sporadic": 0,
            "purposeful": 0,
            "slow": 16,
            "medium": 0,
            "brisk": 0,
            "faster": 0,
        }
        assert (made.peak_1, made.peak_30) == (70, (16 * 70 + 14 * 12) / 30)
        assert made.peak_60 == pytest.approx((16 * 70 + 43 * 12) / 60)

    def test_fragmentation(self, made: DaySummary) -> None:
        still, active = made.fragmentation_stationary, made.fragmentation_active
        assert still is not None
        assert active is not None
        assert (still.runs, still.total_min) == (45, 841)
        assert still.transition_ggir == round(44 / 840, 6)  # the last one ends with the window
        assert (active.runs, active.total_min) == (45, 59)

    def test_states(self, made: DaySummary) -> None:
        counted = np.bincount(made.states, minlength=6).tolist()
        assert counted == [0, 0, 540, 841, 43, 16]
        assert made.states[605] == State.WALKING
        assert (made.asleep_min, made.unknown_min, made.not_worn_min) == (540, 0, 0)

    def test_json(self, made: DaySummary) -> None:
        row = json.loads(json.dumps(made.to_json()))
        assert row["day"] == "2024-05-20"
        assert row["wear_source"] == "device"
        assert row["walking"][0] == {"start": 600, "length": 10, "active": 10, "censored": False}
        assert row["stationary"] == []
        assert row["prolonged"] == {"20": 0, "30": 0, "60": 0}
        assert row["hours"][10] == {"start": 600, "hour": 10, "steps": 724, "judged": 60, "waking": 60}
        assert "states" not in row


class TestUnknown:
    def test_nothing_known_is_none_and_never_zero(self) -> None:
        made = summarise_day(build_day(DAY, np.full(1440, NA, np.int16)), SETTINGS)
        assert made.wear_source is WearSource.NONE
        assert (made.has_data, made.valid, made.partial) == (False, False, False)
        told = {name: value for name, value in made.to_json().items() if value is None}
        assert set(told) >= {"steps", "still_min", "longest_stationary_min", "credited_walks", "hours_reached", "peak_30"}
        assert (made.states == State.UNKNOWN).all()

    def test_a_partial_day_is_partial(self) -> None:
        made = summarise_day(make_day((600, 610), unknown=[(720, 1440)]), SETTINGS)
        assert (made.worn_waking_min, made.valid, made.partial) == (300, False, True)
        assert made.coverage == pytest.approx(1 / 3)
        assert (made.peak_1, made.peak_30) == (None, None)
        assert made.credited_walks == 1

    def test_valid_but_thin_is_partial_too(self) -> None:
        made = summarise_day(make_day(unknown=[(1080, 1320)]), SETTINGS)
        assert (made.worn_waking_min, made.valid, made.partial) == (660, True, True)

    def test_unknown_censors_the_bout_beside_it(self) -> None:
        made = summarise_day(make_day(stir_every=None, unknown=[(500, 510)]), SETTINGS)
        assert made.stationary is not None
        assert [tuple(bout) for bout in made.stationary] == [(420, 500, 80, True), (510, 1320, 810, True)]
        assert made.unknown_waking_min == 10

    def test_the_end_of_the_window_does_not_censor(self) -> None:
        made = summarise_day(make_day((420, 430), (1200, 1210), stir_every=None), SETTINGS)
        assert made.stationary is not None
        assert [(bout.start, bout.end, bout.censored) for bout in made.stationary] == [
            (430, 1200, False),
            (1210, 1320, False),
        ]

    def test_not_worn_is_its_own_state(self) -> None:
        made = summarise_day(make_day(not_worn=[(600, 660)]), SETTINGS)
        assert (made.states[600:660] == State.NOT_WORN).all()
        assert (made.not_worn_min, made.unknown_waking_min, made.worn_waking_min) == (60, 0, 840)

    def test_steps_alone_never_call_a_long_silence_still(self) -> None:
        made = summarise_day(make_day((600, 610), stir_every=None, device_says_worn=False), SETTINGS)
        assert made.wear_source is WearSource.STEPS_INFERRED
        assert made.still_min == 0
        assert (made.states[420:600] == State.UNKNOWN).all()
        assert made.partial


class TestWindow:
    def test_a_walk_before_the_window_counts(self) -> None:
        made = summarise_day(make_day((380, 390)), SETTINGS)
        assert made.credited_walks == 1
        assert (made.states[380:390] == State.WALKING).all()

    def test_sleep_by_record(self) -> None:
        steps = make_day().steps
        day = build_day(DAY, steps, asleep=mark([(0, 480), (1380, 1440)]), device_says_worn=True)
        made = summarise_day(day, SETTINGS)
        assert made.waking_source is WakingSource.SLEEP_RECORD
        assert (made.waking_start, made.waking_end) == (480, 1380)
        # A stir asleep is movement; no other minute asleep is judged.
        assert made.asleep_min == 540 - 3

    def test_the_prescribed_window(self) -> None:
        made = summarise_day(make_day(), DaySettings(waking=WakingWindow.model_validate("14:00-02:00")))
        assert made.waking_min == 720
        assert (made.waking_start, made.waking_end) == (0, 1440)

    def test_a_walking_aid_lowers_the_cadence_of_a_walk(self) -> None:
        day = make_day((600, 610), cadence=35)
        assert summarise_day(day, SETTINGS).credited_walks == 0
        assert summarise_day(day, DaySettings(credited_walk_min=5, walking_aid=True)).credited_walks == 1

    def test_without_a_prescription_nothing_is_credited(self) -> None:
        made = summarise_day(make_day((600, 610)))
        assert (made.credited_walks, made.hours_reached, made.hourly_coverage) == (None, None, None)
        assert made.walking is not None
        assert len(made.walking) == 1

    def test_thresholds_are_the_patients(self) -> None:
        made = summarise_day(make_day(), DaySettings(limits=Thresholds(stationary_below_steps=13, prolonged_min=(60, 120))))
        assert made.longest_stationary_min == 900
        assert made.prolonged == {60: 1, 120: 1}


class TestResolution:
    """Fifteen-minute data: 30 steps in 10:00-10:15, spread as 2 a minute; nothing else."""

    @pytest.fixture
    def made(self) -> DaySummary:
        steps = np.zeros(1440, np.int16)
        steps[600:615] = 2
        return summarise_day(build_day(DAY, steps, resolution_s=900, device_says_worn=True), SETTINGS)

    def test_what_needs_minutes_refuses(self, made: DaySummary) -> None:
        assert not made.has_bouts
        refused = (made.still_min, made.walking_min, made.breaks, made.credited_walks, made.peak_1, made.move_every_30)
        assert refused == (None,) * 6

    def test_what_does_not_is_there(self, made: DaySummary) -> None:
        assert (made.steps, made.worn_waking_min, made.hours_judged, made.hours_reached) == (30, 900, 15, 0)

    def test_no_minute_of_an_interval_with_steps_is_called_still(self, made: DaySummary) -> None:
        assert (made.states[600:615] == State.MOVING).all()
        assert (made.states[615:1320] == State.STILL).all()

    def test_hours_refuse_what_is_longer_than_an_hour(self) -> None:
        day = build_day(DAY, np.ones(1440, np.int16), resolution_s=7200, device_says_worn=True)
        assert summarise_day(day, SETTINGS).hours_reached is None


class TestIntervalsOfMinutes:
    """A watch that writes an interval for each change of activity: 10:00-10:06 with 480 steps, 12:00-12:05 with 3."""

    @pytest.fixture
    def made(self) -> DaySummary:
        steps = np.zeros(1440, np.int16)
        steps[600:606] = 80
        steps[720:725] = (1, 0, 1, 0, 1)
        return summarise_day(build_day(DAY, steps, resolution_s=360, device_says_worn=True), SETTINGS)

    def test_walks_are_told(self, made: DaySummary) -> None:
        assert made.walking is not None
        assert [(bout.start, bout.length) for bout in made.walking] == [(600, 6)]

    def test_a_few_steps_end_a_still_stretch(self, made: DaySummary) -> None:
        """07:00-10:00, 10:06-12:00, 12:05-22:00; the interval with 3 steps is not called still."""
        assert made.stationary is not None
        assert [bout.length for bout in made.stationary] == [180, 114, 595]
        assert (made.states[720:725] == State.MOVING).all()

    def test_cadence_is_not(self, made: DaySummary) -> None:
        assert not made.has_cadence
        assert (made.breaks, made.peak_1, made.move_every_30, made.fragmentation_active) == (None,) * 4


@pytest.mark.parametrize(("date", "n"), [("2024-03-31", 1380), ("2024-10-27", 1500), ("2024-06-01", 1440)])
def test_days_of_23_and_25_hours(date: str, n: int) -> None:
    """Berlin's clock changes: every minute counts once, and the window is what the clock on the wall says."""
    zone = ZoneInfo("Europe/Berlin")
    start, end = pd.Timestamp(date, tz=zone), pd.Timestamp(date, tz=zone) + pd.DateOffset(days=1)
    minutes = pd.date_range(start, end, freq="min", inclusive="left")
    local = (minutes.hour * 60 + minutes.minute).to_numpy(np.int16)
    day = build_day(
        start.date(),
        np.ones(n, np.int16),
        start_ms=int(start.timestamp() * 1000),
        local_minute=local,
        device_says_worn=True,
    )
    made = summarise_day(day, SETTINGS)
    assert (made.n_min, made.steps, made.waking_min, made.still_min) == (n, n, 900, 900)
    assert local[made.waking_start] == 420
    assert made.waking_end is not None
    assert local[made.waking_end - 1] == 1319
    assert made.hours.steps.tolist() == [60] * (n // 60)
    assert made.hours_judged == 15
