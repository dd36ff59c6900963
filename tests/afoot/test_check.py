"""afoot check, rules, simulate-rules; and that nothing depends on where patients are judged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from afoot import summaries
from afoot.app import App, open_app
from afoot.evaluating import Checked, check_patients
from afoot.executing import Serial, open_executor
from devices import virtual
from devices.virtual import Habit, Wearer
from ingest import people
from rules import ledger
from rules.checks import RULES
from tests.afoot.conftest import Program, csv

SURGERY = date(2026, 2, 16)


@contextmanager
def opened(home: Path) -> Iterator[App]:
    app = open_app(home)
    try:
        yield app
    finally:
        app.close()


def admit(afoot: Program, wearer: Wearer, days: int, folder: Path) -> str:
    virtual.write_fit(wearer, virtual.days_from(SURGERY, days), folder / wearer.name, syncs=1)
    afoot.ok("patient", "add", wearer.name, "--zone", wearer.zone)
    about = (
        "--author",
        "Dr. B",
        "--effective",
        SURGERY,
        "--surgery",
        SURGERY,
        "--reason",
        "fusion",
        "--baseline",
        wearer.baseline,
    )
    afoot.ok("prescription", "set", wearer.name, *about)
    afoot.ok("import", folder / wearer.name, "--patient", wearer.name)
    return wearer.name


@pytest.fixture
def clinic(afoot: Program, tmp_path: Path) -> Program:
    """Two patients with ten days each."""
    for wearer in (Wearer(31, SURGERY, habit=Habit.FEARFUL), Wearer(32, SURGERY, "America/New_York", Habit.OVERDOING)):
        admit(afoot, wearer, 10, tmp_path)
    return afoot


AT = "2026-02-26T09:00:00Z"


def test_every_rule_says_something_and_explains_itself(clinic: Program) -> None:
    for one in clinic.ok("check", "--at", AT, "--json").lines:
        assert one["instants"] == 1
        assert {finding["rule"] for finding in one["findings"]} == {rule.name for rule in RULES}
        assert all(finding["version"] == 1 and finding["reason"] for finding in one["findings"])
    # Again for the same instant: nothing new.
    for one in clinic.ok("check", "--at", AT, "--json").lines:
        assert (one["transitions"], one["told"]) == ([], [])
    assert "too_long" in clinic.ok("check", "--at", AT).out


def test_backfill_judges_every_day_and_tells_nobody_of_it(clinic: Program) -> None:
    for one in clinic.ok("check", "--backfill", "--at", AT, "--json").lines:
        assert one["instants"] == 11
        told = {said["rule"] for said in one["told"]}
        now = {step["rule"] for step in one["transitions"] if step["at"] == AT}
        true = {finding["rule"] for finding in one["findings"] if finding["truth"] == "true"}
        assert told <= true
        assert now <= true | {step["rule"] for step in one["transitions"] if step["kind"] != "opened"}


def test_an_instant_before_what_was_judged_is_refused(clinic: Program) -> None:
    clinic.ok("check", "--at", AT)
    refused = clinic("check", "--at", "2026-02-26T08:00:00Z")
    assert refused.code == 1
    assert "judged up to 2026-02-26T09:00:00+00:00" in refused.err
    assert "expected now or before" in clinic.fails(2, "check", "--at", "2090-01-01T00:00:00Z")
    assert "none of that name" in clinic.fails(2, "check", "--patient", "nobody")


def test_without_prescription_or_data(afoot: Program) -> None:
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    assert afoot.ok("check", "--at", AT, "--json").json["findings"] == []
    about = ("--author", "Dr. B", "--effective", SURGERY, "--surgery", SURGERY, "--reason", "fusion")
    afoot.ok("prescription", "set", "Anna", *about)
    findings = {one["rule"]: one["truth"] for one in afoot.ok("check", "--at", AT, "--json").json["findings"]}
    # No device was ever heard of since she was prescribed for: that is silence, never inactivity.
    assert findings.pop("device_silent") == "true"
    assert set(findings.values()) == {"unknown", "off"}


def record(app: App) -> list[tuple[object, ...]]:
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
        return [
            (one.name, step.rule, step.kind, step.at_ms, step.finding)
            for one in patients
            for step in ledger.list_transitions(connection, one.id)
        ]


def judge(home: Path, kind: str, at_ms: int) -> tuple[list[Checked], list[tuple[object, ...]]]:
    with opened(home) as app:
        with app.store.reading() as connection:
            patients = people.list_patients(connection)
        with open_executor(kind, workers=2) as executor:
            return list(check_patients(app.store, patients, at_ms, executor, backfill=True)), record(app)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")
def test_the_same_everywhere(clinic: Program) -> None:
    at_ms = 1_772_096_400_000
    serial, first = judge(clinic.home, "serial", at_ms)
    assert first
    for kind in ("processes", "dask"):
        checked, again = judge(clinic.home, kind, at_ms)
        assert again == first
        assert [one.findings for one in checked] == [one.findings for one in serial]


def test_an_executor_that_is_none(clinic: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFOOT_EXECUTOR", "threads")
    assert "AFOOT_EXECUTOR" in clinic.fails(2, "check")
    monkeypatch.setenv("AFOOT_EXECUTOR", "processes")
    monkeypatch.setenv("AFOOT_WORKERS", "2")
    assert len(clinic.ok("check", "--at", AT, "--json").lines) == 2


def test_kept_days_are_what_they_were(clinic: Program) -> None:
    clinic.ok("check", "--backfill", "--at", AT)
    with opened(clinic.home) as app:
        with app.store.reading() as connection:
            rows = connection.execute(select(summaries.day_summaries)).all()
        kept = summaries.decode([row.block for row in rows])
        assert len(kept) >= 20
        for row, one in zip(rows, kept, strict=True):
            assert summaries.encode([one]) == [row.block]
        with app.store.reading() as connection:
            for patient in people.list_patients(connection):
                shown = {line["day"]: line for line in clinic.ok("days", patient.name, "--json").lines}
                for row, one in zip(rows, kept, strict=True):
                    day = one.summary.day.isoformat()
                    if row.patient_id == patient.id and day in shown:
                        plain = json.loads(json.dumps(one.summary.to_json(), default=str))
                        assert plain == {name: shown[day][name] for name in plain}
        # Without them the same comes out, and they are there again.
        before = record(app)
        with app.store.writing() as connection:
            connection.execute(summaries.day_summaries.delete())
            patients = people.list_patients(connection)
        list(check_patients(app.store, patients, 1_772_096_400_000, Serial(), backfill=True))
        assert record(app) == before


def test_rules_with_marks_and_own_values(clinic: Program) -> None:
    shown = clinic.ok("rules").out
    for rule in RULES:
        assert rule.name in shown
    assert "night_activity" in shown
    assert "off: a trend, off unless switched on" in shown
    rows = {(row["rule"], row["name"]): row for row in clinic.ok("rules", "--json").lines}
    assert rows["sudden_drop", "share"] | {"source": ""} == {
        "rule": "sudden_drop",
        "name": "share",
        "value": 0.5,
        "unit": "of the median",
        "mark": "G",
        "source": "",
        "default": "0.5",
    }
    name = Wearer(31, SURGERY, habit=Habit.FEARFUL).name
    about = ("--author", "Dr. B", "--effective", SURGERY, "--reason", "calmer")
    clinic.ok("prescription", "set", name, *about, "--set", "rules.sudden_drop.share=0.3")
    assert "0.3 (default 0.5)" in clinic.ok("rules", "--patient", name).out


def test_simulating_changes_nothing(clinic: Program) -> None:
    name = Wearer(32, SURGERY, "America/New_York", Habit.OVERDOING).name
    said = clinic.ok("simulate-rules", name, "--json").json
    rows = {row["rule"]: row for row in said["rules"]}
    assert rows["too_long"]["alerts"] == rows["too_long"]["alerts_as_it_is"] > 0
    calmer = clinic.ok("simulate-rules", name, "--set", "walk_cap_min=480", "--json").json
    assert {row["rule"]: row["alerts"] for row in calmer["rules"]}["too_long"] == 0
    assert "too_long" in clinic.ok("simulate-rules", name, "--from", SURGERY + timedelta(days=2)).out
    # A nudge to stand up comes within the day, or not at all.
    nudged = clinic.ok("simulate-rules", name, "--every", 60, "--json").json
    assert {row["rule"]: row["true"] for row in nudged["rules"]}["stationary_now"] > 0 == rows["stationary_now"]["true"]
    assert "rules.<rule>.<name>" in clinic.fails(2, "simulate-rules", name, "--set", "rules.nothing=1")
    with opened(clinic.home) as app, app.store.reading() as connection:
        assert connection.execute(select(ledger.judged)).all() == []
    # It is what judging would have done.
    (checked,) = clinic.ok("check", "--backfill", "--patient", name, "--at", AT, "--json").lines
    for rule, row in rows.items():
        opened_at = [s["at"] for s in checked["transitions"] if (s["rule"], s["kind"]) == (rule, "opened") and s["at"] < AT]
        assert row["opened"] == opened_at


@pytest.mark.parametrize("again", [False, True])
def test_a_silence_of_a_year_is_said_to_be_one(afoot: Program, tmp_path: Path, again: bool) -> None:
    """No rule looks back further than 200 days, but how long nothing came has its beginning where it began."""
    path = tmp_path / "day.csv"
    path.write_text(csv(*(f"2025-02-20T08:{minute:02}:00Z,50" for minute in range(60))))
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    afoot.ok("import", path, "--patient", "Anna")
    about = ("--author", "Dr. B", "--effective", "2025-02-01", "--surgery", "2025-02-01", "--reason", "fusion")
    afoot.ok("prescription", "set", "Anna", *about)
    if again:
        afoot.ok("check", "--at", "2025-09-20T09:00:00Z")
    findings = {one["rule"]: one for one in afoot.ok("check", "--at", AT, "--json").json["findings"]}
    silent = findings["device_silent"]
    assert silent["truth"] == "true"
    assert silent["measured"]["silent_h"] == pytest.approx(371 * 24, abs=24)
