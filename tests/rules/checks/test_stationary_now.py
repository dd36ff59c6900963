from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rules.day import summarise_day
from rules.finding import Finding, View
from rules.minutes import NA, DayMinutes, build_day
from rules.prescription import Prescription
from tests.rules.checks.made import DAY_MS, HOUR_MS, MIN_MS, P1, P3, date_of, judge, prescribe, view

NOON = 720


def day_of(today: int, until: int, *moves: int, **fields: Any) -> DayMinutes:
    """Return a day that is known up to minute `until`: still but for 20 steps in the minutes `moves`."""
    steps = np.full(1440, NA, np.int16)
    steps[:until] = 0
    steps[list(moves)] = 20
    row: dict[str, Any] = {"start_ms": today * DAY_MS, "device_says_worn": True}
    return build_day(date_of(today), steps, **(row | fields))


def at(now: int, minutes: DayMinutes, prescription: Prescription | None = None) -> View:
    """Return what is known at minute `now` of that day."""
    chosen = prescription or prescribe()
    today = (minutes.day - chosen.surgery_date).days
    summary = summarise_day(minutes, chosen.day_settings(minutes.day))
    at_ms = minutes.start_ms + now * MIN_MS
    return view(today, [], at_ms=at_ms, today=summary, today_minutes=minutes, last_data_ms=at_ms - MIN_MS)


def judged(now: int, minutes: DayMinutes) -> Finding:
    return judge("stationary_now", at(now, minutes))


@pytest.mark.parametrize(
    ("today", "moved", "truth", "clears"),
    [
        (P1, NOON - 31, "true", False),
        (P1, NOON - 30, "false", True),
        (P3, NOON - 46, "true", False),
        (P3, NOON - 45, "false", True),
        (P3, NOON - 31, "false", True),
    ],
)
def test_the_nudge_of_each_phase(today: int, moved: int, truth: str, clears: bool) -> None:
    """A minute of movement, then stillness up to noon: the nudge is 30 min in P1 and 45 in P3."""
    finding = judged(NOON, day_of(today, NOON, moved))
    assert (finding.truth, finding.truth != "true" and finding.clears) == (truth, clears)
    assert finding.evidence.measured["minutes"] == NOON - moved - 1
    assert finding.evidence.start_ms == today * DAY_MS + (moved + 1) * MIN_MS
    assert finding.evidence.coverage == 1.0


def test_nine_steps_are_no_movement() -> None:
    for steps, truth in ((9, "true"), (10, "false")):
        minutes = day_of(P1, NOON, NOON - 40)
        minutes.steps[NOON - 10] = steps
        assert judged(NOON, minutes).truth == truth


def test_movement_clears_at_once() -> None:
    finding = judged(NOON, day_of(P1, NOON, NOON - 90, NOON - 1))
    assert (finding.truth, finding.clears, finding.evidence.measured["minutes"]) == ("false", True, 0)


@pytest.mark.parametrize(("late", "truth"), [(0, "true"), (15, "true"), (16, "unknown")])
def test_old_minutes_do_not_say_what_is_now(late: int, truth: str) -> None:
    assert judged(NOON, day_of(P1, NOON - late, NOON - 70)).truth == truth


def test_no_data_and_not_worn_are_unknown() -> None:
    assert judged(NOON, day_of(P1, 0)).truth == "unknown"
    off = np.zeros(1440, np.bool_)
    off[NOON - 40 : NOON] = True
    assert judged(NOON, day_of(P1, NOON, NOON - 70, not_worn=off)).reason == "not worn"
    charging = day_of(P1, NOON, NOON - 70, charging=off)
    assert judged(NOON, charging).truth == "unknown"


def test_a_gap_ends_the_stretch_and_hides_what_was_before() -> None:
    """Still for two hours but for unknown minutes: neither a nudge nor that all is well."""
    for gap, truth in ((6, "false"), (7, "unknown")):
        minutes = day_of(P1, NOON, NOON - 120)
        minutes.steps[NOON - 20 - gap : NOON - 20] = NA
        finding = judged(NOON, minutes)
        # 30 min look back: 24 of 30 are 80 %.
        assert (finding.truth, finding.clears) == (truth, False)


def test_the_night_is_not_judged() -> None:
    for now in (60, 6 * 60, 22 * 60 + 5):
        assert judged(now, day_of(P1, now)).truth == "off"
    # 07:29 and 07:30, up since 07:00
    assert judged(7 * 60 + 29, day_of(P1, 7 * 60 + 29)).truth == "false"
    assert judged(7 * 60 + 30, day_of(P1, 7 * 60 + 30)).truth == "true"


def test_a_sleep_record_ends_the_night_but_begins_none() -> None:
    asleep = np.zeros(1440, np.bool_)
    asleep[: 8 * 60] = True
    assert judged(7 * 60 + 59, day_of(P1, 7 * 60 + 59, asleep=asleep)).truth == "off"
    assert judged(8 * 60 + 30, day_of(P1, 8 * 60 + 30, asleep=asleep)).truth == "true"
    assert judged(23 * 60, day_of(P1, 23 * 60, asleep=asleep)).truth == "off"


def test_by_the_clock_of_the_patient_after_a_night_of_23_hours() -> None:
    """21:50 by the clock is elapsed minute 1,250: still within the waking window; 22:10 is not."""
    wall = np.concatenate((np.arange(120), np.arange(180, 1440))).astype(np.int16)
    for now, truth in ((1250, "true"), (1270, "off")):
        steps = np.full(1380, NA, np.int16)
        steps[:now] = 0
        minutes = build_day(date_of(P1), steps, start_ms=P1 * DAY_MS, local_minute=wall, device_says_worn=True)
        assert judged(now, minutes).truth == truth


def test_steps_alone_never_call_two_still_hours_stillness() -> None:
    """Without a pulse a zero run of 120 min may be a device on a table."""
    for length, truth in ((119, "true"), (120, "unknown")):
        minutes = day_of(P1, NOON, NOON - length - 1, device_says_worn=False)
        assert judged(NOON, minutes).truth == truth


def test_too_coarse() -> None:
    assert judged(NOON, day_of(P1, NOON, resolution_s=900)).reason.startswith("insufficient resolution")


def test_the_surgery() -> None:
    for since, why in ((-1, "before the surgery"), (0, "the day of the surgery is not judged")):
        assert judged(NOON, day_of(since, NOON)).reason == why
    assert judged(NOON, day_of(1, NOON)).truth == "true"


def test_the_patients_own_nudge() -> None:
    own = prescribe().model_copy(
        update={"phases": tuple(p.model_copy(update={"stationary_nudge_min": 50}) for p in prescribe().phases)}
    )
    assert judge("stationary_now", at(NOON, day_of(P1, NOON, NOON - 50)), own).truth == "false"
    assert judge("stationary_now", at(NOON, day_of(P1, NOON, NOON - 51)), own).truth == "true"


def test_stale_data() -> None:
    seen = at(NOON, day_of(P1, NOON))
    for age_ms, truth in ((2 * HOUR_MS, "true"), (2 * HOUR_MS + 1, "unknown")):
        assert judge("stationary_now", replace(seen, last_data_ms=seen.at_ms - age_ms)).truth == truth
