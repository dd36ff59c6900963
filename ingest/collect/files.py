"""Files, folders and zips -> the store: archived first, then read, then stored, with an outcome for each.

A file is done when its outcome is yielded: by then its bytes, its minutes and its entry in the ledger are committed. Whatever
stops the run before, the same call again completes it.
"""

import errno
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table

from devices.errors import DecodeError, DeviceError, Unrecognised
from devices.files import READERS
from devices.files.reader import Reader, ReadOptions, SingleFile
from devices.files.source import BytesSource, FileSource, Source
from devices.recording import Device, Reject
from ingest import dirty, ledger, owners, people, tables
from ingest.archive import Archive
from ingest.digest import SAMPLES_AT_ONCE, DeviceDigest, Digest, digest, find_parts, open_container
from ingest.errors import Conflict, NotKnown
from ingest.evidence import Evidence
from ingest.people import Patient
from ingest.store import Change, Store, add_parts, upsert

log = logging.getLogger(__name__)

FILES_AT_ONCE = 64
# Other processes take about a second to begin; so many small files take longer.
PARALLEL_FROM = 400
JOBS_AT_ONCE = 8
# Systems leave these beside the user's own files.
_NOT_EXPORTS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    known:   its bytes were imported before, so nothing was read again
    refused: why it, or a part of it, could not be read; what could be was kept
    lacked_room: the disk was full; nothing of it was kept
    """

    name: str
    hash: str = ""
    readers: tuple[str, ...] = ()
    known: bool = False
    change: Change = field(default_factory=Change)
    rejects: tuple[Reject, ...] = ()
    refused: tuple[str, ...] = ()
    lacked_room: bool = False


# How to read what each reader claims; None stands for any that is not named.
_Settled = dict[str | None, ReadOptions]


@dataclass(slots=True)
class _Pending:
    """decided: of an import that is read again, whose devices were refused then, and why; None for one that comes in now"""

    entry: ledger.Import
    settled: _Settled
    decided: dict[str, str] | None = None
    strangers: dict[str, str] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    change: Change = field(default_factory=Change)

    def result(self) -> ledger.Result:
        options = _plain(self.settled, self.readers) | ({"strangers": self.strangers} if self.strangers else {})
        return ledger.Result(self.entry.id, options, self.readers, self.refused, self.rejects, self.change)

    def outcome(self) -> Outcome:
        readers, refused = tuple(sorted(self.readers)), tuple(self.refused)
        return Outcome(self.entry.name, self.entry.hash, readers, False, self.change, tuple(self.rejects), refused)

    def claim(self, connection: Connection, device: Device) -> int:
        """Return the id of the patient's device. Raises: Conflict if it is another's"""
        patient_id = self.entry.patient_id
        if self.decided is None:
            return owners.claim_device(connection, patient_id, device)
        if device.key in self.decided:
            # The other may have let go of it since: what was theirs on that day is nobody else's.
            raise Conflict(self.decided[device.key])
        return owners.claim_again(connection, patient_id, device)

    def refuse(self, device: Device, reason: str) -> None:
        if device.key not in self.strangers:
            self.strangers[device.key] = reason
            self.refused.append(reason)


def find_files(paths: Sequence[Path]) -> list[FileSource]:
    """Return every file at or below the paths, each named from the folder that the user gave, in name order.

    What is there and cannot be read (a folder without permission, a pipe, a link to nothing) is in it: opening it says why.
    Raises: FileNotFoundError if a path is not there
    """
    found: dict[str, FileSource] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: expected a file or folder, found nothing there")
        for file in _walk(path) if path.is_dir() else [path]:
            name = file.relative_to(path) if file != path else Path(path.name)
            # A name that is no text must not stop the store from writing down what became of the file.
            found.setdefault(os.path.realpath(file), FileSource(file, os.fsencode(name).decode(errors="backslashreplace")))
    return list(found.values())


def _walk(top: Path) -> Iterator[Path]:
    unreadable: list[Path] = []
    for folder, folders, names in os.walk(top, onerror=lambda error: unreadable.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if name not in _NOT_EXPORTS)
        yield from (Path(folder, name) for name in sorted(set(names) - _NOT_EXPORTS))
    yield from unreadable


Job = tuple[Source, "_Settled", dict[str, str]]
# Applies a function to jobs, and yields what it returns in their order; it may begin before it is asked for the first.
Run = Callable[[Callable[[Job], list[Digest]], Iterable[Job]], Iterable[list[Digest]]]


@contextmanager
def readers_for(count: int) -> Iterator[Run | None]:
    """Processes that read small files while this one stores what was read before; None where they would not pay."""
    if count < PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield None
        return
    with ProcessPoolExecutor((os.cpu_count() or 2) - 1, mp_context=get_context("spawn")) as pool:
        yield partial(pool.map, chunksize=JOBS_AT_ONCE)


def import_files(
    store: Store,
    archive: Archive,
    patient: Patient,
    files: Sequence[Source],
    options: ReadOptions,
    at_ms: int,
    run: Run | None = None,
) -> Iterator[Outcome]:
    """Import the files for one patient, yielding an outcome as each is safe in the store.

    at_ms: now. run: of `readers_for`. A bad file raises nothing: its outcome says why.
    Raises: DamagedStore, and what the database or its disk raise
    """
    settled, problems = _survey(files, options)
    waiting: list[_Reading] = []
    for first in range(0, len(files), FILES_AT_ONCE):
        with store.writing() as connection:
            kept = _archive(connection, archive, patient, files[first : first + FILES_AT_ONCE], options, at_ms)
        yield from (entry for entry in kept if isinstance(entry, Outcome))
        begun = _read([entry for entry in kept if isinstance(entry, _Entry)], settled, problems, run)
        yield from _store(store, waiting)
        waiting = begun
    yield from _store(store, waiting)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that came by itself: whose it is, and how to read it."""

    patient: Patient
    source: Source
    options: ReadOptions


def import_arrivals(store: Store, archive: Archive, arrivals: Sequence[Arrival], at_ms: int) -> Iterator[tuple[int, Outcome]]:
    """Import files of any patients together, each read by what it alone says: few commits for many small ones.

    Yields (place among the arrivals, outcome) as each is safe in the store.
    Raises: DamagedStore, and what the database or its disk raise; what was not yielded by then may be imported again
    """
    with store.writing() as connection:
        kept = [_archive(connection, archive, one.patient, [one.source], one.options, at_ms)[0] for one in arrivals]
    yield from ((place, entry) for place, entry in enumerate(kept) if isinstance(entry, Outcome))
    entries = {place: entry for place, entry in enumerate(kept) if isinstance(entry, _Entry)}
    begun: list[_Reading] = []
    for place, entry in entries.items():
        settled, problems = _survey([entry.source], arrivals[place].options)
        begun += _read([entry], settled, problems, None)
    yield from zip(entries, _store(store, begun), strict=True)


def preview(store: Store, patient: Patient, files: Sequence[Source], options: ReadOptions) -> Iterator[Outcome]:
    """Yield the outcomes that `import_files` would have, and leave the store as it is."""
    settled, problems = _survey(files, options)
    with store.writing(keep=False) as connection:
        for source in files:
            entry = ledger.Import(0, patient.id, "", source.name, {}, ledger.ARCHIVED, "", "", Change())
            pending = _Pending(entry, settled)
            for said in _digests(source, settled, problems):
                _write(connection, [_Piece(pending, said, False)])
            yield pending.outcome()


def rebuild(store: Store, archive: Archive, patient: Patient | None = None) -> Iterator[Outcome]:
    """Derive everything anew from the archive, of one patient or of all: it appears at once, when the last import has been read.

    Raises: DamagedStore if an archived object is not as it was kept; the store then stays as it was
    """
    log.info("rebuilding %s", "one patient" if patient else "everything")
    with store.writing() as connection:
        for owner in [patient] if patient else people.list_patients(connection):
            yield from _rebuild(connection, archive, owner)


def forget(store: Store, archive: Archive, patient: Patient, digest: str) -> Iterator[Outcome]:
    """Take one import back, its archived bytes with it, and derive the patient's data anew from what is left.

    digest: the hash of the input, or its first digits.
    Raises: NotKnown if the patient has no such import, or several; DamagedStore as `rebuild` does
    """
    with store.writing() as connection:
        entry = ledger.find_import(connection, patient.id, digest)
        ledger.remove(connection, entry)
        archive.drop_unused(connection, entry.hash)
        yield from _rebuild(connection, archive, patient)
        people.disown_silent_devices(connection, patient.id)


def _rebuild(connection: Connection, archive: Archive, patient: Patient) -> Iterator[Outcome]:
    entries = ledger.list_imports(connection, patient.id)
    dirty.mark_since(connection, patient.id)
    for table in tables.DERIVED:
        own = table.c.patient_id == patient.id if "patient_id" in table.c else table.c.import_id.in_([e.id for e in entries])
        connection.execute(table.delete().where(own))
    for entry in entries:
        settled = _remembered(entry, people.checked_zone(patient.zone))
        archive.verify(connection, entry.hash)
        pending = _Pending(entry, settled, decided=entry.options.get("strangers", {}))
        source = archive.open(connection, entry.hash, entry.name)
        for said in _digests(source, settled, {}):
            _write(connection, [_Piece(pending, said, False)])
        ledger.finish(connection, [pending.result()])
        yield pending.outcome()


def _survey(files: Sequence[Source], options: ReadOptions) -> tuple[_Settled, dict[str, str]]:
    """Return what the files of this run, taken together, say about how to read them: by reader, None for any other.

    Only the heads are looked at, but for what a reader itself wants to see.
    """
    claimed: dict[str, tuple[Reader, list[Source]]] = {}
    for source in files:
        try:
            parts, _ = find_parts(open_container(source))
        except (DeviceError, OSError):
            continue  # said again, with its reason, when the file's own turn comes
        for part in parts:
            claimed.setdefault(part.reader.name, (part.reader, []))[1].append(part.source)
    settled: _Settled = {None: options}
    problems: dict[str, str] = {}
    for name, (reader, sources) in claimed.items():
        try:
            settled[name] = reader.survey(sources, options)
        except (DeviceError, OSError) as error:
            problems[name] = str(error)
    return settled, problems


@dataclass(frozen=True, slots=True)
class _Entry:
    """An archived input, and where to read it from."""

    known: ledger.Import
    source: Source


def _archive(
    connection: Connection, archive: Archive, patient: Patient, sources: Sequence[Source], options: ReadOptions, at_ms: int
) -> list[_Entry | Outcome]:
    """Archive the sources in the caller's transaction; return what is to be read once it commits, and an outcome for the rest.

    Raises: NotKnown if the patient was erased while their files were on the way
    """
    if not people.is_kept(connection, patient):
        raise NotKnown("patient: erased meanwhile; nothing of these files was kept")
    kept: list[tuple[str, Source] | Outcome] = []
    for source in sources:
        try:
            kept.append(archive.keep(connection, source))
        except (OSError, DecodeError) as error:
            kept.append(_not_kept(source.name, error))
    inputs = [(one[0], one[1].name) for one in kept if not isinstance(one, Outcome)]
    entries = ledger.register(connection, patient.id, inputs, at_ms)
    return [one if isinstance(one, Outcome) else _known_or_new(connection, entries[one[0]], one[1], options) for one in kept]


def _not_kept(name: str, error: Exception) -> Outcome:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Outcome(name, refused=("the disk is full: nothing of this file was kept",), lacked_room=True)
    return Outcome(name, refused=(f"the file could not be read: {error}",))


def _known_or_new(connection: Connection, entry: ledger.Import, source: Source, options: ReadOptions) -> _Entry | Outcome:
    entry = replace(entry, name=source.name)
    if entry.state != ledger.DONE:
        return _Entry(entry, source)
    readers, rejects = tuple(entry.readers.split(", ")), tuple(ledger.list_rejects(connection, entry.id))
    remembered = _remembered(entry, None)
    before = {remembered.get(name, remembered[None]).naive_time for name in readers}
    if options.naive_time and _asks(readers) and before - {None, options.naive_time}:
        # Both readings of its times together would be two days laid over one another.
        why = f"it was imported with its times read the other way; take that back first: afoot forget {entry.hash[:12]}"
        return Outcome(source.name, entry.hash, readers, True, Change(), rejects, (why,))
    minutes = entry.change.inserted + entry.change.changed + entry.change.unchanged
    return Outcome(source.name, entry.hash, readers, True, Change(unchanged=minutes), rejects)


@dataclass(frozen=True, slots=True)
class _Reading:
    """An archived input being read, and what it says, piece by piece."""

    pending: _Pending
    pieces: Iterator[Digest]


def _read(entries: Sequence[_Entry], settled: _Settled, problems: dict[str, str], run: Run | None) -> list[_Reading]:
    """Begin to read what was archived: small files by `run`, large ones here, when their pieces are asked for."""
    small = [run is not None and isinstance(entry.source, BytesSource) for entry in entries]
    jobs = [(entry.source, settled, problems) for entry, is_small in zip(entries, small, strict=True) if is_small]
    said = iter(run(_read_whole, jobs)) if run is not None else iter(())
    return [
        _Reading(_Pending(entry.known, settled), _later(said) if is_small else _digests(entry.source, settled, problems))
        for entry, is_small in zip(entries, small, strict=True)
    ]


def _later(said: Iterator[list[Digest]]) -> Iterator[Digest]:
    yield from next(said)


def _read_whole(job: Job) -> list[Digest]:
    return list(_digests(*job))


def _store(store: Store, readings: Sequence[_Reading]) -> Iterator[Outcome]:
    """Store what is read: small files together in one commit, the pieces of a large one in several."""
    ready: list[_Piece] = []
    samples = 0
    for reading in readings:
        piece: Digest | None = next(reading.pieces)
        while piece is not None:
            following = next(reading.pieces, None)
            ready.append(_Piece(reading.pending, piece, following is None))
            samples += piece.samples
            if samples >= SAMPLES_AT_ONCE:
                yield from _commit(store, ready)
                ready, samples = [], 0
            piece = following
    yield from _commit(store, ready)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of what one file says, or, if `is_last`, the rest of it."""

    pending: _Pending
    said: Digest
    is_last: bool


def _commit(store: Store, pieces: Sequence[_Piece]) -> Iterator[Outcome]:
    """Store the pieces in one transaction, then yield the files that are complete."""
    if not pieces:
        return
    complete = [piece.pending for piece in pieces if piece.is_last]
    log.info("storing %d parts, %d inputs complete with them", len(pieces), len(complete))
    with store.writing() as connection:
        _write(connection, pieces)
        ledger.finish(connection, [pending.result() for pending in complete])
    yield from (pending.outcome() for pending in complete)


def _digests(source: Source, settled: _Settled, problems: dict[str, str]) -> Iterator[Digest]:
    """Yield what a source says; at least one piece, which may say only why nothing could be read."""
    try:
        parts, strangers = find_parts(open_container(source))
    except (DecodeError, Unrecognised, OSError) as error:
        yield Digest(refused=[str(error)])
        return
    for name in sorted({part.reader.name for part in parts}):
        if name in problems:
            yield Digest(readers={name}, refused=[f"{name}: {problems[name]}"])
        else:
            own = [part for part in parts if part.reader.name == name]
            yield from digest(own, settled.get(name, settled[None]))
    if strangers:
        yield Digest(rejects=strangers)


def _write(connection: Connection, pieces: Sequence[_Piece]) -> None:
    """Store what the pieces say, of one device and metric all at once, and count for each file what it changed."""
    evidence: dict[tuple[int, int, str], list[tuple[_Pending, Evidence]]] = {}
    rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _LARGEST}
    known: dict[tuple[int, Device], int] = {}
    for piece in pieces:
        pending, said = piece.pending, piece.said
        pending.readers |= said.readers
        pending.rejects += said.rejects
        pending.refused += said.refused
        patient_id = pending.entry.patient_id
        for own in said.devices:
            try:
                if (patient_id, own.device) not in known:
                    known[patient_id, own.device] = pending.claim(connection, own.device)
            except Conflict as error:
                pending.refuse(own.device, str(error))
                continue
            device_id = known[patient_id, own.device]
            for metric, of_metric in own.evidence.items():
                evidence.setdefault((patient_id, device_id, metric), []).append((pending, of_metric))
            for table, found in _plain_rows(own).items():
                rows[table] += [{"patient_id": patient_id, "device_id": device_id} | row for row in found]
    touched = dirty.days_of_spans(connection, rows[tables.spans]) | dirty.days_of_offsets(connection, rows[tables.offsets])
    touched |= dirty.days_of_hours(connection, rows[tables.hours])
    shown: set[dirty.PatientDay] = set()
    all_days = dirty.first_wear_reports(connection, rows[tables.spans])
    for key, said_of in evidence.items():
        patient_id, device_id, metric = key
        if metric == "heart_rate" and dirty.takes_first_pulse(connection, patient_id, device_id):
            all_days.add(patient_id)
        written: set[int] = set()
        changes = add_parts(connection, *key, [of_metric for _, of_metric in said_of], written)
        days = {(patient_id, day) for day in written}
        if metric in dirty.METRICS:
            touched |= days
        else:
            shown |= days
        for (pending, _), change in zip(said_of, changes, strict=True):
            pending.change += change
    for table, largest in _LARGEST.items():
        _keep_largest(connection, table, rows[table], largest)
    dirty.mark(connection, touched)
    dirty.mark_unpublished(connection, shown - touched)
    for patient_id in all_days:
        dirty.mark_since(connection, patient_id)


# Of two rows with one key, which stands: so that it does not matter which came first.
_LARGEST: dict[Table, tuple[str, ...]] = {
    tables.spans: ("end_ms", "attributes"),
    tables.offsets: ("offset_s",),
    tables.totals: ("value",),
    tables.hours: ("end_ms", "value"),
}


def _plain_rows(own: DeviceDigest) -> dict[Table, list[dict[str, Any]]]:
    spans = [
        {"kind": span.kind.value, "start_ms": span.start_ms, "end_ms": span.end_ms}
        | {"attributes": json.dumps(dict(span.attributes), sort_keys=True)}
        for span in own.spans
    ]
    return {
        tables.spans: spans,
        tables.offsets: [asdict(offset) for offset in own.offsets],
        tables.totals: [asdict(total) for total in own.totals],
        tables.hours: [asdict(hour) for hour in own.hours],
    }


def _keep_largest(connection: Connection, table: Table, rows: list[dict[str, Any]], largest: tuple[str, ...]) -> None:
    """Upsert the rows so that of those with one key the largest stands, in whatever order they come."""
    keys = [column.name for column in table.primary_key]
    rows.sort(key=lambda row: [row[name] for name in largest])
    upsert(connection, table, list({tuple(row[name] for name in keys): row for row in rows}.values()), largest=largest)


def _plain(settled: _Settled, readers: set[str]) -> dict[str, Any]:
    """Return how an input was read, as the ledger keeps it; `inferred` is what the files of its import said together."""
    options = settled[None]
    said = {name: settled[name].naive_time for name in sorted(readers) if name in settled}
    inferred = {name: meaning for name, meaning in said.items() if meaning != options.naive_time}
    return {"zone": str(options.zone) if options.zone else None, "naive_time": options.naive_time, "inferred": inferred}


def _asks(readers: Sequence[str]) -> bool:
    """Whether any of the readers makes another thing of the same bytes by what it is told beside them."""
    return any(reader.name in readers and not isinstance(reader, SingleFile) for reader in READERS)


def _remembered(entry: ledger.Import, zone: ZoneInfo | None) -> _Settled:
    """Return how an input was read before: alone, it might no longer say what it said together with others."""
    options = ReadOptions(zone, entry.options.get("naive_time"))
    inferred = entry.options.get("inferred", {})
    return {None: options} | {name: replace(options, naive_time=meaning) for name, meaning in inferred.items()}
