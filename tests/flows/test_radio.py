"""From a virtual ring on the air to a judged day and an alert; and from a gateway's ring to the clinic's service."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.virtual import Day
from devices.virtual.radio.ring import VirtualRing
from ingest.collect.gateway import GatewayRoster
from ingest.collect.pairing import Paired
from ingest.collect.pushing import Clinic, push_waiting
from ingest.collect.rounds import sync_round
from tests.afoot.conftest import Program, afoot
from tests.ingest.test_pushing import running
from tests.radio.room import NOW, RULES, Room, in_room, lived

__all__ = ["afoot"]


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return lived()


def test_from_a_ring_to_a_judged_day_and_an_alert(afoot: Program, days: list[Day]) -> None:
    afoot.home.mkdir()
    rings = []

    async def visit(room: Room) -> None:
        rings.append(VirtualRing(days))
        id = room.pair(await room.enter(rings[0]), "colmi")
        assert (await room.sync())[id].problem == ""

    in_room("bluez", afoot.home, visit)  # its store is where the program's own is
    programme = ("--author", "Dr B", "--effective", "2026-02-02", "--reason", "first", "--surgery", "2026-02-02")
    afoot.ok("prescription", "set", "Anna", *programme, "--baseline", "60000")
    at = datetime.fromtimestamp(NOW / 1000, UTC).isoformat()
    yesterday = next(day for day in days if str(day.day) == "2026-03-27")
    judged = afoot.ok("day", "Anna", "2026-03-27", "--json").json
    worn = rings[0].lived.steps_between(yesterday.start_ms, yesterday.end_ms)
    assert judged["steps"] == pytest.approx(worn, rel=0.02)  # a bin of an hour may lie on a day's edge
    afoot.ok("check", "--at", at)
    alerts = afoot.ok("alerts", "--json").json
    assert "below_floor" in {one["rule"] for one in alerts}
    afoot.ok("rebuild")
    assert afoot.ok("day", "Anna", "2026-03-27", "--json").json == judged


def test_a_gateway_collects_while_the_clinic_is_away(tmp_path: Path, days: list[Day]) -> None:
    roster = GatewayRoster(tmp_path / "gateway", 7200)

    async def visit(room: Room) -> None:
        body = await room.enter(VirtualRing(days))
        roster.add(Paired(body.address, body.address, "R02_341C", "colmi"))
        for _ in range(3):
            seen = await sync_round(room.radio, roster, roster.list(), room.clock, RULES)
            assert seen[body.address].problem == ""
            room.clock.forward(30 * 3_600_000)

    in_room("bumble", tmp_path, visit)
    with running() as server:
        url = server.url
    assert "cannot be reached" in push_waiting(roster.spool, Clinic(url, "t")).problem
    waiting = [one.path.read_bytes() for one in roster.spool.waiting()]
    assert len(waiting) >= 3
    assert roster.list()[0].cursor
    with running() as server:
        assert push_waiting(roster.spool, Clinic(server.url, "t")).sent == len(waiting)
        assert list(server.kept.values()) == waiting
