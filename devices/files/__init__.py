"""Readers of exported files: one module a format, one line in READERS."""

from devices.errors import Unrecognised
from devices.files import (
    agd,
    apple,
    capture,
    fit,
    fitbit,
    gadgetbridge,
    garmin_connect,
    gpx,
    health_connect,
    omh,
    plain_csv,
    samsung,
    tcx,
    withings,
)
from devices.files.reader import Reader
from devices.files.source import Source, read_head
from devices.files.sqlite import table_names

READERS: tuple[Reader, ...] = (
    fit.READER,
    garmin_connect.READER,
    apple.READER,
    *fitbit.READERS,
    gadgetbridge.READER,
    health_connect.READER,
    samsung.READER,
    withings.READER,
    tcx.READER,
    gpx.READER,
    agd.READER,
    omh.READER,
    plain_csv.READER,
    capture.READER,
)


def identify(source: Source) -> Reader:
    """Return the one reader that claims the input. Raises: Unrecognised if none does, or several."""
    head, members = read_head(source), source.members or table_names(source)
    claims = [reader for reader in READERS if reader.identify(source.name, head, members)]
    if len(claims) == 1:
        return claims[0]
    if claims:
        raise Unrecognised(f"{source.name}: claimed by {' and '.join(reader.name for reader in claims)}")
    raise Unrecognised(f"{source.name}: expected an export that afoot reads, found bytes that start with {head[:16]!r}")
