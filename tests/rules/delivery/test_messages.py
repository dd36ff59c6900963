"""Texts: each rule, recipient and kind has one, in words that its reader knows."""

import re
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from rules.finding import Evidence, Finding, Recipient, Truth
from rules.messages import KINDS, LANGUAGES, Notice, Subject, body_of, find_language, find_told, write_message
from rules.minutes import WearSource
from rules.words_en import ENGLISH
from tests.rules.delivery.making import ANNA, BODY, NOW

# MOVEMENT.md, section 6, and the red flags that no rule waits for.
RULES = (
    "stationary_now", "prolonged_stationary_day", "frequency_low", "hourly_coverage", "too_long", "too_brisk", "spike",
    "load_ratio", "sudden_drop", "below_floor", "no_progress", "secondary_decline", "avoidance_pattern", "night_activity",
    "device_silent", "device_fault", "red_flag",
)  # fmt: skip
JARGON = re.compile(
    r"stationary|cadence|median|baseline|adheren|complian|kinesiophob|fear|\bbout|threshold|coverage|lumbar|fusion|"
    r"non-?wear|sedentary|lazy|fail(ed)? to|you must|you did not|you have not|should have|diagnos(?!is\. )|disease|infection",
    re.IGNORECASE,
)
MESSAGE = "0123456789abcdef"


def write(recipient: Recipient, *notices: Notice, subject: Subject = ANNA) -> tuple[str, str, str]:
    text = write_message(notices, recipient, subject, ENGLISH, MESSAGE)
    return text.title, text.body, text.short


def notice(rule: str = "sudden_drop", kind: str = "opened", priority: str = "normal", at_ms: int = NOW) -> Notice:
    return Notice(rule, kind, priority, at_ms, BODY)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_rule_recipient_and_kind_has_a_text(code: str) -> None:
    for rule, recipient, kind in product(RULES, Recipient, KINDS):
        text = write_message([notice(rule, kind)], recipient, ANNA, LANGUAGES[code], MESSAGE)
        place = (code, rule, recipient, kind)
        assert "{" not in text.title + text.body + text.short, place
        assert "\n" not in text.title, place
        assert 40 < len(text.short) <= len(text.body), place
        assert text.body.endswith(MESSAGE), place
        # A red flag is what the patient said; the patient is told all the same what the rest comes from.
        assert "wearable" in text.body or (rule == "red_flag" and recipient is not Recipient.PATIENT), place
        assert "diagnosis" in text.body, place


@pytest.mark.parametrize("recipient", [Recipient.PATIENT, Recipient.THERAPIST])
def test_each_rule_has_words_of_its_own_for_patient_and_therapist(recipient: Recipient) -> None:
    told = [find_told(ENGLISH, rule, recipient) for rule in RULES]
    assert len({one.heading for one in told}) == len(RULES)
    assert len({one.seen for one in told}) == len(RULES)
    assert all(one.heading and one.seen and one.next and one.over for one in told)


def test_a_patient_reads_no_jargon_no_blame_no_diagnosis_and_no_thresholds() -> None:
    for rule, kind in product((*RULES, "a_rule_of_tomorrow"), KINDS):
        title, body, short = write(Recipient.PATIENT, notice(rule, kind))
        assert JARGON.search(title + body + short) is None, (rule, kind, JARGON.search(title + body + short))
        for secret in ("0.5", "2410", "sudden_drop", "Prescription", "Anna", "p-7f3a"):
            assert secret not in title + body, (rule, kind, secret)


def test_the_patient_is_told_when_on_the_own_clock() -> None:
    _, body, short = write(Recipient.PATIENT, notice("too_long"))
    assert "When: Thursday 5 March 2026, 10:00–10:47 (47 min)" in body  # 09:00 UTC is 10:00 in Zurich
    assert "10:00" not in short


def test_the_therapist_gets_name_evidence_and_version() -> None:
    title, body, short = write(Recipient.THERAPIST, notice(priority="high"))
    assert title == "[urgent] Anna Muster: steps fell suddenly"
    for line in (
        "Why: two valid days at 812 and 790 steps",
        "Window: Tuesday 3 March 2026, 13:00–Thursday 5 March 2026, 13:00",
        "Coverage: 93 %",
        "Wear source: hr",
        "Found: steps 812, prior median 2410",
        "Thresholds: share 0.5",
        "Prescription version: 3",
        "When: Thursday 5 March 2026, 10:00–10:47 (47 min)",
    ):
        assert line in body.splitlines()
    assert "Next: Please contact the patient today" in body
    assert "Thresholds" not in short


def test_the_operator_gets_the_pseudonym_and_no_clinical_values() -> None:
    for rule in RULES:
        title, body, short = write(Recipient.OPERATOR, notice(rule))
        assert title.startswith("p-7f3a: ")
        assert "Anna" not in title + body + short
        assert "812" not in body


def test_several_transitions_are_one_message_urgent_first_then_in_time_order() -> None:
    title, body, _ = write(
        Recipient.THERAPIST,
        notice("below_floor", at_ms=NOW - 2),
        notice("no_progress", at_ms=NOW - 3),
        notice("sudden_drop", priority="high", at_ms=NOW),
    )
    assert title == "[urgent] Anna Muster: 3 notes"
    places = [body.index(ENGLISH.therapist[rule].seen) for rule in ("sudden_drop", "no_progress", "below_floor")]
    assert places == sorted(places)
    assert body.count("Message " + MESSAGE) == 1


def test_what_is_over_is_not_urgent_and_shows_no_evidence() -> None:
    title, body, _ = write(Recipient.THERAPIST, notice(kind="resolved", priority="high"))
    assert title == "Anna Muster: steps fell suddenly"
    assert "Thresholds" not in body


def test_a_name_writes_no_second_line() -> None:
    title, body, _ = write(
        Recipient.THERAPIST, notice(), subject=Subject(1, "A\r\nBcc: x@y.example\x1b[2J", "p", ZoneInfo("UTC"))
    )
    assert title == "A Bcc: x@y.example [2J: steps fell suddenly"
    assert "\x1b" not in body


def test_the_night_of_a_clock_change_names_the_zones() -> None:
    night = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp() * 1000)
    body = {"evidence": {"minutes": [[night, night + 60 * 60_000]]}}
    _, text, _ = write(Recipient.PATIENT, Notice("too_long", "opened", "normal", NOW, body))
    assert "02:30 CEST–02:30 CET (60 min)" in text


def test_many_stretches_are_counted_and_a_body_without_evidence_is_told_as_unknown() -> None:
    minutes = [[NOW + n * HOUR_MS, NOW + n * HOUR_MS + 60_000] for n in range(9)]
    _, text, _ = write(Recipient.PATIENT, Notice("too_long", "opened", "normal", NOW, {"evidence": {"minutes": minutes}}))
    assert text.count("(1 min)") == 5
    assert "and 4 more" in text
    _, text, _ = write(Recipient.THERAPIST, Notice("red_flag", "opened", "high", NOW, {}))
    assert "Window: not told" in text


HOUR_MS = 3_600_000


def test_the_body_of_a_finding_is_json_and_says_all_of_its_evidence() -> None:
    evidence = Evidence(1, 2, 0.5, WearSource.HEART_RATE, ((1, 2),), {"steps": 7}, {"share": 0.5})
    made = body_of(Finding("spike", Truth.TRUE, 2, 4, "why", evidence))
    assert made == {
        "reason": "why",
        "version": 4,
        "evidence": {
            "start_ms": 1, "end_ms": 2, "coverage": 0.5, "wear_source": WearSource.HEART_RATE.value, "minutes": [[1, 2]],
            "measured": {"steps": 7}, "thresholds": {"share": 0.5},
        },
    }  # fmt: skip


def test_a_language_falls_back_to_its_parent_and_then_to_english() -> None:
    assert find_language("en-GB") is ENGLISH
    assert find_language("xx") is ENGLISH


def test_what_a_patient_said_is_not_called_the_word_of_a_wearable() -> None:
    for rule, wearable in (("red_flag", False), ("below_floor", True)):
        notice = Notice(rule, "opened", "high", 0, {"reason": "fever"})
        text = write_message([notice], Recipient.THERAPIST, ANNA, find_language("en"), "id")
        assert ("From a wearable" in text.body) is wearable
        assert "no diagnosis" in text.body
