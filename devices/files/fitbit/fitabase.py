"""Fitabase's research export of Fitbit minutes: `minuteStepsNarrow`, local time, many participants in one file; and the hours
that Fitbit itself summed, to check the minutes by.

One import is one person's, so a file with several participants is refused: it must be split by Id first.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from devices.errors import DecodeError
from devices.files.fitbit.clock import find_instants, require_zone
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_head
from devices.files.textual.cells import Cells, Mask, factorise, parse_decimals
from devices.files.textual.series import Samples, build_stream, reject_rows, with_rejects
from devices.files.textual.table import find_header, read_table
from devices.files.textual.times import parse_iso, parse_us
from devices.recording import MINUTE_MS, Device, Ms, Recording, Reject, Rejects, VendorHour

# The header -> our metric, the length that a row stands for
_TABLES: Mapping[tuple[str, ...], tuple[str, int]] = {
    ("id", "activityminute", "steps"): ("steps", MINUTE_MS),
    ("id", "time", "value"): ("heart_rate", 0),
}


_HOURS = ("id", "activityhour", "steptotal")
_HOUR_MS = 60 * MINUTE_MS
_MOST_OF_AN_HOUR = 60 * 400


class FitabaseReader(SingleFile):
    """Fitabase's minute steps and heart rate seconds."""

    name = "fitabase"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and find_header(head, ",") in (*_TABLES, _HOURS)

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        require_zone(options, source.name)
        header = find_header(read_head(source), ",")
        if header not in (*_TABLES, _HOURS):
            found = ", ".join(header) or "none"
            raise DecodeError(f"{source.name} line 1", " or ".join(", ".join(names) for names in (*_TABLES, _HOURS)), found)
        rejects = Rejects()
        local = ReadOptions(options.zone, "local")
        yield from with_rejects((_read_hours if header == _HOURS else _read_rows)(source, header, local, rejects), rejects)


def _find_participant(source: Source) -> str | None:
    """Return the one participant of the file, None if it names none.

    Raises: DecodeError if there are several, before anything of one is kept
    """
    participants = {name for rows in read_table(source, ("id",), (), Rejects()) for name in factorise(rows["id"])[1]}
    if len(participants) > 1:
        raise DecodeError(f"{source.name} column Id", "one participant, for an import is one person's", f"{len(participants)}")
    return next(iter(participants), "") or None


def _read_rows(source: Source, header: tuple[str, ...], options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    place, device = f"{source.name} line", Device("fitbit", model="fitabase", serial=_find_participant(source))
    metric, length_ms = _TABLES[header]
    for samples in _read_samples(source, header, options, rejects, length_ms):
        stream = build_stream(metric, samples, rejects, place)
        if stream is not None:
            yield Recording(device, streams=(stream,))


def _read_hours(source: Source, header: tuple[str, ...], options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    """Yield the hours that Fitbit summed, without the last one with steps and those after it: they may not have been over."""
    device = Device("fitbit", model="fitabase", serial=_find_participant(source))
    hours: list[VendorHour] = []
    for samples in _read_samples(source, header, options, rejects, _HOUR_MS):
        good = (samples.value >= 0) & (samples.value <= _MOST_OF_AN_HOUR)
        reject_rows(rejects, f"{source.name} line", samples.places, ~good, "the steps of an hour", "another number")
        rows = zip(samples.start_ms[good].tolist(), samples.end_ms[good].tolist(), samples.value[good].tolist(), strict=True)
        hours += [VendorHour(start, end, "steps", round(value)) for start, end, value in rows]
    newest_ms = max((hour.start_ms for hour in hours if hour.value), default=0)
    over = tuple(hour for hour in hours if hour.start_ms < newest_ms)
    if over:
        yield Recording(device, hours=over)


def _read_samples(
    source: Source, header: tuple[str, ...], options: ReadOptions, rejects: Rejects, length_ms: int
) -> Iterator[Samples]:
    place = f"{source.name} line"
    _, time_column, value_column = header
    for rows in read_table(source, header, (), rejects):
        wall, is_time = _wall_times(rows[time_column])
        value, is_number = parse_decimals(rows[value_column])
        reject_rows(rejects, place, rows.lines, ~(is_time & is_number), "a local time and a number", "another value")
        kept = np.flatnonzero(is_time & is_number)
        lines = rows.lines[kept]
        start, known = find_instants(wall[kept], options, ordered=True, places=lines, rejects=rejects, place=place)
        yield Samples(start, start + length_ms, value[kept], lines).take(known)


def _wall_times(cells: Cells) -> tuple[Ms, Mask]:
    """Parse US times, or ISO ones: files of one export use different formats."""
    wall, good = parse_us(cells)
    iso = parse_iso(cells)
    return np.where(good, wall, iso.ms), good | iso.naive
