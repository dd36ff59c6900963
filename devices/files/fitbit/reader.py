"""The reader of Fitbit's own export and of Google Health's, which hold the same account."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from devices.errors import DecodeError
from devices.files.fitbit.kinds import Kind, find_kind
from devices.files.fitbit.minutes import read_heart_rate_csv, read_heart_rate_json, read_steps_csv, read_steps_json
from devices.files.fitbit.sessions import (
    read_exercise_json,
    read_exercises_csv,
    read_sleep_json,
    read_sleep_stages_csv,
    read_sleeps_csv,
)
from devices.files.fitbit.survey import infer_naive_time
from devices.files.reader import ReadOptions
from devices.files.source import Source, read_head
from devices.files.textual.series import with_rejects
from devices.recording import Recording, Reject, Rejects

_READINGS: Mapping[Kind, Callable[[Source, ReadOptions, Rejects], Iterator[Recording]]] = {
    Kind.STEPS_JSON: read_steps_json,
    Kind.HEART_RATE_JSON: read_heart_rate_json,
    Kind.SLEEP_JSON: read_sleep_json,
    Kind.EXERCISE_JSON: read_exercise_json,
    Kind.STEPS_CSV: read_steps_csv,
    Kind.HEART_RATE_CSV: read_heart_rate_csv,
    Kind.SLEEPS_CSV: read_sleeps_csv,
    Kind.SLEEP_STAGES_CSV: read_sleep_stages_csv,
    Kind.EXERCISES_CSV: read_exercises_csv,
}


class FitbitReader:
    """Fitbit and Google Health."""

    name = "fitbit"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and find_kind(name, head) is not None

    def survey(self, sources: Sequence[Source], options: ReadOptions) -> ReadOptions:
        """Answer what times without a zone mean, where the options do not and the files together settle it."""
        if options.naive_time is not None:
            return options
        return replace(options, naive_time=infer_naive_time(sources, options))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        kind = find_kind(source.name, read_head(source))
        if kind is None:
            raise DecodeError(source.name, "a file of a Fitbit or Google Health export", "another one")
        if kind is Kind.UNUSED:
            yield Reject(source.name, "steps, heart rate, sleep or exercise, by content or name", "another series of the export")
        elif kind is not Kind.EMPTY:
            rejects = Rejects()
            yield from with_rejects(_READINGS[kind](source, options, rejects), rejects)
