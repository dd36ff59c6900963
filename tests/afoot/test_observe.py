"""afoot observe, observations, contact, review, evidence: what people say, and a yes that waits for nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.observations import CODES, EMERGENCY, Group, codes_of
from tests.afoot.conftest import Program
from tests.rules.delivery.servers import Webhook, webhook

AT = "2026-03-05T18:30:00Z"


@pytest.fixture
def ben(afoot: Program) -> Program:
    afoot.ok("patient", "add", "Ben", "--zone", "Europe/Berlin")
    return afoot


def plain(text: str) -> str:
    """The words of a panel, without its frame and its folds."""
    return " ".join("".join(sign for sign in text if sign.isascii()).split())


def test_what_is_said_is_kept_and_listed(ben: Program) -> None:
    said = ben.ok(
        "observe", "Ben", "--pain", 3, "--mood", 7, "--phq2", 1, "--nicotine", 5, "--exercise", "bridge:3x10:4:2",
        "--exercise", "heel slides:2", "--note", "slept well", "--precautions", "bending=yes,lifting=no",
        "--red-flag", "fever=no", "--at", AT, "--json",
    ).json  # fmt: skip
    assert said["emergency"] is None
    assert said["therapist_told"] is None
    answers = {(one["code"], json.dumps(one["value"])): one["detail"] for one in said["observations"]}
    assert answers == {
        ("fever", "false"): {},
        ("pain", "3"): {},
        ("mood", "7"): {},
        ("phq2", "1"): {},
        ("nicotine", "true"): {"amount": 5},
        ("exercise", "3"): {"kind": "bridge", "repetitions": 10, "difficulty": 4, "pain": 2},
        ("exercise", "2"): {"kind": "heel slides"},
        ("bending", "true"): {},
        ("lifting", "false"): {},
        ("note", "null"): {"text": "slept well"},
    }
    listed = ben.ok("observations", "Ben", "--json").json
    assert listed == said["observations"]
    assert {(one["at"], one["source"], one["entered_by"]) for one in listed} == {(AT, "patient", "patient")}
    table = ben.ok("observations", "Ben").out
    assert "3 sets, bridge, repetitions 10 in each set, difficulty 4 of 10, pain 2 of 10" in table.replace("kind ", "")
    assert "slept well" in table
    assert [one["value"] for one in ben.ok("observations", "Ben", "--code", "pain", "--json").json] == [3]


@pytest.mark.parametrize(
    ("text", "value", "detail"), [("yes", True, {}), ("no", False, {}), ("0", False, {}), ("9", True, {"amount": 9})]
)
def test_nicotine(ben: Program, text: str, value: bool, detail: dict[str, int]) -> None:
    (kept,) = ben.ok("observe", "Ben", "--nicotine", text, "--json").json["observations"]
    assert (kept["value"], kept["detail"]) == (value, detail)


def test_all_questions_answered_with_no(ben: Program) -> None:
    result = ben.ok("observe", "Ben", "--red-flag", "none", "--by", "Dr. Kern", "--json")
    kept = result.json["observations"]
    assert [one["code"] for one in kept] == list(codes_of(Group.RED_FLAG))
    assert {(one["value"], one["source"], one["entered_by"]) for one in kept} == {(False, "clinic", "Dr. Kern")}
    assert "WARNING" not in result.err


@pytest.mark.parametrize("name", codes_of(Group.RED_FLAG))
def test_a_yes_shows_the_emergency_text_on_both_streams(ben: Program, name: str) -> None:
    result = ben.ok("observe", "Ben", "--red-flag", name)
    assert EMERGENCY in plain(result.out)
    assert EMERGENCY in plain(result.err)
    assert "HAS NOT BEEN TOLD YET: no channel is set" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("Nobody", "--red-flag", "fever"),
        ("Ben", "--red-flag", "fevr"),
        ("Ben", "--red-flag", "fever=perhaps"),
        ("Ben", "--red-flag", "fever", "--at", "yesterday"),
        ("Ben", "--red-flag", "fever", "--pain", "99"),
    ],
)
def test_the_emergency_text_waits_for_nothing(ben: Program, arguments: tuple[str, ...]) -> None:
    result = ben("observe", *arguments)
    assert result.code == 2
    assert EMERGENCY in plain(result.out)
    assert EMERGENCY in plain(result.err)


def test_a_yes_is_told_even_if_another_answer_cannot_be(ben: Program) -> None:
    with webhook() as hook:
        add_channel(ben, hook)
        assert ben("observe", "Ben", "--red-flag", "calf_swelling", "--pain", "eleven").code == 2
        assert len(hook.got) == 1
    assert [one["code"] for one in ben.ok("observations", "Ben", "--json").json] == ["calf_swelling"]


def add_channel(program: Program, hook: Webhook) -> None:
    (path := program.home.parent / "url").write_text(hook.url() + "\n")
    program.ok("notify", "add", "therapist", "--url-file", path)


def test_a_yes_is_told_at_once_whatever_is_snoozed_and_says_which(ben: Program) -> None:
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat(timespec="seconds")
    ben.ok("snooze", "Ben", "all", "--until", until, "--by", "M. Lang", "--why", "holidays")
    with webhook() as hook:
        add_channel(ben, hook)
        result = ben.ok(
            "observe", "Ben", "--red-flag", "fever", "--red-flag", "chest_pain", "--by", "nurse", "--at", AT, "--json"
        )
        (body,) = hook.bodies()
        assert result.json["emergency"] == EMERGENCY
        assert result.json["therapist_told"] is True
        assert EMERGENCY in plain(result.err)
        # Another yes is another message; an answer of no is none.
        ben.ok("observe", "Ben", "--red-flag", "fever=no")
        assert len(hook.got) == 1
        ben.ok("observe", "Ben", "--red-flag", "fever")
        assert len(set(hook.ids)) == 2
    assert body["title"] == "[urgent] Ben: warning sign answered with yes"
    assert "Why: answered with yes: fever, chest pain; entered by nurse" in body["message"]
    assert "Thursday 5 March 2026, 19:30" in body["message"]


def test_a_message_that_did_not_go_through_waits_and_goes_later(ben: Program) -> None:
    with webhook() as hook:
        add_channel(ben, hook)
        hook.statuses = [404, 200]
        result = ben.ok("observe", "Ben", "--red-flag", "fever", "--json")
        assert result.json["therapist_told"] is False
        assert "HAS NOT BEEN TOLD YET: HTTP 404" in result.err
        (sent,) = ben.ok("notify", "retry", "--json").json
        assert (sent["state"], sent["patient"]) == ("sent", "Ben")
        assert len(set(hook.ids)) == 1
        assert len(hook.ids) == 2


def test_a_no_that_becomes_yes_is_told(ben: Program) -> None:
    ben.ok("observe", "Ben", "--red-flag", "fever=no")
    result = ben.ok("observe", "Ben", "--red-flag", "fever", "--corrects", 1)
    assert EMERGENCY in plain(result.out)
    assert "NOT BEEN TOLD" in result.err


def test_corrections_and_what_is_taken_back(ben: Program) -> None:
    ben.ok("observe", "Ben", "--pain", 8, "--at", AT)
    (kept,) = ben.ok("observe", "Ben", "--pain", 3, "--corrects", 1, "--by", "M. Lang", "--json").json["observations"]
    assert (kept["at"], kept["replaces"], kept["value"]) == (AT, 1, 3)
    assert [one["value"] for one in ben.ok("observations", "Ben", "--json").json] == [3]
    ben.ok("observe", "Ben", "--withdraw", 2)
    assert ben.ok("observations", "Ben", "--json").json == []
    history = ben.ok("observations", "Ben", "--history", "--json").json
    assert [(one["number"], one["value"], one["replaces"], one["withdrawn"]) for one in history] == [
        (1, 8, None, False), (2, 3, 1, False), (3, None, 2, True),
    ]  # fmt: skip
    assert "taken back" in ben.ok("observations", "Ben", "--history").out
    assert "entry 2 replaced it" in ben.fails(2, "observe", "Ben", "--pain", 1, "--corrects", 1)
    assert "none of that number" in ben.fails(2, "observe", "Ben", "--withdraw", 99)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing was said"),
        (("--pain", "11"), "from 0 to 10"),
        (("--pain", "-1"), "--pain"),
        (("--pain", "3.5"), "whole number"),
        (("--pain", "٣"), "whole number"),
        (("--pain", "9" * 99), "whole number"),
        (("--nicotine", "some"), "expected yes or no"),
        (("--nicotine", "201"), "1 to 200"),
        (("--exercise", "bridge"), "KIND:SETS"),
        (("--exercise", "bridge:x3"), "sets"),
        (("--exercise", "bridge:3:4:2:1"), "KIND:SETS"),
        (("--exercise", "bridge:3:11"), "difficulty"),
        (("--exercise", ":3"), "kind"),
        (("--precautions", "bending"), "expected yes or no"),
        (("--precautions", "jumping=yes"), "expected one of bending"),
        (("--red-flag", "none", "--red-flag", "fever=no"), "no other beside it"),
        (("--note", " "), "printable"),
        (("--note", "\x1b[31m"), "printable"),
        (("--pain", "3", "--by", "a\nb"), "printable"),
        (("--pain", "3", "--at", "2098-01-01T00:00:00Z"), "a time that has been"),
        (("--pain", "3", "--mood", "4", "--corrects", "1"), ""),
        (("--pain", "3", "--withdraw", "1"), ""),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(ben: Program, arguments: tuple[str, ...], said: str) -> None:
    result = ben("observe", "Ben", *arguments)
    assert result.code == 2
    assert said in result.err
    assert result.out == ""
    assert ben.ok("observations", "Ben", "--history", "--json").json == []


def test_days_of_the_list_are_the_patients_own(ben: Program) -> None:
    for at in ("2026-03-04T22:59:00Z", "2026-03-04T23:00:00Z", "2026-03-05T22:59:00Z", "2026-03-05T23:00:00Z"):
        ben.ok("observe", "Ben", "--pain", 1, "--at", at)
    found = ben.ok("observations", "Ben", "--from", "2026-03-05", "--to", "2026-03-05", "--json").json
    assert [one["number"] for one in found] == [2, 3]


def test_reviews_and_contacts_add_up_in_a_month(anna: Program) -> None:
    anna.ok("review", "Anna", "--minutes", 12, "--by", "M. Lang", "--at", "2026-03-02T10:00:00Z")
    anna.ok("review", "Anna", "--minutes", 9, "--by", "M. Lang", "--at", "2026-03-20T10:00:00Z", "--note", "[b]steady")
    anna.ok("contact", "Anna", "--minutes", 7, "--kind", "call", "--live", "--by", "M. Lang", "--at", "2026-03-31T21:59:00Z")
    anna.ok(
        "contact", "Anna", "--minutes", 4, "--kind", "video", "--by", "M. Lang", "--at", "2026-03-31T22:00:00Z"
    )  # April there
    found = anna.ok("evidence", "Anna", "--month", "2026-03", "--json").json
    counted = ("data_days", "dates", "review_minutes", "contact_minutes", "contacts", "live_contacts")
    assert {key: found[key] for key in counted} == {
        "data_days": 1, "dates": ["2026-03-03"], "review_minutes": 21, "contact_minutes": 7, "contacts": 1, "live_contacts": 1,
    }  # fmt: skip
    assert (found["data_days_from"], found["data_days_to"]) == ("2026-03-02", "2026-03-31")
    shown = anna.ok("evidence", "Anna", "--month", "2026-03").out
    assert "[b]steady" in shown
    assert "bill" not in shown.lower()
    # A mistake is corrected, and a contact that never was is taken back.
    anna.ok("review", "Anna", "--minutes", 2, "--by", "M. Lang", "--corrects", 1)
    anna.ok("contact", "Anna", "--withdraw", 3, "--by", "M. Lang")
    found = anna.ok("evidence", "Anna", "--month", "2026-03", "--json").json
    assert (found["review_minutes"], found["live_contacts"]) == (11, 0)
    assert anna.ok("evidence", "Anna", "--json").json["review_minutes"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("contact", "Anna", "--minutes", "5", "--kind", "letter", "--by", "x"), "call, video, visit, message"),
        (("contact", "Anna", "--minutes", "5", "--by", "x"), "call, video, visit, message"),
        (("contact", "Anna", "--minutes", "5", "--kind", "message", "--live", "--by", "x"), "never live"),
        (("contact", "Anna", "--kind", "call", "--by", "x"), "--minutes"),
        (("review", "Anna", "--minutes", "0", "--by", "x"), "minutes"),
        (("review", "Anna", "--minutes", "5", "--by", " "), "printable"),
        (("review", "Anna", "--minutes", "5"), "--by"),
        (("review", "Anna", "--minutes", "5", "--by", "x", "--withdraw", "1"), "nothing else"),
        (("review", "Anna", "--minutes", "5", "--by", "x", "--at", "2098-01-01T00:00:00Z"), "has been"),
        (("evidence", "Anna", "--month", "March"), "YYYY-MM"),
        (("evidence", "Anna", "--month", "2026-13"), "YYYY-MM"),
    ],
)
def test_care_that_cannot_be(anna: Program, arguments: tuple[str, ...], said: str) -> None:
    assert said in anna.fails(2, *arguments)


def test_every_code_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/observations.md").read_text()
    for code in CODES.values():
        assert f"`{code.name}`" in page
        assert code.question in page
    assert EMERGENCY in " ".join(page.replace("> ", "").split())


def test_a_rebuild_leaves_what_people_said(anna: Program) -> None:
    anna.ok("observe", "Anna", "--pain", 3, "--at", AT)
    anna.ok("review", "Anna", "--minutes", 5, "--by", "M. Lang", "--at", AT)
    before = [anna.ok(*what, "--json").json for what in (("observations", "Anna"), ("evidence", "Anna", "--month", "2026-03"))]
    anna.ok("rebuild")
    assert before == [
        anna.ok(*what, "--json").json for what in (("observations", "Anna"), ("evidence", "Anna", "--month", "2026-03"))
    ]
