"""When is that? Written times as milliseconds, column-wise, and nothing guessed: what has no zone says so."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.files.offsets import tell_offsets
from devices.files.textual.cells import Cells, Index, Mask, Signs
from devices.recording import DAY_MS, Ms, Offset

NAIVE = np.int32(2**31 - 1)  # the text names no zone
ZULU = np.int32(2**31 - 2)  # the text ends in Z: an instant, and no word on where the wearer was

_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_LONGEST = 40
_COLON, _DASH, _PLUS, _SPACE, _DOT, _COMMA, _T, _t, _Z, _z, _ZERO = b":-+ .,TtZz0"
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Written times.

    ms:       (n,) int64, the instant; where the text names no zone, the wall clock read as if it were UTC
    offset_s: (n,) int32, the offset that the text names, or ZULU or NAIVE
    good:     (n,) bool, which cells are a time at all
    """

    ms: Ms
    offset_s: npt.NDArray[np.int32]
    good: Mask

    @property
    def naive(self) -> Mask:
        naive: Mask = self.good & (self.offset_s == NAIVE)
        return naive


def parse_iso(cells: Cells) -> Times:
    """Parse RFC 3339 and its usual relatives.

    Accepted: T or a space between day and time, seconds left out, up to 9 decimals (cut to milliseconds), and Z, +hh:mm,
    +hhmm or nothing as the zone, with or without a space before it
    """
    n = len(cells)
    ms, offset_s, good = np.zeros(n, np.int64), np.full(n, NAIVE), np.zeros(n, bool)
    for size, rows, signs in cells.by_length(_LONGEST):
        tails = _zone_lengths(signs, size)
        for tail in np.unique(tails).tolist():
            chosen = tails == tail
            at, fits = _wall(signs[chosen, : size - tail])
            zone, zone_fits = _zone(signs[chosen, size - tail :])
            stated = np.where((zone == ZULU) | (zone == NAIVE), 0, zone)
            ms[rows[chosen]] = at - stated.astype(np.int64) * 1000
            offset_s[rows[chosen]] = zone
            good[rows[chosen]] = fits & zone_fits
    return Times(np.where(good, ms, 0), np.where(good, offset_s, NAIVE), good)


def parse_us(cells: Cells) -> tuple[Ms, Mask]:
    """Parse month/day/year, two or four digits, with hours:minutes[:seconds] and perhaps AM or PM.

    Returns: ((n,) int64 the wall clock read as if it were UTC, (n,) bool which cells are such a time)
    """
    fields, pattern, good = _fields(cells)
    month, day, year, hour, minute, second = fields.T
    year = np.where(year < 70, year + 2000, np.where(year < 100, year + 1900, year))
    noon, known = np.zeros(len(cells), np.int64), np.zeros(len(cells), bool)
    for text, (twelve_hours, after_noon) in _US_PATTERNS.items():
        same = pattern == _pattern_of(text)
        known |= same
        noon = np.where(same & twelve_hours, np.where(hour == 12, -12, 0) + 12 * after_noon, noon)
        good &= ~(same & twelve_hours & ((hour < 1) | (hour > 12)))
    wall, fits = _civil(year, month, day, hour + noon, minute, second)
    good = good & known & fits
    return np.where(good, wall, 0), good


def parse_offsets(cells: Cells) -> tuple[npt.NDArray[np.int32], Mask]:
    """Parse offsets such as +02:00, +0200, UTC+0200 and Z: ((n,) int32 seconds, (n,) bool)."""
    offset_s, good = np.zeros(len(cells), np.int32), np.zeros(len(cells), bool)
    for size, rows, signs in cells.by_length(9):
        zone = signs[:, 3:] if size >= 8 else signs
        signed = (zone[:, 0] == _PLUS) | (zone[:, 0] == _DASH) if size >= 5 else (zone[:, 0] == _Z) & (size == 1)
        if size in (5, 6, 8, 9):
            offset_s[rows], fits = _zone(zone)
            good[rows] = fits & signed
        else:
            good[rows] = signed
    return np.where(good, offset_s, 0).astype(np.int32), good


def find_offsets(ms: Ms, offset_s: npt.NDArray[np.int32]) -> tuple[Offset, ...]:
    """Return what the texts that name an offset tell of the wearer's clock: see `tell_offsets`."""
    named = (offset_s != NAIVE) & (offset_s != ZULU)
    return tell_offsets(ms[named], offset_s[named])


def _number(signs: Signs, start: int, stop: int) -> tuple[Index, Mask]:
    digits = signs[:, start:stop] - np.uint8(_ZERO)
    value = np.zeros(len(signs), dtype=np.int64)
    for column in range(stop - start):
        value = value * 10 + digits[:, column]
    return value, np.all(digits <= 9, axis=1)


def _civil(year: Index, month: Index, day: Index, hour: Index, minute: Index, second: Index) -> tuple[Ms, Mask]:
    """Return (ms since 1970 as if UTC, which are real). Source: Hinnant, chrono-compatible date algorithms, days_from_civil."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_range = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12)
    last_day = _MONTH_DAYS[np.where(in_range, month, 0)] + (leap & (month == 2))
    # A leap second is the first instant of the next minute.
    real = in_range & (day >= 1) & (day <= last_day) & (hour >= 0) & (hour < 24) & (minute < 60) & (second <= 60)
    shifted_year = year - (month <= 2)
    era = shifted_year // 400
    year_of_era = shifted_year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    ms = days * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000
    return np.where(real, ms, 0), real


def _wall(signs: Signs) -> tuple[Ms, Mask]:
    """Parse YYYY-MM-DD?HH:MM[:SS[.f…]]: (k, size) signs -> (ms, good)."""
    size = signs.shape[1]
    if size not in (16, 19) and not 21 <= size <= 29:
        return np.zeros(len(signs), np.int64), np.zeros(len(signs), bool)
    year, good = _number(signs, 0, 4)
    parts = []
    for start in (5, 8, 11, 14):
        part, fits = _number(signs, start, start + 2)
        parts.append(part)
        good = good & fits
    month, day, hour, minute = parts
    good &= (signs[:, 4] == _DASH) & (signs[:, 7] == _DASH) & (signs[:, 13] == _COLON)
    good &= (signs[:, 10] == _T) | (signs[:, 10] == _SPACE) | (signs[:, 10] == _t)
    second = np.zeros(len(signs), np.int64)
    if size >= 19:
        second, fits = _number(signs, 17, 19)
        good &= fits & (signs[:, 16] == _COLON)
    wall, real = _civil(year, month, day, hour, minute, second)
    good &= real
    if size >= 21:
        fraction, fits = _number(signs, 20, size)
        good &= fits & ((signs[:, 19] == _DOT) | (signs[:, 19] == _COMMA))
        wall = wall + fraction * 1000 // 10 ** (size - 20)
    return wall, good


def _zone_lengths(signs: Signs, size: int) -> Index:
    """Return how many signs at the end of each row are its zone: (k,) int64."""
    tails = np.zeros(len(signs), np.int64)
    last = signs[:, -1]
    tails[(last == _Z) | (last == _z)] = 1
    for length, has_colon in ((5, False), (6, True)):
        if size > length + 10:
            lead = signs[:, -length]
            signed = (lead == _PLUS) | (lead == _DASH)
            tails[signed & ((signs[:, -3] == _COLON) == has_colon)] = length
    if size > 8:
        before = signs[np.arange(len(signs)), np.maximum(size - tails - 1, 0)]
        tails[(tails > 0) & (before == _SPACE)] += 1
    return tails


def _zone(signs: Signs) -> tuple[npt.NDArray[np.int32], Mask]:
    """Parse a zone, perhaps after a space: (k, size) signs -> (seconds or ZULU or NAIVE, good)."""
    count, size = signs.shape
    if size == 0:
        return np.full(count, NAIVE), np.ones(count, bool)
    if size <= 2:
        return np.full(count, ZULU), np.ones(count, bool)
    seconds, good = np.zeros(count, np.int64), np.zeros(count, bool)
    for length, has_colon in ((5, False), (6, True)):
        chosen = (signs[:, -3] == _COLON) == has_colon
        lead = size - length
        hours, fits = _number(signs[chosen], lead + 1, lead + 3)
        minutes, fit = _number(signs[chosen], size - 2, size)
        west = signs[chosen, lead] == _DASH
        seconds[chosen] = np.where(west, -1, 1) * (hours * 3600 + minutes * 60)
        good[chosen] = fits & fit & (hours <= 15) & (minutes < 60)
    return np.where(good, seconds, 0).astype(np.int32), good


# What stands between the numbers -> (is it a twelve-hour clock, does it say after noon)
_US_PATTERNS = {
    b"// ::": (False, False),
    b"// :": (False, False),
    b"// :: AM": (True, False),
    b"// :: PM": (True, True),
    b"// : AM": (True, False),
    b"// : PM": (True, True),
}
_US_LONGEST = 22


def _pattern_of(text: bytes) -> np.uint64:
    value = 0
    for sign in text:
        value = (value * 257 + sign) % 2**64
    return np.uint64(value)


def _fields(cells: Cells) -> tuple[Index, npt.NDArray[np.uint64], Mask]:
    """Return ((n, 6) numbers, (n,) what stands between them as one number, (n,) bool which cells could be read)."""
    n = len(cells)
    fields, pattern, good = np.zeros((n, 6), np.int64), np.zeros(n, np.uint64), np.zeros(n, bool)
    for size, rows, signs in cells.by_length(_US_LONGEST):
        digit = signs - np.uint8(_ZERO)
        is_digit = digit <= 9
        opens = is_digit.copy()
        opens[:, 1:] &= ~is_digit[:, :-1]
        field = np.cumsum(opens, axis=1) - 1
        numbers = np.zeros((len(rows), size + 1), np.int64)
        between = np.zeros(len(rows), np.uint64)
        every = np.arange(len(rows))
        for column in range(size):
            here = is_digit[:, column]
            place = np.where(here, field[:, column], size)
            numbers[every, place] = numbers[every, place] * 10 + digit[:, column]
            between = np.where(here, between, between * np.uint64(257) + signs[:, column])
        count = field[:, -1] + 1
        kept = min(6, size)
        fields[rows, :kept] = numbers[:, :kept]
        pattern[rows] = between
        good[rows] = (count >= 5) & (count <= 6)
    return fields, pattern, good
