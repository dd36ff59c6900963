"""Apple Health: an export of any size made to measure, ours beside lxml's iterparse, in one run."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
from lxml import etree

from benchmarks.measuring import measure
from devices.files.apple import READER
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import Intervals, Recording

PROLOG = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
]>
<HealthData locale="de_DE">
 <ExportDate value="2024-06-01 08:00:00 +0200"/>
 <Me HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet"/>
"""
FIRST_DAY = datetime(2019, 1, 1, tzinfo=UTC)
WATCH = "name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch5,4, software:{}"
PHONE = "name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone12,1, software:{}"
SOURCES = {"watch": ("Alex’s Apple Watch", WATCH), "phone": ("Alex’s iPhone", PHONE)}
# What one day holds: type, unit, source, records a day, their length in seconds.
DAILY = (
    ("HKQuantityTypeIdentifierHeartRate", "count/min", "watch", 288, 0),
    ("HKQuantityTypeIdentifierStepCount", "count", "phone", 55, 300),
    ("HKQuantityTypeIdentifierStepCount", "count", "watch", 95, 240),
    ("HKQuantityTypeIdentifierDistanceWalkingRunning", "km", "phone", 55, 300),
    ("HKQuantityTypeIdentifierDistanceWalkingRunning", "km", "watch", 110, 200),
    ("HKQuantityTypeIdentifierBasalEnergyBurned", "kcal", "watch", 130, 600),
    ("HKQuantityTypeIdentifierActiveEnergyBurned", "kcal", "watch", 260, 120),
)
MOTION = '>\n  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="0"/>\n </Record>\n'
NIGHT = ("AsleepCore", "AsleepDeep", "AsleepCore", "AsleepREM", "Awake") * 5
BYTES_A_DAY = 422_000  # measured on this generator's own output


def write_export(path: Path, megabytes: float) -> None:
    """Write a made export of about `megabytes` (10^6 bytes) in Apple's own attribute order: the same bytes each time."""
    days = max(1, round(megabytes * 1e6 / BYTES_A_DAY))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(PROLOG)
        for kind in range(len(DAILY)):
            for day in range(days):
                file.write("".join(_quantity_records(kind, day)))
        for day in range(days):
            file.write("".join(_sleep_records(day)))
        for day in range(0, days, 2):
            file.write(_workout(day))
        file.write("</HealthData>\n")


def _device(source: str, day: int, random: Random) -> str:
    name, pattern = SOURCES[source]
    version = f"{6 + day // 300}.{day // 60 % 5}"
    return (
        f'sourceName="{name}" sourceVersion="{version}" device="&lt;&lt;HKDevice: {hex(0x280000000 + random.getrandbits(28))}'
        f'&gt;, {pattern.format(version)}&gt;"'
    )


def _date(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} +0100"


def _quantity_records(kind: int, day: int) -> Iterator[str]:
    record_type, unit, source, count, longest_s = DAILY[kind]
    random = Random(day * 100 + kind)
    start = FIRST_DAY + timedelta(days=day)
    gap_s = 86_400 // count
    created = _date(start + timedelta(hours=23))
    for index in range(count):
        begin = start + timedelta(seconds=index * gap_s + random.randrange(max(1, gap_s - longest_s)))
        length_s = random.randint(min(1, longest_s), longest_s)
        yield (
            f' <Record type="{record_type}" {_device(source, day, random)} unit="{unit}" creationDate="{created}"'
            f' startDate="{_date(begin)}" endDate="{_date(begin + timedelta(seconds=length_s))}"'
            f' value="{_value(unit, length_s, random)}"'
        )
        yield MOTION if unit == "count/min" else "/>\n"


def _value(unit: str, length_s: int, random: Random) -> int | float:
    if unit == "count":
        return 1 + round(length_s * random.uniform(0.2, 1.9))
    return random.randint(48, 135) if unit == "count/min" else round(length_s * random.uniform(0.001, 0.01), 5)


def _sleep_records(day: int) -> Iterator[str]:
    random = Random(day * 100 + 50)
    at = FIRST_DAY + timedelta(days=day, hours=22, minutes=random.randrange(60))
    for stage in NIGHT:
        end = at + timedelta(minutes=random.randint(5, 30))
        yield (
            f' <Record type="HKCategoryTypeIdentifierSleepAnalysis" {_device("watch", day, random)}'
            f' creationDate="{_date(end)}" startDate="{_date(at)}" endDate="{_date(end)}"'
            f' value="HKCategoryValueSleepAnalysis{stage}">\n'
            '  <MetadataEntry key="HKTimeZone" value="Europe/Berlin"/>\n </Record>\n'
        )
        at = end


def _workout(day: int) -> str:
    random = Random(day * 100 + 60)
    begin = FIRST_DAY + timedelta(days=day, hours=17, minutes=random.randrange(60))
    end = begin + timedelta(minutes=random.randint(10, 50))
    dates = f'startDate="{_date(begin)}" endDate="{_date(end)}"'
    return (
        ' <Workout workoutActivityType="HKWorkoutActivityTypeWalking"'
        f' duration="{(end - begin).total_seconds() / 60}" durationUnit="min" {_device("watch", day, random)}'
        f' creationDate="{_date(end)}" {dates}>\n'
        '  <MetadataEntry key="HKTimeZone" value="Europe/Berlin"/>\n'
        f'  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" {dates}'
        f' sum="{random.uniform(0.5, 4)}" unit="km"/>\n'
        " </Workout>\n"
    )


def scan(path: Path) -> dict[str, int]:
    """Read all that our reader finds; return how many samples of each metric and how many spans."""
    found = {"steps": 0, "heart_rate": 0, "spans": 0}
    for part in READER.read(FileSource(path, path.name), ReadOptions()):
        if not isinstance(part, Recording):
            raise AssertionError(f"the generator made something bad: {part}")
        for stream in part.streams:
            assert isinstance(stream.samples, Intervals)
            found[stream.metric] += len(stream.samples.value)
        found["spans"] += len(part.spans)
    return found


def scan_by_lxml(path: Path) -> dict[str, int]:
    """Read the same from every element in turn: types, dates and values to columns."""
    metrics = {"HKQuantityTypeIdentifierStepCount": "steps", "HKQuantityTypeIdentifierHeartRate": "heart_rate"}
    columns: dict[str, list[tuple[float, float, float]]] = {"steps": [], "heart_rate": [], "spans": []}
    for _, element in etree.iterparse(path, tag=("Record", "Workout")):
        kind = element.get("type")
        metric = metrics.get(kind, "spans" if kind in (None, "HKCategoryTypeIdentifierSleepAnalysis") else "")
        if metric:
            start, end = _instant(element.get("startDate")), _instant(element.get("endDate"))
            columns[metric].append((start, end, 0 if metric == "spans" else float(element.get("value"))))
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return {metric: len(np.array(rows)) for metric, rows in columns.items()}


def _instant(text: str) -> float:
    return datetime.fromisoformat(f"{text[:19]}{text[20:]}").timestamp()


def table(megabytes: float = 500) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="afoot-") as folder:
        path = Path(folder) / "export.xml"
        write_export(path, megabytes)
        size = path.stat().st_size / 1e6
        own, lxml = measure(scan, path), measure(scan_by_lxml, path)
    ours = own.result
    if ours != lxml.result:
        raise AssertionError(f"ours found {ours}, lxml {lxml.result}")
    what = f"Apple export of {size:.0f} MB to recordings ({ours['steps'] + ours['heart_rate']:,} samples)"
    speeds, peaks = (size / own.seconds, size / lxml.seconds), (own.peak_mb, lxml.peak_mb)
    rows = (
        (what, *speeds, speeds[0] / speeds[1], "MB/s", ">= 200 MB/s"),
        ("the same: peak memory", *peaks, peaks[1] / peaks[0], "MB", "< 250 MB"),
    )
    return [
        {
            "what": what,
            "ours": round(own),
            "peer": round(other),
            "peer_name": "lxml iterparse",
            "ratio": round(times, 1),
            "unit": unit,
            "required": required,
        }
        for what, own, other, times, unit, required in rows
    ]
