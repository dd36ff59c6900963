"""Where the file is cut changes nothing."""

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.apple import write_export
from devices.errors import Hostile
from devices.files.apple import AppleHealth
from devices.files.apple.identity import Identities
from devices.files.apple.pieces import ELEMENT_LIMIT, read_pieces
from devices.files.apple.records import TYPES
from devices.files.apple.regular import RegularRecords
from tests.devices.apple.collected import Collected, read_bytes
from tests.devices.apple.made import HEAD, HEART_RATE, PHONE, SLEEP, STEPS, TAIL, export, metadata, record
from tests.devices.apple.test_export import NEW_WORKOUT, OLD_WORKOUT


def mixed_export() -> bytes:
    """Every kind of element, in little space, with comments, children and broken records between."""
    random, parts = Random(7), []
    for index in range(60):
        at = f"2023-03-26 {index // 6:02}:{index % 6 * 10:02}:{random.randrange(60):02} +0200"
        end = at.replace("2023-03-26", "2023-03-27") if index % 11 == 0 else at[:14] + f"{index % 6 * 10 + 9:02}" + at[16:]
        by_hand = metadata("HKWasUserEntered", "1") if index % 7 == 0 else metadata("x", "y") if index % 3 == 0 else ""
        parts.append(record(STEPS, at, end, index + 1, children=by_hand, address=hex(random.getrandbits(36))))
        parts.append(record(HEART_RATE, at, at, 60 + index, children=by_hand, device=PHONE if index % 5 == 0 else None))
        parts.append(record(HEART_RATE, at, at, 60 + index))
        parts.append(record(SLEEP, at, end, "HKCategoryValueSleepAnalysisAwake", children=metadata("HKTimeZone", "Asia/Tokyo")))
        if index % 9 == 0:
            parts += ["<!-- ", record(STEPS, at, end, 9999), "-->", record(STEPS, at, end, "bad"), OLD_WORKOUT, NEW_WORKOUT]
            parts.append(record("HKQuantityTypeIdentifierHeartRateVariabilitySDNN", at, end, 40, unit="ms", children=BEATS))
    return export(*parts)


BEATS = (
    "<HeartRateVariabilityMetadataList>"
    + '<InstantaneousBeatsPerMinute bpm="70" time="10:00:00.00"/>' * 30
    + "</HeartRateVariabilityMetadataList>"
)


def comparable(found: Collected) -> tuple[object, ...]:
    rejects = sorted(found.rejects, key=lambda reject: reject.expected)
    return found.samples, found.coverage, found.spans, found.offsets, rejects, str(found.error)


def test_any_chunk_size_gives_the_same() -> None:
    data = mixed_export()
    whole = comparable(read_bytes(AppleHealth(), data))
    assert len(read_bytes(AppleHealth(), data).samples) == 6
    for chunk_bytes in (997, 2048, 3333, 8191, len(data) - 1, len(data), len(data) + 1):
        assert comparable(read_bytes(AppleHealth(chunk_bytes=chunk_bytes), data)) == whole, chunk_bytes


def test_even_single_bytes_give_the_same() -> None:
    by_hand = metadata("HKWasUserEntered", "1")
    data = export(
        record(STEPS, "2023-03-26 09:00:00 +0200", "2023-03-26 09:10:00 +0200", 1, device=None, children=by_hand),
        "<!-- < -->",
        record(STEPS, "2023-03-26 09:10:00 +0200", "2023-03-26 09:20:00 +0200", 2, device=None),
        head="<!-- x --><HealthData>",
    )
    whole = comparable(read_bytes(AppleHealth(), data))
    for chunk_bytes in (1, 5, 13):
        assert comparable(read_bytes(AppleHealth(chunk_bytes=chunk_bytes), data)) == whole, chunk_bytes


def test_pieces_hold_every_tag_once(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    write_export(path, 0.5)
    data = path.read_bytes()
    pieces = list(read_pieces(io.BytesIO(data), "export.xml", 60_000))
    tags = [piece.base + int(tag) for piece in pieces for tag in piece.tags]
    body = data.index(b"<HealthData ")
    assert tags == [body + index for index, byte in enumerate(data[body:]) if byte == ord("<")]
    assert len(pieces) > 5


def test_records_as_apple_writes_them_are_all_read_by_array(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    write_export(path, 0.5)
    counts = dict.fromkeys(TYPES, 0)
    for piece in read_pieces(io.BytesIO(path.read_bytes()), "export.xml"):
        regular = RegularRecords(piece)
        for kind in TYPES:
            start = f'<Record type="{kind.name}"'.encode()
            named = [tag for tag, at in enumerate(piece.tags.tolist()) if piece.data.startswith(start, at)]
            columns, others = regular.read(kind, np.array(named, dtype=np.intp), Identities())
            counts[kind] += len(columns.tag)
            assert len(others) == 0
    assert all(counts.values())


@pytest.mark.parametrize("chunk_bytes", [1 << 18, 1 << 20, 1 << 22])
@pytest.mark.parametrize("bytes_over", [-4096, 4096])
def test_the_limit_of_an_element_does_not_depend_on_the_cuts(chunk_bytes: int, bytes_over: int) -> None:
    step = record(STEPS, "2023-03-26 09:00:00 +0200", "2023-03-26 09:10:00 +0200", 5)
    data = export(step, step.replace("/>", f' note="{"x" * (ELEMENT_LIMIT + bytes_over)}"/>'), step)
    found = read_bytes(AppleHealth(chunk_bytes=chunk_bytes), data)
    assert isinstance(found.error, Hostile) == (bytes_over > 0)


def test_a_workout_may_be_larger_than_any_piece() -> None:
    location = '<Location date="2023-07-01 10:00:00 +0200" latitude="1" longitude="2"/>\n'
    route = f'<WorkoutRoute sourceName="x">{location * 3000}</WorkoutRoute>'
    data = (HEAD + NEW_WORKOUT.replace(" </Workout>", route + " </Workout>") + TAIL).encode()
    found = read_bytes(AppleHealth(chunk_bytes=10_000), data)
    assert comparable(found) == comparable(read_bytes(AppleHealth(), export(NEW_WORKOUT)))
