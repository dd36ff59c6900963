"""Made files of every format, for the suite that each reader inherits. A new reader adds one line to MAKERS."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from devices.radio import bangle, colmi, pinetime
from devices.radio.codec import Codec, Peer, Settings
from devices.virtual import Wearer, days_from, truth, write_apple, write_fit, write_fitbit, write_gadgetbridge
from devices.virtual.radio.link import Link
from devices.virtual.radio.peripheral import Peripheral
from devices.virtual.radio.ring import VirtualRing
from devices.virtual.radio.watches import VirtualBangle, VirtualPineTime
from tests.devices.apple import made as apple
from tests.devices.sqlite import build
from tests.devices.track import test_gpx as gpx
from tests.devices.track import test_tcx as tcx

Files = Mapping[str, bytes]

WEARER = Wearer(5, date(2026, 2, 2), faults=0)
DAYS = days_from(date(2026, 3, 28), 2)  # summer time begins on the second
START = datetime(2026, 3, 28, 8, tzinfo=UTC)
MINUTES = range(90)


def steps_in(minute: int) -> int:
    return (minute * 37) % 120 if minute % 10 < 6 else 0


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def zulu(minute: float) -> str:
    return at(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_ms(minute: float) -> int:
    return round(at(minute).timestamp() * 1000)


def csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in [header, *rows]).encode()


def written(write: Callable[[Path], object]) -> Files:
    """Whatever the writer leaves in a folder, by relative name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def make_fit() -> Files:
    return written(lambda folder: write_fit(WEARER, DAYS, folder))


def make_garmin_connect() -> Files:
    quarters = [
        {"startGMT": at(15 * n).isoformat()[:19], "endGMT": at(15 * n + 15).isoformat()[:19], "steps": 40 * n, "pushes": 0}
        | {"primaryActivityLevel": "active", "activityLevelConstant": True}
        for n in range(8)
    ]
    pulse = {"userProfilePK": 1, "startTimestampGMT": at(0).isoformat()[:19], "startTimestampLocal": at(60).isoformat()[:19]}
    pulse |= {"heartRateValues": [[unix_ms(2 * n), 60 + n % 30 if n % 7 else None] for n in range(45)]}  # type: ignore[dict-item]
    night = {
        "dailySleepDTO": {"sleepStartTimestampGMT": unix_ms(0), "sleepEndTimestampGMT": unix_ms(90)},
        "sleepLevels": [
            {"startGMT": at(30 * n).isoformat()[:19], "endGMT": at(30 * n + 30).isoformat()[:19], "activityLevel": float(n)}
            for n in range(3)
        ],
    }
    run = {
        "activityId": 1,
        "startTimeGMT": f"{at(0):%Y-%m-%d %H:%M:%S}",
        "duration": 1800.5,
        "activityType": {"typeKey": "walking"},
    }
    whole = {
        "quarters.json": quarters,
        "pulse.json": pulse,
        "night.json": night,
        "activities.json": [run, run | {"activityId": 2}],
    }
    return {name: json.dumps(value).encode() for name, value in whole.items()}


def make_apple() -> Files:
    def when(minute: float) -> str:
        return f"{at(minute + 60):%Y-%m-%d %H:%M:%S} +0100"

    records = [
        *(apple.record(apple.STEPS, when(minute), when(minute + 1), steps_in(minute)) for minute in MINUTES),
        *(apple.record(apple.HEART_RATE, when(minute), when(minute), 60 + minute % 20) for minute in MINUTES[::5]),
        apple.record(apple.STEPS, when(3.5), when(12.25), 300, source="Phone", device=apple.PHONE),
        apple.record(apple.SLEEP, when(-400), when(-100), "HKCategoryValueSleepAnalysisAsleepCore"),
        apple.record(apple.STEPS, when(100), when(101), 7, children=apple.metadata("HKTimeZone", "Europe/Berlin")),
        f'<Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="20" durationUnit="min" sourceName="W" '
        f'startDate="{when(10)}" endDate="{when(30)}"></Workout>\n',
    ]
    zipped = written(lambda folder: write_apple(WEARER, DAYS[:1], folder, zipped=True))
    return {"export.xml": apple.export(*records), **zipped}


def make_fitbit() -> Files:
    return written(lambda folder: write_fitbit(WEARER, DAYS, folder, times="utc"))


def make_google_fit() -> Files:
    def takeout(kind: str, key: str, values: Sequence[float], length_min: float) -> bytes:
        points = [
            {"fitValue": [{"value": {key: value}}], "originDataSourceId": "raw:x"}
            | {"startTimeNanos": unix_ms(n) * 10**6, "endTimeNanos": unix_ms(n + length_min) * 10**6}
            for n, value in enumerate(values)
        ]
        stream = f"derived:{kind}:com.google.android.gms:merge"
        return json.dumps({"Data Source": stream, "Data Points": points}, indent=1).encode()

    return {
        "derived_steps.json": takeout("com.google.step_count.delta", "intVal", [steps_in(minute) for minute in MINUTES], 1),
        "derived_bpm.json": takeout("com.google.heart_rate.bpm", "fpVal", [60.0 + n for n in range(40)], 0),
    }


def make_fitabase() -> Files:
    wall = [f"{at(minute):%-m/%-d/%Y %-I:%M:%S %p}" for minute in MINUTES]
    return {
        "minuteStepsNarrow_merged.csv": csv(
            ["Id", "ActivityMinute", "Steps"], [(7, time, steps_in(minute)) for minute, time in enumerate(wall)]
        ),
        "heartrate_seconds_merged.csv": csv(["Id", "Time", "Value"], [(7, time, 60 + n % 9) for n, time in enumerate(wall)]),
    }


def make_gadgetbridge() -> Files:
    return written(lambda folder: write_gadgetbridge(WEARER, DAYS, folder, families=("mi_band", "huami", "garmin")))


def make_health_connect() -> Files:
    def record(number: int, length: int = 1, **more: object) -> dict[str, object]:
        whose = {"app_info_id": 1 + number % 2, "device_info_id": 1, "uuid": number.to_bytes(16, "big")}
        times = {"start_time": unix_ms(number), "end_time": unix_ms(number + length)}
        return {**whose, **times, "start_zone_offset": 3600, "end_zone_offset": 3600, **more}

    rows = {
        "application_info_table": [(1, "a.b", "A", None), (2, "c.d", "C", None)],
        "device_info_table": [(1, "maker", "model", 1)],
        "steps_record_table": [record(minute, count=steps_in(minute)) for minute in MINUTES],
        "heart_rate_record_table": [record(0, 20)],
        "heart_rate_record_series_table": [(1, 60 + n, unix_ms(n)) for n in range(20)],
        "sleep_session_record_table": [record(0, 60)],
        "sleep_stages_table": [(None, 1, unix_ms(20 * n), unix_ms(20 * n + 20), 4 + n) for n in range(3)],
        "exercise_session_record_table": [record(5, 20, exercise_type=53)],
    }
    return written(lambda folder: build.make(folder / "health_connect_export.db", build.HEALTH_CONNECT, rows))


def make_samsung() -> Files:
    def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
        return f"com.samsung.{name},6230001,3\n".encode() + csv([*columns, ""], [[*row, ""] for row in rows])

    def text(minute: float) -> str:
        return f"{at(minute):%Y-%m-%d %H:%M:%S}.000"

    prefix = "com.samsung.health.step_count."
    whose = ("UTC+0100", "watch")
    return {
        "com.samsung.shealth.tracker.pedometer_step_count.csv": table(
            "shealth.tracker.pedometer_step_count",
            [prefix + name for name in ("start_time", "end_time", "count", "time_offset", "deviceuuid")],
            [(text(minute), text(minute + 1), steps_in(minute), *whose) for minute in MINUTES],
        ),
        "com.samsung.health.sleep_stage.csv": table(
            "health.sleep_stage",
            ("start_time", "end_time", "stage", "time_offset", "deviceuuid"),
            [(text(20 * n), text(20 * n + 20), 40001 + n, *whose) for n in range(4)],
        ),
        "com.samsung.shealth.step_daily_trend.csv": table(
            "shealth.step_daily_trend",
            ("day_time", "count", "source_type", "deviceuuid", "update_time"),
            [(1774656000000 + n * 86_400_000, 5000 + n, -2, "x", text(0)) for n in range(3)],
        ),
        "com.samsung.shealth.food.csv": table("shealth.food", ("start_time", "calories"), [(text(0), 5)]),
    }


def make_withings() -> Files:
    header = ["start", "duration", "value"]
    rows = [(zulu(15 * n), f'"[{",".join(["60"] * 10)}]"', f'"{[n + k for k in range(10)]}"'.replace(" ", "")) for n in range(4)]
    stages = [(zulu(30 * n), '"[900,900]"', f'"[{n},{(n + 1) % 4}]"') for n in range(4)]
    return {"raw_tracker_steps.csv": csv(header, rows), "raw_tracker_sleep-state.csv": csv(header, stages)}


def make_tcx() -> Files:
    points = [tcx.point(zulu(minute), 80 + minute % 40) for minute in range(30)]
    return {"walk.tcx": tcx.made(tcx.activity(tcx.lap(zulu(0), 1800, 2000, 3000, *points)))}


def make_gpx() -> Files:
    return {"walk.gpx": gpx.made(gpx.track(*(gpx.point(zulu(minute), 80 + minute % 40) for minute in range(30))))}


def make_actigraph() -> Files:
    ticks = (START.replace(tzinfo=None) - datetime(1, 1, 1)) // timedelta(microseconds=1) * 10  # noqa: DTZ001
    data = [{"dataTimestamp": ticks + n * 100_000_000, "axis1": float(n % 70), "steps": float(n % 9)} for n in range(540)]
    settings = [(1, "epochlength", "10"), (2, "deviceserial", "A1"), (3, "devicename", "wGT3X")]
    return written(
        lambda folder: build.make(folder / "week.agd", build.AGD, {"settings": settings, "data": data}, page_size=1024)
    )


def make_open_mhealth() -> Files:
    def point(minute: int) -> dict[str, object]:
        frame = {"time_interval": {"start_date_time": zulu(minute), "end_date_time": zulu(minute + 1)}}
        header = {"id": str(minute), "schema_id": {"namespace": "omh", "name": "step-count", "version": "3.0"}}
        header |= {"acquisition_provenance": {"source_name": "maker/model/1"}, "user_id": "one"}  # type: ignore[dict-item]
        return {
            "header": header,
            "body": {"step_count": {"value": steps_in(minute), "unit": "steps"}, "effective_time_frame": frame},
        }

    points = [point(minute) for minute in MINUTES]
    return {"points.json": json.dumps(points).encode(), "points.jsonl": "\n".join(map(json.dumps, points[:40])).encode()}


def make_plain_csv() -> Files:
    columns = ["start", "end", "kind", "metric", "value", "device", "stage", "activity", "name", "steps"]
    rows: list[list[object]] = [
        *([zulu(minute), "", "", "steps", steps_in(minute), "ring", "", "", "", ""] for minute in MINUTES),
        *([zulu(minute), zulu(minute), "sample", "heart_rate", 60 + minute, "ring", "", "", "", ""] for minute in MINUTES[::9]),
        [zulu(100), zulu(200), "covered", "steps", "", "ring", "", "", "", ""],
        [zulu(-300), zulu(-10), "sleep", "", "", "ring", "light", "", "", ""],
        [zulu(10), zulu(30), "workout", "", "", "ring", "", "walking", "Morning", 900],
        ["2026-03-28", "", "total", "steps", 5000, "ring", "", "", "", ""],
    ]
    return {"mine.csv": csv(columns, rows), "other.csv": csv(["start", "value"], [(zulu(minute), 5) for minute in MINUTES])}


def make_capture() -> Files:
    """Two syncs of a ring and one of each watch, as a collector writes them."""
    days = truth(WEARER, DAYS)
    now = round(datetime(2026, 3, 29, 20, 5, tzinfo=UTC).timestamp() * 1000)
    ring, files = VirtualRing(days), dict[str, bytes]()
    first = Link(colmi.CODEC, ring).sync(Settings(utc_offset_s=7200), now - 9 * 3_600_000)
    second = Link(colmi.CODEC, ring).sync(Settings(first.cursors[-1], 7200), now)
    syncs = {"ring 1": first, "ring 2": second}
    others: tuple[tuple[Codec, Peripheral], ...] = (
        (bangle.CODEC, VirtualBangle(days[1:], zone_s=7200)),
        (pinetime.CODEC, VirtualPineTime(days, zone_s=7200)),
    )
    for codec, device in others:
        syncs[codec.name] = Link(codec, device, Peer(f"C0:FF:EE:00:00:{len(syncs):02X}")).sync(Settings(utc_offset_s=7200), now)
    for name, sync in syncs.items():
        files |= {f"{name}.capture": capture for capture in sync.captures}
    return files


MAKERS: Mapping[str, Callable[[], Files]] = {
    "fit": make_fit,
    "garmin_connect": make_garmin_connect,
    "apple-health": make_apple,
    "fitbit": make_fitbit,
    "google_fit": make_google_fit,
    "fitabase": make_fitabase,
    "gadgetbridge": make_gadgetbridge,
    "health_connect": make_health_connect,
    "samsung": make_samsung,
    "withings": make_withings,
    "tcx": make_tcx,
    "gpx": make_gpx,
    "actigraph": make_actigraph,
    "open_mhealth": make_open_mhealth,
    "plain_csv": make_plain_csv,
    "capture": make_capture,
}


@cache
def files_of(reader: str) -> Files:
    return MAKERS[reader]()
