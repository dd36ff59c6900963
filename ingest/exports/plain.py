"""The plain CSV of docs/formats/plain-csv.md: what our reader of it makes of the file are the same minutes and spans again."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

import numpy as np
from sqlalchemy import Connection, select

from devices.files.plain_csv import COLUMNS, SAMPLE, TOTAL, has_own_column
from devices.files.textual.attributes import write_attributes
from devices.recording import METRICS, MINUTE_MS, Activity, SpanKind
from ingest import tables
from ingest.exports.marked import Marked, read_marked
from ingest.exports.samples import read_said
from ingest.exports.wall import Stretch, Wall, by_month
from ingest.local_days import LocalDay
from ingest.people import OwnedDevice, Patient, list_devices

_OF_SAMPLES = ("start", "end", "kind", "metric", "value")
_NAMES = (*_OF_SAMPLES, *(name for name in COLUMNS if name not in _OF_SAMPLES))
# What the reader takes an empty cell for; written out, so that the file says itself what it means.
_UNSAID: Mapping[SpanKind, Mapping[str, str]] = {
    SpanKind.SLEEP: {"stage": "asleep"},
    SpanKind.WORKOUT: {"activity": Activity.OTHER.value},
}


def write_csv(connection: Connection, patient: Patient, days: Sequence[LocalDay], out: TextIO) -> None:
    """Write all that the patient's devices said within the local days: samples, spans and vendor totals.

    A sample or a span that begins before the first day or ends after the last is written whole.
    out: opened with newline="". Raises: DamagedStore, OSError
    """
    out.write(",".join(_NAMES) + "\n")
    if not days:
        return
    wall = Wall(days)
    # By key, so that the same data gives the same file in whatever order its devices became known.
    devices = sorted(list_devices(connection, patient.id), key=lambda owned: owned.device.key)
    for stretch in by_month(days):
        for owned in devices:
            for metric in METRICS:
                out.writelines(_sample_lines(connection, owned, metric, stretch, wall))
            out.writelines(_span_lines(connection, owned, stretch, wall))
    for owned in devices:
        out.writelines(_total_lines(connection, owned, days))


def _sample_lines(connection: Connection, owned: OwnedDevice, metric: str, stretch: Stretch, wall: Wall) -> Iterator[str]:
    said = read_said(connection, owned.patient_id, owned.id, METRICS[metric], stretch)
    tail = _line(_identity(owned))[len(_OF_SAMPLES) - 1 :]
    # An end that is not said is a minute later.
    longer = np.flatnonzero(said.end_ms - said.start_ms != MINUTE_MS)
    ends = dict(zip(longer.tolist(), wall.texts(said.end_ms[longer]), strict=True))
    for row, (start, value) in enumerate(zip(wall.texts(said.start_ms), said.value.tolist(), strict=True)):
        yield f"{start},{ends.get(row, '')},{SAMPLE},{metric},{value}{tail}"


def _span_lines(connection: Connection, owned: OwnedDevice, stretch: Stretch, wall: Wall) -> Iterator[str]:
    spans = read_marked(connection, owned.patient_id, owned.id, stretch)
    starts, ends = (wall.texts(np.array([getattr(span, edge) for span in spans], np.int64)) for edge in ("start_ms", "end_ms"))
    for span, start, end in zip(spans, starts, ends, strict=True):
        yield _line({"start": start, "end": end, "kind": span.kind, **_said(span), **_identity(owned)})


def _said(span: Marked) -> dict[str, object]:
    """Return the cells of a span's attributes: those with a column of their own, and the others together."""
    kind, attributes = SpanKind(span.kind), span.attributes
    own = {name: value for name, value in attributes.items() if has_own_column(kind, name, value)}
    others = {name: value for name, value in attributes.items() if name not in own}
    return {**_UNSAID.get(kind, {}), **own, "attributes": write_attributes(others)}


def _total_lines(connection: Connection, owned: OwnedDevice, days: Sequence[LocalDay]) -> Iterator[str]:
    table = tables.totals
    rows = connection.execute(
        select(table.c.day, table.c.metric, table.c.value)
        .where(table.c.patient_id == owned.patient_id, table.c.device_id == owned.id)
        .where(table.c.day.between(days[0].day, days[-1].day))
        .order_by(table.c.day, table.c.metric)
    )
    for day, metric, value in rows:
        yield _line({"start": day.isoformat(), "kind": TOTAL, "metric": metric, "value": value, **_identity(owned)})


def _identity(owned: OwnedDevice) -> dict[str, str]:
    device = owned.device
    return {"vendor": device.vendor, "model": device.model, "serial": device.serial or "", "device": device.name}


def _line(cells: Mapping[str, object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([cells.get(name, "") for name in _NAMES])
    return line.getvalue()
