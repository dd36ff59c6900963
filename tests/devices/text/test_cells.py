"""Numbers and names of cells, against Python's own."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.files.textual.cells import Cells, clean_name, factorise, group_rows, parse_decimals, parse_integers

NUMBERLIKE = st.text("0123456789+-. e٣", max_size=26)
WHOLE = st.one_of(st.integers(-(10**20), 10**20).map(str), NUMBERLIKE)


@settings(deadline=None)
@given(st.lists(WHOLE))
def test_integers(texts: list[str]) -> None:
    value, good = parse_integers(Cells.of(texts))
    for text, number, fits in zip(texts, value.tolist(), good.tolist(), strict=True):
        whole = re.fullmatch(r"-?[0-9]{1,19}", text) is not None and abs(int(text)) < 9 * 10**18
        assert fits == whole
        assert number == (int(text) if whole else 0)


@settings(deadline=None)
@given(st.lists(st.one_of(st.decimals(-(10**9), 10**9, places=3).map(str), NUMBERLIKE)))
def test_decimals(texts: list[str]) -> None:
    value, good = parse_decimals(Cells.of(texts))
    for text, number, fits in zip(texts, value.tolist(), good.tolist(), strict=True):
        plain = len(text) <= 24 and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text) is not None
        assert fits == plain
        assert abs(number - (float(text) if plain else 0)) <= 1e-9 * max(1, abs(number))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=30))
def test_names_are_told_apart(texts: list[str]) -> None:
    codes, names = factorise(Cells.of(texts))
    as_bytes = [text.encode("utf-8", errors="replace") for text in texts]
    for code, raw in zip(codes.tolist(), as_bytes, strict=True):
        assert names[code] == clean_name(raw.decode())
    assert len(set(codes.tolist())) == len(set(as_bytes))
    grouped = {code: rows.tolist() for code, rows in group_rows(codes)}
    assert sorted(row for rows in grouped.values() for row in rows) == list(range(len(texts)))
    assert all(codes[row] == code for code, rows in grouped.items() for row in rows)


def test_names_become_fit_to_be_shown() -> None:
    assert clean_name("  Fitbit\x00 Air\n") == "Fitbit\ufffd Air"
    assert len(clean_name("x" * 10_000_000)) == 80


def test_spaces_around_cells_go() -> None:
    assert Cells.of([" a ", "b", "  ", "", "c d"]).trimmed().texts() == ["a", "b", "", "", "c d"]
