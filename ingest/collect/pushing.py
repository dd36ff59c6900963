"""A gateway's spool -> the clinic's service, oldest first, over HTTPS.

A file leaves the spool only when the clinic has said that it is stored. Sent twice it changes nothing there: the clinic knows
files by their hash. So whatever is lost on the way, an answer included, is sent again.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from ingest.collect.spool import Spool, Waiting

CONNECT_S, ANSWER_S = 10.0, 120.0
_LONGEST_REASON = 500
# Answers of the service about the file itself; any other can end otherwise another time, or comes from who is not the clinic.
_FINAL = frozenset({413, 415, 422})


@dataclass(frozen=True, slots=True)
class Clinic:
    """Where to send. url: of the service, such as https://clinic.example.org. token: the device's own"""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Clinic({self.url!r})"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of the spool.

    sent, refused: how many left it, how many were put aside
    problem:       why the rest waits, in words; empty if nothing waits
    wait_s:        how long the clinic asked not to be asked again
    """

    sent: int = 0
    refused: int = 0
    problem: str = ""
    wait_s: float = 0.0


def checked_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises: ValueError if it is none, or would send health data in the clear"""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("clinic's URL: expected https://name, without a password, a question mark or a hash")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("clinic's URL: expected https:// for any machine but this one; what is sent is about a patient's health")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def push_waiting(spool: Spool, clinic: Clinic) -> Pushed:
    """Send what waits, until all is sent or something stands in the way.

    Raises: ValueError as `checked_url`, OSError of the disk
    """
    url, sent, refused = checked_url(clinic.url), 0, 0
    timeout = urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S)
    # No redirect is followed: the token goes to the clinic alone.
    with urllib3.PoolManager(timeout=timeout, retries=False) as http:
        for one in spool.waiting():
            answer = _send(http, url, clinic.token, one)
            if answer.stored:
                spool.sent(one)
                sent += 1
            elif answer.is_final:
                spool.refuse(one, answer.problem)
                refused += 1
            else:
                return Pushed(sent, refused, answer.problem, answer.wait_s)
    return Pushed(sent, refused)


@dataclass(frozen=True, slots=True)
class _Answer:
    stored: bool = False
    is_final: bool = False
    problem: str = ""
    wait_s: float = 0.0


def _send(http: urllib3.PoolManager, url: str, token: str, one: Waiting) -> _Answer:
    data = one.path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    headers = {"Authorization": f"Bearer {token}", "X-Content-SHA256": digest, "Content-Type": "application/octet-stream"}
    try:
        answer = http.request("POST", f"{url}/api/v1/files?name={quote(one.name)}", body=data, headers=headers)
        told = _told(answer)
    except HTTPError as error:
        return _Answer(problem=f"the clinic cannot be reached: {error}")
    if answer.status in (200, 201):
        # An answer that does not name these very bytes is not the service's: a portal of a network, say.
        if told.get("hash") == digest:
            return _Answer(stored=True)
        return _Answer(problem="something that is not the clinic answered in its place")
    detail = str(told.get("detail") or told.get("refused") or "")[:_LONGEST_REASON]
    problem = f"the clinic answered {answer.status}{': ' if detail else ''}{detail}"
    if answer.status in (401, 403):
        problem += "; is the token right, and not revoked?"
    return _Answer(is_final=answer.status in _FINAL and bool(told), problem=problem, wait_s=_wait(answer))


def _told(answer: urllib3.BaseHTTPResponse) -> dict[str, object]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _wait(answer: urllib3.BaseHTTPResponse) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), 3600.0) if asked.isdecimal() else 0.0
