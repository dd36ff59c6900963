"""The drop folder says what it does not take: by name to who asks on the command line, without a name in the log."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from afoot.service import jobs, passed_over
from afoot.service.passed_over import CLOSED, INNER, LINKS, LOOSE, MISSING, NO_FOLDER, NOBODYS, look_over
from afoot.status import drop_lines
from tests.service.making import Clinic, open_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home", drop=tmp_path / "drop") as opened:
        yield opened


@pytest.fixture
def top(clinic: Clinic, tmp_path: Path) -> Path:
    """A drop folder with nothing wrong in it."""
    top = tmp_path / "drop"
    for name in ("anna/imported", "anna/refused", f"{clinic.pseudonym('bela')}", ".Trash", "lost+found"):
        (top / name).mkdir(parents=True)
    for name in (".DS_Store", "anna/.a.csv.part", "anna/imported/old.csv"):
        (top / name).write_text("x")
    return top


def found(clinic: Clinic, top: Path) -> dict[str, list[str]]:
    return {what: list(places) for what, places in look_over(top, list(clinic.patients.values())).items()}


def warnings(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of one run of the job."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="afoot"):
        jobs.import_from_drop_folder(clinic.app)
    return [one.getMessage() for one in caplog.records if one.name == passed_over.__name__]


def test_a_folder_in_order_says_nothing_is_wrong(clinic: Clinic, top: Path) -> None:
    assert found(clinic, top) == {}
    assert [(one.said, one.ok) for one in drop_lines(clinic.app)] == [(str(top), True)]


def test_all_that_is_passed_over_is_named(clinic: Clinic, top: Path, tmp_path: Path) -> None:
    for name in ("Anna", "anna ", "imported", "anna/export"):
        (top / name).mkdir()
    (top / "day.csv").write_text("x")
    (tmp_path / "else").mkdir()
    for name in ("bela", "anna/linked.csv"):
        (top / name).symlink_to(tmp_path / "else")
    assert found(clinic, top) == {
        NOBODYS: ["Anna", "anna ", "imported"],
        LOOSE: ["day.csv"],
        INNER: ["anna/export"],
        LINKS: ["anna/linked.csv", "bela"],
    }
    told = {one.what: one for one in drop_lines(clinic.app)}
    assert not told[NOBODYS].ok
    assert told[NOBODYS].said == "3, passed over"
    assert told[NOBODYS].in_full == "3, passed over (Anna, anna , imported)"


def test_a_drop_folder_that_is_none(clinic: Clinic, tmp_path: Path) -> None:
    top = tmp_path / "drop"
    assert found(clinic, top) == {MISSING: [""]}
    (line,) = drop_lines(clinic.app)
    assert (line.said, line.ok) == (f"{top}: missing", False)
    top.write_text("x")
    assert found(clinic, top) == {NO_FOLDER: [""]}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every folder")
def test_a_drop_folder_that_cannot_be_read(clinic: Clinic, top: Path) -> None:
    top.chmod(0)
    try:
        assert found(clinic, top) == {CLOSED: [""]}
    finally:
        top.chmod(0o700)


def test_a_drop_folder_that_may_not_be_read_is_told(clinic: Clinic, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the above, for a superuser, whom no mode keeps out."""

    def refuse(_: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert found(clinic, top) == {CLOSED: [""]}


def test_the_log_says_it_once_when_it_begins_and_without_a_name(
    clinic: Clinic, top: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings(clinic, caplog) == []
    (top / "Anna Muster").mkdir()
    (said,) = warnings(clinic, caplog)
    assert said == "the drop folder (AFOOT_DROP): passes over folders of no patient: 1; `afoot status` says more"
    assert warnings(clinic, caplog) == []
    (top / "Bela Muster").mkdir()
    assert len(warnings(clinic, caplog)) == 1
    for name in ("Anna Muster", "Bela Muster"):
        (top / name).rmdir()
    assert warnings(clinic, caplog) == []
    (top / "Cleo Muster").mkdir()
    assert len(warnings(clinic, caplog)) == 1


def test_the_log_says_that_the_folder_is_missing_once(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    assert warnings(clinic, caplog) == ["the drop folder (AFOOT_DROP): missing; `afoot status` says more"]
    assert warnings(clinic, caplog) == []
