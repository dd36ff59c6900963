"""FIT: public samples to columns beside fitparse and fitdecode, a thousand days of monitoring to recordings, in one run."""

import io
import struct
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import fitdecode
import fitparse
import numpy as np

from devices.errors import DecodeError
from devices.files.fit import READER
from devices.files.fit.container import decode
from devices.files.fit.crc import crc16
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.recording import Recording
from devices.virtual import Wearer, write_fit

SAMPLES = Path(__file__).resolve().parents[1] / "../shared/samples/fit"
SURGERY = date(2026, 1, 12)
ZONE = "Europe/Berlin"
DAYS = 1_000
BAND_EPOCH = 1_100_000_000 // 86_400 * 86_400  # a midnight UTC, in FIT seconds
# It has a field whose size is not a multiple of its type's, at which fitparse stops.
BEYOND_FITPARSE = "coros-pace-2-cycling-misaligned-fields.fit"
PEER_SHARE = 8  # a peer reads every eighth sample by size: all of them take minutes
REPEATS = 3


def columns_by_us(files: Iterable[bytes]) -> int:
    """Decode every record of every message into columns, checksums checked; return how many."""
    records = 0
    for data in files:
        for file in decode(data):
            for table in file.tables:
                records += len(table.columns)
    return records


def messages_by_fitparse(files: Iterable[bytes]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return sum(sum(1 for _ in fitparse.FitFile(data, check_crc=True).get_messages()) for data in files)


def messages_by_fitdecode(files: Iterable[bytes]) -> int:
    records = 0
    for data in files:
        with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as reader:
            records += sum(isinstance(frame, fitdecode.FitDataMessage) for frame in reader)
    return records


def recordings(files: Iterable[bytes], options: ReadOptions) -> int:
    """Read monitoring files all the way to recordings; return how many steps the watch said it had counted."""
    steps = 0
    for data in files:
        for part in READER.read(BytesSource(data, "day.fit"), options):
            if isinstance(part, Recording):
                steps += sum(total.value for total in part.totals)
    return steps


def monitoring_files(days: int) -> list[bytes]:
    """One file a local day, with heart rate and stress, as a watch that is synced at night writes it."""
    wearer = Wearer(13, SURGERY, ZONE)
    with tempfile.TemporaryDirectory(prefix="afoot-") as folder:
        local_days = [SURGERY + timedelta(days=i) for i in range(days)]
        paths = write_fit(wearer, local_days, Path(folder), syncs=0, sleep=False, activities=False)
        return [path.read_bytes() for path in paths]


def band_files(days: int) -> list[bytes]:
    """One file a day as a band without a heart-rate sensor writes it: 350 changes of activity, 2 kB, as the public sample."""
    random = np.random.default_rng(7)
    return [_band_day(BAND_EPOCH + 86_400 * day, random) for day in range(days)]


def _band_day(midnight: int, random: np.random.Generator) -> bytes:
    info = definition(0, 103, (253, 4, 0x86), (0, 4, 0x86)) + struct.pack("<BII", 0, midnight, midnight)
    whole = definition(1, 55, (253, 4, 0x86), (3, 4, 0x86), (29, 2, 0x84), (5, 1, 0x00))
    changes = definition(2, 55, (26, 2, 0x84), (24, 1, 0x0D)) + definition(3, 55, (3, 4, 0x86), (26, 2, 0x84), (24, 1, 0x0D))
    times = midnight + 60 * np.sort(random.choice(np.arange(300, 1_380), 350, replace=False))
    steps = np.cumsum(random.integers(5, 60, 350))
    rows = [
        struct.pack("<BIHB", 3, step, time & 0xFFFF, 6 | level << 5) if walks else struct.pack("<BHB", 2, time & 0xFFFF, 8)
        for time, step, level, walks in zip(
            times.tolist(), steps.tolist(), random.integers(0, 7, 350).tolist(), (random.random(350) < 0.3).tolist(), strict=True
        )
    ]
    close = struct.pack("<BIIHB", 1, midnight + 86_400, int(steps[-1]), 1_440, 6)
    file_id = definition(0, 0, (3, 4, 0x8C), (1, 2, 0x84), (2, 2, 0x84), (0, 1, 0x00)) + struct.pack(
        "<BIHHB", 0, 3_882_708, 1, 1837, 32
    )
    body = file_id + info + whole + changes + b"".join(rows) + close
    head = struct.pack("<BBHI4sH", 14, 0x10, 2_132, len(body), b".FIT", 0)
    return head + body + struct.pack("<H", crc16(head + body))


def definition(local: int, message: int, *fields: tuple[int, int, int]) -> bytes:
    return struct.pack("<BBBHB", 0x40 | local, 0, 0, message, len(fields)) + b"".join(map(bytes, fields))


def sample_files() -> list[bytes]:
    """The public samples that both peers read to their end, by size; made files where the samples are not at hand."""
    if not SAMPLES.exists():
        return monitoring_files(60)
    paths = [path for path in sorted(SAMPLES.rglob("*.fit")) if path.name != BEYOND_FITPARSE]
    return sorted((data for data in (path.read_bytes() for path in paths) if _is_valid(data)), key=len)


def _is_valid(data: bytes) -> bool:
    try:
        return columns_by_us([data]) > 0
    except DecodeError:
        return False


def seconds(work: Callable[[], int], repeats: int) -> tuple[float, int]:
    """Return the shortest of some runs, in time of the processor (others may use the machine too), and what the work returned."""
    best, result = float("inf"), 0
    for _ in range(repeats):
        before = time.process_time()
        result = work()
        best = min(best, time.process_time() - before)
    return best, result


def table(days: int = DAYS) -> list[dict[str, object]]:
    files = sample_files()
    rows = [_all_samples(files)]
    some = files[PEER_SHARE // 2 :: PEER_SHARE]
    for name, read, required in (("fitparse", messages_by_fitparse, 100), ("fitdecode", messages_by_fitdecode, 50)):
        rows.append(_beside(name, read, required, some))
    rows.append(_monitoring("a band's days", band_files(days), "< 0.7 ms"))
    rows.append(_monitoring("a watch's days with heart rate and stress", monitoring_files(days), ""))
    return rows


def _all_samples(files: Sequence[bytes]) -> dict[str, object]:
    took, records = seconds(lambda: columns_by_us(files), REPEATS)
    megabytes = sum(map(len, files)) / 1e6
    return {
        "what": f"FIT samples to columns, CRC checked: {len(files)} files, {megabytes:.1f} MB, {records:,} messages",
        "ours": round(megabytes / took, 1),
        "peer": None,
        "peer_name": "",
        "ratio": None,
        "unit": "MB/s",
        "required": "",
    }


def _beside(name: str, read: Callable[[Iterable[bytes]], int], required: int, files: Sequence[bytes]) -> dict[str, object]:
    own, records = seconds(lambda: columns_by_us(files), REPEATS)
    peer, peer_records = seconds(lambda: read(files), 1)
    if records != peer_records:
        raise AssertionError(f"{name} read {peer_records} messages, we {records}")
    megabytes = sum(map(len, files)) / 1e6
    return {
        "what": f"FIT to columns, CRC checked: {len(files)} of the samples, {megabytes:.1f} MB",
        "ours": round(megabytes / own, 1),
        "peer": round(megabytes / peer, 3),
        "peer_name": name,
        "ratio": round(peer / own),
        "unit": "MB/s",
        "required": f">= {required}x",
    }


def _monitoring(whose: str, files: Sequence[bytes], required: str) -> dict[str, object]:
    options = ReadOptions(zone=ZoneInfo(ZONE))
    took, steps = seconds(lambda: recordings(files, options), REPEATS)
    kilobytes = sum(map(len, files)) / len(files) / 1e3
    return {
        "what": f"monitoring to recordings, {whose}: {len(files):,} files of {kilobytes:.1f} kB, {steps:,} steps",
        "ours": round(1e3 * took / len(files), 2),
        "peer": None,
        "peer_name": "",
        "ratio": None,
        "unit": "ms a file",
        "required": required,
    }


if __name__ == "__main__":
    for row in table():
        print(row)
