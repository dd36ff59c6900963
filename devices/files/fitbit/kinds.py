"""What is this file of the export? Told by its content; only where the content cannot tell, by its name.

Sources: Fitbit "Global Export Data" (JSON) and Google Health "…_GoogleData" folders (CSV), as public importers describe them.
"""

import re
from enum import Enum, auto

from devices.files.textual.encoding import head_text
from devices.files.textual.table import find_header


class Kind(Enum):
    STEPS_JSON = auto()
    HEART_RATE_JSON = auto()
    SLEEP_JSON = auto()
    EXERCISE_JSON = auto()
    STEPS_CSV = auto()
    HEART_RATE_CSV = auto()
    SLEEPS_CSV = auto()
    SLEEP_STAGES_CSV = auto()
    EXERCISES_CSV = auto()
    EMPTY = auto()  # the vendor says that there is nothing
    UNUSED = auto()  # the vendor's, and nothing about movement, wear or sleep in it


# Times without a zone, of which the vendor wrote some in UTC and some as local wall time.
NAIVE_KINDS = frozenset({Kind.STEPS_JSON, Kind.HEART_RATE_JSON, Kind.EXERCISE_JSON})

_NO_DATA = "no data"
_LIST_OF_OBJECTS = re.compile(r'\s*\[\s*\{\s*"')
_EMPTY_LIST = re.compile(r"\s*\[\s*\]\s*")
_KEYS = re.compile(r'"(\w+)"\s*:')
_US_TIME = re.compile(r'"dateTime"\s*:\s*"\d\d/\d\d/\d\d \d\d:\d\d:\d\d"')
# Steps, distance, calories and altitude have one and the same shape: the name alone says which one a file holds.
_STEPS_NAME = re.compile(r"(?:^|[^a-z])steps(?:[^a-z]|$)")
_SERIES_NAME = re.compile(r"^[a-z_0-9]+-(?:\d{4}-\d\d-\d\d|\d+)\b.*\.json$")
_USER_TABLE_NAME = re.compile(r"^user[a-z]+_\d{4}-\d\d-\d\d.*\.csv$")
_DAY_ONLY = re.compile(r"\d{4}-\d\d-\d\d[T ]00:00:00")

_EXACT_TABLES = {
    frozenset({"timestamp", "steps", "data source"}): Kind.STEPS_CSV,
    frozenset({"timestamp", "beats per minute", "data source"}): Kind.HEART_RATE_CSV,
}
_TABLES = (
    (frozenset({"sleep_stage_type", "sleep_stage_start", "sleep_stage_end"}), Kind.SLEEP_STAGES_CSV),
    (frozenset({"sleep_type", "sleep_start", "sleep_end"}), Kind.SLEEPS_CSV),
    (frozenset({"exercise_start", "exercise_end", "activity_name"}), Kind.EXERCISES_CSV),
)


def find_kind(name: str, head: bytes) -> Kind | None:
    """Return what the file is, or None if it is not of this vendor.

    head: its first bytes, some hundreds at least
    """
    text = head_text(head)
    base = re.split(r"[/\\!]", name)[-1].lower()
    if len(alone := text.strip()) == len(_NO_DATA) and alone.lower() == _NO_DATA:
        return Kind.EMPTY
    if _LIST_OF_OBJECTS.match(text):
        return _find_json_kind(base, text)
    if _EMPTY_LIST.fullmatch(text):
        return Kind.EMPTY if _SERIES_NAME.match(base) else None
    return _find_csv_kind(base, text, find_header(head, ","))


def _find_json_kind(base: str, text: str) -> Kind | None:
    keys = frozenset(_KEYS.findall(text))
    if keys >= {"logId", "dateOfSleep"}:
        return Kind.SLEEP_JSON
    if keys >= {"logId", "activityName"}:
        return Kind.EXERCISE_JSON
    if keys >= {"logId", "bmi"}:
        return Kind.UNUSED
    if not (keys >= {"dateTime", "value"} and _US_TIME.search(text)):
        return None
    if keys >= {"bpm", "confidence"}:
        return Kind.HEART_RATE_JSON
    return Kind.STEPS_JSON if keys == {"dateTime", "value"} and _STEPS_NAME.search(base) else Kind.UNUSED


def _find_csv_kind(base: str, text: str, header: tuple[str, ...]) -> Kind | None:
    names = frozenset(header)
    kind = _EXACT_TABLES.get(names)
    if kind is Kind.HEART_RATE_CSV and _is_daily(text):
        return Kind.UNUSED
    if kind is not None:
        return kind
    for needed, kind in _TABLES:
        if names >= needed:
            return kind
    if header[:1] == ("timestamp",) and header[-1:] == ("data source",):
        return Kind.UNUSED
    return Kind.UNUSED if _USER_TABLE_NAME.match(base) and len(header) > 1 else None


def _is_daily(text: str) -> bool:
    """Does every row stand for a day? The resting heart rate shares its header with the heart rate of the moment."""
    rows = [row for row in text.splitlines()[1:] if len(row) >= 20]
    return bool(rows) and all(_DAY_ONLY.match(row) for row in rows)
