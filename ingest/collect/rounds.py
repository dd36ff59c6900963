"""One round over paired wearables: listen, then connect, drain and disconnect, one device after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ingest.collect.bluetooth import SCAN_S, Heard, Radio, connected, scan
from ingest.collect.draining import Manner, Told, drain
from ingest.collect.exchanging import Clock
from ingest.collect.links import NEAR, Unreachable
from ingest.collect.pairing import Paired, Roster, Seen


@dataclass(frozen=True, slots=True)
class Rules(Manner):
    """How a round goes. scan_s: how long to listen at most"""

    scan_s: float = SCAN_S


async def sync_round(
    radio: Radio,
    roster: Roster,
    devices: Sequence[Paired],
    clock: Clock,
    rules: Rules | None = None,
    told: Told | None = None,
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
            seen = Seen(clock(), f"not heard within {rules.scan_s:.0f} s", NEAR)
        else:
            seen = (await drain(roster, one, partial(connected, radio, place, clock), clock, rules, told)).seen
        result[one.id] = _noted(roster, one, seen)
    return result


async def _listen(radio: Radio, devices: Sequence[Paired], rules: Rules) -> list[Heard]:
    return await scan(radio, rules.scan_s, until=frozenset(one.address.upper() for one in devices))


def _noted(roster: Roster, one: Paired, seen: Seen) -> Seen:
    roster.note(one.id, seen)
    return seen
