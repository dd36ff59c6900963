"""The commands against a real server: publish, again, all of it; what status says then."""

from pathlib import Path

import pytest

from tests.afoot.conftest import Program, afoot, anna
from tests.influx.proxy import Fault
from tests.influx.rig import Rig

__all__ = ["afoot", "anna"]
pytestmark = pytest.mark.live
BUCKET = "afoot__operators"


@pytest.fixture
def program(anna: Program, influx: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    (tmp_path / "token").write_text(f"{influx.token}\n")
    for name, value in (("URL", influx.url), ("ORG", influx.org), ("TOKEN_FILE", tmp_path / "token")):
        monkeypatch.setenv(f"AFOOT_INFLUX_{name}", str(value))
    return anna


def test_a_clinic_is_published_and_status_says_so(program: Program, influx: Rig) -> None:
    said = program.ok("publish").out
    assert said.startswith("1 patients, ")
    assert "0 days and facts wait" in said
    assert influx.count(BUCKET, "minutes", "state") == 720
    (day,) = [row for row in influx.query(BUCKET, "SELECT * FROM daily") if row["steps"] is not None]
    assert (day["date"], day["steps"], "walks_status" in day) == ("2026-03-03", 702 + 18 * 80, False)
    lines = {line["what"]: line for line in program("status", "--json").json}
    assert lines["InfluxDB"]["said"].startswith("reachable, version ")
    assert (lines["InfluxDB"]["ok"], lines["waiting"]["said"], lines["waiting"]["ok"]) == (True, "nothing", True)
    assert lines["last success"]["said"].startswith("20")
    again = program.ok("publish", "--once", "--json").json
    assert (again["state"], again["patients"], again["lines"]) == ("done", 0, 0)
    assert program.ok("publish", "--all", "--json").json["lines"] > 1440


def test_status_says_what_is_not_taken(program: Program, influx: Rig) -> None:
    if influx.proxy is None:
        pytest.skip("needs the proxy, which stands before no server that speaks TLS")
    influx.proxy.judge = lambda bucket, lines: (
        Fault(status=422, body='{"message":"too old"}') if any(line.startswith(b"daily") for line in lines) else None
    )
    said = program("publish")
    assert said.code == 1
    assert "1 lines are not taken" in said.out
    lines = {line["what"]: line for line in program("status", "--json").json}
    assert "too old (HTTP 422)" in lines["lines that are not taken"]["said"]
