"""The quality of what is known: gaps, wear, devices, batteries, files that were refused."""

from dashboards.grafana.building import DAY_MS, Ask, Field, Json, build_dashboard, mapped, query_variable
from dashboards.grafana.panels import COLORED, bars, history, lines, table
from dashboards.grafana.ward import AFOOT_URL, ORANGE_FROM_ONE, PATIENT_LINK
from dashboards.queries import IN_RANGE, OF_PATIENT, select, tag_values

NO_DEVICE = "No device of this group is known yet"
WEAR = mapped(
    ("device", "the device says so", "#2f9e63"),
    ("hr", "by heart rate", "#8fd19e"),
    ("counts", "by accelerometer counts", "#3274d9"),
    ("steps_inferred", "guessed from steps", "#e8890c"),
    ("none", "nothing is known", "#8e8e8e"),
)
EXPLAINED = mapped(("1", "yes", "#2f9e63"), ("0", "no", "#e8890c"))
PATIENT = query_variable("patient", "Patient", "For the days and gaps below", tag_values("ward", "patient"))


def build_quality() -> Json:
    """Return the dashboard."""
    devices = select(
        "sync",
        *("patient", "source", "vendor", "model", "last_data_ms", "battery", "resolution_s", "known_min", "gaps_30"),
        *("gap_min_30", "unplaced_30"),
    )
    files = select("ward", "patient", "imports", "imports_refused", "imports_waiting", "rejected", "last_sync_ms", "devices")
    gaps = select("gaps", "source", "minutes", "explained", "reason", "unplaced").where(OF_PATIENT, IN_RANGE)
    days = select("daily", "coverage").where(IN_RANGE).by("patient")
    worn = select("daily", "worn_min", "not_worn_min", "unknown_min").where(OF_PATIENT, IN_RANGE)
    wear = select("daily", "wear_source", "waking_source").where(OF_PATIENT, IN_RANGE)
    return build_dashboard(
        "afoot-quality",
        "Data quality",
        "How far the data can be believed: what is missing, from which device, and why.",
        [
            table(
                "Devices",
                "Each device as it stands. Counts are of the 30 days up to its last data. Lost are steps that were "
                "counted while nothing "
                "says when. A resolution above 60 s allows no judgement of single minutes.",
                [Ask(devices, table=True)],
                [
                    Field("patient", "Patient", link=PATIENT_LINK, width=170),
                    Field("source", "Device", width=160),
                    Field("vendor", "Vendor", width=100),
                    Field("model", "Model", width=130),
                    Field("last_data_ms", "Last data", "dateTimeFromNow", width=140),
                    Field("battery", "Battery", "percent", width=90),
                    Field("resolution_s", "Resolution", "s", width=100),
                    Field("known_min", "Known", "m", width=100),
                    Field("gaps_30", "Gaps", "short", width=80),
                    Field("gap_min_30", "Missing", "m", width=100),
                    Field("unplaced_30", "Steps lost", "short", steps=ORANGE_FROM_ONE, width=100),
                ],
                no_data=NO_DEVICE,
                sort="last_data_ms",
                descending=False,
                size=(24, 9),
            ),
            bars(
                "Batteries",
                "As each device said last; many never say.",
                Ask(select("sync", "last(battery)").by("patient", "source"), "$tag_patient $tag_source"),
                unit="percent",
                no_data="No device says how full its battery is",
                steps=((None, "#c4162a"), (15, "#e8890c"), (30, "#2f9e63")),
                size=(8, 9),
                max=100,
            ),
            table(
                "Files",
                "What was handed over. Refused: not all of a file could be read. Left out: rows within files.",
                [Ask(files, table=True)],
                [
                    Field("patient", "Patient", link=PATIENT_LINK, width=170),
                    Field("last_sync_ms", "Last sync", "dateTimeFromNow", width=140),
                    Field("imports", "Files", "short", width=80),
                    Field("imports_refused", "Refused", "short", steps=ORANGE_FROM_ONE, custom=COLORED, width=90),
                    Field("imports_waiting", "Waiting", "short", width=90),
                    Field("rejected", "Left out", "locale", width=100),
                    Field("devices", "Devices", "short", width=90),
                ],
                no_data="No patient of this group is published yet",
                sort="imports_refused",
                size=(16, 9),
            ),
            lines(
                "Known of the waking day, each patient",
                "The share of each waking day in which the device was known to be worn.",
                [Ask(days, "$tag_patient")],
                unit="percentunit",
                no_data="No day with data in this time",
                every_ms=DAY_MS,
                custom={"lineWidth": 1, "showPoints": "always"},
                max=1,
                size=(24, 8),
            ),
            lines(
                "Worn, not worn, unknown",
                "Minutes of each day of the chosen patient. Unknown is neither still nor not worn.",
                [Ask(worn)],
                unit="m",
                no_data="No day with data in this time",
                every_ms=DAY_MS,
                fields=[
                    Field("worn_min", "Worn", color="#2f9e63"),
                    Field("not_worn_min", "Not worn", color="#d0d0d0"),
                    Field("unknown_min", "Unknown", color="#8e8e8e"),
                ],
                size=(12, 8),
            ),
            history(
                "How wear is known",
                "What says that the device was worn on each day of the chosen patient, the best source that it has; "
                "and what says when "
                "the patient was awake.",
                [Ask(wear)],
                mappings=WEAR,
                no_data="No day with data in this time",
                fields=[Field("wear_source", "Worn"), Field("waking_source", "Awake", mappings=AWAKE)],
                size=(12, 8),
            ),
            table(
                "Gaps",
                "Stretches of 15 minutes or more in which a device of the chosen patient said nothing, and what explains them.",
                [Ask(gaps, table=True)],
                [
                    Field("Time", "From", "dateTimeAsLocal", width=170),
                    Field("source", "Device", width=170),
                    Field("minutes", "Length", "m", width=110),
                    Field("explained", "Explained", mappings=EXPLAINED, width=100),
                    Field("reason", "By", mappings=()),
                    Field("unplaced", "Steps lost", "short", width=110),
                ],
                no_data="No gap in this time",
                sort="Time",
                size=(24, 9),
            ),
        ],
        variables=[PATIENT, AFOOT_URL],
        since="now-30d",
    )


AWAKE = mapped(
    ("sleep_record", "by the sleep record", "#2f9e63"),
    ("prescription", "by the prescription", "#3274d9"),
    ("inferred", "inferred from steps", "#e8890c"),
)
