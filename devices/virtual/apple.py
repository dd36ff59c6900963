"""An iPhone and an Apple Watch, as Apple Health exports them: export.xml, alone or in its zip.

Each export holds the whole history once more. Source: attributes, their order and the one offset for all dates as in public
exports; the address in `device` differs from record to record and from export to export.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from devices.virtual import stamps
from devices.virtual.clock import MINUTE_MS, home_zone, zone_at
from devices.virtual.life import Day, Stage, State, Workout, truth
from devices.virtual.nights import Sleep, sleeps
from devices.virtual.plan import WorkoutKind
from devices.virtual.runs import gather
from devices.virtual.wearer import Theme, Wearer, dice

_PROLOG = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT ExportDate EMPTY>
<!ATTLIST ExportDate
  value CDATA #REQUIRED
>
<!ELEMENT Me EMPTY>
<!ELEMENT Record (MetadataEntry*)>
<!ELEMENT Workout ((MetadataEntry|WorkoutStatistics)*)>
<!ELEMENT WorkoutStatistics EMPTY>
<!ELEMENT ActivitySummary EMPTY>
<!ELEMENT MetadataEntry EMPTY>
]>
"""
_CDA = '<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">\n</ClinicalDocument>\n'
_ME = (
    ' <Me HKCharacteristicTypeIdentifierDateOfBirth="" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet"'
    ' HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet"'
    ' HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"/>'
)
_SLEEP_VALUES: Mapping[int, str] = MappingProxyType(
    {Stage.AWAKE: "Awake", Stage.LIGHT: "AsleepCore", Stage.DEEP: "AsleepDeep", Stage.REM: "AsleepREM"}
)
_WORKOUTS: Mapping[WorkoutKind, str] = MappingProxyType(
    {
        WorkoutKind.WALKING: "Walking",
        WorkoutKind.STRENGTH: "CoreTraining",
        WorkoutKind.FLEXIBILITY: "Flexibility",
        WorkoutKind.CYCLING: "Cycling",
    }
)
_LONGEST_MIN = 10
_PULSE_EVERY_MIN = 5
_STOOD_FROM_STEPS = 10
_STEP_KM = 0.00068
_UPDATED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Gadget:
    """A source of records. Its software is updated a month after the operation: firmware is no part of an identity."""

    source: str
    model: str
    hardware: str
    versions: tuple[str, str]


@dataclass(frozen=True, eq=False)
class _Export:
    """One pressing of the export button."""

    wearer: Wearer
    days: Sequence[Day]
    sleeps: Sequence[Sleep]
    at_s: int
    offset_s: int | None  # of all dates; None: each date has that of its own time
    address: np.random.Generator

    @property
    def phone(self) -> _Gadget:
        return _Gadget(f"{self.wearer.name}’s iPhone", "iPhone", "iPhone14,5", ("17.2.1", "17.4"))

    @property
    def watch(self) -> _Gadget:
        return _Gadget(f"{self.wearer.name}’s Apple Watch", "Watch", "Watch6,2", ("10.2", "10.4"))

    def shown(self, at_s: npt.NDArray[np.int64], day: Day) -> list[str]:
        if self.offset_s is not None:
            return stamps.zoned(at_s, np.full(len(at_s), self.offset_s, dtype=np.int32))
        minute = np.clip((at_s - day.start_ms // 1000) // 60, 0, len(day.steps) - 1)
        return stamps.zoned(at_s, day.offset_s[minute])


def write_apple(
    wearer: Wearer,
    days: Iterable[date],
    folder: Path,
    *,
    zipped: bool = False,
    exported: datetime | None = None,
    offsets: Literal["export", "own"] = "export",
) -> list[Path]:
    """Write the export of what phone and watch recorded on these local days: `export.xml`, or `export.zip` around it.

    exported: when the button was pressed, with a zone; None is nine o'clock on the morning after the last day
    offsets:  `export` shows every date with the offset of that moment, as exports were found to do; `own` with its own
    Raises:   ValueError as `truth` does
    """
    lived = truth(wearer, days)
    folder.mkdir(parents=True, exist_ok=True)
    export = _export(wearer, lived, exported, offsets)
    path = folder / ("export.zip" if zipped else "export.xml")
    if not zipped:
        with path.open("w", encoding="utf-8", newline="\n") as text:
            text.writelines(_document(export))
        return [path]
    shown = datetime.fromtimestamp(export.at_s, UTC)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in (("export.xml", _document(export)), ("export_cda.xml", iter((_CDA,)))):
            member = zipfile.ZipInfo(f"apple_health_export/{name}", shown.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                stream.writelines(line.encode() for line in lines)
    return [path]


def _export(wearer: Wearer, lived: Sequence[Day], exported: datetime | None, offsets: Literal["export", "own"]) -> _Export:
    last = lived[-1].day if lived else wearer.surgery
    zone = home_zone(wearer, last)
    if exported is None:
        exported = datetime(last.year, last.month, last.day, 9, tzinfo=zone) + timedelta(days=1)
    at_s = round(exported.timestamp())
    shift = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset() or timedelta(0)
    return _Export(
        wearer=wearer,
        days=lived,
        sleeps=sleeps(lived),
        at_s=at_s,
        offset_s=round(shift.total_seconds()) if offsets == "export" else None,
        address=np.random.Generator(np.random.PCG64([wearer.seed, Theme.APPLE, at_s])),
    )


def _document(export: _Export) -> Iterator[str]:
    """The lines, grouped by type and source as in an export."""
    at = np.array([export.at_s])
    shown = export.shown(at, export.days[-1])[0] if export.days else stamps.zoned(at, np.zeros(1, dtype=np.int32))[0]
    yield _PROLOG
    yield f'<HealthData locale="en_US">\n <ExportDate value="{shown}"/>\n{_ME}\n'
    for section in (_phone_steps, _watch_steps, _pulses):
        for day in export.days:
            yield from section(export, day)
    yield from _sleep_records(export)
    for day in export.days:
        yield from _stand_hours(export, day)
    for day in export.days:
        yield from (_workout(export, day, workout) for workout in day.workouts)
    yield from (_summary(day) for day in export.days)
    yield "</HealthData>\n"


def _gadget_text(gadget: _Gadget, updated: bool) -> tuple[str, str, str]:
    """Return the attributes before and after the address."""
    version = gadget.versions[updated]
    maker = "Apple Inc." if gadget.model == "Watch" else "Apple"
    name = "Apple Watch" if gadget.model == "Watch" else "iPhone"
    return (
        f'sourceName="{escape(gadget.source)}" sourceVersion="{version}"',
        ' device="&lt;&lt;HKDevice: 0x',
        f'&gt;, name:{name}, manufacturer:{maker}, model:{gadget.model}, hardware:{gadget.hardware}, software:{version}&gt;"',
    )


def _records(
    export: _Export,
    day: Day,
    gadget: _Gadget,
    kind: str,
    unit: str,
    start_s: npt.NDArray[np.int64],
    end_s: npt.NDArray[np.int64],
    values: Sequence[object],
    inner: Sequence[str] | None = None,
) -> Iterator[str]:
    source, before, after = _gadget_text(gadget, day.day >= export.wearer.surgery + _UPDATED_AFTER)
    addresses = export.address.integers(0x28_0000_0000, 0x30_0000_0000, len(start_s)).tolist()
    starts, ends, made = (export.shown(at, day) for at in (start_s, end_s, end_s + 75))
    unit_text = f' unit="{unit}"' if unit else ""
    for i, value in enumerate(values):
        tail = "/>\n" if inner is None else f">\n  {inner[i]}\n </Record>\n"
        yield (
            f' <Record type="{kind}" {source}{before}{addresses[i]:x}{after}{unit_text} creationDate="{made[i]}"'
            f' startDate="{starts[i]}" endDate="{ends[i]}" value="{value}"{tail}'
        )


def _step_records(export: _Export, day: Day, gadget: _Gadget, counts: npt.NDArray[np.int16], pause: int) -> Iterator[str]:
    rng = dice(export.wearer, Theme.APPLE, day.day)
    first, end, total = gather(counts, longest=_LONGEST_MIN, pause=pause)
    # Sensors know no minutes: a sample begins and ends within its first and its last one.
    late, early = rng.integers(0, 25, len(first)), rng.integers(0, 25, len(first))
    start_s = day.start_ms // 1000 + 60 * first + late
    end_s = day.start_ms // 1000 + 60 * end - early
    return _records(export, day, gadget, "HKQuantityTypeIdentifierStepCount", "count", start_s, end_s, total.tolist())


def _phone_steps(export: _Export, day: Day) -> Iterator[str]:
    return _step_records(export, day, export.phone, day.phone, pause=2)


def _watch_steps(export: _Export, day: Day) -> Iterator[str]:
    return _step_records(export, day, export.watch, day.recorded, pause=0)


def _pulses(export: _Export, day: Day) -> Iterator[str]:
    minute = day.at_ms // MINUTE_MS
    training = np.zeros(len(minute), dtype=np.bool_)
    for workout in day.workouts:
        training |= (day.at_ms >= workout.start_ms) & (day.at_ms < workout.end_ms)
    chosen = np.flatnonzero((day.state == State.WORN) & (training | (minute % _PULSE_EVERY_MIN == 0)))
    at_s = day.at_ms[chosen] // 1000 + 17
    context = [
        f'<MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="{2 if moving else 1}"/>'
        for moving in (day.recorded[chosen] > 0).tolist()
    ]
    return _records(
        export,
        day,
        export.watch,
        "HKQuantityTypeIdentifierHeartRate",
        "count/min",
        at_s,
        at_s,
        day.heart_rate[chosen].tolist(),
        context,
    )


def _day_of(export: _Export, at_ms: int) -> Day:
    return next(day for day in export.days if day.start_ms <= at_ms < day.end_ms)


def _sleep_records(export: _Export) -> Iterator[str]:
    kind = "HKCategoryTypeIdentifierSleepAnalysis"
    for night in export.sleeps:
        day = _day_of(export, night.start_ms)
        start_s, end_s = np.array([night.start_ms // 1000]), np.array([night.end_ms // 1000])
        in_bed = ["HKCategoryValueSleepAnalysisInBed"]
        yield from _records(export, day, export.phone, kind, "", start_s, end_s, in_bed, [_zone(export, night.start_ms)])
        starts, ends, stages = (np.array(column) for column in zip(*night.runs(), strict=True))
        values = [f"HKCategoryValueSleepAnalysis{_SLEEP_VALUES[stage]}" for stage in stages.tolist()]
        zones = [_zone(export, start_ms) for start_ms in starts.tolist()]
        yield from _records(export, day, export.watch, kind, "", starts // 1000, ends // 1000, values, zones)


def _zone(export: _Export, at_ms: int) -> str:
    return f'<MetadataEntry key="HKTimeZone" value="{zone_at(export.wearer, at_ms).key}"/>'


def _stand_hours(export: _Export, day: Day) -> Iterator[str]:
    """An hour by the clock in which the watch was worn at all: stood if somebody got up in it, idle if not."""
    local_s = day.at_ms // 1000 + day.offset_s
    # Offset and hour together: on the day on which summer time ends, one hour comes twice.
    _, first, hour = np.unique(np.stack((day.offset_s, local_s // 3600)), axis=1, return_index=True, return_inverse=True)
    hour = hour.ravel()
    order = np.argsort(first)
    worn = np.bincount(hour, weights=day.state == State.WORN)[order] > 0
    stood = np.bincount(hour, weights=day.recorded >= _STOOD_FROM_STEPS)[order] > 0
    start_s = (day.at_ms[first] // 1000 - local_s[first] % 3600)[order][worn]
    values = [f"HKCategoryValueAppleStandHour{'Stood' if up else 'Idle'}" for up in stood[worn].tolist()]
    yield from _records(export, day, export.watch, "HKCategoryTypeIdentifierAppleStandHour", "", start_s, start_s + 3_600, values)


def _workout(export: _Export, day: Day, workout: Workout) -> str:
    gadget = export.watch
    source, before, after = _gadget_text(gadget, day.day >= export.wearer.surgery + _UPDATED_AFTER)
    start, end, made = export.shown(np.array([workout.start_ms, workout.end_ms, workout.end_ms + 4_000]) // 1000, day)
    times = f'startDate="{start}" endDate="{end}"'
    address = int(export.address.integers(0x28_0000_0000, 0x30_0000_0000))
    minutes = (workout.end_ms - workout.start_ms) / MINUTE_MS
    lines = [
        f' <Workout workoutActivityType="HKWorkoutActivityType{_WORKOUTS[workout.kind]}" duration="{minutes!r}"'
        f' durationUnit="min" {source}{before}{address:x}{after} creationDate="{made}" {times}>',
        f"  {_zone(export, workout.start_ms)}",
        f'  <MetadataEntry key="HKIndoorWorkout" value="{int(workout.kind is not WorkoutKind.WALKING)}"/>',
    ]
    if workout.kind is WorkoutKind.WALKING:
        lines += [
            f'  <WorkoutStatistics type="HKQuantityTypeIdentifierStepCount" {times} sum="{workout.steps}" unit="count"/>',
            f'  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" {times}'
            f' sum="{workout.steps * _STEP_KM:.5f}" unit="km"/>',
        ]
    return "\n".join([*lines, " </Workout>\n"])


def _summary(day: Day) -> str:
    local_hour = (day.at_ms // 1000 + day.offset_s) // 3600
    stood = len(np.unique(local_hour[day.recorded >= _STOOD_FROM_STEPS]))
    brisk = int((day.recorded >= 100).sum())
    return (
        f' <ActivitySummary dateComponents="{day.day}" activeEnergyBurned="{day.recorded_steps // 25}"'
        ' activeEnergyBurnedGoal="300" activeEnergyBurnedUnit="kcal" appleMoveTime="0" appleMoveTimeGoal="0"'
        f' appleExerciseTime="{brisk}" appleExerciseTimeGoal="30" appleStandHours="{stood}" appleStandHoursGoal="12"/>\n'
    )
