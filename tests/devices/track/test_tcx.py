"""TCX: numbers worked out by hand on made files, and real files counted again by lxml."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from devices.errors import DecodeError, MissingAnswer
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource, FileSource
from devices.files.tcx import READER
from devices.recording import Device, Span, SpanKind
from tests.devices.apple.collected import collect, read_bytes
from tests.shared import shared

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Activities>
"""
TAIL = "</Activities></TrainingCenterDatabase>"
CREATOR = """<Creator xsi:type="Device_t"><Name>Forerunner 935</Name><UnitId>3312345678</UnitId><ProductID>2691</ProductID>
<Version><VersionMajor>13</VersionMajor></Version></Creator>"""
FR935 = Device("garmin", "fr935", serial="3312345678")


def ms(*at: float) -> int:
    *fields, second = at
    return round(datetime(*map(int, fields), int(second), tzinfo=UTC).timestamp() * 1000 + second % 1 * 1000)


def point(time: str, beat: object = None) -> str:
    pulse = "" if beat is None else f"<HeartRateBpm><Value>{beat}</Value></HeartRateBpm>"
    when = f"<Time>{time}</Time>" if time else ""
    cadence = "<Cadence>80</Cadence><Extensions><ns3:TPX><ns3:RunCadence>80</ns3:RunCadence></ns3:TPX></Extensions>"
    return f"<Trackpoint>{when}{pulse}{cadence}</Trackpoint>"


def lap(start: str, seconds: object, metres: object, steps: object, *points: str) -> str:
    extension = f"<Extensions><ns3:LX><ns3:Steps>{steps}</ns3:Steps></ns3:LX></Extensions>" if steps is not None else ""
    track = f"<Track>{''.join(points)}</Track>" if points else ""
    return (
        f'<Lap StartTime="{start}"><TotalTimeSeconds>{seconds}</TotalTimeSeconds><DistanceMeters>{metres}</DistanceMeters>'
        f"<AverageHeartRateBpm><Value>133</Value></AverageHeartRateBpm>{track}{extension}</Lap>"
    )


def activity(*laps: str, sport: str = "Running", creator: str = CREATOR) -> str:
    return f'<Activity Sport="{sport}"><Id>2024-05-01T08:00:00Z</Id>{"".join(laps)}{creator}</Activity>'


def made(*activities: str) -> bytes:
    return (HEAD + "".join(activities) + TAIL).encode()


def test_a_run_of_two_laps() -> None:
    data = made(
        activity(
            lap(
                "2024-05-01T08:00:00Z",
                60.5,
                150.2,
                150,
                point("2024-05-01T08:00:00.000Z", 90),
                point("2024-05-01T08:01:00Z", 121),
            ),
            lap("2024-05-01T08:02:00Z", 30, 80, 75, point("2024-05-01T10:02:30.25+02:00", 130.6)),
        )
    )
    found = read_bytes(READER, data)
    start, end = ms(2024, 5, 1, 8, 0, 0), ms(2024, 5, 1, 8, 2, 30.25)
    assert found.samples == {(FR935, "heart_rate"): {(start, start): 90, (start + 60_000,) * 2: 121, (end, end): 131}}
    attributes = {"activity": "running", "name": "Running", "steps": 225, "duration_s": 90.5, "distance_m": 230.2}
    assert found.spans == {FR935: [Span(SpanKind.WORKOUT, start, end, attributes)]}
    assert found.rejects == []
    assert found.offsets == {}


def test_a_lap_without_points_lasts_as_long_as_it_says() -> None:
    found = read_bytes(READER, made(activity(lap("2024-05-01T08:00:00Z", 900, 0, None), sport="Strength training")))
    (span,) = found.spans[FR935]
    assert (span.start_ms, span.end_ms) == (ms(2024, 5, 1, 8, 0, 0), ms(2024, 5, 1, 8, 15, 0))
    assert span.attributes["activity"] == "strength"


def test_two_activities_of_two_devices_stay_apart() -> None:
    other = "<Creator><Name>Polar Vantage M Software Version 4.1</Name><UnitId>0</UnitId><ProductID>77</ProductID></Creator>"
    points = point("2024-05-01T08:00:00Z", 90), point("2024-05-01T08:01:00Z", 91)
    one_lap = lap("2024-05-01T08:00:00Z", 60, 1, None, *points)
    found = read_bytes(READER, made(activity(one_lap), activity(one_lap, sport="Walking", creator=other)))
    polar = Device("tcx", name="Polar Vantage M")
    assert {device: span.attributes["activity"] for device, (span,) in found.spans.items()} == {
        FR935: "running",
        polar: "walking",
    }


@pytest.mark.parametrize(
    ("creator", "device"),
    [
        ("", Device("tcx")),
        ("<Creator><Name>Adonis</Name><UnitId>202609</UnitId><ProductID>1</ProductID></Creator>", Device("tcx", name="Adonis")),
        ("<Creator><Name>x</Name><UnitId>33123456789</UnitId><ProductID>3113</ProductID></Creator>", Device("tcx", name="x")),
        ("<Creator><Name>y</Name><UnitId>3312345678</UnitId><ProductID>99999</ProductID></Creator>", Device("tcx", name="y")),
        (
            "<Creator><Name>Forerunner 9999</Name><UnitId>3312345678</UnitId><ProductID>64000</ProductID></Creator>",
            Device("garmin", "64000", serial="3312345678"),
        ),
    ],
)
def test_only_a_known_product_has_a_serial_number(creator: str, device: Device) -> None:
    found = read_bytes(READER, made(activity(lap("2024-05-01T08:00:00Z", 60, 1, None), creator=creator)))
    assert list(found.spans) == [device]


def test_what_cannot_be_used_is_counted() -> None:
    points = (
        point("", 90),
        point("today", 91),
        point("2024-05-01", 91),
        point("2024-05-01T08:01:00Z", 0),
        point("2024-05-01T08:02:00Z", 999),
    )
    found = read_bytes(READER, made(activity(lap("2024-05-01T08:00:00Z", "x", "", None, *points))))
    assert found.samples == {}
    assert {reject.expected: (reject.count, reject.place) for reject in found.rejects} == {
        "a time since 1990 like 2012-10-19T06:15:36Z at every lap and point": (3, "line 4"),
        "a heart rate that a body can have": (1, "line 4"),
    }


@pytest.mark.parametrize("content", ["", "<Courses><Course><Track></Track></Course></Courses>"])
def test_a_file_without_an_activity_says_so(content: str) -> None:
    found = read_bytes(READER, made(content))
    assert [reject.expected for reject in found.rejects] == ["an activity"]


def test_a_truncated_file_keeps_its_good_part() -> None:
    points = [point(f"2024-05-01T08:{minute:02}:00Z", 90 + minute) for minute in range(40)]
    data = made(activity(lap("2024-05-01T08:00:00Z", 2340, 1, None, *points)))
    found = read_bytes(READER, data[: data.index(b"08:30:00Z")])
    assert isinstance(found.error, DecodeError)
    assert found.count("heart_rate") == 30
    ((span,),) = found.spans.values()
    assert span.end_ms == ms(2024, 5, 1, 8, 29, 0)


def test_times_without_a_zone_are_utc_unless_said_to_be_local() -> None:
    data = made(activity(lap("2024-05-01T08:00:00", 60, 1, None)))
    starts = {}
    for zone, options in {
        "utc": ReadOptions(),
        "local": ReadOptions(zone=ZoneInfo("Asia/Tokyo"), naive_time="local"),
    }.items():
        found = collect(READER.read(BytesSource(data, "x.tcx"), options))
        starts[zone] = found.spans[FR935][0].start_ms
    assert starts == {"utc": ms(2024, 5, 1, 8, 0, 0), "local": ms(2024, 4, 30, 23, 0, 0)}
    with pytest.raises(MissingAnswer) as missing:
        list(READER.read(BytesSource(data, "x.tcx"), ReadOptions(naive_time="local")))
    assert missing.value.setting == "zone"


def test_identify() -> None:
    assert READER.identify("x", HEAD.encode(), ())
    assert READER.identify("x", b"\n \xef\xbb\xbf".strip() + b"<!-- a > b --><ns:TrainingCenterDatabase xmlns:ns='y'>", ())
    assert READER.identify("x", HEAD.replace("UTF-8", "UTF-16").encode("utf-16"), ())
    assert not READER.identify("x.tcx", b"<gpx>", ())
    assert not READER.identify("x.tcx", b"TrainingCenterDatabase", ())


def count_by_lxml(path: Path) -> tuple[dict[int, int], list[int], float]:
    """The heart rate of each track point, every instant, and the seconds of all laps."""
    beats, instants, seconds = {}, [], 0.0
    for element in etree.parse(path).getroot().iter("{*}Trackpoint", "{*}Lap"):
        if element.tag.endswith("Lap"):
            seconds += float(element.findtext("{*}TotalTimeSeconds"))
            continue
        at = datetime.strptime(element.findtext("{*}Time").replace(".000Z", "Z"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        instants.append(round(at.timestamp() * 1000))
        if beat := element.findtext("{*}HeartRateBpm/{*}Value"):
            beats[instants[-1]] = int(beat)
    return beats, instants, seconds


@pytest.mark.parametrize(
    ("name", "device", "activity_name", "beats", "steps"),
    [
        ("connectstats/activity_234721416.tcx", Device("garmin", "fr610", serial="3825902080"), "cycling", 0, None),
        # Six laps: 1550 + 1438 + 1478 + 1514 + 1462 + 360 steps.
        ("connectstats/activity_234979239.tcx", Device("garmin", "fr610", serial="3825902080"), "running", 763, 7802),
        ("python-tcxparser/no_hr.tcx", Device("garmin", "1250", serial="3854007508"), "running", 0, None),
        ("python-tcxparser/sup_activity_1.tcx", Device("garmin", "vivo_active_hr", serial="3937453043"), "other", 111, 491),
        ("python-tcxparser/test.tcx", Device("garmin", "1250", serial="3854007508"), "running", 383, None),
    ],
)
def test_real_files(name: str, device: Device, activity_name: str, beats: int, steps: int | None) -> None:
    path = shared(f"samples/tcx/{name}")
    found = collect(READER.read(FileSource(path, name), ReadOptions()))
    expected, instants, seconds = count_by_lxml(path)
    assert found.all_samples("heart_rate") == {(at, at): beat for at, beat in expected.items()}
    assert found.count("heart_rate") == beats == len(expected)
    assert found.only_device() == device
    (span,) = found.spans[device]
    assert (span.start_ms, span.end_ms) == (min(instants), max(instants))
    assert span.attributes["activity"] == activity_name
    assert span.attributes["duration_s"] == pytest.approx(seconds, abs=0.05)
    assert span.attributes.get("steps") == steps
    assert found.rejects == []


def test_a_real_file_whose_clock_was_never_set_is_refused_with_the_reason() -> None:
    path = shared("samples/tcx/connectstats/activity_217470507.tcx")
    found = collect(READER.read(FileSource(path, path.name), ReadOptions()))
    assert found.spans == {}
    # The starts of 12 laps and 22 points of a Garmin Swim, all of them minutes after the zero of its clock.
    assert [reject.count for reject in found.rejects if "1989-12-31" in reject.found] == [12 + 22]
