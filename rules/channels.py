"""One message through one Apprise URL, and what became of it: sent, a failure that may pass, or one that will not.

Apprise tells of a failure only that it was one. Mail is therefore handed over here, on Apprise's settings, so that the
server's reply is seen. Every HTTP service of Apprise logs the status that it was refused with as `error=503`; where one
does not, nothing is known and the failure counts as one that may pass, with fewer tries.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, OverflowMode
from apprise.exception import AppriseException
from apprise.plugins import url_to_dict
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.email import NotifyEmail
from apprise.result import AppriseResult, AppriseResultStatus

from rules.messages import Text

SEND_TIMEOUT_S = 30.0
HEADER = "X-Afoot-Id"
# Statuses of 4xx that ask to come again: Request Timeout, Too Early, Too Many Requests.
PASSING_4XX = frozenset({408, 425, 429})
MAIL = frozenset({"mailto", "mailtos"})
# Redirects are not followed: a message about a patient goes to the address that was set and to no other.
ASSET: dict[str, Any] = {"app_id": "afoot", "async_mode": False, "http_redirects": False, "storage_mode": "memory"}

_STATUS = re.compile(r"\berror=(\d{3})\b")
_MESSAGE_ID = re.compile(r"^Message-ID:.*(?:\n[ \t].*)*", re.MULTILINE | re.IGNORECASE)


class Result(StrEnum):
    SENT = "sent"
    PASSING = "passing"
    UNCLEAR = "unclear"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try. reason: for people; never holds an address, a URL or a server's own words."""

    result: Result
    reason: str = ""


# Of several outcomes, the first of these is told.
_ORDER = (Result.PASSING, Result.UNCLEAR, Result.PERMANENT, Result.SENT)
SENT = Outcome(Result.SENT)
NOT_UNDERSTOOD = Outcome(Result.PERMANENT, "the channel's URL is not understood")
NO_ANSWER = Outcome(Result.PASSING, "no answer within the time allowed")


class Sender(Protocol):
    """Send one message to one channel. Called from several threads. Repeats come with the same id."""

    def __call__(self, url: str, message_id: str, text: Text) -> Outcome: ...


def http_outcome(status: int) -> Outcome:
    """5xx and three of 4xx may pass; every other refusal, and a redirect, will not without a change of the channel."""
    passing = status >= 500 or status in PASSING_4XX
    return Outcome(Result.PASSING if passing else Result.PERMANENT, f"HTTP {status}")


def smtp_outcome(code: int) -> Outcome:
    """RFC 5321, 4.2.1: 4yz is transient, 5yz permanent."""
    return Outcome(Result.PERMANENT if 500 <= code < 600 else Result.PASSING, f"SMTP {code}")


def understands(url: str) -> bool:
    """Whether Apprise can make a channel of this URL. Nothing is sent."""
    return _plugin(url, AppriseAsset(**ASSET)) is not None


def send_by_apprise(url: str, message_id: str, text: Text) -> Outcome:
    """Send by Apprise; ends within about `SEND_TIMEOUT_S`."""
    plugin = _plugin(url, AppriseAsset(**ASSET))
    if plugin is None:
        return NOT_UNDERSTOOD
    _give_id(plugin, message_id)
    body = text.short if len(text.body) > plugin.body_maxlen else text.body
    apprise = Apprise(asset=plugin.asset)
    apprise.add(plugin)
    result = apprise.notify(body=body, title=text.title, body_format=NotifyFormat.TEXT, timeout=SEND_TIMEOUT_S)
    if isinstance(plugin, Mail) and plugin.outcome is not None:
        return plugin.outcome
    return _outcome(result)


def _outcome(result: AppriseResult) -> Outcome:
    if result.status == AppriseResultStatus.SUCCESS:
        return SENT
    logged = [entry.message for one in result.results for entry in one.logs()]
    for message in reversed(logged):
        if found := _STATUS.search(message):
            return http_outcome(int(found[1]))
    if result.status == AppriseResultStatus.TIMEOUT:
        return NO_ANSWER
    if any("onnection error" in message for message in logged):
        return Outcome(Result.PASSING, "no connection")
    return Outcome(Result.UNCLEAR, "refused without a reason")


def _plugin(url: str, asset: AppriseAsset) -> NotifyBase | None:
    """Return Apprise's own service of this URL, or our mail; None if there is none."""
    parsed = url_to_dict(url)  # type: ignore[no-untyped-call]
    if not parsed:
        return None
    if parsed["schema"] not in MAIL:
        # Apprise logs why it makes nothing of a URL, and returns None.
        return _splitting(Apprise.instantiate(parsed, asset=asset))
    try:
        return Mail(**parsed, asset=asset)  # type: ignore[no-untyped-call]
    except (AppriseException, TypeError, ValueError):
        return None


def _splitting(plugin: NotifyBase | None) -> NotifyBase | None:
    """A text that is too long goes in pieces, unless the URL says otherwise; a service would cut it or refuse it."""
    if plugin is not None and plugin.overflow_mode == OverflowMode.UPSTREAM:
        plugin.overflow_mode = OverflowMode.SPLIT
    return plugin


def _give_id(plugin: NotifyBase, message_id: str) -> None:
    """As a header where the service takes headers, and in the JSON of a webhook. Every text ends with it as well."""
    if isinstance(plugin, Mail):
        plugin.message_id = message_id
    if isinstance(headers := getattr(plugin, "headers", None), dict):
        headers[HEADER] = message_id
    if isinstance(plugin, NotifyJSON):
        plugin.payload_extras["id"] = message_id


class Mail(NotifyEmail):  # type: ignore[no-untyped-call]  # of Apprise's __init_subclass__
    """Apprise's mail with the id as Message-ID, which keeps the server's replies.

    outcome: of the last send; None before it
    """

    message_id = ""
    outcome: Outcome | None = None

    def send(
        self, body: Any, title: Any = "", notify_type: Any = None, attach: Any = None, body_format: Any = None, **_: Any
    ) -> bool:
        self.outcome = self._send(body, title, body_format)
        return self.outcome.result is Result.SENT

    def _send(self, body: str, title: str, body_format: Any) -> Outcome:
        try:
            letters = list(self._letters(body, title, body_format))
        except AppriseException:
            return Outcome(Result.PERMANENT, "no mail could be made for this channel")
        try:
            with self._session() as session:
                outcomes = [self._hand_over(session, letter) for letter in letters]
        except smtplib.SMTPResponseException as error:
            return smtp_outcome(error.smtp_code)
        except smtplib.SMTPNotSupportedError:
            return Outcome(Result.PERMANENT, "the mail server lacks what the channel asks of it")
        except ssl.SSLCertVerificationError:
            return Outcome(Result.PASSING, "the mail server's certificate is not trusted")
        except TimeoutError:
            return NO_ANSWER
        except (OSError, smtplib.SMTPException):
            return Outcome(Result.PASSING, "no connection")
        # As long as one addressee may still take it, all are tried again; those who have it see the same id.
        return min(outcomes, key=lambda outcome: _ORDER.index(outcome.result), default=NOT_UNDERSTOOD)

    def _letters(self, body: str, title: str, body_format: Any) -> Iterator[tuple[list[str], str]]:
        """Who gets it and the whole mail, one for each addressee."""
        made = NotifyEmail.prepare_emails(
            subject=title,
            body=body,
            notify_format=self.resolve_format(body_format),
            from_addr=self.from_addr,
            to=self.targets,
            cc=self.cc,
            bcc=self.bcc,
            reply_to=self.reply_to,
            smtp_host=self.smtp_host,
            headers={"X-Application": self.app_id, "Auto-Submitted": "auto-generated", **self.headers},
            names=self.names,
            pgp=self.pgp,
            pgp_mode=self.pgp_mode,
            tzinfo=self.tzinfo,
        )
        ours = f"Message-ID: <{self.message_id}@{self._sender.rpartition('@')[2]}>"
        for letter in made:
            head, _, rest = letter.body.partition("\n\n")
            yield letter.to_addrs, f"{_MESSAGE_ID.sub(ours, head, count=1)}\n\n{rest}"

    @property
    def _sender(self) -> str:
        return str(self.from_addr[1])

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        if not self.verify_certificate:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        timeout = self.socket_connect_timeout
        port = int(self.port or 0)
        made = (
            smtplib.SMTP_SSL(self.smtp_host, port, timeout=timeout, context=context)
            if self.secure_mode == "ssl"
            else smtplib.SMTP(self.smtp_host, port, timeout=timeout)
        )
        with made as session:
            if self.secure_mode == "starttls":
                session.starttls(context=context)
            if self.user and self.password:
                session.login(self.user, self.password)
            yield session

    def _hand_over(self, session: smtplib.SMTP, letter: tuple[list[str], str]) -> Outcome:
        to, content = letter
        try:
            refused = session.sendmail(self._sender, to, content)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        codes = [code for code, _ in refused.values()]
        # 4yz before 5yz: as long as one may still take it, it is tried again.
        return smtp_outcome(min(codes)) if codes else SENT
