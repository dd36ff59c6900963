"""Bytes from outside stay behind their limits: honest zips are read whole, bombs and tricks are refused before they cost."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from devices.errors import DecodeError, Hostile
from devices.files.source import LIMITS, BytesSource, FileSource, Limits, ZipSource, as_path, read_all, read_head

TEXT = b"time,steps\n" + b"".join(b"2024-05-01T10:%02d,%d\n" % (minute, minute * 7 % 90) for minute in range(60)) * 200


def make_zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def opened(data: bytes, limits: Limits = LIMITS) -> ZipSource:
    return ZipSource(BytesSource(data, "export.zip"), limits)


def entry(name: bytes, packed: int, unpacked: int, crc: int, at: int, method: int = 8) -> bytes:
    """A directory entry by hand. Source: PKWARE APPNOTE 6.3, 4.3.12"""
    fields = (b"PK\x01\x02", 20, 20, 0, method, 0, 0, crc, packed, unpacked, len(name), 0, 0, 0, 0, 0, at)
    return struct.pack("<4s6H3I5H2I", *fields) + name


def local(name: bytes, packed: bytes, unpacked: int, crc: int, method: int = 8) -> bytes:
    fields = (b"PK\x03\x04", 20, 0, method, 0, 0, crc, len(packed), unpacked, len(name), 0)
    return struct.pack("<4s5H3I2H", *fields) + name + packed


def end(count: int, directory: int, at: int) -> bytes:
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, directory, at, 0)


def by_hand(body: bytes, entries: list[bytes]) -> bytes:
    directory = b"".join(entries)
    return body + directory + end(len(entries), len(directory), len(body))


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_out_as_they_went_in(method: int) -> None:
    noise = np.random.default_rng(1).bytes(300_000)
    source = opened(make_zip({"a/steps.csv": TEXT, "noise.bin": noise, "empty.csv": b"", "é.txt": b"x"}, method))
    assert source.members == ("a/steps.csv", "noise.bin", "empty.csv", "é.txt")
    assert source.member("a/steps.csv").name == "export.zip!a/steps.csv"
    assert read_all(source.member("a/steps.csv"), 1 << 20) == TEXT
    assert read_all(source.member("noise.bin"), 1 << 20) == noise
    assert read_all(source.member("empty.csv"), 0) == b""
    assert read_all(source.member("é.txt"), 1) == b"x"
    assert read_head(source.member("noise.bin")) == noise[:4096]


def test_a_member_is_read_the_same_in_any_pieces() -> None:
    member = opened(make_zip({"a": TEXT})).member("a")
    for size in (1, 7, 1000, 1 << 20):
        with member.open() as stream:
            assert b"".join(iter(lambda size=size: stream.read(size), b"")) == TEXT  # type: ignore[misc]


def test_two_members_are_read_at_once() -> None:
    source = opened(make_zip({"a": TEXT, "b": TEXT[::-1]}))
    with source.member("a").open() as one, source.member("b").open() as other:
        pairs = [(one.read(1000), other.read(1000)) for _ in range(1 + len(TEXT) // 1000)]
    assert b"".join(first for first, _ in pairs) == TEXT
    assert b"".join(second for _, second in pairs) == TEXT[::-1]


def test_a_zip_behind_other_bytes_and_with_a_comment_is_read() -> None:
    file = io.BytesIO()
    file.write(b"#!/bin/sh\n" * 50)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a", TEXT)
        archive.comment = b"PK said somebody"
    assert read_all(opened(file.getvalue()).member("a"), 1 << 20) == TEXT


def test_sizes_of_64_bits_are_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(TEXT)
    assert read_all(opened(file.getvalue()).member("a"), 1 << 20) == TEXT


def test_a_zip_within_a_zip_is_read_and_one_more_is_refused() -> None:
    inner = make_zip({"steps.csv": TEXT})
    outer = opened(make_zip({"inner.zip": make_zip({"inmost.zip": inner}), "plain.zip": inner}))
    within = ZipSource(outer.member("plain.zip"), outer.limits, outer.depth + 1)
    assert within.name == "export.zip!plain.zip"
    assert read_all(within.member("steps.csv"), 1 << 20) == TEXT
    middle = ZipSource(outer.member("inner.zip"), outer.limits, outer.depth + 1)
    with pytest.raises(Hostile, match="within one another"):
        ZipSource(middle.member("inmost.zip"), middle.limits, middle.depth + 1)


def test_a_bomb_is_refused_by_its_ratio() -> None:
    bomb = make_zip({"a.csv": b"0" * (30 << 20)})
    assert len(bomb) < 40_000
    with pytest.raises(Hostile, match="150 times its packed size"):
        opened(bomb)


def test_a_member_is_refused_by_its_own_ratio() -> None:
    source = opened(make_zip({"bomb": b"0" * (12 << 20), "noise": np.random.default_rng(1).bytes(100_000)}))
    assert len(read_all(source.member("noise"), 1 << 20)) == 100_000
    with pytest.raises(Hostile, match="150 times"):
        source.member("bomb").open()


def test_a_small_member_may_shrink_as_much_as_it_likes() -> None:
    assert read_all(opened(make_zip({"empty.db": bytes(2 << 20)})).member("empty.db"), 2 << 20) == bytes(2 << 20)


def test_a_bomb_in_layers_is_refused_though_each_layer_is_modest() -> None:
    piece = np.random.default_rng(2).bytes(9_000)
    page = (piece + bytes(1_000_000 - len(piece)))[: 1 << 20]
    inner = make_zip({f"{number}.csv": page for number in range(100)})
    outer_bytes = make_zip({"inner.zip": inner})
    assert 100_000_000 / len(inner) < 150
    assert len(inner) / len(outer_bytes) < 150
    outer = opened(outer_bytes)
    with pytest.raises(Hostile, match="150 times"):
        ZipSource(outer.member("inner.zip"), outer.limits, 2)


def test_a_bomb_within_a_zip_is_refused() -> None:
    noise = np.random.default_rng(2).bytes(100_000)
    outer = opened(make_zip({"inner.zip": make_zip({"bomb.csv": b"0" * (12 << 20), "noise": noise})}))
    within = ZipSource(outer.member("inner.zip"), outer.limits, 2)
    assert read_all(within.member("noise"), 100_000) == noise
    with pytest.raises(Hostile, match="150 times"):
        within.member("bomb.csv").open()


def test_members_that_share_bytes_are_refused() -> None:
    data = np.random.default_rng(3).bytes(200_000)
    packed, crc = deflated(data), zlib.crc32(data)
    body = local(b"a", packed, len(data), crc)
    same = by_hand(body, [entry(name, len(packed), len(data), crc, 0) for name in (b"a", b"b")])
    with pytest.raises(Hostile, match="share their bytes"):
        opened(same)
    reaching = by_hand(body, [entry(b"a", len(packed) + 40, len(data), crc, 0)])
    with pytest.raises(Hostile, match="share their bytes"):
        opened(reaching)


def test_a_quoted_member_inside_another_is_refused() -> None:
    data = b"0" * 1_000_000
    kernel = local(b"k", deflated(data), len(data), zlib.crc32(data))
    quoting = local(b"q", kernel, len(kernel), zlib.crc32(kernel), method=0)
    entries = [
        entry(b"q", len(kernel), len(kernel), zlib.crc32(kernel), 0, method=0),
        entry(b"k", len(deflated(data)), len(data), zlib.crc32(data), len(quoting) - len(kernel)),
    ]
    with pytest.raises(Hostile, match="share their bytes"):
        opened(by_hand(quoting, entries))


@pytest.mark.parametrize("method", [0, 8])
def test_a_member_that_lies_about_its_size_is_refused(method: int) -> None:
    packed = deflated(TEXT) if method else TEXT
    shorter = by_hand(local(b"a", packed, 1000, 0, method), [entry(b"a", len(packed), 1000, zlib.crc32(TEXT[:1000]), 0, method)])
    with pytest.raises(Hostile, match="more"):
        read_all(opened(shorter).member("a"), 1 << 20)
    longer = by_hand(local(b"a", packed, 0, 0, method), [entry(b"a", len(packed), len(TEXT) + 1, zlib.crc32(TEXT), 0, method)])
    with pytest.raises(DecodeError, match="checksum"):
        read_all(opened(longer).member("a"), 1 << 20)


def test_damage_and_other_methods_are_refused() -> None:
    good = bytearray(make_zip({"a": TEXT}))
    good[200] ^= 0x55
    with pytest.raises(DecodeError):
        read_all(opened(bytes(good)).member("a"), 1 << 20)
    stored = bytearray(make_zip({"a": TEXT}, zipfile.ZIP_STORED))
    stored[200] ^= 0x55
    with pytest.raises(DecodeError, match="checksum"):
        read_all(opened(bytes(stored)).member("a"), 1 << 20)
    with pytest.raises(DecodeError, match="stored or deflated"):
        opened(make_zip({"a": TEXT}, zipfile.ZIP_BZIP2)).member("a").open()


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(make_zip({"a": TEXT}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DecodeError, match="password"):
        opened(bytes(data)).member("a").open()


@pytest.mark.parametrize(
    "name", ["../evil.csv", "a/../../evil.csv", "/etc/passwd", "\\\\server\\share", "C:\\evil.csv", "a\\..\\b"]
)
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(Hostile, match="stay within"):
        opened(make_zip({name: b"x"}))


def test_a_name_with_a_nul_and_a_name_twice_are_refused() -> None:
    packed, crc = deflated(b"x"), zlib.crc32(b"x")
    nul = by_hand(local(b"a\0b", packed, 1, crc), [entry(b"a\0b", len(packed), 1, crc, 0)])
    with pytest.raises(Hostile, match="stay within"):
        opened(nul)
    first = local(b"a", packed, 1, crc)
    twice = by_hand(first * 2, [entry(b"a", len(packed), 1, crc, at) for at in (0, len(first))])
    with pytest.raises(Hostile, match="each name once"):
        opened(twice)


def test_names_are_labels_and_dots_within_them_are_fine() -> None:
    assert opened(make_zip({"a..b/c...csv": b"x", "..hidden": b"y"})).members == ("a..b/c...csv", "..hidden")


def test_a_directory_of_too_many_members_is_refused_before_it_is_taken_apart() -> None:
    limits = Limits(members=1000)
    many = by_hand(b"", [entry(b"%d" % number, 0, 0, 0, 0, 0) for number in range(1001)])
    with pytest.raises(Hostile, match="1,000 members"):
        opened(many, limits)
    wide = by_hand(b"", [entry(b"x" * 60_000, 0, 0, 0, 0, 0) for _ in range(10)])
    with pytest.raises(Hostile, match="a directory of at most 400,000 bytes"):
        opened(wide, limits)


def test_an_empty_zip_has_no_members() -> None:
    assert opened(make_zip({})).members == ()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", make_zip({"a": TEXT})[:-30], TEXT], ids=["empty", "head", "cut", "text"])
def test_what_is_no_zip_is_named(data: bytes) -> None:
    with pytest.raises(DecodeError, match="expected a zip with a readable directory"):
        opened(data)


def test_any_damage_gives_bytes_or_our_own_error() -> None:
    good = make_zip({"a.csv": TEXT, "b/c.csv": TEXT[:500], "d": b""})
    draw = np.random.default_rng(4)
    for _ in range(1500):
        data = bytearray(good)
        for at in draw.integers(0, len(data), draw.integers(1, 6)):
            data[at if draw.random() < 0.3 else len(data) - 1 - int(at) % 250] = draw.integers(0, 256)
        try:
            source = opened(bytes(data[: len(data) - int(draw.integers(0, 40)) * (draw.random() < 0.2)]))
            for name in source.members:
                assert len(read_all(source.member(name), 1 << 20)) == source.size_of(name)
        except DecodeError:
            continue


def test_opening_members_of_a_large_zip_does_not_read_its_directory_again() -> None:
    source = opened(make_zip({f"{number:05}.csv": b"steps" for number in range(5000)}, zipfile.ZIP_STORED))
    start = time.process_time()
    assert {read_head(source.member(name)) for name in source.members} == {b"steps"}
    assert time.process_time() - start < 3


def test_a_path_is_the_file_itself_or_a_copy_that_goes(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"abc")
    with as_path(FileSource(file, "a.db")) as path:
        assert path == file
    with as_path(BytesSource(b"abc", "b.db")) as path:
        assert path.read_bytes() == b"abc"
    assert not path.exists()
    with pytest.raises(Hostile, match="at most 2 bytes"), as_path(BytesSource(b"abc", "b.db"), limit=2):
        pass


def test_more_bytes_than_a_format_can_have_are_refused() -> None:
    assert read_all(BytesSource(b"abc", "x"), 3) == b"abc"
    with pytest.raises(Hostile):
        read_all(BytesSource(b"abc", "x"), 2)
