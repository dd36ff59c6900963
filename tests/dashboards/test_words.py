"""Numbers and dates in plain words."""

import locale
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.pages import words
from dashboards.pages.axis import mark_days, nice_top


@pytest.mark.parametrize(
    ("minutes", "said", "table"),
    [(0, "0 min", "0:00"), (52, "52 min", "0:52"), (60, "1 h", "1:00"), (74, "1 h 14 min", "1:14"), (1500, "25 h", "25:00")],
)
def test_durations(minutes: int, said: str, table: str) -> None:
    assert words.duration(minutes) == said
    assert words.clock(minutes) == table


def test_what_is_unknown_is_said_to_be_unknown() -> None:
    assert [words.duration(None), words.count(None), words.percent(None)] == ["unknown"] * 3
    assert words.clock(None) == "?"


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.996, "99 %"), (1, "100 %"), (1.234, "123 %")]
)
def test_percent_keeps_all_and_nothing_for_all_and_nothing(share: float, said: str) -> None:
    assert words.percent(share) == said


def test_counts_and_lists() -> None:
    assert [words.count(value) for value in (0, 999, 5508, 12.5, 1234567)] == ["0", "999", "5,508", "12.5", "1,234,567"]
    assert [words.several(n, "day") for n in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
    assert words.several(2, "stretch", "stretches") == "2 stretches"
    assert [words.listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_dates_are_those_of_the_c_locale(day: date) -> None:
    assert locale.setlocale(locale.LC_TIME) in ("C", "C.UTF-8", "en_US.UTF-8", "POSIX")
    assert words.long_date(day) == f"{day:%A} {day.day} {day:%B} {day.year}"
    assert words.short_date(day) == f"{day:%a} {day.day} {day:%b}"


def test_spans_name_both_years_where_they_differ() -> None:
    assert words.span(date(2025, 12, 20), date(2026, 1, 3)) == "20 Dec 2025 to 3 Jan 2026"
    assert words.span(date(2026, 1, 1), date(2026, 1, 3)) == "1 Jan to 3 Jan 2026"
    assert words.span(date(2026, 1, 1), date(2026, 1, 1)) == "1 Jan 2026"


@given(st.text())
def test_css_text_is_letters_digits_and_codes(text: str) -> None:
    written = words.css_text(text)
    assert all(sign.isascii() and (sign.isalnum() or sign in "\\ ") for sign in written)


@given(st.floats(0, 1e7))
def test_axis_ends_at_a_round_number_not_far_above(highest: float) -> None:
    top = nice_top(highest)
    assert top >= highest
    assert top <= max(2 * highest, 1)
    assert f"{top:.0e}"[0] in "123468"


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 800))
def test_dates_under_an_axis_fit_and_stand_under_their_day(first: date, length: int) -> None:
    days = [first + timedelta(days=i) for i in range(length)]
    marks = mark_days(days)
    assert 1 <= len(marks) <= 15
    assert sum(mark.wide for mark in marks) <= 4
    for mark in marks:
        day = days[int(mark.at * length / 100)]
        assert mark.label == words.day_and_month(day)
        assert length <= 28 or day.weekday() == 0
