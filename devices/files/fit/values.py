"""Stored columns -> the values that the profile means: named, scaled, in units, None where the device had none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from devices.files.fit.clock import NONE, unwrap
from devices.files.fit.container import COMPRESSED, MISSING, FitFile, Ints, Table, text_of
from devices.files.fit.definition import BYTE, STRING, Field
from devices.files.fit.profile import Component, FieldProfile, MessageProfile, message_profile
from devices.files.fit.rows import FIRST_ABSOLUTE

_EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
_TIMESTAMP = FieldProfile("timestamp", "date_time", {})


@dataclass(frozen=True, eq=False)
class NamedColumn:
    """One field of one table.

    name:     the profile's, or the developer's; "unknown_7" for field 7 that neither names
    units:    "" where the value has none; times are datetimes (aware; local ones naive, as the file does not say the zone)
    expanded: the value is bits of another field, not a field of its own
    rows:     (k,) which records of the table have it: a field can be another one while some other field holds some value
    values:   of these records: a number, a name, a text, a time, a tuple of them, or None
    """

    name: str
    units: str
    expanded: bool
    rows: Ints
    values: list[object]


def message_name(number: int) -> str:
    profile = message_profile(number)
    return f"unknown_{number}" if profile is None else profile.name


def named_columns(file: FitFile, table: Table) -> Iterator[NamedColumn]:
    """Yield every field of a table by name, scaled; those packed into bits of other fields, and compressed times, too."""
    message = message_profile(table.definition.global_number)
    everything = np.arange(len(table))
    for field in table.definition.fields:
        if not field.count:
            continue
        raw = raw_values(table, field)
        if field.developer is not None:
            name = f"unknown_dev_{field.developer}_{field.number}"
            units = ""
            if field.described is not None:
                name, units = field.described.name or f"unnamed_dev_field_{field.number}", field.described.units
            yield NamedColumn(name, units, False, everything, raw)
        elif message is None or field.number not in message.fields:
            yield NamedColumn(f"unknown_{field.number}", "", False, everything, raw)
        else:
            yield from _profiled(file, table, message, field, raw)
    compressed = np.flatnonzero(file.headers[np.searchsorted(file.records, table.at)] >= COMPRESSED)
    if len(compressed):
        times = [None if at == NONE else at for at in file.times(table)[compressed].tolist()]
        yield NamedColumn("timestamp", "", True, compressed, _convert(_TIMESTAMP, times))


def raw_values(table: Table, field: Field) -> list[object]:
    """Return a field as stored, None where invalid: numbers, texts, or a tuple a record where it holds several.

    Plain bytes are a tuple even when there is one only; all of them 0xFF is none.
    """
    column = table.columns[field.key]
    if field.base is STRING:
        return [text_of(row.tobytes()) or None for row in column.reshape(len(table), -1)]
    if field.base is BYTE:
        rows = column.reshape(len(table), -1)
        return [None if absent else tuple(row) for row, absent in zip(rows.tolist(), (rows == 0xFF).all(axis=1), strict=True)]
    absent = np.isnan(column) if field.base.invalid is None else column == field.base.invalid
    values = column.tolist()
    if not absent.any():
        return values if field.count == 1 else [tuple(row) for row in values]
    if field.count == 1:
        return [None if no else value for value, no in zip(values, absent.tolist(), strict=True)]
    return [
        tuple(None if no else value for value, no in zip(row, nos, strict=True))
        for row, nos in zip(values, absent.tolist(), strict=True)
    ]


def _profiled(file: FitFile, table: Table, message: MessageProfile, field: Field, raw: list[object]) -> Iterator[NamedColumn]:
    for meant, rows in _variants(table, message.fields[field.number]):
        own = raw if len(rows) == len(raw) else [raw[i] for i in rows.tolist()]
        yield NamedColumn(meant.name, _units(meant), False, rows, _convert(meant, own))
        for i, part in enumerate(meant.components):
            packed = _component(part, own)
            if packed is None:
                continue
            if part.accumulates:
                packed = _accumulated(file, table, field.number, i, part)
            scaled = _scale(part.scale, part.offset, packed)
            for target, among in _variants(table, message.fields[part.number], rows):
                values = [_named(target, scaled[j]) for j in np.searchsorted(rows, among).tolist()]
                yield NamedColumn(target.name, _units(target), True, among, values)


def _variants(table: Table, field: FieldProfile, rows: Ints | None = None) -> Iterator[tuple[FieldProfile, Ints]]:
    """Yield what the field is, and in which records; the first variant whose condition holds goes."""
    rows = np.arange(len(table)) if rows is None else rows
    for variant in field.variants:
        holds = np.zeros(len(table), dtype=np.bool_)
        for number, value in variant.when:
            stored = table.definition.field(number)
            if stored is not None and stored.count == 1 and (column := table.ints(number)) is not None:
                holds |= column == value
        if (own := holds[rows]).any():
            yield variant.field, rows[own]
            rows = rows[~own]
    if len(rows):
        yield field, rows


def _units(field: FieldProfile) -> str:
    return "" if field.type in _CONVERTERS and field.type != "bool" else field.units


def _component(part: Component, raw: list[object]) -> list[object] | None:
    """Return the bits of a component; None if the field is too short to hold any of them."""
    lengths = {len(value) for value in raw if isinstance(value, tuple)}
    if part.shift and lengths and part.shift >= 8 * max(lengths):
        return None
    mask = (1 << part.bits) - 1
    return [None if (whole := _whole(value)) is None else whole >> part.shift & mask for value in raw]


def _whole(value: object) -> int | None:
    if isinstance(value, tuple):
        return None if None in value else int.from_bytes(bytes(byte & 0xFF for byte in value), "little")
    return value if isinstance(value, int) else None


def _accumulated(file: FitFile, table: Table, number: int, index: int, part: Component) -> list[object]:
    """Return a component whose low bits alone are stored, run on over all records of its message in the file.

    It goes on from the whole value of the field that it belongs to, where a record holds that one (in the same scale).
    """
    order, full, low = [], [], []
    message = message_profile(table.definition.global_number)
    fields = message.fields if message is not None else {}
    same_scale = (fields[part.number].scale, fields[part.number].offset) == (part.scale, part.offset)
    siblings = [(i, other) for i, other in enumerate(fields[number].components) if other.number == part.number]
    for other_table in file.of(table.definition.global_number):
        whole = other_table.ints(part.number) if same_scale else None
        if whole is not None:
            order.append(other_table.at * 32)
            full.append(np.where(whole == MISSING, NONE, whole))
            low.append(np.full(len(whole), NONE))
        stored = other_table.definition.field(number)
        if stored is None:
            continue
        raw = raw_values(other_table, stored)
        for i, sibling in siblings:
            bits = _component(sibling, raw)
            if bits is not None:
                order.append(other_table.at * 32 + 1 + i)
                low.append(np.array([NONE if bit is None else bit for bit in bits], dtype=np.int64))
                full.append(np.full(len(bits), NONE))
    keys = np.concatenate(order)
    sequence = np.argsort(keys)
    start = np.zeros(1, dtype=np.int64)  # it counts from 0 where nothing says otherwise
    run = unwrap(
        np.concatenate([start, np.concatenate(full)[sequence]]),
        np.concatenate([start, np.concatenate(low)[sequence]]),
        (1 << part.bits) - 1,
    )[1:]
    mine = run[np.searchsorted(keys[sequence], table.at * 32 + 1 + index)]
    return [None if value == NONE else value for value in mine.tolist()]


def _convert(field: FieldProfile, values: list[object]) -> list[object]:
    if not field.names and field.type not in _CONVERTERS:
        return _scale(field.scale, field.offset, values)
    return [_converted(field, value) for value in values]


def _converted(field: FieldProfile, value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_converted(field, one) for one in value)
    named = _named(field, value)
    return named if named is not value else _scale(field.scale, field.offset, [value])[0]


def _named(field: FieldProfile, value: object) -> object:
    """Return a number by its name, or as the time or truth that it is."""
    if not isinstance(value, int):
        return value
    if field.type in _CONVERTERS:
        return _CONVERTERS[field.type](value)
    return field.names.get(value, value)


def _scale(scale: float | None, offset: float | None, values: list[object]) -> list[object]:
    if not scale and not offset:
        return values
    return [_scaled(scale, offset, value) for value in values]


def _scaled(scale: float | None, offset: float | None, value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_scaled(scale, offset, one) for one in value)
    if not isinstance(value, int | float):
        return value
    scaled = value / scale if scale else value
    return scaled - offset if offset else scaled


def _date_time(value: int) -> object:
    return _EPOCH + timedelta(seconds=value) if value >= FIRST_ABSOLUTE else value


def _local_date_time(value: int) -> object:
    return (_EPOCH + timedelta(seconds=value)).replace(tzinfo=None)


def _time_of_day(value: int) -> object:
    return time(value // 3600, value // 60 % 60, value % 60) if 0 <= value < 86_400 else value


_CONVERTERS: dict[str, Callable[[int], object]] = {
    "bool": bool,
    "date_time": _date_time,
    "local_date_time": _local_date_time,
    "localtime_into_day": _time_of_day,
}
