"""Fitabase's research export of Fitbit minutes: `minuteStepsNarrow`, local time, many participants in one file.

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
from devices.recording import MINUTE_MS, Device, Ms, Recording, Reject, Rejects

# The header -> our metric, the length that a row stands for
_TABLES: Mapping[tuple[str, ...], tuple[str, int]] = {
    ("id", "activityminute", "steps"): ("steps", MINUTE_MS),
    ("id", "time", "value"): ("heart_rate", 0),
}


class FitabaseReader(SingleFile):
    """Fitabase's minute steps and heart rate seconds."""

    name = "fitabase"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and find_header(head, ",") in _TABLES

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        require_zone(options, source.name)
        header = find_header(read_head(source), ",")
        if header not in _TABLES:
            found = ", ".join(header) or "none"
            raise DecodeError(f"{source.name} line 1", " or ".join(", ".join(names) for names in _TABLES), found)
        rejects = Rejects()
        local = ReadOptions(options.zone, "local")
        yield from with_rejects(_read_rows(source, header, local, rejects), rejects)


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
    _, time_column, value_column = header
    metric, length_ms = _TABLES[header]
    for rows in read_table(source, header, (), rejects):
        wall, is_time = _wall_times(rows[time_column])
        value, is_number = parse_decimals(rows[value_column])
        reject_rows(rejects, place, rows.lines, ~(is_time & is_number), "a local time and a number", "another value")
        kept = np.flatnonzero(is_time & is_number)
        lines = rows.lines[kept]
        start, known = find_instants(wall[kept], options, ordered=True, places=lines, rejects=rejects, place=place)
        samples = Samples(start, start + length_ms, value[kept], lines).take(known)
        stream = build_stream(metric, samples, rejects, place)
        if stream is not None:
            yield Recording(device, streams=(stream,))


def _wall_times(cells: Cells) -> tuple[Ms, Mask]:
    """Parse US times, or ISO ones: files of one export use different formats."""
    wall, good = parse_us(cells)
    iso = parse_iso(cells)
    return np.where(good, wall, iso.ms), good | iso.naive
