"""What do the cells of a column say? Cells lie in one buffer; numbers and names come out of them as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Signs = npt.NDArray[np.uint8]

NAME_CHARACTERS = 80
_NUMBER_BYTES = 24
_DOT, _MINUS, _PLUS, _SPACE, _ZERO = b".-+ 0"


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One column of text.

    data:       (m,) uint8, a buffer that many columns may share
    start, end: (n,) int64, where each cell lies in it
    """

    data: Signs
    start: Index
    end: Index

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Cells":
        parts = [text.encode("utf-8", errors="replace") for text in texts]
        end = np.cumsum(np.fromiter(map(len, parts), dtype=np.int64, count=len(parts)), dtype=np.int64)
        start = np.concatenate((np.zeros(1, np.int64), end[:-1])) if len(end) else end
        return cls(np.frombuffer(b"".join(parts), dtype=np.uint8), start, end)

    def take(self, rows: Mask | Index) -> "Cells":
        return Cells(self.data, self.start[rows], self.end[rows])

    def text(self, row: int) -> str:
        return self.data[int(self.start[row]) : int(self.end[row])].tobytes().decode("utf-8", errors="replace")

    def texts(self) -> list[str]:
        whole = self.data.tobytes()
        spans = zip(self.start.tolist(), self.end.tolist(), strict=True)
        return [whole[start:end].decode("utf-8", errors="replace") for start, end in spans]

    def blank(self) -> Mask:
        return np.equal(self.start, self.end)

    def trimmed(self) -> "Cells":
        """Without up to 32 spaces on either side."""
        start, end = self.start, self.end
        for _ in range(32 if len(self.data) else 0):
            left = (start < end) & (self.data[np.minimum(start, len(self.data) - 1)] == _SPACE)
            start = start + left
            right = (start < end) & (self.data[end - 1] == _SPACE)
            end = end - right
            if not (left.any() or right.any()):
                break
        return Cells(self.data, start, end)

    def by_length(self, longest: int) -> Iterator[tuple[int, Index, Signs]]:
        """Yield, for each length from 1 to `longest` that occurs, the rows that have it and their signs (k, length)."""
        length = self.end - self.start
        for size in np.unique(length).tolist():
            if 0 < size <= longest:
                rows = np.flatnonzero(length == size)
                windows = np.lib.stride_tricks.sliding_window_view(self.data, size)
                yield size, rows, windows[self.start[rows]]


def parse_integers(cells: Cells) -> tuple[Index, Mask]:
    """Return ((n,) int64, (n,) bool which cells are a whole number below 9e18)."""
    value = np.zeros(len(cells), dtype=np.int64)
    good = np.zeros(len(cells), dtype=bool)
    for size, rows, signs in cells.by_length(20):
        negative = signs[:, 0] == _MINUS
        digits = signs - np.uint8(_ZERO)
        digits[negative, 0] = 0
        total = np.zeros(len(rows), dtype=np.int64)
        for column in range(size):
            total = total * 10 + digits[:, column]
        leading = np.where(negative, digits[:, min(1, size - 1)], digits[:, 0])
        count = size - negative
        value[rows] = np.where(negative, -total, total)
        good[rows] = (digits <= 9).all(axis=1) & (count > 0) & ((count <= 18) | ((count == 19) & (leading <= 8)))
    return np.where(good, value, 0), good


def parse_decimals(cells: Cells) -> tuple[npt.NDArray[np.float64], Mask]:
    """Return ((n,) float64, (n,) bool which cells are a decimal number of up to 24 signs without an exponent)."""
    value = np.zeros(len(cells), dtype=np.float64)
    good = np.zeros(len(cells), dtype=bool)
    for size, rows, signs in cells.by_length(_NUMBER_BYTES):
        signed = (signs[:, 0] == _MINUS) | (signs[:, 0] == _PLUS)
        total = np.zeros(len(rows), dtype=np.float64)
        scale = np.ones(len(rows), dtype=np.float64)
        dots = np.zeros(len(rows), dtype=np.int64)
        digits = np.zeros(len(rows), dtype=np.int64)
        for column in range(size):
            sign = signs[:, column]
            digit = sign - np.uint8(_ZERO)
            is_digit = digit <= 9
            total = np.where(is_digit, total * 10 + digit, total)
            scale = np.where(is_digit & (dots > 0), scale * 10, scale)
            dots += sign == _DOT
            digits += is_digit
        value[rows] = np.where(signs[:, 0] == _MINUS, -total, total) / scale
        good[rows] = (dots <= 1) & (digits > 0) & (digits + dots + signed == size)
    return np.where(good, value, 0.0), good


def factorise(cells: Cells) -> tuple[Index, list[str]]:
    """Return ((n,) int64 codes, the names they stand for); equal cells have equal codes."""
    codes = np.zeros(len(cells), dtype=np.int64)
    names = [""] if cells.blank().any() else []
    longest = int((cells.end - cells.start).max(initial=0))
    for _, rows, signs in cells.by_length(longest):
        local, first = _distinct(signs)
        codes[rows] = local + len(names)
        names += [clean_name(cells.text(int(rows[row]))) for row in first.tolist()]
    return codes, names


def group_rows(codes: Index) -> Iterator[tuple[int, Index]]:
    """Yield each code and its rows in order, in the time that sorting takes however many codes there are."""
    order = np.argsort(codes, kind="stable")
    values, first = np.unique(codes[order], return_index=True)
    if len(values):
        yield from zip(values.tolist(), np.split(order, first[1:]), strict=True)


def clean_name(text: str) -> str:
    """Return a name from outside as it may be stored and shown: printable, without spaces around, not endless."""
    printable = "".join(sign if sign.isprintable() else "\ufffd" for sign in text[: 4 * NAME_CHARACTERS].strip())
    return printable[:NAME_CHARACTERS]


def _distinct(signs: Signs) -> tuple[Index, Index]:
    """Return ((k,) int64 codes of equal rows, the first row of each code)."""
    if (signs == signs[0]).all():
        return np.zeros(len(signs), dtype=np.int64), np.zeros(1, dtype=np.int64)
    whole_rows = np.ascontiguousarray(signs).view(np.dtype((np.void, signs.shape[1]))).ravel()
    # A hash sorts twenty times faster than the rows; where two rows share one, the rows themselves are sorted.
    weights = np.uint64(0x9E3779B97F4A7C15) ** np.arange(1, signs.shape[1] + 1, dtype=np.uint64)
    hashes = (signs * weights).sum(axis=1, dtype=np.uint64)
    _, first, codes = np.unique(hashes, return_index=True, return_inverse=True)
    if not (signs[first][codes] == signs).all():
        _, first, codes = np.unique(whole_rows, return_index=True, return_inverse=True)
    return codes.astype(np.int64), first.astype(np.int64)
