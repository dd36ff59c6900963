"""Bodies that stall, on a real server with a raw socket: the connection ends, and what came of a piece is kept."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from afoot.service.patience import LEAST_BYTES
from tests.service.processes import Served, served
from tests.service.test_process import TUS, ask, prepare

SECONDS = 1


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    home: Path = tmp_path_factory.mktemp("patience") / "home"
    _, token = prepare(home)
    with served(home, role="web", durable=False, body_seconds=SECONDS) as running:
        yield running, token


def trickle(service: Served, head: str, first: bytes = b"", *, every_s: float = 0.2, most_s: float = 8) -> tuple[bytes, float]:
    """Send a head, a beginning and then single bytes; returns the answer when the connection had ended, and after how long."""
    host, port = urlsplit(service.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=every_s) as connection:
        connection.sendall(f"{head}Host: {host}\r\n\r\n".encode() + first)
        began, answer = time.monotonic(), b""
        while time.monotonic() - began < most_s:
            try:
                got = connection.recv(65536)
                if not got:
                    return answer, time.monotonic() - began
                answer += got
            except TimeoutError:
                connection.sendall(b"x")
            except ConnectionResetError:
                return answer, time.monotonic() - began
        raise AssertionError(f"still open after {most_s} seconds, and said {answer!r}")


def test_a_file_that_comes_byte_by_byte_is_given_up(service: tuple[Served, str]) -> None:
    running, token = service
    head = f"POST /api/v1/files?name=day.csv HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n"
    answer, took = trickle(running, head)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"expected 16,384 bytes of the body, or its end, within 1 seconds" in answer
    assert SECONDS <= took < SECONDS + 2


def test_of_a_piece_what_came_is_kept_and_the_next_goes_on(service: tuple[Served, str]) -> None:
    running, token = service
    size = LEAST_BYTES + 5000
    status, told = ask(
        running, token, "POST", "/api/v1/uploads", Upload_Length=str(size), Upload_Metadata="filename YS5jc3Y=", **TUS
    )
    assert status == 201
    place = told["location"]
    head = (
        f"PATCH {place} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {size}\r\n"
    )
    answer, took = trickle(running, head, b"a" * LEAST_BYTES)
    assert answer.startswith(b"HTTP/1.1 408")
    assert took < SECONDS + 2
    status, told = ask(running, token, "HEAD", place, **TUS)
    offset = int(told["upload-offset"])
    assert LEAST_BYTES < offset < size  # the single bytes, too
    rest = b"a" * (size - offset)
    kind = "application/offset+octet-stream"
    status, told = ask(running, token, "PATCH", place, rest, Upload_Offset=str(offset), Content_Type=kind, **TUS)
    assert (status, told["upload-offset"]) == (204, str(size))


def test_who_is_slow_but_comes_on_is_let(service: tuple[Served, str]) -> None:
    """Ten times the time that is given, at twice the least speed."""
    running, token = service
    pieces, piece = 6, b"#" * LEAST_BYTES
    host, port = urlsplit(running.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST /api/v1/files?name=day.csv HTTP/1.1\r\nAuthorization: Bearer {token}\r\nHost: {host}\r\n"
        connection.sendall(f"{head}Content-Length: {pieces * len(piece)}\r\n\r\n".encode())
        for _ in range(pieces):
            connection.sendall(piece)
            time.sleep(SECONDS / 2)
        assert b"HTTP/1.1 422" in connection.recv(65536)  # it is no export, and was kept


@pytest.mark.parametrize(
    "head",
    [
        "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n",
        "POST /api/v1/files?name=a HTTP/1.1\r\nContent-Length: 1000\r\n",
        "POST /nowhere HTTP/1.1\r\nContent-Length: 1000\r\n",
    ],
)
def test_nobody_in_particular_holds_a_connection(service: tuple[Served, str], head: str) -> None:
    """Whatever is answered, with the body read or not, the connection ends."""
    answer, _ = trickle(service[0], head, most_s=10)
    assert answer.startswith(b"HTTP/1.1 4")
