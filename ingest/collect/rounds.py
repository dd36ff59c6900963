"""One round over paired wearables: listen, then connect, drain and disconnect, one device after the other."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.radio.codec import Action, Battery, Codec, Cursor, NoAnswer, Peer, Settings, WrongKey
from devices.radio.codecs import find_codec
from ingest.collect.bluetooth import SCAN_S, Heard, Radio, connected, scan
from ingest.collect.exchanging import Clock, Plan, hold
from ingest.collect.links import BrokenProtocol, LinkLost, RadioError, Unreachable
from ingest.collect.pairing import Paired, Roster, Seen

TRIES = 3
BACK_OFF_S = (2.0, 8.0)
LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a round goes; `pace` as in `Plan`."""

    scan_s: float = SCAN_S
    longest_s: float = LONGEST_S
    tries: int = TRIES
    live: bool = False
    pace: float = 1.0


async def sync_round(
    radio: Radio,
    roster: Roster,
    devices: Sequence[Paired],
    clock: Clock,
    rules: Rules | None = None,
    told: Callable[[Paired, Action], None] | None = None,
) -> dict[str, Seen]:
    """Sync these devices; returns by id what became of each. One that fails never stops the others.

    told: hears what a device's exchange notes, as it happens
    Raises: what the disk and the store raise
    """
    rules = rules or Rules()
    try:
        heard = {one.address.upper(): one for one in await _listen(radio, devices, rules)}
    except Unreachable as error:
        return {one.id: _noted(roster, one, Seen(clock(), str(error), error.hint)) for one in devices}
    result = {}
    for one in devices:
        place = heard.get(one.address.upper())
        if place is None:
            hint = "Is it near, charged, and not connected to a phone?"
            seen = Seen(clock(), f"not heard within {rules.scan_s:.0f} s", hint)
        else:
            seen = await _sync(radio, roster, one, place, clock, rules, told)
        result[one.id] = _noted(roster, one, seen)
    return result


async def _listen(radio: Radio, devices: Sequence[Paired], rules: Rules) -> list[Heard]:
    return await scan(radio, rules.scan_s, until=frozenset(one.address.upper() for one in devices))


def _noted(roster: Roster, one: Paired, seen: Seen) -> Seen:
    roster.note(one.id, seen)
    return seen


async def _sync(
    radio: Radio,
    roster: Roster,
    one: Paired,
    place: Heard,
    clock: Clock,
    rules: Rules,
    told: Callable[[Paired, Action], None] | None,
) -> Seen:
    """Try until the exchange ends well, from the cursor that the try before left."""
    codec = find_codec(one.codec)
    if codec is None:
        return Seen(clock(), f"this version of afoot knows no device of the kind {one.codec!r}")
    battery: list[Battery] = []

    def note(action: Action) -> None:
        if isinstance(action, Battery):
            battery[:] = [action]
        if told is not None:
            told(one, action)

    problem: RadioError | NoAnswer | WrongKey | None = None
    for turn in range(rules.tries):
        if turn:
            await asyncio.sleep(BACK_OFF_S[min(turn, len(BACK_OFF_S)) - 1] * rules.pace)
        problem = await _try(radio, roster, _plan(roster, roster.find(one.id), codec, clock, rules), place, note)
        if not isinstance(problem, Unreachable | LinkLost | NoAnswer):
            break
    level = battery[0] if battery else None
    return Seen(
        clock(),
        str(problem) if problem else "",
        problem.hint if isinstance(problem, Unreachable) else "",
        level.percent if level else None,
        level.charging if level else None,
    )


def _plan(roster: Roster, one: Paired, codec: Codec, clock: Clock, rules: Rules) -> Plan:
    settings = Settings(one.cursor, one.utc_offset_s, rules.live, key=one.key)
    peer = Peer(one.id, one.name)
    return Plan(codec, peer, settings, roster.folder, clock, one.facts, rules.longest_s, rules.pace)


async def _try(
    radio: Radio, roster: Roster, plan: Plan, place: Heard, note: Callable[[Action], None]
) -> RadioError | NoAnswer | WrongKey | None:
    """Connect once and drain. Returns: what went wrong; None if the exchange came to its end."""
    try:
        async with connected(radio, place, plan.clock) as link:
            await hold(plan, link, _Keeping(roster, plan.peer.id), note)
    except (Unreachable, LinkLost, BrokenProtocol, NoAnswer, WrongKey) as error:
        return error
    return None


@dataclass(frozen=True, slots=True)
class _Keeping:
    roster: Roster
    id: str

    def keep(self, capture: Path, cursor: Cursor | None) -> None:
        self.roster.keep(self.id, capture, cursor)
