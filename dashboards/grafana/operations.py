"""Operations: whether what therapists see is what afoot knows. For operators alone: it lies in their database."""

from dashboards.grafana.building import HOUR_MS, Ask, Field, Json, build_dashboard
from dashboards.grafana.panels import bars, lines, stat, table
from dashboards.grafana.ward import RED_FROM_ONE
from dashboards.queries import IN_RANGE, select

NO_RUN = "The publisher has not run in this time"


def build_operations() -> Json:
    """Return the dashboard."""
    newest = select("operations", "behind_s", "lines").latest()
    runs = ("patients", "blocks", "lines", "deleted", "refused", "behind_s", "duration_ms")
    every = select("operations", "bucket", *runs).where(IN_RANGE)
    return build_dashboard(
        "afoot-operations",
        "Operations",
        "Whether the dashboards are up to date: each run of the publisher, by database.",
        [
            stat(
                "Behind",
                "How long what waits has been waiting, at the newest run.",
                Ask(newest, table=True),
                unit="s",
                no_data=NO_RUN,
                steps=((None, "#2f9e63"), (900, "#e8890c"), (3600, "#c4162a")),
                text="behind_s",
            ),
            stat(
                "Lines refused",
                "Points that a database did not take, in the chosen time. Each is a fault to report.",
                Ask(select("operations", "sum(refused)").where(IN_RANGE)),
                unit="short",
                no_data=NO_RUN,
                steps=RED_FROM_ONE,
            ),
            stat(
                "Lines written",
                "In the chosen time, over all databases.",
                Ask(select("operations", "sum(lines)").where(IN_RANGE)),
                unit="locale",
                no_data=NO_RUN,
            ),
            lines(
                "Lines written by each run",
                "By database. Nothing is drawn where no run ended.",
                [Ask(select("operations", "lines").where(IN_RANGE).by("bucket"), "$tag_bucket")],
                unit="short",
                no_data=NO_RUN,
                every_ms=HOUR_MS,
                custom={"showPoints": "always"},
                size=(12, 8),
            ),
            lines(
                "How long each run took",
                "Milliseconds from the begin of a run to its end, by database.",
                [Ask(select("operations", "duration_ms").where(IN_RANGE).by("bucket"), "$tag_bucket")],
                unit="ms",
                no_data=NO_RUN,
                every_ms=HOUR_MS,
                custom={"showPoints": "always"},
                size=(12, 8),
            ),
            bars(
                "Patients published, by database",
                "How often a patient was published in the chosen time.",
                Ask(select("operations", "sum(patients)").where(IN_RANGE).by("bucket"), "$tag_bucket"),
                unit="short",
                no_data=NO_RUN,
                size=(24, 6),
            ),
            table(
                "Runs",
                "Each run of the chosen time.",
                [Ask(every, table=True)],
                [
                    Field("Time", "Ended", "dateTimeAsLocal", width=170),
                    Field("bucket", "Database", width=200),
                    Field("patients", "Patients", "short"),
                    Field("blocks", "Blocks", "short"),
                    Field("lines", "Lines", "locale"),
                    Field("deleted", "Deleted", "short"),
                    Field("refused", "Refused", "short"),
                    Field("behind_s", "Behind", "s"),
                    Field("duration_ms", "Took", "ms"),
                ],
                no_data=NO_RUN,
                sort="Time",
                size=(24, 10),
            ),
        ],
        since="now-24h",
        refresh="1m",
    )
