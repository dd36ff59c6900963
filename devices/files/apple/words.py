"""Text compared 8 letters at a time, as numbers."""

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]
Letters = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


def words_of(data: bytes) -> Words:
    """The 8 bytes from every position on, as one little-endian number each: (len(data) - 7,) uint64, a view."""
    return np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))


def word(text: bytes) -> np.uint64:
    """The number that the first 8 bytes of a text make."""
    return np.uint64(int.from_bytes(text[:8], "little"))


def among(values: npt.NDArray[np.unsignedinteger], choices: tuple[np.unsignedinteger, ...]) -> Mask:
    """Which values are one of a few: what `np.isin` says, without its overhead on small arrays."""
    found = np.zeros(len(values), dtype=np.bool_)
    for choice in choices:
        found |= values == choice
    return found
