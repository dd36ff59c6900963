"""afoot alerts, ack, snooze: what stands, who took it on, what rests."""

import pytest

from ingest import people
from ingest.store import Store
from rules import ledger
from rules.alerts import Policy
from rules.checks import RULES
from rules.finding import Evidence, Finding, Priority, Recipient, Truth
from rules.minutes import WearSource
from tests.afoot.conftest import Program

T0 = 1_772_697_600_000  # 2026-03-05T08:00:00Z
HOUR = 3_600_000
POLICIES = {rule.name: Policy((Recipient.THERAPIST,)) for rule in RULES}


def finding(rule: str, truth: Truth, at_ms: int, reason: str = "two days at 812 steps") -> Finding:
    evidence = Evidence(
        at_ms - 24 * HOUR, at_ms, 0.93, WearSource.HEART_RATE, ((at_ms - HOUR, at_ms),), {"steps": 812}, {"share": 0.5}
    )
    return Finding(rule, truth, at_ms, 3, reason, evidence, Priority.HIGH)


def judge(program: Program, patient: str, *findings: Finding) -> None:
    """Take findings of one instant into the record, as judging does."""
    store = Store(f"sqlite:///{program.home / 'afoot.db'}", durable=False)
    with store.writing() as connection:
        owner = people.find_patient(connection, patient)
        ledger.step(connection, owner.id, findings, POLICIES, findings[0].at_ms, lambda _: 0, live=True)
    store.close()


@pytest.fixture
def two(afoot: Program) -> Program:
    """Anna's steps fell, and Ben's; Ben's rose again."""
    for name in ("Anna", "Ben"):
        afoot.ok("patient", "add", name, "--zone", "Europe/Berlin")
        judge(afoot, name, finding("sudden_drop", Truth.TRUE, T0))
    judge(afoot, "Ben", finding("sudden_drop", Truth.FALSE, T0 + HOUR))
    return afoot


def test_alerts_are_listed_with_their_evidence(two: Program) -> None:
    anna, ben = two.ok("alerts", "--json").json
    assert anna == {
        "alert": f"1:sudden_drop:{T0}",
        "patient": "Anna",
        "rule": "sudden_drop",
        "state": "open",
        "priority": "high",
        "opened": "2026-03-05T08:00:00Z",
        "closed": None,
        "acknowledged": None,
        "acknowledged_by": None,
        "note": None,
        "closed_by": None,
        "closing_note": None,
        "because": "two days at 812 steps",
        "prescription": 3,
        "window": ["2026-03-04T08:00:00Z", "2026-03-05T08:00:00Z"],
        "coverage": 0.93,
        "wear_source": "hr",
        "minutes": [["2026-03-05T07:00:00Z", "2026-03-05T08:00:00Z"]],
        "measured": {"steps": 812},
        "thresholds": {"share": 0.5},
    }
    assert (ben["patient"], ben["state"], ben["closed"]) == ("Ben", "resolved", "2026-03-05T09:00:00Z")
    assert two.ok("alerts", "--open", "--json").json == [anna]
    assert two.ok("alerts", "Ben", "--json").json == [ben]
    assert two.ok("alerts", "Ben", "--open", "--json").json == []
    table = two.ok("alerts").out
    assert all(text in table for text in (anna["alert"], ben["alert"], "two days at 812 steps", "resolved"))
    assert "none of that name" in two.fails(2, "alerts", "Carla")


def test_without_alerts_there_is_an_empty_list(afoot: Program) -> None:
    assert afoot.ok("alerts", "--json").json == []
    assert "alert" in afoot.ok("alerts").out


def test_who_took_an_alert_on_is_kept(two: Program) -> None:
    alert = f"1:sudden_drop:{T0}"
    taken = two.ok("ack", alert, "--by", "M. Lang", "--note", "called; [b]flu", "--json").json
    assert (taken["state"], taken["acknowledged_by"], taken["note"]) == ("acknowledged", "M. Lang", "called; [b]flu")
    (still,) = two.ok("alerts", "--open", "--json").json
    assert still == taken
    # Again changes nothing.
    assert two.ok("ack", alert, "--by", "Dr. Kern", "--note", "seen", "--json").json == taken
    assert "called; [b]flu" in two.ok("ack", alert, "--by", "x", "--note", "y").out


@pytest.mark.parametrize(
    "alert", [f"2:sudden_drop:{T0}", "9:sudden_drop:1", "1:nothing:1", "nonsense", "", "1:2", "٣:a:1", "1:a:b"]
)
def test_only_an_open_alert_can_be_taken_on(two: Program, alert: str) -> None:
    assert "expected" in two.fails(2, "ack", "--by", "M. Lang", "--note", "seen", "--", alert)


@pytest.mark.parametrize(("by", "note"), [("", "seen"), ("M. Lang", " "), ("a\x1b[31m", "seen"), ("M. Lang", "x" * 5000)])
def test_who_and_what_must_be_readable(two: Program, by: str, note: str) -> None:
    assert "expected printable text" in two.fails(2, "ack", f"1:sudden_drop:{T0}", "--by", by, "--note", note)


def test_a_snooze_is_shown_until_it_is_over(two: Program) -> None:
    made = two.ok(
        "snooze", "Anna", "below_floor", "--until", "2090-01-01T00:00:00Z", "--by", "M. Lang", "--why", "a wedding", "--json"
    ).json
    assert made == {
        "patient": "Anna", "rule": "below_floor", "until": "2090-01-01T00:00:00Z", "by": "M. Lang", "why": "a wedding",
    }  # fmt: skip
    two.ok("snooze", "Ben", "all", "--until", "2090-01-01T00:00:00+02:00", "--by", "M. Lang", "--why", "holidays")
    shown = two.ok("alerts").out
    assert "a wedding" in shown
    assert "2089-12-31T22:00:00Z" in shown
    assert "holidays" not in two.ok("alerts", "Anna").out
    # A time that has been ends it; the one for all rules goes on.
    two.ok("snooze", "Anna", "below_floor", "--until", "2020-01-01T00:00:00Z", "--by", "M. Lang", "--why", "back")
    assert "a wedding" not in two.ok("alerts").out
    assert "holidays" in two.ok("alerts").out


@pytest.mark.parametrize(
    ("patient", "rule", "until", "said"),
    [
        ("Carla", "all", "2090-01-01T00:00:00Z", "none of that name"),
        ("Anna", "red_flag", "2090-01-01T00:00:00Z", "expected all or one of stationary_now"),
        ("Anna", "", "2090-01-01T00:00:00Z", "expected all or one of"),
        ("Anna", "all", "tomorrow", "expected RFC 3339"),
        ("Anna", "all", "2090-01-01T00:00:00", "offset from UTC"),
    ],
)
def test_a_snooze_that_cannot_be(two: Program, patient: str, rule: str, until: str, said: str) -> None:
    assert said in two.fails(2, "snooze", patient, rule, "--until", until, "--by", "x", "--why", "y")
