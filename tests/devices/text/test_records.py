"""JSON records cut out of a stream, against the standard library's parser on the whole."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError, Hostile
from devices.files.source import BytesSource
from devices.files.textual.records import read_records
from devices.recording import Rejects
from tests.devices.text.reading import Dribble

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=8)


def read(data: bytes, depth: int, size: int = 1 << 20) -> tuple[list[dict[str, Any]], list[int], Rejects]:
    rejects = Rejects()
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    for part in read_records(Dribble(data, "x.json", size), depth, rejects):
        rows += part.rows
        numbers += part.numbers.tolist()
    return rows, numbers, rejects


@settings(max_examples=25, deadline=None)
@given(OBJECTS, st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_records_are_those_of_the_whole(objects: list[dict[str, Any]], size: int, indent: int | None, escaped: bool) -> None:
    text = json.dumps(objects, indent=indent, ensure_ascii=escaped)
    rows, numbers, rejects = read(text.encode("utf-8", errors="replace"), 1, size)
    assert rows == json.loads(text.encode("utf-8", errors="replace"))
    assert numbers == list(range(1, len(objects) + 1))
    assert not rejects.drain()
    within = json.dumps(
        {"Data Source": 'a "[{" b', "Data Points": objects, "after": {"x": [1]}}, indent=indent, ensure_ascii=escaped
    )
    assert read(within.encode("utf-8", errors="replace"), 2, size)[0] == rows
    lines = "\n".join(json.dumps(one, ensure_ascii=escaped) for one in objects)
    assert read(lines.encode("utf-8", errors="replace"), 0, size)[0] == rows


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding: str) -> None:
    text = json.dumps([{"a": "é€"}, {"b": 1}], ensure_ascii=False)
    for size in (1, 7, 1000):
        assert read(text.encode(encoding), 1, size)[0] == [{"a": "é€"}, {"b": 1}]


def test_the_good_records_of_a_list_are_kept() -> None:
    rows, numbers, rejects = read(b'[{"a":1},{"a":NaN},[3],{"a":Infinity},{"a":tru},{"a":2}]', 1)
    assert rows == [{"a": 1}, {"a": 2}]
    assert numbers == [1, 6]
    assert sorted(reject.count for reject in rejects.drain()) == [1, 3]


def test_the_last_of_two_equal_keys_counts() -> None:
    assert read(b'[{"a":1,"a":2}]', 1)[0] == [{"a": 2}]


@pytest.mark.parametrize("tail", [b"", b",", b',{"a":', b"]]", b"] x", b"}"])
def test_a_damaged_end_keeps_what_came_before(tail: bytes) -> None:
    seen: list[dict[str, Any]] = []
    with pytest.raises(DecodeError, match=r"x\.json byte"):
        seen.extend(
            row for part in read_records(BytesSource(b'[{"a":1}' + tail + b" ", "x.json"), 1, Rejects()) for row in part.rows
        )
    assert seen == ([] if tail == b"]]" else [{"a": 1}])


@pytest.mark.parametrize(
    "data",
    [b'[{"a":' + b"[" * 100_000, b"[" * 5_000_000, b'{"a":' * 100_000, b'[{"a":"' + b"x" * 30_000_000, b"[" + b" " * 30_000_000],
    ids=["nested", "brackets", "objects", "string", "spaces"],
)
def test_endless_files_are_refused(data: bytes) -> None:
    with pytest.raises((Hostile, DecodeError)):
        read(data, 1)


def test_a_number_of_a_million_digits_is_one_bad_record() -> None:
    rows, _, rejects = read(b'[{"a":' + b"9" * 1_000_000 + b'},{"a":1}]', 1)
    assert rows == [{"a": 1}]
    assert [reject.count for reject in rejects.drain()] == [1]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 2), st.integers(1, 9))
def test_any_bytes_give_records_or_our_error(noise: bytes, depth: int, size: int) -> None:
    for data in (noise, b'[{"a":1},' + noise, b'[{"\\"a":[{}]}' + noise + b"]"):
        with contextlib.suppress(DecodeError):
            read(data, depth, size)
