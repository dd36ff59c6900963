"""What fitparse makes of the public samples, and what we do, as comparable columns.

`python -m tests.devices.fit.oracle` reads every sample with fitparse, which takes minutes, and regenerates oracle.csv: one line
a sample with the digest of all that fitparse said. The tests compare ours with that, and the first messages value by value.
"""

import csv
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType

import fitparse
import fitparse.records
import numpy as np

from devices.files.fit import newer
from devices.files.fit.container import decode
from devices.files.fit.profile import type_names
from devices.files.fit.values import message_name, named_columns
from devices.recording import Rejects
from tests.shared import ROOT

SAMPLES = ROOT / "samples/fit"
TABLE = Path(__file__).with_name("oracle.csv")

Columns = Mapping[tuple[str, str], list[tuple[int, object, str]]]
"""(message, field) -> (ordinal of the message in the input, value, units) of each value."""


@dataclass(frozen=True)
class Difference:
    """Where we differ from fitparse on purpose: the same function brings both sides to what they must agree on."""

    reason: str
    agree_on: Callable[[object], object]


def _number(kind: str) -> Callable[[object], object]:
    """Turn names that fitparse does not have back into their numbers."""
    numbers = {name: number for number, name in newer.TYPES[kind].items()}
    return lambda value: numbers.get(value, value) if isinstance(value, str) else value


def _numbers(kind: str) -> Callable[[object], object]:
    numbers = {name: number for number, name in type_names(kind).items()}
    return lambda value: tuple(numbers.get(one, one) for one in value) if isinstance(value, tuple) else value


_NEW_SPORT = Difference("a sport that came after fitparse's profile has a name here", _number("sport"))
_NEW_MAKER = Difference("a manufacturer that came after fitparse's profile has a name here", _number("manufacturer"))

DIFFERENCES: Mapping[tuple[str, str], Difference] = MappingProxyType(
    {
        ("hr", "event_timestamp"): Difference(
            "12 bits that run on: fitparse starts them from 0, we (and the Garmin SDK) from the whole value before them",
            lambda value: value % 4 if isinstance(value, float) else value,
        ),
        ("sport", "sport"): _NEW_SPORT,
        ("lap", "sport"): _NEW_SPORT,
        ("session", "sport"): _NEW_SPORT,
        ("file_id", "manufacturer"): _NEW_MAKER,
        ("device_info", "manufacturer"): _NEW_MAKER,
        ("developer_data_id", "manufacturer_id"): _NEW_MAKER,
        ("monitoring_info", "activity_type"): Difference(
            "an array of named values: fitparse leaves the numbers, we name each", _numbers("activity_type")
        ),
    }
)
UNITS_OF_RELATIVE_TIME = "a time since switch-on (below 0x10000000) keeps the unit s in fitparse; here times have none"

FITPARSE_STOPS: Mapping[str, str] = MappingProxyType(
    {
        "python-fitparse/activity-activity-filecrc.fit": "CRC Mismatch",
        "python-fitparse/activity-filecrc.fit": "CRC Mismatch",
        "python-fitparse/activity-settings-corruptheader.fit": "Invalid .FIT File Header",
        "python-fitparse/activity-settings-nodata.fit": "Tried to read",
        "python-fitparse/activity-unexpected-eof.fit": "Tried to read",
        "python-fitparse/nick.fit": "Tried to read",
        "python-fitparse/strava-android-app-201.10-b1218918.fit": "invalid local message type 11",
        # A valid file, but a field's size is not a multiple of its type's: fitparse reads no further, we go on.
        "python-fitparse/coros-pace-2-cycling-misaligned-fields.fit": "Invalid field size 1",
    }
)


def sample_paths() -> list[Path]:
    return sorted(SAMPLES.rglob("*.fit"))


def theirs(data: bytes, limit: int | None = None) -> tuple[Columns, int, str]:
    """Return what fitparse says, how many messages it read, and the error it stopped with, if it did."""
    fitparse.records.DEV_TYPES.clear()  # it keeps developer types from file to file
    columns: dict[tuple[str, str], list[tuple[int, object, str]]] = {}
    count, error = 0, ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            for message in islice(fitparse.FitFile(data).get_messages(), limit):
                for field in message.fields:
                    columns.setdefault((message.name, field.name), []).append((count, field.value, field.units or ""))
                count += 1
        except fitparse.FitParseError as found:
            error = str(found)
    return columns, count, error


def ours(data: bytes, count: int) -> Columns:
    """Return what we say of the first `count` messages."""
    columns: dict[tuple[str, str], list[tuple[int, object, str]]] = {}
    first = 0
    for file in decode(data, rejects=Rejects()):
        for table in file.tables:
            message = message_name(table.definition.global_number)
            ordinal = np.searchsorted(file.records, table.at) + first
            for column in named_columns(file, table):
                places = ordinal[column.rows].tolist()
                rows = zip(places, column.values, [column.units] * len(places), strict=True)
                columns.setdefault((message, column.name), []).extend(row for row in rows if row[0] < count)
        first += len(file.records)
        if first >= count:
            break
    return {key: rows for key, rows in columns.items() if rows}


def agreed(columns: Columns) -> Iterator[tuple[tuple[str, str], list[int], list[object], list[str]]]:
    """Yield each column as both sides must have it: key, messages, values, units, in the file's order."""
    for key, rows in sorted(columns.items()):
        rows = sorted(rows, key=itemgetter(0))
        difference = DIFFERENCES.get(key)
        values = [row[1] for row in rows]
        if any(isinstance(value, datetime) for value in values):
            values = [_naive(value) for value in values]
        if difference is not None:
            values = [difference.agree_on(value) for value in values]
        yield key, [row[0] for row in rows], values, [_units(key, *row[1:]) for row in rows]


def digest(columns: Columns) -> str:
    total = hashlib.sha256()
    for key, places, values, units in agreed(columns):
        total.update(repr((key, places, values, sorted(set(units)))).encode())
    return total.hexdigest()


def _naive(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _units(key: tuple[str, str], value: object, units: str) -> str:
    return "" if key[1] == "timestamp" and isinstance(value, int) and value < 0x1000_0000 else units


def main() -> None:
    with TABLE.open("w", newline="") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(["sample", "sha256", "messages", "values", "digest"])
        for path in sample_paths():
            data = path.read_bytes()
            columns, count, _ = theirs(data)
            values = sum(len(rows) for rows in columns.values())
            name = path.relative_to(SAMPLES).as_posix()
            write.writerow([name, hashlib.sha256(data).hexdigest(), count, values, digest(columns)])


if __name__ == "__main__":
    main()
