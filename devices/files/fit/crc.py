"""The CRC of FIT: CRC-16/ARC (polynomial x^16 + x^15 + x^2 + 1, reflected, starting at 0).

The polynomial is (x + 1)(x^15 + x + 1). Squaring a polynomial over GF(2) k times doubles each exponent k times, so
x^(15*B) = x^B + 1 holds modulo a power of the second factor for every B that is a power of two, and with it modulo that factor:
a block of B bits may be XORed onto the 14th and the 15th block after it and dropped. That is plain XOR of long runs of words,
14 blocks at a time, at the speed of memory. The first factor divides exactly the messages with an even number of one bits.

Source: the sparse-multiple reduction of Gopal et al., "Fast CRC Computation for Generic Polynomials", 2009; differs: a
trinomial and its powers instead of a carry-less multiplication, which numpy does not have.
"""

import numpy as np

_WORD = 8
_LEAST_BYTES = 30  # a file’s header, with and without its own CRC, is shorter
_LEAST_WORDS = 8  # below, the integers of the language are faster
_TOP_WORDS = 256  # the widest block: 15 of them lie in the cache nearest to the processor
_TRINOMIAL = 0xC001  # x^15 + x + 1, reflected in 16 bits: bit 0 is x^15


def crc16(data: bytes | memoryview) -> int:
    """Return the CRC of the bytes, as FIT stores it (little-endian) behind them."""
    remainder, odd = _reduce(data, shift=2)
    crc = remainder << 1
    return crc ^ _TRINOMIAL if crc.bit_count() % 2 != odd else crc


def is_intact(data: bytes | memoryview) -> bool:
    """Do the bytes end with their own CRC?"""
    return _reduce(data, shift=0) == (0, 0)


def _reduce(data: bytes | memoryview, shift: int) -> tuple[int, int]:
    """Return the bytes, followed by `shift` zero bytes, modulo x^15 + x + 1 (bit 0 is x^14) and modulo x + 1."""
    length = len(data) + shift
    if length <= _LEAST_BYTES:
        value = int.from_bytes(data, "little")
        return _reduce_int(value << 8 * (_LEAST_BYTES - length), 8 * _LEAST_BYTES // 15), value.bit_count() % 2
    source = np.frombuffer(data, dtype=np.uint8)
    width = _TOP_WORDS
    while width > _LEAST_WORDS and 30 * width * _WORD > length:
        width //= 2
    # Leading zero bytes change nothing, as the register starts at 0; they make the blocks come out even.
    count = max(15 * _LEAST_WORDS, -(-length // (width * _WORD)) * width)
    words = np.zeros(count, dtype=np.uint64)
    octets = words.view(np.uint8)
    octets[len(octets) - length : len(octets) - shift] = source
    at = 0
    while width >= _LEAST_WORDS:
        while (run := min(14 * width, count - at - 15 * width)) > 0:
            block = words[at : at + run]
            words[at + 14 * width : at + 14 * width + run] ^= block
            words[at + 15 * width : at + 15 * width + run] ^= block
            at += run
        width //= 2
    # Folding does not keep the parity, so it is taken from the bytes themselves.
    odd = int(np.bitwise_xor.reduce(source)).bit_count() % 2
    return _reduce_int(int.from_bytes(words[at:].tobytes(), "little"), _LEAST_WORDS * 8 * _WORD), odd


def _reduce_int(value: int, width: int) -> int:
    """Return the remainder of 15 * `width` bits, `width` a power of two: the first half onto the other, again and again."""
    while width > 1:
        width //= 2
        low = value & ((1 << 15 * width) - 1)
        # Of these 15 half blocks the first goes onto the last; then each goes onto the 14th and 15th after it.
        low ^= (low & ((1 << width) - 1)) << 14 * width
        value = value >> 15 * width ^ low ^ low >> width
    return value
