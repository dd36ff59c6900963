"""Records written as Apple writes them, thousands at a time: their quotes counted, the names before them compared as numbers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from devices.files.apple.attributes import unescape
from devices.files.apple.dates import LENGTH, UNKNOWN, read_date, read_dates
from devices.files.apple.identity import Identities
from devices.files.apple.pieces import Piece
from devices.files.apple.words import Letters, Mask, Positions, among, word
from devices.recording import Ms

Floats = npt.NDArray[np.float64]

NUMBER_LETTERS = 15  # up to here, digits over a power of ten are exactly what `float` makes of the text
_NUMBER_WINDOW = 16
_ROUNDS = 32  # a piece of a real file has a handful of devices and versions
_ADDRESS_WINDOW = 24
_ADDRESS_OFFSET = len('"&lt;&lt;HKDevice: ')
_BEFORE_VALUE = tuple(np.frombuffer(b"= \t\r\n", dtype=np.uint8))
_AFTER_VALUE = tuple(np.frombuffer(b"/>", dtype=np.uint8))


class RecordType(NamedTuple):
    """A type of record that is read. unit: what its value must be in; None if the value is a name."""

    name: str
    unit: str | None


class Records(NamedTuple):
    """Records of one type.

    tag:      (n,) the number of each among the piece's tags
    start_ms, end_ms: (n,) int64
    device:   (n,) int64, its number among the `Identities`
    value:    (n,) float64; of a category, NaN
    name:     the text of the value of each, if a category; else empty
    """

    tag: Positions
    start_ms: Ms
    end_ms: Ms
    device: npt.NDArray[np.int64]
    value: Floats
    name: list[str]


def select(records: Records, rows: Mask | Positions) -> Records:
    """Return some of the records, or all in another order."""
    tag, start_ms, end_ms, device, value, name = records
    kept = np.arange(len(tag))[rows].tolist() if name else []
    return Records(tag[rows], start_ms[rows], end_ms[rows], device[rows], value[rows], [name[row] for row in kept])


class _Layout(NamedTuple):
    """Where the values of regular records stand: (n,) each.

    source:       the quote that opens the value of `sourceName`
    gap, resumed: where the memory address within `device` begins and ends; the same place twice if there is none
    device:       behind the last of `sourceName`, `sourceVersion`, `device`
    start, start_stop, end, end_stop, value, stop: the first letter of each date and of the value, and the quote after it
    """

    tag: Positions
    source: Positions
    gap: Positions
    resumed: Positions
    device: Positions
    start: Positions
    start_stop: Positions
    end: Positions
    end_stop: Positions
    value: Positions
    stop: Positions

    def where(self, mask: Mask) -> "_Layout":
        return _Layout(*(column[mask] for column in self))


class RegularRecords:
    """The regular records of one piece, found with what is computed once for all types."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._letters, self._words = piece.letters(), piece.words()
        self._quotes: Positions = np.flatnonzero(self._letters[: piece.end] == ord('"'))
        self._opening = self._find_opening_apostrophes()

    def read(self, kind: RecordType, tags: Positions, identities: Identities) -> tuple[Records, Positions]:
        """Return the regular ones of these tags, all of type `kind`, and the other tags."""
        layout = self._lay_out(kind, tags)
        start_ms = self._read_dates(layout.start, layout.start_stop)
        end_ms = self._read_dates(layout.end, layout.end_stop)
        good = (start_ms != UNKNOWN) & (end_ms != UNKNOWN)
        value, names = np.full(len(good), np.nan), []
        if kind.unit is not None:
            value = read_numbers(self._letters, layout.value, layout.stop - layout.value)
            good &= ~np.isnan(value)
        layout = layout.where(good)
        if kind.unit is None:
            spans = zip(layout.value.tolist(), layout.stop.tolist(), strict=True)
            names = [self._piece.data[first:stop].decode(errors="replace") for first, stop in spans]
        device = self._number_devices(layout, identities)
        others = np.setdiff1d(tags, layout.tag, assume_unique=True) if len(layout.tag) < len(tags) else tags[:0]
        return Records(layout.tag, start_ms[good], end_ms[good], device, value[good], names), others

    def _read_dates(self, at: Positions, stop: Positions) -> Ms:
        """Read dates as Apple writes them all at once, and those of a phone with other habits by themselves."""
        instants = np.where(stop - at == LENGTH, read_dates(self._words, at), UNKNOWN)
        for row in np.flatnonzero(instants == UNKNOWN):
            instants[row] = read_date(unescape(self._piece.data[at[row] : stop[row]].decode(errors="replace")))
        return instants

    def _find_opening_apostrophes(self) -> Positions:
        """Find the apostrophes that may open a value, which those after a `=` or white space do: `"` means nothing within it."""
        if self._piece.data.find(b"'", 0, self._piece.end) < 0:
            return self._quotes[:0]
        found = np.flatnonzero(self._letters[: self._piece.end] == ord("'"))
        return found[among(self._letters[found - 1], _BEFORE_VALUE)]

    def _lay_out(self, kind: RecordType, tags: Positions) -> _Layout:
        """Find the records whose attributes stand in Apple's order, in double quotes, one space apart."""
        first, last, tags = self._outer_quotes(tags, 12 if kind.unit is None else 14)
        letters, words, quotes = self._letters, self._words, self._quotes
        type_close, source = quotes[first + 1], quotes[first + 2]
        start_close, end_open, end_close, value, stop = (quotes[last - back] for back in (4, 3, 2, 1, 0))
        creation_close, start_open = quotes[last - 6], quotes[last - 5]
        good = self._names(type_close, source, b'" sourceName="') & self._names(creation_close, start_open, b'" startDate="')
        good &= self._names(start_close, end_open, b'" endDate="') & self._names(end_close, value, b'" value="')
        good &= among(letters[stop + 1], _AFTER_VALUE)
        before = 8
        if kind.unit is not None:
            unit = f'" unit="{kind.unit}" creationDate="'.encode()
            good &= self._names(quotes[last - 10], quotes[last - 7], unit)
            good &= words[quotes[last - 9]] == word(f'"{kind.unit}" '.encode())
            before = 10
        else:
            good &= self._names(quotes[last - 8], quotes[last - 7], b'" creationDate="')
        device, device_open = quotes[last - before], quotes[last - before - 1]
        gap, resumed = self._address(device_open, device)
        columns = (
            *(tags, source, gap, resumed, device + 1),
            *(start_open + 1, start_close, end_open + 1, end_close, value + 1, stop),
        )
        return _Layout(*columns).where(good)

    def _outer_quotes(self, tags: Positions, least: int) -> tuple[Positions, Positions, Positions]:
        """Return the numbers of the first and the last quote of the tags that have `least` quotes and no other kind of them."""
        begin, until = self._piece.tags[tags], self._piece.tag_ends(tags)
        first, behind = np.searchsorted(self._quotes, begin), np.searchsorted(self._quotes, until)
        count = behind - first
        good = (count >= least) & (count % 2 == 0)
        if len(self._opening):
            good &= np.searchsorted(self._opening, begin) == np.searchsorted(self._opening, until)
        return first[good], behind[good] - 1, tags[good]

    def _names(self, close: Positions, opening: Positions, text: bytes) -> Mask:
        """Does `text` stand from one quote to another? Its length and first 8 bytes tell, as an attribute's name is one word."""
        alike: Mask = (opening - close == len(text) - 1) & (self._words[close] == word(text))
        return alike

    def _address(self, opening: Positions, close: Positions) -> tuple[Positions, Positions]:
        """Return where the memory address in the value between these quotes begins and ends."""
        rows = len(self._letters) - _ADDRESS_WINDOW
        window = np.ndarray((rows, _ADDRESS_WINDOW), dtype=np.uint8, buffer=self._letters, strides=(1, 1))
        gap = opening + _ADDRESS_OFFSET
        resumed = gap + np.argmax(window[gap] == ord("&"), axis=1)
        has = (self._words[opening] == word(b'"&lt;&lt;')) & (self._words[opening + 9] == word(b"HKDevice")) & (resumed <= close)
        return np.where(has, gap, opening), np.where(has, resumed, opening)

    def _number_devices(self, layout: _Layout, identities: Identities) -> npt.NDArray[np.int64]:
        """Number the device of each record. Its texts are few: compare all records with the first, the rest with their first."""
        numbers, left = np.zeros(len(layout.tag), dtype=np.int64), np.arange(len(layout.tag))
        for _ in range(_ROUNDS):
            if not len(left):
                return numbers
            alike = self._like_first(layout, left)
            numbers[left[alike]] = identities.number_text(self._device_text(layout, left[0]))
            left = left[~alike]
        for row in left:
            numbers[row] = identities.number_text(self._device_text(layout, row))
        return numbers

    def _device_text(self, layout: _Layout, row: np.intp) -> bytes:
        """The attributes that tell the device, from the value of `sourceName` on, without the memory address."""
        data = self._piece.data
        return data[layout.source[row] : layout.gap[row]] + data[layout.resumed[row] : layout.device[row]]

    def _like_first(self, layout: _Layout, rows: Positions) -> Mask:
        """Which of these rows have the same `_device_text` as the first of them?"""
        alike = np.ones(len(rows), dtype=np.bool_)
        for begin, end in ((layout.source[rows], layout.gap[rows]), (layout.resumed[rows], layout.device[rows])):
            length = int(end[0] - begin[0])
            alike &= end - begin == length
            if length:
                same_length = np.flatnonzero(alike)
                text = np.ndarray((len(self._letters) - length + 1,), f"V{length}", buffer=self._letters, strides=(1,))
                letters = text[begin[same_length]].view(np.uint8).reshape(-1, length)
                alike[same_length] = (letters == letters[0]).all(axis=1)
        return alike


def read_numbers(letters: Letters, at: Positions, length: Positions) -> Floats:
    """Return the plain decimals (`12`, `64.4128`) of the given lengths: (n,) float64, NaN where there is anything else."""
    text = np.ndarray((len(letters) - _NUMBER_WINDOW, _NUMBER_WINDOW), dtype=np.uint8, buffer=letters, strides=(1, 1))[at]
    digits = text - np.uint8(ord("0"))
    inside = np.arange(_NUMBER_WINDOW) < length[:, np.newaxis]
    is_digit, is_point = (digits <= 9) & inside, (text == ord(".")) & inside
    points = is_point.sum(axis=1)
    good = (length <= NUMBER_LETTERS) & is_digit[:, 0] & (is_digit | is_point | ~inside).all(axis=1) & (points <= 1)
    whole = np.zeros(len(at), dtype=np.int64)
    for place in range(int(length[good].max(initial=0))):
        whole = np.where(is_digit[:, place], whole * 10 + digits[:, place], whole)
    decimals = np.where(points == 1, length - 1 - np.argmax(is_point, axis=1), 0)
    return np.where(good, whole / 10.0 ** np.where(good, decimals, 0), np.nan)
