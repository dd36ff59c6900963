"""Messages and values that came after the profile which fitparse carries (SDK 20.8, 2019), as far as they concern the body.

Source: the public FIT profile, SDK 21.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NewField:
    name: str
    type: str
    scale: float | None = None
    units: str = ""


_AT = {253: NewField("timestamp", "date_time", units="s")}
_EVERY = {**_AT, 0: NewField("processing_interval", "uint16", units="s")}

MESSAGES: Mapping[int, tuple[str, Mapping[int, NewField]]] = MappingProxyType(
    {
        211: (
            "monitoring_hr_data",
            {
                **_AT,
                0: NewField("resting_heart_rate", "uint8", units="bpm"),
                1: NewField("current_day_resting_heart_rate", "uint8", units="bpm"),
            },
        ),
        229: (
            "max_met_data",
            {
                0: NewField("update_time", "date_time"),
                2: NewField("vo2_max", "uint16", 10, "mL/kg/min"),
                5: NewField("sport", "sport"),
                6: NewField("sub_sport", "sub_sport"),
                9: NewField("calibrated_data", "bool"),
            },
        ),
        269: (
            "spo2_data",
            {
                **_AT,
                0: NewField("reading_spo2", "uint8", units="percent"),
                1: NewField("reading_confidence", "uint8"),
                2: NewField("mode", "spo2_measurement_type"),
            },
        ),
        275: ("sleep_level", {**_AT, 0: NewField("sleep_level", "sleep_level")}),
        290: (
            "beat_intervals",
            {**_AT, 0: NewField("timestamp_ms", "uint16", units="ms"), 1: NewField("time", "uint16", units="ms")},
        ),
        297: ("respiration_rate", {**_AT, 0: NewField("respiration_rate", "sint16", 100, "breaths/min")}),
        304: ("hsa_step_data", {**_EVERY, 1: NewField("steps", "uint32", units="steps")}),
        305: (
            "hsa_spo2_data",
            {**_EVERY, 1: NewField("reading_spo2", "uint8", units="percent"), 2: NewField("confidence", "uint8")},
        ),
        306: ("hsa_stress_data", {**_EVERY, 1: NewField("stress_level", "sint8", units="s")}),
        307: ("hsa_respiration_data", {**_EVERY, 1: NewField("respiration_rate", "sint16", 100, "breaths/min")}),
        308: (
            "hsa_heart_rate_data",
            {**_EVERY, 1: NewField("status", "uint8"), 2: NewField("heart_rate", "uint8", units="bpm")},
        ),
        346: (
            "sleep_assessment",
            {
                0: NewField("combined_awake_score", "uint8"),
                1: NewField("awake_time_score", "uint8"),
                2: NewField("awakenings_count_score", "uint8"),
                3: NewField("deep_sleep_score", "uint8"),
                4: NewField("sleep_duration_score", "uint8"),
                5: NewField("light_sleep_score", "uint8"),
                6: NewField("overall_sleep_score", "uint8"),
                7: NewField("sleep_quality_score", "uint8"),
                8: NewField("sleep_recovery_score", "uint8"),
                9: NewField("rem_sleep_score", "uint8"),
                10: NewField("sleep_restlessness_score", "uint8"),
                11: NewField("awakenings_count", "uint8"),
                14: NewField("interruptions_score", "uint8"),
                15: NewField("average_stress_during_sleep", "uint16", 100),
            },
        ),
        370: (
            "hrv_status_summary",
            {
                **_AT,
                0: NewField("weekly_average", "uint16", 128, "ms"),
                1: NewField("last_night_average", "uint16", 128, "ms"),
                2: NewField("last_night_5_min_high", "uint16", 128, "ms"),
                3: NewField("baseline_low_upper", "uint16", 128, "ms"),
                4: NewField("baseline_balanced_lower", "uint16", 128, "ms"),
                5: NewField("baseline_balanced_upper", "uint16", 128, "ms"),
                6: NewField("status", "hrv_status"),
            },
        ),
        371: ("hrv_value", {**_AT, 0: NewField("value", "uint16", 128, "ms")}),
        398: (
            "skin_temp_overnight",
            {
                **_AT,
                0: NewField("local_timestamp", "local_date_time"),
                1: NewField("average_deviation", "float32"),
                2: NewField("average_7_day_deviation", "float32"),
                4: NewField("nightly_value", "float32"),
            },
        ),
        412: (
            "nap_event",
            {
                **_AT,
                0: NewField("start_time", "date_time", units="seconds"),
                1: NewField("start_timezone_offset", "sint16", units="minutes"),
                2: NewField("end_time", "date_time", units="seconds"),
                3: NewField("end_timezone_offset", "sint16", units="minutes"),
                5: NewField("is_deleted", "bool"),
                7: NewField("update_timestamp", "date_time"),
            },
        ),
    }
)

TYPES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "activity_type": {13: "wheelchair_pushing"},
        "file": {44: "metrics", 49: "sleep", 68: "hrv_status"},
        "hrv_status": {0: "none", 1: "poor", 2: "low", 3: "unbalanced", 4: "balanced"},
        "manufacturer": {
            142: "tag_heuer",
            294: "coros",
            305: "whoop",
            307: "onelap",
            309: "form",
            310: "decathlon",
            331: "mywhoosh",
            339: "zepp",
            340: "peloton",
            348: "huawei",
        },
        "sleep_level": {0: "unmeasurable", 1: "awake", 2: "light", 3: "deep", 4: "rem"},
        "spo2_measurement_type": {0: "off_wrist", 1: "spot_check", 2: "continuous_check", 3: "periodic"},
        "sport": {
            49: "baseball",
            53: "diving",
            56: "shooting",
            58: "winter_sport",
            59: "grinding",
            62: "hiit",
            63: "video_gaming",
            64: "racket",
            65: "wheelchair_push_walk",
            66: "wheelchair_push_run",
            67: "meditation",
            68: "para_sport",
            69: "disc_golf",
            70: "team_sport",
            71: "cricket",
            72: "rugby",
            73: "hockey",
            74: "lacrosse",
            75: "volleyball",
            76: "water_tubing",
            77: "wakesurfing",
            78: "water_sport",
            79: "archery",
            80: "mixed_martial_arts",
            81: "motor_sports",
            82: "snorkeling",
            83: "dance",
            84: "jump_rope",
            85: "pool_apnea",
            86: "mobility",
            87: "geocaching",
            88: "canoeing",
        },
        "sub_sport": {
            62: "breathing",
            63: "ccr_diving",
            65: "sail_race",
            66: "expedition",
            67: "ultra",
            68: "indoor_climbing",
            69: "bouldering",
            70: "hiit",
            73: "amrap",
            74: "emom",
            75: "tabata",
            77: "esport",
            78: "triathlon",
            79: "duathlon",
            80: "brick",
            81: "swim_run",
            82: "adventure_race",
            84: "pickleball",
            85: "padel",
            86: "indoor_wheelchair_walk",
            87: "indoor_wheelchair_run",
            88: "indoor_hand_cycling",
            94: "squash",
            95: "badminton",
            96: "racquetball",
            97: "table_tennis",
            124: "rucking",
        },
    }
)
