"""Lines are those of influxdb-client's own serialisers, byte for byte, whatever is known of a point."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point

from ingest.publishing.lines import Column, Series, build_lines
from ingest.publishing.schema import MEASUREMENTS, Kind

_INTS = st.integers(-(2**63), 2**63 - 1)
_FLOATS = st.floats(allow_nan=True, allow_infinity=True)
_TEXTS = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)
_TAGS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc", "Zs", "Cf"]), min_size=1, max_size=8
)
_VALUES = {Kind.INT: _INTS, Kind.FLOAT: _FLOATS, Kind.TEXT: _TEXTS}
_DTYPES: dict[Kind, Any] = {Kind.INT: np.int64, Kind.FLOAT: np.float64, Kind.TEXT: object}
_EMPTY = {Kind.INT: 0, Kind.FLOAT: 0.0, Kind.TEXT: ""}


@st.composite
def points(draw: st.DrawFn) -> tuple[str, dict[str, str], list[int], list[dict[str, Any]]]:
    one = MEASUREMENTS[draw(st.sampled_from(sorted(MEASUREMENTS)))]
    tags = {name: draw(_TAGS.filter(lambda text: text.isprintable() and not text.endswith("\\"))) for name in one.tags}
    times = sorted(draw(st.sets(st.integers(0, 2**33), max_size=6)))
    chosen = draw(st.lists(st.sampled_from(sorted(one.fields)), min_size=1, max_size=5, unique=True))
    rows = [{name: draw(st.none() | _VALUES[one.fields[name]]) for name in chosen} for _ in times]
    return one.name, tags, times, rows


def series_of(name: str, tags: dict[str, str], times: list[int], rows: list[dict[str, Any]]) -> Series:
    fields = {}
    for field in rows[0] if rows else ():
        kind = MEASUREMENTS[name].fields[field]
        known = [row[field] is not None for row in rows]
        values = [_EMPTY[kind] if row[field] is None else row[field] for row in rows]
        fields[field] = Column(np.array(values, dtype=_DTYPES[kind]), np.array(known, dtype=np.bool_))
    return Series(name, tags, np.array(times, dtype=np.int64), fields)


def client_lines(name: str, tags: dict[str, str], times: list[int], rows: list[dict[str, Any]]) -> list[str]:
    """The same points through influxdb-client."""
    lines = []
    for at, row in zip(times, rows, strict=True):
        point = Point(name)
        for tag, value in tags.items():
            point.tag(tag, value)
        for field, value in row.items():
            point.field(field, value)
        lines.append(point.time(at, write_precision="s").to_line_protocol())
    return [line for line in lines if line]


@settings(max_examples=300, deadline=None)
@given(points())
def test_lines_are_those_of_the_client(drawn: tuple[str, dict[str, str], list[int], list[dict[str, Any]]]) -> None:
    assert build_lines(series_of(*drawn)) == client_lines(*drawn)


def minutes(**fields: Column) -> Series:
    return Series("minutes", {"patient": "p", "source": "merged"}, np.array([60, 120]), fields)


BOTH = np.ones(2, dtype=np.bool_)


def test_small_integers_stay_integers() -> None:
    steps = Column(np.array([7, -32768], dtype=np.int16), np.array([True, False]))
    state = Column(np.array([4, 0], dtype=np.uint8), BOTH)
    assert build_lines(minutes(steps=steps, state=state)) == [
        "minutes,patient=p,source=merged state=4i,steps=7i 60",
        "minutes,patient=p,source=merged state=0i 120",
    ]


def test_what_is_not_known_at_all_is_no_point() -> None:
    nothing = Column(np.zeros(2, dtype=np.int16), ~BOTH)
    assert build_lines(minutes(steps=nothing)) == []
    assert build_lines(minutes()) == []
    infinite = Column(np.array([np.inf, np.nan]), BOTH)
    daily = Series("daily", {"patient": "p"}, np.array([60, 120]), {"coverage": infinite})
    assert build_lines(daily) == []


def test_per_cent_signs_are_no_places() -> None:
    text = Column(np.array(["100 %d of 50%"], dtype=object), BOTH[:1])
    series = Series("alerts", {"patient": "p%s", "rule": "r%%", "severity": "high"}, np.array([60]), {"text": text})
    assert build_lines(series) == ['alerts,patient=p%s,rule=r%%,severity=high text="100 %d of 50%" 60']


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"steps": Column(np.array([1.0, 2.0]), BOTH)}, "steps: expected int, found float64"),
        ({"steps": Column(np.array([True, False]), BOTH)}, "steps: expected int, found bool"),
        ({"pace": Column(np.array([1, 2]), BOTH)}, "pace is not one of its fields"),
        ({"steps": Column(np.array([1]), BOTH[:1])}, "steps: expected 2 rows, found 1"),
    ],
)
def test_another_type_field_or_length_is_refused(fields: dict[str, Column], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        minutes(**fields)


@pytest.mark.parametrize("tags", [{"patient": "p"}, {"patient": "p", "source": ""}, {"patient": "p", "source": "a\nb"}])
def test_tags_are_the_measurements_own_and_say_something(tags: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tag"):
        Series("minutes", tags, np.array([60]), {})


def test_a_text_is_one_line() -> None:
    text = Column(np.array(["a\nb"], dtype=object), BOTH[:1])
    series = Series("alerts", {"patient": "p", "rule": "r", "severity": "high"}, np.array([60]), {"text": text})
    with pytest.raises(ValueError, match="one line"):
        build_lines(series)
