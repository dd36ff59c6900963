"""Which instants do times without a zone mean? The answer is a setting, or was inferred from the import; it is not guessed."""

from zoneinfo import ZoneInfo

import numpy as np

from devices.errors import MissingAnswer
from devices.files.reader import ReadOptions
from devices.files.textual.cells import Index, Mask
from devices.files.textual.localtime import to_instants
from devices.files.textual.series import reject_rows
from devices.recording import Ms, Rejects


def require_answer(options: ReadOptions, name: str) -> None:
    """Raises: MissingAnswer if the options do not say what a time without a zone means, and in which zone"""
    if options.naive_time is None:
        raise MissingAnswer(
            "naive_time",
            f"{name}: its times name no zone, and Fitbit wrote some exports in UTC and some in local time; set naive_time to "
            "utc or local, or import the sleep files or the steps_*.csv of the same export along with it",
        )
    if options.naive_time == "local":
        require_zone(options, name)


def require_zone(options: ReadOptions, name: str) -> ZoneInfo:
    """Return the zone. Raises: MissingAnswer if the options name none"""
    if options.zone is None:
        raise MissingAnswer("zone", f"{name}: its times are local; set the wearer's zone, such as Europe/Berlin")
    return options.zone


def find_instants(
    wall_ms: Ms, options: ReadOptions, *, ordered: bool, places: Index, rejects: Rejects, place: str
) -> tuple[Ms, Mask]:
    """Return ((n,) int64 instants, (n,) bool which are known); the others become rejects. The options hold the answer."""
    if options.naive_time != "local" or options.zone is None:
        return wall_ms, np.ones(len(wall_ms), dtype=bool)
    instants = to_instants(wall_ms, options.zone, ordered=ordered)
    reject_skipped(instants.skipped, places, rejects, place)
    repeated = ~instants.known & ~instants.skipped
    expected = "a local time that the clock showed once, or both passes of it in order"
    reject_rows(rejects, place, places, repeated, expected, "one of the hour that daylight saving repeats")
    return instants.ms, instants.known


def reject_skipped(skipped: Mask, places: Index, rejects: Rejects, place: str) -> None:
    expected = "a local time that the clock showed"
    reject_rows(rejects, place, places, skipped, expected, "one of the hour that daylight saving skips")
