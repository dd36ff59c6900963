"""Health Connect's own export: the database of Android's store of health records, as the phone writes it into a zip.

Each record says which app wrote it and, if the app did, on which device: each such pair is a device here, as the same walk
comes once from every app that counted it. No app says for which time it would have known of steps: nothing is vouched for.
Source: the platform's public text (AOSP, HealthFitness module): its tables, record types and constants
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError, Hostile
from devices.files.offsets import tell_offsets
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.sqlite import MISSING, Batch, Database, is_sqlite, open_database, shown
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    METRICS,
    Activity,
    Device,
    Intervals,
    Metric,
    Offset,
    Recording,
    Reject,
    Rejects,
    Span,
    SpanKind,
    Stream,
    believable,
)

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_OWN_TABLES = frozenset({"application_info_table", "steps_record_table"})
_SOURCE = ("app_info_id", "device_info_id")
_INTERVAL = ("start_time", "end_time")
_OFFSETS = ("start_zone_offset",)
_MANUAL = 3  # recording_method: typed in by hand
_LARGEST_OFFSET_S = 18 * 3_600
_MOST_NAMES = 100_000
_MOST_RECORDS = 4_000_000  # of heart rates or sleep: ten years of one every minute and a half
_NONE = np.empty(0, dtype=np.int64)

STAGES: Mapping[int, str] = {1: "awake", 2: "asleep", 3: "awake", 4: "light", 5: "deep", 6: "rem", 7: "awake"}

# exercise_type, from 0 on.
EXERCISES: tuple[str, ...] = (
    *("unknown", "badminton", "baseball", "basketball", "biking", "stationary biking", "boot camp", "boxing"),
    *("calisthenics", "cricket", "dancing", "exercise class", "fencing", "american football", "australian football"),
    *("frisbee", "golf", "guided breathing", "gymnastics", "handball", "high intensity intervals", "hiking", "ice hockey"),
    *("ice skating", "martial arts", "paddling", "paragliding", "pilates", "racquetball", "rock climbing"),
    *("roller hockey", "rowing", "rugby", "running", "treadmill running", "sailing", "scuba diving", "skating", "skiing"),
    *("snowboarding", "snowshoeing", "soccer", "softball", "squash", "stair climbing", "strength training", "stretching"),
    *("surfing", "open water swimming", "pool swimming", "table tennis", "tennis", "volleyball", "walking", "water polo"),
    *("weightlifting", "wheelchair", "yoga", "other", "stair machine", "elliptical", "rowing machine"),
)
ACTIVITIES: Mapping[str, Activity] = {
    "biking": Activity.CYCLING,
    "stationary biking": Activity.CYCLING,
    "calisthenics": Activity.STRENGTH,
    "guided breathing": Activity.BREATHWORK,
    "hiking": Activity.HIKING,
    "pilates": Activity.PILATES,
    "running": Activity.RUNNING,
    "treadmill running": Activity.TREADMILL,
    "strength training": Activity.STRENGTH,
    "stretching": Activity.FLEXIBILITY,
    "open water swimming": Activity.SWIMMING,
    "pool swimming": Activity.SWIMMING,
    "walking": Activity.WALKING,
    "weightlifting": Activity.STRENGTH,
    "yoga": Activity.YOGA,
}


class HealthConnect(SingleFile):
    """Reads steps, heart rates, sleep and exercises; titles and notes are the wearer's own words and stay unread."""

    @property
    def name(self) -> str:
        return "health_connect"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        if not is_sqlite(head):
            return False
        return _OWN_TABLES.issubset(members) or (not members and "health_connect" in name.rpartition("!")[2].lower())

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        with open_database(source) as database:
            devices = _Devices(database)
            for read in (_read_steps, _read_heart_rates, _read_sleep, _read_exercises):
                try:
                    yield from read(database, devices, rejects)
                except Hostile:
                    raise
                except DecodeError as error:
                    rejects.add(error.place, error.expected, error.found)
        yield from rejects.drain()


READER = HealthConnect()


class _Devices:
    """The device of each pair of app and device number."""

    def __init__(self, database: Database) -> None:
        self._apps = _names(database, "application_info_table", ("package_name",))
        self._models = _names(database, "device_info_table", ("manufacturer", "model"))

    def __getitem__(self, key: tuple[int, int]) -> Device:
        app, device = key
        return Device("health_connect", self._models.get(device, ""), None, self._apps.get(app, "unknown app"))


def _names(database: Database, table: str, columns: tuple[str, ...]) -> dict[int, str]:
    if table not in database.tables:
        return {}
    names: dict[int, str] = {}
    for key, *parts in database.rows(table, ("row_id", *columns)):
        if isinstance(key, int):
            names[key] = " ".join(str(part) for part in parts if part)
        if len(names) > _MOST_NAMES:
            raise Hostile(table, f"at most {_MOST_NAMES:,} names", "more")
    return names


def _read_steps(database: Database, devices: _Devices, rejects: Rejects) -> Iterator[Recording]:
    columns = (*_SOURCE, *_INTERVAL, "count")
    for batch in _present(database, "steps_record_table", columns, (*_OFFSETS, "recording_method")):
        for key, rows in _by_device(_measured(batch, rejects)):
            start, end, count = rows["start_time"], rows["end_time"], rows["count"]
            good = _good(METRICS["steps"], start, end, count, batch.place, rejects)
            stream = Stream("steps", Intervals(start[good], end[good], count[good].astype(np.int32)))
            offsets = _offsets(start[good], rows["start_zone_offset"][good])
            yield Recording(devices[key], (stream,), offsets=offsets)


def _read_heart_rates(database: Database, devices: _Devices, rejects: Rejects) -> Iterator[Recording]:
    parents = _Parents(database, "heart_rate_record_table")
    columns = ("parent_key", "epoch_millis", "beats_per_minute")
    for batch in _present(database, "heart_rate_record_series_table", columns):
        for key, rows in _by_device(parents.joined(batch, rejects)):
            at, rate = rows["epoch_millis"], rows["beats_per_minute"]
            good = _good(METRICS["heart_rate"], at, at, rate, batch.place, rejects)
            yield Recording(devices[key], (Stream("heart_rate", Intervals(at[good], at[good], rate[good].astype(np.int32))),))


def _read_sleep(database: Database, devices: _Devices, rejects: Rejects) -> Iterator[Recording]:
    """Yield the stages, and the sessions: time in bed where there are stages, sleep where there are none."""
    parents = _Parents(database, "sleep_session_record_table")
    staged = _NONE
    columns = ("parent_key", "stage_start_time", "stage_end_time", "stage_type")
    for batch in _present(database, "sleep_stages_table", columns):
        staged = np.union1d(staged, batch.columns["parent_key"])
        _check_count("sleep_stages_table", len(staged))
        for key, rows in _by_device(parents.joined(batch, rejects)):
            start, end, stage = rows["stage_start_time"], rows["stage_end_time"], rows["stage_type"]
            good = _lasts(start, end, batch.place, rejects) & np.isin(stage, list(STAGES))
            found = zip(start[good].tolist(), end[good].tolist(), stage[good].tolist(), strict=True)
            spans = tuple(Span(SpanKind.SLEEP, begin, finish, {"stage": STAGES[code]}) for begin, finish, code in found)
            yield Recording(devices[key], spans=spans)
    for batch in _present(database, "sleep_session_record_table", ("row_id", *_SOURCE, *_INTERVAL), _OFFSETS):
        for key, rows in _by_device(batch):
            start, end = rows["start_time"], rows["end_time"]
            good = _lasts(start, end, batch.place, rejects)
            in_bed = np.isin(rows["row_id"], staged)[good].tolist()
            found = zip(start[good].tolist(), end[good].tolist(), in_bed, strict=True)
            yield Recording(
                devices[key],
                spans=tuple(_session(*session) for session in found),
                offsets=_offsets(start[good], rows["start_zone_offset"][good]),
            )


def _session(start: int, end: int, in_bed: bool) -> Span:
    return Span(SpanKind.IN_BED, start, end) if in_bed else Span(SpanKind.SLEEP, start, end, {"stage": "asleep"})


def _read_exercises(database: Database, devices: _Devices, rejects: Rejects) -> Iterator[Recording]:
    columns = (*_SOURCE, *_INTERVAL, "exercise_type")
    for batch in _present(database, "exercise_session_record_table", columns, _OFFSETS):
        for key, rows in _by_device(batch):
            start, end, kind = rows["start_time"], rows["end_time"], rows["exercise_type"]
            good = _lasts(start, end, batch.place, rejects)
            found = zip(start[good].tolist(), end[good].tolist(), kind[good].tolist(), strict=True)
            yield Recording(
                devices[key],
                spans=tuple(Span(SpanKind.WORKOUT, begin, finish, _workout(code)) for begin, finish, code in found),
                offsets=_offsets(start[good], rows["start_zone_offset"][good]),
            )


def _workout(code: int) -> dict[str, str | int | float]:
    name = EXERCISES[code] if 0 <= code < len(EXERCISES) else f"exercise type {code}"
    activity = ACTIVITIES.get(name, Activity.OTHER)
    return {"activity": activity.value, "name": name}


class _Parents:
    """Which app and device wrote the record that a row of a series belongs to."""

    def __init__(self, database: Database, table: str) -> None:
        ids, apps, models = [_NONE], [_NONE.astype(np.int32)], [_NONE.astype(np.int32)]
        for batch in _present(database, table, ("row_id", *_SOURCE)):
            ids.append(batch.columns["row_id"])
            apps.append(_narrowed(batch.columns["app_info_id"]))
            models.append(_narrowed(batch.columns["device_info_id"]))
            _check_count(table, sum(map(len, ids)))
        self._ids, self._app, self._device = np.concatenate(ids), np.concatenate(apps), np.concatenate(models)
        if (np.diff(self._ids) < 0).any():
            order = np.argsort(self._ids, kind="stable")
            self._ids, self._app, self._device = self._ids[order], self._app[order], self._device[order]

    def joined(self, batch: Batch, rejects: Rejects) -> Batch:
        """Return the rows that have a parent, with its app and device beside them."""
        wanted = batch.columns["parent_key"]
        index = np.searchsorted(self._ids, wanted)
        there = index < len(self._ids)
        there[there] = self._ids[index[there]] == wanted[there]
        rejects.add(batch.place, "rows of a record that is there", "no such record", int((~there).sum()))
        columns = {name: column[there] for name, column in batch.columns.items()}
        whose = index[there]
        own = {"app_info_id": self._app[whose].astype(np.int64), "device_info_id": self._device[whose].astype(np.int64)}
        return Batch(batch.place, {**columns, **own})


def _narrowed(ids: Column) -> npt.NDArray[np.int32]:
    return np.clip(ids, -1, np.iinfo(np.int32).max).astype(np.int32)


def _check_count(table: str, count: int) -> None:
    if count > _MOST_RECORDS:
        raise Hostile(table, f"at most {_MOST_RECORDS:,} records", "more")


def _present(database: Database, table: str, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Batch]:
    return database.batches(table, required, optional) if table in database.tables else iter(())


def _by_device(batch: Batch) -> Iterator[tuple[tuple[int, int], dict[str, Column]]]:
    """Yield ((app, device), its rows), in the order of the file."""
    app, device = batch.columns["app_info_id"], batch.columns["device_info_id"]
    if not len(app):
        return
    order = np.lexsort((device, app))
    edges = np.flatnonzero((np.diff(app[order]) != 0) | (np.diff(device[order]) != 0)) + 1
    for rows in np.split(order, edges):
        yield (int(app[rows[0]]), int(device[rows[0]])), {name: column[rows] for name, column in batch.columns.items()}


def _measured(batch: Batch, rejects: Rejects) -> Batch:
    typed = batch.columns["recording_method"] == _MANUAL
    if not typed.any():
        return batch
    rejects.add(batch.place, "a measurement", "a number typed in by hand", int(typed.sum()))
    return Batch(batch.place, {name: column[~typed] for name, column in batch.columns.items()})


def _good(metric: Metric, start: Column, end: Column, value: Column, place: str, rejects: Rejects) -> Mask:
    good = believable(metric, start, end, value)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        found = f"{shown(int(value[row]))} from {shown(int(start[row]))} to {shown(int(end[row]))}"
        rejects.add(place, f"a believable {metric.name} and time", found, int((~good).sum()))
    return good


def _lasts(start: Column, end: Column, place: str, rejects: Rejects) -> Mask:
    good = (start >= EARLIEST_MS) & (end <= LATEST_MS) & (end > start) & (end <= start + DAY_MS)
    rejects.add(place, "a stretch that ends after it starts, within a day", "another", int((~good).sum()))
    return good


def _offsets(at: Column, offset_s: Column) -> tuple[Offset, ...]:
    known = (np.abs(offset_s) <= _LARGEST_OFFSET_S) & (offset_s != MISSING)
    return tell_offsets(at[known], offset_s[known])
