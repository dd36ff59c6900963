"""afoot grafana sync: files, tokens and people, from the command to Grafana's API."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.publishing.influx import Influx, InfluxError
from tests.afoot.conftest import Program, afoot
from tests.dashboards.grafana_double import PASSWORD, GrafanaDouble, grafana_double
from tests.influx import clinic
from tests.influx.rig import Rig

__all__ = ["afoot"]


@pytest.fixture
def grafana() -> Iterator[GrafanaDouble]:
    with grafana_double() as double:
        yield double


@pytest.fixture
def files(afoot: Program, grafana: GrafanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Grafana reads, in which the tokens are already."""
    folder, password = tmp_path / "files", tmp_path / "password"
    (folder / "tokens").mkdir(parents=True)
    password.write_text(PASSWORD)
    for name in ("operators", "spine"):
        (folder / "tokens" / name).write_text("Token of-the-tests")
    for name, value in {
        "AFOOT_GRAFANA_URL": grafana.url,
        "AFOOT_GRAFANA_PASSWORD_FILE": str(password),
        "AFOOT_GRAFANA_FILES": str(folder),
        "AFOOT_INFLUX_URL": "http://127.0.0.1:9",
        "AFOOT_GRAFANA_INFLUX_URL": "http://influxdb:8086",
    }.items():
        monkeypatch.setenv(name, value)
    afoot.ok("group", "add", "spine")
    return folder


def test_a_run_writes_everything_and_the_next_one_nothing(afoot: Program, grafana: GrafanaDouble, files: Path) -> None:
    said = afoot.ok("grafana", "sync", "--therapist", "anna.lang=spine").out
    assert "add organisation afoot_spine" in said
    password = files / "passwords/anna.lang"
    assert password.stat().st_mode & 0o077 == 0
    assert password.read_text().strip() == grafana.users[grafana.find("anna.lang")]["password"]
    assert password.read_text().strip() not in said
    assert str(password) in said
    assert grafana.reloads == ["datasources", "dashboards", "alerting"]
    written = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    again = afoot.ok("grafana", "sync", "--therapist", "anna.lang=spine", "--json").json
    assert again == {"dry_run": False, "steps": [], "passwords": []}
    assert "as it should be" in afoot.ok("grafana", "sync").out
    assert len(grafana.reloads) == 3
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == written


def test_whoever_signs_in_to_afoot_looks_into_grafana(
    afoot: Program, grafana: GrafanaDouble, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFOOT_PASSWORD", "a long walk by the river")
    (files / "tokens/ward").write_text("Token of-the-tests")
    afoot.ok("group", "add", "ward")
    afoot.ok("user", "add", "kern", "--role", "therapist", "--group", "spine", "--group", "ward")
    afoot.ok("user", "add", "lang", "--role", "therapist", "--group", "ward")
    afoot.ok("user", "add", "op", "--role", "operator")
    afoot.ok("grafana", "sync", "--accounts")

    def looking(name: str) -> set[str]:
        members = grafana.named(f"afoot_{name}").members
        return {grafana.users[number]["login"] for number, role in members.items() if role == "Viewer"}

    assert (looking("spine"), looking("ward")) == ({"kern"}, {"kern", "lang"})
    assert afoot.ok("grafana", "sync", "--accounts", "--json").json["steps"] == []
    afoot.ok("user", "remove", "kern")
    afoot.ok("grafana", "sync", "--accounts")
    assert (looking("spine"), looking("ward")) == (set(), {"lang"})
    assert "found both" in afoot.fails(2, "grafana", "sync", "--accounts", "--therapist", "lang=ward")


def test_a_dry_run_writes_nothing(afoot: Program, grafana: GrafanaDouble, files: Path) -> None:
    before = sorted(files.rglob("*"))
    said = afoot.ok("grafana", "sync", "--therapist", "anna.lang=spine", "--dry-run").out
    assert "would add organisation afoot_spine" in said
    assert "would write provisioning/datasources/afoot.yaml" in said
    assert (grafana.changes, grafana.reloads, sorted(files.rglob("*"))) == ([], [], before)


def test_what_somebody_changed_in_the_files_is_written_again(afoot: Program, grafana: GrafanaDouble, files: Path) -> None:
    afoot.ok("grafana", "sync")
    ward = files / "dashboards/groups/ward.json"
    kept = ward.read_text()
    ward.write_text("{}")
    assert afoot.ok("grafana", "sync", "--json").json["steps"] == ["write dashboards/groups/ward.json"]
    assert ward.read_text() == kept


def test_missing_settings_are_named_all_at_once(afoot: Program, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing: list[str] = []
    for name in ("AFOOT_GRAFANA_URL", "AFOOT_GRAFANA_PASSWORD_FILE", "AFOOT_GRAFANA_FILES"):
        monkeypatch.delenv(name)
        missing.append(name)
        said = afoot.fails(2, "grafana", "sync")
        assert all(one in said for one in missing)
        assert said.count("AFOOT_") == len(missing)


@pytest.mark.parametrize("pair", ["anna", "=spine", "anna=", " anna=spine", "../anna=spine"])
def test_a_therapist_that_is_none_is_refused(afoot: Program, files: Path, pair: str) -> None:
    assert "expected LOGIN=GROUP" in afoot.fails(2, "grafana", "sync", "--therapist", pair)


def test_a_group_that_is_none_is_refused(afoot: Program, files: Path) -> None:
    assert "none of that name" in afoot.fails(2, "grafana", "sync", "--therapist", "anna=nowhere")


def test_a_wrong_password_is_said_and_not_shown(
    afoot: Program, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("quite-another-one")
    said = afoot.fails(1, "grafana", "sync")
    assert "401" in said
    assert "quite-another-one" not in said


@pytest.mark.live
def test_a_token_reads_one_bucket_and_writes_none(influx: Rig) -> None:
    if influx.influxd is not None:
        pytest.skip("tokens that read one bucket: needs InfluxDB 2, AFOOT_TEST_INFLUX_URL")
    with clinic.connect(influx) as owner:
        owner.ensure_bucket("afoot_other")
        token = owner.make_read_token("afoot_spine", "of the tests")
        owner.write("afoot_spine", ["ward,patient=a devices=1i 60"])
        owner.write("afoot_other", ["ward,patient=b devices=1i 60"])
    # The server itself: the proxy before it knows the owner's token alone.
    with Influx(os.environ["AFOOT_TEST_INFLUX_URL"], influx.org, token, retries=0) as reader:
        assert json.dumps(reader.query("afoot_spine", "SELECT devices FROM ward")).count('"devices": 1') == 1
        with pytest.raises(InfluxError):
            assert reader.query("afoot_other", "SELECT devices FROM ward") == ["nothing may come"]
        with pytest.raises(InfluxError):
            reader.write("afoot_spine", ["ward,patient=a devices=2i 60"])
