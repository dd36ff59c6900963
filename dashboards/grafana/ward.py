"""The ward: who needs me today, and why."""

from dashboards.grafana.building import STATES, VERDICTS, Ask, Field, Json, build_dashboard, constant, query_variable
from dashboards.grafana.panels import COLORED, WRAPPED, stat, table
from dashboards.queries import compare, select

PATIENT_LINK = ("Open this patient", "/d/afoot-patient?var-patient=${__value.raw}")
# The pages that know the name: dashboards see pseudonyms alone.
NAME_LINK = ("Who is it? (signs in to afoot)", "${afoot_url}/ward/${__value.raw}")
AFOOT_URL = constant("afoot_url", "http://127.0.0.1:8765")
RED_FROM_ONE: tuple[tuple[float | None, str], ...] = ((None, "#2f9e63"), (1, "#c4162a"))
ORANGE_FROM_ONE: tuple[tuple[float | None, str], ...] = ((None, "#2f9e63"), (1, "#e8890c"))
NOBODY = "No patient of this group is published yet"

ZONE = query_variable("zone", "Time zone", "By whose clock days begin", select("ward", "zone"))


def build_ward() -> Json:
    """Return the dashboard."""
    ward = select(
        "ward",
        *("patient", "open_high", "open_alerts", "unacknowledged", "worst_text", "last_state", "last_data_ms", "last_sync_ms"),
        *("phase", "prescribed"),
    )
    day = select(
        "daily",
        *("date", "verdict", "steps", "walks_done", "walks_target", "longest_still_min", "coverage", "days_since_surgery"),
    )
    return build_dashboard(
        "afoot-ward",
        "Ward",
        "Who needs me today, and why: one line for each patient.",
        [
            stat(
                "Urgent alerts",
                "Open alerts of the highest priority in this group.",
                Ask(select("ward", "sum(open_high)")),
                unit="short",
                no_data=NOBODY,
                steps=RED_FROM_ONE,
            ),
            stat(
                "Not yet acknowledged",
                "Open alerts that nobody has taken on.",
                Ask(select("ward", "sum(unacknowledged)")),
                unit="short",
                no_data=NOBODY,
                steps=ORANGE_FROM_ONE,
            ),
            stat(
                "Patients with data in this time",
                "Patients whose newest data are of the time chosen above right. The others are silent, which says "
                "nothing about how "
                "much they move.",
                Ask(select("ward", "count(last_data_ms)").where(compare("ward", "last_data_ms", ">=", "${__from}"))),
                unit="short",
                no_data="Nobody sent data in this time",
            ),
            stat(
                "Patients",
                "All patients of this group.",
                Ask(select("ward", "count(devices)")),
                unit="short",
                no_data=NOBODY,
            ),
            table(
                "Patients, who needs me first",
                "Urgent alerts first. Last day is the newest local day with data: look at its date. A day that is not "
                "over, or was "
                "not worn through, is judged as far as it is known; unknown is not zero.",
                [Ask(ward, table=True), Ask(day.by("patient").latest(), table=True)],
                [
                    Field("patient", "Patient", link=PATIENT_LINK, width=160),
                    Field("open_high", "Urgent", "short", steps=RED_FROM_ONE, custom=COLORED, width=80),
                    Field("open_alerts", "Open alerts", "short", width=95),
                    Field("unacknowledged", "Not acknowledged", "short", width=130),
                    Field("worst_text", "Why", custom=WRAPPED, mappings=(), width=330),
                    Field("last_state", "State at the last data", mappings=STATES, custom=COLORED, width=150),
                    Field("last_data_ms", "Last data", "dateTimeFromNow", width=130),
                    Field("last_sync_ms", "Last sync", "dateTimeFromNow", width=130),
                    Field("date", "Last day", width=105),
                    Field("verdict", "Last day against prescription", mappings=VERDICTS, custom=COLORED, width=140),
                    Field("walks_done", "Walks", "short", width=70),
                    Field("walks_target", "of", "short", width=50),
                    Field("steps", "Steps, at least", "locale", width=105),
                    Field("longest_still_min", "Longest stillness", "m", width=120),
                    Field("coverage", "Known of the waking day", "percentunit", width=140),
                    Field("days_since_surgery", "Days since surgery", "short", width=120),
                    Field("phase", "Phase", width=70),
                    Field("prescribed", "Prescribed for", mappings=PRESCRIBED, width=110),
                ],
                no_data=NOBODY,
                sort="open_high",
                join="patient",
                size=(24, 18),
            ),
        ],
        variables=[AFOOT_URL],
        since="now-2d",
        refresh="1m",
    )


PRESCRIBED: list[Json] = [
    {
        "type": "value",
        "options": {"1": {"text": "yes", "index": 0}, "0": {"text": "no: nothing is judged", "color": "#e8890c", "index": 1}},
    },
]
