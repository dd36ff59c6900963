"""On any bytes: recordings and rejects, or one of our own errors; nothing else, and nothing that hangs."""

import random
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError, MissingAnswer
from devices.files.fit.container import decode
from devices.files.fit.values import named_columns
from devices.recording import EARLIEST_MS, LATEST_MS, METRICS, Counter, Recording, Reject, Rejects, believable
from tests.devices.fit import oracle
from tests.devices.fit.read import read
from tests.devices.fit.writer import (
    BYTE,
    ENUM,
    SINT16,
    STRING,
    UINT8,
    UINT16,
    UINT32,
    compressed,
    crc,
    definition,
    file_id,
    fit,
    header,
    message,
    record,
)

NOON = 1_086_000_000


def seeds() -> Iterator[bytes]:
    """Made files that between them have everything that the reader reads."""
    info = message(0, 103, [(253, UINT32, "I"), (0, UINT32, "I")], (NOON, NOON + 7_200))
    kinds = message(
        1, 55, [(26, UINT16, "H"), (24, BYTE, "B")], *(((NOON + 60 * i) & 0xFFFF, 6 + 32 * (i % 8)) for i in range(20))
    )
    counts = message(
        2,
        55,
        [(253, UINT32, "I"), (3, UINT32, "I"), (5, ENUM, "B"), (27, UINT8, "B"), (29, UINT16, "H")],
        *((NOON + 1_200 + 60 * i, 40 * i, 6, 70, i) for i in range(20)),
    )
    stress = message(3, 227, [(0, SINT16, "h"), (1, UINT32, "I")], *((-1, NOON + 180 * i) for i in range(5)))
    rest = message(3, 211, [(253, UINT32, "I"), (1, UINT8, "B")], (NOON, 60))
    yield fit(file_id(32), info, kinds, counts, stress, rest)
    start = message(4, 21, [(253, UINT32, "I"), (0, ENUM, "B"), (1, ENUM, "B")], (NOON, 74, 0))
    sleep = message(5, 275, [(253, UINT32, "I"), (0, ENUM, "B")], *((NOON + 600 * i, i % 5) for i in range(1, 9)))
    nap = message(6, 412, [(0, UINT32, "I"), (2, UINT32, "I")], (NOON, NOON + 900))
    yield fit(file_id(49), start, sleep, nap)
    described = definition(7, 206, [(0, 1, UINT8), (1, 1, UINT8), (2, 1, UINT8), (3, 8, STRING), (8, 4, STRING)])
    described += record(7, "<BBB8s4s", 0, 7, UINT16, b"power", b"W")
    beats = definition(1, 20, [(253, 4, UINT32), (3, 1, UINT8)], developer=[(7, 2, 0)])
    beats += b"".join(record(1, "<IBH", NOON + i, 90 + i, i) for i in range(30))
    beats += definition(2, 20, [(3, 1, UINT8), (6, 2, UINT16)]) + b"".join(compressed(2, i % 32, "<BH", 95, i) for i in range(30))
    session = message(
        3,
        18,
        [(253, UINT32, "I"), (2, UINT32, "I"), (7, UINT32, "I"), (10, UINT32, "I"), (5, ENUM, "B"), (6, ENUM, "B")],
        (NOON, NOON, 60_000, 55, 11, 0),
    )
    clock = message(3, 34, [(253, UINT32, "I"), (5, UINT32, "I")], (NOON, NOON - 21_600))
    settings_ = message(4, 2, [(0, UINT8, "B"), (2, UINT32, "I")], (0, 7_200))
    yield fit(file_id(4), described, beats, session, clock, settings_) + fit(file_id(2), settings_)


SEEDS = list(seeds())


def judge(data: bytes) -> None:
    """Read the bytes in every way, and look at whatever comes out."""
    for zone in (None, "America/Denver"):
        try:
            recordings, rejects = read(data, zone)
        except (DecodeError, MissingAnswer):
            continue
        assert all(isinstance(reject, Reject) for reject in rejects)
        for recording in recordings:
            judge_recording(recording)
    try:
        for file in decode(data, rejects=Rejects()):
            for table in file.tables:
                for column in named_columns(file, table):
                    assert len(column.rows) == len(column.values)
    except DecodeError:
        pass


def judge_recording(recording: Recording) -> None:
    for stream in recording.streams:
        samples, metric = stream.samples, METRICS[stream.metric]
        if isinstance(samples, Counter):
            assert (np.diff(samples.at_ms) >= 0).all()
            assert (samples.since_ms <= samples.at_ms).all()
            assert ((samples.at_ms - samples.since_ms) <= 50 * 3_600_000).all()
            assert ((samples.value >= 0) & (samples.value <= 576_000)).all()
            assert ((samples.at_ms >= EARLIEST_MS) & (samples.at_ms <= LATEST_MS)).all()
        else:
            assert believable(metric, samples.start_ms, samples.end_ms, samples.value).all()
    for span in recording.spans:
        assert EARLIEST_MS <= span.start_ms < span.end_ms <= LATEST_MS
    for offset in recording.offsets:
        assert -12 * 3_600 <= offset.offset_s <= 14 * 3_600


def mutate(chance: random.Random, data: bytes) -> bytes:
    """Break a file in one to six places; every other time the checksum is made good again, so that it does not guard the rest."""
    broken = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(broken))
        match chance.randrange(5):
            case 0:
                broken[at] = chance.randrange(256)
            case 1:
                broken[at] ^= 1 << chance.randrange(8)
            case 2:
                del broken[at : at + chance.randint(1, 9)]
            case 3:
                broken[at:at] = chance.randbytes(chance.randint(1, 9))
            case _:
                broken[at : at + 4] = chance.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\x7f\x80\x80"])
        broken = broken or bytearray(b"\0")
    if chance.random() < 0.5 and len(broken) > 16:
        broken[-2:] = crc(bytes(broken[:-2])).to_bytes(2, "little")
    return bytes(broken)


def test_the_seeds_themselves_are_read_without_a_reject() -> None:
    for data in SEEDS:
        recordings, rejects = read(data)
        assert recordings
        # The chained settings file holds no movement.
        assert [reject.expected for reject in rejects] in ([], ["a file that holds movement, heart rate or sleep"])
        judge(data)


@pytest.mark.parametrize("seed", range(4))
def test_500_mutated_files(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(125):
        judge(mutate(chance, chance.choice(SEEDS)))


def test_every_cut_of_every_file() -> None:
    for data in SEEDS:
        for length in range(0, len(data), 7):
            judge(data[:length])


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    judge(data)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_as_the_records_of_a_whole_file(data: bytes) -> None:
    judge(fit(data))


def test_mutated_real_files() -> None:
    if not oracle.SAMPLES.exists():
        pytest.skip("needs the shared samples beside the project, which are not there")
    chance = random.Random(11)
    small = [path.read_bytes() for path in oracle.sample_paths() if path.stat().st_size < 6_000]
    for _ in range(120):
        judge(mutate(chance, chance.choice(small)))


def test_two_files_never_affect_each_other() -> None:
    alone = [read(data) for data in SEEDS]
    for data in reversed(SEEDS):
        judge(mutate(random.Random(3), data))
    for data, before in zip(SEEDS, alone, strict=True):
        again = read(data)
        assert [r.spans for r in again[0]] == [r.spans for r in before[0]]
        assert again[1] == before[1]


@pytest.mark.parametrize("step", [1, 2])
def test_five_megabytes_that_are_built_to_hang_do_not(step: int) -> None:
    records = bytes(range(step)) * (5_000_000 // step)
    body = b"".join(definition(local, 20, []) for local in range(step)) + records
    data = fit_without_crc(body)
    before = time.process_time()
    with pytest.raises(DecodeError):
        read(data, "UTC")
    assert time.process_time() - before < 5


def test_times_from_1990_to_2100_in_one_file_do_not_hang_either() -> None:
    rows = [(fit_time, 5, 6, 1) for fit_time in (0x1000_0000, 0xD0F0_0000)]
    data = fit(file_id(32), message(1, 55, [(253, UINT32, "I"), (3, UINT32, "I"), (5, ENUM, "B"), (28, UINT8, "B")], *rows))
    before = time.process_time()
    judge(data)
    assert time.process_time() - before < 2


def fit_without_crc(body: bytes) -> bytes:
    return header(len(body)) + body + b"\0\0"
