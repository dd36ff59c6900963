"""When was it? `2023-03-26 08:15:00 +0200`, a million at a time, and the other ways in which phones have written it."""

import re
from datetime import date

import numpy as np
import numpy.typing as npt

from devices.files.apple.words import Positions, Words, word
from devices.recording import Ms

LENGTH = 25  # of `YYYY-MM-DD HH:MM:SS +HHMM`
UNKNOWN = np.iinfo(np.int64).min

_ZEROS, _CARRY, _TOP_BITS = word(b"0" * 8), word(b"\x76" * 8), word(b"\x80" * 8)
_MARKS = 16  # the colon before the seconds; 4 letters on, the sign

# Three stretches of 8 letters hold it all. Of each: which letters are digits, and what the others must be.
_STRETCHES = ((0, b"0000-00-"), (8, b"00 00:00"), (17, b"00 \x000000"))
_MOST_OFFSET_H = 14  # Kiribati
_FIRST_DAY = date(1970, 1, 1).toordinal()
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_MONTHS = np.arange(f"{_FIRST_YEAR}-01", f"{_LAST_YEAR + 1}-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
_MONTH_LENGTHS = np.diff(_MONTHS)
# Older exports had no separators (`20150616071916-0700`); a phone set to 12 hours and some languages put the half of the day in.
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)()(\d\d)(\d\d)(\d\d)()([+-])(\d\d)(\d\d)")
_HALF = r"([AaPp]\.?\s?[Mm]\.?|上午|下午|午前|午後|오전|오후)?\s*"
_LOOSE = re.compile(
    rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})[\sT]+{_HALF}(\d{{1,2}}):(\d\d):(\d\d)(?:[.,]\d{{1,9}})?\s*{_HALF}(?:([+-])(\d\d):?(\d\d)|Z)"
)
_AFTERNOON = ("p", "下午", "午後", "오후")


def read_dates(words: Words, at: Positions) -> Ms:
    """Return the instants of the 25 letters from each position on: (n,) int64 ms, `UNKNOWN` where they are no such date.

    words: the 8 letters from every position on as one number, see `Piece.words`.  at: (n,) positions
    """
    (year_month, date_good), (day_time, time_good), (rest, rest_good) = (
        _read_pairs(words[at + first], pattern) for first, pattern in _STRETCHES
    )
    year, month = _byte(year_month, 0) * 100 + _byte(year_month, 2), _byte(year_month, 5)
    day, hour, minute = _byte(day_time, 0), _byte(day_time, 3), _byte(day_time, 6)
    second, offset_hour, offset_minute = _byte(rest, 0), _byte(rest, 4), _byte(rest, 6)
    colon, sign = _byte(words[at + _MARKS], 0), _byte(words[at + _MARKS], 4)
    good = date_good & time_good & rest_good & (colon == ord(":")) & ((sign == ord("+")) | (sign == ord("-")))
    good &= (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59)
    good &= (second <= 59) & (offset_hour <= _MOST_OFFSET_H) & (offset_minute <= 59)
    months = np.where(good, (year - _FIRST_YEAR) * 12 + month - 1, 0)
    good &= (day >= 1) & (day <= _MONTH_LENGTHS[months])
    offset_min = np.where(sign == ord("-"), -1, 1) * (offset_hour * 60 + offset_minute)
    minutes = (_MONTHS[months] + day - 1) * 1440 + hour * 60 + minute - offset_min
    return np.where(good, (minutes * 60 + second) * 1000, UNKNOWN)


def _read_pairs(letters: Words, pattern: bytes) -> tuple[Words, npt.NDArray[np.bool_]]:
    """Return 8 letters with, in each byte, the number that its digit makes with the next one; and which fit the pattern.

    pattern: `0` for a digit, NUL for any letter, else the letter itself
    """
    digits = word(bytes(0xFF if letter == ord("0") else 0 for letter in pattern))
    fixed = word(bytes(0xFF if letter not in b"0\0" else 0 for letter in pattern))
    values = (letters ^ _ZEROS) & digits
    # A byte above 9 carries into its top bit when 0x76 is added, or has it already.
    good = ((letters & fixed) == (word(pattern) & fixed)) & (((values + (_CARRY & digits) | values) & _TOP_BITS) == 0)
    return values * np.uint64(10) + (values >> np.uint64(8)), good


def _byte(letters: Words, place: int) -> npt.NDArray[np.int64]:
    return (letters >> np.uint64(8 * place) & np.uint64(0xFF)).astype(np.int64)


def read_date(text: str) -> int:
    """Return the instant in ms of a date in any of the known forms, or `UNKNOWN`. Digits may be of any script."""
    found = _LOOSE.fullmatch(text.strip()) or _COMPACT.fullmatch(text.strip())
    if found is None:
        return UNKNOWN
    year, month, day, before, hour_text, minute_text, second_text, after, sign, *offset = found.groups()
    hour, minute, second, half = int(hour_text), int(minute_text), int(second_text), before or after
    if half:
        if not 1 <= hour <= 12:
            return UNKNOWN
        hour = hour % 12 + (12 if half.lower().startswith(_AFTERNOON) else 0)
    offset_hour, offset_minute = (int(text or 0) for text in offset)
    if hour > 23 or minute > 59 or second > 59 or offset_hour > _MOST_OFFSET_H or offset_minute > 59:
        return UNKNOWN
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _FIRST_DAY
    except ValueError:  # no such day
        return UNKNOWN
    offset_min = (offset_hour * 60 + offset_minute) * (-1 if sign == "-" else 1)
    return ((days * 1440 + hour * 60 + minute - offset_min) * 60 + second) * 1000
