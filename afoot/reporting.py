"""The report of one patient, gathered from the store."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from afoot.judging import judge_days
from dashboards.report import DeviceRow, Note, Report, VendorRow
from devices.recording import Device
from ingest import people
from ingest.comparison import compare_totals
from ingest.errors import NotKnown
from ingest.gaps import Gap, find_gaps
from ingest.local_days import LocalDay
from ingest.people import Patient
from ingest.timeline import read_days

# Of many gaps the longest say most; the rest are one command away.
MOST_GAPS = 12
SHORTEST_GAP_MS = 3 * 3_600_000


def gather_report(connection: Connection, patient: Patient, at_ms: int, first: date | None, last: date | None) -> Report:
    """Return what the report of the local days first..last shows; without them, of all days with data.

    at_ms: now. Raises: NotKnown if there is no day to show
    """
    judged = list(judge_days(connection, patient, first, last))
    if not judged:
        raise NotKnown(f"patient {patient.name!r} has no data to report: import some with `afoot import`")
    days = read_days(connection, patient, judged[0].summary.day, judged[-1].summary.day)
    zone = ZoneInfo(people.zone_history(connection, patient)[-1][1])
    names = {one.id: _name(one.device) for one in people.list_devices(connection, patient.id)}
    end = min(at_ms, days[-1].end_ms)
    gaps = find_gaps(connection, patient.id, days[0].start_ms, end, end, limit_ms=SHORTEST_GAP_MS)
    return Report(
        patient=patient.name,
        zone=str(zone),
        made_at=_wall(at_ms, zone),
        days=[(one.summary, one.verdict) for one in judged],
        prescription=judged[-1].prescription,
        devices=[DeviceRow(name) for name in names.values()],
        notes=_notes(gaps, names, zone),
        vendor_totals=_vendor_rows(connection, patient, days, names),
    )


def _notes(gaps: Sequence[Gap], names: dict[int, str], zone: ZoneInfo) -> list[Note]:
    longest = sorted(gaps, key=lambda gap: gap.length_ms, reverse=True)[:MOST_GAPS]
    return [
        Note(
            _wall(gap.start_ms, zone),
            f"{names[gap.device_id]}: no data for {gap.length_ms / 3_600_000:.0f} hours"
            + (", until the end of this report" if gap.is_tail else "")
            + (f"; {gap.unplaced:,} steps counted in it have no minutes" if gap.unplaced else ""),
            ", ".join(kind.value.replace("_", " ") for kind in gap.explained_by),
        )
        for gap in sorted(longest, key=lambda gap: gap.start_ms)
    ]


def _vendor_rows(connection: Connection, patient: Patient, days: Sequence[LocalDay], names: dict[int, str]) -> list[VendorRow]:
    return [
        VendorRow(one.day, names[one.device_id], one.vendor, one.ours) for one in compare_totals(connection, patient.id, days)
    ]


def _name(device: Device) -> str:
    """Return what to call a device on paper: never its serial number."""
    return device.name or " ".join(part for part in (device.vendor, device.model.replace("_", " ")) if part)


def _wall(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
