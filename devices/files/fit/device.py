"""Who wrote the file: its file_id."""

from dataclasses import dataclass

from devices.files.fit.container import MISSING, FitFile, Table
from devices.files.fit.messages import FILE_ID
from devices.files.fit.profile import type_name
from devices.recording import Device

_TYPE, _MANUFACTURER, _PRODUCT, _SERIAL = 0, 1, 2, 3
# Numbers that stand where a writer has no serial number to give: apps and software development kits use them by the thousand.
_PLACEHOLDERS = frozenset({0x7FFF_FFFF, 0xFFFF_FFFF, 123_456_789, 1_234_567_890})
_LEAST_SERIAL = 1_000
_DEVELOPMENT = 255
_GARMIN_PRODUCTS = frozenset({1, 13, 15})
"""garmin, dynastream_oem, dynastream: their product numbers are Garmin's."""


@dataclass(frozen=True, slots=True)
class FileId:
    """type: what kind of file it is, by the profile's number; None where the file does not say."""

    type: int | None
    device: Device


def read_file_id(file: FitFile) -> FileId | None:
    """Return the first file_id of the file; None if it has none.

    The model comes from the product number alone: the product's name stands in some files of a device and not in others.
    """
    tables = file.of(FILE_ID)
    if not tables:
        return None
    kind, manufacturer, product, serial = (_first(tables[0], field) for field in (_TYPE, _MANUFACTURER, _PRODUCT, _SERIAL))
    vendor = "unknown" if manufacturer is None else type_name("manufacturer", manufacturer) or f"manufacturer_{manufacturer}"
    model = ""
    if product is not None:
        named = type_name("garmin_product", product) if manufacturer in _GARMIN_PRODUCTS else None
        model = named or str(product)
    told_apart = serial is not None and serial >= _LEAST_SERIAL and serial not in _PLACEHOLDERS
    return FileId(kind, Device(vendor, model, str(serial) if told_apart and manufacturer != _DEVELOPMENT else None))


def _first(table: Table, field: int) -> int | None:
    column = table.ints(field)
    return None if column is None or column[0] == MISSING else int(column[0])
