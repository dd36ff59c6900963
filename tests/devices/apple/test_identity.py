"""Who recorded."""

import pytest

from devices.files.apple.identity import is_apple_watch, read_device
from devices.recording import Device

OLD_WATCH = "<<HKDevice: 0x282a45810>, name:Apple Watch, manufacturer:Apple, model:Watch, hardware:Watch2,4, software:4.3.1>"
NEW_WATCH = (
    "<<HKDevice: 0x300e01d60>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch2,4, software:9.1,"
    " creation date:2022-09-20 13:05:51 +0000>"
)


@pytest.mark.parametrize(
    ("source", "text", "device"),
    [
        ("Eva’s Apple Watch", OLD_WATCH, Device("apple", "Watch2,4", name="Eva’s Apple Watch")),
        ("Eva’s Apple\N{NO-BREAK SPACE}Watch", NEW_WATCH, Device("apple", "Watch2,4", name="Eva’s Apple Watch")),
        (
            "Connect",
            "<<HKDevice: 0x1>, name:fenix 7, manufacturer:Garmin, model:fenix>",
            Device("garmin", "fenix", name="Connect fenix 7"),
        ),
        ("Beat", "<<HKDevice: 0x1>, name:A, b, manufacturer:X GmbH, model:C, d>", Device("x", "C, d", name="Beat A, b")),
        ("Health Mate", "", Device("apple", name="Health Mate")),
        ("", "", Device("apple")),
        ("x", "no such form", Device("apple", name="x")),
        ("a\0b\x0bc\x07", "", Device("apple", name="ab c")),
    ],
)
def test_devices(source: str, text: str, device: Device) -> None:
    assert read_device({"sourceName": source, "device": text}) == device


def test_only_a_watch_of_apple_vouches_for_steps() -> None:
    assert is_apple_watch(read_device({"sourceName": "x", "device": NEW_WATCH}))
    assert not is_apple_watch(read_device({"sourceName": "x", "device": NEW_WATCH}, entered_by_hand=True))
    assert not is_apple_watch(Device("garmin", "Watch2,4"))
    assert not is_apple_watch(Device("apple", "iPhone12,1"))
    assert not is_apple_watch(Device("apple"))


def test_a_name_is_never_endless() -> None:
    assert len(read_device({"sourceName": "x" * 100_000}).name) == 200
