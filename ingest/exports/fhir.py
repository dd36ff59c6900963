"""FHIR R4: the steps of each local day and of each known minute as Observations, with the devices that gave them.

The patient is a pseudonym and the devices have no serial number: nothing in the file names a person.
Source: HL7 FHIR R4 (Observation, Device, Bundle); US Physical Activity IG 1.0 (code, unit, categories and the share of the day
for which a device was worn); LOINC 55423-8 with UCUM {steps} as in the mapping of Open mHealth to FHIR.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TextIO

import numpy as np
from sqlalchemy import Connection

from devices.recording import MINUTE_MS
from ingest.exports.jsontext import NUMBER, TEXT, Ids, Template, to_text
from ingest.exports.runs import find_runs
from ingest.exports.wall import Wall
from ingest.known import Column
from ingest.local_days import LocalDay
from ingest.minutes import ABSENT
from ingest.people import OwnedDevice, Patient, list_devices
from ingest.timeline import Timeline, read_timeline

Form = Literal["bundle", "ndjson"]
Resource = dict[str, Any]

# As many days are read at once as the judging of days reads, with a day on either side for what reaches over midnight.
DAYS_AT_ONCE = 31
_MINUTE_S = 60

_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ACTIVITY_GUIDE = "http://hl7.org/fhir/us/physical-activity/CodeSystem/pa-temporary-codes"


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


_ACTIVITY = _concept(_CATEGORY, "activity", "Activity")
_PHYSICAL_ACTIVITY = _concept(_ACTIVITY_GUIDE, "PhysicalActivity", "Physical Activity")
_STEPS_OF_DAY = _concept(_LOINC, "41950-7", "Number of steps in 24 hour Measured")
_STEPS = _concept(_LOINC, "55423-8", "Number of steps in unspecified time Pedometer")
_SHARE = _concept(_ACTIVITY_GUIDE, "DeviceActivePercentage", "Device Active Percentage")
_UNKNOWN = _concept(_ABSENT_REASON, "unknown", "Unknown")


def _quantity(value: float, unit: str, code: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": code}


def write_fhir(
    connection: Connection,
    patient: Patient,
    days: Sequence[LocalDay],
    out: TextIO,
    *,
    form: Form = "bundle",
    minutes: bool = True,
    least_known: float = 1.0,
) -> None:
    """Write the patient's merged timeline over the local days, in which no minute is counted twice.

    form:        `bundle`, one Bundle (collection) whose references resolve within it; or `ndjson`, a resource a line
    minutes:     with an Observation for each known minute, time without steps by the hour
    least_known: share of a day's minutes that must be known for its 24-hour value to be given. Below it the value is absent
                 and says why, and what was counted in the known minutes stands beside it. Days with none known are left out
    Raises: DamagedStore, OSError
    """
    texts = _Writer(patient, form).texts(connection, days, minutes, least_known)
    if form == "ndjson":
        out.writelines(text + "\n" for text in texts)
        return
    out.write('{"resourceType":"Bundle","type":"collection","entry":[')
    before = "\n"
    for text in texts:
        out.write(before)
        out.write(text)
        before = ",\n"
    out.write("\n]}\n")


class _Writer:
    """One patient's resources. Ids follow from the pseudonym, so that the same day is the same Observation in every export."""

    def __init__(self, patient: Patient, form: Form) -> None:
        self._patient, self._form, self._ids = patient, form, Ids(patient.pseudonym)
        self._subject = self._reference("Patient", "patient")

    def texts(self, connection: Connection, days: Sequence[LocalDay], minutes: bool, least_known: float) -> Iterator[str]:
        """Yield the JSON of each resource, of a Bundle within its entry."""
        pseudonym = {"type": {"text": "pseudonym"}, "value": self._patient.pseudonym}
        patient = {"resourceType": "Patient", "id": self._ids.named("patient"), "identifier": [pseudonym]}
        yield to_text(self._entry(patient))
        for owned in list_devices(connection, self._patient.id):
            yield to_text(self._entry(self._device(owned)))
        for first in range(0, len(days), DAYS_AT_ONCE):
            wanted = min(DAYS_AT_ONCE, len(days) - first)
            before = min(first, 1)
            around = days[first - before : first + DAYS_AT_ONCE + 1]
            timeline, wall = read_timeline(connection, self._patient, around), Wall(around)
            for row in range(before, before + wanted):
                known = _known_of_day(timeline, row)
                if len(known):
                    yield to_text(self._entry(self._day(timeline, row, known, wall, least_known)))
                    yield from self._minutes(timeline, row, known, wall) if minutes else ()

    def _entry(self, resource: Resource) -> Resource:
        return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} if self._form == "bundle" else resource

    def _reference(self, kind: str, name: str) -> Resource:
        target = self._ids.named(name)
        return {"reference": f"urn:uuid:{target}" if self._form == "bundle" else f"{kind}/{target}"}

    def _device(self, owned: OwnedDevice) -> Resource:
        said = {"manufacturer": owned.device.vendor, "modelNumber": owned.device.model}
        return {
            "resourceType": "Device",
            "id": self._ids.named(f"device {owned.id}"),
            # JSON of FHIR has no empty texts.
            **{name: text for name, text in said.items() if text.strip()},
            "type": {"text": "activity tracker"},
            "patient": self._subject,
        }

    def _observation(self, own_id: str, code: Resource, start: str, end: str) -> Resource:
        return {
            "resourceType": "Observation",
            "id": own_id,
            "status": "final",
            "code": code,
            "subject": self._subject,
            # The end of a Period is within it: the last millisecond, not the first one after.
            "effectivePeriod": {"start": start, "end": end},
        }

    def _day(self, timeline: Timeline, row: int, known: Column, wall: Wall, least_known: float) -> Resource:
        day = timeline.days[row]
        total, share = int(timeline.steps[known].sum(dtype=np.int64)), len(known) / len(day)
        # Cut, not rounded: 100 % is said of whole days only.
        components = [{"code": _SHARE, "valueQuantity": _quantity(math.floor(share * 10_000) / 100, "%", "%")}]
        found: Resource = {"valueQuantity": _quantity(total, "steps per day", "/d")}
        if share < least_known:
            found = {"dataAbsentReason": {**_UNKNOWN, "text": f"{len(known)} of the day's {len(day)} minutes are known"}}
            components.append({"code": _STEPS, "valueQuantity": _quantity(total, "steps", "{steps}")})
        start, end = wall.texts(np.array([day.start_ms, day.end_ms - 1], dtype=np.int64))
        sources = np.unique(timeline.source[known]).tolist()
        return {
            **self._observation(self._ids.named(f"day {day.day.isoformat()}"), _STEPS_OF_DAY, start, end),
            "category": [_ACTIVITY, _PHYSICAL_ACTIVITY],
            **found,
            # An Observation names one device: a day made of several names none.
            **({"device": self._made_by(timeline, sources[0])} if len(sources) == 1 else {}),
            "component": components,
        }

    def _minutes(self, timeline: Timeline, row: int, known: Column, wall: Wall) -> Iterator[str]:
        origin, resolution_s = timeline.days[0].start_ms // MINUTE_MS, int(timeline.resolution_s[row])
        runs = find_runs(known + origin, timeline.steps[known], timeline.source[known])
        ids = self._ids.at("steps", runs.start_ms.tolist())
        columns = (wall.texts(runs.start_ms), wall.texts(runs.end_ms - 1), map(str, runs.value.tolist()))
        references = [self._made_by(timeline, source)["reference"] for source in range(len(timeline.devices))]
        devices = [references[source] for source in timeline.source[known[runs.row]].tolist()]
        yield from self._minute_template(resolution_s).fill(*([ids] if self._form == "bundle" else []), ids, *columns, devices)

    def _minute_template(self, resolution_s: int) -> Template:
        observation = {
            **self._observation(TEXT, _STEPS, TEXT, TEXT),
            "category": [_ACTIVITY],
            "valueQuantity": {**_quantity(0, "steps", "{steps}"), "value": NUMBER},
            "device": {"reference": TEXT},
        }
        if resolution_s > _MINUTE_S:
            observation["method"] = {"text": f"spread over minutes from intervals of up to {resolution_s} s"}
        return Template(self._entry(observation))

    def _made_by(self, timeline: Timeline, source: int) -> Resource:
        return self._reference("Device", f"device {timeline.devices[source].id}")


def _known_of_day(timeline: Timeline, row: int) -> Column:
    """Return which minutes of the timeline are the day's known ones: (n,) int64."""
    day = timeline.days[row]
    first = (day.start_ms - timeline.days[0].start_ms) // MINUTE_MS
    return first + np.flatnonzero(timeline.steps[first : first + len(day)] != ABSENT)
