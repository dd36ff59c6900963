"""The ward's order: who needs somebody first, and why; silence is never lowness."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from dashboards.pages.case import CaseFacts, build_case
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.ward import Need, PatientFacts, build_ward, find_need
from rules.alerts import RED_FLAG, Standing
from rules.finding import Evidence, Finding, Priority, Truth
from rules.ledger import Alert
from rules.minutes import WearSource

ZONE = ZoneInfo("Europe/Berlin")
NOW = 1_773_324_600_000
HOUR = 3_600_000


def alert(
    rule: str,
    *,
    hours: int = 5,
    priority: Priority = Priority.NORMAL,
    by: str = "",
    measured: Mapping[str, int] | None = None,
) -> Alert:
    opened = NOW - hours * HOUR
    evidence = Evidence(opened, NOW, None, WearSource.NONE, measured=measured or {})
    finding = Finding(rule, Truth.TRUE, opened, 1, "because", evidence, priority)
    standing = Standing.ACKNOWLEDGED if by else Standing.OPEN
    return Alert(f"1:{rule}:{opened}", 1, rule, standing, opened, None, False, priority, finding, NOW if by else None, by)


def one(name: str, *alerts: Alert, known_h: float | None = 0.1) -> PatientFacts:
    return PatientFacts(
        key=name.lower(),
        name=name,
        zone=ZONE,
        known_ms=None if known_h is None else NOW - round(known_h * HOUR),
        alerts=alerts,
    )


def test_order_of_need_and_the_reason_of_each() -> None:
    ward = build_ward(
        [
            one("Calm"),
            one("Taken", alert("below_floor", by="lang")),
            one("Silent", known_h=60),
            one("Alert", alert("below_floor")),
            one("Older", alert("below_floor", hours=50)),
            one("Urgent", alert("sudden_drop", priority=Priority.HIGH)),
            one("Warned", alert("below_floor"), alert(RED_FLAG, hours=1, measured={"fever": 1})),
        ],
        NOW,
        CLINIC,
    )
    assert [[row.name for row in group.rows] for group in ward.groups] == [
        ["Warned", "Urgent"],
        ["Older", "Alert", "Silent"],
        ["Taken", "Calm"],
    ]
    assert ward.headline == "5 patients need somebody today"
    first = ward.groups[0].rows[0]
    assert first.why[0].startswith("Warning sign: Fever, today")
    assert first.why[1].startswith("below the floor, noticed")


def test_no_data_is_told_as_that_and_asks_for_nobody_before_two_days() -> None:
    assert find_need(one("A", known_h=30), NOW, CLINIC) == (Need.NONE, ())
    assert find_need(one("A", known_h=75), NOW, CLINIC) == (Need.SILENT, ("No data for 3 days",))
    assert find_need(one("A", known_h=None), NOW, CLINIC) == (Need.NONE, ("No data yet",))
    # An alert of the silence says it already.
    assert len(find_need(one("A", alert("device_silent"), known_h=75), NOW, CLINIC)[1]) == 1


def test_a_silence_began_when_the_data_ended_not_when_it_was_noticed() -> None:
    noticed = alert("device_silent", hours=1)
    assert find_need(one("A", noticed, known_h=75), NOW, CLINIC)[1] == ("the device is silent, since Monday 9 March",)
    assert find_need(one("A", noticed, known_h=None), NOW, CLINIC)[1][0] == "the device is silent, noticed today"
    # Too little worn: the data go on.
    assert find_need(one("A", noticed, known_h=0.1), NOW, CLINIC)[1] == ("the device is silent, since today",)


@pytest.mark.parametrize(
    ("known_h", "said"),
    [
        (None, "No data have arrived yet. Nothing is known of any day."),
        (75, "Nothing is known of the days shown. The last data are of Monday 9 March."),
    ],
)
def test_data_that_ended_before_the_days_shown_are_not_said_never_to_have_come(known_h: float | None, said: str) -> None:
    case = build_case(CaseFacts(one("A", known_h=known_h), NOW, days=(), prescription=None), CLINIC)
    assert case.charts is None
    assert case.no_days == said


def test_unknown_days_are_unknown() -> None:
    (group,) = build_ward([one("A", known_h=None)], NOW, CLINIC).groups
    row = group.rows[0]
    assert (row.today, row.yesterday.text, row.synced) == ("Not known yet", "Unknown", "never")
    assert row.yesterday.verdict is None


def test_an_empty_ward_says_so() -> None:
    ward = build_ward([], NOW, CLINIC)
    assert ward.groups == ()
    assert ward.headline == CLINIC("ward_empty")
