"""Mutated and hostile TCX and GPX: recordings, rejects or our own error, soon, and in little memory."""

import time
import tracemalloc
from encodings.aliases import aliases
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError, Hostile
from devices.files import gpx, tcx
from devices.files.reader import Reader
from devices.files.source import BytesSource
from devices.files.xml import CHUNK_BYTES, TOKEN_LIMIT, read_events
from tests.devices.apple.collected import read_bytes
from tests.devices.track import test_gpx, test_tcx

MEGABYTE = 1 << 20
RUN = test_tcx.made(
    test_tcx.activity(
        test_tcx.lap(
            "2024-05-01T08:00:00Z",
            60,
            9,
            8,
            *[test_tcx.point(f"2024-05-01T08:00:{second:02}Z", 90 + second) for second in range(60)],
        )
    )
)
WALK = test_gpx.made(test_gpx.track(*[test_gpx.point(f"2024-05-01T08:00:{second:02}Z", 90 + second) for second in range(60)]))


@pytest.mark.parametrize(("reader", "data"), [(tcx.READER, RUN), (gpx.READER, WALK)])
@pytest.mark.parametrize("seed", range(60))
def test_mutations(reader: Reader, data: bytes, seed: int) -> None:
    random, mutated = Random(seed), bytearray(data)
    for _ in range(random.choice((1, 4, 30))):
        at, length = random.randrange(len(mutated)), random.choice((1, 2, 40))
        if random.random() < 0.6:
            mutated[at : at + length] = bytes(random.choice(b"<>\"'/=&;-! \x00\x0b\xff0TZ:") for _ in range(length))
        else:
            del mutated[at : at + length]
    read_bytes(reader, bytes(mutated))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=12), st.binary(max_size=200))
def test_any_text_and_bytes(time_text: str, beat: str, data: bytes) -> None:
    for reader, made in (
        (tcx.READER, test_tcx.made(test_tcx.activity(test_tcx.lap("2024-05-01T08:00:00Z", beat, beat, beat,
                                                                 test_tcx.point(time_text, beat))))),
        (gpx.READER, test_gpx.made(test_gpx.track(test_gpx.point(time_text, beat), kind=beat))),
    ):  # fmt: skip
        read_bytes(reader, made)
        read_bytes(reader, data)
        read_bytes(reader, made[:200] + data)


def test_every_encoding_that_python_knows() -> None:
    for name in sorted({*aliases, *aliases.values(), "idna", "undefined", "no-such", "x" * 500}):
        found = read_bytes(gpx.READER, f'<?xml version="1.0" encoding="{name.replace("_", "-")}"?><gpx></gpx>'.encode())
        assert found.error is None or isinstance(found.error, DecodeError)


def test_times_at_the_ends_of_the_calendar() -> None:
    points = [test_gpx.point(at) for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00")]
    found = read_bytes(gpx.READER, test_gpx.made(test_gpx.track(*points)))
    assert found.spans == {}


LAUGHS = "<!DOCTYPE gpx [" + '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(10)) + "]>"  # fmt: skip
HOSTILE = {
    "billion laughs": f"{LAUGHS}<gpx><trk><type>&k;</type></trk></gpx>",
    "one entity": '<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx><trk><type>&x;</type></trk></gpx>',
    "a 50 MB attribute": f'<gpx creator="{"x" * (50 * MEGABYTE)}"></gpx>',
    "a 50 MB comment of tags": f"<gpx><!--{'<trk>' * (10 * MEGABYTE)}--></gpx>",
    "a 50 MB CDATA": f"<gpx><trk><type><{'x' * (50 * MEGABYTE)}</type></trk></gpx>",
    "a million elements deep": "<gpx>" + "<a>" * MEGABYTE + "</a>" * MEGABYTE + "</gpx>",
    "a million attributes": "<gpx " + "".join(f'a{number}="" ' for number in range(200_000)) + "></gpx>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_soon(name: str) -> None:
    data = HOSTILE[name].encode()
    started = time.perf_counter()
    tracemalloc.start()
    try:
        found = read_bytes(gpx.READER, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found.error, Hostile)
    assert time.perf_counter() - started < 10
    assert peak < 50 * MEGABYTE


def test_long_text_is_no_reason_to_stop_but_is_not_kept() -> None:
    note = f"<trk><type>walk {'x' * (3 * MEGABYTE)}</type><trkseg>{test_gpx.point('2024-05-01T08:00:00Z', 90)}</trkseg></trk>"
    found = read_bytes(gpx.READER, test_gpx.made(note))
    assert found.count("heart_rate") == 1


def test_a_token_may_cross_chunks() -> None:
    comment = f"<!--{'x' * (TOKEN_LIMIT - 2 * CHUNK_BYTES)}-->"
    events = list(read_events(BytesSource(f"<gpx>{comment}<b>t</b></gpx>".encode(), "x")))
    assert [(event.opens, event.path, event.text) for event in events] == [
        (True, ("gpx",), ""),
        (True, ("gpx", "b"), ""),
        (False, ("gpx", "b"), "t"),
        (False, ("gpx",), ""),
    ]
