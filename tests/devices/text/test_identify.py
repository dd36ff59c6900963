"""Whose file is it? Every head is asked of every reader: one of them at most says yes, and the asking costs next to nothing."""

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.files import READERS, identify, xml
from devices.files.source import HEAD_BYTES, BytesSource
from devices.files.textual import encoding, table
from tests.devices.text.reading import claims
from tests.devices.text.test_hostile import EXAMPLES
from tests.shared import shared


def heads(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The first bytes of every file below the folder, and of what lies in its zips."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                yield path.name, stream.read(HEAD_BYTES)
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist()[:50]:
                        with archive.open(name) as member:
                            yield name, member.read(HEAD_BYTES)


def test_no_sample_is_claimed_twice() -> None:
    found = {(name, tuple(claims(head, name))) for name, head in heads(shared("samples"))}
    assert [one for one in found if len(one[1]) > 1] == []
    assert {name for _, names in found for name in names} >= {"fit", "garmin_connect", "apple-health", "fitbit", "tcx", "gpx"}


def test_no_made_file_is_claimed_twice() -> None:
    assert {name: claims(data, name) for name, (_, data) in EXAMPLES.items()} == {
        name: [reader] for name, (reader, _) in EXAMPLES.items()
    }


FIT = b"\x0e\x10\x0d\x08\x40\x0f\x00\x00.FIT" + random.Random(1).randbytes(HEAD_BYTES - 12)


@pytest.mark.parametrize(("name", "data"), [("a.fit", FIT), *((name, data) for name, (_, data) in EXAMPLES.items())])
def test_a_head_is_read_as_text_once_for_all_readers(name: str, data: bytes) -> None:
    counted = (encoding.head_text, encoding.first_line, table.find_header, xml.find_root)
    for function in counted:
        function.cache_clear()
    assert identify(BytesSource(data, name)) in READERS
    head_text, first_line, find_header, find_root = (function.cache_info() for function in counted)
    assert (head_text.misses, first_line.misses, find_root.misses) == (1, 1, 1)
    assert find_header.misses <= 3  # a comma, a semicolon, a tab
    assert all(info.maxsize is not None and info.maxsize <= 16 for info in (head_text, first_line, find_header, find_root))


def test_a_short_way_with_binary_files_changes_no_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads with a NUL early on, and what a plain decoding of them makes every reader say."""
    chance = random.Random(2)
    spoiled = [("a.fit", FIT), ("UserSleeps_2026-01-01.csv", FIT), ("steps-2026-01-01.json", FIT)]
    for name, (_, data) in EXAMPLES.items():
        for _ in range(20):
            head = bytearray(data[:HEAD_BYTES])
            for _ in range(chance.choice((1, 1, 4))):
                head[chance.randrange(min(16, len(head)))] = 0
            spoiled.append((name, bytes(head) + "\u00e9\u00a0\u20ac".encode()))
    short = [claims(head, name) for name, head in spoiled]
    assert any(short)
    assert short[0] == ["fit"]
    monkeypatch.setattr(encoding, "_BINARY_BYTES", 0)
    for function in (encoding.head_text, encoding.first_line, table.find_header):
        function.cache_clear()
    assert [claims(head, name) for name, head in spoiled] == short
    for function in (encoding.head_text, encoding.first_line, table.find_header):
        function.cache_clear()
