"""Every rule in every scenario, from a virtual wearer's days through the store to what a mail server and a webhook received.

One patient for each rule (`scenarios.STORIES`), whose last days bring exactly its alert. What differs from "the alert opens and
is told once to its first recipient" is a row of a table below, with its reason.
"""

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from ingest import faults, people
from ingest.collect.files import import_files
from rules.checks import RULES
from rules.finding import Truth
from tests.flows.scenarios import (
    DAYS_AFTER,
    FIRST,
    FIRST_TOLD,
    HOUR,
    NOW,
    STORIES,
    Clinic,
    Setting,
    clinic,
    finding,
    no_evening,
    nothing,
    off_the_wrist,
    thin,
    walk,
)

RULE_NAMES = [story.rule for story in STORIES]


def give_all(made: Clinic) -> int:
    """Each patient's device hands over all its days, trouble included. Returns the instant to judge."""
    now_ms = made.setting.at(NOW, HOUR)
    made.now_ms = now_ms
    for story in STORIES:
        made.give(story, FIRST, NOW, troubles=[(story.hit, story.trouble)], until_ms=now_ms)
    return now_ms


def fired(made: Clinic) -> dict[str, tuple[list[str], list[str]]]:
    """Of each rule: how its alerts stand, and who was told that one opened."""
    return {rule: (made.opened(rule), made.messages(rule)) for rule in RULE_NAMES}


ALL_TOLD_ONCE = {rule: (["open"], [FIRST_TOLD[rule]]) for rule in RULE_NAMES}


def test_every_rule_has_its_patient() -> None:
    assert [rule.name for rule in RULES] == RULE_NAMES


@pytest.mark.parametrize(
    "setting",
    [
        Setting(),
        # The night of 29 March, an hour short, is one of the days that decide.
        Setting(surgery=date(2026, 2, 21)),
        Setting(moves=NOW - 2, zone="America/New_York"),
        Setting(moves=NOW - 2, zone="Asia/Kathmandu"),
    ],
    ids=["at home", "a night of 23 hours", "flown west", "flown east, to an odd offset"],
)
def test_it_fires_and_is_told_once(setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, setting, monkeypatch) as made:
        now_ms = give_all(made)
        made.check(now_ms)
        assert fired(made) == ALL_TOLD_ONCE
        # Once more, and again a little later: nobody hears of it twice.
        made.check(now_ms)
        made.check(now_ms + 60_000)
        assert {rule: made.messages(rule) for rule in RULE_NAMES} == {rule: [FIRST_TOLD[rule]] for rule in RULE_NAMES}


def test_good_days_clear_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        made.check(give_all(made))
        # An hour later, and days later.
        for day, hour in ((NOW, HOUR + 1), (NOW + 3, HOUR), (NOW + 8, HOUR), (NOW + DAYS_AFTER, HOUR)):
            made.now_ms = made.setting.at(day, hour)
            for story in STORIES:
                # Today's own data again, whole now.
                made.give(story, NOW, day, troubles=[(story.hit, story.trouble)], until_ms=made.now_ms)
            made.check(made.now_ms)
        assert {rule: made.opened(rule) for rule in RULE_NAMES} == {rule: ["resolved"] for rule in RULE_NAMES}


# What is said of such a patient instead of "unknown".
KNOWN_ANYWAY = {
    "device_silent": Truth.FALSE,  # it is never unknown: the data came, and the device was worn for ten hours of each day
    "device_fault": Truth.FALSE,  # what came is plausible
}


def test_unknown_neither_fires_nor_resolves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        # Thin for longer than rules of x of y valid days look back: nothing fires.
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        for story in STORIES:
            hidden = [(story.hit, story.trouble), (lambda day: day >= NOW - 9, thin)] if story.rule != "device_silent" else []
            made.give(story, FIRST, NOW, troubles=hidden, until_ms=now_ms)
        checked = made.check(now_ms)
        for rule in RULE_NAMES:
            found = finding(checked[rule], rule)
            assert found.truth is KNOWN_ANYWAY.get(rule, Truth.UNKNOWN), (rule, found.truth, found.reason)
            assert (made.opened(rule), made.messages(rule)) == ([], []), rule


def test_an_open_alert_stays_while_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        made.check(give_all(made))
        later_ms = made.now_ms = made.setting.at(NOW + 4, HOUR)
        for story in STORIES:
            little = [(lambda day: day == NOW, no_evening), (lambda day: day > NOW, thin)]
            made.give(story, NOW, NOW + 4, troubles=[(story.hit, story.trouble), *little], until_ms=later_ms)
        checked = made.check(later_ms)
        for rule in set(RULE_NAMES) - KNOWN_ANYWAY.keys():
            # Of some the last valid days are still the bad ones; of none is it known to be over.
            assert finding(checked[rule], rule).truth in (Truth.TRUE, Truth.UNKNOWN), rule
            assert made.opened(rule) == ["withdrawn" if rule == "stationary_now" else "open"], rule
        for rule in RULE_NAMES:
            assert made.messages(rule) == [FIRST_TOLD[rule]], rule


# The device on the table: its own alert is right, and the next data that are worn close it.
ABOUT_THE_DEVICE = {"device_silent": (["open"], ["operator"])}


def test_a_device_on_the_table_is_no_still_patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        for story in STORIES:
            made.give(story, FIRST, NOW, troubles=[(lambda day: day >= NOW - 5, off_the_wrist)], until_ms=now_ms)
        made.check(now_ms)
        assert fired(made) == {rule: ([], []) for rule in RULE_NAMES} | ABOUT_THE_DEVICE


def test_what_comes_late_corrects_the_record_and_is_told_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        for story in STORIES:
            made.give(story, FIRST, NOW - story.days - 1)
        made.check(now_ms)
        # Days later all of it arrives, and the good days after it.
        later_ms = made.now_ms = made.setting.at(NOW + DAYS_AFTER, HOUR)
        for story in STORIES:
            made.give(story, NOW - story.days, NOW + DAYS_AFTER, troubles=[(story.hit, story.trouble)], until_ms=later_ms)
        made.check(later_ms)
        for rule in set(RULE_NAMES) - {"device_silent"}:
            assert made.messages(rule) == [], rule
            # A nudge ends with the waking day.
            assert made.opened(rule) == ["withdrawn" if rule == "stationary_now" else "resolved"], rule
        # Of the silence itself the operator had been told while it was the present.
        assert made.messages("device_silent") == ["operator"]


def test_a_new_phase_ends_what_it_does_not_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the day after NOW on the rule is off for its patient."""
    changes = {"P2.last_day": NOW, "P3.first_day": NOW + 1}
    with clinic(tmp_path, Setting(), monkeypatch, lambda rule: {**changes, f"rules.{rule}.off_in": "P3"}) as made:
        made.check(give_all(made))
        assert fired(made) == ALL_TOLD_ONCE
        later_ms = made.now_ms = made.setting.at(NOW + 1, HOUR)
        for story in STORIES:
            made.give(story, NOW, NOW + 1, troubles=[(story.hit, story.trouble)], until_ms=later_ms)
        checked = made.check(later_ms)
        for rule in RULE_NAMES:
            assert finding(checked[rule], rule).truth is Truth.OFF, rule
            assert made.opened(rule) == ["withdrawn"], rule
            assert made.messages(rule) == [FIRST_TOLD[rule]], rule


def test_a_second_device_changes_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone in the pocket counts the same steps: they are not added to the watch's, and do not hide what the watch saw."""
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = give_all(made)
        for story in STORIES:
            made.give(story, FIRST, NOW, troubles=[(story.hit, story.trouble)], phone=True, until_ms=now_ms)
        made.check(now_ms)
        assert fired(made) == ALL_TOLD_ONCE


def test_one_of_two_devices_is_enough_to_be_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        (story,) = (one for one in STORIES if one.rule == "device_silent")
        made.give(story, FIRST, NOW, troubles=[(story.hit, nothing)], until_ms=now_ms)
        made.give(story, FIRST, NOW, phone=True, until_ms=now_ms)
        made.check(now_ms)
        assert (made.opened(story.rule), made.messages(story.rule)) == ([], [])


def test_a_faulty_stretch_is_told_to_the_operator_and_judged_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch claims a long brisk walk at a pace that nobody has: no alert about the patient, one about the watch."""
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        story = next(one for one in STORIES if one.rule == "device_fault")
        made.give(story, FIRST, NOW, troubles=[(story.hit, walk("18:00", "19:10", 240))], until_ms=now_ms)
        checked = made.check(now_ms)[story.rule]
        true = {one.rule for one in checked.findings if one.truth is Truth.TRUE}
        assert "device_fault" in true
        assert not true & {"too_long", "too_brisk", "spike", "load_ratio", "stationary_now", "device_silent"}
        assert made.messages("device_fault") == ["operator"]
        assert len(finding(checked, "device_fault").evidence.minutes) == 70
        # Somebody looked and says that it was so: the alert ends, and the walk counts.
        with made.app.store.writing() as connection:
            (device,) = people.list_devices(connection, made.patients[story.rule].id)
            start_ms, end_ms = made.setting.at(NOW - 1, 17), made.setting.at(NOW - 1, 20)
            faults.trust_device(connection, device.patient_id, device.device.key, start_ms, end_ms, now_ms)
        later = made.check(now_ms + 60_000)[story.rule]
        assert finding(later, "device_fault").truth is Truth.FALSE
        assert finding(later, "too_long").truth is Truth.TRUE


def test_a_clock_that_stands_as_nowhere_is_told_to_the_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clinic(tmp_path, Setting(), monkeypatch) as made:
        now_ms = made.now_ms = made.setting.at(NOW, HOUR)
        story = next(one for one in STORIES if one.rule == "device_fault")
        made.give(story, FIRST, NOW, until_ms=now_ms)
        assert finding(made.check(now_ms)[story.rule], "device_fault").truth is Truth.FALSE
        day = made.setting.surgery + timedelta(days=NOW)
        data = f"start,value,device\n{day}T15:07:00+02:07,5,Watch\n".encode()
        files = [BytesSource(data, f"{day}.csv")]
        options = ReadOptions(ZoneInfo("Europe/Berlin"))
        (outcome,) = import_files(made.app.store, made.app.archive, made.patients[story.rule], files, options, now_ms)
        assert not outcome.refused
        checked = made.check(now_ms + 60_000)[story.rule]
        assert finding(checked, "device_fault").evidence.measured["clock_jumps"] == 1
        assert made.messages("device_fault") == ["operator"]
