"""Whole exchanges, step by step, for whoever runs them in another language: a browser that captures what a device sends.

`python -m devices.virtual.radio.vectors FILE` writes them. Each vector is what an exchange was told and what it answered, and the
capture that has to come of it, byte for byte; decoding stays here. See docs/radio.md.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from devices.radio import bangle, colmi
from devices.radio.codec import Action, Chooser, Codec, Exchange, Frame, Header, Read, Settings, Subscribe, Write
from devices.recording import DAY_MS, Recording, Reject
from devices.virtual.life import truth
from devices.virtual.radio.link import Link
from devices.virtual.radio.peripheral import Faults, Peripheral
from devices.virtual.radio.ring import RingModel, VirtualRing
from devices.virtual.radio.watches import VirtualBangle
from devices.virtual.wearer import Wearer, days_from

NOW_MS = round(datetime(2026, 3, 29, 12, 10, 7, tzinfo=UTC).timestamp() * 1000)
_OFFSET_S = 7200
_HOUR_MS = 3_600_000


def build_vectors() -> dict[str, Any]:
    return {"format": 1, "vectors": [_vector(*case) for case in _cases()]}


def _cases() -> Iterator[tuple[str, Codec, Peripheral, Settings]]:
    days = truth(Wearer(5, date(2026, 2, 2), faults=0), days_from(date(2026, 3, 27), 4))
    known = Settings({"day_ms": NOW_MS // DAY_MS * DAY_MS, "set_ms": NOW_MS - _HOUR_MS}, _OFFSET_S)
    yield (
        "a ring that is new, without sleep",
        colmi.CODEC,
        VirtualRing(days, RingModel(tells_sleep=False)),
        Settings({}, _OFFSET_S),
    )
    yield "a ring that is known", colmi.CODEC, VirtualRing(days), known
    spoilt = Faults(damaged=frozenset({3}), lost=frozenset({12, 30}), doubled=frozenset({5}))
    yield (
        "a ring on a bad link, with packets nobody asked for",
        colmi.CODEC,
        VirtualRing(days, RingModel(chatter=True), faults=spoilt),
        known,
    )
    yield "a ring whose clock is wrong", colmi.CODEC, VirtualRing(days, error_ms=-30 * _HOUR_MS), known
    yield (
        "a watch",
        bangle.CODEC,
        VirtualBangle(days[-2:], zone_s=_OFFSET_S, chatter=True),
        Settings({"ts_ms": NOW_MS - 3 * _HOUR_MS}, _OFFSET_S),
    )
    lost = Faults(lost=frozenset({20}))
    watch = VirtualBangle(days[-2:], zone_s=3600, faults=lost)
    yield "a watch on a bad link, in another zone", bangle.CODEC, watch, Settings({"ts_ms": NOW_MS - 2 * _HOUR_MS}, _OFFSET_S)


def _vector(name: str, codec: Codec, peripheral: Peripheral, settings: Settings) -> dict[str, Any]:
    recorder = Recorder(codec)
    sync = Link(recorder, peripheral).sync(settings, NOW_MS)
    captures = [capture.decode() for capture in sync.captures]
    plain = {"cursor": settings.cursor, "utc_offset_s": settings.utc_offset_s, "set_clock": settings.set_clock}
    return {"name": name, "codec": codec.name, "settings": plain, "steps": recorder.steps, "captures": captures}


@dataclass(slots=True)
class Recorder:
    """A codec that writes down what its exchange is told and answers."""

    codec: Codec
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.codec.name

    @property
    def version(self) -> int:
        return self.codec.version

    @property
    def has_history(self) -> bool:
        return self.codec.has_history

    @property
    def needs_key(self) -> bool:
        return self.codec.needs_key

    @property
    def chooser(self) -> Chooser | None:
        return self.codec.chooser

    def matches(self, name: str, services: frozenset[str]) -> bool:
        return self.codec.matches(name, services)

    def open(self, settings: Settings) -> Exchange:
        return _Recorded(self.codec.open(settings), self.steps)

    def decode(self, header: Header, frames: Sequence[Frame]) -> Iterator[Recording | Reject]:
        return self.codec.decode(header, frames)


@dataclass(slots=True)
class _Recorded:
    exchange: Exchange
    steps: list[dict[str, Any]]

    @property
    def idle_s(self) -> float:
        return self.exchange.idle_s

    @property
    def is_done(self) -> bool:
        return self.exchange.is_done

    def begin(self, at_ms: int) -> Sequence[Action]:
        return self._kept({"told": "begin", "at_ms": at_ms}, self.exchange.begin(at_ms))

    def receive(self, characteristic: str, data: bytes, at_ms: int) -> Sequence[Action]:
        told = {"told": "receive", "at_ms": at_ms, "characteristic": characteristic, "data": data.hex()}
        return self._kept(told, self.exchange.receive(characteristic, data, at_ms))

    def refused(self, action: Subscribe | Read | Write, at_ms: int) -> Sequence[Action]:
        return self._kept({"told": "refused", "at_ms": at_ms, "action": _plain(action)}, self.exchange.refused(action, at_ms))

    def idle(self, at_ms: int) -> Sequence[Action]:
        return self._kept({"told": "idle", "at_ms": at_ms}, self.exchange.idle(at_ms))

    def committed(self, at_ms: int) -> Sequence[Action]:
        return self._kept({"told": "committed", "at_ms": at_ms}, self.exchange.committed(at_ms))

    def stop(self, at_ms: int) -> Sequence[Action]:
        return self._kept({"told": "stop", "at_ms": at_ms}, self.exchange.stop(at_ms))

    def _kept(self, told: dict[str, Any], actions: Sequence[Action]) -> Sequence[Action]:
        self.steps.append({**told, "actions": [_plain(action) for action in actions], "idle_s": self.exchange.idle_s})
        return actions


def _plain(action: Action) -> dict[str, Any]:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(action).items()}
    return {"do": type(action).__name__, **values}


def write_vectors(path: Path) -> None:
    path.write_text(json.dumps(build_vectors(), indent=1) + "\n")


if __name__ == "__main__":
    write_vectors(Path(sys.argv[1]))
