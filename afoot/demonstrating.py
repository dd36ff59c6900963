"""The main job, end to end, on virtual wearers whose truth is known."""

import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Any
from zoneinfo import ZoneInfo

from afoot.app import App, open_app
from afoot.judging import JudgedDay, judge_days
from afoot.output import print_table, print_text
from afoot.reporting import gather_report
from dashboards.report import build_report
from devices import virtual
from devices.files.reader import ReadOptions
from devices.virtual import Habit, Trip, Wearer
from ingest import people, prescriptions
from ingest.collect.files import find_files, import_files
from ingest.people import Patient
from ingest.store import Change
from rules.prescription import Prescription

SURGERY = date(2026, 2, 16)
BEFORE, AFTER = 7, 56


@dataclass(frozen=True, slots=True)
class Part:
    """One virtual patient and what they wear."""

    wearer: Wearer
    wears: str
    write: Callable[[Wearer, Iterable[date], Path], list[Path]]


CAST = (
    Part(Wearer(11, SURGERY), "Garmin watch (FIT files)", virtual.write_fit),
    Part(Wearer(12, SURGERY, habit=Habit.FEARFUL), "Apple watch and phone (export.xml)", virtual.write_apple),
    Part(Wearer(13, SURGERY, "America/New_York", Habit.SITTER), "Fitbit (Takeout)", virtual.write_fitbit),
    Part(
        Wearer(14, SURGERY, habit=Habit.OVERDOING, trips=(Trip(date(2026, 4, 2), "Europe/Lisbon"),)),
        "band by Gadgetbridge (SQLite)",
        virtual.write_gadgetbridge,
    ),
)


def demonstrate(folder: Path, *, fresh: bool, until: date | None) -> None:
    """Play the main job on four virtual patients into a folder, and print what came of it beside their truth.

    fresh: begin anew. until: the last day of the exports; None: the demo's own
    Raises: ValueError if the folder is none that an earlier demo made
    """
    cast = CAST if until is None else [_moved(part, until) for part in CAST]
    if fresh and folder.exists():
        if not (folder / "store").is_dir():
            raise ValueError(f"{folder}: expected a folder that an earlier demo made, or none; it is left alone")
        shutil.rmtree(folder)
    app = open_app(folder / "store")
    try:
        for part in cast:
            _play(app, part, folder)
    finally:
        app.close()
    print_text(f"\nReports: {', '.join(str(folder / f'{part.wearer.name}.html') for part in CAST)}")
    print_text(f"Look around: AFOOT_HOME={quote(str(folder / 'store'))} {_own_name()} days {CAST[0].wearer.name}")


def _own_name() -> str:
    """Return how this program is called from the shell that the reader has: by its path, unless the shell finds it."""
    own = Path(sys.executable).with_name("afoot")
    found = shutil.which("afoot")
    if not own.exists() or (found is not None and Path(found).samefile(own)):
        return "afoot"
    here = Path.cwd()
    return quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def _moved(part: Part, until: date) -> Part:
    """Return the part as it is played when its last day is `until`."""
    wearer = part.wearer
    by = until - _last_day(wearer)
    trips = tuple(replace(trip, day=trip.day + by) for trip in wearer.trips)
    return replace(part, wearer=replace(wearer, surgery=wearer.surgery + by, trips=trips))


def _last_day(wearer: Wearer) -> date:
    return wearer.surgery + timedelta(days=AFTER - 1)


def _play(app: App, part: Part, folder: Path) -> None:
    wearer = part.wearer
    days = virtual.days_from(wearer.surgery - timedelta(days=BEFORE), BEFORE + AFTER)
    exports = folder / "exports" / wearer.name
    if not exports.exists():
        part.write(wearer, days, exports)
    patient = _admit(app, wearer)
    files = find_files([exports])
    change, refused = Change(), 0
    for outcome in import_files(app.store, app.archive, patient, files, ReadOptions(ZoneInfo(patient.zone)), app.now_ms()):
        change += outcome.change
        refused += bool(outcome.refused)
    with app.store.reading() as connection:
        judged = list(judge_days(connection, patient, days[0], days[-1]))
        page = build_report(gather_report(connection, patient, app.now_ms(), days[0], days[-1]))
    (folder / f"{wearer.name}.html").write_text(page, encoding="utf-8")
    print_text(
        f"\n{wearer.name}, {wearer.habit.value}, {part.wears}: {len(files):,} files; minutes {change.inserted:,} new, "
        f"{change.changed:,} changed, {change.unchanged:,} as before; {refused:,} files refused"
    )
    _show(judged, wearer, days)


def _admit(app: App, wearer: Wearer) -> Patient:
    """Return the patient, added and prescribed for if they are new."""
    with app.store.writing() as connection:
        for known in people.list_patients(connection):
            if known.name == wearer.name:
                return known
        patient = people.add_patient(connection, wearer.name, wearer.zone, app.now_ms())
        for trip in wearer.trips:
            away = people.checked_zone(trip.zone)
            noon = _noon_ms(trip.day, ZoneInfo(wearer.zone))
            people.set_zone(connection, patient.id, str(away), noon)
        body = Prescription(
            author="the demo",
            effective=wearer.surgery,
            reason="default programme",
            surgery_date=wearer.surgery,
            baseline_steps=wearer.baseline,
        ).model_dump(mode="json")
        prescriptions.add_version(connection, patient.id, wearer.surgery, body, app.now_ms())
    return patient


def _noon_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp() * 1000)


def _show(judged: list[JudgedDay], wearer: Wearer, days: list[date]) -> None:
    """Print the last week beside what the wearer really did."""
    truth = {day.day: day for day in virtual.truth(wearer, days)}
    rows: list[list[Any]] = []
    for one in judged[-7:]:
        summary, verdict, lived = one.summary, one.verdict, truth[one.summary.day]
        walks = verdict.item("walks") if verdict else None
        rows.append(
            [
                summary.day.isoformat(),
                f"{summary.worn_min / 60:.1f}",
                f"{summary.unknown_min / 60:.1f}",
                summary.steps,
                lived.recorded_steps,
                lived.total_steps,
                summary.longest_stationary_min,
                f"{walks.done:g}/{walks.target:g} {walks.status.value}" if walks and walks.done is not None else None,
            ]
        )
    columns = ["day", "worn h", "unknown h", "steps", "device counted", "body walked", "still max min", "walks"]
    print_table("", columns, rows, right=columns[1:7])
