"""Every number that a definition rests on, in one table: value, unit, evidence mark and source; overridable per patient.

Marks: E published evidence, X expert or leaflet advice, G a guess that a clinician must confirm.
"""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Mark = Literal["E", "X", "G"]


def define(default: Any, unit: str, mark: Mark, source: str, **limits: Any) -> Any:
    """Return the field of one threshold, its evidence beside it."""
    return Field(default=default, json_schema_extra={"unit": unit, "mark": mark, "source": source}, **limits)


class Threshold(BaseModel):
    """One row of the table, for documents and commands to print."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: int | float | str | tuple[int, ...] | None
    unit: str
    mark: Mark
    source: str


class Thresholds(BaseModel):
    """The numbers of the definitions. Those of the programme itself stand in the prescription's phases.

    Raises: pydantic.ValidationError, naming the field, for a value that no day can have
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # wear
    hr_bridge_min: int = define(10, "min", "G", "a pulse sensor loses contact for minutes, not for longer", ge=0, le=120)
    hr_vouch_share: float = define(
        0.5, "share", "G", "a pulse without most of the day, and of its moving minutes, tells no wear", ge=0, le=1
    )
    steps_unknown_min: int = define(120, "min", "G", "so long a zero run may be a device on a table", ge=1, le=1440)
    counts_rule: Literal["choi_actilife", "choi", "troiano", "zero"] = define(
        "choi_actilife", "rule", "E", "Choi 2011 as ActiLife: a day cut at midnight has no special edges"
    )
    choi_frame_min: int = define(90, "min", "E", "Choi 2011", ge=1, le=1440)
    choi_stream_min: int = define(30, "min", "E", "Choi 2011; the R package's own default is half the frame", ge=1, le=720)
    choi_allowance_min: int = define(2, "min", "E", "Choi 2011", ge=0, le=60)
    zero_nonwear_min: int = define(60, "min", "E", "Troiano 2008; arctools uses 90", ge=1, le=1440)
    troiano_spike_min: int = define(2, "min", "E", "Troiano 2008", ge=0, le=60)
    troiano_spike_counts: int = define(100, "counts/min", "E", "Troiano 2008", ge=0, le=32_767)

    # waking window
    rest_window_min: int = define(10, "min", "G", "rest is broken by this many minutes of some walking", ge=1, le=60)
    rest_steps: int = define(20, "steps", "G", "in those minutes: more than a turn in bed, a walk to the bathroom", ge=1)
    rest_break_min: int = define(20, "min", "G", "an awakening this short is part of the night", ge=0, le=120)
    rest_shortest_min: int = define(240, "min", "G", "a shorter stretch is no night", ge=1, le=1080)
    rest_longest_min: int = define(840, "min", "G", "a longer stretch is no night but a device on a table", ge=1, le=1080)

    # resolution: the interval length within which nine tenths of a day's steps were measured
    exact_within_s: int = define(
        120, "s", "G", "as good as minutes: nothing is lost but a burst within two of them", ge=60, le=900
    )
    bouts_within_s: int = define(
        600, "s", "G", "Garmin and Apple write up to ten minutes at a stretch, and end it where the walking ends", ge=60, le=3600
    )

    # the day
    valid_worn_min: int = define(600, "min", "E", "NHANES: Troiano 2008", ge=1, le=1440)
    coverage_share: float = define(0.8, "share", "G", "below it the rules do not judge", ge=0, le=1)

    # states of a minute
    stationary_below_steps: int = define(10, "steps/min", "G", "a shuffle at a sink is not yet a break", ge=1, le=100)
    walking_spm: int = define(40, "steps/min", "G", "purposeful steps begin at 40: Tudor-Locke 2011", ge=1, le=200)
    walking_aid_spm: int = define(30, "steps/min", "G", "walking with an aid is slower", ge=1, le=200)
    walking_stay_spm: int | None = define(None, "steps/min", "G", "hysteresis: 20 once walking; off unless set", ge=1, le=200)
    moderate_spm: int = define(100, "steps/min", "E", "Tudor-Locke 2018; at 61-85 years 70-114 for one person", ge=1, le=200)

    # bouts
    prolonged_min: tuple[int, ...] = define((20, 30, 60), "min", "X", "the limits that leaflets name")
    walk_gap_min: int = define(1, "min", "G", "a pause this short does not end a walk", ge=0, le=10)
    walk_active_share: float = define(0.8, "share", "G", "of a walk's minutes walked; as stepcount", gt=0, le=1)
    walk_counted_min: int = define(2, "min", "G", "a shorter walk is not counted", ge=1, le=60)
    fragmentation_runs: int = define(10, "runs", "G", "Gini and alpha of fewer runs are chance", ge=2, le=100)

    # frequency
    hourly_worn_min: int = define(45, "min", "G", "an hour is judged when this much of it was worn", ge=1, le=60)
    hourly_share: float = define(0.5, "share", "G", "of the judged hours must reach the prescribed steps", ge=0, le=1)
    move_every_min: int = define(30, "min", "X", "a sitting limit that leaflets name", ge=1, le=240)

    # the prescription's limits
    cap_overrun: float = define(1.2, "times", "G", "a walk is too long beyond the cap times this", ge=1, le=3)
    brisk_run_min: int = define(5, "min", "G", "a shorter burst over the cadence cap is a street crossed", ge=1, le=60)

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if self.rest_shortest_min > self.rest_longest_min:
            raise ValueError(f"rest_shortest_min {self.rest_shortest_min} exceeds rest_longest_min {self.rest_longest_min}")
        if any(limit < 1 for limit in self.prolonged_min) or list(self.prolonged_min) != sorted(set(self.prolonged_min)):
            raise ValueError(f"prolonged_min must be positive, rising minutes, found {self.prolonged_min}")
        if self.exact_within_s > self.bouts_within_s:
            raise ValueError(f"exact_within_s {self.exact_within_s} exceeds bouts_within_s {self.bouts_within_s}")
        if self.walking_stay_spm is not None and self.walking_stay_spm > min(self.walking_spm, self.walking_aid_spm):
            raise ValueError(f"walking_stay_spm {self.walking_stay_spm} exceeds the cadence that starts a walk")
        return self

    def table(self) -> Iterator[Threshold]:
        """Yield the rows in the order of the definitions."""
        yield from describe(self)


def describe(model: BaseModel) -> Iterator[Threshold]:
    """Yield a row for each field of `model` that was made by `define`."""
    for name, info in type(model).model_fields.items():
        if isinstance(info.json_schema_extra, dict):
            evidence: Any = info.json_schema_extra
            yield Threshold(name=name, value=getattr(model, name), **evidence)
