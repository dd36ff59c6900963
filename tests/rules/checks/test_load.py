from typing import Any

import pytest

from rules.prescription import revise
from tests.rules.checks.made import DAY_MS, MIN_MS, P1, P2, P3, P4, SURGERY, judge, made_day, past, prescribe, thin_day, view


def capped(steps: int) -> Any:
    return revise(prescribe(), {"rules.spike.cap_steps": steps}, author="x", effective=SURGERY, reason="slowly")


class TestSpike:
    @pytest.mark.parametrize(
        ("usual", "steps", "truth"),
        [
            (4000, 6000, "false"),  # 1.5 times exactly
            (4000, 6001, "true"),
            (1000, 1999, "false"),  # twice as much, but not 1,000 more
            (1000, 2000, "true"),
        ],
    )
    def test_half_as_much_again_and_a_thousand_more(self, usual: int, steps: int, truth: str) -> None:
        finding = judge("spike", view(P3, past(P3, *[{"steps": usual}] * 8), today=made_day(P3, steps=steps)))
        assert finding.truth == truth
        assert finding.evidence.measured == ({"steps": steps, "median": usual})

    def test_yesterday_is_judged_by_the_days_before_it(self) -> None:
        finding = judge("spike", view(P3, past(P3, *[{"steps": 3000}] * 8, {"steps": 9000})))
        assert (finding.truth, finding.evidence.start_ms) == ("true", (P3 - 1) * DAY_MS)
        assert judge("spike", view(P3, past(P3, *[{"steps": 3000}] * 7, {"steps": 9000}, {"steps": 3000}))).truth == "false"

    @pytest.mark.parametrize(("known", "truth"), [(3, "unknown"), (4, "true")])
    def test_the_usual_needs_four_valid_days_of_seven(self, known: int, truth: str) -> None:
        shapes: list[dict[str, Any] | None] = [None] * (7 - known)
        days = past(P3, {"steps": 3000}, *shapes, *[{"steps": 3000}] * known)
        assert judge("spike", view(P3, days, today=made_day(P3, steps=9000))).truth == truth

    @pytest.mark.parametrize("today", [P1, P2])
    def test_early_only_a_prescribed_cap_is_judged(self, today: int) -> None:
        """Steps double from week 1 to week 2: that is recovery."""
        seen = view(today, past(today, *[{"steps": 1000}] * 7), today=made_day(today, steps=4000))
        assert judge("spike", seen).truth == "off"
        assert judge("spike", seen, capped(3999)).truth == "true"
        assert judge("spike", seen, capped(4000)).truth == "false"

    def test_later_it_must_exceed_the_cap_too(self) -> None:
        seen = view(P4, past(P4, *[{"steps": 3000}] * 8), today=made_day(P4, steps=9000))
        assert judge("spike", seen, capped(8999)).truth == "true"
        assert judge("spike", seen, capped(9000)).truth == "false"

    def test_a_day_that_is_hardly_known_is_unknown(self) -> None:
        blind = made_day(P3, steps=9000, states=made_day(P3).states * 0)
        assert judge("spike", view(P3, past(P3, *[{"steps": 3000}] * 8), today=blind)).truth == "unknown"

    def test_before_the_morning_yesterday_decides(self) -> None:
        at_ms = P3 * DAY_MS + 5 * MIN_MS
        seen = view(P3, past(P3, *[{"steps": 3000}] * 8, {"steps": 9000}), at_ms=at_ms, last_data_ms=at_ms)
        assert judge("spike", seen).truth == "true"

    def test_days_before_the_surgery_are_not_the_usual(self) -> None:
        own = revise(prescribe(), {"rules.spike.cap_only_in": "P2"}, author="x", effective=SURGERY, reason="try")
        assert judge("spike", view(4, past(4, *[{"steps": 900}] * 12), today=made_day(4, steps=9000)), own).truth == "unknown"


class TestLoadRatio:
    def days(self, today: int, usual: int, now: int) -> Any:
        return past(today, *[{"steps": usual}] * 14, *[{"steps": now}] * 3)

    @pytest.mark.parametrize(
        ("today", "now", "truth", "clears"),
        [
            (P2, 4000, "false", False),  # 2.0 exactly
            (P2, 4002, "true", False),
            (P3, 3000, "false", False),  # 1.5 exactly
            (P3, 3002, "true", False),
            (P4, 3002, "true", False),
            (P3, 2600, "false", False),  # 1.3 exactly
            (P3, 2598, "false", True),
        ],
    )
    def test_boundaries(self, today: int, now: int, truth: str, clears: bool) -> None:
        finding = judge("load_ratio", view(today, self.days(today, 2000, now)))
        assert (finding.truth, finding.clears) == (truth, clears)
        assert finding.evidence.measured["ratio"] == pytest.approx(now / 2000)

    def test_off_in_the_first_phase_and_before_14_valid_days(self) -> None:
        assert judge("load_ratio", view(P1, self.days(P1, 2000, 9000))).reason == "does not apply in phase P1"
        sparse: list[dict[str, Any] | None] = [None, {}] * 13
        assert judge("load_ratio", view(P2, past(P2, *sparse))).reason == "13 valid days since the surgery; it takes 14"

    @pytest.mark.parametrize(("missing", "truth"), [(2, "true"), (3, "unknown")])
    def test_four_fifths_of_the_fortnight_must_be_known(self, missing: int, truth: str) -> None:
        shapes: list[dict[str, Any] | None] = [None] * missing
        days = past(P3, *shapes, *[{"steps": 2000}] * (14 - missing), *[{"steps": 9000}] * 3, before=20)
        assert judge("load_ratio", view(P3, days)).truth == truth

    def test_each_of_the_three_days_must_be_known(self) -> None:
        days = past(P3, *[{"steps": 2000}] * 14, {"steps": 9000}, None, {"steps": 9000}, before=5)
        assert judge("load_ratio", view(P3, days)).truth == "unknown"

    def test_a_fortnight_of_nothing_is_no_measure(self) -> None:
        assert judge("load_ratio", view(P3, self.days(P3, 0, 9000))).truth == "unknown"

    def test_the_window_ends_with_the_newest_valid_day(self) -> None:
        days = self.days(P3, 2000, 9000)
        moved = [*days, thin_day(P3), thin_day(P3 + 1)]
        assert judge("load_ratio", view(P3 + 2, moved)).evidence.measured["ratio"] == 4.5
        assert judge("load_ratio", view(P3 + 3, [*moved, thin_day(P3 + 2)])).truth == "unknown"
