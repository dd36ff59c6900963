"""Truncated, mutated and hostile exports: samples, rejects or our own error, soon, and in little memory."""

import io
import time
import tracemalloc
import zipfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.apple import write_export
from devices.errors import DecodeError, Hostile
from devices.files.apple import READER, AppleHealth
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource, ZipSource
from tests.devices.apple.collected import Collected, collect, read_bytes
from tests.devices.apple.made import DTD, HEAD, STEPS, TAIL, export, record
from tests.devices.apple.test_pieces import comparable, mixed_export

STEP = record(STEPS, "2023-03-26 09:00:00 +0200", "2023-03-26 09:10:00 +0200", 5)


def test_a_truncated_file_keeps_its_good_part() -> None:
    data = export(*[STEP.replace("09:00:00", f"09:00:0{second}") for second in range(9)])
    for end in range(len(data) - len(TAIL) - len(STEP), len(data) - len("</Health")):
        found = read_bytes(READER, data[:end])
        assert isinstance(found.error, DecodeError), end
        assert found.error.place == f"export.xml, byte {end}"
        assert found.count("steps") in (8, 9)


def test_a_damaged_zip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    write_export(path, 3)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "apple_health_export/export.xml")
    data = bytearray(packed.getvalue())
    for index in range(len(data) // 2, len(data) // 2 + 50):
        data[index] ^= 0x55
    member = ZipSource(BytesSource(bytes(data), "export.zip")).member("apple_health_export/export.xml")
    found = collect(AppleHealth(chunk_bytes=1 << 16).read(member, ReadOptions()))
    assert isinstance(found.error, DecodeError)
    assert found.count("heart_rate") > 100


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    found = read_bytes(READER, data)
    # The copy for clinics beside every export is known, and nothing of it is read.
    assert found.error is not None or b"</Health" in data or b"Health Export CDA" in data
    read_bytes(READER, HEAD.encode() + data + TAIL.encode())
    read_bytes(READER, HEAD.encode() + STEP.encode()[:-40] + data)


@pytest.mark.parametrize("seed", range(30))
def test_mutations(seed: int) -> None:
    """Bytes overwritten, cut out and doubled: nothing but our own error gets out, whatever the cuts."""
    random, data = Random(seed), bytearray(MIXED)
    for _ in range(random.choice((1, 5, 40))):
        at = random.randrange(len(data))
        length = random.choice((1, 2, 30))
        kind = random.randrange(3)
        if kind == 0:
            data[at : at + length] = bytes(random.choice(b"<>\"'/=&;-! \x00\x0b\xff0A") for _ in range(length))
        elif kind == 1:
            del data[at : at + length]
        else:
            data[at:at] = data[at : at + random.randrange(400)]
    found = read_bytes(AppleHealth(chunk_bytes=5000), bytes(data))
    again = read_bytes(AppleHealth(chunk_bytes=3001), bytes(data))
    assert comparable(found) == comparable(again)


MIXED = mixed_export()
MEGABYTE = 1 << 20
LAUGHS = DTD.replace("]>", '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(10)) + "]>")  # fmt: skip
HOSTILE = {
    "a 50 MB attribute": HEAD + STEP.replace('value="5"', f'value="{"5" * (50 * MEGABYTE)}"') + TAIL,
    "50 MB without a tag": HEAD + "x" * (50 * MEGABYTE),
    "a comment that never ends": HEAD + "<!--" + "<a/>" * (12 * MEGABYTE),
    "no root": "<!-- x -->" * (2 * MEGABYTE),
    "a DTD that never ends": "<!DOCTYPE HealthData [" + "<!-- ]> -->" * (2 * MEGABYTE),
    "]>": "<!DOCTYPE HealthData [" + "]> <!-" * (4 * MEGABYTE),
    "devices without end": HEAD + "".join(STEP.replace("Eva", str(number)) for number in range(6_000)) + TAIL,
}
HARMLESS = {
    "billion laughs": LAUGHS + "<HealthData>" + STEP.replace('value="5"', 'value="&k;"') + TAIL,
    "a million elements deep": HEAD + "<a>" * (3 * MEGABYTE) + "</a>" * (3 * MEGABYTE) + TAIL,
    "only quotes": HEAD + ("<a x=" + '"' * MEGABYTE + ">") * 10 + TAIL,
    "only comments": HEAD + "<!---->" * 60_000 + TAIL,
    "only tags": HEAD + "<" * (8 * MEGABYTE) + TAIL,
    "records that never close": HEAD + "<Record " * 100_000 + TAIL,
    "spaces": HEAD + f"<Record{' ' * (2 * MEGABYTE)}/" * 4 + TAIL,
    "zones": HEAD + "".join(
        f'<Workout startDate="2023-07-01 10:00:00 +0200" endDate="2023-07-01 10:20:00 +0200">'
        f'<MetadataEntry key="HKTimeZone" value="A/{number}"/></Workout>' for number in range(900)) + TAIL,
}  # fmt: skip


def read_within(text: str, *, seconds: float, megabytes: float) -> Collected:
    data = text.encode()
    started = time.perf_counter()
    tracemalloc.start()
    try:
        found = read_bytes(READER, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < seconds
    assert peak < megabytes * MEGABYTE
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    found = read_within(HOSTILE[name], seconds=10, megabytes=100)
    assert isinstance(found.error, Hostile if name not in ("no root", "a DTD that never ends", "]>") else DecodeError)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_wearisome_file_does_no_harm(name: str) -> None:
    found = read_within(HARMLESS[name], seconds=10, megabytes=200)
    assert found.error is None
    assert found.count("steps") == 0
