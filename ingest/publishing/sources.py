"""What a device is called where its owner has only a pseudonym: maker and model, and letters that tell two of one model apart."""

import hmac
import re

from sqlalchemy import Connection, select

from devices.recording import Device
from ingest import tables

_LETTERS = 6
_OTHER = re.compile(r"[^a-z0-9-]+")


def read_secret(connection: Connection) -> bytes:
    """Return what only this store knows, so that nobody can find out a serial number by trying."""
    return str(connection.execute(select(tables.about.c.value).where(tables.about.c.key == "store")).scalar()).encode()


def source_name(secret: bytes, pseudonym: str, device: Device) -> str:
    """Return the name: the same for one device of one patient, and no serial number or given name in it."""
    own = hmac.new(secret, f"{pseudonym}/{device.key}".encode(), "sha256").hexdigest()[:_LETTERS]
    return ".".join(part for part in (_plain(device.vendor, 16), _plain(device.model, 24), own) if part)


def _plain(text: str, most: int) -> str:
    return _OTHER.sub("-", text.lower()).strip("-")[:most].strip("-")
