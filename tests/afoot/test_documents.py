"""afoot report, afoot export: files beside the results, never outside the folder that was named."""

import csv as csv_
import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from afoot.commands.documents import safe_name
from tests.afoot.conftest import Program


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv_.DictReader(path.read_text().splitlines()))


class Text(HTMLParser):
    """The visible text of a page, and every address that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.addresses = "", list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_is_one_page_that_fetches_nothing(anna: Program, tmp_path: Path) -> None:
    result = anna.ok("report", "Anna", "--out", tmp_path / "page.html")
    assert result.out == ""
    assert "page.html" in result.err
    page = Text((tmp_path / "page.html").read_text())
    assert "Anna" in page.text
    assert "2,142" in page.text or "2142" in page.text or "2\N{THIN SPACE}142" in page.text
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    anna.ok("report", "Anna")
    assert Path("Anna.html").exists()


@pytest.mark.parametrize(
    "name", ["../../etc/cron", "<script>alert(1)</script>", "[bold]", "a\\b:c", "..", "🚶" * 40, "李" * 100, "&amp;"]
)
def test_a_report_of_any_name_stays_in_its_folder_and_shows_it(afoot: Program, tmp_path: Path, name: str) -> None:
    (path := tmp_path / "a.csv").write_text("start,value\n2026-03-03T08:00:00Z,5\n")
    afoot.ok("patient", "add", "--zone", "UTC", "--", name)
    afoot.ok("import", path, "--patient", name)
    afoot.ok("report", "--", name)
    (page,) = Path.cwd().iterdir()
    assert page.suffix == ".html"
    content = page.read_text()
    assert name in Text(content).text
    assert "<script>alert" not in content


def test_safe_names_are_file_names() -> None:
    for name in ("a/b", "a\\b", "..", ".", "", "con:", "x" * 999, "李" * 999, "🚶", "a b-c_d"):
        made = safe_name(name)
        assert not set(made) & set("/\\:.\0")
        assert len(f"{made}.html".encode()) <= 255
    assert safe_name("Anna B-2_x") == "Anna B-2_x"


def test_a_report_of_nothing_is_an_error_and_writes_nothing(afoot: Program, anna: Program, tmp_path: Path) -> None:
    afoot.ok("patient", "add", "Ben", "--zone", "UTC")
    assert "has no data to report" in afoot.fails(2, "report", "Ben", "--out", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
    assert "x.html" in afoot("report", "Anna", "--out", tmp_path / "no" / "x.html").err
    assert afoot("report", "Anna", "--out", tmp_path / "no" / "x.html").code in (1, 2)


def test_exports_hold_the_day(anna: Program, tmp_path: Path) -> None:
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("csv", "fhir", "omh")}
    folder = tmp_path / "tables"
    asked = [part for kind, path in paths.items() for part in (f"--{kind}", str(path))]
    assert anna.ok("export", "Anna", *asked, "--parquet", folder).out == ""
    assert sum(int(row["value"]) for row in rows_of(paths["csv"]) if (row["metric"], row["kind"]) == ("steps", "sample")) == 2142
    for path in (paths["fhir"], paths["omh"]):
        assert json.loads(path.read_text())
        assert "Anna" not in path.read_text()
    assert list(folder.rglob("*.parquet"))


def test_an_export_comes_back_as_the_same_days(anna: Program, tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    anna.ok("export", "Anna", "--csv", path)
    anna.ok("patient", "add", "Copy", "--zone", "Europe/Berlin")
    anna.ok("import", path, "--patient", "Copy")
    assert anna.ok("days", "Copy", "--json").out == anna.ok("days", "Anna", "--json").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name at least one of"),
        (("--csv", "x.csv", "--from", "2026-03-05", "--to", "2026-03-04"), "comes after --to"),
        (("--csv", "x.csv", "--from", "2027-01-01"), "no data to export"),
        (("--csv", "x.csv", "--from", "2027-01-01", "--to", "2027-01-02x"), "expected YYYY-MM-DD"),
    ],
)
def test_an_export_of_nothing_writes_nothing(anna: Program, arguments: tuple[str, ...], said: str) -> None:
    assert said in anna.fails(2, "export", "Anna", *arguments)
    assert not Path("x.csv").exists()


def test_an_export_of_days_holds_these_alone(anna: Program, tmp_path: Path) -> None:
    (path := tmp_path / "more.csv").write_text("start,value\n2026-03-05T08:00:00Z,5\n")
    anna.ok("import", path, "--patient", "Anna")
    anna.ok("export", "Anna", "--csv", tmp_path / "one.csv", "--from", "2026-03-04", "--to", "2026-03-06")
    days = {row["start"][:10] for row in rows_of(tmp_path / "one.csv") if row["value"]}
    assert days == {str(date(2026, 3, 5))}
