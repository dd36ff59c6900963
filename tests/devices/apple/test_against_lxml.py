"""A generated export of a few MB, and the real fixtures, read by lxml beside us: every sample and span the same."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.apple import write_export
from devices.files import source
from devices.files.apple import READER
from devices.files.reader import ReadOptions
from devices.recording import Device, Span, SpanKind
from tests.devices.apple.collected import collect, read_bytes
from tests.devices.apple.made import HEART_RATE, STEPS, ms
from tests.devices.apple.oracle import read_by_lxml
from tests.shared import shared


def test_a_generated_export(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    write_export(path, 2)
    data = path.read_bytes()
    found = read_bytes(READER, data)
    samples, spans = read_by_lxml(data)
    assert {(device.name, metric): values for (device, metric), values in found.samples.items()} == {
        (name, {STEPS: "steps", HEART_RATE: "heart_rate"}[kind]): values for (name, kind), values in samples.items()
    }
    ours = {device.name: Counter((span.start_ms, span.end_ms) for span in of_device) for device, of_device in found.spans.items()}
    assert ours == {name: Counter((start, end) for _, start, end in of_source) for name, of_source in spans.items()}
    assert found.rejects == []
    assert found.error is None


@pytest.mark.parametrize("name", ["export.xml", "1_export.xml"])
def test_the_fixtures_of_healthkit_to_sqlite(name: str) -> None:
    path = shared(f"samples/apple_health/healthkit-to-sqlite/{name}")
    found = collect(READER.read(source.FileSource(path, name), ReadOptions()))
    watch, app = Device("apple", "Watch2,4", name="Apple Watch"), Device("apple", name="Apple Watch")
    beat = ms("2018-09-10 02:28:55 -0700")
    assert found.samples == {(watch, "heart_rate"): {(beat, beat): 72}}
    start, end = ms("2016-11-14 07:25:41 -0700"), ms("2016-11-14 07:30:52 -0700")
    # 0.4971749504535062 miles of 1,609.344 m; 5.19412346680959 minutes.
    attributes = {"activity": "running", "name": "Running", "duration_s": 311.6, "distance_m": 800.1}
    assert found.spans == {app: [Span(SpanKind.WORKOUT, start, end, attributes)]}
    # The date says -0700, the zone of the phone in July when it exported; Los Angeles stood at -0800 that November.
    assert found.offsets == {app: {(start, -8 * 3600)}}
    assert found.rejects == []
    assert found.error is None


def test_identify_goes_by_content() -> None:
    assert READER.identify("exportación.xml", b'<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n' + b"<!-- x -->" * 400, ())
    assert READER.identify("导出.xml", b'<HealthData locale="zh_CN">', ())
    assert not READER.identify("hospital.xml", b'<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">', ())
    assert READER.identify("x", b"\xef\xbb\xbf<!-- x -->\n<HealthData>", ())
    assert not READER.identify("export.xml", b"<HealthDataset>", ())
    assert not READER.identify("notes.html", b"<html><!DOCTYPE HealthData [<HealthData>", ())
    assert not READER.identify("export.zip", b"PK\x03\x04", ("apple_health_export/export.xml",))


def test_the_copy_for_clinics_is_passed_over() -> None:
    copy = b"""<?xml version="1.0"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <realmCode code="US"/>
 <id extension="Health Export CDA" root="1.1.1.1.1.1.1.1.1"/>
 <title>Health Data Export</title>
</ClinicalDocument>"""
    assert READER.identify("export_cda.xml", copy, ())
    assert list(READER.read(source.BytesSource(copy, "export_cda.xml"), ReadOptions())) == []
