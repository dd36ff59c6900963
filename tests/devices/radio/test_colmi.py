"""Colmi rings: published packets, and the virtual ring's truth through whole syncs."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.errors import DecodeError
from devices.radio.codec import ClockOffset, Commit, Direction, Frame, Header, Malformed, NoAnswer, Settings, Write
from devices.radio.colmi import CODEC, packets
from devices.radio.colmi.packets import (
    BatteryLevel,
    Failed,
    LiveTotals,
    Other,
    Pulse,
    PulseBegin,
    PulseNone,
    StepBin,
    StepsBegin,
    StepsNone,
    TimeSet,
    decode_packet,
    decode_sleep,
)
from devices.recording import DAY_MS
from devices.virtual import Day
from devices.virtual.radio.link import PEER, Link, Sync
from devices.virtual.radio.peripheral import Faults
from devices.virtual.radio.ring import RingModel, VirtualRing
from tests.contracts.test_readers import check
from tests.devices.radio.conftest import NOW
from tests.devices.radio.read import covered, rejects, spans, totals

HOUR_MS = 3_600_000
SUMMER_S = 7200

# Captures published with tahnok's colmi_r02_client (its tests and MYSTERIES.md): bytes that real rings sent.
PUBLISHED = {
    "43f00501000000000000000000000039": StepsBegin(5),
    "43230813100005c80030001b000000a9": StepBin(date(2023, 8, 13), 16, 0, 5, 48),
    "43230813140105b618aa046903000083": StepBin(date(2023, 8, 13), 20, 1, 5, 1194),
    "4323081318020538 04e1009500000052": StepBin(date(2023, 8, 13), 24, 2, 5, 225),
    "432308131c030505026c004800000060": StepBin(date(2023, 8, 13), 28, 3, 5, 108),
    "432308134c0405ef016300440000006d": StepBin(date(2023, 8, 13), 76, 4, 5, 99),
    "432410155c0001790015001000000087": StepBin(date(2024, 10, 15), 92, 0, 1, 21),
    "43ff0000000000000000000000000042": StepsNone(),
    "15001805000000000000000000000032": PulseBegin(24, 5),
    "150180adb6660000000000000000005f": Pulse(1, 0, (0,) * 9, date(2024, 8, 10)),
    "151160000000000000000000 00006bf1": Pulse(17, 204, (96, *(0,) * 11, 107)),
    "15ff0000000000000000000000000014": PulseNone(),
    "03400000000000000000000000000043": BatteryLevel(64, False),
    "01000100220000000001003001001066": TimeSet(),
    "730c1500000000000000000000000094": BatteryLevel(21, False),
    "730c2b010000000000000000000000ab": BatteryLevel(43, True),
    "2ff10000000000000000000000000020": Other(0x2F),
}


@pytest.mark.parametrize("text", PUBLISHED)
def test_what_real_rings_sent(text: str) -> None:
    assert decode_packet(bytes.fromhex(text)) == PUBLISHED[text]


def test_what_is_sent_is_what_published_clients_send() -> None:
    assert packets.set_time(1_704_067_200_000).hex() == "01240101000000010000000000000028"  # 2024-01-01T00:00Z
    assert packets.ask_battery().hex() == "03" + "00" * 14 + "03"
    assert packets.ask_steps(3) == bytes.fromhex("43030f005f01") + bytes(9) + b"\xb5"
    assert packets.ask_heart_rate(date(2024, 8, 10))[:5] == bytes.fromhex("1580adb666")


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("43230813100005c80030001b000000aa", "byte 15", "0xaa"),
        ("43230813100005c80030001b0000", "packet", "14"),
        ("43230a13100005c80030001b000000ab", "byte 2", "0x0a"),
        ("43231313100005c80030001b000000b4", "bytes 1 to 3", "month must be in 1..12"),
        ("43230813600005c80030001b000000f9", "byte 4", "96"),
        ("43230813100505c80030001b000000ae", "byte 5", "5"),
    ],
)
def test_a_bad_packet_is_named(text: str, place: str, found: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode_packet(bytes.fromhex(text))
    assert error.value.place == place
    assert found in error.value.found


def test_errors_and_live_totals() -> None:
    assert decode_packet(packets.make_packet(0xC3)) == Failed(0x43)
    assert decode_packet(packets.make_packet(0x73, b"\x12\x01\x02\x03")) == LiveTotals(0x010203)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_packet_or_our_error(data: bytes) -> None:
    for bytes_ in (data, packets.make_packet(data[0] if data else 0, data[1:15])):
        with suppress(DecodeError):
            decode_packet(bytes_)
    with suppress(DecodeError):
        decode_sleep(b"\xbc\x27" + data)


def true_bins(ring: VirtualRing, at_ms: int, from_ms: int, length_ms: int = HOUR_MS) -> dict[tuple[int, int], int]:
    """What the wearer walked, by the bins of a ring whose clock is right."""
    over = ring.lived.until(at_ms)
    bins: dict[int, int] = {}
    for at, steps in zip(ring.lived.at_ms[over].tolist(), ring.lived.steps[over].tolist(), strict=True):
        if at >= from_ms and steps:
            bins[at // length_ms] = bins.get(at // length_ms, 0) + steps
    return {(place * length_ms, (place + 1) * length_ms): steps for place, steps in bins.items()}


def midnight(at_ms: int) -> int:
    return at_ms // DAY_MS * DAY_MS


@pytest.mark.parametrize("quarters", [1, 4])
def test_a_sync_gives_what_the_wearer_walked(days: list[Day], quarters: int) -> None:
    ring = VirtualRing(days, RingModel(quarters=quarters, chatter=True, stale=True))
    sync = Link(CODEC, ring).sync(Settings(), NOW)
    assert sync.is_done
    assert rejects(sync.captures) == []
    first = midnight(NOW) - 7 * DAY_MS
    assert totals(sync.captures) == true_bins(ring, NOW, first, quarters * packets.QUARTER_MS)
    # Worn and alive all the time: no packet means no steps, until now and no longer.
    (start, end), *rest = covered(sync.captures).tolist()
    assert (start, rest) == (first, [])
    assert NOW - 60_000 < end <= midnight(NOW) + 13 * HOUR_MS
    pulse = totals(sync.captures, "heart_rate")
    measured = (ring.lived.at_ms % 300_000 == 0) & (ring.lived.at_ms >= first) & (ring.lived.at_ms < NOW - 60_000)
    worn = measured & (ring.lived.heart_rate > 0)
    assert pulse == {
        (at, at): bpm for at, bpm in zip(ring.lived.at_ms[worn].tolist(), ring.lived.heart_rate[worn].tolist(), strict=True)
    }
    asleep = sum(span.end_ms - span.start_ms for span in spans(sync.captures))
    assert asleep > 7 * 5 * HOUR_MS


def test_syncs_add_up_in_any_order_and_again_is_the_same(days: list[Day]) -> None:
    ring = VirtualRing(days)
    captures, cursor, at = list[bytes](), Settings().cursor, NOW
    for hours in (0, 1, 7, 16, 30):
        at = NOW + hours * HOUR_MS
        sync = Link(CODEC, ring).sync(Settings(cursor=cursor), at)
        captures, cursor = captures + sync.captures, sync.cursors[-1]
    whole = true_bins(ring, at, midnight(NOW) - 7 * DAY_MS)
    assert totals(captures) == whole
    assert totals(captures[::-1] * 2) == whole
    # After the first one, only the days since are asked for.
    assert sum(write.data[0] == packets.STEPS for write in sync.written) == 1


FAULTS: dict[str, Callable[[frozenset[int]], Faults]] = {
    "damaged": lambda some: Faults(damaged=some),
    "doubled": lambda some: Faults(doubled=some),
    "lost": lambda some: Faults(lost=some),
    "cut": lambda some: Faults(cut=some),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_change_nothing(days: list[Day], kind: str) -> None:
    ring = VirtualRing(days, RingModel(chatter=True), faults=FAULTS[kind](frozenset({3, 17, 40, 41, 90, 200, 333})))
    sync = Link(CODEC, ring).sync(Settings(), NOW)
    assert totals(sync.captures) == true_bins(ring, NOW, midnight(NOW) - 7 * DAY_MS)
    assert any(isinstance(note, Malformed) for note in sync.notes) == (kind in ("damaged", "cut"))


def test_a_ring_that_falls_silent_is_asked_again_and_given_up(days: list[Day]) -> None:
    ring = VirtualRing(days, faults=Faults(stalled=frozenset({30})))
    sync = Link(CODEC, ring).sync(Settings(), NOW, catch=(NoAnswer,))
    assert isinstance(sync.error, NoAnswer)
    assert not sync.cursors
    # What came is as good as ever.
    truth = true_bins(ring, NOW, 0)
    assert totals(sync.captures).items() <= truth.items()
    # The next connection makes it whole.
    again = Link(CODEC, ring).sync(Settings(), NOW + 60_000)
    assert totals([*sync.captures, *again.captures]) == true_bins(ring, again.now_ms, midnight(NOW) - 7 * DAY_MS)


def test_a_ring_that_falls_silent_after_its_steps_has_not_told_all(days: list[Day]) -> None:
    """Its heart rates are not taken for none: whenever it falls silent, it and the sync after it tell all of them."""
    model = RingModel(days_kept=2, tells_sleep=False)
    wanted = Link(CODEC, VirtualRing(days, model)).sync(Settings(), NOW)
    pulse = totals(wanted.captures, "heart_rate")
    for silent_from in range(1, wanted.received, 23):
        ring = VirtualRing(days, model, faults=Faults(stalled=frozenset({silent_from})))
        first = Link(CODEC, ring).sync(Settings(), NOW, catch=(NoAnswer,))
        again = Link(CODEC, ring).sync(Settings(first.cursors[-1] if first.cursors else {}), NOW + 60_000)
        assert totals([*first.captures, *again.captures], "heart_rate").items() >= pulse.items(), silent_from


@settings(max_examples=20, deadline=None, report_multiple_bugs=False, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(1, 420), max_size=4), hours=st.integers(0, 40))
def test_a_drop_at_any_packet_loses_and_invents_nothing(days: list[Day], cuts: list[int], hours: int) -> None:
    ring = VirtualRing(days)
    captures, cursor, at = list[bytes](), Settings().cursor, NOW
    for cut in [*cuts, None]:
        sync = Link(CODEC, ring, cut_after=cut).sync(Settings(cursor=cursor), at)
        captures += sync.captures
        cursor = sync.cursors[-1] if sync.cursors else cursor
        at += hours * HOUR_MS // 4 + 60_000
    found, first = totals(captures), midnight(sync.now_ms) - 7 * DAY_MS
    assert {key: value for key, value in found.items() if key[0] >= first} == true_bins(ring, sync.now_ms, first)


def test_midnight_during_a_sync_loses_no_day(days: list[Day]) -> None:
    at = midnight(NOW) + DAY_MS - 4_000
    ring = VirtualRing(days)
    sync = Link(CODEC, ring).sync(Settings(), at)
    later = Link(CODEC, ring).sync(Settings(cursor=sync.cursors[-1]), at + 5 * HOUR_MS)
    found, first = totals([*sync.captures, *later.captures]), midnight(at) - 6 * DAY_MS
    assert {key: value for key, value in found.items() if key[0] >= first} == true_bins(ring, later.now_ms, first)


def follow(ring: VirtualRing, cursor: Sync | None, hours: tuple[int, ...], offset_s: int = SUMMER_S) -> list[Sync]:
    """Sync after so many hours each; cursor None: a ring that is new here."""
    syncs = [] if cursor is None else [cursor]
    for each in hours:
        known = syncs[-1].cursors[-1] if syncs else {}
        syncs.append(Link(CODEC, ring).sync(Settings(cursor=known, utc_offset_s=offset_s), NOW + each * HOUR_MS))
    return syncs


@pytest.mark.parametrize("hours", [5, 11, -14, 60, -60, -24 * 900])
def test_a_clock_that_is_wrong_by_hours_leaves_no_wrong_hour(days: list[Day], hours: int) -> None:
    """The ring does not tell its time: what it dated by a clock that is provably none of the likely ones is left out."""
    ring = VirtualRing(days, error_ms=hours * HOUR_MS)
    syncs = follow(ring, None, (0, 3, 20, 44))
    assert any(isinstance(note, ClockOffset) and note.offset_ms for note in syncs[0].notes)
    assert ring.clock.error_ms == 0 or abs(ring.clock.error_ms) < 1000
    captures = [capture for sync in syncs for capture in sync.captures]
    truth = true_bins(ring, syncs[-1].now_ms, 0)
    assert totals(captures).items() <= truth.items()
    # From soon after the clock was set on, all is there.
    wrong_until = max(NOW, NOW + hours * HOUR_MS if 0 < hours < 24 * 8 else NOW) + HOUR_MS
    assert {key for key in truth if key[0] >= wrong_until} <= totals(captures).keys()
    assert rejects(captures)
    for start, _ in covered(captures).tolist():
        assert start >= NOW


def test_a_ring_that_kept_wall_time_is_put_right(days: list[Day]) -> None:
    """As vendors' apps leave it: what it dated is shifted by the wearer's offset, east of Greenwich where that can be told."""
    offset_s = 9 * 3600
    ring = VirtualRing(days, error_ms=offset_s * 1000)
    syncs = follow(ring, None, (0, 12, 30), offset_s)
    found = totals([capture for sync in syncs for capture in sync.captures])
    truth = true_bins(ring, syncs[-1].now_ms, 0)
    assert found.items() <= truth.items()
    # Lost are the hour that was open, and those that both clocks wrote to.
    assert len([key for key in truth if key[0] >= NOW - 6 * DAY_MS and key not in found]) <= 10
    assert sum(isinstance(note, ClockOffset) for note in syncs[0].notes) == 1


def test_a_ring_that_lost_its_power_keeps_what_it_dated_before(days: list[Day]) -> None:
    ring = VirtualRing(days)
    (first,) = follow(ring, None, (0,))
    ring.clock.set(NOW - 26 * 365 * DAY_MS, NOW + 10 * HOUR_MS)
    syncs = follow(ring, first, (20, 40))
    found = totals([capture for sync in syncs for capture in sync.captures])
    truth = true_bins(ring, syncs[-1].now_ms, midnight(NOW) - 7 * DAY_MS)
    lost = range(NOW + 9 * HOUR_MS, NOW + 21 * HOUR_MS)
    assert found.items() <= {**truth, **{key: value for key, value in found.items() if key[0] in lost}}.items()
    assert {key for key in truth if key[0] not in lost} <= found.keys()
    assert all(found[key] <= truth[key] for key in found)


def test_the_clock_is_left_alone_on_demand(days: list[Day]) -> None:
    ring = VirtualRing(days, error_ms=90_000)
    sync = Link(CODEC, ring).sync(Settings(set_clock=False), NOW)
    assert ring.clock.error_ms == 90_000
    assert "set_ms" not in sync.cursors[-1]
    assert not any(isinstance(action, Write) and action.data[0] == packets.SET_TIME for action in sync.written)


def test_days_without_a_sign_of_life_are_unknown(days: list[Day]) -> None:
    """No steps and no pulse: the ring may have had no power. A pulse: it may not keep the steps of that day any more.

    Only of today is it sure that the ring keeps them: a pulse and no steps is a day in bed.
    """
    for pulse in (0, 5):
        ring = VirtualRing(days, RingModel(pulse_every_min=pulse, tells_sleep=False))
        gone = (ring.lived.at_ms >= midnight(NOW) - 5 * DAY_MS) & (ring.lived.at_ms < midnight(NOW) - 2 * DAY_MS)
        ring.lived.steps[gone] = 0
        sync = Link(CODEC, ring).sync(Settings(), NOW)
        stretches = covered(sync.captures).tolist()
        middle = midnight(NOW) - 4 * DAY_MS
        assert not any(start <= middle < end for start, end in stretches)
        assert not spans(sync.captures)
        in_bed = midnight(NOW) - 4 * DAY_MS + 10 * HOUR_MS
        sync = Link(CODEC, ring).sync(Settings(), in_bed)
        stretches = covered(sync.captures).tolist()
        assert any(start <= in_bed - 2 * HOUR_MS < end for start, end in stretches) == bool(pulse)


def test_two_rings_at_once_do_not_mix(days: list[Day]) -> None:
    one, two = VirtualRing(days), VirtualRing(days[:-2], RingModel(quarters=1))
    first, second = CODEC.open(Settings()), CODEC.open(Settings())
    alone = [Link(CODEC, VirtualRing(days)).sync(Settings(), NOW).written]
    actions = [list(first.begin(NOW)), list(second.begin(NOW))]
    assert actions[0] == actions[1]
    assert Link(CODEC, one).sync(Settings(), NOW).written == alone[0]
    assert Link(CODEC, two).sync(Settings(), NOW).written != alone[0]


FRAMES = st.builds(
    Frame,
    st.integers(NOW - DAY_MS, NOW + DAY_MS),
    st.sampled_from(Direction),
    st.sampled_from([packets.REPLY, packets.COMMAND, packets.BIG_REPLY, packets.BIG_COMMAND, "x"]),
    st.one_of(
        st.binary(max_size=30),
        st.builds(packets.make_packet, st.sampled_from([0x43, 0x15, 0x01, 0x03, 0x73, 0xC3]), st.binary(max_size=14)),
        st.sampled_from([bytes.fromhex(text) for text in PUBLISHED]),
        st.builds(lambda body: b"\xbc\x27" + len(body).to_bytes(2, "little") + b"\0\0" + body, st.binary(max_size=40)),
    ),
)


@given(
    st.lists(FRAMES, max_size=30),
    st.dictionaries(st.sampled_from(["set_ms", "right_from_ms", "good_to_ms"]), st.integers(0, NOW)),
)
def test_any_frames_decode(frames: list[Frame], cursor: dict[str, int]) -> None:
    for item in CODEC.decode(Header("colmi", 1, PEER, NOW, cursor, SUMMER_S), frames):
        check(item)


@given(st.lists(st.binary(max_size=20), max_size=40))
def test_any_answers_come_to_an_end(answers: list[bytes]) -> None:
    exchange = CODEC.open(Settings())
    actions = list(exchange.begin(NOW))
    try:
        for number, answer in enumerate(answers):
            if exchange.is_done:
                return
            if actions and isinstance(actions[-1], Commit):
                actions = list(exchange.committed(NOW + number))
            else:
                actions = list(exchange.receive(packets.REPLY, answer, NOW + number))
        for number in range(500):
            if exchange.is_done:
                return
            actions = list(
                exchange.committed(NOW) if actions and isinstance(actions[-1], Commit) else exchange.idle(NOW + number)
            )
    except (NoAnswer, DecodeError):
        return
    raise AssertionError("it asks for ever")
