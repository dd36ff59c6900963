"""Alerts of a group: what is open, what happened, which rules speak how often."""

from dashboards.grafana.building import DAY_MS, Ask, Field, Json, build_dashboard, mapped
from dashboards.grafana.panels import COLORED, POINTS, WRAPPED, bars, lines, stat, table
from dashboards.grafana.ward import AFOOT_URL, NOBODY, ORANGE_FROM_ONE, PATIENT_LINK, RED_FROM_ONE, ZONE
from dashboards.queries import DAY, IN_RANGE, is_, newest_of, select

SEVERITIES = mapped(("high", "urgent", "#c4162a"), ("normal", "normal", "#e8890c"))
EVENTS = mapped(
    ("opened", "opened", "#e8890c"),
    ("raised", "raised", "#c4162a"),
    ("acknowledged", "acknowledged", "#3274d9"),
    ("resolved", "resolved", "#2f9e63"),
    ("withdrawn", "withdrawn", "#8e8e8e"),
)
TAKEN_ON = mapped(("1", "yes", "#3274d9"), ("0", "not yet", "#e8890c"))


def build_alerts() -> Json:
    """Return the dashboard."""
    still_open = newest_of("alerts", "open", "acknowledged", "opened_s", "text", tags=("patient", "rule", "severity"))
    opened = select("alerts", "count(opened_s)").where(IN_RANGE, is_("alerts", "event", "opened"))
    happened = select("alerts", "patient", "severity", "rule", "event", "text").where(IN_RANGE)
    return build_dashboard(
        "afoot-alerts",
        "Alerts",
        "What afoot found: open alerts and why, and what became of them. What is unknown neither opens nor closes one.",
        [
            stat(
                "Open",
                "Open alerts of this group, now.",
                Ask(select("ward", "sum(open_alerts)")),
                unit="short",
                no_data=NOBODY,
                size=(8, 4),
                steps=ORANGE_FROM_ONE,
            ),
            stat(
                "Urgent",
                "Of them, those of the highest priority.",
                Ask(select("ward", "sum(open_high)")),
                unit="short",
                no_data=NOBODY,
                size=(8, 4),
                steps=RED_FROM_ONE,
            ),
            stat(
                "Not yet acknowledged",
                "Of them, those that nobody has taken on.",
                Ask(select("ward", "sum(unacknowledged)")),
                unit="short",
                no_data=NOBODY,
                size=(8, 4),
                steps=ORANGE_FROM_ONE,
            ),
            table(
                "Open alerts, and why",
                "As they stand now, whatever time is chosen above.",
                [Ask(still_open, table=True)],
                [
                    Field("severity", "Priority", mappings=SEVERITIES, custom=COLORED, width=100),
                    Field("patient", "Patient", link=PATIENT_LINK, width=170),
                    Field("rule", "Rule", width=190),
                    Field("text", "Why", custom=WRAPPED),
                    Field("acknowledged", "Acknowledged", mappings=TAKEN_ON, width=120),
                    Field("opened_ms", "Open since", "dateTimeFromNow", width=150),
                ],
                no_data="No alert is open",
                sort="severity",
                descending=False,
                size=(24, 10),
            ),
            lines(
                "Opened each day",
                "Alerts that opened on each day. A day without a point had none, as far as is known.",
                [Ask(opened.by("severity").each(DAY), "$tag_severity")],
                unit="short",
                no_data="No alert opened in this time",
                every_ms=DAY_MS,
                custom=POINTS,
                fields=[Field("high", "Urgent", color="#c4162a"), Field("normal", "Normal", color="#e8890c")],
                size=(12, 9),
            ),
            bars(
                "Opened by each rule",
                "In the chosen time. A rule that speaks all day is one whose threshold does not fit.",
                Ask(opened.by("rule"), "$tag_rule"),
                unit="short",
                no_data="No alert opened in this time",
                size=(12, 9),
            ),
            table(
                "What happened",
                "Every step of every alert in the chosen time.",
                [Ask(happened, table=True)],
                [
                    Field("Time", "When", "dateTimeAsLocal", width=170),
                    Field("patient", "Patient", link=PATIENT_LINK, width=170),
                    Field("severity", "Priority", mappings=SEVERITIES, width=90),
                    Field("rule", "Rule", width=190),
                    Field("event", "What", mappings=EVENTS, custom=COLORED, width=120),
                    Field("text", "Why", custom=WRAPPED),
                ],
                no_data="Nothing happened in this time",
                sort="Time",
                size=(24, 10),
            ),
        ],
        variables=[ZONE, AFOOT_URL],
        since="now-30d",
        refresh="1m",
    )
