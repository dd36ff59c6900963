from typing import Any

import pytest

from rules.check_decline import find_slope
from rules.finding import Priority
from tests.rules.checks.made import DAY_MS, P1, P2, P3, P4, judge, past, prescribe, thin_day, view


def steps(*counts: int | None) -> list[dict[str, Any] | None]:
    return [None if count is None else {"steps": count} for count in counts]


class TestSuddenDrop:
    @pytest.mark.parametrize(
        ("low", "truth", "priority", "clears"),
        [
            ((1999, 1999), "true", Priority.NORMAL, False),
            ((1999, 2000), "false", Priority.NORMAL, False),
            ((2000, 1999), "false", Priority.NORMAL, False),
            ((1599, 1599), "true", Priority.HIGH, False),
            ((1599, 1600), "true", Priority.NORMAL, False),
            ((2800, 2800), "false", Priority.NORMAL, True),
            ((2800, 2799), "false", Priority.NORMAL, False),
        ],
    )
    def test_boundaries(self, low: tuple[int, int], truth: str, priority: Priority, clears: bool) -> None:
        """The median before is 4,000: half is 2,000, 40 % is 1,600, 70 % is 2,800."""
        days = past(P2, *steps(100, 3000, 3500, 4000, 4000, 5000, 9000, *low), before=5)
        finding = judge("sudden_drop", view(P2, days))
        assert (finding.truth, finding.priority, finding.clears) == (truth, priority, clears)
        assert finding.evidence.measured["median"] == 4000
        assert (finding.evidence.start_ms, finding.evidence.end_ms) == ((P2 - 2) * DAY_MS, P2 * DAY_MS)

    @pytest.mark.parametrize(("known", "truth"), [(3, "unknown"), (4, "true")])
    def test_the_usual_needs_four_valid_days_of_the_seven_before(self, known: int, truth: str) -> None:
        days = past(P2, *steps(*[None] * (7 - known), *[4000] * known, 500, 500), before=8)
        assert judge("sudden_drop", view(P2, days)).truth == truth

    def test_valid_days_in_a_row_may_have_one_without_data_between(self) -> None:
        assert judge("sudden_drop", view(P2, past(P2, *steps(500, None, 500), before=8))).truth == "true"
        assert judge("sudden_drop", view(P2, past(P2, *steps(500, None, None, 500), before=8))).truth == "unknown"
        assert judge("sudden_drop", view(P2, past(P2, *steps(500, 500, None), before=8))).truth == "true"

    def test_a_partial_day_is_never_low(self) -> None:
        days = past(P2, *steps(500, 500), before=8)
        days[-1] = thin_day(P2 - 1, steps=100)
        assert judge("sudden_drop", view(P2, days)).truth == "false"

    def test_the_surgery_itself_is_no_drop(self) -> None:
        """Before it 4,000 a day, after it 300: the days before are not the usual of the days after."""
        days = past(5, *steps(*[4000] * 10, 300, 300, 300, 300))
        assert judge("sudden_drop", view(5, days)).truth == "unknown"

    def test_no_steps_at_all_before(self) -> None:
        assert judge("sudden_drop", view(P2, past(P2, *steps(*[0] * 9)))).truth == "unknown"


class TestNoProgress:
    @pytest.mark.parametrize(
        ("counts", "truth"),
        [
            ([2000] * 14, "true"),  # a slope of 0
            (list(range(2000, 2014)), "false"),
            (list(range(2013, 1999, -1)), "true"),
            ([3000] * 14, "false"),  # 60 % exactly
            ([2999] * 14, "true"),
        ],
    )
    def test_boundaries(self, counts: list[int], truth: str) -> None:
        assert judge("no_progress", view(P2, past(P2, *steps(*counts)))).truth == truth

    def test_one_wild_day_does_not_make_a_slope(self) -> None:
        assert judge("no_progress", view(P2, past(P2, *steps(*[2000] * 13, 9000)))).truth == "true"

    @pytest.mark.parametrize("today", [P1, P4])
    def test_phases(self, today: int) -> None:
        assert judge("no_progress", view(today, past(today, *steps(*[2000] * 14)))).truth == "off"
        assert judge("no_progress", view(P3, past(P3, *steps(*[2000] * 14)))).truth == "true"

    def test_no_baseline(self) -> None:
        finding = judge("no_progress", view(P2, past(P2, *steps(*[2000] * 14))), prescribe(baseline_steps=None))
        assert finding.reason == "no baseline before the surgery is known, so rules that are shares of it are off"
        assert finding.truth == "off"

    @pytest.mark.parametrize(("missing", "truth"), [(2, "true"), (3, "unknown")])
    def test_four_fifths_of_the_fortnight_must_be_known(self, missing: int, truth: str) -> None:
        days = past(P2, *steps(*[2000] * 5, *[None] * missing, *[2000] * (9 - missing)))
        assert judge("no_progress", view(P2, days)).truth == truth

    def test_fewer_days_than_the_window(self) -> None:
        assert judge("no_progress", view(P2, past(P2, *steps(*[2000] * 13)))).truth == "unknown"

    def test_the_slope_of_a_published_example(self) -> None:
        """Sen 1968: t = 1, 2, 3, 4, 10, 12, 18 and u = 9, 15, 19, 20, 45, 55, 78 have a slope of 4."""
        assert find_slope(list(zip([1, 2, 3, 4, 10, 12, 18], [9, 15, 19, 20, 45, 55, 78], strict=True))) == 4


class TestSecondaryDecline:
    def days(self, low: int, length: int, best: int = 4000) -> Any:
        return past(P3, *steps(*[best] * 14, *[low] * length))

    @pytest.mark.parametrize(
        ("low", "length", "truth", "clears"),
        [
            (2999, 10, "true", False),  # the median of 7 is low from the 4th low day on: 7 of them on the 10th
            (2999, 9, "false", False),
            (2999, 3, "false", True),
            (3000, 14, "false", True),  # 75 % exactly
        ],
    )
    def test_for_a_week(self, low: int, length: int, truth: str, clears: bool) -> None:
        finding = judge("secondary_decline", view(P3, self.days(low, length)))
        assert (finding.truth, finding.clears) == (truth, clears)
        assert finding.evidence.measured["best"] == 4000

    def test_off_in_the_first_phase(self) -> None:
        assert judge("secondary_decline", view(P1, past(P1, *steps(*[900] * 7)))).truth == "off"

    def test_a_best_before_the_surgery_does_not_count(self) -> None:
        days = past(24, *steps(*[9000] * 20, *[2000] * 23))
        assert judge("secondary_decline", view(24, days)).evidence.measured["best"] == 2000

    def test_missing_days(self) -> None:
        days = past(P3, *steps(*[4000] * 14, *[2000] * 6, None, *[2000] * 6))
        assert judge("secondary_decline", view(P3, days)).truth == "true"
        days = past(P3, *steps(*[4000] * 14, *[2000] * 4, *[None] * 4, *[2000] * 4))
        assert judge("secondary_decline", view(P3, days)).truth == "unknown"
        assert judge("secondary_decline", view(P3, past(P3, *steps(*[2000] * 6)))).truth == "unknown"
        assert judge("secondary_decline", view(P3, past(P3, *steps(*[None] * 30)))).truth == "unknown"
