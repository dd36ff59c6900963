"""SQLite exports are told apart by their tables, whatever their names and wherever in the file their schema lies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devices import files
from devices.errors import DecodeError, Unrecognised
from devices.files import agd, gadgetbridge, health_connect, identify
from devices.files.source import BytesSource, FileSource, ZipSource
from tests.devices.sqlite import build
from tests.devices.test_source import make_zip

READERS = (gadgetbridge.READER, health_connect.READER, agd.READER)
SCHEMAS = {"gadgetbridge": build.GADGETBRIDGE, "health_connect": build.HEALTH_CONNECT, "actigraph": build.AGD}


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "READERS", READERS)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("page_size", [512, 1024, 65536])
def test_each_is_claimed_by_its_reader_alone(tmp_path: Path, name: str, page_size: int) -> None:
    # With 512-byte pages the first one holds no table's name; with 64 KiB pages the first 4 KiB do not.
    path = build.make(tmp_path / "export.bin", SCHEMAS[name], page_size=page_size)
    data = path.read_bytes()
    member = ZipSource(BytesSource(make_zip({"inside.bin": data}), "a.zip")).member("inside.bin")
    for source in (FileSource(path, "export.bin"), BytesSource(data, "export.bin"), member):
        assert identify(source).name == name


def test_another_database_is_claimed_by_none(tmp_path: Path) -> None:
    path = build.make(tmp_path / "a.db", ["CREATE TABLE data (x)", "CREATE TABLE settings (y)", "CREATE TABLE DEVICE (z)"])
    with pytest.raises(Unrecognised):
        identify(FileSource(path, "gadgetbridge.db"))


@pytest.mark.parametrize(
    ("name", "file"),
    [("gadgetbridge", "Gadgetbridge.db"), ("health_connect", "health_connect_export.db"), ("actigraph", "x.agd")],
)
@pytest.mark.parametrize(
    "damage", [lambda data: data[:100], lambda data: data[:100] + bytes(len(data) - 100)], ids=["cut", "blank"]
)
def test_a_damaged_one_is_claimed_by_its_name_and_says_what_is_wrong(
    tmp_path: Path, name: str, file: str, damage: Callable[[bytes], bytes]
) -> None:
    data = damage(build.make(tmp_path / "a.db", SCHEMAS[name]).read_bytes())
    source = BytesSource(data, file)
    reader = identify(source)
    assert reader.name == name
    with pytest.raises(DecodeError, match="undamaged SQLite"):
        list(reader.read(source, files.reader.ReadOptions()))
