from typing import Any

import pytest

from rules.finding import PainReport
from tests.rules.checks.made import DAY_MS, P1, P2, P3, P4, judge, past, prescribe, thin_day, view


def steps(*counts: int | None) -> list[dict[str, Any] | None]:
    return [None if count is None else {"steps": count} for count in counts]


class TestBelowFloor:
    @pytest.mark.parametrize(("today", "floor"), [(P1, 750), (P2, 1500), (P3, 2500), (P4, 3000)])
    def test_the_floor_of_each_phase(self, today: int, floor: int) -> None:
        """15, 30, 50 and 60 % of 5,000."""
        below = judge("below_floor", view(today, past(today, *steps(9000, 0, floor - 1))))
        assert (below.truth, below.evidence.measured["median"], below.evidence.thresholds["floor"]) == ("true", floor - 1, floor)
        assert judge("below_floor", view(today, past(today, *steps(9000, 0, floor)))).truth == "false"

    def test_one_bad_day_is_none(self) -> None:
        assert judge("below_floor", view(P2, past(P2, *steps(1500, 0, 1500)))).truth == "false"

    def test_three_valid_days_of_seven(self) -> None:
        assert judge("below_floor", view(P2, past(P2, *steps(0, None, None, 0, None, None, 0)))).truth == "true"
        assert judge("below_floor", view(P2, past(P2, *steps(0, None, None, None, 0, None, None, 0)))).truth == "unknown"
        days = past(P2, *steps(0, 0, 0))
        days[1] = thin_day(P2 - 2, steps=0)
        assert judge("below_floor", view(P2, days)).truth == "unknown"

    def test_each_day_is_held_against_its_own_floor(self) -> None:
        """800 steps keep the 750 of P1 and not the 1,500 of P2: day 15 brings no alert, day 17 does."""
        for today, truth in ((15, "false"), (16, "false"), (17, "true")):
            assert judge("below_floor", view(today, past(today, *steps(800, 800, 800)))).truth == truth

    def test_no_baseline(self) -> None:
        finding = judge("below_floor", view(P2, past(P2, *steps(0, 0, 0))), prescribe(baseline_steps=None))
        assert (finding.truth, finding.reason.startswith("no baseline")) == ("off", True)

    def test_no_floor(self) -> None:
        none = prescribe(phases=tuple(phase.model_copy(update={"floor_share": 0}) for phase in prescribe().phases))
        assert judge("below_floor", view(P2, past(P2, *steps(0, 0, 0))), none).truth == "off"
        assert judge("avoidance_pattern", view(P2, past(P2, *steps(0, 0, 0))), none).truth == "off"


class TestAvoidance:
    LOW = past(P2, *steps(*[1000] * 9))

    def pain(self, *values: int, days_ago: float = 1) -> tuple[PainReport, ...]:
        return tuple(PainReport(int((P2 + 0.625 - days_ago) * DAY_MS), value) for value in values)

    @pytest.mark.parametrize(("values", "truth"), [((3,), "true"), ((0, 3), "true"), ((4,), "false"), ((1, 4), "false")])
    def test_little_pain(self, values: tuple[int, ...], truth: str) -> None:
        assert judge("avoidance_pattern", view(P2, self.LOW, pain=self.pain(*values))).truth == truth

    def test_it_names_no_condition(self) -> None:
        said = judge("avoidance_pattern", view(P2, self.LOW, pain=self.pain(2))).reason
        assert "may help" in said
        assert not any(word in said for word in ("avoid", "kinesiophobia", "afraid"))

    def test_without_a_report_nothing_is_said(self) -> None:
        assert judge("avoidance_pattern", view(P2, self.LOW)).truth == "unknown"
        assert judge("avoidance_pattern", view(P2, self.LOW, pain=self.pain(2, days_ago=7.01))).truth == "unknown"
        assert judge("avoidance_pattern", view(P2, self.LOW, pain=self.pain(2, days_ago=7))).truth == "true"

    def test_a_whole_week(self) -> None:
        """The median of three is below the floor from the second low day on."""
        for low, truth in ((8, "true"), (7, "false")):
            days = past(P2, *steps(*[2000] * 6, *[1000] * low))
            assert judge("avoidance_pattern", view(P2, days, pain=self.pain(1))).truth == truth

    @pytest.mark.parametrize(("missing", "truth"), [(1, "true"), (2, "unknown")])
    def test_four_fifths_of_the_week_must_be_known(self, missing: int, truth: str) -> None:
        days = past(P2, *steps(*[1000] * 5, *[None] * missing, *[1000] * (6 - missing)))
        assert judge("avoidance_pattern", view(P2, days, pain=self.pain(1))).truth == truth

    def test_a_week_needs_a_median_on_each_of_its_days(self) -> None:
        assert judge("avoidance_pattern", view(P2, past(P2, *steps(*[1000] * 7)), pain=self.pain(1))).truth == "unknown"
        assert judge("avoidance_pattern", view(P2, past(P2, *steps(*[1000] * 6)), pain=self.pain(1))).truth == "unknown"

    def test_no_baseline(self) -> None:
        assert judge("avoidance_pattern", view(P2, self.LOW), prescribe(baseline_steps=None)).truth == "off"
