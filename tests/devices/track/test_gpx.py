"""GPX: numbers worked out by hand on made files, and every shared file imported or refused with its reason."""

import pytest

from devices.errors import DecodeError
from devices.files.gpx import READER
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.recording import Device, Span, SpanKind
from tests.devices.apple.collected import collect, read_bytes
from tests.devices.track.test_tcx import ms
from tests.shared import shared

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="Garmin Connect">\n'
CONNECT = Device("gpx", name="Garmin Connect")


def point(time: str, beat: object = None, tag: str = "gpxtpx:hr") -> str:
    when = f"<time>{time}</time>" if time else ""
    pulse = f"<gpxtpx:TrackPointExtension><{tag}>{beat}</{tag}><gpxtpx:cad>80</gpxtpx:cad></gpxtpx:TrackPointExtension>"
    return f'<trkpt lat="1" lon="2"><ele>3</ele>{when}<extensions>{pulse if beat else "<speed>1</speed>"}</extensions></trkpt>'


def track(*points: str, kind: str = "walking") -> str:
    return f"<trk><name>private</name><type>{kind}</type><trkseg>{''.join(points)}</trkseg><trkseg></trkseg></trk>"


def made(*tracks: str, head: str = HEAD) -> bytes:
    return (head + "".join(tracks) + "</gpx>").encode()


def test_a_walk_with_a_heart_rate_under_an_undeclared_prefix() -> None:
    points = point("2024-05-01T08:00:00Z", 88), point("2024-05-01T08:00:05.5Z", "91.5", "hr"), point("2024-05-01T08:20:00Z")
    found = read_bytes(READER, made(track(*points)))
    start, end = ms(2024, 5, 1, 8, 0, 0), ms(2024, 5, 1, 8, 20, 0)
    assert found.samples == {(CONNECT, "heart_rate"): {(start, start): 88, (start + 5500,) * 2: 92}}
    assert found.spans == {CONNECT: [Span(SpanKind.WORKOUT, start, end, {"activity": "walking", "name": "walking"})]}
    assert found.rejects == []


@pytest.mark.parametrize(
    ("kind", "activity"),
    [
        ("running", "running"),
        ("Run", "running"),
        ("treadmill_running", "treadmill"),
        ("Hiking", "hiking"),
        ("lap_swimming", "swimming"),
        ("strength_training", "strength"),
        ("cycling", "cycling"),
        ("9", "other"),
        ("", "other"),
    ],
)
def test_kinds(kind: str, activity: str) -> None:
    found = read_bytes(READER, made(track(point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z"), kind=kind)))
    assert found.spans[CONNECT][0].attributes == {"activity": activity, "name": kind}


def test_a_drive_is_no_workout() -> None:
    found = read_bytes(READER, made(track(point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z"), kind="Car")))
    assert found.spans == {}


def test_points_without_times_are_counted() -> None:
    points = [point(""), point("soon"), point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z")]
    found = read_bytes(READER, made(track(*points), track(point(""))))
    assert len(found.spans[CONNECT]) == 1
    assert {reject.expected: reject.count for reject in found.rejects} == {
        "a time since 1990 like 2015-12-11T15:43:13Z at every point": 3,
        "a track with times": 1,
    }


@pytest.mark.parametrize(
    ("creator", "name"),
    [
        ("Runkeeper - http://www.runkeeper.com", "Runkeeper"),
        ("OsmAnd 4.2.7", "OsmAnd"),
        ("Locus Map, Android Version 4.11.1 https://x.y", "Locus Map, Android"),
        ("StravaGPX Garmin Edge 530", "StravaGPX Garmin Edge 530"),
        ("", ""),
    ],
)
def test_the_creator_without_version_and_address(creator: str, name: str) -> None:
    head = f'<gpx creator="{creator}">'
    found = read_bytes(READER, made(track(point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z")), head=head))
    assert found.only_device() == Device("gpx", name=name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    text = made(track(point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z"), kind="Spaziergänge walk")).decode()
    data = text.replace("UTF-8", "UTF-8" if encoding == "utf-8-sig" else encoding).encode(encoding)
    assert READER.identify("x", data[:4096], ())
    found = read_bytes(READER, data)
    assert found.spans[CONNECT][0].attributes == {"activity": "walking", "name": "Spaziergänge walk"}


def test_blanks_before_the_declaration() -> None:
    data = b"\n  " + made(track(point("2024-05-01T08:00:00Z"), point("2024-05-01T08:01:00Z")))
    assert READER.identify("x", data, ())
    assert len(read_bytes(READER, data).spans) == 1


def test_a_truncated_file_keeps_its_good_part() -> None:
    data = made(track(*[point(f"2024-05-01T08:{minute:02}:00Z", 80 + minute) for minute in range(30)]))
    found = read_bytes(READER, data[: data.index(b"08:20:00Z")])
    assert isinstance(found.error, DecodeError)
    assert found.count("heart_rate") == 20
    assert found.spans[CONNECT][0].end_ms == ms(2024, 5, 1, 8, 19, 0)


def test_the_shared_files() -> None:
    outcomes = {}
    for path in sorted(shared("samples/gpx/gpxpy").glob("*.gpx")):
        assert READER.identify(path.name, path.read_bytes()[:4096], ())
        found = collect(READER.read(FileSource(path, path.name), ReadOptions()))
        assert found.error is None
        outcomes[path.name] = (
            [value for samples in found.samples.values() for value in samples.values()],
            [span.end_ms - span.start_ms for spans in found.spans.values() for span in spans],
            [reject.expected for reject in found.rejects],
        )
    places_only = ([], [], ["a track, or a heart rate"])
    assert outcomes == {
        "gpx1.1_with_extensions.gpx": places_only,
        "gpx1.1_with_extensions_without_namespaces.gpx": places_only,
        "gpx_with_garmin_extension.gpx": ([171], [], []),
        "track-with-less-sec-time.gpx": ([], [994], []),
        "unicode.gpx": places_only,
        "unicode2.gpx": ([], [], ["a track with times"]),
        "unicode_with_bom.gpx": places_only,
        "unicode_with_bom_noencoding.gpx": places_only,
    }


def test_the_time_of_a_real_waypoint() -> None:
    path = shared("samples/gpx/gpxpy/gpx_with_garmin_extension.gpx")
    found = collect(READER.read(FileSource(path, path.name), ReadOptions()))
    at = ms(2016, 6, 17, 23, 41, 3)
    assert found.samples == {(Device("gpx", name="Runkeeper"), "heart_rate"): {(at, at): 171}}


def test_the_routes_of_an_apple_export_are_passed_over() -> None:
    path = shared("samples/apple_health/healthkit-to-sqlite/route_2019-06-11_3.00pm.gpx")
    assert list(READER.read(FileSource(path, path.name), ReadOptions())) == []
