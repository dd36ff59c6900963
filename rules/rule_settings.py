"""Every number that a rule rests on, in one table: value, unit, evidence mark and source; overridable per patient.

What the programme itself prescribes (nudge, walks, caps, floor) stands in the prescription's phases, and what defines a day
(coverage, hourly share, tolerance of a cap) in the thresholds; everything else that a rule compares with stands here.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from rules.thresholds import Mark, define

EVERY_RULE = "every rule"
_WEEK_H = 168
_FORTNIGHT_H = 336


def _split(given: object) -> object:
    """Read "P1,P2" as two phases and None as no phase."""
    if given is None:
        return ()
    return tuple(filter(None, (name.strip() for name in given.split(",")))) if isinstance(given, str) else given


Phases = Annotated[tuple[str, ...], BeforeValidator(_split)]


class RuleParameters(BaseModel):
    """What every rule has.

    off_reason: shown wherever the switched-off rule is shown
    off_in:     names of the phases in which the rule does not apply
    hold_min:   so long a finding must be known true before an alert opens;  keep_min: known clear before it closes
    daily_max:  alerts a day; None: no limit
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = define(True, "yes/no", "G", "on, unless a clinician switches it off")
    off_reason: str = define("", "text", "G", "why it is switched off", max_length=500)
    off_in: Phases = define((), "phases", "G", "applies in every phase")
    cooldown_h: float = define(24, "h", "G", "no second alert within it", ge=0, le=8760)
    daily_max: int | None = define(None, "alerts/day", "G", "the cool-down is limit enough", ge=1, le=96)
    hold_min: int = define(0, "min", "G", "the formulas themselves ask for lasting patterns", ge=0, le=10_080)
    keep_min: int = define(0, "min", "G", "what clears is said by each formula", ge=0, le=10_080)

    @field_validator("enabled", mode="before")
    @classmethod
    def _none_is_off(cls, given: object) -> object:
        return False if given is None else given


class Common(BaseModel):
    """What the rules share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stale_syncs: float = define(2, "sync intervals", "G", "older data judge nothing", gt=0, le=100)
    first_day: int = define(1, "days after surgery", "G", "the day of the surgery itself is not judged", ge=0, le=30)
    fresh_days: int = define(3, "days", "G", "the newest valid day lies within the last so many whole days", ge=1, le=14)
    median_days: int = define(7, "days", "G", "the stretch whose median is the patient's own level", ge=3, le=28)
    median_valid_days: int = define(4, "days", "G", "of which so many must be valid", ge=1, le=28)


class StationaryNow(RuleParameters):
    newest_min: int = define(15, "min", "G", "older minutes do not say what is now", ge=1, le=240)
    cooldown_h: float = define(0.5, "h", "G", "a nudge each half hour at most", ge=0, le=8760)
    daily_max: int | None = define(8, "alerts/day", "G", "more are not read", ge=1, le=96)


class ProlongedStationaryDay(RuleParameters):
    bout_min: int = define(60, "min", "X", "the longest sitting that leaflets allow", ge=10, le=480)
    bouts: int = define(4, "bouts/day", "G", "healthy wearers have 1.3 a day", ge=1, le=24)
    longest_min: int = define(150, "min", "G", "or one stretch as long as this", ge=10, le=960)
    days: int = define(3, "days", "G", "a lasting pattern, not a day", ge=1, le=28)
    of_days: int = define(5, "valid days", "G", "a lasting pattern, not a day", ge=1, le=28)
    lookback_days: int = define(10, "days", "G", "valid days further back are not now", ge=1, le=60)
    clear_days: int = define(2, "valid days", "G", "in a row without it", ge=1, le=28)
    off_in: Phases = define(("P1",), "phases", "G", "rest is expected in the first two weeks")
    cooldown_h: float = define(_WEEK_H, "h", "G", "once a week", ge=0, le=8760)


class FrequencyLow(RuleParameters):
    days: int = define(3, "days", "G", "a lasting pattern, not a day", ge=1, le=28)
    of_days: int = define(4, "valid days", "G", "a lasting pattern, not a day", ge=1, le=28)
    lookback_days: int = define(7, "days", "G", "valid days further back are not now", ge=1, le=60)
    clear_days: int = define(2, "valid days", "G", "in a row with all walks", ge=1, le=28)
    cooldown_h: float = define(72, "h", "G", "twice a week at most", ge=0, le=8760)


class HourlyCoverage(RuleParameters):
    days: int = define(3, "days", "G", "a lasting pattern, not a day", ge=1, le=28)
    of_days: int = define(5, "valid days", "G", "a lasting pattern, not a day", ge=1, le=28)
    lookback_days: int = define(10, "days", "G", "valid days further back are not now", ge=1, le=60)
    clear_share: float = define(0.6, "share of hours", "G", "clears above the share that alerts", ge=0, le=1)
    cooldown_h: float = define(_WEEK_H, "h", "G", "once a week", ge=0, le=8760)


class TooLong(RuleParameters):
    window_h: int = define(24, "h", "G", "an older walk is past", ge=1, le=48)
    therapist_days: int = define(2, "days", "G", "a second time is told to the therapist", ge=1, le=28)
    therapist_of_days: int = define(7, "days", "G", "within so many days, today among them", ge=1, le=28)


class TooBrisk(RuleParameters):
    window_h: int = define(24, "h", "G", "an older stretch is past", ge=1, le=48)


class Spike(RuleParameters):
    times: float = define(1.5, "times the median", "G", "healthy wearers: 0.87 a week", ge=1, le=10)
    extra_steps: int = define(1000, "steps", "G", "and so many more: half as much again of little is little", ge=0, le=50_000)
    cap_steps: int | None = define(None, "steps/day", "G", "none is prescribed unless set", ge=1, le=100_000)
    cap_only_in: Phases = define(("P1", "P2"), "phases", "E", "steps double from week 1 to 2: Stienen 2020")
    cooldown_h: float = define(48, "h", "G", "every other day at most", ge=0, le=8760)


class LoadRatio(RuleParameters):
    acute_days: int = define(3, "days", "G", "the load of now", ge=1, le=14)
    chronic_days: int = define(14, "days", "G", "the load before it, not overlapping", ge=7, le=60)
    valid_days: int = define(14, "valid days", "G", "off before so many after surgery", ge=1, le=60)
    ratio: float = define(1.5, "ratio", "G", "healthy wearers: 0.37 a week", ge=1, le=10)
    early_ratio: float = define(2.0, "ratio", "G", "healthy wearers: 0.08 a week; recovery itself is steep", ge=1, le=10)
    early_in: Phases = define(("P2",), "phases", "G", "where the early ratio holds")
    clear_ratio: float = define(1.3, "ratio", "G", "clears below the ratio that alerts", ge=0, le=10)
    off_in: Phases = define(("P1",), "phases", "G", "there is no load before it to compare with")
    cooldown_h: float = define(_WEEK_H, "h", "G", "once a week", ge=0, le=8760)


class SuddenDrop(RuleParameters):
    days: int = define(2, "valid days", "G", "two in a row: a quarter as often as one", ge=1, le=7)
    within_days: int = define(3, "days", "G", "in which these valid days lie", ge=1, le=14)
    share: float = define(0.5, "of the median", "G", "healthy wearers: two in a row 0.25 a week", ge=0, le=1)
    high_share: float = define(0.4, "of the median", "G", "healthy wearers: two in a row 0.13 a week", ge=0, le=1)
    clear_share: float = define(0.7, "of the median", "G", "clears above the share that alerts", ge=0, le=2)
    cooldown_h: float = define(48, "h", "G", "every other day at most", ge=0, le=8760)


class BelowFloor(RuleParameters):
    median_of_days: int = define(3, "valid days", "G", "their median, so that one bad day is none", ge=1, le=14)
    lookback_days: int = define(7, "days", "G", "in which these valid days lie", ge=1, le=60)
    cooldown_h: float = define(_WEEK_H, "h", "G", "once a week", ge=0, le=8760)


class NoProgress(RuleParameters):
    window_days: int = define(14, "days", "G", "a slope of fewer is chance", ge=5, le=60)
    slope: float = define(0, "steps/day per day", "G", "not rising", ge=-1000, le=1000)
    share: float = define(0.6, "of baseline", "G", "who is near the baseline need not rise", ge=0, le=2)
    off_in: Phases = define(("P1", "P4"), "phases", "E", "most recovery within 8 weeks: a plateau follows")
    cooldown_h: float = define(_FORTNIGHT_H, "h", "G", "once in two weeks", ge=0, le=8760)


class SecondaryDecline(RuleParameters):
    share: float = define(0.75, "of the best median", "G", "a steeper secondary decline after fusion: Chauhan 2024", ge=0, le=1)
    days: int = define(7, "days", "G", "for so long", ge=1, le=28)
    off_in: Phases = define(("P1",), "phases", "G", "there is no best level yet")
    cooldown_h: float = define(_FORTNIGHT_H, "h", "G", "once in two weeks", ge=0, le=8760)


class AvoidancePattern(RuleParameters):
    days: int = define(7, "days", "G", "below the floor for so long", ge=1, le=28)
    pain: int = define(3, "of 10", "G", "the highest pain reported in these days", ge=0, le=10)
    reports: int = define(1, "reports", "G", "without one nothing is said", ge=1, le=100)
    cooldown_h: float = define(_FORTNIGHT_H, "h", "G", "once in two weeks", ge=0, le=8760)


class NightActivity(RuleParameters):
    enabled: bool = define(False, "yes/no", "G", "a trend to look at, not an alert")
    off_reason: str = define("a trend, off unless switched on", "text", "G", "why it is switched off", max_length=500)
    times: float = define(3, "times the median", "G", "three times the patient's own nights", ge=1, le=50)
    least_steps: int = define(50, "steps/night", "G", "three times nothing is nothing", ge=0, le=5000)
    nights: int = define(3, "known nights", "G", "in a row", ge=1, le=14)
    own_nights: int = define(14, "nights", "G", "before them, whose median is the patient's own", ge=3, le=60)
    own_known_nights: int = define(7, "nights", "G", "of which so many must be known", ge=1, le=60)
    cooldown_h: float = define(_WEEK_H, "h", "G", "once a week", ge=0, le=8760)


class DeviceSilent(RuleParameters):
    silent_h: float = define(24, "h", "G", "a day without data", gt=0, le=720)
    early_silent_h: float = define(12, "h", "G", "sooner where most can go wrong", gt=0, le=720)
    early_in: Phases = define(("P1",), "phases", "G", "where the shorter silence holds")
    worn_h: float = define(10, "h", "E", "a valid day: NHANES, Troiano 2008", ge=0, le=24)
    days: int = define(2, "days", "G", "worn for less on so many", ge=1, le=28)
    of_days: int = define(3, "days", "G", "of the last so many whole days", ge=1, le=28)


class DeviceFault(RuleParameters):
    max_spm: int = define(220, "steps/min", "G", "nobody steps faster", ge=100, le=1000)
    window_days: int = define(2, "days", "G", "an older fault is past; today is the last of them", ge=1, le=14)
    vendor_share: float = define(0.05, "share", "G", "steps at the edge of an hour may fall on either side", ge=0, le=1)
    vendor_steps: int = define(20, "steps/h", "G", "and so few are no fault", ge=0, le=5000)


class Parameter(BaseModel):
    """One row of the table, for documents and commands to print."""

    model_config = ConfigDict(frozen=True)

    rule: str
    name: str
    value: Any
    unit: str
    mark: Mark
    source: str


class RuleSettings(BaseModel):
    """The parameters of all rules, in the order of the table; `rules.sudden_drop.share` names one for `revise`.

    Raises: pydantic.ValidationError, naming the field
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    common: Common = Field(default_factory=Common)
    stationary_now: StationaryNow = Field(default_factory=StationaryNow)
    prolonged_stationary_day: ProlongedStationaryDay = Field(default_factory=ProlongedStationaryDay)
    frequency_low: FrequencyLow = Field(default_factory=FrequencyLow)
    hourly_coverage: HourlyCoverage = Field(default_factory=HourlyCoverage)
    too_long: TooLong = Field(default_factory=TooLong)
    too_brisk: TooBrisk = Field(default_factory=TooBrisk)
    spike: Spike = Field(default_factory=Spike)
    load_ratio: LoadRatio = Field(default_factory=LoadRatio)
    sudden_drop: SuddenDrop = Field(default_factory=SuddenDrop)
    below_floor: BelowFloor = Field(default_factory=BelowFloor)
    no_progress: NoProgress = Field(default_factory=NoProgress)
    secondary_decline: SecondaryDecline = Field(default_factory=SecondaryDecline)
    avoidance_pattern: AvoidancePattern = Field(default_factory=AvoidancePattern)
    night_activity: NightActivity = Field(default_factory=NightActivity)
    device_silent: DeviceSilent = Field(default_factory=DeviceSilent)
    device_fault: DeviceFault = Field(default_factory=DeviceFault)

    def table(self) -> Iterator[Parameter]:
        """Yield a row for each parameter: first what every rule has, then rule by rule what is its own or differs."""
        usual = RuleParameters()
        yield from _rows(EVERY_RULE, usual, RuleParameters.model_fields)
        for rule in type(self).model_fields:
            chosen: BaseModel = getattr(self, rule)
            own = {
                name: None
                for name in type(chosen).model_fields
                if name not in RuleParameters.model_fields
                or name in type(chosen).__annotations__
                or getattr(chosen, name) != getattr(usual, name)
            }
            yield from _rows(rule, chosen, own)


def _rows(rule: str, chosen: BaseModel, names: dict[str, Any]) -> Iterator[Parameter]:
    for name in names:
        evidence: Any = type(chosen).model_fields[name].json_schema_extra
        yield Parameter(rule=rule, name=name, value=getattr(chosen, name), **evidence)
