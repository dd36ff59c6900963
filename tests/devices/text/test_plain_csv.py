"""Our own table: every kind of row, hand-made tables, and minutes that come back exactly."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.files.plain_csv import COLUMNS
from devices.files.reader import ReadOptions
from devices.files.textual.attributes import read_attributes, write_attributes
from devices.recording import Device, Offset, SpanKind, VendorTotal
from tests.devices.text.reading import claims, coverage, ms, read_bytes, samples, spans

AT = ms("2026-08-01T05:30")


def write(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(COLUMNS), restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def test_the_least_that_works() -> None:
    recordings, rejects = read_bytes(
        b"start,value\n2026-08-01T07:30:00+02:00,66\n2026-08-01 05:31:00Z,0\n", "mine.csv", ReadOptions()
    )
    assert samples(recordings) == [(AT, AT + 60_000, 66), (AT + 60_000, AT + 120_000, 0)]
    assert coverage(recordings) == [[AT, AT + 120_000]]
    assert recordings[0].device.key == "plain//~unnamed device"
    assert recordings[0].offsets == (Offset(AT, 7200),)
    assert not rejects


def test_every_kind_of_row() -> None:
    times = {"start": "2026-08-01T05:30:00Z", "end": "2026-08-01T06:00:00Z", "device": "Watch"}
    rows = [
        {**times, "value": "900"},
        {**times, "metric": "heart_rate", "value": "81.5"},
        {**times, "metric": "heart_rate", "value": "70", "end": times["start"]},
        {**times, "kind": "covered", "end": "2026-08-01T08:00:00Z"},
        {**times, "kind": "covered", "metric": "counts"},
        {**times, "kind": "Sleep", "stage": "deep"},
        {**times, "kind": "sleep", "start": "2026-08-01T05:40:00Z"},
        {**times, "kind": "in_bed"},
        {**times, "kind": "workout", "activity": "walking", "name": "Round the lake", "steps": "1800"},
        {**times, "kind": "not_worn", "attributes": '{"why": "shower", "grams": 31.5}'},
        {**times, "kind": "charging"},
        {"start": "2026-08-01", "kind": "total", "value": "5100", "device": "Watch"},
    ]
    recordings, rejects = read_bytes(write(rows), "mine.csv")
    (recording,) = recordings
    assert recording.device == Device("plain", name="Watch")
    assert samples(recordings) == [(AT, AT + 1_800_000, 900)]
    assert samples(recordings, "heart_rate") == [(AT, AT, 70), (AT, AT + 1_800_000, 82)]
    assert coverage(recordings) == [[AT, AT + 9_000_000]]
    assert coverage(recordings, "counts") == [[AT, AT + 1_800_000]]
    assert spans(recordings, "sleep") == [
        (AT, AT + 1_800_000, {"stage": "deep"}),
        (AT + 600_000, AT + 1_800_000, {"stage": "asleep"}),
    ]
    workout = {"activity": "walking", "name": "Round the lake", "steps": 1800}
    assert spans(recordings, "workout") == [(AT, AT + 1_800_000, workout)]
    assert spans(recordings, SpanKind.NOT_WORN) == [(AT, AT + 1_800_000, {"why": "shower", "grams": 31.5})]
    for kind in (SpanKind.IN_BED, SpanKind.CHARGING):
        assert spans(recordings, kind) == [(AT, AT + 1_800_000, {})]
    assert recording.totals == (VendorTotal(date(2026, 8, 1), "steps", 5100),)
    assert not rejects


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_write_them(delimiter: str, encoding: str) -> None:
    rows = [{"start": " 2026-08-01T05:30:00Z ", "value": " 66 ", "device": " Möwe, rechts; "}]
    data = write(rows, delimiter).decode().encode(encoding)
    recordings, rejects = read_bytes(data, "Tabelle1.csv")
    assert recordings[0].device.name == "Möwe, rechts;"
    assert [value for _, _, value in samples(recordings)] == [66]
    assert not rejects


def test_devices_by_what_is_known_of_them() -> None:
    rows = [
        {"start": "2026-08-01T05:30:00Z", "value": "1", "vendor": "garmin", "model": "fenix 5", "serial": "12"},
        {"start": "2026-08-01T05:31:00Z", "value": "2", "vendor": "fitbit", "device": "account"},
        {"start": "2026-08-01T05:32:00Z", "value": "3", "vendor": "garmin", "model": "fenix 5", "serial": "13"},
        {"start": "2026-08-01T05:33:00Z", "value": "4", "vendor": "garmin", "model": "fenix 5", "serial": "12"},
    ]
    recordings, _ = read_bytes(write(rows), "mine.csv")
    assert {recording.device: [value for _, _, value in samples([recording])] for recording in recordings} == {
        Device("garmin", "fenix 5", "12"): [1, 4],
        Device("fitbit", name="account"): [2],
        Device("garmin", "fenix 5", "13"): [3],
    }


@pytest.mark.parametrize(
    "row",
    [
        {"start": "2026-08-01T05:30:00", "value": "1"},
        {"start": "2026-08-01T05:30:00Z"},
        {"start": "2026-08-01T05:30:00Z", "value": "x"},
        {"start": "2026-08-01T05:30:00Z", "value": "401"},
        {"start": "2026-08-01T05:30:00Z", "end": "2026-08-01T05:30:00Z", "value": "1"},
        {"start": "2026-08-01T05:30:00Z", "end": "2026-08-01T05:29:00Z", "value": "1"},
        {"start": "2026-08-01T05:30:00Z", "end": "later", "value": "1"},
        {"start": "2026-08-01T05:30:00Z", "value": "1", "kind": "nap"},
        {"start": "2026-08-01T05:30:00Z", "value": "1", "metric": "stairs"},
        {"start": "2026-08-01T05:30:00Z", "kind": "sleep", "stage": "dozing"},
        {"start": "2026-08-01T05:30:00Z", "kind": "workout", "activity": "chess"},
        {"start": "2026-08-01T05:30:00Z", "kind": "workout", "activity": "walking", "steps": "many"},
        {"start": "2026-08-01T05:30:00Z", "kind": "workout", "name": "Lake", "attributes": '{"name": "Lake"}'},
        {"start": "2026-08-01T05:30:00Z", "kind": "workout", "attributes": '{"activity": "yoga"}'},
        {"start": "2026-08-01T05:30:00Z", "kind": "sleep", "attributes": '{"stage": "deep"}'},
        {"start": "2026-08-01T05:30:00Z", "end": "2026-09-30T05:30:00Z", "kind": "not_worn"},
        {"start": "2026-08-01T05:30:00Z", "kind": "covered", "metric": "heart_rate"},
        {"start": "2026-08-01T05:30:00Z", "kind": "total", "value": "4"},
        {"start": "2026-08-01", "kind": "total"},
        {"start": "1970-01-01T05:30:00Z", "value": "4"},
    ],
)
def test_what_cannot_be_meant_is_left_out_by_its_line(row: dict[str, str]) -> None:
    good = {"start": "2026-08-01T06:30:00Z", "value": "7"}
    recordings, rejects = read_bytes(write([row, good]), "mine.csv")
    assert [value for _, _, value in samples(recordings)] == [7]
    assert len(recordings) == 1
    assert not recordings[0].spans
    assert not recordings[0].totals
    assert [(reject.place, reject.count) for reject in rejects] == [("mine.csv line 2", 1)]


HOSTILE = {
    "no JSON": "distance",
    "cut off": '{"distance_m": 1',
    "a list": "[1]",
    "a number": "1",
    "null": "null",
    "an object within": '{"a": {"b": 1}}',
    "a list within": '{"a": [1]}',
    "nothing within": '{"a": null}',
    "a truth within": '{"a": true}',
    "NaN": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "beyond a double": '{"a": 1e999}',
    "a whole number beyond a double": '{"a": 9007199254740993}',
    "endless digits": '{"a": ' + "9" * 9000 + "}",
    "said twice": '{"a": 1, "a": 2}',
    "half a character": '{"a": "\\ud800"}',
    "a bell": '{"a": "\\u0007"}',
    "a name of nothing": '{"": 1}',
    "a name with a NUL": '{"\\u0000": 1}',
    "an endless name": '{"' + "a" * 200 + '": 1}',
    "an endless text": '{"a": "' + "a" * 2000 + '"}',
    "many names": "{" + ",".join(f'"n{n}": 1' for n in range(500)) + "}",
    "a deep well": '{"a":' * 3000 + "1" + "}" * 3000,
    "a deeper well": "[" * 16_000,
    "a megabyte": '{"a": "' + "a" * 100_000 + '"}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_attributes_that_are_no_plain_object_are_left_out(text: str) -> None:
    row = {"start": "2026-08-01T05:30:00Z", "kind": "workout", "attributes": text}
    recordings, rejects = read_bytes(write([row, {**row, "attributes": '{"indoor": 1}'}]), "mine.csv")
    assert [dict(span.attributes) for recording in recordings for span in recording.spans] == [{"activity": "other", "indoor": 1}]
    assert [(reject.place, reject.count) for reject in rejects] == [("mine.csv line 2", 1)]


PLAIN = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=100).filter(str.isprintable)
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=40).filter(str.isprintable), PLAIN, max_size=20))
def test_attributes_come_back_exactly(said: dict[str, str | int | float]) -> None:
    text = write_attributes(said)
    assert read_attributes(text) == said
    assert write_attributes(read_attributes(text) or {}) == text


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text('{}[]",:\\u0123456789eE+-.ntfa ', max_size=40)))
def test_any_text_is_attributes_or_none(text: str) -> None:
    found = read_attributes(text)
    assert found is None or read_attributes(write_attributes(found)) == found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 400)), unique_by=lambda row: row[0], max_size=60),
    st.integers(-12 * 60, 14 * 60),
)
def test_minutes_come_back_exactly(minutes: list[tuple[int, int]], offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    start = datetime(2026, 10, 24, tzinfo=UTC)
    rows = [
        {
            "start": (start + timedelta(minutes=number)).astimezone(zone).isoformat(),
            "value": str(value),
            "vendor": "v",
            "serial": "1",
        }
        for number, value in minutes
    ]
    recordings, rejects = read_bytes(write(rows), "mine.csv")
    first = ms("2026-10-24T00:00")
    expected = sorted((first + number * 60_000, first + number * 60_000 + 60_000, value) for number, value in minutes)
    assert samples(recordings) == expected
    assert sum(end - begin for begin, end in coverage(recordings)) == len(minutes) * 60_000
    assert all(recording.offsets == () or recording.offsets[0].offset_s == offset * 60 for recording in recordings)
    assert not rejects


@pytest.mark.parametrize(
    "header",
    ["start,duration,value", "value,metric", "start", "start,value,value", "start,value,mood", "", "timestamp,steps,data source"],
)
def test_other_tables_are_not_claimed(header: str) -> None:
    assert "plain_csv" not in claims(header.encode() + b"\n", "plain.csv")
