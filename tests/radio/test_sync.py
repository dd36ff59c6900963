"""The same syncs over both rigs: bleak over bumble, and bleak's own BlueZ backend on a private D-Bus."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devices.radio.codec import Battery, ClockOffset, Live, Malformed
from devices.virtual import Day
from devices.virtual.radio.peripheral import Faults
from devices.virtual.radio.ring import RingModel, VirtualRing
from devices.virtual.radio.watches import VirtualBangle, VirtualPineTime, VirtualSensor
from ingest import people
from ingest.blocks import decode_minutes
from ingest.collect import bluetooth
from ingest.collect.bluetooth import scan
from ingest.collect.links import Unreachable
from ingest.collect.rounds import sync_round
from ingest.minutes import ABSENT
from ingest.wearables import list_wearables, remove_wearable
from tests.radio.air import Body
from tests.radio.apart import run_apart
from tests.radio.bluez_backend import BluezRig
from tests.radio.room import NOW, RULES, Room, in_room, lived, steps_of, stored

SMALL = RingModel(days_kept=1, pulse_every_min=60, tells_sleep=False)
HOUR_MS = 3_600_000
ONCE = replace(RULES, tries=1)


@pytest.fixture(scope="session")
def days() -> list[Day]:
    return lived()


@pytest.fixture(params=["bumble", "bluez"])
def rig(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def blocks(room: Room, patient: people.Patient | None = None) -> list[tuple[object, ...]]:
    """What is stored of a patient: metric, day, minutes."""
    return [row[2:5] for row in stored(room.store)["minutes"] if row[0] == (patient or room.patient).id]


async def when_sending(body: Body, harm: Callable[[], Awaitable[None]]) -> None:
    """Do harm in the midst of an exchange."""
    before = body.sent
    while body.sent == before:
        await asyncio.sleep(0.01)
    await harm()


def another(room: Room, name: str) -> people.Patient:
    with room.store.writing() as connection:
        return people.add_patient(connection, name, "Europe/Berlin", 0)


async def reference(room: Room, days: list[Day], model: RingModel = SMALL, twice: bool = False) -> list[tuple[object, ...]]:
    """What a ring of that kind gives without faults."""
    patient = another(room, "Reference")
    body = await room.enter(VirtualRing(days, model), "F0:00:00:00:00:99")
    id = room.pair(body, "colmi", patient)
    assert (await room.sync())[id].problem == ""
    await body.leave()
    with room.store.writing() as connection:
        remove_wearable(connection, patient.id, id)
    return blocks(room, patient)


def test_what_is_near_is_found_by_its_name_or_by_its_service(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        await room.enter(VirtualRing(days), "F0:00:00:00:00:01")
        await room.enter(VirtualSensor(days), "F0:00:00:00:00:02")
        await room.enter(VirtualPineTime(days), "F0:00:00:00:00:03")
        await room.enter(VirtualBangle(days), "F0:00:00:00:00:04")
        heard = {one.address[-1]: one for one in await scan(room.radio, 1.5)}
        kinds = {key: one.codec.name if one.codec else None for key, one in heard.items()}
        assert kinds == {"1": "colmi", "2": "sensor", "3": "pinetime", "4": "bangle"}
        # A ring advertises no service that tells what it is, a sensor would be known without a name.
        assert heard["1"].services == frozenset()
        assert heard["2"].services

    in_room(rig, tmp_path, visit)


def test_all_that_a_ring_keeps_comes_and_again_is_the_same(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        body = await room.enter(VirtualRing(days))
        id = room.pair(body, "colmi")
        seen = (await room.sync())[id]
        assert (seen.problem, seen.battery) == ("", 64)
        assert any(isinstance(one, Battery) for one in room.told)
        once, steps = blocks(room), steps_of(room.store, room.patient)
        assert steps > 10_000
        assert [path.name for path in (tmp_path / "radio").iterdir()] == []
        assert (await room.sync())[id].problem == ""
        assert blocks(room) == once
        with room.store.reading() as connection:
            (one,) = list_wearables(connection)
        assert (one.battery, one.problem) == (64, "")
        assert one.synced_ms is not None
        assert NOW <= one.synced_ms < NOW + HOUR_MS
        assert not body.device.connections  # a slot is scarce: connect, drain, disconnect

    in_room(rig, tmp_path, visit)


@pytest.mark.parametrize("kind", ["bangle", "pinetime"])
def test_watches_sync_too(rig: str, tmp_path: Path, days: list[Day], kind: str) -> None:
    async def visit(room: Room) -> None:
        watch = VirtualBangle(days[7:10], zone_s=7200) if kind == "bangle" else VirtualPineTime(days, zone_s=7200)
        id = room.pair(await room.enter(watch), kind)
        assert (await room.sync())[id].problem == ""
        first = steps_of(room.store, room.patient)
        assert first > 0
        room.clock.forward(6 * HOUR_MS)
        assert (await room.sync())[id].problem == ""
        walked = watch.lived.steps_between(NOW, NOW + 6 * HOUR_MS)
        assert steps_of(room.store, room.patient) - first == pytest.approx(walked, rel=0.1)

    in_room(rig, tmp_path, visit)


def test_a_sensor_is_followed_live(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        body = await room.enter(VirtualSensor(days))
        body.pace_ms = 0.01
        id = room.pair(body, "sensor")
        seen = (await room.sync(replace(ONCE, live=True, longest_s=0.5, pace=1.0)))[id]
        assert seen.problem == ""
        assert {one.metric for one in room.told if isinstance(one, Live)} >= {"heart_rate"}

    in_room(rig, tmp_path, visit)


def test_resuming_where_the_link_was_cut(rig: str, tmp_path: Path, days: list[Day]) -> None:
    """At every ninth packet here, and at each in the fast path (test_faults.py)."""

    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        for number, cut in enumerate(range(1, 220, 45 if rig == "bumble" else 70)):
            patient = another(room, f"P{cut}")
            body = await room.enter(VirtualRing(days, SMALL), f"F0:00:00:00:01:{number:02X}")
            id = room.pair(body, "colmi", patient)
            body.drop_after = cut
            assert (await room.sync())[id].problem == "", cut
            assert body.connections == 2, cut
            assert blocks(room, patient) == whole, cut
            await body.leave()
            with room.store.writing() as connection:
                remove_wearable(connection, patient.id, id)

    in_room(rig, tmp_path, visit)


@pytest.mark.parametrize("kind", ["damaged", "doubled", "lost", "cut"])
def test_packets_that_are_not_as_they_should_be(rig: str, tmp_path: Path, days: list[Day], kind: str) -> None:
    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        faults = Faults(**{kind: frozenset({3, 20, 41})})
        id = room.pair(await room.enter(VirtualRing(days, SMALL, faults=faults)), "colmi")
        assert (await room.sync())[id].problem == ""
        assert blocks(room) == whole
        if kind in ("damaged", "cut"):
            assert any(isinstance(one, Malformed) for one in room.told)

    in_room(rig, tmp_path, visit)


def test_packets_that_nobody_asked_for(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        id = room.pair(await room.enter(VirtualRing(days, replace(SMALL, chatter=True))), "colmi")
        assert (await room.sync())[id].problem == ""
        assert blocks(room) == whole

    in_room(rig, tmp_path, visit)


def test_a_ring_that_stops_answering(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        id = room.pair(await room.enter(VirtualRing(days, SMALL, faults=Faults(stalled=frozenset({30})))), "colmi")
        seen = (await room.sync(ONCE))[id]
        assert "no answer" in seen.problem
        with room.store.reading() as connection:
            (one,) = list_wearables(connection)
        assert one.paired.cursor == {}
        assert one.problem == seen.problem
        assert one.synced_ms is None
        assert (await room.sync())[id].problem == ""
        assert blocks(room) == whole

    in_room(rig, tmp_path, visit)


def test_a_device_that_is_not_there_or_goes(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        here = await room.enter(VirtualRing(days, SMALL), "F0:00:00:00:00:01")
        gone = Body(room.air, VirtualRing(days, SMALL), "F0:00:00:00:00:02")
        near, far = room.pair(here, "colmi"), room.pair(gone, "colmi", another(room, "Ben"))
        seen = await room.sync()
        assert seen[near].problem == ""
        assert seen[far].problem.startswith("not heard within")
        assert "charged" in seen[far].hint
        before = blocks(room)
        # It goes out of range in the midst of an exchange: the link dies by its supervision timeout.
        here.pace_ms = 1.0
        leaving = asyncio.ensure_future(when_sending(here, here.leave))
        left = (await room.sync(replace(ONCE, pace=0.5, scan_s=0.5)))[near]
        await leaving
        assert "lost" in left.problem
        assert blocks(room) == before

    in_room(rig, tmp_path, visit)


def test_bluetooth_is_switched_off(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        id = room.pair(await room.enter(VirtualRing(days, SMALL)), "colmi")
        await room.rig.switch_off()
        seen = (await room.sync())[id]
        assert "switched off" in seen.problem
        assert "bluetoothctl power on" in seen.hint

    in_room(rig, tmp_path, visit)


def test_bluetooth_is_switched_off_in_the_midst(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        body = await room.enter(VirtualRing(days, SMALL))
        body.pace_ms = 1.0
        id = room.pair(body, "colmi")

        switching = asyncio.ensure_future(when_sending(body, room.rig.switch_off))
        seen = (await room.sync(replace(ONCE, pace=0.5)))[id]
        await switching
        assert "link" in seen.problem
        with room.store.reading() as connection:
            assert list_wearables(connection)[0].paired.cursor == {}

    in_room(rig, tmp_path, visit)


def test_a_clock_that_is_wrong_by_hours(rig: str, tmp_path: Path, days: list[Day]) -> None:
    """It is written down before it is set, and nothing lands on a wrong hour (the rest: tests/devices/radio)."""

    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        ring = VirtualRing(days, SMALL, error_ms=60 * HOUR_MS)
        id = room.pair(await room.enter(ring), "colmi")
        assert (await room.sync())[id].problem == ""
        assert abs(ring.clock.error_ms) < 2000
        assert any(isinstance(one, ClockOffset) for one in room.told)
        assert all(block in whole for block in blocks(room))

    in_room(rig, tmp_path, visit)


def test_midnight_of_the_ring(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        # Two minutes before midnight UTC, and after it.
        room.clock.forward(NOW // 86_400_000 * 86_400_000 + 86_400_000 - 120_000 - NOW)
        id = room.pair(await room.enter(VirtualRing(days, SMALL)), "colmi")
        assert (await room.sync())[id].problem == ""
        room.clock.forward(6 * HOUR_MS)
        assert (await room.sync())[id].problem == ""
        mine = {row[:2]: decode_minutes([row[2]])[0] for row in blocks(room)}
        later = await reference(room, days)  # which keeps no more than a day before the second sync
        assert len(later) >= 2
        for metric, day, block in later:
            minutes = decode_minutes([block])[0]
            assert (mine[metric, day] == minutes)[minutes != ABSENT].all()

    in_room(rig, tmp_path, visit)


def test_two_rings_in_turns_and_at_once_do_not_mix(rig: str, tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        whole = await reference(room, days)
        ben = another(room, "Ben")
        first = room.pair(await room.enter(VirtualRing(days, SMALL), "F0:00:00:00:00:01"), "colmi")
        second = room.pair(await room.enter(VirtualRing(days[:-5], SMALL), "F0:00:00:00:00:02"), "colmi", ben)
        with room.store.reading() as connection:
            paired = {one.paired.id: one.paired for one in list_wearables(connection)}

        rounds = [
            sync_round(room.radio, room.roster, [paired[id]], room.clock, replace(RULES, scan_s=0.5)) for id in (first, second)
        ]
        if rig == "bumble":  # one discovery at a time on a bus
            done = await asyncio.gather(*rounds)
        else:
            done = [await one for one in rounds]
        assert [one.problem for seen in done for one in seen.values()] == ["", ""]
        assert blocks(room) == whole
        assert blocks(room, ben) != whole

    in_room(rig, tmp_path, visit)


# What only BlueZ does


def test_connects_that_bluez_refuses(tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        assert isinstance(room.rig, BluezRig)
        id = room.pair(await room.enter(VirtualRing(days, SMALL)), "colmi")
        room.rig.fail_connect = ["le-connection-timeout", "br-connection-canceled"]
        assert (await room.sync())[id].problem == ""  # at the third try
        room.rig.fail_connect = ["le-connection-timeout"]
        assert "le-connection-timeout" in (await room.sync(ONCE))[id].problem

    in_room("bluez", tmp_path, visit)


@pytest.mark.parametrize(
    ("harm", "says"), [("unplug", "no Bluetooth adapter"), ("stop_service", "not running"), ("kill_bus", "Bluetooth")]
)
def test_what_is_wrong_with_bluetooth_is_said(tmp_path: Path, days: list[Day], harm: str, says: str) -> None:
    async def visit(room: Room) -> None:
        id = room.pair(await room.enter(VirtualRing(days, SMALL)), "colmi")
        done = getattr(room.rig, harm)()
        if done is not None:
            await done
        seen = (await room.sync())[id]
        assert says in seen.problem
        assert seen.hint

    in_room("bluez", tmp_path, visit)


def test_bluetoothd_dies_in_the_midst(tmp_path: Path, days: list[Day]) -> None:
    async def visit(room: Room) -> None:
        body = await room.enter(VirtualRing(days, SMALL))
        body.pace_ms = 1.0
        id = room.pair(body, "colmi")

        async def kill_bus() -> None:
            assert isinstance(room.rig, BluezRig)
            room.rig.kill_bus()

        dying = asyncio.ensure_future(when_sending(body, kill_bus))
        seen = (await room.sync(replace(ONCE, pace=0.5)))[id]
        await dying
        assert seen.problem
        with room.store.reading() as connection:
            assert list_wearables(connection)[0].paired.cursor == {}

    in_room("bluez", tmp_path, visit)


def test_no_bus_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    with pytest.raises(Unreachable, match="no system bus") as caught:
        run_apart(lambda: scan(bluetooth.Radio(), 0.2))
    assert "dbus" in caught.value.hint
