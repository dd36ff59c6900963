"""A Fitbit tracker and its phone, as Google's Takeout exports them: JSON files and their CSV twins.

Off the wrist and on the charger the tracker writes zeros; where it was dead, nothing. Source: a public sample of the JSON,
public descriptions of the CSV.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from devices.virtual import stamps
from devices.virtual.life import Day, Stage, State, Workout, truth
from devices.virtual.nights import Sleep, sleeps
from devices.virtual.plan import WorkoutKind
from devices.virtual.wearer import Theme, Wearer, dice

_ROOT = "Takeout/Fitbit"
TRACKER, PHONE, ROUND_TRIP = "Inspire 3", "MobileTrack", "Fit Health Connect"
_LEVELS: Mapping[int, str] = MappingProxyType({Stage.AWAKE: "wake", Stage.LIGHT: "light", Stage.DEEP: "deep", Stage.REM: "rem"})
_ACTIVITIES: Mapping[WorkoutKind, str] = MappingProxyType(
    {
        WorkoutKind.WALKING: "Walk",
        WorkoutKind.STRENGTH: "Strength training",
        WorkoutKind.FLEXIBILITY: "Stretching",
        WorkoutKind.CYCLING: "Bike",
    }
)
_SLEEPS_HEADER = (
    "sleep_id,sleep_type,minutes_in_sleep_period,minutes_after_wake_up,minutes_to_fall_asleep,minutes_asleep,minutes_awake,"
    "minutes_longest_awakening,minutes_to_persistent_sleep,start_utc_offset,sleep_start,end_utc_offset,sleep_end,data_source,"
    "sleep_created,sleep_last_updated"
)
_STAGES_HEADER = (
    "sleep_id,sleep_stage_id,sleep_stage_type,start_utc_offset,sleep_stage_start,end_utc_offset,sleep_stage_end,data_source,"
    "sleep_stage_created,sleep_stage_last_updated"
)
_STAGES_FROM_MIN = 180  # a shorter sleep has no stages, only asleep or not
_ZIP_TIME = (2026, 1, 1, 0, 0, 0)

_Files = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class _Minutes:
    """All days' minutes in which the tracker lived, on end. at_s: UTC; wall_s: as the wearer's clocks showed it"""

    at_s: npt.NDArray[np.int64]
    wall_s: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int16]
    pulse: npt.NDArray[np.int16]
    worn: npt.NDArray[np.bool_]


def write_fitbit(
    wearer: Wearer,
    days: Iterable[date],
    folder: Path,
    *,
    times: Literal["utc", "local"] = "utc",
    forms: Sequence[Literal["json", "csv"]] = ("json", "csv"),
    round_trip: bool = False,
    zipped: bool = False,
) -> list[Path]:
    """Write a Takeout of these local days: a folder tree, or `takeout.zip` around it. Returns the files written.

    times:      what the JSON's times without a zone mean: exports of both kinds are known. The CSV's are UTC and say so
    forms:      `json` the Global Export Data, `csv` the twins of Google's own
    round_trip: the phone's steps come once more, by way of another app
    Raises:     ValueError as `truth` does
    """
    lived = truth(wearer, days)
    nights = sleeps(lived)
    files: list[tuple[str, str]] = []
    if "json" in forms and lived:
        files += [*_json_minutes(_minutes(lived), times), *_json_sleep(nights), *_json_exercises(wearer, lived)]
    if "csv" in forms and lived:
        files += [*_csv_steps(wearer, lived, round_trip), *_csv_pulse(_minutes(lived)), *_csv_sleep(nights)]
    folder.mkdir(parents=True, exist_ok=True)
    if zipped:
        return [_zip(folder / "takeout.zip", files)]
    paths = []
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def _zip(path: Path, files: Sequence[tuple[str, str]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            member = zipfile.ZipInfo(name, _ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text)
    return path


def _minutes(days: Sequence[Day]) -> _Minutes:
    at = np.concatenate([day.at_ms for day in days]) // 1000
    state = np.concatenate([day.state for day in days])
    alive = state != State.SILENT
    return _Minutes(
        at_s=at[alive],
        wall_s=(at + np.concatenate([day.offset_s for day in days]))[alive],
        steps=np.concatenate([day.recorded for day in days])[alive],
        pulse=np.concatenate([day.heart_rate for day in days])[alive],
        worn=(state == State.WORN)[alive],
    )


def _split(at_s: npt.NDArray[np.int64], unit: Literal["D", "M"]) -> Iterator[tuple[str, slice]]:
    """Cut sorted times into days or months, each named by its first date."""
    label = at_s.astype("datetime64[s]").astype(f"datetime64[{unit}]")
    edges = np.flatnonzero(np.concatenate(([True], label[1:] != label[:-1]))) if len(label) else np.empty(0, dtype=np.int64)
    for start, end in zip(edges.tolist(), [*edges[1:].tolist(), len(label)], strict=True):
        yield str(label[start].astype("datetime64[D]")), slice(start, end)


def _json_list(rows: Iterable[str]) -> str:
    return "[{" + "},{".join(rows) + "}]"


def _json_minutes(minutes: _Minutes, times: Literal["utc", "local"]) -> _Files:
    at = minutes.at_s if times == "utc" else minutes.wall_s
    # Where the clocks go back, local times come twice and out of order; the vendor's files hold them as they came.
    shown, steps, folder = stamps.american(at), minutes.steps.tolist(), f"{_ROOT}/Global Export Data"
    for first, part in _split(minutes.at_s if times == "utc" else np.maximum.accumulate(at), "M"):
        rows = zip(shown[part], steps[part], strict=True)
        yield (
            f"{folder}/steps-{first}.json",
            _json_list(f'\n  "dateTime" : "{text}",\n  "value" : "{value}"\n' for text, value in rows),
        )
    worn = minutes.worn
    shown, pulse = stamps.american(at[worn] + 20), minutes.pulse[worn].tolist()
    for first, part in _split((minutes.at_s if times == "utc" else np.maximum.accumulate(at))[worn], "D"):
        pairs = zip(shown[part], pulse[part], strict=True)
        yield (
            f"{folder}/heart_rate-{first}.json",
            _json_list(
                f'\n  "dateTime" : "{text}",\n  "value" : {{\n    "bpm" : {value},\n    "confidence" : 2\n  }}\n'
                for text, value in pairs
            ),
        )


def _wall(night: Sleep, at_ms: int) -> str:
    return f"{stamps.iso(np.array([at_ms // 1000 + night.offset_at(at_ms)]))[0]}.000"


def _json_sleep(nights: Sequence[Sleep]) -> _Files:
    """Local wall time without a zone, whatever the minutes' files have."""
    by_month: dict[str, list[dict[str, object]]] = {}
    for night in nights:
        ends = _wall(night, night.end_ms)
        by_month.setdefault(f"{ends[:7]}-01", []).append(_sleep_log(night, ends))
    for first, logs in by_month.items():
        text = json.dumps(logs, indent=2, separators=(",", " : "))
        yield f"{_ROOT}/Global Export Data/sleep-{first}.json", text


def _sleep_log(night: Sleep, ends: str) -> dict[str, object]:
    runs = night.runs()
    minutes = (night.end_ms - night.start_ms) // 60_000
    asleep = int((night.stage > 0).sum())
    staged = minutes >= _STAGES_FROM_MIN
    names = _LEVELS if staged else {0: "awake", **dict.fromkeys((1, 2, 3), "asleep")}
    summary = {
        name: {
            "count": sum(names[stage] == name for _, _, stage in runs),
            "minutes": sum((end - start) // 60_000 for start, end, stage in runs if names[stage] == name),
        }
        for name in dict.fromkeys(names.values())
    }
    return {
        "logId": night.start_ms // 1000 * 7 + 20_000_000_000,
        "dateOfSleep": ends[:10],
        "startTime": _wall(night, night.start_ms),
        "endTime": ends,
        "duration": night.end_ms - night.start_ms,
        "minutesToFallAsleep": 0,
        "minutesAsleep": asleep,
        "minutesAwake": minutes - asleep,
        "minutesAfterWakeup": 0,
        "timeInBed": minutes,
        "efficiency": 100 * asleep // minutes,
        "type": "stages" if staged else "classic",
        "infoCode": 0 if staged else 2,
        "logType": "auto_detected",
        "levels": {
            "summary": summary,
            "data": [
                {"dateTime": _wall(night, start), "level": names[stage], "seconds": (end - start) // 1000}
                for start, end, stage in runs
            ],
        },
        "mainSleep": staged,
    }


def _json_exercises(wearer: Wearer, days: Sequence[Day]) -> _Files:
    """A hundred to a file; their times are UTC in either case."""
    logs = [_exercise(wearer, workout) for day in days for workout in day.workouts]
    for number in range(0, len(logs), 100):
        text = json.dumps(logs[number : number + 100], indent=2, separators=(",", " : "))
        yield f"{_ROOT}/Global Export Data/exercise-{number}.json", text


def _exercise(wearer: Wearer, workout: Workout) -> dict[str, object]:
    length = workout.end_ms - workout.start_ms
    shown = stamps.american(np.array([workout.start_ms // 1000, workout.end_ms // 1000]))
    return {
        "logId": workout.start_ms // 1000 * 11 + wearer.seed % 7,
        "activityName": _ACTIVITIES[workout.kind],
        "activeDuration": length,
        "duration": length,
        "steps": workout.steps,
        "logType": "tracker",
        "lastModified": shown[1],
        "startTime": shown[0],
        "originalStartTime": shown[0],
        "originalDuration": length,
        "hasGps": False,
        "source": {"type": "tracker", "name": TRACKER},
    }


def _csv_steps(wearer: Wearer, days: Sequence[Day], round_trip: bool) -> _Files:
    """Minutes with steps, of the tracker and of the phone; a phone's have odd seconds."""
    second = int(dice(wearer, Theme.FITBIT).integers(1, 60))
    at = np.concatenate([day.at_ms for day in days]) // 1000
    sources = [
        (TRACKER, 0, np.concatenate([day.recorded for day in days])),
        (PHONE, second, np.concatenate([day.phone for day in days])),
    ]
    sources += [(ROUND_TRIP, second, sources[1][2])] if round_trip else []
    when = np.concatenate([(at + shift)[counts > 0] for _, shift, counts in sources])
    value = np.concatenate([counts[counts > 0] for _, _, counts in sources])
    name = np.concatenate([np.full(int((counts > 0).sum()), i) for i, (_, _, counts) in enumerate(sources)])
    order = np.argsort(when, kind="stable")
    shown, values, names = stamps.utc(when[order]), value[order].tolist(), name[order].tolist()
    for first, part in _split(when[order], "M"):
        rows = zip(shown[part], values[part], names[part], strict=True)
        text = "".join(f"{stamp},{steps},{sources[i][0]}\n" for stamp, steps, i in rows)
        yield f"{_ROOT}/Physical Activity_GoogleData/steps_{first}.csv", f"timestamp,steps,data source\n{text}"


def _csv_pulse(minutes: _Minutes) -> _Files:
    at = minutes.at_s[minutes.worn] + 20
    shown, pulse = stamps.utc(at), minutes.pulse[minutes.worn].tolist()
    for first, part in _split(at, "D"):
        text = "".join(f"{stamp},{value}.0,{TRACKER}\n" for stamp, value in zip(shown[part], pulse[part], strict=True))
        yield (
            f"{_ROOT}/Physical Activity_GoogleData/heart_rate_{first}.csv",
            f"timestamp,beats per minute,data source\n{text}",
        )


def _csv_time(at_ms: int) -> str:
    text = stamps.iso(np.array([at_ms // 1000]))[0]
    return f"{text[:10]} {text[11:]}+0000"


def _offset_and_time(night: Sleep, at_ms: int) -> str:
    return f"{stamps.offset(night.offset_at(at_ms), ':')},{_csv_time(at_ms)}"


def _csv_sleep(nights: Sequence[Sleep]) -> _Files:
    if not nights:
        return
    folder = f"{_ROOT}/Health Fitness Data_GoogleData"
    first = f"{_csv_time(nights[0].end_ms)[:7]}-01"
    rows, stages = [], []
    for night in nights:
        number = night.start_ms // 1000 * 1_000_003
        minutes, asleep = (night.end_ms - night.start_ms) // 60_000, int((night.stage > 0).sum())
        kind = "STAGES" if minutes >= _STAGES_FROM_MIN else "CLASSIC"
        made = _csv_time(night.end_ms)
        rows.append(
            f"{number},{kind},{minutes},0,0,{asleep},{minutes - asleep},0,0,{_offset_and_time(night, night.start_ms)},"
            f"{_offset_and_time(night, night.end_ms)},DERIVED,{made},{made}\n"
        )
        if kind == "STAGES":
            stages += [
                f"{number},{i},{_LEVELS[stage].upper()},{_offset_and_time(night, start)},{_offset_and_time(night, end)},DERIVED,"
                f"{made},{made}\n"
                for i, (start, end, stage) in enumerate(night.runs())
            ]
    yield f"{folder}/UserSleeps_{first}.csv", f"{_SLEEPS_HEADER}\n" + "".join(rows)
    yield f"{folder}/UserSleepStages_{first}.csv", f"{_STAGES_HEADER}\n" + "".join(stages)
