"""What the devices, or their wearers, named: spans as rows of an export."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ingest import tables
from ingest.exports.wall import Stretch


@dataclass(frozen=True, slots=True)
class Marked:
    """A stored span. text: its attributes as the store keeps them, JSON with sorted keys; attributes: the same, read."""

    kind: str
    start_ms: int
    end_ms: int
    text: str

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(json.loads(self.text))


def read_marked(connection: Connection, patient_id: int, device_id: int, stretch: Stretch) -> list[Marked]:
    """Return the spans that begin within the stretch, by time; of the first stretch also those that reach into it."""
    table = tables.spans
    where = [table.c.patient_id == patient_id, table.c.device_id == device_id, table.c.start_ms < stretch.end_ms]
    where.append(table.c.end_ms > stretch.start_ms if stretch.is_first else table.c.start_ms >= stretch.start_ms)
    rows = connection.execute(
        select(table.c.kind, table.c.start_ms, table.c.end_ms, table.c.attributes)
        .where(*where)
        .order_by(table.c.start_ms, table.c.kind)
    )
    return [Marked(*row) for row in rows]
