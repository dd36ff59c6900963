"""Standard services, PineTime and Bangle.js 2: examples of their specifications, and virtual ones through whole syncs."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DecodeError
from devices.radio import bangle, pinetime, sensor, sig
from devices.radio.bangle import BLOCK_MS
from devices.radio.codec import ClockOffset, Codec, Direction, Frame, Header, Live, Malformed, NoAnswer, Settings
from devices.radio.codecs import CODECS, find_codec, recognise
from devices.recording import DAY_MS, METRICS, SpanKind
from devices.virtual import Day
from devices.virtual.radio.link import PEER, Link
from devices.virtual.radio.peripheral import Faults
from devices.virtual.radio.ring import VirtualRing
from devices.virtual.radio.watches import VirtualBangle, VirtualPineTime, VirtualSensor
from ingest.minutes import ABSENT, to_minutes
from tests.contracts.test_readers import check
from tests.devices.radio.conftest import BERLIN_S, NOW
from tests.devices.radio.read import evidence, rejects, spans, totals

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def test_heart_rate_by_its_flags() -> None:
    assert sig.decode_heart_rate(b"\x00\x48") == sig.HeartRate(72, None, None, ())
    assert sig.decode_heart_rate(b"\x06\x48").touches is True
    assert sig.decode_heart_rate(b"\x04\x48") == sig.HeartRate(None, False, None, ())
    assert sig.decode_heart_rate(b"\x00\x00").bpm is None
    # u16 value, energy, two intervals of 1/1024 s
    assert sig.decode_heart_rate(bytes.fromhex("19 0301 6400 0004 0002")) == sig.HeartRate(259, None, 100, (1000, 500))
    for bad in (b"", b"\x00", b"\x01\x48", b"\x08\x48\x01", b"\x10\x48\x01"):
        with pytest.raises(DecodeError):
            sig.decode_heart_rate(bad)


def test_cadence_by_its_flags() -> None:
    assert sig.decode_cadence(bytes.fromhex("00 8002 50")) == sig.Cadence(2.5, 80, False, None, None)
    assert sig.decode_cadence(bytes.fromhex("07 8002 50 4b00 10270000")) == sig.Cadence(2.5, 80, True, 75, 10_000)
    with pytest.raises(DecodeError):
        sig.decode_cadence(bytes.fromhex("02 8002 50 4b00"))


def test_time_is_ten_bytes_and_comes_back() -> None:
    wall = datetime(2026, 3, 29, 13, 5, 7, 500_000, tzinfo=UTC)
    data = sig.encode_current_time(wall)
    assert data.hex() == "ea07031d0d050707" + "80" + "01"  # a Sunday is 7; half a second is 128/256
    assert sig.decode_current_time(data) == wall
    assert sig.decode_local_time(sig.encode_local_time(19_800)) == 19_800  # India, 22 quarters
    assert sig.decode_local_time(b"\x04\x04") == 7200
    assert sig.decode_local_time(b"\x80\x00") is None
    with pytest.raises(DecodeError, match="a date"):
        sig.decode_current_time(bytes.fromhex("ea070d1d0d0507070001"))


@given(st.binary(max_size=24))
def test_any_bytes_give_values_or_our_error(data: bytes) -> None:
    for decode in (sig.decode_heart_rate, sig.decode_cadence, sig.decode_battery, sig.decode_current_time, sig.decode_local_time):
        with suppress(DecodeError):
            decode(data)
    assert sig.decode_information(data).isprintable()


def test_who_is_who(days: list[Day]) -> None:
    for device, name in (
        (VirtualRing(days), "colmi"),
        (VirtualBangle(days), "bangle"),
        (VirtualPineTime(days), "pinetime"),
        (VirtualSensor(days), "sensor"),
    ):
        found = recognise(device.advertisement.name, frozenset(device.advertisement.services))
        assert found is not None
        assert found.name == name
        assert found is find_codec(name)
    assert recognise("COLMI R10_0B2C", frozenset()) is find_codec("colmi")
    for stranger in ("", "R02", "Mi Band 9", "My Bangle.js", "xR02_341C"):
        assert recognise(stranger, frozenset()) is None
    assert len({codec.name for codec in CODECS}) == len(CODECS)


@pytest.mark.parametrize("both_feet", [True, False])
def test_steps_are_the_integral_of_the_cadence(days: list[Day], both_feet: bool) -> None:
    device = VirtualSensor(days, both_feet=both_feet)
    walk = days[8].walks[0]
    start = walk.start_ms - 5 * MINUTE_MS
    link = Link(sensor.CODEC, device, facts={} if both_feet else {"both_feet": 0}, stop_ms=walk.end_ms + 5 * MINUTE_MS)
    sync = link.sync(Settings(live=True), start)
    assert sync.is_done
    assert len(sync.captures) > 3  # a long one is made safe every few minutes, and goes on to a fraction of a step
    found = totals(sync.captures)
    true = device.lived.steps_between(start, walk.end_ms + 5 * MINUTE_MS)
    # One foot counts half steps of odd minutes away.
    assert abs(sum(found.values()) - true) <= (2 if both_feet else walk.minutes + 12)
    if both_feet:
        grid = to_minutes(METRICS["steps"], evidence(sync.captures), np.array([start // DAY_MS]))
        minutes = grid.minutes.ravel()
        first = (walk.start_ms // MINUTE_MS) % 1440
        truth = device.lived.steps[device.lived.at_ms == walk.start_ms]
        assert abs(int(minutes[first + 1]) - int(device.lived.steps[np.searchsorted(device.lived.at_ms, walk.start_ms) + 1])) <= 1
        assert truth.size == 1
        assert minutes[first - 20] == ABSENT
    pulse = totals(sync.captures, "heart_rate")
    assert len(pulse) > 300
    assert {note.metric for note in sync.notes if isinstance(note, Live)} == {"cadence", "heart_rate"}


def test_a_sensor_that_stops_is_unknown_after_a_moment() -> None:
    integral = sensor.Integral()
    for second in (0, 1, 2, 30, 31):
        integral.add(NOW + second * 1000, 120)
    starts, ends, steps = integral.minutes()
    assert sum(steps) == 6
    assert sum(b - a for a, b in zip(starts, ends, strict=True)) == 3000


def pinetime_day(days: list[Day], device: VirtualPineTime, polls: list[int]) -> tuple[list[bytes], dict[str, int]]:
    captures, cursor = list[bytes](), Settings().cursor
    for at in polls:
        sync = Link(pinetime.CODEC, device).sync(Settings(cursor=cursor, utc_offset_s=BERLIN_S), at)
        assert sync.is_done
        captures, cursor = captures + sync.captures, sync.cursors[-1]
    return captures, dict(cursor)  # type: ignore[arg-type]


def test_polls_of_a_counter_are_the_steps_between_them(days: list[Day]) -> None:
    device = VirtualPineTime(days, zone_s=BERLIN_S, lazy_ms=4 * MINUTE_MS)
    local_midnight = (NOW + BERLIN_S * 1000) // DAY_MS * DAY_MS - BERLIN_S * 1000 + DAY_MS
    polls = [local_midnight + minute * MINUTE_MS + 7_000 for minute in (2, 30, 8 * 60, 8 * 60 + 15, 13 * 60, 23 * 60)]
    captures, _ = pinetime_day(days, device, polls)
    grid = to_minutes(METRICS["steps"], evidence(captures), np.array([local_midnight // DAY_MS, local_midnight // DAY_MS + 1]))
    known = grid.minutes[grid.minutes != ABSENT]
    assert int(known.sum()) == device.lived.steps_between(local_midnight, polls[-1] // MINUTE_MS * MINUTE_MS)
    # The reading right after midnight may be yesterday's count: it is left out, and said to be.
    assert [reject.expected for reject in rejects(captures)] == ["a counter that was set back at midnight"]
    assert totals(captures) == totals(captures[::-1] * 2)


def test_a_watch_that_starts_anew_counts_on(days: list[Day]) -> None:
    local_midnight = (NOW + BERLIN_S * 1000) // DAY_MS * DAY_MS - BERLIN_S * 1000 + DAY_MS
    reboot = local_midnight + 15 * HOUR_MS
    device = VirtualPineTime(days, zone_s=BERLIN_S, reboots=[reboot])
    polls = [local_midnight + hour * HOUR_MS for hour in (9, 15, 18, 21)]
    captures, cursor = pinetime_day(days, device, polls)
    grid = to_minutes(METRICS["steps"], evidence(captures), np.array([local_midnight // DAY_MS, local_midnight // DAY_MS + 1]))
    total = int(grid.minutes[grid.minutes != ABSENT].sum())
    # What it had counted since the last poll before is gone: no one can know it.
    assert total == device.lived.steps_between(local_midnight, polls[0]) + device.lived.steps_between(reboot, polls[-1])
    assert cursor["boot"] == 1


def test_a_watch_clock_is_seen_before_it_is_set(days: list[Day]) -> None:
    device = VirtualPineTime(days, error_ms=-3 * HOUR_MS, zone_s=0)
    sync = Link(pinetime.CODEC, device).sync(Settings(utc_offset_s=BERLIN_S), NOW)
    (offset,) = [note.offset_ms for note in sync.notes if isinstance(note, ClockOffset)]
    assert offset is not None
    assert abs(offset + 3 * HOUR_MS + BERLIN_S * 1000) < 2000
    assert abs(device.wall_ms(NOW) - NOW - BERLIN_S * 1000) < 2000


def true_blocks(device: VirtualBangle, from_ms: int, to_ms: int) -> dict[tuple[int, int], int]:
    blocks = range(from_ms // BLOCK_MS * BLOCK_MS, to_ms - BLOCK_MS + 1, BLOCK_MS)
    found = {(start, start + BLOCK_MS): device.lived.steps_between(start, start + BLOCK_MS) for start in blocks}
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("chatter", [False, True])
def test_a_bangle_gives_its_history_and_then_what_is_new(days: list[Day], chatter: bool) -> None:
    device = VirtualBangle(days[5:], zone_s=BERLIN_S, chatter=chatter)
    captures, cursor, lines = list[bytes](), Settings().cursor, []
    for hours in (0, 5, 29):
        sync = Link(bangle.CODEC, device).sync(Settings(cursor=cursor, utc_offset_s=BERLIN_S), NOW + hours * HOUR_MS)
        captures, cursor = captures + sync.captures, sync.cursors[-1]
        lines.append(sync.received)
        assert all(len(write.data) <= 20 for write in sync.written)
    start = int(device.lived.at_ms[0])
    assert totals(captures) == true_blocks(device, start, sync.now_ms // BLOCK_MS * BLOCK_MS)
    assert totals(captures[::-1] * 2) == totals(captures)
    assert lines[1] < lines[0] / 4
    assert {span.kind for span in spans(captures)} >= {SpanKind.SLEEP}
    assert rejects(captures) == []


def test_a_bangle_on_a_bad_link_is_asked_again(days: list[Day]) -> None:
    device = VirtualBangle(days[6:], zone_s=BERLIN_S, faults=Faults(damaged=frozenset({100, 101}), lost=frozenset({400})))
    sync = Link(bangle.CODEC, device).sync(Settings(utc_offset_s=BERLIN_S), NOW)
    assert sync.is_done
    assert any(isinstance(note, Malformed) for note in sync.notes)
    assert totals(sync.captures) == true_blocks(device, int(device.lived.at_ms[0]), NOW // BLOCK_MS * BLOCK_MS)


@pytest.mark.parametrize(("error_h", "zone_before_s"), [(0, 3600), (0, 3 * 3600), (5, BERLIN_S), (-7, BERLIN_S), (3, 3600)])
def test_a_bangle_with_another_clock_or_zone(days: list[Day], error_h: int, zone_before_s: int) -> None:
    device = VirtualBangle(days[5:], error_ms=error_h * HOUR_MS, zone_s=zone_before_s)
    captures, cursor = list[bytes](), Settings().cursor
    for hours in (0, 4, 30):
        sync = Link(bangle.CODEC, device).sync(Settings(cursor=cursor, utc_offset_s=BERLIN_S), NOW + hours * HOUR_MS)
        captures, cursor = captures + sync.captures, sync.cursors[-1]
    found = totals(captures)
    truth = true_blocks(device, int(device.lived.at_ms[0]), sync.now_ms // BLOCK_MS * BLOCK_MS)
    assert all(abs(key[0] - NOW) <= BLOCK_MS for key in found if found[key] != truth.get(key))
    missing = {key for key in truth if key not in found and abs(key[0] - NOW) > BLOCK_MS}
    # Where the clock went back the watch shows its hours twice, and files them once.
    back_ms = max(0, error_h * HOUR_MS + (zone_before_s - BERLIN_S) * 1000)
    assert all(NOW <= key[0] <= NOW + back_ms for key in missing)


def test_what_only_looks_like_history_is_none() -> None:
    seen = bangle.Seen()
    for line in (
        {"t": "act", "stp": 5, "hrm": 60},
        {"t": "act", "ts": NOW, "stp": 5, "rt": 1},
        {"t": "actTrksList", "list": []},
    ):
        seen.take(json.dumps(line), NOW)
    seen.take(">print(1)", NOW)
    assert seen.blocks == []
    with pytest.raises(DecodeError, match="a JSON object"):
        seen.take('{"t":"act","ts":17', NOW)
    with pytest.raises(DecodeError, match="act, stp: expected a number"):
        seen.take(json.dumps({"t": "act", "ts": NOW, "stp": -1}), NOW)


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), max_size=20))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    whole, pieces, rest = bangle.Lines(), bangle.Lines(), data
    found = list[str]()
    for cut in cuts:
        found += pieces.take(rest[:cut])
        rest = rest[cut:]
    assert found + pieces.take(rest) == whole.take(data)
    assert pieces.is_held == whole.is_held


UUIDS = [sig.HEART_RATE, sig.RSC_MEASUREMENT, sig.CURRENT_TIME, sig.BATTERY_LEVEL, pinetime.STEPS, bangle.TX]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just(NOW),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["t", "ts", "stp", "hrm", "act", "count", "ms"]), inner)
    ),
    max_leaves=8,
)
ACT = st.fixed_dictionaries(
    {"t": st.sampled_from(["act", "actfetch", "clock", "status"])}, optional={"ts": JSON, "stp": JSON, "state": JSON, "bat": JSON}
)
COUNT = st.integers(0, 9_000).map(lambda count: count.to_bytes(4, "little"))
WALL = st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 31)).map(sig.encode_current_time)  # noqa: DTZ001 - wall time
DATA = st.binary(max_size=20) | COUNT | WALL | st.builds(lambda value: json.dumps(value).encode() + b"\n", JSON | ACT)
FRAMES = st.lists(
    st.builds(Frame, st.integers(NOW - DAY_MS, NOW + DAY_MS), st.just(Direction.IN), st.sampled_from(UUIDS), DATA), max_size=20
)


CURSORS = st.dictionaries(
    st.sampled_from(["at_ms", "since_ms", "boot", "value", "cadence_ms", "part", "fresh_ms"]),
    st.integers(NOW - DAY_MS, NOW + DAY_MS) | st.integers(-5, 40_000),
)


@pytest.mark.parametrize("codec", [sensor.CODEC, pinetime.CODEC, bangle.CODEC], ids=lambda codec: codec.name)
@given(frames=FRAMES, live=st.booleans(), cursor=CURSORS)
def test_any_frames_decode_and_any_answers_end(codec: Codec, frames: list[Frame], live: bool, cursor: dict[str, int]) -> None:
    for item in codec.decode(Header(codec.name, 1, PEER, NOW, cursor), frames):
        check(item)
    exchange = codec.open(Settings(live=live))
    with suppress(DecodeError, NoAnswer):
        exchange.begin(NOW)
        for number, frame in enumerate(frames):
            if not exchange.is_done:
                exchange.receive(frame.characteristic, frame.data, NOW + number)
        if not exchange.is_done:
            exchange.stop(NOW + 100)
        assert exchange.is_done
