"""Rules of the form: on x of the last y valid days."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from rules.finding import Finding
from rules.minutes import WearSource
from rules.prescription import revise
from tests.rules.checks.made import DAY_MS, P1, P2, P3, SURGERY, judge, made_day, past, prescribe, thin_day, view

SITS: dict[str, Any] = {"still": (60, 70, 80, 90)}
UP: dict[str, Any] = {"still": (25, 40)}
FEW: dict[str, Any] = {"walks": (10, 10, 10)}
ALL: dict[str, Any] = {"walks": (10, 10, 10, 10)}
RARE: dict[str, Any] = {"reached": 7}
OFTEN: dict[str, Any] = {"reached": 15}

BAD = {"prolonged_stationary_day": (SITS, UP, 5), "frequency_low": (FEW, ALL, 4), "hourly_coverage": (RARE, OFTEN, 5)}


def said(finding: Finding) -> tuple[str, bool]:
    return finding.truth.value, finding.clears


@pytest.mark.parametrize("rule", BAD)
class TestAny:
    def days(self, rule: str, pattern: str, today: int = P2) -> Finding:
        """b: a bad day, g: a good one, -: no data, t: only 40 % worn, though bad; oldest first."""
        bad, good, _ = BAD[rule]
        first = today - len(pattern)
        made = past(today, *({"b": bad, "g": good, "t": bad}.get(kind) for kind in pattern))
        for place, kind in enumerate(pattern):
            if kind == "t":
                made[place] = thin_day(first + place, **bad)
        return judge(rule, view(today, made))

    def test_fires_on_enough_bad_days(self, rule: str) -> None:
        assert said(self.days(rule, "ggbbb")) == ("true", False)
        assert said(self.days(rule, "gbgbb"[-BAD[rule][2] :])) == ("true", False)

    def test_not_on_fewer(self, rule: str) -> None:
        assert said(self.days(rule, "gggbb"))[0] == "false"
        assert said(self.days(rule, "ggggg")) == ("false", True)

    def test_too_few_valid_days_are_unknown(self, rule: str) -> None:
        of_days = BAD[rule][2]
        assert said(self.days(rule, "b" * (of_days - 1))) == ("unknown", False)
        assert said(self.days(rule, "-" * 10)) == ("unknown", False)
        assert said(self.days(rule, "t" * 10)) == ("unknown", False)
        assert said(judge(rule, view(P2, []))) == ("unknown", False)

    def test_days_lacking_data_count_neither_way(self, rule: str) -> None:
        assert said(self.days(rule, "ggb--bb"))[0] == "true"
        assert said(self.days(rule, "ggbtgbb"))[0] == "true"
        assert said(self.days(rule, "gggtgtb"))[0] == "false"

    def test_only_within_the_look_back(self, rule: str) -> None:
        gap = 3 if BAD[rule][2] == 4 else 5
        assert said(self.days(rule, "bbbbb" + "-" * gap))[0] == "true"
        assert said(self.days(rule, "bbbbb" + "-" * (gap + 1)))[0] == "unknown"

    def test_evidence(self, rule: str) -> None:
        finding = self.days(rule, "bbbbb")
        of_days = BAD[rule][2]
        assert (finding.rule, finding.version) == (rule, 3)
        assert len(finding.evidence.minutes) == of_days
        assert finding.evidence.minutes[0] == ((P2 - of_days) * DAY_MS, (P2 - of_days + 1) * DAY_MS)
        assert (finding.evidence.start_ms, finding.evidence.end_ms) == ((P2 - of_days) * DAY_MS, P2 * DAY_MS)
        assert finding.evidence.coverage == 1.0
        assert finding.evidence.wear_source is WearSource.DEVICE
        assert finding.evidence.measured["days"] == of_days
        assert finding.evidence.thresholds["of_days"] == of_days


class TestProlonged:
    @pytest.mark.parametrize(
        ("still", "truth"),
        [((60, 60, 60, 60), "true"), ((60, 60, 60, 59), "false"), ((150,), "true"), ((149,), "false"), ((), "false")],
    )
    def test_boundaries(self, still: tuple[int, ...], truth: str) -> None:
        assert judge("prolonged_stationary_day", view(P2, past(P2, *[{"still": still}] * 5))).truth == truth

    def test_two_clear_days_clear_it(self) -> None:
        assert said(judge("prolonged_stationary_day", view(P2, past(P2, SITS, SITS, SITS, UP, UP)))) == ("false", True)
        assert said(judge("prolonged_stationary_day", view(P2, past(P2, SITS, SITS, UP, SITS, UP)))) == ("true", False)
        assert said(judge("prolonged_stationary_day", view(P2, past(P2, UP, UP, SITS, SITS, UP)))) == ("false", False)

    @pytest.mark.parametrize(
        ("source", "truth"),
        [
            (WearSource.HEART_RATE, "true"),
            (WearSource.DEVICE, "true"),
            (WearSource.COUNTS, "unknown"),
            (WearSource.STEPS_INFERRED, "unknown"),
        ],
    )
    def test_only_where_wear_is_vouched_for(self, source: WearSource, truth: str) -> None:
        assert judge("prolonged_stationary_day", view(P2, past(P2, *[SITS | {"source": source}] * 5))).truth == truth

    def test_off_in_the_first_phase_whose_days_do_not_count_later(self) -> None:
        assert judge("prolonged_stationary_day", view(P1, past(P1, *[SITS] * 5))).reason == "does not apply in phase P1"
        assert judge("prolonged_stationary_day", view(19, past(19, *[SITS] * 10))).truth == "unknown"
        assert judge("prolonged_stationary_day", view(20, past(20, *[SITS] * 10))).truth == "true"

    def test_too_coarse(self) -> None:
        coarse = [{"stationary": None, "walking": None, "resolution_s": 900}] * 10
        assert judge("prolonged_stationary_day", view(P2, past(P2, *coarse))).truth == "unknown"


class TestFrequency:
    @pytest.mark.parametrize(
        ("today", "walks", "truth"),
        [
            (P1, (5, 5, 5), "false"),
            (P1, (5, 5, 4), "true"),
            (P2, (10, 10, 10, 10), "false"),
            (P2, (10, 10, 10, 9), "true"),
            (P3, (15, 15, 15), "false"),
            (P3, (15, 15, 14), "true"),
            (120, (20, 20), "false"),
            (120, (20, 19), "true"),
        ],
    )
    def test_boundaries_of_each_phase(self, today: int, walks: tuple[int, ...], truth: str) -> None:
        assert judge("frequency_low", view(today, past(today, *[{"walks": walks}] * 4))).truth == truth

    def test_two_good_days_clear_it(self) -> None:
        assert said(judge("frequency_low", view(P2, past(P2, FEW, FEW, FEW, ALL)))) == ("true", False)
        assert said(judge("frequency_low", view(P2, past(P2, FEW, FEW, ALL, ALL)))) == ("false", True)
        assert said(judge("frequency_low", view(P2, past(P2, FEW, ALL, FEW, ALL)))) == ("false", False)

    def test_each_day_is_held_against_its_own_phase(self) -> None:
        """Three walks of 5 were all that P1 asked for; on day 15 four of 10 are asked, but no day of P2 is over."""
        kept = [{"walks": (5, 5, 5)}] * 4
        assert judge("frequency_low", view(15, past(15, *kept))).truth == "false"
        assert judge("frequency_low", view(17, past(17, *kept))).truth == "false"
        assert judge("frequency_low", view(18, past(18, *kept))).truth == "true"

    def test_each_day_is_held_against_its_own_version(self) -> None:
        first = prescribe(version=1)
        stricter = revise(first, {"P2.walks_per_day": 6}, author="x", effective=SURGERY + dt.timedelta(P2), reason="more")
        days = past(P2, *[ALL] * 4)
        assert judge("frequency_low", view(P2, days, prescriptions=(first, stricter)), stricter).truth == "false"
        later = past(P2 + 3, *[ALL] * 4)
        finding = judge("frequency_low", view(P2 + 3, later, prescriptions=(first, stricter)), stricter)
        assert (finding.truth, finding.version) == ("true", 2)

    def test_off_where_no_walks_are_prescribed(self) -> None:
        none = revise(prescribe(), {"walks_per_day": 0}, author="x", effective=SURGERY, reason="rest")
        assert judge("frequency_low", view(P2, past(P2, *[FEW] * 4)), none).reason == "no walks are prescribed"

    def test_too_coarse(self) -> None:
        assert judge("frequency_low", view(P2, past(P2, *[{"walking": None}] * 4))).truth == "unknown"


class TestHourly:
    @pytest.mark.parametrize(("reached", "truth", "clears"), [(7, "true", False), (8, "false", False), (9, "false", True)])
    def test_boundaries(self, reached: int, truth: str, clears: bool) -> None:
        """7 of 15 are under a half; 8 are not, yet under 60 %; 9 are 60 %."""
        assert said(judge("hourly_coverage", view(P2, past(P2, *[{"reached": reached}] * 5)))) == (truth, clears)

    def test_the_steps_of_each_phase(self) -> None:
        """Hours of 300 steps reach what every phase asks for; those of 99 do not reach the 100 of P2, but the 50 of P1."""
        for today, truth in ((P1, "false"), (P2, "true")):
            made = past(today, *[{}] * 5)
            low = [replace(day, hours=replace(day.hours, steps=day.hours.steps // 300 * 99)) for day in made]
            assert judge("hourly_coverage", view(today, low)).truth == truth

    def test_days_without_an_hour_to_judge_are_unknown(self) -> None:
        made = [made_day(since) for since in range(P2 - 10, P2)]
        blind = [replace(day, hours=replace(day.hours, judged=day.hours.judged // 2)) for day in made]
        assert judge("hourly_coverage", view(P2, blind)).truth == "unknown"
        assert judge("hourly_coverage", view(P2, [replace(day, resolution_s=7200) for day in made])).truth == "unknown"

    def test_off_where_no_steps_an_hour_are_prescribed(self) -> None:
        none = revise(prescribe(), {"hourly_steps": 0}, author="x", effective=SURGERY, reason="rest")
        assert judge("hourly_coverage", view(P2, past(P2, *[RARE] * 5)), none).truth == "off"
