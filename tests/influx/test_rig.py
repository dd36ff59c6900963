"""The rig itself: what comes through the proxy is in the engine, and each fault does what it says."""

import gzip
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest

from tests.influx.proxy import DOWN, Fault
from tests.influx.rig import Rig

pytestmark = pytest.mark.live
BUCKET = "afoot_rig"


@pytest.fixture
def rig(influx: Rig) -> Rig:
    if influx.influxd is None or influx.proxy is None:
        pytest.skip("a test of the tests' own server and the proxy before it")
    influx.query("", f'CREATE DATABASE "{BUCKET}"')
    influx.proxy.reset()
    return influx


def write(rig: Rig, body: bytes, *, token: str | None = None, packed: bool = False) -> tuple[int, bytes]:
    assert rig.proxy is not None
    connection = HTTPConnection("127.0.0.1", rig.proxy.port, timeout=10)
    headers = {"Authorization": f"Token {rig.token if token is None else token}"}
    if packed:
        body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
    try:
        query = urlencode({"bucket": BUCKET, "org": "afoot", "precision": "s"})
        connection.request("POST", f"/api/v2/write?{query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def values(rig: Rig) -> list[tuple[int, int]]:
    return [(row["time"], row["v"]) for row in rig.query(BUCKET, "SELECT v FROM m")]


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_written_is_in_the_engine(rig: Rig, packed: bool) -> None:
    assert write(rig, b"m,patient=a v=1i 60\nm,patient=a v=2i 120", packed=packed)[0] == 204
    assert values(rig) == [(60, 1), (120, 2)]
    assert rig.proxy is not None
    assert [one.packed for one in rig.proxy.writes] == [packed]
    assert rig.proxy.lines == [b"m,patient=a v=1i 60", b"m,patient=a v=2i 120"]


def test_another_token_is_refused(rig: Rig) -> None:
    assert write(rig, b"m v=1i 60", token="other")[0] == 401
    assert values(rig) == []


def test_the_engine_keeps_types(rig: Rig) -> None:
    assert write(rig, b"m v=1i 60")[0] == 204
    status, answer = write(rig, b"m v=1.5 120\nm v=3i 180")
    assert (status, b"partial write: field type conflict" in answer) == (400, True)
    assert rig.proxy is not None
    rig.proxy.as_two = True
    assert write(rig, b"m v=1.5 240")[0] == 422
    assert values(rig) == [(60, 1), (180, 3)]


@pytest.mark.parametrize("fault", [DOWN, Fault(lines=1), Fault(cut=True), Fault(half=True)])
def test_a_fault_cuts_the_connection(rig: Rig, fault: Fault) -> None:
    assert rig.proxy is not None
    rig.proxy.faults.append(fault)
    with pytest.raises((OSError, HTTPException)):
        write(rig, b"m v=1i 60\nm v=2i 120")
    expected = {DOWN: 0, Fault(lines=1): 1}
    assert len(values(rig)) == expected.get(fault, 2)


def test_a_fault_answers_in_its_place(rig: Rig) -> None:
    assert rig.proxy is not None
    rig.proxy.faults.append(Fault(status=503))
    rig.proxy.judge = lambda bucket, lines: Fault(status=429) if bucket == BUCKET and len(lines) == 1 else None
    assert [write(rig, body)[0] for body in (b"m v=1i 60\nm v=1i 1", b"m v=1i 60", b"m v=1i 60\nm v=1i 1")] == [503, 429, 204]


def test_a_killed_server_keeps_what_it_acknowledged(rig: Rig) -> None:
    assert rig.influxd is not None
    assert write(rig, b"m v=1i 60")[0] == 204
    rig.influxd.kill()
    with pytest.raises((OSError, HTTPException)):
        write(rig, b"m v=2i 120")
    rig.influxd.start()
    assert values(rig) == [(60, 1)]
