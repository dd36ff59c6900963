"""One message through Apprise to servers that answer, refuse, are slow or are not there."""

import socket
from email.utils import parseaddr

import pytest

from rules import channels
from rules.channels import Outcome, Result, http_outcome, send_by_apprise, smtp_outcome, understands
from rules.messages import Text
from tests.rules.delivery.servers import PASSWORD, Post, Webhook, post

TEXT = Text("Größe: a title", "A body\nof two lines, with ×.", "short")
ID = "a" * 32
PASSING, PERMANENT = Result.PASSING, Result.PERMANENT


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_webhook_gets_the_text_and_the_id_twice(hook: Webhook) -> None:
    assert send_by_apprise(hook.url(), ID, TEXT).result is Result.SENT
    (headers, _), (body,) = hook.got[0], hook.bodies()
    assert headers["X-Afoot-Id"] == ID
    assert (body["id"], body["title"], body["message"]) == (ID, TEXT.title, TEXT.body)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (400, PERMANENT), (401, PERMANENT), (403, PERMANENT), (404, PERMANENT), (410, PERMANENT),
        (408, PASSING), (425, PASSING), (429, PASSING),
        (500, PASSING), (502, PASSING), (503, PASSING), (504, PASSING),
    ],
)  # fmt: skip
def test_what_a_webhook_answers_decides(hook: Webhook, status: int, result: Result) -> None:
    hook.statuses = [status]
    assert send_by_apprise(hook.url(), ID, TEXT) == Outcome(result, f"HTTP {status}")
    assert len(hook.got) == 1


def test_a_redirect_is_not_followed(hook: Webhook) -> None:
    hook.statuses = [307, 200]
    assert send_by_apprise(hook.url(), ID, TEXT) == Outcome(PERMANENT, "HTTP 307")
    assert len(hook.got) == 1


# Services that people run themselves, so that a local server can be one: their refusals are read the same way.
SERVICES = (
    "json://{at}/hook",
    "xml://{at}/hook",
    "form://{at}/hook",
    "ntfy://{at}/topic",
    "gotify://{at}/AbCdEfGhIjKlMnO",
    "mmost://{at}/3ccdd113474722377935511fc85d3dd4",
    "hassio://{at}/a-long-access-token",
    "synology://{at}/a-token",
    "signal://{at}/+15551235555/+15551235556",
    "apprise://{at}/a-token",
)


@pytest.mark.parametrize("url", SERVICES)
def test_services_of_apprise_tell_a_refusal_from_a_passing_failure(hook: Webhook, url: str) -> None:
    at = f"127.0.0.1:{hook.port}"
    hook.statuses = [404]
    assert send_by_apprise(url.format(at=at), ID, TEXT) == Outcome(PERMANENT, "HTTP 404")
    if url.split("://")[0] in ("json", "xml", "form"):
        assert hook.ids == [ID]
    hook.statuses = [503]
    assert send_by_apprise(url.format(at=at), ID, TEXT) == Outcome(PASSING, "HTTP 503")
    result = send_by_apprise(url.format(at=f"127.0.0.1:{closed_port()}"), ID, TEXT).result
    assert result in (PASSING, Result.UNCLEAR)


def test_nobody_there_and_no_answer_may_pass(hook: Webhook) -> None:
    assert send_by_apprise(f"json://127.0.0.1:{closed_port()}", ID, TEXT) == Outcome(PASSING, "no connection")
    hook.delay_s = 0.6
    assert send_by_apprise(hook.url() + "?rto=0.2", ID, TEXT).result is PASSING


def test_a_service_that_drips_is_left_in_the_end(hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "SEND_TIMEOUT_S", 0.2)
    hook.delay_s = 2.0
    assert send_by_apprise(hook.url(), ID, TEXT) == channels.NO_ANSWER


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://x", "mailto://", "slack://", "json://", "mailto://a b@c d", "://x"])
def test_a_url_that_is_none_is_permanent(url: str) -> None:
    assert send_by_apprise(url, ID, TEXT) == channels.NOT_UNDERSTOOD
    assert not understands(url)


def test_a_url_is_checked_without_sending(hook: Webhook, office: Post) -> None:
    assert understands(hook.url())
    assert understands(office.url())
    assert (hook.got, office.got) == ([], [])


def test_mail_is_plain_text_with_our_message_id(office: Post) -> None:
    assert send_by_apprise(office.url(), ID, TEXT).result is Result.SENT
    (mail,) = office.got
    assert mail["Message-ID"] == f"<{ID}@clinic.example>"
    assert mail.get_all("Message-ID") == [mail["Message-ID"]]
    assert mail["X-Afoot-Id"] == ID
    assert mail["Subject"] == TEXT.title
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parseaddr(mail["From"])[1] == "afoot@clinic.example"
    assert parseaddr(mail["To"])[1] == "anna@clinic.example"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == TEXT.body.splitlines()


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ("550 5.1.1 no such user secret@address.example", PERMANENT),
        ("554 refused", PERMANENT),
        ("450 4.2.1 busy", PASSING),
        ("451 greylisted", PASSING),
    ],
)
def test_what_a_mail_server_answers_decides(office: Post, reply: str, result: Result) -> None:
    office.replies = [reply]
    assert send_by_apprise(office.url(), ID, TEXT) == Outcome(result, f"SMTP {reply[:3]}")
    assert office.got == []


def test_of_two_addressees_one_bad_does_not_keep_the_other_from_it(office: Post) -> None:
    office.replies = ["550 no", "250 OK"]
    assert send_by_apprise(office.url(["a@x.example", "b@x.example"]), ID, TEXT) == Outcome(PERMANENT, "SMTP 550")
    assert len(office.got) == 1
    office.replies = ["451 later", "550 no"]
    assert send_by_apprise(office.url(["a@x.example", "b@x.example"]), ID, TEXT) == Outcome(PASSING, "SMTP 451")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_wrong_password_is_permanent_and_the_right_one_goes_through() -> None:
    with post(login=True) as office:
        assert send_by_apprise(office.url(login="me:wrong"), ID, TEXT) == Outcome(PERMANENT, "SMTP 535")
        assert send_by_apprise(office.url(), ID, TEXT) == Outcome(PERMANENT, "SMTP 530")
        assert send_by_apprise(office.url(login=f"me:{PASSWORD}"), ID, TEXT).result is Result.SENT
        assert len(office.got) == 1


def test_a_mail_server_without_tls_or_not_there(office: Post) -> None:
    asked = office.url().replace("mode=insecure", "mode=starttls")
    assert send_by_apprise(asked, ID, TEXT).result is PERMANENT
    office.port = closed_port()
    assert send_by_apprise(office.url(), ID, TEXT) == Outcome(PASSING, "no connection")


def test_a_short_channel_gets_the_short_text(hook: Webhook) -> None:
    long = Text("t", "x" * 70_000, "short")
    assert send_by_apprise(hook.url(), ID, long).result is Result.SENT
    assert hook.bodies()[0]["message"] == "short"


def test_codes_by_their_standards() -> None:
    # RFC 9110, 15.5 and 15.6; RFC 6585, 4; RFC 8470, 5.2; RFC 5321, 4.2.1
    assert [http_outcome(status).result for status in (301, 404, 425, 429, 599)] == [
        PERMANENT, PERMANENT, PASSING, PASSING, PASSING,
    ]  # fmt: skip
    assert [smtp_outcome(code).result for code in (-1, 421, 450, 500, 553)] == [
        PASSING, PASSING, PASSING, PERMANENT, PERMANENT,
    ]  # fmt: skip
