"""The connection to InfluxDB, 1.x behind a proxy for tokens or 2.x: write, delete, ask; and what its refusals mean.

influxdb-client carries it, synchronously and with few retries: what failed stays in the queue. Writing a line again changes
nothing, so whatever an answer leaves open is settled by writing it again.
Source: InfluxDB v2 API (`/api/v2/write`), InfluxQL over `/query` (v1 compatibility API)
"""

import gzip
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

from influxdb_client import Authorization, InfluxDBClient, Permission, PermissionResource, WriteService
from influxdb_client.client.write.retry import WritesRetry
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, LocationParseError

from ingest.errors import IngestError
from ingest.publishing.presence import SeriesKey

LINES_AT_ONCE = 5_000
# Of one request so many lines are singled out at most; beyond, what is left of it counts as refused whole.
MOST_SINGLED_OUT = 5
CONNECT_MS, ANSWER_MS = 5_000, 30_000
# A client counts its retries' time from when it was made; the number of retries is the limit here.
_RETRY_TIME_S = 86_400
_DELETES_AT_ONCE = 50
_TOO_LARGE = 413
_ABOUT_LINES = frozenset({400, _TOO_LARGE, 422})


class InfluxError(IngestError):
    """InfluxDB did not do what it was asked."""


class Unreachable(InfluxError):
    """It did not answer, or said that it cannot now: try again later."""


class NotAllowed(InfluxError):
    """It knows the request and will not do it: a setting, a token or a bucket is wrong, and trying again changes nothing."""


class LinesRefused(InfluxError):
    """It does not take some of the lines. status: of HTTP"""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Refusal:
    """Lines that are not taken: those of first..last, both included, counted in what was to be written."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """The points of a series from one second to another, both included."""

    series: SeriesKey
    first_s: int
    last_s: int


class Influx:
    """One server. Nothing is sent before it is asked for something."""

    def __init__(
        self, url: str, org: str, token: str, *, retries: int = 2, retry_s: float = 0.5, answer_ms: int = ANSWER_MS
    ) -> None:
        """answer_ms: how long an answer may take. Raises: NotAllowed for a URL that is none"""
        # They warn of what is tried again, and quote what the server says, which may quote values.
        logging.getLogger("influxdb_client").propagate = False
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        if urlsplit(url).scheme not in ("http", "https"):
            raise NotAllowed("expected a URL that begins with http:// or https://")
        self.url, self._org, self._packs = url, org, not is_loopback(url)
        retry = WritesRetry(
            total=retries,
            retry_interval=retry_s,
            max_retry_delay=8 * retry_s,
            max_retry_time=_RETRY_TIME_S,
            allowed_methods=None,
            respect_retry_after_header=False,
        )
        self._client = InfluxDBClient(url=url, token=token, org=org, timeout=(CONNECT_MS, answer_ms), retries=retry)
        self._api = self._client.api_client
        self._writer = WriteService(self._api)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def ping(self) -> str:
        """Return the server's version. Raises: InfluxError"""
        headers = self._call("GET", "/ping")[1]
        return str(headers.get("X-Influxdb-Version", "")).lstrip("v") or "unknown"

    def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket if it is not there. Raises: InfluxError"""
        if self.ping().startswith("1"):
            self.query("", f"CREATE DATABASE {_name(bucket)}")
            return
        buckets = self._client.buckets_api()
        try:
            if buckets.find_bucket_by_name(bucket) is None:
                buckets.create_bucket(bucket_name=bucket, org=self._org)
        except (ApiException, HTTPError) as error:
            raise _error(error, f"bucket {bucket} is not there, and could not be made") from error

    def make_read_token(self, bucket: str, said: str) -> str:
        """Return a new token that reads this bucket and nothing else; it is never shown again. said: what it is for

        Raises: InfluxError; NotAllowed on a 1.x server, which has none
        """
        if not self.ping().startswith("2"):
            raise NotAllowed("tokens that read one bucket: expected InfluxDB 2")
        self.ensure_bucket(bucket)
        try:
            found = self._client.buckets_api().find_bucket_by_name(bucket)
            resource = PermissionResource(type="buckets", id=found.id, org_id=found.org_id)
            wanted = Authorization(org_id=found.org_id, description=said, permissions=[Permission("read", resource)])
            return str(self._client.authorizations_api().create_authorization(authorization=wanted).token)
        except (ApiException, HTTPError) as error:
            raise _error(error, f"a token that reads {bucket}") from error

    def query(self, bucket: str, query: str) -> list[dict[str, Any]]:
        """Return the rows of InfluxQL statements: measurement as `name`, tags, columns; `time` in seconds.

        Raises: InfluxError
        """
        form = {"db": bucket, "epoch": "s", "org": self._org, "q": query}
        text, _ = self._call("POST", "/query", form)
        try:
            # 2.x answers {} where all that was asked was to delete.
            results = json.loads(text).get("results", [])
        except (ValueError, AttributeError) as error:
            raise Unreachable("it answered with something other than JSON; is it InfluxDB that listens there?") from error
        rows: list[dict[str, Any]] = []
        for result in results:
            if "error" in result:
                raise NotAllowed(f"it refuses a query: {result['error']}")
            for series in result.get("series", []):
                head = {"name": series.get("name", "")} | series.get("tags", {})
                rows += [head | dict(zip(series["columns"], values, strict=True)) for values in series.get("values", [])]
        return rows

    def delete(self, bucket: str, deletions: Sequence[Deletion]) -> None:
        """Delete points. Raises: InfluxError"""
        for first in range(0, len(deletions), _DELETES_AT_ONCE):
            self.query(bucket, "; ".join(map(_delete, deletions[first : first + _DELETES_AT_ONCE])))

    def delete_patient(self, bucket: str, pseudonym: str) -> None:
        """Delete all that lies there of a patient. Raises: InfluxError"""
        self.query(bucket, f'DELETE WHERE "patient" = {_text(pseudonym)}')

    def write(self, bucket: str, lines: Sequence[str]) -> list[Refusal]:
        """Write lines, and return those that are not taken. Raises: InfluxError but LinesRefused; then any may be written"""
        refused: list[Refusal] = []
        for first in range(0, len(lines), LINES_AT_ONCE):
            refused += self._write(bucket, lines, first, min(first + LINES_AT_ONCE, len(lines)))
        return refused

    def _write(self, bucket: str, lines: Sequence[str], first: int, end: int) -> list[Refusal]:
        """Write lines[first:end]; halve what is refused until the lines that are to blame stand alone."""
        refused: list[Refusal] = []
        waiting = [(first, end)]
        while waiting:
            begin, stop = waiting.pop()
            try:
                self._post(bucket, lines[begin:stop])
            except LinesRefused as error:
                if stop - begin > 1 and (len(refused) < MOST_SINGLED_OUT or error.status == _TOO_LARGE):
                    middle = (begin + stop) // 2
                    waiting += [(middle, stop), (begin, middle)]
                else:
                    refused.append(Refusal(begin, stop - 1, str(error)))
        return refused

    def _post(self, bucket: str, lines: Sequence[str]) -> None:
        body = "\n".join(lines).encode()
        extra = {"content_encoding": "gzip"} if self._packs else {}
        try:
            self._writer.post_write(
                org=self._org,
                bucket=bucket,
                body=gzip.compress(body, 1) if self._packs else body,
                precision="s",
                content_type="text/plain; charset=utf-8",
                **extra,
            )
        except (ApiException, HTTPError, OSError) as error:
            if isinstance(error, ApiException) and error.status in _ABOUT_LINES:
                raise LinesRefused(error.status, f"{_said(error)} (HTTP {error.status})") from error
            raise _error(error, "writing") from error

    def _call(self, method: str, path: str, form: Mapping[str, str] | None = None) -> tuple[str, Mapping[str, str]]:
        """Return the answer's text and headers."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            self._api.call_api(path, method, header_params=headers, post_params=dict(form or {}))
        except (ApiException, HTTPError, OSError) as error:
            raise _error(error, path) from error
        answer = self._api.last_response
        return answer.data or "", answer.getheaders()


def is_loopback(url: str) -> bool:
    """Whether the server is on this machine, by its name or address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _error(error: Exception, what: str) -> InfluxError:
    """Return what an exception of the client means for whoever waits for the answer."""
    if isinstance(error, LocationParseError):
        return NotAllowed("the URL cannot be understood")
    if not isinstance(error, ApiException) or not error.status:
        return Unreachable(_reason(error))
    said = _said(error)
    if error.status == 401:
        return NotAllowed("it does not know the token (HTTP 401)")
    if error.status == 403:
        return NotAllowed(f"the token may not do that: {what} (HTTP 403)")
    if error.status == 404:
        return NotAllowed(f"{what}: {said or 'it is not there'} (HTTP 404)")
    if error.status == 429 or error.status >= 500:
        return Unreachable(f"it cannot now: {said} (HTTP {error.status})")
    return NotAllowed(f"{what}: {said} (HTTP {error.status})")


def _said(error: ApiException) -> str:
    return str(getattr(error, "message", "") or error.reason or "").strip()[:500]


_REASONS = (
    ("NameResolution", "its name leads to no address"),
    ("refused", "nothing listens there"),
    ("timed out", "it does not answer in time"),
    ("CERTIFICATE", "its certificate is not trusted"),
    ("SSL", "the TLS connection failed"),
)


def _reason(error: Exception) -> str:
    """Return what stopped a connection, in plain words."""
    said = repr(error) + repr(getattr(error, "reason", ""))
    return next((plain for sign, plain in _REASONS if sign in said), "the connection broke off")


def _delete(one: Deletion) -> str:
    measurement, tags = one.series
    where = [f"{_name(name)} = {_text(value)}" for name, value in tags]
    where += [f"time >= {one.first_s}s", f"time <= {one.last_s}s"]
    return f"DELETE FROM {_name(measurement)} WHERE {' AND '.join(where)}"


def _name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
