"""What do the tables of a Gadgetbridge database mean? One row a family of devices.

Learned from Gadgetbridge's public source (schema 92, December 2024): its table generator, and what it stores and reads per
device. A table that is not here is named in a reject and never guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from devices.recording import Activity, SpanKind


class State(IntEnum):
    """What a row says of its time besides its numbers."""

    NONE = 0
    NOT_WORN = 1
    CHARGING = 2
    LIGHT = 3
    DEEP = 4
    REM = 5
    AWAKE = 6


SPANS: Mapping[State, tuple[SpanKind, Mapping[str, str | int | float]]] = {
    State.NOT_WORN: (SpanKind.NOT_WORN, {}),
    State.CHARGING: (SpanKind.CHARGING, {}),
    State.LIGHT: (SpanKind.SLEEP, {"stage": "light"}),
    State.DEEP: (SpanKind.SLEEP, {"stage": "deep"}),
    State.REM: (SpanKind.SLEEP, {"stage": "rem"}),
    State.AWAKE: (SpanKind.SLEEP, {"stage": "awake"}),
}


@dataclass(frozen=True, slots=True)
class Kinds:
    """How a raw kind becomes a state.

    mask:    bits of a kind that count; -1 for all
    carried: masked kinds that mean "as before"
    refined: (column, limit, state) in order: a LIGHT row whose column's low 7 bits exceed the limit is that state instead
    """

    states: Mapping[int, State]
    column: str = "RAW_KIND"
    mask: int = -1
    carried: tuple[int, ...] = ()
    refined: tuple[tuple[str, int, State], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One table of activity samples; TIMESTAMP is in seconds of UTC.

    cumulative: STEPS is the count since local midnight; else the steps of the row's own time
    length_s:   how long a row lasts from TIMESTAMP on
    length_column, end_column: where the row says itself how many seconds it lasts, or at which second it ends
    heart_rate: the column of heart rates; none if empty
    live:       rows with RAW_INTENSITY -1 were stored while somebody watched a live screen, between the regular ones: their
                STEPS is the day's count so far, if anything, and is counted in the regular rows too
    """

    table: str
    kinds: Kinds
    cumulative: bool = False
    length_s: int = 60
    length_column: str = ""
    end_column: str = ""
    heart_rate: str = "HEART_RATE"
    live: bool = False


_NO_KINDS = Kinds({})
# Gadgetbridge's own codes, which several families store as they are.
_ACTIVITY_KINDS = Kinds(
    {2: State.LIGHT, 4: State.DEEP, 8: State.NOT_WORN, 0x1000000: State.REM, 0x2000000: State.AWAKE},
)
_HUAMI = Kinds({3: State.NOT_WORN, 6: State.CHARGING, 9: State.LIGHT, 11: State.DEEP}, mask=15, carried=(0, 10))
_HUAMI_EXTENDED = Kinds(
    {115: State.NOT_WORN, 118: State.CHARGING, 120: State.LIGHT},
    refined=(("DEEP_SLEEP", 42, State.DEEP), ("REM_SLEEP", 55, State.REM)),
)

# The first Mi Band shares its successors' table and has other kinds: known by the device's type, a name or an old number.
MI_BAND_1_TYPES = frozenset({"MIBAND", "10"})
MI_BAND_1 = Kinds({3: State.NOT_WORN, 4: State.DEEP, 5: State.LIGHT, 6: State.CHARGING})

FAMILIES: tuple[Family, ...] = (
    Family("MI_BAND_ACTIVITY_SAMPLE", _HUAMI, live=True),
    Family("HUAMI_EXTENDED_ACTIVITY_SAMPLE", _HUAMI_EXTENDED, live=True),
    Family("XIAOMI_ACTIVITY_SAMPLE", _ACTIVITY_KINDS, live=True),
    # Each sample is stored twice; the copy that marks its end has OTHER_TIMESTAMP before TIMESTAMP and no numbers.
    Family("HUAWEI_ACTIVITY_SAMPLE", Kinds({6: State.LIGHT, 7: State.DEEP}), end_column="OTHER_TIMESTAMP"),
    Family("GARMIN_ACTIVITY_SAMPLE", _ACTIVITY_KINDS, cumulative=True),
    Family("CMF_ACTIVITY_SAMPLE", _ACTIVITY_KINDS, cumulative=True),
    Family("COLMI_ACTIVITY_SAMPLE", _ACTIVITY_KINDS, length_s=3600),
    Family("PEBBLE_HEALTH_ACTIVITY_SAMPLE", _NO_KINDS),
    Family("HYBRID_HRACTIVITY_SAMPLE", Kinds({1: State.NOT_WORN}, column="WEAR_TYPE")),
    Family("WENA3_ACTIVITY_SAMPLE", _NO_KINDS),
    # It writes sleep by one set of codes and reads it by another: left out.
    Family("WITHINGS_STEEL_HRACTIVITY_SAMPLE", _NO_KINDS, length_column="DURATION"),
    Family("XWATCH_ACTIVITY_SAMPLE", _NO_KINDS, length_s=900),
)

# Tables of heart rates, at TIMESTAMP in milliseconds of UTC. Daily resting and maximum rates are no measurement of a minute.
HEART_RATES: tuple[str, ...] = (
    "HUAMI_HEART_RATE_MANUAL_SAMPLE",
    "CMF_HEART_RATE_SAMPLE",
    "COLMI_HEART_RATE_SAMPLE",
    "WENA3_HEART_RATE_SAMPLE",
)
# What stands for no heart rate.
NO_HEART_RATE = (-1, 0, 255)


@dataclass(frozen=True, slots=True)
class Stages:
    """One table of named stretches, each with its start and its end or length.

    unit_ms: what the times are counted in
    end:     the column of ends; if empty, `length` is the column of lengths, counted in `length_ms`
    """

    table: str
    states: Mapping[int, State]
    kind: str
    start: str = "TIMESTAMP"
    end: str = ""
    unit_ms: int = 1
    length: str = ""
    length_ms: int = 0


STAGES: tuple[Stages, ...] = (
    Stages(
        "CMF_SLEEP_STAGE_SAMPLE",
        {1: State.DEEP, 2: State.LIGHT, 3: State.REM},
        "STAGE",
        length="DURATION",
        length_ms=1_000,
    ),
    Stages(
        "COLMI_SLEEP_STAGE_SAMPLE",
        {2: State.LIGHT, 3: State.DEEP, 4: State.REM, 5: State.AWAKE},
        "STAGE",
        length="DURATION",
        length_ms=60_000,
    ),
    Stages(
        "PEBBLE_HEALTH_ACTIVITY_OVERLAY",
        {1: State.LIGHT, 2: State.DEEP, 3: State.LIGHT, 4: State.DEEP},
        "RAW_KIND",
        start="TIMESTAMP_FROM",
        end="TIMESTAMP_TO",
        unit_ms=1_000,
    ),
    Stages(
        "WENA3_BEHAVIOR_SAMPLE",
        {1: State.NOT_WORN, 5: State.DEEP, 6: State.LIGHT, 7: State.REM, 8: State.AWAKE},
        "RAW_KIND",
        start="TIMESTAMP_FROM",
        end="TIMESTAMP_TO",
    ),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """One table of stages that gives, in milliseconds, only when they change.

    forward: the stage holds from its row on, until the next row or a bound; else it held before its row, since the last row
             or a bound
    bounds:  the table and column of times at which sleep ends (forward) or starts, and the values other columns must have
    """

    table: str
    states: Mapping[int, State]
    forward: bool
    bounds: tuple[str, str]
    bounds_where: Mapping[str, int] = field(default_factory=dict)


CHANGES: tuple[Changes, ...] = (
    Changes(
        "XIAOMI_SLEEP_STAGE_SAMPLE",
        {2: State.DEEP, 3: State.LIGHT, 4: State.REM, 5: State.AWAKE},
        forward=True,
        bounds=("XIAOMI_SLEEP_TIME_SAMPLE", "WAKEUP_TIME"),
    ),
    Changes(
        "GARMIN_SLEEP_STAGE_SAMPLE",
        {1: State.AWAKE, 2: State.LIGHT, 3: State.DEEP, 4: State.REM},
        forward=False,
        bounds=("GARMIN_EVENT_SAMPLE", "TIMESTAMP"),
        bounds_where={"EVENT": 74, "EVENT_TYPE": 0},
    ),
)

# Kinds of BASE_ACTIVITY_SUMMARY that the programme asks about; a kind from 0x04000000 on is one of an enumeration.
ACTIVITIES: Mapping[int, Activity] = {
    0x10: Activity.RUNNING,
    0x040000B0: Activity.RUNNING,
    0x040000B1: Activity.RUNNING,
    0x04000067: Activity.RUNNING,
    0x040000F2: Activity.RUNNING,
    0x20: Activity.WALKING,
    0x04000012: Activity.WALKING,
    0x040000B2: Activity.WALKING,
    0x040000D5: Activity.WALKING,
    0x400000: Activity.HIKING,
    0x040000E2: Activity.HIKING,
    0x040000F1: Activity.HIKING,
    0x100: Activity.TREADMILL,
    0x80: Activity.CYCLING,
    0x800: Activity.CYCLING,
    0x04000003: Activity.CYCLING,
    0x04000004: Activity.CYCLING,
    0x0400005F: Activity.CYCLING,
    0x040000B3: Activity.CYCLING,
    0x040000D9: Activity.CYCLING,
    0x40: Activity.SWIMMING,
    0x400: Activity.SWIMMING,
    0x0400000A: Activity.SWIMMING,
    0x200000: Activity.STRENGTH,
    0x04000079: Activity.STRENGTH,
    0x04000080: Activity.STRENGTH,
    0x04000074: Activity.FLEXIBILITY,
    0x040000DD: Activity.FLEXIBILITY,
    0x4000: Activity.YOGA,
    0x04000009: Activity.PILATES,
    0x04000010: Activity.CARDIO,
    0x04000072: Activity.CARDIO,
    0x040000B5: Activity.CARDIO,
    0x04000011: Activity.BREATHWORK,
}
# Kinds of a summary that are no exercise: nothing measured, asleep, not worn.
NO_WORKOUT = frozenset({-1, 2, 4, 8, 0x1000000, 0x2000000, 0x3000006})
