"""Draining one wearable: connect, hold an exchange, and try again from where it stood, whatever the radio."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from devices.radio.codec import Action, Battery, Codec, Cursor, NoAnswer, Peer, Settings, WrongKey
from devices.radio.codecs import find_codec
from ingest.collect.exchanging import Clock, Plan, hold
from ingest.collect.links import BrokenProtocol, Link, LinkLost, RadioLost, Unreachable
from ingest.collect.pairing import Paired, Roster, Seen

TRIES = 3
BACK_OFF_S = (2.0, 8.0)
LONGEST_S = 600.0

Opening = Callable[[], AbstractAsyncContextManager[Link]]
Told = Callable[[Paired, Action], None]
Problem = Unreachable | LinkLost | BrokenProtocol | NoAnswer | WrongKey


@dataclass(frozen=True, slots=True)
class Manner:
    """How a wearable is drained; `pace` as in `Plan`."""

    longest_s: float = LONGEST_S
    tries: int = TRIES
    live: bool = False
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of it. problem: of the last try; None if it came to its end"""

    seen: Seen
    problem: Problem | None = None


async def drain(
    roster: Roster, one: Paired, opening: Opening, clock: Clock, manner: Manner | None = None, told: Told | None = None
) -> Drained:
    """Try until the exchange ends well, from the cursor that the try before left. opening: makes one connection

    told: hears what the exchange notes, as it happens
    Raises: what the disk and the store raise
    """
    manner = manner or Manner()
    codec = find_codec(one.codec)
    if codec is None:
        unknown = Unreachable(f"this version of afoot knows no device of the kind {one.codec!r}")
        return Drained(Seen(clock(), str(unknown)), unknown)
    battery: list[Battery] = []

    def note(action: Action) -> None:
        if isinstance(action, Battery):
            battery[:] = [action]
        if told is not None:
            told(one, action)

    problem = await _try_often(roster, one, codec, opening, clock, manner, note)
    level = battery[0] if battery else None
    seen = Seen(
        clock(),
        str(problem) if problem else "",
        problem.hint if isinstance(problem, Unreachable) else "",
        level.percent if level else None,
        level.charging if level else None,
    )
    return Drained(seen, problem)


async def _try_often(
    roster: Roster, one: Paired, codec: Codec, opening: Opening, clock: Clock, manner: Manner, note: Callable[[Action], None]
) -> Problem | None:
    problem: Problem | None = None
    for turn in range(manner.tries):
        if turn:
            await asyncio.sleep(BACK_OFF_S[min(turn, len(BACK_OFF_S)) - 1] * manner.pace)
        found = await asyncio.to_thread(roster.find, one.id)
        problem = await _try(roster, _plan(roster, found, codec, clock, manner), opening, note)
        if isinstance(problem, RadioLost) or not isinstance(problem, Unreachable | LinkLost | NoAnswer):
            break
    return problem


def _plan(roster: Roster, one: Paired, codec: Codec, clock: Clock, manner: Manner) -> Plan:
    settings = Settings(one.cursor, one.utc_offset_s, manner.live, key=one.key)
    peer = Peer(one.id, one.name)
    return Plan(codec, peer, settings, roster.folder, clock, one.facts, manner.longest_s, manner.pace)


async def _try(roster: Roster, plan: Plan, opening: Opening, note: Callable[[Action], None]) -> Problem | None:
    """Connect once and drain. Returns: what went wrong; None if the exchange came to its end"""
    try:
        async with opening() as link:
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
