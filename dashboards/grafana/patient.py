"""One patient: what the day was like, against the prescription and against the patient's own baseline."""

from dashboards.grafana.building import (
    DAY_MS,
    MINUTE_MS,
    STATES,
    VERDICTS,
    Ask,
    Field,
    Json,
    Panel,
    annotation,
    build_dashboard,
    query_variable,
)
from dashboards.grafana.panels import DASHED, POINTS, WRAPPED, heatmap, history, lines, stat, table, timeline
from dashboards.grafana.ward import AFOOT_URL, NAME_LINK, ORANGE_FROM_ONE, RED_FROM_ONE
from dashboards.queries import DAY, IN_RANGE, OF_PATIENT, Query, is_, select, tag_values

NO_DATA = "No data in this time: that is unknown, not inactive"
NO_DAY = "No day with data in this time"
NO_PRESCRIPTION = "Nothing was prescribed in this time"
MERGED = is_("minutes", "source", "merged")
# The longest row of steps in an hour that is still told apart by colour.
MANY_STEPS = 2000.0

PATIENT = query_variable("patient", "Patient", "By pseudonym; names stay in afoot", tag_values("ward", "patient"))
ZONE = query_variable("zone", "Time zone", "Where the patient lives", select("ward", "zone").where(OF_PATIENT))


def _of(measurement: str, *columns: str) -> Query:
    return select(measurement, *columns).where(OF_PATIENT)


def _in_range(measurement: str, *columns: str) -> Query:
    return _of(measurement, *columns).where(IN_RANGE)


def build_patient() -> Json:
    """Return the dashboard."""
    opened = _in_range("alerts", "text", "rule").where(is_("alerts", "event", "opened"))
    return build_dashboard(
        "afoot-patient",
        "Patient",
        "One patient's days: worn, still, moving and unknown; walks against prescription; recovery against own baseline.",
        [*_now(), *_minutes(), *_days(), *_said()],
        variables=[PATIENT, ZONE, AFOOT_URL],
        annotations=[
            annotation("Alerts", "#c4162a", opened, "text", "rule"),
            annotation("What the patient said", "#3274d9", _in_range("observations", "text", "code"), "text", "code"),
        ],
        since="now-7d",
    )


def _now() -> list[Panel]:
    newest = _of("daily", "date", "median_7_share").latest()
    return [
        stat(
            "Urgent alerts",
            "Open alerts of the highest priority.",
            Ask(_of("ward", "open_high")),
            unit="short",
            no_data="This patient is not published yet",
            size=(4, 4),
            steps=RED_FROM_ONE,
        ),
        stat(
            "Open alerts",
            "All open alerts of this patient, taken on or not.",
            Ask(_of("ward", "open_alerts")),
            unit="short",
            no_data="This patient is not published yet",
            size=(4, 4),
            steps=ORANGE_FROM_ONE,
        ),
        stat(
            "Last data",
            "When the newest known minute ended, on any device.",
            Ask(_of("ward", "last_data_ms")),
            unit="dateTimeFromNow",
            no_data="No data yet",
            size=(4, 4),
        ),
        stat(
            "State at the last data",
            "Not the state now: what the newest known minute was.",
            Ask(_of("ward", "last_state")),
            unit="short",
            no_data="No data yet",
            size=(4, 4),
            mappings=STATES,
        ),
        stat(
            "Last week against own baseline",
            "The median of the 7 days up to the newest one, of the patient's own median before surgery. Unknown "
            "without a baseline, or "
            "with fewer than 4 days that are known well enough.",
            Ask(newest, table=True),
            unit="percentunit",
            no_data="Unknown: no baseline, or too few known days",
            size=(4, 4),
            text="median_7_share",
        ),
        stat(
            "Phase",
            "The phase of the prescription on the last day with data.",
            Ask(_of("ward", "phase")),
            unit="none",
            no_data="Nothing is prescribed",
            size=(4, 4),
            text=".*",
        ),
        table(
            "Why: open alerts",
            "What afoot found and has not seen resolved. The worst one; the dashboard of alerts lists all.",
            [Ask(_of("ward", "patient", "worst_rule", "worst_text", "unacknowledged", "last_sync_ms"), table=True)],
            [
                Field("patient", "Patient", link=NAME_LINK, width=170),
                Field("worst_rule", "Rule", mappings=(), width=180),
                Field("worst_text", "Why", custom=WRAPPED, mappings=()),
                Field("unacknowledged", "Not acknowledged", "short", width=130),
                Field("last_sync_ms", "Last sync", "dateTimeFromNow", width=140),
            ],
            no_data="This patient is not published yet",
            sort="worst_rule",
            size=(24, 4),
        ),
    ]


def _minutes() -> list[Panel]:
    merged = _in_range("minutes", "mode(state)").where(MERGED)
    steps = _in_range("minutes", "mean(steps)").where(MERGED)
    pulse = _in_range("minutes", "mean(heart_rate)").where(MERGED)
    return [
        timeline(
            "Worn, still, moving, unknown",
            "The state of most minutes of each piece; zoom in to see single minutes. Grey is unknown: no data, or nobody can say "
            "whether the device was worn. Empty is unknown, too.",
            [Ask(merged.each(), "State")],
            mappings=STATES,
            no_data=NO_DATA,
        ),
        lines(
            "Steps",
            "Steps a minute, the mean of the known minutes of each piece. No line where nothing is known.",
            [Ask(steps.each(), "Steps a minute")],
            unit="steps/min",
            no_data=NO_DATA,
            every_ms=DAY_MS,
            custom={"fillOpacity": 20, "lineWidth": 1, "showPoints": "never"},
            interval="1m",
            size=(24, 7),
        ),
        lines(
            "Heart rate",
            "The mean of the known samples of each piece; no line where there is none.",
            [Ask(pulse.each(), "Heart rate")],
            unit="beats/min",
            no_data="No heart rate in this time: the device takes none, or nothing is known",
            every_ms=DAY_MS,
            custom={"lineWidth": 1, "showPoints": "never"},
            interval="1m",
            size=(24, 6),
            from_zero=False,
        ),
        lines(
            "Bouts: walks and long stillness",
            "Each walk and each stretch of stillness of 20 minutes or more, by its length. One that runs into unknown "
            "minutes may have "
            "been longer.",
            [
                Ask(_bouts("walk").where(is_("bouts", "credited", 1)), "Walk, long enough to count"),
                Ask(_bouts("walk").where(is_("bouts", "credited", 0)), "Walk, shorter"),
                Ask(_bouts("still"), "Stillness"),
            ],
            unit="m",
            no_data="No walk and no long stillness in what is known of this time",
            every_ms=MINUTE_MS,
            custom=POINTS,
            fields=[
                Field("Walk, long enough to count", color="#2f9e63"),
                Field("Walk, shorter", color="#8fd19e"),
                Field("Stillness", color="#e8890c"),
            ],
        ),
    ]


def _bouts(kind: str) -> Query:
    return _in_range("bouts", "minutes").where(is_("bouts", "kind", kind))


_STATUSES = {
    "verdict": "The day",
    "walks_status": "Walks",
    "stillness_status": "Stillness",
    "walk_length_status": "Length of walks",
    "cadence_status": "Pace",
    "hourly_status": "Every hour",
    "floor_status": "Steps of the day",
}


def _days() -> list[Panel]:
    whole = _in_range("daily", "steps").where(is_("daily", "partial", 0))
    part = _in_range("daily", "steps").where(is_("daily", "partial", 1))
    return [
        history(
            "Each day against its prescription",
            "Each line of the prescription that was in force on that day. Grey is unknown: it is held against nobody.",
            [Ask(_in_range("daily", *_STATUSES))],
            mappings=VERDICTS,
            no_data=NO_PRESCRIPTION,
            fields=[Field(name, title) for name, title in _STATUSES.items()],
        ),
        lines(
            "Walks against prescription",
            "Walks that were long enough, and how many were asked for. A day without a point is unknown, not a day "
            "without walks.",
            [Ask(_in_range("daily", "walks_done", "walks_target"))],
            unit="short",
            no_data=NO_PRESCRIPTION,
            every_ms=DAY_MS,
            size=(12, 8),
            custom={"showPoints": "always", "pointSize": 7},
            fields=[
                Field("walks_done", "Walks done", color="#2f9e63"),
                Field("walks_target", "Asked for", color="#e8890c", custom=DASHED),
            ],
        ),
        lines(
            "Longest walk and longest stillness",
            "Minutes, with the limits of the prescription. A day without a point is unknown.",
            [Ask(_in_range("daily", "longest_walk_min", "walk_cap_min", "longest_still_min", "still_nudge_min"))],
            unit="m",
            no_data=NO_DAY,
            every_ms=DAY_MS,
            size=(12, 8),
            custom={"showPoints": "always"},
            fields=[
                Field("longest_walk_min", "Longest walk", color="#2f9e63"),
                Field("walk_cap_min", "Longest walk allowed", color="#8fd19e", custom=DASHED),
                Field("longest_still_min", "Longest stillness", color="#e8890c"),
                Field("still_nudge_min", "Longest stillness advised", color="#c4162a", custom=DASHED),
            ],
        ),
        lines(
            "Recovery against own baseline",
            "Steps a day beside the patient's own median before surgery. The band reaches from the prescribed floor to "
            "what others did "
            "on that day after surgery; it judges nothing. On a day that is known in part there were at least so many steps.",
            [
                Ask(whole, "Steps, day known"),
                Ask(part, "Steps at least, day known in part"),
                Ask(_in_range("daily", "median_7", "baseline_steps", "reference_steps", "floor_steps")),
            ],
            unit="steps/day",
            no_data=NO_DAY,
            every_ms=DAY_MS,
            size=(24, 10),
            fields=[
                Field("Steps, day known", color="#2f9e63", custom=POINTS),
                Field("Steps at least, day known in part", color="#8e8e8e", custom=POINTS),
                Field("median_7", "Median of the week", color="#2f9e63", custom={"lineWidth": 3, "showPoints": "never"}),
                Field("baseline_steps", "Own baseline", color="#3274d9", custom=DASHED),
                Field(
                    "reference_steps",
                    "Others on that day",
                    color="#b5cdf0",
                    custom={"lineWidth": 1, "showPoints": "never", "fillBelowTo": "Prescribed floor", "fillOpacity": 25},
                ),
                Field("floor_steps", "Prescribed floor", color="#e8890c", custom={"lineWidth": 1, "showPoints": "never"}),
            ],
        ),
        heatmap(
            "Hours",
            "Steps in each hour of the patient's clock, midnight at the top. An empty hour is unknown; the palest one "
            "is known to "
            "have no steps.",
            [Ask(_hour(hour).each(DAY), f"{hour:02}:00") for hour in range(24)],
            unit="short",
            no_data=NO_DATA,
            most=MANY_STEPS,
            size=(24, 12),
        ),
    ]


def _hour(hour: int) -> Query:
    return _in_range("hours", "sum(steps)").where(is_("hours", "hour", hour))


def _said() -> list[Panel]:
    pain = _in_range("observations", "value").where(is_("observations", "code", "pain"))
    return [
        lines(
            "Pain, as the patient said",
            "From 0, none, to 10. A day without a point: nothing was said.",
            [Ask(pain, "Pain")],
            unit="short",
            no_data="Nothing was said about pain in this time",
            every_ms=DAY_MS,
            custom=POINTS,
            size=(12, 8),
            max=10,
        ),
        table(
            "What the patient said",
            "Pain, mood, exercises, warning signs. The words of notes stay in afoot.",
            [Ask(_in_range("observations", "code", "text", "red_flag"), table=True)],
            [
                Field("Time", "When", "dateTimeAsLocal", width=170),
                Field("text", "What", custom=WRAPPED),
                Field("red_flag", "Warning sign", mappings=WARNING, width=120),
                Field("code", "Kind", width=150),
            ],
            no_data="Nothing was said in this time",
            sort="Time",
            size=(12, 8),
        ),
    ]


WARNING: list[Json] = [
    {"type": "value", "options": {"1": {"text": "YES", "color": "#c4162a", "index": 0}, "0": {"text": "no", "index": 1}}},
]
