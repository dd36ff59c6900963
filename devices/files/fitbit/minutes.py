"""Minutes of steps and readings of the heart rate, from JSON without a zone and from CSV in UTC."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from devices.errors import DecodeError
from devices.files.fitbit.clock import find_instants, require_answer
from devices.files.reader import ReadOptions
from devices.files.source import Source
from devices.files.textual.cells import Cells, Index, Mask, factorise, group_rows, parse_decimals
from devices.files.textual.records import Record, Records, read_records
from devices.files.textual.series import Samples, build_stream, reject_rows
from devices.files.textual.table import Rows, read_table
from devices.files.textual.times import NAIVE, parse_iso, parse_us
from devices.recording import MINUTE_MS, Device, Ms, Recording, Rejects

Numbers = npt.NDArray[np.float64]

VENDOR = "fitbit"
# The JSON series are the account's own: what Fitbit made of the tracker and the phone together.
ACCOUNT = Device(VENDOR, name="account")

# So that the two passes of a repeated hour lie in one piece; a month of minutes is less than a tenth of it.
_ROWS_AT_ONCE = 500_000
# What a tracker writes while it has no pulse yet: with a confidence of 0, the one value of 70.
_NO_PULSE = (70, 0)


def read_steps_json(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    require_answer(options, source.name)
    for part in gather(read_records(source, 1, rejects)):
        texts = [plain_text(row.get("value")) for row in part.rows]
        yield from _build(source, options, rejects, part, Cells.of(texts), "steps", MINUTE_MS)


def read_heart_rate_json(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    require_answer(options, source.name)
    for part in gather(read_records(source, 1, rejects)):
        values = [value if type(value := row.get("value")) is dict else {} for row in part.rows]
        pulses = [(value.get("bpm"), value.get("confidence")) != _NO_PULSE for value in values]
        kept = np.array(pulses, dtype=bool)
        reject_rows(rejects, f"{source.name} record", part.numbers, ~kept, "a pulse that was found", "70 at confidence 0")
        texts = [plain_text(value.get("bpm")) for value, pulse in zip(values, pulses, strict=True) if pulse]
        rows = [row for row, pulse in zip(part.rows, pulses, strict=True) if pulse]
        yield from _build(source, options, rejects, Records(part.numbers[kept], rows), Cells.of(texts), "heart_rate", 0)


def read_steps_csv(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    return _read_csv(source, rejects, "steps", "steps", MINUTE_MS)


def read_heart_rate_csv(source: Source, options: ReadOptions, rejects: Rejects) -> Iterator[Recording]:
    return _read_csv(source, rejects, "beats per minute", "heart_rate", 0)


def read_wall_steps(source: Source, rejects: Rejects) -> Iterator[tuple[Ms, npt.NDArray[np.int64]]]:
    """Yield the minutes of a JSON file as they stand: ((n,) int64 wall clock read as UTC, (n,) steps)."""
    for records in read_records(source, 1, rejects):
        wall, good = parse_us(wall_times(records.rows, "dateTime"))
        value, is_number = parse_decimals(Cells.of([plain_text(row.get("value")) for row in records.rows]))
        yield wall[good & is_number], value[good & is_number].astype(np.int64)


def wall_times(rows: Sequence[Record], key: str) -> Cells:
    return Cells.of([text if type(text := row.get(key)) is str else "" for row in rows])


def plain_text(value: object) -> str:
    """Return a number or the text of one, and nothing of any other value."""
    return str(value) if type(value) in (str, int, float) else ""


def gather(parts: Iterable[Records]) -> Iterator[Records]:
    """Yield records in pieces large enough that a file of a month is one; of a damaged file first what came before."""
    numbers, rows = list[Index](), list[Record]()
    damage: DecodeError | None = None
    try:
        for part in parts:
            numbers.append(part.numbers)
            rows += part.rows
            if len(rows) >= _ROWS_AT_ONCE:
                yield Records(np.concatenate(numbers), rows)
                numbers, rows = [], []
    except DecodeError as error:
        damage = error
    if rows:
        yield Records(np.concatenate(numbers), rows)
    if damage is not None:
        raise damage


def _build(
    source: Source, options: ReadOptions, rejects: Rejects, part: Records, values: Cells, metric: str, length_ms: int
) -> Iterator[Recording]:
    place = f"{source.name} record"
    wall, is_time = parse_us(wall_times(part.rows, "dateTime"))
    value, is_number = parse_decimals(values)
    reject_rows(rejects, place, part.numbers, ~is_time, "a dateTime as MM/DD/YY HH:MM:SS", "another value")
    reject_rows(rejects, place, part.numbers, is_time & ~is_number, f"a number for {metric}", "another value")
    rows = np.flatnonzero(is_time & is_number)
    numbers = part.numbers[rows]
    start, known = find_instants(wall[rows], options, ordered=True, places=numbers, rejects=rejects, place=place)
    samples = Samples(start, start + length_ms, value[rows], numbers).take(known)
    stream = build_stream(metric, samples, rejects, place)
    if stream is not None:
        yield Recording(ACCOUNT, streams=(stream,))


def _read_csv(source: Source, rejects: Rejects, column: str, metric: str, length_ms: int) -> Iterator[Recording]:
    """Yield a recording for each data source: the phone, the tracker and what Health Connect sent back overlap."""
    place = f"{source.name} line"
    for rows in read_table(source, ("timestamp", column, "data source"), (), rejects):
        times, good, value = _cells_of(rows, column, rejects, place)
        codes, names = factorise(rows["data source"])
        samples = Samples(times, times + length_ms, value, rows.lines)
        for code, chosen in group_rows(codes):
            stream = build_stream(metric, samples.take(chosen[good[chosen]]), rejects, place)
            if stream is not None:
                yield Recording(Device(VENDOR, name=names[code] or "unnamed source"), streams=(stream,))


def _cells_of(rows: Rows, column: str, rejects: Rejects, place: str) -> tuple[Ms, Mask, Numbers]:
    times = parse_iso(rows["timestamp"])
    value, is_number = parse_decimals(rows[column])
    is_time = times.good & (times.offset_s != NAIVE)
    reject_rows(rejects, place, rows.lines, ~is_time, "a timestamp with its zone, such as 2026-08-01T07:30:00Z", "none")
    reject_rows(rejects, place, rows.lines, is_time & ~is_number, f"a number for {column}", "another value")
    return times.ms, is_time & is_number, value
