"""Files, folders and zips -> the store: archived first, then read, then stored, with an outcome for each.

A file is done when its outcome is yielded: by then its bytes, its minutes and its entry in the ledger are committed. Whatever
stops the run before, the same call again completes it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table

from devices.errors import DecodeError, DeviceError, Unrecognised
from devices.files.reader import Reader, ReadOptions
from devices.files.source import FileSource, Source
from devices.recording import Reject
from ingest import ledger, people, tables
from ingest.archive import Archive
from ingest.digest import DeviceDigest, Digest, digest, find_parts, open_container
from ingest.errors import Conflict, DamagedStore
from ingest.people import Patient
from ingest.store import Change, Store, add, upsert

FILES_AT_ONCE = 64
# Systems leave these beside the user's own files.
_NOT_EXPORTS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    known:   its bytes were imported before, so nothing was read again
    refused: why it, or a part of it, could not be read; what could be was kept
    """

    name: str
    hash: str = ""
    readers: tuple[str, ...] = ()
    known: bool = False
    change: Change = field(default_factory=Change)
    rejects: tuple[Reject, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pending:
    entry: ledger.Import
    options: dict[str, Any]
    readers: set[str] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    change: Change = field(default_factory=Change)

    def outcome(self) -> Outcome:
        readers, refused = tuple(sorted(self.readers)), tuple(self.refused)
        return Outcome(self.entry.name, self.entry.hash, readers, False, self.change, tuple(self.rejects), refused)


def find_files(paths: Sequence[Path]) -> list[FileSource]:
    """Return every file at or below the paths, each named from the folder that the user gave, in name order.

    Raises: FileNotFoundError if a path is not there
    """
    found: dict[Path, FileSource] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: expected a file or folder, found nothing there")
        if path.is_file():
            found.setdefault(path.resolve(), FileSource(path, path.name))
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _NOT_EXPORTS)
            for name in sorted(set(names) - _NOT_EXPORTS):
                file = Path(folder, name)
                if file.is_file():
                    found.setdefault(file.resolve(), FileSource(file, str(file.relative_to(path))))
    return list(found.values())


def import_files(
    store: Store, archive: Archive, patient: Patient, files: Sequence[Source], options: ReadOptions, at_ms: int
) -> Iterator[Outcome]:
    """Import the files for one patient, yielding an outcome as each is safe in the store.

    at_ms: now. A bad file raises nothing: its outcome says why. Raises: DamagedStore, and what the database or its disk raise
    """
    settled, problems = _survey(files, options)
    for first in range(0, len(files), FILES_AT_ONCE):
        some = files[first : first + FILES_AT_ONCE]
        with store.writing() as connection:
            kept = [_archive(connection, archive, patient, source, at_ms) for source in some]
        for entry in kept:
            if isinstance(entry, Outcome):
                yield entry
        entries = [entry for entry in kept if isinstance(entry, ledger.Import)]
        yield from _read_entries(store, archive, entries, settled, problems)


def preview(store: Store, patient: Patient, files: Sequence[Source], options: ReadOptions) -> Iterator[Outcome]:
    """Yield the outcomes that `import_files` would have, and leave the store as it is."""
    settled, problems = _survey(files, options)
    with store.writing(keep=False) as connection:
        for source in files:
            entry = ledger.Import(0, patient.id, "", source.name, {}, ledger.ARCHIVED, "", "", Change())
            pending = _Pending(entry, {})
            for piece in _digests(source, settled, problems):
                _write(connection, pending, piece)
            yield pending.outcome()


def rebuild(store: Store, archive: Archive) -> Iterator[Outcome]:
    """Derive everything anew from the archive: all of it appears at once, when the last import has been read.

    Raises: DamagedStore if an archived object is not as it was kept; the store then stays as it was
    """
    with store.writing() as connection:
        for table in tables.DERIVED:
            connection.execute(table.delete())
        patients = {patient.id: patient for patient in people.list_patients(connection)}
        for entry in ledger.list_imports(connection):
            options = ReadOptions(people.checked_zone(patients[entry.patient_id].zone), entry.options.get("naive_time"))
            archive.verify(connection, entry.hash)
            pending = _Pending(entry, _plain(options))
            source = archive.open(connection, entry.hash, entry.name)
            for piece in _digests(source, {None: options}, {}):
                _write(connection, pending, piece)
            _finish(connection, pending)
            yield pending.outcome()


_Settled = dict[str | None, ReadOptions]


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


def _archive(connection: Connection, archive: Archive, patient: Patient, source: Source, at_ms: int) -> ledger.Import | Outcome:
    try:
        kept = archive.keep(connection, source)
    except (OSError, DecodeError) as error:
        return Outcome(source.name, refused=(f"the file could not be read: {error}",))
    entry = ledger.register(connection, patient.id, kept.hash, source.name, at_ms)
    if entry.state != ledger.DONE:
        return replace(entry, name=source.name)
    minutes = entry.change.inserted + entry.change.changed + entry.change.unchanged
    readers, rejects = tuple(entry.readers.split(", ")), tuple(ledger.list_rejects(connection, entry.id))
    return Outcome(source.name, entry.hash, readers, True, Change(unchanged=minutes), rejects)


def _read_entries(
    store: Store, archive: Archive, entries: Sequence[ledger.Import], settled: _Settled, problems: dict[str, str]
) -> Iterator[Outcome]:
    """Read what was archived and store it: small files together in one commit, the pieces of a large one in several."""
    ready: list[tuple[_Pending, Digest, bool]] = []
    for entry in entries:
        with store.reading() as connection:
            source = archive.open(connection, entry.hash, entry.name)
        pending = _Pending(entry, _plain(settled[None]))
        pieces = _digests(source, settled, problems)
        piece = next(pieces)
        for following in pieces:
            _commit(store, [*ready, (pending, piece, False)])
            yield from (done.outcome() for done, _, last in ready if last)
            ready, piece = [], following
        ready.append((pending, piece, True))
    _commit(store, ready)
    yield from (done.outcome() for done, _, last in ready if last)


def _commit(store: Store, ready: Sequence[tuple[_Pending, Digest, bool]]) -> None:
    if not ready:
        return
    with store.writing() as connection:
        for pending, piece, last in ready:
            _write(connection, pending, piece)
            if last:
                _finish(connection, pending)


def _digests(source: Source, settled: _Settled, problems: dict[str, str]) -> Iterator[Digest]:
    """Yield what a source says; at least one piece, which may say only why nothing could be read."""
    try:
        parts, strangers = find_parts(open_container(source))
    except (DecodeError, Unrecognised, OSError) as error:
        yield Digest(refused=[str(error)])
        return
    first = Digest(rejects=strangers)
    for name in sorted({part.reader.name for part in parts}):
        own = [part for part in parts if part.reader.name == name]
        if name in problems:
            first.readers.add(name)
            first.refused.append(f"{name}: {problems[name]}")
            continue
        yield from digest(own, settled.get(name, settled[None]))
    yield first


def _write(connection: Connection, pending: _Pending, piece: Digest) -> None:
    pending.readers |= piece.readers
    pending.rejects += piece.rejects
    pending.refused += piece.refused
    for own in piece.devices:
        try:
            device_id = people.own_device(connection, pending.entry.patient_id, own.device)
        except Conflict as error:
            pending.refused.append(str(error))
            continue
        pending.change += _write_device(connection, pending.entry.patient_id, device_id, own)


def _write_device(connection: Connection, patient_id: int, device_id: int, own: DeviceDigest) -> Change:
    change = Change()
    for metric, evidence in own.evidence.items():
        change += add(connection, patient_id, device_id, metric, evidence)
    owner = {"patient_id": patient_id, "device_id": device_id}
    rows = [
        owner
        | {"kind": span.kind.value, "start_ms": span.start_ms, "end_ms": span.end_ms}
        | {"attributes": json.dumps(dict(span.attributes), sort_keys=True)}
        for span in own.spans
    ]
    _keep_largest(connection, tables.spans, rows, ("end_ms", "attributes"))
    _keep_largest(connection, tables.offsets, [owner | asdict(offset) for offset in own.offsets], ("offset_s",))
    _keep_largest(connection, tables.totals, [owner | asdict(total) for total in own.totals], ("value",))
    return change


def _keep_largest(connection: Connection, table: Table, rows: list[dict[str, Any]], largest: tuple[str, ...]) -> None:
    """Upsert the rows so that of those with one key the largest stands, in whatever order they come."""
    keys = [column.name for column in table.primary_key]
    rows.sort(key=lambda row: [row[name] for name in largest])
    upsert(connection, table, list({tuple(row[name] for name in keys): row for row in rows}.values()), largest=largest)


def _finish(connection: Connection, pending: _Pending) -> None:
    ledger.finish(
        connection,
        pending.entry.id,
        options=pending.options,
        readers=pending.readers,
        refused=pending.refused,
        rejects=pending.rejects,
        change=pending.change,
    )


def _plain(options: ReadOptions) -> dict[str, Any]:
    return {"zone": str(options.zone) if options.zone else None, "naive_time": options.naive_time}


__all__ = ["DamagedStore", "Outcome", "find_files", "import_files", "preview", "rebuild"]
