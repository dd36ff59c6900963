"""The prescription as a form: an untouched one changes nothing, a changed field is one change, and nonsense is named."""

from datetime import date

import pytest

from afoot.prescribing import next_version
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.editor import build_editor, fill_form, read_changes, tell_changes
from rules.prescription import Prescription

TODAY = date(2026, 3, 12)
FIRST = Prescription(author="a", effective=TODAY, reason="r", surgery_date=date(2026, 3, 1), baseline_steps=5600)


def test_an_untouched_form_changes_nothing() -> None:
    assert read_changes(fill_form(FIRST, TODAY), FIRST, TODAY) == {}


def test_each_changed_field_is_one_change_and_survives_the_round_trip() -> None:
    form = fill_form(FIRST, TODAY) | {
        "P2.walks_per_day": "3",
        "P1.floor_share": "0.2",
        "P3.walk_cap_min": "",
        "P4.walk_cap_min": "40",
        "baseline_steps": "",
        "walking_aid": "yes",
        "waking_window": "08:00-23:00",
    }
    changes = read_changes(form, FIRST, TODAY)
    assert changes == {
        "P2.walks_per_day": 3,
        "P1.floor_share": 0.2,
        "P3.walk_cap_min": None,
        "P4.walk_cap_min": 40,
        "baseline_steps": None,
        "walking_aid": True,
        "waking_window": "08:00-23:00",
    }
    second = next_version([FIRST], changes, "b", TODAY, "why")
    told = {what: (before, after) for what, before, after in tell_changes(FIRST, second)}
    assert told["P2: walks a day"] == ("4", "3")
    assert told["P3: longest single walk"] == ("30", "–")
    assert len(told) == len(changes)
    assert read_changes(fill_form(second, TODAY), second, TODAY) == {}


def test_the_first_version_begins_with_the_default_programme() -> None:
    form = fill_form(None, TODAY) | {"surgery_date": "2026-03-10", "P1.walks_per_day": "2"}
    changes = read_changes(form, None, TODAY)
    assert changes == {"surgery_date": "2026-03-10", "P1.walks_per_day": 2}
    assert next_version([], changes, "b", TODAY, "why").phases[0].walks_per_day == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [("P2.walks_per_day", "three"), ("P2.walks_per_day", ""), ("P1.floor_share", "a third"), ("baseline_steps", "5k")],
)
def test_nonsense_is_named(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_changes(fill_form(FIRST, TODAY) | {name: said}, FIRST, TODAY)


def test_what_cannot_be_is_named_by_the_prescription() -> None:
    changes = read_changes(fill_form(FIRST, TODAY) | {"P1.walk_cap_min": "2"}, FIRST, TODAY)
    with pytest.raises(ValueError, match="walk_cap_min allows 2"):
        next_version([FIRST], changes, "b", TODAY, "why")


def test_marks_of_evidence_stand_at_defaults_alone() -> None:
    editor = build_editor([FIRST], fill_form(FIRST, TODAY) | {"P2.walks_per_day": "3"}, TODAY, CLINIC)
    walks = next(row for row in editor.rows if row.title == "walks a day")
    assert [cell.mark for cell in walks.cells] == ["X", "", "G", "G"]
    assert not editor.is_first
    assert [version.number for version in editor.versions] == [1]


def test_a_patient_without_a_prescription_is_shown_the_default_programme() -> None:
    editor = build_editor([], fill_form(None, TODAY), TODAY, CLINIC)
    assert (editor.is_first, editor.versions, editor.fields["surgery_date"]) == (True, (), "")
    assert [cell.mark for cell in editor.rows[1].cells] == ["X", "G", "G", "G"]
