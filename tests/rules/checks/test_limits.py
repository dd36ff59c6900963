from dataclasses import replace
from typing import Any

import pytest

from rules.prescription import revise
from tests.rules.checks.made import (
    DAY_MS,
    HOUR_MS,
    MIN_MS,
    P1,
    P2,
    P3,
    P4,
    SURGERY,
    judge,
    made_day,
    past,
    prescribe,
    thin_day,
    view,
)

KEPT: dict[str, Any] = {"walks": (8,)}


class TestTooLong:
    @pytest.mark.parametrize(
        ("today", "length", "truth"),
        [(P1, 12, "false"), (P1, 13, "true"), (P2, 24, "false"), (P2, 25, "true"), (P3, 36, "false"), (P3, 37, "true")],
    )
    def test_the_cap_and_a_fifth(self, today: int, length: int, truth: str) -> None:
        seen = view(today, past(today, KEPT, KEPT), today=made_day(today, walks=(length,)))
        finding = judge("too_long", seen)
        assert finding.truth == truth
        if truth == "true":
            start = today * DAY_MS + 430 * MIN_MS
            assert finding.evidence.minutes == ((start, start + length * MIN_MS),)
            assert (finding.evidence.start_ms, finding.evidence.end_ms) == finding.evidence.minutes[0]

    def test_off_without_a_cap(self) -> None:
        assert judge("too_long", view(P4, [])).reason == "no limit on a single walk in this phase"

    def test_only_of_the_last_24_hours(self) -> None:
        """Walks begin at 07:10: one of yesterday ended 07:50, so at 15:00 it is past."""
        long = {"walks": (40,)}
        assert judge("too_long", view(P2, past(P2, KEPT, long))).truth == "false"
        for at_min, truth in ((7 * 60 + 49, "true"), (7 * 60 + 50, "false")):
            at_ms = P2 * DAY_MS + at_min * MIN_MS
            seen = view(P2, past(P2, KEPT, long), at_ms=at_ms, last_data_ms=at_ms)
            assert judge("too_long", seen).truth == truth

    def test_the_second_day_in_a_week_is_told_to_the_therapist(self) -> None:
        long, today = {"walks": (40,)}, made_day(P2, walks=(40, 41))
        assert not judge("too_long", view(P2, past(P2, *[KEPT] * 7), today=today)).escalates
        assert judge("too_long", view(P2, past(P2, long, *[KEPT] * 5), today=today)).escalates
        assert not judge("too_long", view(P2, past(P2, long, *[KEPT] * 6), today=today)).escalates
        assert not judge("too_long", view(P2, past(P2, long, *[KEPT] * 5))).escalates

    def test_a_walk_that_was_seen_was_seen(self) -> None:
        """Whatever else of the day is unknown; that there was none is only said of a day that is known."""
        blind = replace(made_day(P2), states=made_day(P2).states * 0)
        assert (
            judge("too_long", view(P2, past(P2, KEPT), today=replace(blind, walking=made_day(P2, walks=(40,)).walking))).truth
            == "true"
        )
        assert judge("too_long", view(P2, past(P2, KEPT), today=blind)).truth == "unknown"
        assert judge("too_long", view(P2, [], today=made_day(P2, walks=()))).truth == "false"

    def test_too_coarse_is_unknown(self) -> None:
        assert judge("too_long", view(P2, past(P2, {"walking": None, "stationary": None}))).truth == "unknown"

    def test_each_day_by_its_own_phase(self) -> None:
        """18 minutes on day 14 are beyond the 10 of P1; on day 15 they keep to the 20 of P2."""
        at_ms = 15 * DAY_MS + 7 * HOUR_MS
        seen = view(15, past(15, KEPT, {"walks": (18,)}), at_ms=at_ms, last_data_ms=at_ms, today=made_day(15, walks=(18,)))
        assert judge("too_long", seen).evidence.minutes == ((14 * DAY_MS + 430 * MIN_MS, 14 * DAY_MS + 448 * MIN_MS),)

    def test_before_the_surgery_no_walk_counts(self) -> None:
        seen = view(1, [made_day(-1, walks=(90,)), made_day(0, walks=(90,))], today=made_day(1, walks=(90,)))
        assert judge("too_long", seen).evidence.measured["days"] == 1


class TestTooBrisk:
    @pytest.mark.parametrize(
        ("today", "cadence", "truth"),
        [
            (P1, (100, 5), "true"),
            (P1, (100, 4), "false"),
            (P1, (99, 30), "false"),
            (P2, (100, 5), "true"),
            (P3, (119, 30), "false"),
            (P3, (120, 5), "true"),
        ],
    )
    def test_boundaries(self, today: int, cadence: tuple[int, int], truth: str) -> None:
        finding = judge("too_brisk", view(today, past(today, {}, {}), today=made_day(today, cadence=cadence)))
        assert finding.truth == truth
        if truth == "true":
            assert finding.evidence.minutes == ((today * DAY_MS + 600 * MIN_MS, today * DAY_MS + (600 + cadence[1]) * MIN_MS),)

    def test_off_without_a_cap(self) -> None:
        assert judge("too_brisk", view(P4, [])).reason == "no limit on cadence in this phase"

    def test_only_of_the_last_24_hours(self) -> None:
        brisk = {"cadence": (120, 10)}
        assert judge("too_brisk", view(P2, past(P2, brisk))).truth == "false"
        at_ms = P2 * DAY_MS + 600 * MIN_MS
        assert judge("too_brisk", view(P2, past(P2, brisk), at_ms=at_ms, last_data_ms=at_ms)).truth == "true"

    def test_the_mean_of_an_interval_can_hide_a_brisk_stretch_but_not_make_one_up(self) -> None:
        coarse = made_day(P2, cadence_bands=None)
        assert judge("too_brisk", view(P2, past(P2, {}), today=coarse)).truth == "unknown"
        coarse = made_day(P2, cadence=(110, 9), cadence_bands=None)
        assert judge("too_brisk", view(P2, past(P2, {}), today=coarse)).truth == "true"

    def test_longer_runs_by_the_patients_own_threshold(self) -> None:
        own = revise(prescribe(), {"thresholds.brisk_run_min": 8}, author="x", effective=SURGERY, reason="stairs")
        for length, truth in ((7, "false"), (8, "true")):
            assert judge("too_brisk", view(P2, [], today=made_day(P2, cadence=(100, length))), own).truth == truth

    def test_a_thin_day_is_unknown(self) -> None:
        thin = thin_day(P2)
        thin = replace(thin, states=thin.states * (thin.states == 99))
        assert judge("too_brisk", view(P2, past(P2, {}), today=thin)).truth == "unknown"
