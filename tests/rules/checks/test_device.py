from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rules.finding import VendorHour
from rules.minutes import NA, WearSource
from rules.prescription import Prescription, revise
from tests.rules.checks.made import DAY_MS, HOUR_MS, P1, P2, SURGERY, judge, made_day, no_day, past, prescribe, view


class TestSilent:
    @pytest.mark.parametrize(("today", "hours"), [(P1, 12), (P2, 24), (-3, 24)])
    def test_hours_without_data(self, today: int, hours: int) -> None:
        seen = view(today, past(today, {}, {}, {}))
        for age_ms, truth in ((hours * HOUR_MS, "false"), (hours * HOUR_MS + 1, "true")):
            finding = judge("device_silent", replace(seen, last_data_ms=seen.at_ms - age_ms))
            assert (finding.truth, finding.evidence.thresholds["silent_h"]) == (truth, hours)

    def test_it_clears_with_the_next_data(self) -> None:
        finding = judge("device_silent", view(P2, past(P2, {}, {}, {})))
        assert (finding.truth, finding.clears) == ("false", True)

    @pytest.mark.parametrize(("worn", "truth"), [((599, 599, 900), "true"), ((599, 600, 900), "false"), ((599, 900, 0), "true")])
    def test_worn_too_little(self, worn: tuple[int, ...], truth: str) -> None:
        days = past(P2, *({"worn_waking_min": minutes} for minutes in worn), before=5)
        assert judge("device_silent", view(P2, days)).truth == truth

    def test_days_without_data_are_days_not_worn(self) -> None:
        assert judge("device_silent", view(P2, past(P2, None, None, {}, before=3))).truth == "true"
        assert judge("device_silent", view(P2, past(P2, None, {}, {}, before=3))).truth == "false"

    def test_steps_alone_do_not_tell_how_long_it_was_worn(self) -> None:
        """An afternoon in an armchair is no device in a drawer; it would keep every other rule silent."""
        seldom = {"worn_waking_min": 300}
        for source, truth in ((WearSource.STEPS_INFERRED, "false"), (WearSource.HEART_RATE, "true"), (WearSource.COUNTS, "true")):
            days = past(P2, *[seldom | {"source": source}] * 3, before=5)
            finding = judge("device_silent", view(P2, days))
            assert finding.truth == truth, source
            assert ("steps alone do not tell of 3" in finding.reason) == (truth == "false")
        seen = view(P2, past(P2, *[seldom | {"source": WearSource.STEPS_INFERRED}] * 3, before=5))
        assert judge("device_silent", replace(seen, last_data_ms=seen.at_ms - 25 * HOUR_MS)).truth == "true"

    def test_but_not_those_before_the_first_data(self) -> None:
        assert judge("device_silent", view(P2, past(P2, None, None, {}))).truth == "false"
        assert judge("device_silent", view(P2, [])).truth == "false"

    def test_nothing_ever_came(self) -> None:
        effective = {"effective": SURGERY.replace(day=31), "version": 1}  # day 30
        nothing: dict[str, Any] = {"today": no_day(P2), "last_data_ms": None}
        assert judge("device_silent", view(P2, [], **nothing), prescribe(**effective)).truth == "false"
        nothing["today"] = no_day(P2 + 1)
        assert judge("device_silent", view(P2 + 1, [], **nothing), prescribe(**effective)).truth == "true"

    def test_the_patients_own_hours(self) -> None:
        own = revise(prescribe(), {"rules.device_silent.silent_h": 72}, author="x", effective=SURGERY, reason="a weekly sync")
        seen = view(P2, past(P2, {}, {}, {}))
        assert judge("device_silent", replace(seen, last_data_ms=seen.at_ms - 71 * HOUR_MS), own).truth == "false"


class TestFault:
    @pytest.mark.parametrize(("spm", "truth"), [(220, "false"), (221, "true")])
    def test_nobody_steps_faster(self, spm: int, truth: str) -> None:
        finding = judge("device_fault", view(P2, past(P2, {}), today=made_day(P2, cadence=(spm, 2))))
        assert (finding.truth, len(finding.evidence.minutes)) == (truth, 2 if truth == "true" else 0)
        yesterday = view(P2, past(P2, {"cadence": (spm, 1)}))
        assert judge("device_fault", yesterday).truth == truth
        assert judge("device_fault", view(P2, past(P2, {"cadence": (spm, 1)}, {}))).truth == "false"

    @pytest.mark.parametrize(
        ("vendor", "ours", "truth"),
        [
            (100, 120, "false"),  # 20 steps are no fault
            (100, 121, "true"),
            (1000, 950, "false"),  # 5 % of 1,000
            (1000, 949, "true"),
            (1000, None, "false"),  # not all known
        ],
    )
    def test_hours_that_do_not_add_up(self, vendor: int, ours: int | None, truth: str) -> None:
        hour = VendorHour(P2 * DAY_MS, P2 * DAY_MS + HOUR_MS, vendor, ours)
        assert judge("device_fault", view(P2, past(P2, {}), vendor_hours=[hour])).truth == truth
        past_hour = replace(hour, start_ms=(P2 - 1) * DAY_MS - 1)
        assert judge("device_fault", view(P2, past(P2, {}), vendor_hours=[past_hour])).truth == "false"

    def test_a_clock_that_jumped(self) -> None:
        for jump, truth in (((P2 - 1) * DAY_MS, "true"), ((P2 - 1) * DAY_MS - 1, "false")):
            finding = judge("device_fault", view(P2, past(P2, {}), clock_jumps_ms=[jump]))
            assert finding.truth == truth
        assert "jumped" in judge("device_fault", view(P2, past(P2, {}), clock_jumps_ms=[P2 * DAY_MS])).reason

    def test_no_data_is_unknown(self) -> None:
        assert judge("device_fault", view(P2, [no_day(P2 - 1)], today=no_day(P2), last_data_ms=None)).truth == "unknown"

    def test_old_data_can_still_be_wrong(self) -> None:
        seen = view(P2, past(P2, {"cadence": (230, 1)}), today=no_day(P2), last_data_ms=P2 * DAY_MS)
        assert judge("device_fault", seen).truth == "true"


class TestNight:
    """Nights of 40 steps, but for the last three."""

    ON = revise(prescribe(), {"rules.night_activity.enabled": True}, author="x", effective=SURGERY, reason="a trend")

    def nights(self, last: tuple[int, int, int], usual: int = 40, source: WearSource = WearSource.HEART_RATE) -> Any:
        days = []
        for place, steps in enumerate([usual] * 15 + list(last)):
            minutes = np.zeros(1440, np.int16)
            minutes[60:62] = steps // 2, steps - steps // 2
            minutes[700] = 180
            days.append(made_day(P2 - 18 + place, source=source, cadence=(0, 0)))
            days[-1] = replace(days[-1], cadence=minutes)
        return days

    def judge(self, last: tuple[int, int, int], chosen: Prescription | None = None, **fields: Any) -> str:
        return judge("night_activity", view(P2, self.nights(last, **fields)), chosen or self.ON).truth.value

    def test_off_unless_switched_on(self) -> None:
        finding = judge("night_activity", view(P2, self.nights((900, 900, 900))))
        assert (finding.truth, finding.reason) == ("off", "switched off: a trend, off unless switched on")

    def test_three_nights_above_three_times_the_median(self) -> None:
        assert self.judge((121, 121, 121)) == "true"
        assert self.judge((121, 120, 121)) == "false"

    def test_three_times_nothing_is_nothing(self) -> None:
        assert self.judge((50, 50, 50), usual=0) == "false"
        assert self.judge((51, 51, 51), usual=0) == "true"

    def test_steps_alone_cannot_tell(self) -> None:
        assert self.judge((900, 900, 900), source=WearSource.STEPS_INFERRED) == "unknown"

    def test_nights_not_worn_are_unknown(self) -> None:
        days = self.nights((900, 900, 900))
        states = days[-1].states.copy()
        states[:420] = 0
        days[-1] = replace(days[-1], states=states, cadence=np.full(1440, NA, np.int16))
        assert judge("night_activity", view(P2, days), self.ON).truth == "unknown"
        assert judge("night_activity", view(P2, []), self.ON).truth == "unknown"

    def test_too_few_nights_of_ones_own(self) -> None:
        """Seven are needed before the three: eleven days hold ten nights."""
        assert judge("night_activity", view(P2, self.nights((900, 900, 900))[-11:]), self.ON).truth == "true"
        assert judge("night_activity", view(P2, self.nights((900, 900, 900))[-10:]), self.ON).truth == "unknown"
