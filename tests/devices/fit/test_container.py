"""Bytes to columns, on bytes made by hand."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError, Hostile
from devices.files.fit import container
from devices.files.fit.container import MISSING, FitFile, decode
from devices.recording import Reject, Rejects
from tests.devices.fit.writer import (
    BYTE,
    ENUM,
    SINT16,
    STRING,
    UINT8,
    UINT16,
    UINT32,
    compressed,
    definition,
    fit,
    header,
    record,
)

TIME = (253, 4, UINT32)


def only(data: bytes) -> FitFile:
    (file,) = decode(data)
    return file


def lenient(data: bytes) -> tuple[list[FitFile], list[Reject]]:
    rejects = Rejects()
    return list(decode(data, rejects=rejects)), rejects.drain()


def test_columns_hold_what_was_written() -> None:
    file = only(
        fit(
            definition(0, 20, [TIME, (3, 1, UINT8), (0, 2, SINT16)]),
            record(0, "<IBh", 1_000_000_000, 71, -5),
            record(0, "<IBh", 1_000_000_001, 0xFF, 0x7FFF),
        )
    )
    (table,) = file.tables
    assert table.definition.global_number == 20
    assert table.columns["253"].tolist() == [1_000_000_000, 1_000_000_001]
    assert table.columns["3"].tolist() == [71, 255]
    assert table.ints(3) is not None
    assert table.ints(3).tolist() == [71, MISSING]  # type: ignore[union-attr]
    assert table.ints(0).tolist() == [-5, MISSING]  # type: ignore[union-attr]
    assert table.ints(99) is None
    assert table.at.tolist() == [29, 37]
    assert file.profile == 2132


def test_both_byte_orders_in_one_file() -> None:
    file = only(
        fit(
            definition(0, 20, [TIME, (2, 2, UINT16)]),
            record(0, "<IH", 10, 0x1234),
            definition(1, 20, [TIME, (2, 2, UINT16)], big=True),
            record(1, ">IH", 11, 0x1234),
            record(0, "<IH", 12, 0x00FF),
        )
    )
    small, big = file.tables
    assert small.ints(2).tolist() == [0x1234, 0x00FF]  # type: ignore[union-attr]
    assert big.ints(2).tolist() == [0x1234]  # type: ignore[union-attr]
    assert file.times(big).tolist() == [11]
    assert np.concatenate([small.at, big.at]).argsort().tolist() == [0, 2, 1]


def test_a_local_type_defined_again_means_the_new_definition_from_there_on() -> None:
    file = only(
        fit(
            definition(3, 20, [(3, 1, UINT8)]),
            record(3, "<B", 60),
            definition(3, 21, [(0, 1, ENUM), (1, 1, ENUM)]),
            record(3, "<BB", 4, 1),
            definition(3, 20, [(3, 1, UINT8)]),
            record(3, "<B", 61),
        )
    )
    assert [(t.definition.global_number, len(t)) for t in file.tables] == [(20, 2), (21, 1)]
    assert file.of(20)[0].ints(3).tolist() == [60, 61]  # type: ignore[union-attr]


def test_compressed_times_go_on_from_the_last_time_of_any_message() -> None:
    start = 1_000_000_000 // 32 * 32 + 27
    file = only(
        fit(
            definition(0, 20, [TIME]),
            definition(1, 20, [(3, 1, UINT8)]),
            definition(2, 21, [TIME, (0, 1, ENUM)]),
            record(0, "<I", start),
            compressed(1, 29, "<B", 70),
            compressed(1, 1, "<B", 71),  # over the edge of 32 s
            compressed(1, 1, "<B", 72),  # and no step at all
            record(2, "<IB", start + 400, 0),
            compressed(1, (start + 403) % 32, "<B", 73),
        )
    )
    heart = next(t for t in file.of(20) if t.definition.field(3))
    assert file.times(heart).tolist() == [start + 2, start + 6, start + 6, start + 403]


def test_a_compressed_time_before_any_other_is_unknown() -> None:
    file = only(fit(definition(1, 20, [(3, 1, UINT8)]), compressed(1, 5, "<B", 70)))
    assert file.times(file.tables[0]).tolist() == [-1]


def test_an_invalid_time_is_none_and_no_anchor() -> None:
    file = only(
        fit(
            definition(0, 20, [TIME]),
            definition(1, 20, [(3, 1, UINT8)]),
            record(0, "<I", 64),
            record(0, "<I", 0xFFFF_FFFF),
            compressed(1, 3, "<B", 70),
        )
    )
    assert [file.times(table).tolist() for table in file.tables] == [[64, -1], [67]]


def test_chained_files_each_with_definitions_of_their_own() -> None:
    one = fit(definition(0, 20, [(3, 1, UINT8)]), record(0, "<B", 60))
    two = fit(definition(0, 20, [(4, 1, UINT8)]), record(0, "<B", 80), size=12)
    files = list(decode(one + two))
    assert [file.start for file in files] == [0, len(one)]
    assert files[1].tables[0].ints(4).tolist() == [80]  # type: ignore[union-attr]
    # The second file has not defined what the first had.
    with pytest.raises(DecodeError, match="local type that was defined"):
        list(decode(one + fit(record(0, "<B", 60))))


@pytest.mark.parametrize("size", [12, 13, 14, 16, 20])
@pytest.mark.parametrize("with_crc", [True, False])
def test_header_sizes_with_and_without_their_crc(size: int, with_crc: bool) -> None:
    data = fit(definition(0, 20, [(3, 1, UINT8)]), record(0, "<B", 60), size=size, with_crc=with_crc)
    assert only(data).tables[0].ints(3).tolist() == [60]  # type: ignore[union-attr]


def test_one_field_number_twice() -> None:
    file = only(fit(definition(0, 20, [(3, 1, UINT8), (3, 1, UINT8)]), record(0, "<BB", 60, 61)))
    columns = file.tables[0].columns
    assert columns["3"].tolist() == [60]
    assert columns["3#2"].tolist() == [61]


def test_fields_of_size_zero_and_records_of_no_fields() -> None:
    file = only(
        fit(
            definition(0, 20, [(3, 0, UINT8), (4, 1, UINT8)]),
            record(0, "<B", 61),
            definition(1, 99, []),
            bytes([1]) * 5,
        )
    )
    heart, empty = file.tables
    assert heart.ints(3) is None
    assert heart.ints(4).tolist() == [61]  # type: ignore[union-attr]
    assert len(empty) == 5
    assert empty.columns.shape == (5,)


def test_a_size_that_is_no_multiple_of_its_type_is_kept_as_bytes() -> None:
    file = only(fit(definition(0, 20, [(9, 3, UINT16), (3, 1, UINT8)]), record(0, "<3sB", b"abc", 60)))
    table = file.tables[0]
    assert table.columns["9"].tolist() == [list(b"abc")]
    assert table.ints(3).tolist() == [60]  # type: ignore[union-attr]


def test_a_base_type_without_its_flag_and_one_that_nobody_knows() -> None:
    file = only(fit(definition(0, 20, [(5, 4, 0x06), (6, 2, 0x1F)]), record(0, "<IH", 123_456, 7)))
    assert file.tables[0].ints(5).tolist() == [123_456]  # type: ignore[union-attr]
    assert file.tables[0].columns["6"].tolist() == [[7, 0]]


def test_texts_end_at_a_zero_or_with_the_field() -> None:
    rows = [b"walk\0junk", b"unendings", b"\0" * 9, "Zoë\0".encode().ljust(9), b"\xff\xfe\0".ljust(9)]
    file = only(fit(definition(0, 12, [(3, 9, STRING)]), *(record(0, "<9s", row) for row in rows)))
    assert file.tables[0].texts(3) == ["walk", "unendings", "", "Zoë", "��"]
    assert file.tables[0].texts(4) == [""] * 5


DESCRIPTION = [(0, 1, UINT8), (1, 1, UINT8), (2, 1, UINT8), (3, 8, STRING), (8, 4, STRING)]


def described(number: int, base: int, name: bytes, units: bytes) -> bytes:
    return record(1, "<BBB8s4s", 0, number, base, name, units)


def test_developer_fields_are_what_the_file_said_of_them_by_then() -> None:
    own = [(7, 2, 0)]
    file = only(
        fit(
            definition(1, 206, DESCRIPTION),
            described(7, UINT16, b"power", b"W"),
            definition(0, 20, [(3, 1, UINT8)], developer=own),
            record(0, "<BH", 60, 250),
            described(7, SINT16, b"lean", b"deg"),
            record(0, "<BH", 61, 251),  # under the old definition still
            definition(0, 20, [(3, 1, UINT8)], developer=own),
            record(0, "<Bh", 62, -3),
            definition(0, 20, [(3, 1, UINT8)], developer=[(9, 2, 0)]),
            record(0, "<B2s", 63, b"xy"),  # never described: bytes
        )
    )
    power, lean, unknown = file.of(20)
    assert power.columns["0.7"].tolist() == [250, 251]
    assert lean.columns["0.7"].tolist() == [-3]
    assert unknown.columns["0.9"].tolist() == [list(b"xy")]
    said = [table.definition.fields[1].described for table in (power, lean, unknown)]
    assert [(one.name, one.units) if one else None for one in said] == [("power", "W"), ("lean", "deg"), None]
    assert power.ints(7) is None  # a developer's number is no number of the profile


def test_a_developers_types_stay_in_their_file() -> None:
    one = fit(
        definition(1, 206, DESCRIPTION),
        described(7, UINT16, b"power", b"W"),
        definition(0, 20, [], developer=[(7, 2, 0)]),
        record(0, "<H", 250),
    )
    two = fit(definition(0, 20, [], developer=[(7, 2, 0)]), record(0, "<H", 250))
    first, second = decode(one + two)
    assert first.of(20)[0].columns["0.7"].tolist() == [250]
    assert second.of(20)[0].columns["0.7"].tolist() == [[250, 0]]


def test_long_runs_of_one_header_are_found_whole() -> None:
    """The step over equal headers stops exactly where another record, or a definition, comes."""
    beats = b"".join(record(0, "<IB", i, i % 200) for i in range(9_000))
    event = record(1, "<IB", 9_000, 4)
    data = fit(
        definition(0, 20, [TIME, (3, 1, UINT8)]),
        definition(1, 21, [TIME, (0, 1, ENUM)]),
        beats,
        event,
        beats,
        definition(0, 20, [TIME]),
        *(record(0, "<I", i) for i in range(5_000)),
    )
    file = only(data)
    heart, event_table, plain = file.tables
    assert heart.ints(3).tolist() == [i % 200 for i in range(9_000)] * 2  # type: ignore[union-attr]
    assert file.times(event_table).tolist() == [9_000]
    assert file.times(plain).tolist() == list(range(5_000))


BASES = {0x00: 1, 0x01: 1, 0x02: 1, 0x83: 2, 0x84: 2, 0x85: 4, 0x86: 4, 0x88: 4, 0x89: 8, 0x0D: 1, 0x8E: 8, 0x8F: 8, 0x07: 1}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_record_comes_out_in_its_own_table_byte_for_byte(data: st.DataObject) -> None:
    draw = data.draw
    messages, layouts, written, at = [], {}, [], 14
    for _ in range(draw(st.integers(1, 25))):
        local = draw(st.integers(0, 15))
        if local not in layouts or draw(st.booleans()):
            bases = draw(st.lists(st.tuples(st.integers(0, 250), st.sampled_from(sorted(BASES)), st.integers(0, 4)), max_size=5))
            fields = [(number, BASES[base] * count, base) for number, base, count in bases]
            layouts[local] = (draw(st.integers(0, 400)), fields, sum(size for _, size, _ in fields))
            messages.append(definition(local, layouts[local][0], fields, big=draw(st.booleans())))
            at += len(messages[-1])
        for _ in range(draw(st.integers(0, 3))):
            head = local if local > 3 or draw(st.booleans()) else 0x80 | local << 5 | draw(st.integers(0, 31))
            payload = draw(st.binary(min_size=layouts[local][2], max_size=layouts[local][2]))
            messages.append(bytes([head]) + payload)
            written.append((at, layouts[local][0], payload))
            at += len(messages[-1])
    file = only(fit(*messages))
    found = [
        (int(place), table.definition.global_number, row.tobytes())
        for table in file.tables
        for place, row in zip(table.at, table.columns, strict=True)
    ]
    assert sorted(found) == written


# What is wrong, and what is kept of it.
HEART = definition(0, 20, [TIME, (3, 1, UINT8)])
BEATS = [record(0, "<IB", i, 60 + i) for i in range(3)]


def test_a_cut_off_file_keeps_its_whole_records() -> None:
    data = fit(HEART, *BEATS)[:-5]
    (file,), rejects = lenient(data)
    assert file.tables[0].ints(3).tolist() == [60, 61]  # type: ignore[union-attr]
    assert [(r.place, r.expected) for r in rejects] == [
        ("byte 4", "a length of the records within the file"),
        (f"byte {len(data) - 3}", "a whole record"),
    ]
    with pytest.raises(DecodeError, match="length of the records"):
        list(decode(data))


def test_a_cut_through_a_definition() -> None:
    whole = fit(HEART, *BEATS, HEART)
    (file,), rejects = lenient(whole[:-6])
    assert len(file.tables[0]) == 3
    assert rejects[-1].expected == "a whole definition"


def test_an_undefined_local_type_ends_the_file_and_not_the_chain() -> None:
    broken = fit(HEART, BEATS[0], bytes([5]), BEATS[1])
    files, rejects = lenient(broken + fit(HEART, *BEATS))
    assert [len(file.tables[0]) for file in files] == [1, 3]
    assert rejects == [Reject("byte 32", "a record of a local type that was defined", "header 0x05")]


def test_a_wrong_crc_is_told_and_the_records_are_kept() -> None:
    data = bytearray(fit(HEART, *BEATS))
    data[-1] ^= 0x10
    (file,), (reject,) = lenient(bytes(data))
    assert len(file.tables[0]) == 3
    assert reject.place == f"byte {len(data) - 2}"
    with pytest.raises(DecodeError, match="the file's own CRC"):
        list(decode(bytes(data)))


def test_a_wrong_header_crc() -> None:
    data = bytearray(fit(HEART, *BEATS))
    data[12] ^= 1
    _, rejects = lenient(bytes(data))
    assert rejects[0].expected == "the header's own CRC"


def test_bytes_behind_the_last_file() -> None:
    data = fit(HEART, *BEATS)
    files, (reject,) = lenient(data + b"not a FIT file at all")
    assert len(files) == 1
    assert reject.place == f"byte {len(data)}"


def test_a_device_that_lost_power_left_no_length() -> None:
    data = header(0) + HEART + b"".join(BEATS)
    (file,), (reject,) = lenient(data)
    assert len(file.tables[0]) == 3
    assert "lost power" in reject.found
    assert list(decode(fit() + fit()))[1].tables == ()  # a file without records is none of these


@pytest.mark.parametrize("data", [b"", b".FIT", b"\x0e" * 40, b"\x0b" + header(0)[1:], header(0)[:13]])
def test_what_is_no_fit_is_an_error_in_either_mode(data: bytes) -> None:
    with pytest.raises(DecodeError, match=r"byte 0: expected a FIT header"):
        list(decode(data))
    with pytest.raises(DecodeError, match=r"byte 0: expected a FIT header"):
        lenient(data)


def test_five_megabytes_of_records_without_a_field_are_refused_at_once() -> None:
    # Two kinds in turn, so that no run of equal headers helps.
    data = header(5_000_000 + 12) + definition(0, 1, []) + definition(1, 2, []) + b"\x00\x01" * 2_500_000
    with pytest.raises(Hostile, match="records"):
        lenient(data)


def test_definitions_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_DEFINITIONS", 50)
    with pytest.raises(Hostile, match="definitions"):
        list(decode(fit(*(definition(0, 1, []) for _ in range(51)))))
    monkeypatch.undo()
    monkeypatch.setattr(container, "MAX_LAYOUTS", 50)
    with pytest.raises(Hostile, match="different definitions"):
        list(decode(fit(*(definition(0, number, []) for number in range(51)))))


def test_files_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_CHAINED", 5)
    assert len(list(decode(fit(size=12) * 5))) == 5
    with pytest.raises(Hostile, match="files in one"):
        list(decode(fit(size=12) * 6))
    monkeypatch.setattr(container, "MAX_BYTES", 30)
    with pytest.raises(Hostile, match="bytes"):
        list(decode(fit(HEART, *BEATS)))


def test_reserved_bits_of_a_record_header_are_ignored() -> None:
    file = only(fit(definition(2, 20, [(3, 1, UINT8)]), record(2, "<B", 60), record(0x32, "<B", 61)))
    assert file.tables[0].ints(3).tolist() == [60, 61]  # type: ignore[union-attr]


def test_64_bit_values_beyond_int64_are_missing() -> None:
    data = fit(definition(0, 20, [(5, 8, 0x8F), (6, 1, BYTE)]), *(record(0, "<QB", v, 0xFF) for v in (7, 1 << 63, (1 << 64) - 1)))
    table = only(data).tables[0]
    assert table.ints(5).tolist() == [7, MISSING, MISSING]  # type: ignore[union-attr]
    assert table.ints(6).tolist() == [MISSING] * 3  # type: ignore[union-attr]


def test_a_definition_may_end_with_its_file() -> None:
    assert only(fit(struct.pack("<BBBHB", 0x40, 0, 0, 20, 0))).tables == ()
