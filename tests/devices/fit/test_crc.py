import random

import pytest

from devices.files.fit.crc import crc16, is_intact
from tests.devices.fit.writer import crc


def test_the_check_value_of_crc_16_arc() -> None:
    # The catalogue of parametrised CRC algorithms gives 0xBB3D for the digits 1 to 9.
    assert crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize("length", [0, 1, 2, 3, 118, 119, 120, 121, 239, 240, 241, 1_000, 61_439, 61_441, 70_001])
def test_agrees_with_the_register_run_bit_by_bit(length: int) -> None:
    data = random.Random(length).randbytes(length)
    assert crc16(data) == crc(data)


def test_a_single_wrong_bit_anywhere_is_found() -> None:
    chance = random.Random(5)
    data = chance.randbytes(900)
    whole = bytearray(data + crc(data).to_bytes(2, "little"))
    assert is_intact(bytes(whole))
    for bit in range(8 * len(whole)):
        whole[bit // 8] ^= 1 << bit % 8
        assert not is_intact(bytes(whole))
        whole[bit // 8] ^= 1 << bit % 8
