"""FHIR R4: the steps of each local day and of each known minute as Observations, with the devices that gave them.

The patient is a pseudonym and the devices have no serial number: nothing in the file names a person.
Source: HL7 FHIR R4 (Observation, Device, Bundle); US Physical Activity IG 1.0 (code, unit, categories and the share of the day
for which a device was worn); LOINC 55423-8 with UCUM {steps} as in the mapping of Open mHealth to FHIR.
"""

import json
import math
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TextIO

import numpy as np
from sqlalchemy import Connection

from devices.recording import MINUTE_MS
from ingest.exports.runs import find_runs
from ingest.exports.wall import Wall
from ingest.known import Column
from ingest.local_days import LocalDay
from ingest.minutes import ABSENT
from ingest.people import Patient, list_devices
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
    writer = _Writer(patient, form)
    resources = writer.resources(connection, days, minutes, least_known)
    if form == "ndjson":
        out.writelines(_text(resource) + "\n" for resource in resources)
        return
    out.write('{"resourceType":"Bundle","type":"collection","entry":[')
    before = "\n"
    for resource in resources:
        out.write(before + _text({"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}))
        before = ",\n"
    out.write("\n]}\n")


def _text(resource: Resource) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


class _Writer:
    """One patient's resources. Ids follow from the pseudonym, so that the same day is the same Observation in every export."""

    def __init__(self, patient: Patient, form: Form) -> None:
        self._patient, self._form = patient, form
        self._space = uuid.uuid5(uuid.NAMESPACE_OID, f"afoot {patient.pseudonym}")
        self._subject = self._reference("Patient", "patient")

    def _id(self, name: str) -> str:
        return str(uuid.uuid5(self._space, name))

    def _reference(self, kind: str, name: str) -> Resource:
        return {"reference": f"urn:uuid:{self._id(name)}" if self._form == "bundle" else f"{kind}/{self._id(name)}"}

    def resources(
        self, connection: Connection, days: Sequence[LocalDay], minutes: bool, least_known: float
    ) -> Iterator[Resource]:
        pseudonym = {"type": {"text": "pseudonym"}, "value": self._patient.pseudonym}
        yield {"resourceType": "Patient", "id": self._id("patient"), "identifier": [pseudonym]}
        for owned in list_devices(connection, self._patient.id):
            yield self._device(owned.id, owned.device.vendor, owned.device.model)
        for first in range(0, len(days), DAYS_AT_ONCE):
            wanted = min(DAYS_AT_ONCE, len(days) - first)
            before = min(first, 1)
            around = days[first - before : first + DAYS_AT_ONCE + 1]
            timeline, wall = read_timeline(connection, self._patient, around), Wall(around)
            for row in range(before, before + wanted):
                yield from self._of_day(timeline, row, wall, minutes, least_known)

    def _device(self, device_id: int, vendor: str, model: str) -> Resource:
        said = {"manufacturer": vendor, "modelNumber": model}
        return {
            "resourceType": "Device",
            "id": self._id(f"device {device_id}"),
            # JSON of FHIR has no empty texts.
            **{name: text for name, text in said.items() if text.strip()},
            "type": {"text": "activity tracker"},
            "patient": self._subject,
        }

    def _of_day(self, timeline: Timeline, row: int, wall: Wall, minutes: bool, least_known: float) -> Iterator[Resource]:
        day, origin = timeline.days[row], timeline.days[0].start_ms
        first = (day.start_ms - origin) // MINUTE_MS
        known = first + np.flatnonzero(timeline.steps[first : first + len(day)] != ABSENT)
        if not len(known):
            return
        yield self._day_observation(timeline, day, known, wall, least_known)
        if minutes:
            yield from self._minute_observations(timeline, known, wall, int(timeline.resolution_s[row]))

    def _day_observation(
        self,
        timeline: Timeline,
        day: LocalDay,
        known: Column,
        wall: Wall,
        least_known: float,
    ) -> Resource:
        total, share = int(timeline.steps[known].sum(dtype=np.int64)), len(known) / len(day)
        edges = wall.texts(np.array([day.start_ms, day.end_ms - 1], dtype=np.int64))
        # Cut, not rounded: 100 % is said of whole days only.
        components = [{"code": _SHARE, "valueQuantity": _quantity(math.floor(share * 10_000) / 100, "%", "%")}]
        found: Resource = {"valueQuantity": _quantity(total, "steps per day", "/d")}
        if share < least_known:
            found = {"dataAbsentReason": {**_UNKNOWN, "text": f"{len(known)} of the day's {len(day)} minutes are known"}}
            components.append({"code": _STEPS, "valueQuantity": _quantity(total, "steps", "{steps}")})
        sources = np.unique(timeline.source[known])
        return {
            **self._observation(f"day {day.day.isoformat()}", _STEPS_OF_DAY, edges[0], edges[1]),
            "category": [_ACTIVITY, _PHYSICAL_ACTIVITY],
            **found,
            # An Observation names one device: a day made of several names none.
            **(self._made_by(timeline, int(sources[0]), _MINUTE_S) if len(sources) == 1 else {}),
            "component": components,
        }

    def _minute_observations(self, timeline: Timeline, known: Column, wall: Wall, resolution_s: int) -> Iterator[Resource]:
        origin = timeline.days[0].start_ms // MINUTE_MS
        runs = find_runs(known + origin, timeline.steps[known], timeline.source[known])
        columns = (runs.start_ms.tolist(), wall.texts(runs.start_ms), wall.texts(runs.end_ms - 1), runs.value.tolist())
        for at, start, end, value, source in zip(*columns, timeline.source[known[runs.row]].tolist(), strict=True):
            yield {
                **self._observation(f"steps {at}", _STEPS, start, end),
                "category": [_ACTIVITY],
                "valueQuantity": _quantity(value, "steps", "{steps}"),
                **self._made_by(timeline, source, resolution_s),
            }

    def _observation(self, name: str, code: Resource, start: str, end: str) -> Resource:
        return {
            "resourceType": "Observation",
            "id": self._id(name),
            "status": "final",
            "code": code,
            "subject": self._subject,
            # The end of a Period is within it: the last millisecond, not the first one after.
            "effectivePeriod": {"start": start, "end": end},
        }

    def _made_by(self, timeline: Timeline, source: int, resolution_s: int) -> Resource:
        made: Resource = {"device": self._reference("Device", f"device {timeline.devices[source].id}")}
        if resolution_s > _MINUTE_S:
            made["method"] = {"text": f"spread over minutes from intervals of up to {resolution_s} s"}
        return made
