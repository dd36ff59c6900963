"""Names of devices say maker and model, tell two apart, and give no serial number away."""

from devices.recording import Device
from ingest.publishing.schema import MERGED
from ingest.publishing.sources import source_name


def test_two_of_one_model_are_told_apart() -> None:
    one, other = (source_name(b"s", "p", Device("Garmin", "Forerunner 265", serial)) for serial in ("1", "2"))
    assert one.startswith("garmin.forerunner-265.")
    assert one != other
    assert one == source_name(b"s", "p", Device("Garmin", "Forerunner 265", "1"))


def test_nobody_finds_the_serial_number_by_trying() -> None:
    device = Device("Garmin", "fenix", "3999999999", "Anna's watch")
    assert source_name(b"s", "p", device) != source_name(b"t", "p", device) != source_name(b"s", "q", device)
    for word in ("3999999999", "anna"):
        assert word not in source_name(b"s", "p", device)


def test_any_maker_makes_a_name() -> None:
    for device in (Device(""), Device("", "", None, "x"), Device("M/é ,=", "\n" * 9, "1"), Device("v" * 99, "m" * 99, "1")):
        name = source_name(b"s", "p", device)
        assert name != MERGED
        assert len(name) <= 50
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
