"""The counters of a tracker's day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import fitparse
import numpy as np
import pytest

from devices.errors import MissingAnswer
from devices.files.fit.local_time import LocalClock
from devices.recording import Offset, VendorTotal
from tests.devices.fit.read import counter, intervals, one, read, readings, stream
from tests.devices.fit.writer import BYTE, ENUM, UINT8, UINT16, UINT32, file_id, fit, fit_time, message
from tests.shared import shared

RUNNING, CYCLING, WALKING, SEDENTARY, TICK = 1, 2, 6, 8, -1
MONITORING_B = 32

# 2024-06-05 in Denver, six hours behind UTC.
MIDNIGHT = int(datetime(2024, 6, 5, 6, tzinfo=UTC).timestamp())
NEXT_MIDNIGHT = MIDNIGHT + 86_400
DENVER_S = -6 * 3600


def info(at: int = MIDNIGHT, offset_s: int = DENVER_S) -> bytes:
    return message(0, 103, [(253, UINT32, "I"), (0, UINT32, "I")], (fit_time(at), fit_time(at) + offset_s))


def changes(*rows: tuple[int, int, int]) -> bytes:
    """(at, activity type, intensity) with a short time"""
    return message(1, 55, [(26, UINT16, "H"), (24, BYTE, "B")], *((low(at), kind | level << 5) for at, kind, level in rows))


def counts(*rows: tuple[int, int, int]) -> bytes:
    """(at, activity type, cycles) with a short time"""
    return message(2, 55, [(26, UINT16, "H"), (24, BYTE, "B"), (3, UINT32, "I")], *((low(at), k, n) for at, k, n in rows))


def totals(*rows: tuple[int, int, int, int]) -> bytes:
    """(at, activity type, cycles, duration_min) with a whole time"""
    return message(
        3,
        55,
        [(253, UINT32, "I"), (5, ENUM, "B"), (3, UINT32, "I"), (29, UINT16, "H")],
        *((fit_time(at), kind, cycles, minutes) for at, kind, cycles, minutes in rows),
    )


def low(at: int) -> int:
    return fit_time(at) & 0xFFFF


def monitoring(*messages: bytes) -> bytes:
    return fit(file_id(MONITORING_B), *messages)


def test_readings_ticks_and_the_rows_that_close_a_day() -> None:
    h8, h9, h10 = (MIDNIGHT + hour * 3600 for hour in (8, 9, 10))
    recording = one(
        monitoring(
            info(),
            changes((h8, SEDENTARY, 0)),
            counts((h9, WALKING, 900), (h9 + 300, RUNNING, 400)),
            changes((h10, SEDENTARY, 3)),
            counts((h10 + 60, WALKING, 950)),
            totals((NEXT_MIDNIGHT, WALKING, 1_200, 1_440), (NEXT_MIDNIGHT, RUNNING, 400, 1_440)),
            counts((NEXT_MIDNIGHT + 600, WALKING, 12)),
        )
    )
    assert readings(recording) == [
        (h8, MIDNIGHT, TICK, 0),
        (h9, MIDNIGHT, WALKING, 900),
        (h9 + 300, MIDNIGHT, RUNNING, 400),
        (h10, MIDNIGHT, TICK, 0),
        (h10 + 60, MIDNIGHT, WALKING, 950),
        (NEXT_MIDNIGHT, MIDNIGHT, RUNNING, 400),
        (NEXT_MIDNIGHT, MIDNIGHT, WALKING, 1_200),
        (NEXT_MIDNIGHT + 600, NEXT_MIDNIGHT, WALKING, 12),
    ]
    assert recording.totals == (VendorTotal(date(2024, 6, 5), "steps", 1_600),)
    assert recording.offsets == (Offset(MIDNIGHT * 1000, DENVER_S),)
    assert recording.device.key == "garmin/vivo_fit/3882708276"
    # From the start of the file to its last record, of whatever kind, the counters ran.
    assert stream(recording, "steps").coverage.tolist() == [[MIDNIGHT * 1000, (NEXT_MIDNIGHT + 600) * 1000]]


def test_a_device_silent_for_more_than_a_day_is_vouched_for_before_and_after() -> None:
    later = MIDNIGHT + 3 * 86_400
    recording = one(
        monitoring(
            info(),
            counts((MIDNIGHT + 600, WALKING, 30)),
            info(later),
            counts((later + 900, WALKING, 20)),
            info(later + 2 * 86_400),
        )
    )
    t = MIDNIGHT * 1000
    assert (stream(recording, "steps").coverage - t).tolist() == [[0, 600_000], [3 * 86_400_000, 3 * 86_400_000 + 900_000]]


def test_a_row_on_midnight_that_is_over_no_whole_day_belongs_to_the_day_it_starts() -> None:
    recording = one(monitoring(info(), counts((NEXT_MIDNIGHT - 60, WALKING, 900)), totals((NEXT_MIDNIGHT, WALKING, 5, 30))))
    assert readings(recording)[-1] == (NEXT_MIDNIGHT, NEXT_MIDNIGHT, WALKING, 5)
    assert recording.totals == ()


def test_short_times_run_on_over_the_edge_of_18_hours() -> None:
    at = [MIDNIGHT + 60, MIDNIGHT + 65_000, MIDNIGHT + 70_000]
    recording = one(monitoring(info(), *(counts((t, WALKING, 10 + i)) for i, t in enumerate(at))))
    assert [row[0] for row in readings(recording)] == at


def test_short_times_start_again_from_each_whole_time() -> None:
    recording = one(
        monitoring(
            info(),
            counts((MIDNIGHT + 60, WALKING, 10)),
            totals((NEXT_MIDNIGHT, WALKING, 50, 1_440)),
            counts((NEXT_MIDNIGHT + 80_000 - 65_536, WALKING, 7)),
        )
    )
    assert [row[0] - MIDNIGHT for row in readings(recording)] == [60, 86_400, 86_400 + 80_000 - 65_536]


def test_the_raw_cycles_of_walking_and_running_are_steps_and_of_others_are_none() -> None:
    recording = one(
        monitoring(info(), counts((MIDNIGHT + 60, WALKING, 100), (MIDNIGHT + 120, CYCLING, 500), (MIDNIGHT + 180, 0, 7)))
    )
    assert [row[2:] for row in readings(recording)] == [(WALKING, 100), (TICK, 0), (TICK, 0)]


def test_cycles_16_are_steps_too() -> None:
    data = monitoring(
        info(), message(4, 55, [(26, UINT16, "H"), (5, ENUM, "B"), (9, UINT16, "H")], (low(MIDNIGHT + 60), WALKING, 84))
    )
    assert readings(one(data))[-1] == (MIDNIGHT + 60, MIDNIGHT, WALKING, 84)


def test_of_two_readings_at_one_instant_the_larger_stands() -> None:
    data = monitoring(info(), counts((MIDNIGHT + 60, WALKING, 100)), totals((MIDNIGHT + 60, WALKING, 90, 10)))
    assert readings(one(data)) == [(MIDNIGHT + 60, MIDNIGHT, WALKING, 100)]


def test_records_out_of_order_come_in_order() -> None:
    data = monitoring(
        info(), totals((MIDNIGHT + 600, WALKING, 60, 10), (MIDNIGHT + 300, WALKING, 30, 5), (MIDNIGHT + 900, WALKING, 90, 15))
    )
    assert [row[0] - MIDNIGHT for row in readings(one(data))] == [300, 600, 900]


def test_heart_rate_and_intensity() -> None:
    pulse = message(
        4, 55, [(26, UINT16, "H"), (27, UINT8, "B")], *((low(MIDNIGHT + s), bpm) for s, bpm in ((60, 61), (120, 0), (180, 255)))
    )
    recording = one(monitoring(info(), pulse, changes((MIDNIGHT + 240, SEDENTARY, 2), (MIDNIGHT + 300, WALKING, 5))))
    t = MIDNIGHT * 1000
    assert intervals(recording, "heart_rate") == [(t + 60_000, t + 60_000, 61)]
    # An intensity is that of the time since the record before.
    assert intervals(recording, "intensity") == [(t + 180_000, t + 240_000, 2), (t + 240_000, t + 300_000, 5)]
    # A pulse tells nothing of when steps were made.
    assert readings(recording) == [(MIDNIGHT + 240, MIDNIGHT, TICK, 0), (MIDNIGHT + 300, MIDNIGHT, TICK, 0)]


def test_a_log_of_heart_rate_alone_counts_no_steps() -> None:
    pulse = message(4, 55, [(26, UINT16, "H"), (27, UINT8, "B")], (low(MIDNIGHT + 60), 61))
    recording = one(monitoring(info(), pulse))
    assert [s.metric for s in recording.streams] == ["heart_rate"]


def test_without_an_offset_the_zone_says_when_midnight_was() -> None:
    data = monitoring(totals((MIDNIGHT + 60, WALKING, 100, 1), (NEXT_MIDNIGHT, WALKING, 150, 1_440)))
    with pytest.raises(MissingAnswer) as raised:
        read(data)
    assert raised.value.setting == "zone"
    recording = one(data, "America/Denver")
    assert readings(recording) == [(MIDNIGHT + 60, MIDNIGHT, WALKING, 100), (NEXT_MIDNIGHT, MIDNIGHT, WALKING, 150)]
    assert recording.totals == (VendorTotal(date(2024, 6, 5), "steps", 150),)
    assert recording.offsets == ()


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2024, 3, 10), 23), (date(2024, 11, 3), 25), (date(2024, 6, 5), 24)],
    ids=["spring", "autumn", "summer"],
)
def test_a_day_on_which_the_clocks_change_began_at_its_own_midnight(day: date, hours: int) -> None:
    """The file's offset is that of the afternoon; the zone knows the morning's."""
    zone = ZoneInfo("America/Denver")
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    offset = noon.utcoffset()
    assert offset is not None
    end = midnight + hours * 3600
    data = monitoring(
        info(int(noon.timestamp()), int(offset.total_seconds())),
        counts((int(noon.timestamp()) + 60, WALKING, 500)),
        totals((end, WALKING, 800, 1_440)),
    )
    recording = one(data, "America/Denver")
    assert [row[1:] for row in readings(recording)] == [(midnight, WALKING, 500), (midnight, WALKING, 800)]
    assert recording.totals == (VendorTotal(day, "steps", 800),)


def test_a_clock_set_to_another_zone_than_the_wearers_goes_by_itself() -> None:
    tokyo = 9 * 3600
    midnight = int(datetime(2024, 6, 4, 15, tzinfo=UTC).timestamp())
    data = monitoring(info(midnight, tokyo), counts((midnight + 60, WALKING, 5)), totals((midnight + 86_400, WALKING, 9, 1_440)))
    recording = one(data, "America/Denver")
    assert {row[1] for row in readings(recording)} == {midnight}
    assert recording.totals == (VendorTotal(date(2024, 6, 5), "steps", 9),)


def test_a_clock_that_is_set_during_the_file_keeps_the_midnight_it_had() -> None:
    noon = MIDNIGHT + 12 * 3600
    data = monitoring(info(), counts((noon, WALKING, 500)), info(noon + 60, DENVER_S + 3600), counts((noon + 120, WALKING, 600)))
    recording = one(data)
    assert {row[1] for row in readings(recording)} == {MIDNIGHT}
    assert [o.offset_s for o in recording.offsets] == [DENVER_S, DENVER_S + 3600]


def test_offsets_are_whole_quarters_and_local_times_that_are_none_are_told() -> None:
    recording = one(monitoring(info(offset_s=5 * 3600 + 45 * 60 - 2), changes((MIDNIGHT + 60, SEDENTARY, 0))))
    assert [o.offset_s for o in recording.offsets] == [5 * 3600 + 45 * 60]
    _, (reject,) = read(monitoring(info(offset_s=40 * 3600), changes((MIDNIGHT + 60, SEDENTARY, 0))), "UTC")
    assert reject.place == "local_timestamp"


def test_records_without_a_time_are_told() -> None:
    data = monitoring(
        changes((MIDNIGHT, SEDENTARY, 0), (MIDNIGHT + 60, SEDENTARY, 0)), info(), changes((MIDNIGHT + 120, SEDENTARY, 0))
    )
    (recording,), (reject,) = read(data)
    assert len(counter(recording).at_ms) == 1
    assert (reject.expected, reject.count) == ("a monitoring record with a time", 2)


def test_a_count_that_no_day_can_hold_is_told() -> None:
    (recording,), (reject,) = read(
        monitoring(info(), counts((MIDNIGHT + 60, WALKING, 4_000_000_000), (MIDNIGHT + 90, WALKING, 9)))
    )
    assert [row[2:] for row in readings(recording)] == [(TICK, 0), (WALKING, 9)]
    assert reject.expected == "at most 576,000 steps since midnight"


# The real file, and a derivation that shares nothing with ours but the bytes.
REAL = "samples/fit/python-fitparse/MonitoringFile.fit"


def plain_records(data: bytes) -> Iterator[tuple[int, int | None, int | None, int | None]]:
    """(FIT time, activity type, raw cycles, duration_min) of each monitoring message, from fitparse's raw values."""
    time = None
    for found in fitparse.FitFile(data).get_messages(["monitoring", "monitoring_info"]):
        raw = {field.field_def.def_num: field.raw_value for field in found.fields if field.field_def is not None}
        if raw.get(253) is not None:
            time = raw[253]
        elif raw.get(26) is not None:
            assert time is not None
            while time & 0xFFFF != raw[26]:
                time += 1
        assert time is not None
        kind = raw.get(5)
        if found.name == "monitoring" and kind is None and raw.get(24):
            kind = raw[24][0] % 32
        yield time, kind if found.name == "monitoring" else None, raw.get(3) if found.name == "monitoring" else None, raw.get(29)


def test_the_real_file_gives_the_readings_that_a_plain_derivation_does() -> None:
    data = shared(REAL).read_bytes()
    records = list(plain_records(data))
    expected = sorted(
        {
            (time + 631_065_600, kind, cycles)
            for time, kind, cycles, _ in records
            if kind in (WALKING, RUNNING) and cycles is not None
        }
    )
    recording = one(data)
    found = readings(recording)
    assert sorted((at, kind, value) for at, _, kind, value in found if kind != TICK) == expected
    assert {at for at, *_ in found} == {time + 631_065_600 for time, kind, *_ in records if kind is not None}
    midnight = int(datetime(2014, 12, 27, 6, tzinfo=UTC).timestamp())
    assert {since for _, since, kind, _ in found if kind != TICK} == {midnight}
    assert recording.totals == (VendorTotal(date(2014, 12, 27), "steps", 3_173),)


def minute_steps(rows: Sequence[tuple[int, int, int, int]]) -> dict[int, float]:
    """Spread each increment evenly over the time since the reading before it, of any channel. at -> steps of its minute"""
    last: dict[tuple[int, int], int] = {}
    minutes: dict[int, float] = {}
    before = rows[0][0]
    for at in sorted({row[0] for row in rows}):
        for _, since, kind, value in (row for row in rows if row[0] == at and row[2] != TICK):
            gain = value - last.get((since, kind), 0)
            last[since, kind] = value
            for second in range(before, at) if gain else ():
                minutes[second // 60] = minutes.get(second // 60, 0) + gain / (at - before)
        before = at
    return minutes


def test_the_real_files_increments_are_3173_steps_at_a_humans_cadence() -> None:
    minutes = minute_steps(readings(one(shared(REAL).read_bytes())))
    assert sum(minutes.values()) == pytest.approx(3_173)
    assert max(minutes.values()) == pytest.approx(65, abs=1)
    first = datetime.fromtimestamp(min(minutes) * 60, UTC) - timedelta(hours=6)
    assert (first.date(), first.hour) == (date(2014, 12, 27), 8)


def test_a_clock_that_a_long_file_names_once_is_told_each_day() -> None:
    """One reading is believed for two days: a file of five days on a journey would fall back home."""
    day_s = 86_400
    clock = LocalClock(np.array([MIDNIGHT]), np.array([DENVER_S]), None)
    told = clock.offsets(MIDNIGHT + 5 * day_s)
    assert {reading.offset_s for reading in told} == {DENVER_S}
    assert max(after.at_ms - before.at_ms for before, after in pairwise(told)) < 2 * day_s * 1000
    assert told[0].at_ms == MIDNIGHT * 1000
    assert told[-1].at_ms > (MIDNIGHT + 4 * day_s) * 1000
