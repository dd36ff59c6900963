"""Gadgetbridge's database, as its data management screen exports it (and as `database/Gadgetbridge` in its backup zip)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from devices.errors import DecodeError, Hostile, MissingAnswer
from devices.files.gadgetbridge.activity import Worn, read_family, read_heart_rates
from devices.files.gadgetbridge.families import ACTIVITIES, CHANGES, FAMILIES, HEART_RATES, NO_WORKOUT, STAGES
from devices.files.gadgetbridge.sleep import read_changes, read_stages
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source
from devices.files.sqlite import Database, is_sqlite, open_database
from devices.recording import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    Activity,
    Device,
    Recording,
    Reject,
    Rejects,
    Span,
    SpanKind,
)

_OWN_TABLES = frozenset({"DEVICE", "DEVICE_ATTRIBUTES", "USER_ATTRIBUTES"})
_MOST_DEVICES = 1_000
_WORKOUTS = "BASE_ACTIVITY_SUMMARY"
_SPANS_AT_ONCE = 10_000

TableReader = Callable[[], Iterator[Recording]]


class Gadgetbridge(SingleFile):
    """Reads the tables of `families`; a table that is damaged ends there, and the others are read all the same."""

    @property
    def name(self) -> str:
        return "gadgetbridge"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        if not is_sqlite(head):
            return False
        # Without a readable schema the name is all there is: what is wrong with the file is then for `read` to say.
        return _OWN_TABLES.issubset(members) or (not members and "gadgetbridge" in name.rpartition("!")[2].lower())

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        rejects = Rejects()
        with open_database(source) as database:
            devices = _read_devices(database, rejects)
            _require_zone(database, source.name, options)
            for read in _tables(database, devices, options.zone, rejects):
                try:
                    yield from read()
                except Hostile:
                    raise
                except DecodeError as error:
                    rejects.add(error.place, error.expected, error.found)
            yield from _strangers(database)
        yield from rejects.drain()


READER = Gadgetbridge()


def _tables(database: Database, devices: Mapping[int, Worn], zone: ZoneInfo | None, rejects: Rejects) -> Iterator[TableReader]:
    """Yield one reader for each known table that is there."""
    there = database.tables
    for family in FAMILIES:
        if family.table in there:
            yield partial(read_family, database, family, devices, zone, rejects)
    for table in HEART_RATES:
        if table in there:
            yield partial(read_heart_rates, database, table, devices, rejects)
    for stages in STAGES:
        if stages.table in there:
            yield partial(read_stages, database, stages, devices, rejects)
    for changes in CHANGES:
        if changes.table in there:
            yield partial(read_changes, database, changes, devices, rejects)
    if _WORKOUTS in there:
        yield partial(_read_workouts, database, devices, rejects)


def _read_devices(database: Database, rejects: Rejects) -> dict[int, Worn]:
    """Return the devices by the id that other tables give them.

    MODEL is left out: for many it is a hardware or firmware version that later exports fill in or change, and a device must
    stay the same device. NAME is what the wearable calls itself; the ALIAS that its wearer gave it is not read.
    """
    devices: dict[int, Worn] = {}
    for row in database.rows("DEVICE", ("_id", "NAME", "MANUFACTURER", "IDENTIFIER"), ("TYPE_NAME", "TYPE")):
        key, name, manufacturer, identifier, type_name, number = row
        if not (isinstance(key, int) and isinstance(identifier, str) and identifier):
            rejects.add(f"DEVICE {key}", "an id and an address", identifier)
            continue
        if len(devices) == _MOST_DEVICES:
            raise Hostile("DEVICE", f"at most {_MOST_DEVICES:,} devices", "more")
        device = Device(str(manufacturer or "unknown").lower(), str(name or ""), identifier)
        devices[key] = Worn(device, str(type_name or number or ""))
    return devices


def _require_zone(database: Database, name: str, options: ReadOptions) -> None:
    """Raises: MissingAnswer if a table counts from local midnight and nothing says where that was"""
    for family in FAMILIES:
        if options.zone is None and family.cumulative and _count(database, family.table):
            text = f"{name}: {family.table} counts steps from local midnight; in which zone was the phone?"
            raise MissingAnswer("zone", text)


def _strangers(database: Database) -> Iterator[Reject]:
    """Yield one reject for each table of steps whose meaning is not known, if it holds anything."""
    known = {family.table for family in FAMILIES}
    for table in sorted(database.tables - known):
        steps = {"TIMESTAMP", "DEVICE_ID", "STEPS"} <= database.columns(table) and not table.endswith("_SUMMARY_SAMPLE")
        if steps and (count := _count(database, table)):
            yield Reject(table, "a table of steps of a family that this reader knows", table, count)


def _count(database: Database, table: str) -> int:
    if table not in database.tables:
        return 0
    try:
        return sum(len(batch) for batch in database.batches(table, ("TIMESTAMP",)))
    except Hostile:
        raise
    except DecodeError:
        return 0


def _read_workouts(database: Database, devices: Mapping[int, Worn], rejects: Rejects) -> Iterator[Recording]:
    """Yield the exercises. Their names are the wearer's own words, and are not read."""
    spans: dict[int, list[Span]] = {}
    columns = ("DEVICE_ID", "START_TIME", "END_TIME", "ACTIVITY_KIND")
    for number, row in enumerate(database.rows(_WORKOUTS, columns)):
        device_id, start, end, kind = row
        place = f"{_WORKOUTS} row {number + 1}"
        if not (isinstance(device_id, int) and device_id in devices):
            rejects.add(place, "a device that the DEVICE table has", device_id)
            continue
        if not (
            isinstance(start, int) and isinstance(end, int) and EARLIEST_MS <= start < end <= LATEST_MS and end - start <= DAY_MS
        ):
            rejects.add(place, "an exercise that ends after it starts, within a day", f"{start} to {end}")
            continue
        if isinstance(kind, int) and kind not in NO_WORKOUT:
            spans.setdefault(device_id, []).append(Span(SpanKind.WORKOUT, start, end, _attributes(kind)))
        if len(spans.get(device_id, ())) >= _SPANS_AT_ONCE:
            yield Recording(devices[device_id].device, spans=tuple(spans.pop(device_id)))
    for device_id, found in spans.items():
        yield Recording(devices[device_id].device, spans=tuple(found))


def _attributes(kind: int) -> dict[str, str | int | float]:
    activity = ACTIVITIES.get(kind, Activity.OTHER)
    if activity is Activity.OTHER:
        return {"activity": activity.value, "name": f"Gadgetbridge kind {kind:#x}"}
    return {"activity": activity.value}
