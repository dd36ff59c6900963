"""From bytes to stored minutes: a thousand monitoring days, and a large Apple export beside a parser that only reads it."""

import os
import tempfile
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lxml import etree

from benchmarks.apple import write_export
from benchmarks.measuring import measure
from devices import virtual
from devices.files.reader import ReadOptions
from ingest import people
from ingest.archive import Archive
from ingest.collect.files import find_files, import_files, readers_for
from ingest.store import Store

DAYS = 1_000
MEGABYTES = 500


def import_folder(folder: Path) -> None:
    """Import what is in the folder into a new store beside it, durably, as `afoot import` does."""
    home = folder.parent / f"home-{os.getpid()}"
    store = Store(f"sqlite:///{home / 'afoot.db'}")
    with store.writing() as connection:
        patient = people.add_patient(connection, "p", "Europe/Berlin", 0)
    files, options = find_files([folder]), ReadOptions(ZoneInfo(patient.zone))
    with readers_for(len(files)) as run:
        for outcome in import_files(store, Archive(home / "archive"), patient, files, options, 0, run):
            if outcome.refused:
                raise RuntimeError(f"{outcome.name}: {outcome.refused}")
    store.close()


def parse_with_lxml(folder: Path) -> None:
    """Read every record's attributes, and keep nothing: no minutes, no store."""
    for path in folder.iterdir():
        for _, element in etree.iterparse(str(path), events=("end",), tag="Record", huge_tree=True):
            dict(element.attrib)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def table() -> list[dict[str, object]]:
    """Return the rows of the table; see benchmarks/__main__.py."""
    with tempfile.TemporaryDirectory(prefix="afoot-bench-") as name:
        folder = Path(name)
        days = virtual.days_from(date(2023, 1, 2), DAYS)
        wearer = virtual.Wearer(5, surgery=days[0], faults=0)
        virtual.write_fit(wearer, days, folder / "fit", syncs=0, overlap_min=0, sleep=False, activities=False)
        fit = measure(import_folder, folder / "fit")
        (folder / "apple").mkdir()
        write_export(folder / "apple" / "export.xml", MEGABYTES)
        size = (folder / "apple" / "export.xml").stat().st_size / 1e6
        ours = measure(import_folder, folder / "apple")
        lxml = measure(parse_with_lxml, folder / "apple")
    row: dict[str, object] = {"peer": None, "peer_name": "", "ratio": None}
    beside: dict[str, object] = {"peer_name": "lxml iterparse, attributes only"}
    return [
        row
        | {"what": f"{DAYS:,} FIT monitoring days, bytes to stored minutes", "ours": DAYS / fit.seconds}
        | {"unit": "days/s", "required": ">= 300"},
        row | {"what": "their peak memory", "ours": fit.peak_mb, "unit": "MB", "required": ""},
        beside
        | {"what": f"Apple export of {size:,.0f} MB to stored minutes", "ours": size / ours.seconds, "peer": size / lxml.seconds}
        | {"ratio": lxml.seconds / ours.seconds, "unit": "MB/s", "required": ">= 100"},
        beside
        | {"what": "its peak memory", "ours": ours.peak_mb, "peer": lxml.peak_mb}
        | {"ratio": lxml.peak_mb / ours.peak_mb, "unit": "MB", "required": "<= 250"},
    ]
