"""Wristbands kept by Gadgetbridge: its SQLite database, as its data management screen exports it.

Source: the table generator and the sample providers of Gadgetbridge's public source, schema 92.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from devices.virtual.life import Day, Stage, State, truth
from devices.virtual.nights import sleeps
from devices.virtual.plan import WorkoutKind
from devices.virtual.wearer import Theme, Wearer, dice

Family = Literal["mi_band", "huami", "garmin"]

_SCHEMA_VERSION = 92
_USER = 1
_NO_PULSE = 255
_NOT_MEASURED = -1
_PULSE_EVERY_MIN = 5
# Gadgetbridge's own codes of an activity, which the Garmin table and the summaries hold.
_ACTIVITY, _WALKING, _CYCLING = 1, 0x20, 0x80
_SUMMARIES: Mapping[WorkoutKind, int] = MappingProxyType(
    {
        WorkoutKind.WALKING: _WALKING,
        WorkoutKind.STRENGTH: 0x200000,
        WorkoutKind.FLEXIBILITY: 0x04000074,
        WorkoutKind.CYCLING: _CYCLING,
    }
)
_SLEEP_EVENT, _FELL_ASLEEP, _WOKE = 74, 0, 1

# Columns are INTEGER unless they say otherwise; `!` is NOT NULL.
_KEY = "TIMESTAMP! DEVICE_ID! USER_ID!"
_SAMPLE = f"{_KEY} RAW_INTENSITY! STEPS! RAW_KIND! HEART_RATE!"
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "USER": "_id NAME:TEXT! BIRTHDAY! GENDER!",
        "USER_ATTRIBUTES": "_id HEIGHT_CM! WEIGHT_KG! SLEEP_GOAL_HPD STEPS_GOAL_SPD VALID_FROM_UTC VALID_TO_UTC USER_ID!",
        "DEVICE": "_id NAME:TEXT! MANUFACTURER:TEXT! IDENTIFIER:TEXT! TYPE! TYPE_NAME:TEXT! MODEL:TEXT ALIAS:TEXT"
        " PARENT_FOLDER:TEXT",
        "DEVICE_ATTRIBUTES": "_id FIRMWARE_VERSION1:TEXT! FIRMWARE_VERSION2:TEXT VALID_FROM_UTC VALID_TO_UTC DEVICE_ID!"
        " VOLATILE_IDENTIFIER:TEXT",
        "MI_BAND_ACTIVITY_SAMPLE": _SAMPLE,
        "HUAMI_EXTENDED_ACTIVITY_SAMPLE": f"{_SAMPLE} UNKNOWN1 SLEEP DEEP_SLEEP REM_SLEEP",
        "GARMIN_ACTIVITY_SAMPLE": f"{_SAMPLE} DISTANCE_CM! ACTIVE_CALORIES!",
        "GARMIN_SLEEP_STAGE_SAMPLE": f"{_KEY} STAGE!",
        "GARMIN_EVENT_SAMPLE": f"{_KEY} EVENT! EVENT_TYPE DATA",
        "BASE_ACTIVITY_SUMMARY": "_id NAME:TEXT START_TIME! END_TIME! ACTIVITY_KIND! BASE_LONGITUDE BASE_LATITUDE BASE_ALTITUDE"
        " GPX_TRACK:TEXT RAW_DETAILS_PATH:TEXT DEVICE_ID! USER_ID! SUMMARY_DATA:TEXT RAW_SUMMARY_DATA:BLOB",
    }
)
_KEYS: Mapping[str, str] = MappingProxyType({"GARMIN_EVENT_SAMPLE": '"TIMESTAMP" ,"DEVICE_ID" ,"EVENT" '})


def _table(name: str, columns: str) -> str:
    parts = []
    for column in columns.split():
        label, _, kind = column.rstrip("!").partition(":")
        rest = " PRIMARY KEY" if label == "_id" else " NOT NULL" if column.endswith("!") else ""
        parts.append(f'"{label}" {kind or "INTEGER"}{rest}')
    if "_id" in columns:
        return f'CREATE TABLE "{name}" ({" ,".join(parts)})'
    key = _KEYS.get(name, '"TIMESTAMP" ,"DEVICE_ID" ')
    return f'CREATE TABLE "{name}" ({" ,".join(parts)} ,PRIMARY KEY ({key}) ON CONFLICT REPLACE) WITHOUT ROWID'


@dataclass(frozen=True, slots=True)
class _Band:
    name: str
    manufacturer: str
    type_name: str
    address: str


_BANDS: Mapping[Family, _Band] = MappingProxyType(
    {
        "mi_band": _Band("Mi Band 3", "Huami", "MIBAND3", "C8:0F:10"),
        "huami": _Band("Amazfit Bip 5", "Amazfit", "AMAZFITBIP5", "F1:2B:77"),
        "garmin": _Band("Instinct 2S", "Garmin", "GARMIN_INSTINCT_2S", "E4:5F:3C"),
    }
)


def write_gadgetbridge(
    wearer: Wearer, days: Iterable[date], folder: Path, *, families: Sequence[Family] = ("mi_band",)
) -> list[Path]:
    """Write the database that holds these local days, as `Gadgetbridge.db`; one that is there is replaced.

    families: one band each, all worn together: `mi_band` and `huami` have a row a minute, with kinds for not worn and for
              charging; `garmin` has the day's count so far, at the end of minutes in which something was read
    Raises:   ValueError as `truth` does
    """
    lived = truth(wearer, days)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Gadgetbridge.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        for table, columns in _COLUMNS.items():
            database.execute(_table(table, columns))
        _insert(database, "USER", [(_USER, wearer.name, 0, 2)])
        for device_id, family in enumerate(families, start=1):
            _insert(database, "DEVICE", [_device(wearer, family, device_id)])
            _insert(database, "DEVICE_ATTRIBUTES", [(device_id, "1.0.0", None, None, None, device_id, None)])
            for day in lived:
                _WRITERS[family](database, wearer, day, device_id)
        _write_summaries(database, lived)
        if "garmin" in families:
            _write_garmin_sleep(database, lived, families.index("garmin") + 1)
    return [path]


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Sequence[object]]) -> None:
    listed = list(rows)
    if listed:
        database.executemany(f'INSERT INTO "{table}" VALUES ({",".join("?" * len(listed[0]))})', listed)


def _device(wearer: Wearer, family: Family, device_id: int) -> tuple[object, ...]:
    band = _BANDS[family]
    own = dice(wearer, Theme.GADGETBRIDGE).integers(0, 256, 3).tolist()
    address = f"{band.address}:" + ":".join(f"{part:02X}" for part in own)
    return device_id, band.name, band.manufacturer, address, -1, band.type_name, None, None, None


def _columns(*columns: object, n: int) -> Iterable[tuple[object, ...]]:
    """Return rows of the columns, each an array of n or one value for all."""
    lists = [column.tolist() if isinstance(column, np.ndarray) else [column] * n for column in columns]
    return zip(*lists, strict=True)


def _pulse(day: Day, at: npt.NDArray[np.int64], every_min: int, none: int) -> npt.NDArray[np.int64]:
    measured = (day.state[at] == State.WORN) & (day.at_ms[at] // 60_000 % every_min == 0)
    return np.where(measured, day.heart_rate[at], none)


def _write_mi_band(database: sqlite3.Connection, wearer: Wearer, day: Day, device_id: int) -> None:
    rng = dice(wearer, Theme.GADGETBRIDGE, day.day)
    at = np.flatnonzero(day.state != State.SILENT)
    states = [day.state == State.NOT_WORN, day.state == State.CHARGING, day.stage == Stage.DEEP, day.stage > 0]
    kind = np.select(states, [3, 6, 11, 9], 1)[at]
    # The low four bits are the kind; 0 says "as before", and the high ones vary.
    same = np.concatenate(([False], (np.diff(kind) == 0) & (np.diff(at) == 1)))
    kind = np.where(same & (rng.random(len(at)) < 0.05), 0, kind) | rng.choice((0, 0x50, 0x60), len(at))
    intensity = np.minimum(day.recorded[at] + (day.stage[at] == 0) * rng.integers(0, 20, len(at)), 200)
    when, pulse = day.at_ms[at] // 1000, _pulse(day, at, _PULSE_EVERY_MIN, _NO_PULSE)
    _insert(
        database,
        "MI_BAND_ACTIVITY_SAMPLE",
        _columns(when, device_id, _USER, intensity, day.recorded[at], kind, pulse, n=len(at)),
    )


def _write_huami(database: sqlite3.Connection, wearer: Wearer, day: Day, device_id: int) -> None:
    rng = dice(wearer, Theme.GADGETBRIDGE, day.day)
    at = np.flatnonzero(day.state != State.SILENT)
    stage, steps = day.stage[at], day.recorded[at]
    states = [day.state[at] == State.NOT_WORN, day.state[at] == State.CHARGING, stage > 0, steps > 0]
    kind = np.select(states, [115, 118, 120, 1], 80)
    # Bit 7 marks the value as measured; what is deep or REM exceeds a limit in the rest.
    deep, rem = np.where(stage == Stage.DEEP, 0x80 | 60, 0x80 | 10), np.where(stage == Stage.REM, 0x80 | 80, 0x80 | 5)
    intensity = np.minimum(steps + rng.integers(0, 12, len(at)), 200)
    when, pulse = day.at_ms[at] // 1000, _pulse(day, at, 1, _NO_PULSE)
    asleep = np.where(stage > 0, 0x80 | 50, 0)
    _insert(
        database,
        "HUAMI_EXTENDED_ACTIVITY_SAMPLE",
        _columns(when, device_id, _USER, intensity, steps, kind, pulse, 0, asleep, deep, rem, n=len(at)),
    )


def _write_garmin(database: sqlite3.Connection, wearer: Wearer, day: Day, device_id: int) -> None:
    """A row stands at the end of its minute: the one at local midnight has the whole day before it."""
    counted = day.recorded > 0
    pulse_due = (day.state == State.WORN) & (day.at_ms // 60_000 % 2 == 0)
    last = np.arange(len(counted)) == len(counted) - 1
    at = np.flatnonzero((counted | pulse_due | last) & (day.state != State.SILENT))
    total = np.cumsum(day.recorded.astype(np.int64))
    steps = np.where((counted | last)[at], total[at], _NOT_MEASURED)
    kind = np.where(counted[at], _WALKING, _ACTIVITY)
    pulse = np.where(pulse_due[at], day.heart_rate[at], _NOT_MEASURED)
    distance, calories = np.where(steps < 0, -1, steps * 68), np.where(steps < 0, -1, steps // 25)
    _insert(
        database,
        "GARMIN_ACTIVITY_SAMPLE",
        _columns(day.at_ms[at] // 1000 + 60, device_id, _USER, 0, steps, kind, pulse, distance, calories, n=len(at)),
    )


_WRITERS: Mapping[Family, Callable[[sqlite3.Connection, Wearer, Day, int], None]] = MappingProxyType(
    {"mi_band": _write_mi_band, "huami": _write_huami, "garmin": _write_garmin}
)


def _write_garmin_sleep(database: sqlite3.Connection, days: Sequence[Day], device_id: int) -> None:
    """Each stage stands at its end; the event at the start says where the first one began."""
    for night in sleeps(days):
        stages = [(end, device_id, _USER, stage + 1) for _, end, stage in night.runs()]
        events = [(night.start_ms, _FELL_ASLEEP), (night.end_ms, _WOKE)]
        _insert(database, "GARMIN_SLEEP_STAGE_SAMPLE", stages)
        _insert(database, "GARMIN_EVENT_SAMPLE", [(at, device_id, _USER, _SLEEP_EVENT, kind, None) for at, kind in events])


def _write_summaries(database: sqlite3.Connection, days: Sequence[Day]) -> None:
    """The workouts, as the first band recorded them."""
    workouts = [workout for day in days for workout in day.workouts]
    rows = [
        (i, workout.kind.value, workout.start_ms, workout.end_ms, _SUMMARIES[workout.kind], *[None] * 5, 1, _USER, None, None)
        for i, workout in enumerate(workouts, start=1)
    ]
    _insert(database, "BASE_ACTIVITY_SUMMARY", rows)
