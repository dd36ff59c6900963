"""Dates by array and one by one, against the standard library."""

import contextlib
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.files.apple.dates import LENGTH, UNKNOWN, read_date, read_dates
from devices.files.apple.words import words_of

offsets = st.integers(-14 * 60 - 59, 14 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
dates = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=offsets).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001


def read_at_once(texts: list[bytes]) -> list[int]:
    data = b"".join(texts) + bytes(64)
    return read_dates(words_of(data), np.arange(len(texts)) * LENGTH).tolist()


@given(st.lists(dates, min_size=1, max_size=50))
def test_the_standard_library_reads_the_same(instants: list[datetime]) -> None:
    texts = [f"{at:%Y-%m-%d %H:%M:%S %z}"[:LENGTH] for at in instants]
    expected = [(at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) for at in instants]
    assert read_at_once([text.encode() for text in texts]) == expected
    assert [read_date(text) for text in texts] == expected


@given(dates, st.integers(0, LENGTH - 1), st.integers(0, 255))
def test_a_changed_letter_is_noticed(at: datetime, place: int, letter: int) -> None:
    text = bytearray(f"{at:%Y-%m-%d %H:%M:%S %z}"[:LENGTH].encode())
    text[place] = letter
    expected = UNKNOWN
    if re.fullmatch(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}", text):
        with contextlib.suppress(ValueError):
            changed = datetime.strptime(text.decode(), "%Y-%m-%d %H:%M:%S %z")
            if 1970 <= changed.year <= 2199 and abs(changed.utcoffset() or timedelta()) < timedelta(hours=15):
                expected = (changed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert read_at_once([bytes(text)]) == [expected]


def test_every_day_of_odd_years() -> None:
    days = [
        datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for year in (1970, 2000, 2024, 2100, 2199) for day in range(365)
    ]
    texts = [f"{day:%Y-%m-%d} 23:59:59 +0000".encode() for day in days]
    assert read_at_once(texts) == [round(day.timestamp() + 86_399) * 1000 for day in days]
    missing = ("1999-02-29", "2100-02-29", "2023-04-31", "2023-13-01", "2023-00-01", "2023-01-00", "2023-01-32")
    assert read_at_once([f"{day} 12:00:00 +0000".encode() for day in missing]) == [UNKNOWN] * len(missing)


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_unknown(text: str) -> None:
    assert isinstance(read_date(text), int)


@given(dates)
def test_twelve_hours_and_a_half_of_the_day(at: datetime) -> None:
    hour, half = at.hour % 12 or 12, "PM" if at.hour >= 12 else "AM"
    text = f"{at:%Y-%m-%d} {hour}:{at:%M:%S}\N{NARROW NO-BREAK SPACE}{half} {at:%z}"[:40]
    assert read_date(text) == read_date(f"{at:%Y-%m-%d %H:%M:%S %z}"[:LENGTH])
