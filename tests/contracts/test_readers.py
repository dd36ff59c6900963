"""What every reader owes, run over each entry of READERS: a new one inherits it with one line in `made.MAKERS`."""

import json
import math
import random
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from devices.errors import DecodeError, MissingAnswer, Unrecognised
from devices.files import READERS, identify
from devices.files.reader import Reader, ReadOptions
from devices.files.source import BytesSource, FileSource, Source
from devices.recording import EARLIEST_MS, LATEST_MS, METRICS, Counter, Intervals, Recording, Reject, Stream, believable
from ingest import ledger, people, tables
from ingest.archive import Archive
from ingest.collect.files import Outcome, find_files, import_files, rebuild
from ingest.digest import find_parts, open_container
from ingest.people import Patient
from ingest.store import Change, Store
from tests.contracts.made import MAKERS, files_of
from tests.ingest.making import open_store

NAMES = [reader.name for reader in READERS]
BY_NAME = {reader.name: reader for reader in READERS}
EACH = pytest.mark.parametrize("name", NAMES)
# Everything a file cannot say is answered, so that no reader may refuse for want of an answer.
OPTIONS = ReadOptions(ZoneInfo("Europe/Berlin"), "utc")
NOW = 1_780_000_000_000
SECONDS_EACH = 20


def test_every_reader_has_made_files_and_a_name_of_its_own() -> None:
    assert set(MAKERS) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    for name in NAMES:
        assert files_of(name), name


def parts_of(name: str) -> Iterator[tuple[str, Source]]:
    """Each made file, or what in it (a zip) the reader claims."""
    for path, data in files_of(name).items():
        parts, _ = find_parts(open_container(BytesSource(data, path)))
        assert [part.reader.name for part in parts] == [name] * len(parts), path
        yield from ((path, part.source) for part in parts)


def read_all(reader: Reader, source: Source, options: ReadOptions = OPTIONS) -> tuple[list[Recording | Reject], Exception | None]:
    """Read to the end, or to one of the errors that a reader may raise; any other one goes through."""
    items: list[Recording | Reject] = []
    try:
        for item in reader.read(source, options):
            check(item)
            items.append(item)
    except (DecodeError, MissingAnswer) as error:
        check_text(str(error))
        return items, error
    return items, None


def check_text(text: str) -> None:
    """Fit for the store and a terminal's table: no half characters, no NUL (which PostgreSQL refuses), not endless."""
    assert "\0" not in text
    text.encode()
    assert len(text) < 2000


def check(item: Recording | Reject) -> None:
    """The contract of the nouns."""
    if isinstance(item, Reject):
        assert item.count > 0
        assert item.expected
        for text in (item.place, item.expected, item.found):
            check_text(text)
        return
    assert isinstance(item, Recording)
    device = item.device
    assert device.vendor
    # An empty serial number would be one device of all patients.
    assert device.serial is None or device.serial
    for one in (device.vendor, device.model, device.serial or "", device.name, device.key):
        check_text(one)
        assert one.isprintable()
    for stream in item.streams:
        check_stream(stream)
    for span in item.spans:
        assert type(span.start_ms) is int
        assert type(span.end_ms) is int
        assert EARLIEST_MS <= span.start_ms <= span.end_ms <= LATEST_MS
        for key, value in span.attributes.items():
            assert type(value) is str or (type(value) in (int, float) and math.isfinite(value)), key
            check_text(str(value))
        json.dumps(dict(span.attributes), allow_nan=False)
    for offset in item.offsets:
        assert type(offset.at_ms) is int
        assert type(offset.offset_s) is int
        assert EARLIEST_MS <= offset.at_ms <= LATEST_MS
        assert abs(offset.offset_s) <= 24 * 3600
    for total in item.totals:
        assert type(total.value) is int
        assert 0 <= total.value < 2**31
        assert 1990 <= total.day.year <= 2100
        assert total.metric in METRICS


def check_stream(stream: Stream) -> None:
    metric, samples = METRICS[stream.metric], stream.samples
    coverage = stream.coverage
    assert coverage.dtype == np.int64
    assert coverage.shape == (len(coverage), 2)
    assert (coverage[:, 1] > coverage[:, 0]).all()
    assert (coverage[1:, 0] >= coverage[:-1, 1]).all()
    assert len(coverage) == 0 or metric.kind == "sum"
    if isinstance(samples, Counter):
        columns = (samples.at_ms, samples.since_ms, samples.channel, samples.value)
        assert [column.dtype for column in columns] == [np.int64, np.int64, np.int16, np.int32]
        assert len({column.shape for column in columns}) == 1
        assert (samples.at_ms >= samples.since_ms).all()
        assert (samples.value >= 0).all()
        assert (samples.channel >= -1).all()
        assert (samples.value[samples.channel == -1] == 0).all()
        return
    assert isinstance(samples, Intervals)
    parts = (samples.start_ms, samples.end_ms, samples.value)
    assert [column.dtype for column in parts] == [np.int64, np.int64, np.int32]
    assert len({column.shape for column in parts}) == 1
    assert all(column.ndim == 1 for column in parts)
    assert believable(metric, *parts).all()


def plain(item: Recording | Reject) -> Any:
    """All of an item as plain values that can be compared."""
    if isinstance(item, Reject):
        return item
    streams = []
    for stream in item.streams:
        columns = [getattr(stream.samples, column).tolist() for column in type(stream.samples).__slots__]
        streams.append((stream.metric, type(stream.samples).__name__, columns, stream.coverage.tolist()))
    spans = [(span.kind, span.start_ms, span.end_ms, dict(span.attributes)) for span in item.spans]
    return item.device, streams, spans, item.offsets, item.totals


@EACH
def test_made_files_are_read_whole_and_obey_the_contract(name: str) -> None:
    recordings = []
    for path, source in parts_of(name):
        items, error = read_all(BY_NAME[name], source)
        assert error is None, path
        recordings += [item for item in items if isinstance(item, Recording)]
    assert recordings


@EACH
def test_one_reader_claims_each_file_whatever_it_is_called(name: str) -> None:
    for path, source in parts_of(name):
        with source.open() as stream:
            data = stream.read()
        for called in (path, "x", "Übersicht (1).txt", "export.xml", "data/steps.fit", "a.zip!b.csv"):
            renamed = BytesSource(data, called)
            assert identify(renamed).name == name, (path, called)
        # What it is called may decide what a file means, never whose it is.
        devices = {called: devices_of(name, BytesSource(data, called)) for called in (path, f"copy of {PurePath(path).name}")}
        assert len(set(map(frozenset, devices.values()))) == 1


def devices_of(name: str, source: Source) -> set[str]:
    return {item.device.key for item in read_all(BY_NAME[name], source)[0] if isinstance(item, Recording)}


@EACH
def test_reading_twice_and_two_at_a_time_gives_the_same(name: str) -> None:
    sources = [source for _, source in parts_of(name)][:8]
    other = [source for _, source in parts_of(name)][::-1][:8]
    reader = BY_NAME[name]
    alone = [[plain(item) for item in reader.read(source, OPTIONS)] for source in sources]
    again = [[plain(item) for item in reader.read(source, OPTIONS)] for source in sources]
    assert alone == again
    # All at once, a piece of each in turn, with another file between each two pieces.
    readings = [iter(reader.read(source, OPTIONS)) for source in sources]
    beside = chain.from_iterable(reader.read(source, OPTIONS) for source in other * 20)
    mixed: list[list[Any]] = [[] for _ in sources]
    left = set(range(len(sources)))
    while left:
        for place in sorted(left):
            item = next(readings[place], None)
            next(beside, None)
            if item is None:
                left.discard(place)
            else:
                mixed[place].append(plain(item))
    assert mixed == alone


# What a broken program, a transfer or a stranger may put where a number, a time or a name belongs.
NUMBERS = (b"-1", b"0", b"NaN", b"1e999", b"-Infinity", b"9" * 25, b"9" * 5000, b"2147483648")
TIMES = (b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"2026-03-29T02:30:00")
SIGNS = (
    b"",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b'"',
    b",",
    b"\n",
    b";",
    b"\r\n\r\n",
    b"null",
)
NESTS = (b"[[", b"{" * 3000, b"&#0;", b"&x;", b"<a>", b"a" * 70_000)
PAYLOADS = st.sampled_from((*NUMBERS, *TIMES, *SIGNS, *NESTS))
PLACES = st.floats(0, 1, allow_nan=False)
MUTATIONS = st.one_of(
    st.tuples(st.just("token"), PLACES, PAYLOADS),
    st.tuples(st.just("flip"), PLACES, st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("insert"), PLACES, st.one_of(PAYLOADS, st.binary(max_size=64))),
    st.tuples(st.just("delete"), PLACES, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("double"), PLACES, st.binary(min_size=1, max_size=200)),
    st.tuples(st.just("cut"), PLACES, st.just(b"")),
)
_WORD = frozenset(b"0123456789.-+:TZ" + bytes(range(65, 91)) + bytes(range(97, 123)))


def mutate(data: bytes, kind: str, place: float, payload: bytes) -> bytes:
    start = round(place * len(data))
    if kind == "cut":
        return data[:start]
    if kind == "insert":
        return data[:start] + payload + data[start:]
    if kind == "token":
        # The number or word at this place is another one.
        first = last = min(start, len(data))
        while first > 0 and data[first - 1] in _WORD:
            first -= 1
        while last < len(data) and data[last] in _WORD:
            last += 1
        return data[:first] + payload + data[last:]
    end = start + len(payload)
    if kind == "delete":
        return data[:start] + data[end:]
    return data[:end] + data[start:end] + data[end:] if kind == "double" else data[:start] + payload + data[end:]


def survives(name: str, path: str, data: bytes) -> None:
    """Whatever the bytes: recordings, rejects or our own error, soon, from this reader and from whoever claims them."""
    began = time.perf_counter()
    source = BytesSource(data, path)
    reader = BY_NAME[name]
    try:
        container = open_container(source)
        for part in find_parts(container)[0]:
            part.reader.survey([part.source], ReadOptions(OPTIONS.zone))
            read_all(part.reader, part.source)
    except (DecodeError, Unrecognised) as error:
        check_text(str(error))
    if not data.startswith(b"PK"):
        read_all(reader, source)
    assert time.perf_counter() - began < SECONDS_EACH


def small(name: str) -> list[tuple[str, bytes]]:
    """The made files short enough to be read many times."""
    return [(path, data) for path, data in files_of(name).items() if len(data) < 100_000] or list(files_of(name).items())


@EACH
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_damage_gives_recordings_rejects_or_our_own_error(name: str, data: st.DataObject) -> None:
    path, spoilt = data.draw(st.sampled_from(small(name)))
    for kind, place, payload in data.draw(st.lists(MUTATIONS, min_size=1, max_size=4)):
        spoilt = mutate(spoilt, kind, place, payload)
    survives(name, path, spoilt)


@EACH
def test_any_bytes_and_files_run_together(name: str) -> None:
    rng = random.Random(name)
    files = small(name)
    for turn in range(12):
        path, data = rng.choice(files)
        other = rng.choice(small(rng.choice(NAMES)))[1] if turn % 2 else rng.choice(files)[1]
        survives(name, path, data + other)
        survives(name, path, other + data)
        survives(name, path, data[: rng.randrange(1, 200)] + rng.randbytes(rng.randrange(2000)))
        survives(name, path, rng.randbytes(rng.randrange(3000)))
    for nothing in (b"", b"\0", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b"PK\x03\x04", b"SQLite format 3\0"):
        survives(name, files[0][0], nothing)


def derived(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything derived, with devices by key: their ids depend on who came first."""
    found = {}
    with store.reading() as connection:
        keys = dict(connection.execute(select(tables.devices.c.id, tables.devices.c.key)).all())
        for table in (tables.minutes, tables.spans, tables.offsets, tables.totals):
            place = [column.name for column in table.columns].index("device_id")
            rows = [tuple(row) for row in connection.execute(select(table))]
            found[table.name] = sorted((*row[:place], keys[row[place]], *row[place + 1 :]) for row in rows)
        found["devices"] = sorted((key,) for key in keys.values())
    return found


class Clinic:
    """A store of its own with one patient."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.archive = store, Archive(folder / "archive")
        with store.writing() as connection:
            self.patient: Patient = people.add_patient(connection, "P", "Europe/Berlin", 0)

    def take(self, files: list[tuple[str, bytes]], options: ReadOptions = OPTIONS) -> list[Outcome]:
        sources = [BytesSource(data, path) for path, data in files]
        outcomes = list(import_files(self.store, self.archive, self.patient, sources, options, NOW))
        assert sorted(outcome.name for outcome in outcomes) == sorted(path for path, _ in files)
        return outcomes

    def forget_imports(self) -> None:
        """So that what is known is read again, as after a crash before the last commit."""
        with self.store.writing() as connection:
            connection.execute(tables.imports.update().values(state=ledger.ARCHIVED))


def total(outcomes: list[Outcome]) -> Change:
    return sum((outcome.change for outcome in outcomes), Change())


@EACH
def test_again_split_shuffled_and_rebuilt_is_the_same_store(name: str, tmp_path: Path) -> None:
    files = list(files_of(name).items())
    with open_store(tmp_path / "one") as store:
        clinic = Clinic(store, tmp_path / "one")
        first = clinic.take(files)
        assert not any(outcome.refused for outcome in first)
        whole = derived(store)
        assert whole["minutes"] or whole["spans"]
        again = clinic.take(files)
        assert all(outcome.known for outcome in again)
        assert derived(store) == whole
        # Read again, not merely known again: nothing is new and nothing is changed.
        clinic.forget_imports()
        change = total(clinic.take(files))
        assert (change.inserted, change.changed) == (0, 0)
        assert change.unchanged >= total(first).inserted
        assert derived(store) == whole
        assert [outcome.refused for outcome in rebuild(store, clinic.archive)] == [()] * len(files)
        assert derived(store) == whole
    with open_store(tmp_path / "two") as store:
        clinic = Clinic(store, tmp_path / "two")
        rng = random.Random(name)
        several = [*files, *rng.sample(files, len(files) // 2)]
        rng.shuffle(several)
        while several:
            count = rng.randint(1, 4)
            batch, several = several[:count], several[count:]
            clinic.take(
                [(f"{number} {path}", data) if "/" not in path else (path, data) for number, (path, data) in enumerate(batch)]
            )
        assert derived(store) == whole


def test_all_formats_in_one_folder_and_in_one_zip_are_the_same_store(tmp_path: Path) -> None:
    """Nothing is lost in company, and devices of different formats never mix."""
    packed = BytesIO()
    apart = tmp_path / "apart"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            for path, data in small(name):
                (apart / name / path).parent.mkdir(parents=True, exist_ok=True)
                (apart / name / path).write_bytes(data)
                archive.writestr(f"{name}/{path}", data)
    with open_store(tmp_path / "folder") as store:
        clinic = Clinic(store, tmp_path / "folder")
        sources: list[FileSource] = find_files([apart])
        outcomes = list(import_files(store, clinic.archive, clinic.patient, sources, OPTIONS, NOW))
        assert not any(outcome.refused for outcome in outcomes)
        assert {reader for outcome in outcomes for reader in outcome.readers} == set(NAMES)
        together = derived(store)
    with open_store(tmp_path / "zip") as store:
        clinic = Clinic(store, tmp_path / "zip")
        (outcome,) = clinic.take([("everything.zip", packed.getvalue())])
        assert not outcome.refused
        assert set(outcome.readers) == set(NAMES)
        assert derived(store) == together


def test_what_a_rebuild_reads_is_what_the_files_said_together(tmp_path: Path) -> None:
    """Fitbit's times mean UTC or local time, and only several files together say which."""
    files = list(files_of("fitbit").items())
    with open_store(tmp_path) as store:
        clinic = Clinic(store, tmp_path)
        outcomes = clinic.take(files, ReadOptions(OPTIONS.zone))
        assert not any(outcome.refused for outcome in outcomes)
        whole = derived(store)
        assert [outcome.refused for outcome in rebuild(store, clinic.archive)] == [()] * len(files)
        assert derived(store) == whole
