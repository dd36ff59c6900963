"""How far ahead of UTC was the clock in a place, by the name that `HKTimeZone` gives?"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from devices.recording import EARLIEST_MS, LATEST_MS, Offset

_NAMES_LIMIT = 700  # there are about 600 zones; a file with more names makes them up


class Zones:
    """Looks zones up once each, the unknown ones too."""

    def __init__(self) -> None:
        self._known: dict[str, ZoneInfo | None] = {}

    def offset(self, name: str, at_ms: int) -> Offset | None:
        if name not in self._known:
            if len(self._known) >= _NAMES_LIMIT:
                return None
            self._known[name] = _find_zone(name)
        zone = self._known[name]
        if zone is None or not EARLIEST_MS <= at_ms <= LATEST_MS:
            return None
        ahead = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).utcoffset()
        return None if ahead is None else Offset(at_ms, int(ahead.total_seconds()))


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not a zone, not a name of a file within the zones, or a folder there
        return None
