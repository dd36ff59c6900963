"""What dashboards can ask for: every measurement, its tags and fields, one table.

Types never change: InfluxDB refuses a field that comes with another type than the one it was first written with. A field that is
not known is left out of its point, and a point of which nothing is known is not written; nothing unknown is ever a 0.
`docs/influxdb.md` describes each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

# The source of what was made of all of a patient's devices.
MERGED = "merged"
# Group names begin with a letter, so that no group's bucket has this name.
OPERATORS_BUCKET = "afoot__operators"


class Kind(StrEnum):
    """How a field is written: `i` behind an integer, plain, or in quotation marks."""

    INT = "int"
    FLOAT = "float"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement. `patient` is always a pseudonym.

    stamp: what a point's time is.  said: one line on what it holds
    fields: by name, in the order of names: points are written in it
    """

    name: str
    tags: tuple[str, ...]
    stamp: str
    said: str
    fields: Mapping[str, Kind]


def _fields(*, ints: str = "", floats: str = "", texts: str = "") -> Mapping[str, Kind]:
    kinds = {name: kind for names, kind in ((ints, Kind.INT), (floats, Kind.FLOAT), (texts, Kind.TEXT)) for name in names.split()}
    return MappingProxyType(dict(sorted(kinds.items())))


_TABLE = (
    Measurement(
        "minutes",
        ("patient", "source"),
        "begin of the minute",
        "the minutes of each device, and with source `merged` the patient's own, with a state",
        _fields(ints="steps heart_rate counts intensity state"),
    ),
    Measurement(
        "hours",
        ("patient",),
        "begin of the hour on the patient's clock",
        "steps of each hour; none where no minute of it is known",
        _fields(ints="steps known_min judged_min waking_min hour"),
    ),
    Measurement(
        "daily",
        ("patient",),
        "begin of the patient's local day",
        "each local day in numbers, against the prescription of that day",
        _fields(
            ints=(
                "steps worn_min worn_waking_min waking_min not_worn_min unknown_min unknown_waking_min asleep_min still_min"
                " moving_min walking_min moderate_min valid partial resolution_s longest_still_min still_20 still_30 still_60"
                " breaks hours_judged hours_reached walks walks_done walks_target longest_walk_min walk_cap_min still_nudge_min"
                " baseline_steps floor_steps days_since_surgery version"
            ),
            floats=(
                "coverage adherence breaks_per_hour hourly_share hourly_target move_every_30 walk_gap_min walk_thirds"
                " peak_1 peak_30 peak_60 baseline_share median_7 median_7_share reference_steps"
            ),
            texts=(
                "date phase verdict walks_status stillness_status walk_length_status cadence_status hourly_status floor_status"
                " wear_source waking_source"
            ),
        ),
    ),
    Measurement(
        "bouts",
        ("patient", "source", "kind"),
        "begin of the bout",
        "walks (kind `walk`) and stretches of stillness of 20 minutes or more (kind `still`)",
        _fields(ints="minutes active_min steps censored credited"),
    ),
    Measurement(
        "alerts",
        ("patient", "rule", "severity"),
        "when it happened",
        "what happened to each alert: the last point of each series says how it stands",
        _fields(ints="open acknowledged opened_s", texts="event text"),
    ),
    Measurement(
        "observations",
        ("patient", "code"),
        "when it was so",
        "what patients said of themselves; free text stays in the store",
        _fields(ints="value red_flag difficulty pain repetitions amount", texts="text source"),
    ),
    Measurement(
        "gaps",
        ("patient", "source"),
        "begin of the gap",
        "stretches of 15 minutes or more in which a device said nothing, of the 90 days up to its last word",
        _fields(ints="minutes unplaced explained", texts="reason"),
    ),
    Measurement(
        "sync",
        ("patient", "source"),
        "when the patient was added: one point for each device, written over",
        "each device as it stands",
        _fields(
            ints="first_data_ms last_data_ms known_min gaps_30 gap_min_30 unplaced_30 resolution_s battery",
            texts="vendor model",
        ),
    ),
    Measurement(
        "ward",
        ("patient",),
        "when the patient was added: one point for each patient, written over",
        "each patient as they stand: the line of the ward's table",
        _fields(
            ints=(
                "last_data_ms last_sync_ms devices open_alerts open_high unacknowledged imports imports_refused imports_waiting"
                " rejected surgery_s baseline_steps last_state prescribed"
            ),
            texts="zone phase last_date worst_rule worst_text",
        ),
    ),
    Measurement(
        "operations",
        ("bucket",),
        "when the run ended",
        f"the publisher itself, in `{OPERATORS_BUCKET}` alone; a record of running, which `publish --all` cannot make again",
        _fields(ints="patients blocks lines deleted refused behind_s duration_ms"),
    ),
    Measurement(
        "published",
        (),
        "1970-01-01T00:00:00Z: one point, written over",
        "the mark by which afoot knows a bucket again: another one, or none, and all is written anew",
        _fields(texts="run"),
    ),
)
MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType({one.name: one for one in _TABLE})


def bucket_of(group: str | None) -> str:
    """Return the bucket (on 1.x: the database) of a care group; None: of the patients without one, whom operators alone see."""
    return OPERATORS_BUCKET if group is None else f"afoot_{group}"
