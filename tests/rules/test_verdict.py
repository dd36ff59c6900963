import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from rules.day import summarise_day
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription
from rules.verdict import DayVerdict, Status, judge_day
from tests.rules.days import DAY, make_day

SURGERY = DAY - dt.timedelta(days=7)  # P1: 3 walks of 5 min, cap 10, nudge 30, 50 steps/h, floor 15 %, cadence 100
NAMES = ["walks", "stillness", "walk_length", "cadence", "hourly", "floor"]


def prescribe(**fields: Any) -> Prescription:
    row: dict[str, Any] = {
        "version": 3,
        "author": "Dr Example",
        "effective": SURGERY,
        "reason": "fusion",
        "surgery_date": SURGERY,
        "baseline_steps": 5000,
    }
    return Prescription(**(row | fields))


def judge(day: DayMinutes, **fields: Any) -> DayVerdict:
    prescription = prescribe(**fields)
    return judge_day(summarise_day(day, prescription.day_settings(day.day)), prescription)


THREE_WALKS = ((600, 606), (800, 805), (1000, 1010))


class TestWholeDay:
    def test_the_verdict_names_its_grounds(self) -> None:
        made = judge(make_day(*THREE_WALKS))
        assert (made.day, made.version, made.phase, made.days_since_surgery) == (DAY, 3, "P1", 7)
        assert [item.name for item in made.items] == NAMES
        assert json.loads(json.dumps(made.to_json()))["items"][0]["reason"] == "3 walks of 5 min or more, 3 prescribed"

    def test_walks(self) -> None:
        done = judge(make_day(*THREE_WALKS))
        assert (done.item("walks").status, done.adherence) == (Status.MET, 1.0)
        missed = judge(make_day((600, 606), (800, 804)))
        item = missed.item("walks")
        assert (item.status, item.done, item.target, missed.adherence) == (Status.MISSED, 1, 3, 1 / 3)

    def test_more_walks_than_prescribed_are_met_once(self) -> None:
        assert judge(make_day(*THREE_WALKS, (1100, 1106))).adherence == 1.0

    def test_stillness(self) -> None:
        assert judge(make_day()).item("stillness").status is Status.MET
        item = judge(make_day(stir_every=45)).item("stillness")
        assert (item.status, item.done, item.target) == (Status.EXCEEDED, 44, 30)
        assert item.reason == "longest still stretch 44 min, and 20 stretches of 30 min or more"

    @pytest.mark.parametrize(("length", "status"), [(10, Status.MET), (12, Status.MET), (13, Status.EXCEEDED)])
    def test_a_walk_is_too_long_beyond_the_cap_and_a_fifth(self, length: int, status: Status) -> None:
        item = judge(make_day((600, 600 + length))).item("walk_length")
        assert item.status is status
        assert item.reason.endswith("within the tolerance") == (length == 12)

    def test_minutes_beyond_the_cap(self) -> None:
        item = judge(make_day((600, 615), (800, 820))).item("walk_length")
        assert (item.done, item.target) == (20, 10)
        assert item.reason == "longest walk 20 min, limit 10; 2 walks went 15 min beyond it"

    @pytest.mark.parametrize(("length", "cadence", "status"), [(4, 105, "met"), (5, 100, "exceeded"), (9, 99, "met")])
    def test_cadence(self, length: int, cadence: int, status: str) -> None:
        assert judge(make_day((600, 600 + length), cadence=cadence)).item("cadence").status == status

    def test_hourly(self) -> None:
        """36 stirring steps an hour are under 50; a walk lifts its hour. 7 of 15 hours are under half."""
        walks = [(hour * 60 + 5, hour * 60 + 6) for hour in range(8, 15)]
        item = judge(make_day(*walks)).item("hourly")
        assert (item.status, item.done) == (Status.MISSED, 7 / 15)
        item = judge(make_day(*walks, (965, 966))).item("hourly")
        assert (item.status, item.done, item.target) == (Status.MET, 8 / 15, 0.5)

    def test_floor(self) -> None:
        """15 % of 5,000 is 750; the stirs are 540."""
        item = judge(make_day()).item("floor")
        assert (item.status, item.done, item.target) == (Status.MISSED, 540, 750)
        assert judge(make_day((600, 604))).item("floor").status is Status.MET

    def test_without_a_baseline_the_floor_is_off_and_says_so(self) -> None:
        item = judge(make_day(), baseline_steps=None).item("floor")
        assert (item.status, item.target) == (Status.OFF, None)
        assert item.reason == "no baseline before the surgery is known, so rules that are shares of it are off"

    def test_limits_that_the_phase_does_not_have_are_off(self) -> None:
        made = judge(make_day((600, 660)), surgery_date=DAY - dt.timedelta(days=100))
        assert made.phase == "P4"
        assert [made.item(name).status for name in ("walk_length", "cadence")] == [Status.OFF, Status.OFF]

    def test_before_the_surgery_all_is_off(self) -> None:
        made = judge(make_day(), surgery_date=DAY + dt.timedelta(days=1))
        assert (made.phase, made.days_since_surgery, made.adherence) == (None, -1, None)
        assert [item.name for item in made.items] == NAMES
        assert {item.status for item in made.items} == {Status.OFF}

    def test_no_walks_prescribed(self) -> None:
        phases = [phase.model_dump() | {"walks_per_day": 0, "hourly_steps": 0} for phase in prescribe().phases]
        made = judge(make_day(), phases=phases)
        assert [made.item(name).status for name in ("walks", "hourly")] == [Status.OFF, Status.OFF]
        assert made.adherence is None

    def test_a_summary_made_without_the_prescription_is_judged_alike(self) -> None:
        day = make_day(*THREE_WALKS)
        assert judge_day(summarise_day(day), prescribe()).items == judge(day).items


class TestPartialDay:
    AFTERNOON = ((780, 1440),)

    def test_what_was_done_counts(self) -> None:
        made = judge(make_day((600, 606), (650, 655), (700, 710), unknown=self.AFTERNOON))
        assert (made.item("walks").status, made.adherence) == (Status.MET, 1.0)
        assert made.item("floor").status is Status.MET

    def test_what_was_overdone_counts(self) -> None:
        made = judge(make_day((600, 620), stir_every=45, cadence=110, unknown=self.AFTERNOON))
        assert [made.item(name).status for name in ("stillness", "walk_length", "cadence")] == [Status.EXCEEDED] * 3

    def test_what_was_not_seen_is_never_missed(self) -> None:
        made = judge(make_day((600, 606), unknown=self.AFTERNOON))
        assert {item.status for item in made.items} == {Status.UNKNOWN}
        assert made.adherence is None
        assert made.item("walks").reason == (
            "1 walk of 5 min or more, 3 prescribed; 540 of 900 waking minutes are unknown or not worn, so this is left open"
        )

    def test_hours_that_cannot_be_undone_are_met(self) -> None:
        """8 of 15 waking hours reached before the data end: whatever the rest was, it is half."""
        walks = [(hour * 60 + 5, hour * 60 + 6) for hour in range(7, 15)]
        made = judge(make_day(*walks, unknown=[(900, 1440)]))
        assert (made.item("hourly").status, made.item("hourly").done) == (Status.MET, 1.0)
        made = judge(make_day(*walks[1:], unknown=[(900, 1440)]))
        assert made.item("hourly").status is Status.UNKNOWN

    def test_not_worn_is_as_unseen(self) -> None:
        made = judge(make_day((600, 606), not_worn=self.AFTERNOON))
        assert made.item("walks").status is Status.UNKNOWN

    def test_no_data(self) -> None:
        made = judge(build_day(DAY, np.full(1440, NA, np.int16)))
        assert {(item.status, item.done, item.reason) for item in made.items} == {(Status.UNKNOWN, None, "no data for this day")}

    def test_the_mean_of_an_interval_can_be_too_brisk_but_never_gentle_enough(self) -> None:
        for spm, status in ((60, Status.UNKNOWN), (110, Status.EXCEEDED)):
            steps = np.zeros(1440, np.int16)
            steps[600:609] = spm
            made = judge(build_day(DAY, steps, resolution_s=540, device_says_worn=True))
            assert made.item("cadence").status is status
            assert "about right" in made.item("walks").reason

    def test_intervals_too_long_for_minutes(self) -> None:
        made = judge(build_day(DAY, np.full(1440, 3, np.int16), resolution_s=900, device_says_worn=True))
        blind = [made.item(name) for name in ("walks", "stillness", "walk_length", "cadence")]
        assert {(item.status, item.reason) for item in blind} == {
            (Status.UNKNOWN, "insufficient resolution: steps come in intervals of 15 min")
        }
        assert made.item("floor").status is Status.MET
        assert made.item("hourly").status is Status.MET
