"""afoot publish and afoot status, where nothing can be reached; what a server answers is in tests/influx."""

from pathlib import Path

import pytest

from tests.afoot.conftest import Program

NOWHERE = "http://127.0.0.1:9"


def test_without_a_server_there_is_nothing_to_publish_to(anna: Program) -> None:
    assert "AFOOT_INFLUX_URL is not set" in anna.fails(2, "publish")
    lines = {line["what"]: line for line in anna("status", "--json").json}
    assert lines["InfluxDB"] == {"part": "publishing", "what": "InfluxDB", "said": "not set: nothing is published", "ok": None}
    assert lines["patients"]["said"] == "1"


def test_status_says_of_whom_nobody_can_be_told_and_which_signs_wait(anna: Program, tmp_path: Path) -> None:
    assert "1 of 1 patients" in anna("status").out
    anna("observe", "Anna", "--red-flag", "fever")
    assert "1 that nobody has acknowledged" in anna("status").out
    (tmp_path / "url").write_text("json://127.0.0.1:9/ward")
    anna.ok("notify", "add", "therapist", "--url-file", tmp_path / "url")
    assert "no channel" not in anna("status").out


def test_a_server_that_is_down(anna: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afoot.publishing.RETRIES", 0)
    monkeypatch.setenv("AFOOT_INFLUX_URL", NOWHERE)
    result = anna("publish", "--json")
    assert (result.code, result.json["state"], result.json["problem"]) == (1, "failed", "nothing listens there")
    assert result.json["queued"] > 0
    said = anna("status")
    assert said.code == 1
    for text in (
        "not reachable: nothing listens there",
        "days and facts of 1 patients, since 20",
        "never",
        "NOT OK",
        "; again at 20",
    ):
        assert text in said.out
    lines = {line["what"]: line["said"] for line in anna("status", "--json").json}
    assert lines["oldest day that waits"] == "2026-03-03"


@pytest.mark.parametrize(("url", "problem"), [("influx", "http://"), ("ftp://x", "http://")])
def test_a_url_that_is_none(anna: Program, monkeypatch: pytest.MonkeyPatch, url: str, problem: str) -> None:
    monkeypatch.setenv("AFOOT_INFLUX_URL", url)
    assert problem in anna.fails(2, "publish")


def test_the_token_is_a_secret(anna: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFOOT_INFLUX_URL", NOWHERE)
    path = tmp_path / "token"
    monkeypatch.setenv("AFOOT_INFLUX_TOKEN_FILE", str(path))
    assert "AFOOT_INFLUX_TOKEN_FILE" in anna.fails(2, "publish")
    for text in ("", "two words", "secret\nsecret"):
        path.write_text(text)
        said = anna.fails(2, "publish")
        assert "expected one token" in said
        assert not text or text.split()[0] not in said.replace(str(path), "")
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in anna.fails(2, "publish")
