"""CSV pieces, against the standard library's reader on the whole."""

import contextlib
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError, Hostile
from devices.files.textual.table import read_table, split_header
from devices.recording import Rejects
from tests.devices.text.reading import Dribble

CELL = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=8)
PLAIN = st.text("abc 019.:-", max_size=8)


def read(
    data: bytes, size: int = 1 << 20, delimiter: str = ",", skip: int = 0
) -> tuple[list[tuple[str, str]], list[int], Rejects]:
    rejects = Rejects()
    rows: list[tuple[str, str]] = []
    lines: list[int] = []
    for part in read_table(Dribble(data, "x.csv", size), ("a", "c"), ("zzz",), rejects, delimiter=delimiter, skip=skip):
        assert set(part.columns) == {"a", "c"}
        rows += zip(part["a"].texts(), part["c"].texts(), strict=True)
        lines += part.lines.tolist()
    return rows, lines, rejects


def write(rows: list[list[str]], ending: str, delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    return out.getvalue().encode()


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL).map(list), max_size=12), st.sampled_from(["\n", "\r\n"]), st.integers(1, 60))
def test_quoted_tables(rows: list[list[str]], ending: str, size: int) -> None:
    data = write(rows, ending)
    expected = [(row[0], row[2]) for row in csv.reader(io.StringIO(data.decode(), newline="")) if row][1:]
    found, _, rejects = read(data, size)
    assert found == expected
    assert not rejects.drain()


@settings(deadline=None)
@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN).map(list), max_size=12), st.sampled_from(["\n", "\r\n"]),
       st.sampled_from([",", ";", "\t"]), st.booleans(), st.integers(1, 60))  # fmt: skip
def test_plain_tables(rows: list[list[str]], ending: str, delimiter: str, closed: bool, size: int) -> None:
    data = write(rows, ending, delimiter)
    data = data if closed else data.removesuffix(ending.encode())
    found, lines, rejects = read(data, size, delimiter)
    assert found == [(row[0], row[2]) for row in rows]
    assert lines == list(range(2, len(rows) + 2))
    assert not rejects.drain()


def test_ragged_rows_are_named_by_their_line() -> None:
    data = b'A , b,C\n1,2,3\n1,2\n\n1,2,3,\n1,2,3,4\n"1",2,3\n1,2\n'
    for size in (1, 5, 1000):
        rows, lines, rejects = read(data, size)
        assert rows == [("1", "3")] * 3
        assert lines == [2, 5, 7]
        (reject,) = rejects.drain()
        assert (reject.place, reject.expected, reject.found, reject.count) == ("x.csv line 3", "3 cells", "2", 3)


def test_lines_before_the_header() -> None:
    assert read(b"com.samsung.x,1,2\na,b,c\n1,2,3\n", skip=1)[:2] == ([("1", "3")], [3])


@pytest.mark.parametrize("data", [b"", b"\n", b"a,b\n1,2\n", b"\x00\x01", b"a;b;c\n1;2;3\n", b"," * 100_000])
def test_a_missing_column_is_named(data: bytes) -> None:
    with pytest.raises(DecodeError, match="the columns a, c"):
        read(data)


@pytest.mark.parametrize("data", [b"a,b,c\n" + b"x" * 100_000_000, b"x" * 100_000_000, b'a,b,c\n1,2,"' + b"x,\n" * 33_000_000],
                         ids=["line", "header", "quote"])  # fmt: skip
def test_a_line_without_end_is_refused(data: bytes) -> None:
    with pytest.raises((Hostile, DecodeError), match=r"megabyte|1,048,576"):
        read(data)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str) -> None:
    assert read("a,b,c\né,€,3\n".encode(encoding))[0] == [("é", "3")]


def test_nul_bytes_and_broken_utf8_stay_in_their_cells() -> None:
    rows, _, rejects = read(b"a,b,c\n1\x00,2,\xff\xfe\n3,4,5\n")
    assert rows == [("1\x00", "\ufffd\ufffd"), ("3", "5")]
    assert not rejects.drain()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(1, 9))
def test_any_bytes_give_rows_or_our_error(noise: bytes, size: int) -> None:
    for data in (noise, b"a,b,c\n" + noise, b'a,b,c\n1,"2\n",3\n' + noise):
        with contextlib.suppress(DecodeError):
            read(data, size)


def test_headers() -> None:
    assert split_header('"Start", VALUE ,x') == ["start", "value", "x"]
    assert split_header("") == []
