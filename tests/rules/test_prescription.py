import datetime as dt
import json
from typing import Any

import pytest
from pydantic import ValidationError

from rules.prescription import DEFAULT_PHASES, PHASE_NAMES, PROGRAMME, Phase, Prescription, prescription_for, revise
from rules.thresholds import Thresholds

SURGERY = dt.date(2024, 5, 6)


def make(**fields: Any) -> Prescription:
    row: dict[str, Any] = {
        "author": "Dr Example",
        "effective": SURGERY,
        "reason": "L4/L5 fusion",
        "surgery_date": SURGERY,
        "baseline_steps": 5000,
    }
    return Prescription(**(row | fields))


class TestTable:
    def test_the_defaults_are_the_published_table(self) -> None:
        rows = {name: tuple(getattr(phase, name) for phase in DEFAULT_PHASES) for name in Phase.model_fields if name != "name"}
        assert rows == {
            "first_day": (0, 15, 43, 85),
            "last_day": (14, 42, 84, 182),
            "stationary_nudge_min": (30, 30, 45, 60),
            "walks_per_day": (3, 4, 3, 2),
            "credited_walk_min": (5, 10, 15, 20),
            "walk_cap_min": (10, 20, 30, None),
            "hourly_steps": (50, 100, 200, 250),
            "floor_share": (0.15, 0.30, 0.50, 0.60),
            "cadence_cap_spm": (100, 100, 120, None),
            "reference": rows["reference"],
        }

    def test_every_value_has_a_mark_and_a_source(self) -> None:
        fields = {row.field for row in PROGRAMME}
        assert fields == set(Phase.model_fields) - {"name", "first_day", "last_day"}
        for row in PROGRAMME:
            assert len(row.marks) == len(row.values) == len(PHASE_NAMES)
            assert row.source
            assert row.unit
            assert set(row.marks) <= {"E", "X", "G"}


class TestPhases:
    @pytest.mark.parametrize(
        ("day", "name"),
        [(0, "P1"), (14, "P1"), (15, "P2"), (42, "P2"), (43, "P3"), (84, "P3"), (85, "P4"), (182, "P4"), (183, "P4")],
    )
    def test_by_days_since_surgery(self, day: int, name: str) -> None:
        phase = make().phase_on(SURGERY + dt.timedelta(days=day))
        assert phase is not None
        assert phase.name == name

    def test_none_before_the_surgery(self) -> None:
        eve = SURGERY - dt.timedelta(days=1)
        assert make().phase_on(eve) is None
        settings = make().day_settings(eve)
        assert (settings.credited_walk_min, settings.hourly_steps) == (None, None)

    def test_the_settings_of_a_day(self) -> None:
        settings = make(walking_aid=True, waking_window="06:00-21:00").day_settings(SURGERY + dt.timedelta(days=20))
        assert (settings.credited_walk_min, settings.hourly_steps, settings.walking_spm) == (10, 100, 30)
        assert str(settings.waking) == "06:00-21:00"


class TestVersions:
    def test_the_one_in_force(self) -> None:
        first = make()
        second = make(version=2, effective=SURGERY + dt.timedelta(days=10))
        third = make(version=3, effective=SURGERY + dt.timedelta(days=10))
        versions = [second, third, first]
        assert prescription_for(SURGERY - dt.timedelta(days=1), versions) is None
        assert prescription_for(SURGERY + dt.timedelta(days=9), versions) is first
        assert prescription_for(SURGERY + dt.timedelta(days=10), versions) is third

    def test_numbers_must_differ(self) -> None:
        with pytest.raises(ValueError, match=r"numbers of their own, found \[1, 1\]"):
            prescription_for(SURGERY, [make(), make()])

    def test_a_change_is_a_new_version(self) -> None:
        made = revise(
            make(),
            {
                "P2.walks_per_day": 2,
                "cadence_cap_spm": 90,
                "baseline_steps": None,
                "thresholds.walking_spm": 35,
                "waking_window": "08:00-22:00",
            },
            author="T. Therapist",
            effective=SURGERY + dt.timedelta(days=12),
            reason="pain on longer walks",
        )
        assert (made.version, made.author, made.baseline_steps) == (2, "T. Therapist", None)
        assert [phase.walks_per_day for phase in made.phases] == [3, 2, 3, 2]
        assert {phase.cadence_cap_spm for phase in made.phases} == {90}
        assert made.thresholds == Thresholds(walking_spm=35)
        assert str(made.waking_window) == "08:00-22:00"

    @pytest.mark.parametrize("name", ["P9.walks_per_day", "walks", "thresholds.walks_per_day", "version", "phases", "P1.", ""])
    def test_an_unknown_field_is_named(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"expected a field of the prescription \(baseline_steps, .*P1, P2, P3, P4"):
            revise(make(), {name: 1}, author="A", effective=SURGERY, reason="r")

    def test_a_bad_value_is_refused_by_name(self) -> None:
        with pytest.raises(ValidationError, match="walks_per_day"):
            revise(make(), {"P1.walks_per_day": -1}, author="A", effective=SURGERY, reason="r")


class TestChecks:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"author": ""}, "author"),
            ({"baseline_steps": 0}, "baseline_steps"),
            ({"phases": ()}, "at least one phase"),
            ({"phases": DEFAULT_PHASES[1:]}, "phase P2: first_day must be 0, found 15"),
            ({"phases": (DEFAULT_PHASES[0], DEFAULT_PHASES[2])}, "phase P3: first_day must be 15, found 43"),
            ({"phases": (DEFAULT_PHASES[0], DEFAULT_PHASES[0])}, "names of their own, found P1, P1"),
            ({"colour": "red"}, "Extra inputs are not permitted"),
            ({"waking_window": "10:00-11:00"}, "lasts 4 hours or more"),
            ({"thresholds": {"walking_spm": 0}}, "walking_spm"),
        ],
    )
    def test_what_cannot_be_is_refused(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            make(**fields)

    def test_a_walk_longer_than_its_cap_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="a walk of 5 min is asked for, but walk_cap_min allows 4"):
            Phase.model_validate(DEFAULT_PHASES[0].model_dump() | {"walk_cap_min": 4})

    def test_a_phase_that_ends_before_it_starts(self) -> None:
        with pytest.raises(ValidationError, match="phase P2: last_day 3 comes before first_day 15"):
            Phase.model_validate(DEFAULT_PHASES[1].model_dump() | {"last_day": 3})

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"rest_shortest_min": 900}, "rest_shortest_min 900 exceeds rest_longest_min 840"),
            ({"prolonged_min": (30, 20)}, "positive, rising minutes"),
            ({"walking_stay_spm": 35}, "exceeds the cadence that starts a walk"),
        ],
    )
    def test_thresholds_that_contradict_each_other(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Thresholds(**fields)


def test_json_there_and_back() -> None:
    one = make(waking_window="06:30-21:30", thresholds={"walking_spm": 35}, walking_aid=True)
    text = one.model_dump_json()
    assert Prescription.model_validate_json(text) == one
    assert json.loads(text)["waking_window"] == "06:30-21:30"
    assert Prescription.model_validate_json(make(waking_window=None).model_dump_json()).waking_window is None
