"""Who recorded."""

import pytest

from devices.files.fit import READER
from devices.recording import Device
from tests.devices.fit.read import one
from tests.devices.fit.writer import UINT8, UINT32, file_id, fit, fit_time, header, message

BEAT = message(0, 20, [(253, UINT32, "I"), (3, UINT8, "B")], (fit_time(1_717_600_000), 70))


@pytest.mark.parametrize(
    ("manufacturer", "product", "serial", "expected"),
    [
        (1, 1837, 3_882_708_276, Device("garmin", "vivo_fit", "3882708276")),
        (1, 4315, 3_474_921_807, Device("garmin", "4315", "3474921807")),  # newer than the profile: by its number
        (294, 802, 0, Device("coros", "802", None)),
        (23, 67, 0xFFFF_FFFF, Device("suunto", "67", None)),
        (95, 0xFFFF, 0x7FFF_FFFF, Device("stryd", "", None)),
        (70, 46, 1, Device("sigmasport", "46", None)),  # a placeholder, not a serial number
        (255, 0, 468_127_667, Device("development", "0", None)),  # anybody's
        (60_000, 3, 123_456, Device("manufacturer_60000", "3", "123456")),
        (0xFFFF, 3, 123_456, Device("unknown", "3", "123456")),
    ],
)
def test_vendor_model_and_serial_number(manufacturer: int, product: int, serial: int, expected: Device) -> None:
    data = fit(file_id(4, manufacturer=manufacturer, product=product, serial=serial), BEAT)
    assert one(data).device == expected


def test_what_is_ours_is_told_by_content() -> None:
    assert READER.identify("whatever.bin", header(0), ())
    assert READER.identify("whatever.bin", header(0, 12), ())
    assert not READER.identify("activity.fit", b"<?xml version='1.0'?>", ())
    assert not READER.identify("activity.fit", b"\x04" + header(0)[1:], ())
    assert not READER.identify("activity.fit", header(0)[:11], ())
    assert not READER.identify("export.zip", header(0), ("a.fit",))
    assert READER.name == "fit"
