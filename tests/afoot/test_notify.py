"""afoot notify: channels whose addresses nobody sees, tests of them, sending and sending again."""

import logging
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from afoot.cli import app
from tests.afoot.conftest import Program
from tests.afoot.test_program import run
from tests.rules.delivery.servers import Post, Webhook, post, webhook
from tests.rules.delivery.test_channels import closed_port

SECRET = "s3cr3t-token"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as opened:
        yield opened


@pytest.fixture
def office() -> Iterator[Post]:
    with post() as opened:
        yield opened


@pytest.fixture
def ben(afoot: Program) -> Program:
    afoot.ok("patient", "add", "Ben", "--zone", "Europe/Berlin")
    return afoot


def add(program: Program, url: str, *arguments: object) -> int:
    (path := program.home.parent / "url").write_text(f"{url}\n")
    (row,) = program.ok("notify", "add", *arguments, "--url-file", path, "--json").json
    return int(row["channel"])


def test_channels_are_added_listed_and_removed(ben: Program, hook: Webhook, office: Post) -> None:
    assert ben.ok("notify", "list", "--json").json == []
    first = add(ben, hook.url(SECRET), "therapist", "--label", "ward")
    second = add(ben, office.url(), "patient", "--patient", "Ben")
    assert add(ben, hook.url(SECRET), "therapist") == first  # the same again is the same
    listed = ben.ok("notify", "list", "--json").json
    assert [(one["channel"], one["role"], one["patient"], one["language"]) for one in listed] == [
        (first, "therapist", None, "en"), (second, "patient", "Ben", "en"),
    ]  # fmt: skip
    assert listed[0]["label"] == "ward"
    assert listed[1]["label"].startswith("mailto ")
    assert "ward" in ben.ok("notify", "list").out
    ben.ok("notify", "remove", first)
    assert [one["channel"] for one in ben.ok("notify", "list", "--json").json] == [second]
    assert "none of that number" in ben.fails(2, "notify", "remove", first)


def test_a_url_comes_from_a_file_the_environment_or_stdin(ben: Program, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFOOT_NOTIFY_URL", hook.url("a"))
    ben.ok("notify", "add", "operator")
    add(ben, hook.url("b"), "operator")  # the file goes before the environment
    monkeypatch.delenv("AFOOT_NOTIFY_URL")
    assert CliRunner().invoke(app, ["notify", "add", "operator"], input=hook.url("c") + "\n").exit_code == 0
    assert len(ben.ok("notify", "list", "--json").json) == 3
    assert "--url-file" in ben.ok("notify", "add", "--help").out


NO_URLS = (
    f"nosuch://{SECRET}@host/{SECRET}",
    f"slack://{SECRET}",
    f"mailto://{SECRET}:{SECRET} b@c d",
    f"tgram://{SECRET}/12",
    SECRET,
    "",
    " ",
    f"json://{SECRET}\njson://other",
    f"json://{SECRET}\x1b[2J",
    "json://" + SECRET * 2000,
)


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_is_none_is_refused_and_not_repeated(ben: Program, url: str) -> None:
    (path := ben.home.parent / "url").write_text(url)
    said = ben.fails(2, "notify", "add", "therapist", "--url-file", path)
    assert "expected one Apprise URL" in said
    assert SECRET not in said
    assert ben.ok("notify", "list", "--json").json == []


def test_no_log_of_apprise_reaches_the_terminal(ben: Program, hook: Webhook) -> None:
    """In processes of their own: Apprise logs such URLs whole, and a test's own handlers would catch that anywhere."""
    for url in NO_URLS[:2]:
        added = run("-v", "notify", "add", "therapist", home=ben.home, AFOOT_NOTIFY_URL=url)
        assert added.returncode == 2
        assert added.stderr.startswith("afoot: the channel: expected one Apprise URL")
    add(ben, hook.url(SECRET), "therapist")
    hook.statuses = [404]
    tried = run("-v", "notify", "test", home=ben.home)
    assert tried.returncode == 1
    assert tried.stderr == ""
    assert "HTTP 404" in tried.stdout
    assert SECRET not in tried.stdout


def test_a_url_is_shown_by_no_command(ben: Program, hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    hook.statuses = [404]
    shown = ""
    with caplog.at_level(logging.DEBUG):
        for role in ("therapist", "operator"):
            add(ben, hook.url(SECRET), role)
        for arguments in (
            ("notify", "list"), ("notify", "list", "--json"), ("notify", "test"), ("notify", "test", "--json"),
            ("observe", "Ben", "--red-flag", "fever"), ("notify", "retry"), ("notify", "retry", "--json"), ("notify", "flush"),
        ):  # fmt: skip
            result = ben("-v", *arguments)
            shown += result.out + result.err
    # The server was reached; what it was reached by is in no line.
    assert len(hook.got) >= 5
    logs = [record.getMessage() for record in caplog.records if record.name.split(".")[0] not in ("urllib3", "apprise")]
    assert SECRET not in shown + " ".join(logs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nurse",), "patient, therapist, operator"),
        (("patient",), "say which"),
        (("therapist", "--patient", "Carla"), "none of that name"),
        (("therapist", "--language", "tlh"), "expected one of en"),
        (("therapist", "--label", "\x1b[31m"), "printable"),
        (("therapist", "--label", "json://x"), "found a URL"),
        (("therapist", "--url-file", "/nowhere/url"), "/nowhere/url"),
    ],
)
def test_a_channel_that_cannot_be(ben: Program, hook: Webhook, arguments: tuple[str, ...], said: str) -> None:
    (path := ben.home.parent / "url").write_text(hook.url())
    assert said in ben.fails(2, "notify", "add", "--url-file", path, *arguments)
    assert ben.ok("notify", "list", "--json").json == []


def test_a_test_says_what_became_of_each_channel(ben: Program, hook: Webhook, office: Post) -> None:
    assert "no channel yet" in ben.fails(2, "notify", "test")
    good = add(ben, office.url(), "patient", "--patient", "Ben")
    bad = add(ben, hook.url(), "therapist")
    gone = add(ben, f"json://127.0.0.1:{closed_port()}", "operator")
    hook.statuses = [403]
    result = ben("notify", "test", "--json")
    assert result.code == 1
    assert {row["channel"]: (row["result"], row["reason"]) for row in result.json} == {
        good: ("sent", None), bad: ("permanent", "HTTP 403"), gone: ("passing", "no connection"),
    }  # fmt: skip
    (mail,) = office.got
    assert mail["Subject"] == "Your movement: test message"
    assert "This is a test. Messages about your movement will reach you this way." in mail.get_content()
    assert "This is a test. Alerts to therapists" in hook.bodies()[0]["message"]
    # One alone, and nothing of it waits anywhere.
    assert [row["channel"] for row in ben.ok("notify", "test", good, "--json").json] == [good]
    assert len({one["Message-ID"] for one in office.got}) == 2
    assert ben.ok("notify", "flush", "--json").json == []
    assert "none of that number" in ben.fails(2, "notify", "test", 99)


def test_what_waits_is_sent_to_every_channel_and_once(ben: Program, hook: Webhook, office: Post) -> None:
    assert "no channel is set" in ben.ok("observe", "Ben", "--red-flag", "fever").err
    for url in (hook.url(), office.url()):
        add(ben, url, "therapist")
    sent = ben.ok("notify", "retry", "--patient", "Ben", "--json").json
    assert [(row["patient"], row["role"], row["state"], row["tries"], row["again"]) for row in sent] == [
        ("Ben", "therapist", "sent", 1, None)
    ] * 2
    assert len({row["message"] for row in sent}) == 1
    assert hook.ids == [sent[0]["message"]]
    assert office.got[0]["X-Afoot-Id"] == hook.ids[0]
    assert ben.ok("notify", "flush", "--json").json == ben.ok("notify", "retry", "--json").json == []
    assert len(hook.got) == len(office.got) == 1


def test_a_channel_that_fails_holds_no_other_up_and_makes_the_exit_code_1(ben: Program, hook: Webhook, office: Post) -> None:
    add(ben, hook.url(), "therapist", "--label", "hook")
    add(ben, office.url(), "therapist", "--label", "mail")
    hook.statuses = [503]
    ben.ok("observe", "Ben", "--red-flag", "fever", "--json")
    assert len(office.got) == 1
    # Not due again yet: flushing at once tries nothing, and retrying leaves what waits for its turn.
    assert ben.ok("notify", "flush", "--json").json == []
    hook.statuses = [410]
    ben.ok("observe", "Ben", "--red-flag", "fever")
    failed = ben("notify", "retry", "--json")
    assert failed.code == 1
    assert [(row["channel"], row["state"], row["reason"]) for row in failed.json] == [("hook", "failed", "HTTP 410")]
    assert "HTTP 410" in ben("notify", "retry").out
    assert len(office.got) == 2


def test_a_channel_of_one_patient_is_not_anothers(ben: Program, hook: Webhook) -> None:
    ben.ok("patient", "add", "Anna", "--zone", "UTC")
    add(ben, hook.url(), "therapist", "--patient", "Anna")
    assert "no channel is set" in ben.ok("observe", "Ben", "--red-flag", "fever").err
    assert hook.got == []
    assert "has been told" in ben.ok("observe", "Anna", "--red-flag", "fever").err
    assert len(hook.got) == 1
