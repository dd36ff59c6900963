"""FHIR: the structure that R4 asks for, numbers against plain loops, and never a zero for what nobody knows."""

import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Connection

from devices.recording import Device, Span, SpanKind
from ingest import people
from ingest.exports.fhir import Form, write_fhir
from ingest.local_days import LocalDay, local_days
from ingest.people import Patient
from ingest.store import Store
from tests.ingest.exports.making import PHONE, RING, add_patient, export, put, walk_through
from tests.ingest.making import DAY, MINUTE, intervals, open_store

MARCH = int(datetime(2024, 3, 30, tzinfo=UTC).timestamp()) * 1000
BERLIN = ZoneInfo("Europe/Berlin")
Json = dict[str, Any]

# Source: HL7 FHIR R4 4.0.1, datatypes: id, dateTime; Observation obs-6 and obs-7; json: no empty text, list or object.
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
_ALLOWED = {
    "Patient": {"resourceType", "id", "identifier"},
    "Device": {"resourceType", "id", "manufacturer", "modelNumber", "type", "patient"},
    "Observation": {
        *("resourceType", "id", "status", "category", "code", "subject", "effectivePeriod", "device", "method", "component"),
        *("valueQuantity", "dataAbsentReason"),
    },
}
DAY_CODE, MINUTE_CODE = "41950-7", "55423-8"


def written(
    store: Store, patient: Patient, days: Sequence[LocalDay] | None = None, *, form: Form = "ndjson", **kwargs: Any
) -> list[Json]:
    """Return the resources, each checked."""

    def write(connection: Connection, owner: Patient, chosen: Sequence[LocalDay]) -> bytes:
        text = io.StringIO()
        write_fhir(connection, owner, chosen, text, form=form, **kwargs)
        return text.getvalue().encode()

    data = export(store, patient, write, days)
    if form == "bundle":
        bundle = json.loads(data)
        assert {name: value for name, value in bundle.items() if name != "entry"} == {
            "resourceType": "Bundle",
            "type": "collection",
        }
        resources = [entry["resource"] for entry in bundle["entry"]]
        targets = [entry["fullUrl"] for entry in bundle["entry"]]
        assert targets == [f"urn:uuid:{resource['id']}" for resource in resources]
    else:
        resources = [json.loads(line) for line in data.splitlines()]
        targets = [f"{resource['resourceType']}/{resource['id']}" for resource in resources]
    assert len(set(targets)) == len(targets)
    for resource in resources:
        check_resource(resource, set(targets))
    return resources


def check_resource(resource: Json, targets: set[str]) -> None:
    assert set(resource) <= _ALLOWED[resource["resourceType"]]
    assert _ID.fullmatch(resource["id"])
    check_values(resource, targets)
    if resource["resourceType"] != "Observation":
        return
    assert {"status", "code", "subject", "category", "effectivePeriod"} <= set(resource)
    assert resource["status"] == "final"
    start, end = resource["effectivePeriod"]["start"], resource["effectivePeriod"]["end"]
    assert _DATE_TIME.fullmatch(start)
    assert _DATE_TIME.fullmatch(end)
    assert datetime.fromisoformat(start) < datetime.fromisoformat(end)
    assert ("valueQuantity" in resource) != ("dataAbsentReason" in resource)  # obs-6
    for component in resource.get("component", []):
        assert "valueQuantity" in component
        assert component["code"] != resource["code"] or "valueQuantity" not in resource  # obs-7


def check_values(value: Any, targets: set[str]) -> None:
    """Nothing empty anywhere; every reference leads to a resource in the file; codings and quantities are whole."""
    if isinstance(value, dict):
        assert value
        assert "reference" not in value or value["reference"] in targets
        assert "unit" not in value or (
            set(value) == {"value", "unit", "system", "code"} and value["system"] == "http://unitsofmeasure.org"
        )
        for inner in value.values():
            check_values(inner, targets)
    elif isinstance(value, list):
        assert value
        for inner in value:
            check_values(inner, targets)
    else:
        assert isinstance(value, int | float) or (isinstance(value, str) and value.strip())


def of_code(resources: list[Json], code: str) -> list[Json]:
    return [one for one in resources if one.get("code", {}).get("coding", [{}])[0].get("code") == code]


def value_of(observation: Json, code: str = "") -> tuple[float, str] | None:
    """Return an Observation's value and UCUM code, or that of its component."""
    parts = [observation] if not code else [one for one in observation["component"] if one["code"]["coding"][0]["code"] == code]
    quantity = parts[0].get("valueQuantity") if parts else None
    return (quantity["value"], quantity["code"]) if quantity else None


def local_date(observation: Json) -> date:
    return datetime.fromisoformat(observation["effectivePeriod"]["start"]).date()


def test_whole_days_have_their_value_also_those_of_23_and_25_hours(tmp_path: Path) -> None:
    october = int(datetime(2024, 10, 26, tzinfo=UTC).timestamp()) * 1000
    expected: dict[date, int] = {}
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        for first in (MARCH - DAY, october - DAY):
            rows = [(at, at + MINUTE, at // MINUTE % 7) for at in range(first, first + 4 * DAY, MINUTE)]
            for start, _, value in rows:
                day = datetime.fromtimestamp(start / 1000, BERLIN).date()
                expected[day] = expected.get(day, 0) + value
            put(store, patient, RING, [intervals(rows)])
        found = {}
        for middle in (date(2024, 3, 31), date(2024, 10, 27)):
            days = local_days([(-(2**62), "Europe/Berlin")], middle - timedelta(days=1), middle + timedelta(days=1))
            found |= {local_date(one): one for one in of_code(written(store, patient, days, minutes=False), DAY_CODE)}
    assert {day: value_of(one) for day, one in found.items()} == {day: (expected[day], "/d") for day in found}
    assert len(found) == 6
    assert all(value_of(one, "DeviceActivePercentage") == (100, "%") for one in found.values())
    spring, autumn = (found[day]["effectivePeriod"] for day in (date(2024, 3, 31), date(2024, 10, 27)))
    assert (spring["start"], spring["end"]) == ("2024-03-31T00:00:00.000+01:00", "2024-03-31T23:59:59.999+02:00")
    assert (autumn["start"], autumn["end"]) == ("2024-10-27T00:00:00.000+02:00", "2024-10-27T23:59:59.999+01:00")
    for one in found.values():
        assert one["category"][0]["coding"][0]["code"] == "activity"
        assert one["category"][1]["coding"][0]["code"] == "PhysicalActivity"


def test_a_partial_day_has_no_value_but_a_reason_its_share_and_what_was_counted(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([(MARCH, MARCH + MINUTE, 90)], [(MARCH, MARCH + 479 * MINUTE)])])
        (day,) = of_code(written(store, patient), DAY_CODE)
        assert value_of(day) is None
        assert day["dataAbsentReason"]["coding"][0]["code"] == "unknown"
        assert day["dataAbsentReason"]["text"] == "479 of the day's 1440 minutes are known"
        assert value_of(day, "DeviceActivePercentage") == (33.26, "%")
        assert value_of(day, MINUTE_CODE) == (90, "{steps}")
        (day,) = of_code(written(store, patient, least_known=0.33), DAY_CODE)
        assert value_of(day) == (90, "/d")
        assert value_of(day, "DeviceActivePercentage") == (33.26, "%")


def test_one_unknown_minute_is_not_rounded_away(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([], [(MARCH, MARCH + DAY - MINUTE)])])
        (day,) = of_code(written(store, patient, minutes=False), DAY_CODE)
        assert value_of(day) is None
        assert value_of(day, "DeviceActivePercentage") == (99.93, "%")
        assert value_of(day, MINUTE_CODE) == (0, "{steps}")


def test_unknown_days_and_minutes_are_in_no_observation(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    walked = walk_through(rng, MARCH, 1440)
    covered = [(MARCH, MARCH + 600 * MINUTE), (MARCH + 3 * DAY, MARCH + 3 * DAY + 61 * MINUTE)]
    known = {at: 0 for first, last in covered for at in range(first, last, MINUTE)} | {at: value for at, _, value in walked}
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals(walked, covered)])
        resources = written(store, patient)
    assert [local_date(one) for one in of_code(resources, DAY_CODE)] == [date(2024, 3, 30), date(2024, 4, 2)]
    told: dict[int, int] = {}
    for one in of_code(resources, MINUTE_CODE):
        start, end = (datetime.fromisoformat(one["effectivePeriod"][edge]) for edge in ("start", "end"))
        value, unit = value_of(one) or (None, "")
        assert unit == "{steps}"
        assert [category["coding"][0]["code"] for category in one["category"]] == ["activity"]
        for at in range(round(start.timestamp() * 1000), round(end.timestamp() * 1000) + 1, MINUTE):
            assert at not in told
            told[at] = int(value or 0)
    assert told == known


def test_two_devices_are_never_summed_and_each_minute_names_its_own(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([], [(MARCH, MARCH + 720 * MINUTE)]), intervals([(MARCH, MARCH + MINUTE, 50)])])
        put(store, patient, PHONE, [intervals([(MARCH, MARCH + MINUTE, 40)], [(MARCH, MARCH + DAY)])])
        with store.writing() as connection:
            people.set_priority(connection, patient.id, RING.key, 5)
        resources = written(store, patient)
    devices = {f"Device/{one['id']}": one["manufacturer"] for one in resources if one["resourceType"] == "Device"}
    (day,) = of_code(resources, DAY_CODE)
    assert value_of(day) == (50, "/d")
    assert "device" not in day
    by_device: dict[str, int] = {}
    for one in of_code(resources, MINUTE_CODE):
        start, end = (datetime.fromisoformat(one["effectivePeriod"][edge]) for edge in ("start", "end"))
        name = devices[one["device"]["reference"]]
        by_device[name] = by_device.get(name, 0) + round((end - start) / timedelta(minutes=1))
    assert by_device == {RING.vendor: 720, PHONE.vendor: 720}


def test_minutes_off_the_body_are_unknown(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        off = Span(SpanKind.NOT_WORN, MARCH + 60 * MINUTE, MARCH + DAY)
        put(store, patient, RING, [intervals([(MARCH, MARCH + MINUTE, 50)], [(MARCH, MARCH + DAY)])], [off])
        (day,) = of_code(written(store, patient, minutes=False), DAY_CODE)
    assert value_of(day) is None
    assert value_of(day, "DeviceActivePercentage") == (4.16, "%")
    assert "device" in day


def test_minutes_of_coarse_intervals_say_how_they_were_made(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        put(store, patient, RING, [intervals([(MARCH, MARCH + 15 * MINUTE, 30)])])
        resources = written(store, patient)
    assert {one["method"]["text"] for one in of_code(resources, MINUTE_CODE)} == {
        "spread over minutes from intervals of up to 900 s"
    }
    assert all("method" not in one for one in of_code(resources, DAY_CODE))


@pytest.mark.parametrize("form", ["bundle", "ndjson"])
def test_nobody_is_named(tmp_path: Path, form: Form) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC", "Erika Mustermann")
        put(store, patient, PHONE, [intervals([(MARCH, MARCH + MINUTE, 3)])])
        put(store, patient, Device("maker", "", "SN-123456"), [intervals([(MARCH, MARCH + MINUTE, 3)])])
        resources = written(store, patient, form=form)
    text = json.dumps(resources, ensure_ascii=False)
    assert "Mustermann" not in text
    assert "Änna" not in text
    assert "SN-123456" not in text
    assert [one["identifier"][0]["value"] for one in resources if one["resourceType"] == "Patient"] == [patient.pseudonym]


def test_the_same_resources_in_both_forms_and_in_every_range(tmp_path: Path) -> None:
    """Ids do not depend on the range nor on the form, so that a server that has an Observation takes it as the same again."""
    rng = np.random.default_rng(12)
    with open_store(tmp_path) as store:
        patient = add_patient(store)
        put(store, patient, RING, [intervals(walk_through(rng, MARCH, 3 * 1440), [(MARCH, MARCH + 3 * DAY)])])
        ndjson, bundle = written(store, patient), written(store, patient, form="bundle")
        days = local_days([(-(2**62), "Europe/Berlin")], date(2024, 3, 31), date(2024, 3, 31))
        one_day = written(store, patient, days)
    assert [one["id"] for one in ndjson] == [one["id"] for one in bundle]
    by_id = {one["id"]: one for one in ndjson}
    assert all(by_id[one["id"]] == one for one in one_day)
    assert len(of_code(one_day, MINUTE_CODE)) > 200


def test_more_days_than_are_read_at_once(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        patient = add_patient(store, "UTC")
        rows = [(MARCH + n * DAY + 720 * MINUTE, MARCH + n * DAY + 721 * MINUTE, n + 1) for n in range(70)]
        put(store, patient, RING, [intervals(rows, [(MARCH, MARCH + 70 * DAY)])])
        days = of_code(written(store, patient, minutes=False), DAY_CODE)
    assert [value_of(one) for one in days] == [(n + 1, "/d") for n in range(70)]


def test_a_patient_without_data_is_a_patient(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert [one["resourceType"] for one in written(store, add_patient(store), form="bundle")] == ["Patient"]
