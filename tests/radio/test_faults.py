"""The fast path: whatever a link does, the store ends as after a download without faults, and no cursor is ahead of it."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.errors import DeviceError
from devices.radio.codec import Cursor, Peer, Settings
from devices.radio.codecs import find_codec
from devices.virtual.radio.peripheral import Faults, Peripheral
from devices.virtual.radio.ring import RingModel, VirtualRing
from devices.virtual.radio.watches import VirtualBangle
from ingest import ledger, people
from ingest.archive import Archive
from ingest.collect.exchanging import Plan, hold
from ingest.collect.files import rebuild
from ingest.collect.links import BrokenProtocol, LinkLost
from ingest.collect.pairing import Paired, keep_leftovers
from ingest.store import Store
from ingest.wearables import StoreRoster, add_wearable
from tests.radio.apart import run_apart
from tests.radio.room import NOW, lived, stored
from tests.radio.wire import Time, Wire

HOUR_MS = 3_600_000
ID = "F0:00:00:00:00:01"
SMALL = RingModel(days_kept=1, pulse_every_min=60, tells_sleep=False)
DAYS = lived()
MAKERS: dict[str, Callable[..., Peripheral]] = {
    "colmi": lambda faults=None: VirtualRing(DAYS, SMALL, faults=faults),
    "bangle": lambda faults=None: VirtualBangle(DAYS, zone_s=7200, faults=faults),
}
# Cutting at every packet takes minutes; AFOOT_TEST_EVERY_PACKET=1 does it.
EVERY = {("colmi", False): 3, ("colmi", True): 9, ("bangle", False): 41, ("bangle", True): 97}


class Killed(Exception):
    """Stands for a process that is ended: nothing of it runs any more."""


class Clinic:
    """A store with one patient and one wearable; syncs over a wire."""

    def __init__(self, folder: Path, codec: str) -> None:
        self.time, self.codec = Time(NOW), codec
        self.store, self.archive = Store(f"sqlite:///{folder / 'afoot.db'}", durable=False), Archive(folder / "archive")
        with self.store.writing() as connection:
            self.patient = people.add_patient(connection, "Anna", "Europe/Berlin", 0)
            add_wearable(connection, self.patient.id, Paired(ID, ID, "R02_341C", codec))
        self.roster = StoreRoster(self.store, self.archive, folder / "radio", self.time)
        self.committed: list[Cursor] = [{}]

    def sync(self, peripheral: Peripheral, cut_after: int | None = None, killed: str = "") -> Exception | None:
        """One connection. killed: when the process ends. Returns: what ended the exchange; None if it ended well"""
        assert keep_leftovers(self.roster) == []
        codec, one = find_codec(self.codec), self.roster.find(ID)
        assert codec is not None
        wire = Wire(peripheral, self.time, cut_after)
        plan = Plan(codec, Peer(one.id, one.name), Settings(one.cursor, one.utc_offset_s), self.roster.folder, self.time)
        try:
            run_apart(lambda: hold(plan, wire, _Keeping(self, killed), lambda _: None))
        except (LinkLost, BrokenProtocol, DeviceError, Killed) as error:
            return error
        finally:
            wire.close()
            self.received = wire.received
        return None

    @property
    def cursor(self) -> Cursor:
        return self.roster.find(ID).cursor

    def minutes(self) -> list[tuple[object, ...]]:
        return stored(self.store)["minutes"]


class _Keeping:
    """A keeper whose process may end before it keeps anything, or between the capture and the cursor."""

    def __init__(self, clinic: Clinic, killed: str) -> None:
        self._clinic, self._killed = clinic, killed

    def keep(self, capture: Path, cursor: Cursor | None) -> None:
        if self._killed == "before":
            raise Killed
        if self._killed == "between":
            self._clinic.roster.keep(ID, capture, None)
            raise Killed
        self._clinic.roster.keep(ID, capture, cursor)
        if cursor is not None:
            self._clinic.committed.append(cursor)


def clean(folder: Path, codec: str, at: list[int]) -> Clinic:
    """What a store holds after syncs without faults at these instants."""
    folder.mkdir()
    clinic, peripheral = Clinic(folder, codec), MAKERS[codec]()
    for now_ms in at:
        clinic.time.now_ms = now_ms
        assert clinic.sync(peripheral) is None
    return clinic


@pytest.mark.parametrize("codec", MAKERS)
@pytest.mark.parametrize("killed", ["", "before", "between"])
def test_resuming_after_a_cut_at_every_packet(tmp_path: Path, codec: str, killed: str) -> None:
    wanted = clean(tmp_path / "clean", codec, [NOW, NOW + 3 * HOUR_MS])
    total = wanted.received
    assert total > 5
    whole = wanted.minutes()
    every = 1 if os.environ.get("AFOOT_TEST_EVERY_PACKET") else EVERY[codec, killed != ""]
    for cut in range(0, total, every):
        folder = tmp_path / f"{cut}"
        folder.mkdir()
        clinic, peripheral = Clinic(folder, codec), MAKERS[codec]()
        assert clinic.sync(peripheral) is None
        first = clinic.cursor
        clinic.time.now_ms = NOW + 3 * HOUR_MS
        assert clinic.sync(peripheral, cut, killed) is not None
        # What was not committed has moved nothing; what was committed on the way has its capture in the store.
        assert clinic.cursor in clinic.committed
        if killed:
            assert clinic.cursor == first
        clinic.time.now_ms = NOW + 3 * HOUR_MS
        assert clinic.sync(peripheral) is None
        assert clinic.minutes() == whole, cut
        clinic.store.close()
    wanted.store.close()


class AnyFaults(RuleBasedStateMachine):
    """Syncs of one wearable that go wrong in every way, beside the same syncs of its twin that go well."""

    codec = "colmi"

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory(prefix="afoot-radio-")
        place = Path(self.folder.name)
        (place / "a").mkdir()
        (place / "b").mkdir()
        self.faulty, self.twin = Clinic(place / "a", self.codec), Clinic(place / "b", self.codec)
        self.faults = Faults()
        self.peripheral, self.other = MAKERS[self.codec](self.faults), MAKERS[self.codec]()
        self.hours = 0

    def _at(self) -> None:
        self.faulty.time.now_ms = self.twin.time.now_ms = NOW + self.hours * HOUR_MS

    @rule(hours=st.integers(1, 9))
    def later(self, hours: int) -> None:
        self.hours += hours

    @rule(cut=st.one_of(st.none(), st.integers(0, 60)), killed=st.sampled_from(["", "", "before", "between"]))
    def link_fails(self, cut: int | None, killed: str) -> None:
        self._try(cut, killed)

    @rule(
        kind=st.sampled_from(["damaged", "doubled", "lost", "cut", "stalled"]),
        numbers=st.frozensets(st.integers(0, 40), max_size=4),
    )
    def device_fails(self, kind: str, numbers: frozenset[int]) -> None:
        setattr(self.faults, kind, frozenset(self.faults.sent + number for number in numbers))
        self._try(None, "")
        setattr(self.faults, kind, frozenset())

    def _try(self, cut: int | None, killed: str) -> None:
        self._at()
        self.faulty.sync(self.peripheral, cut, killed)
        self._at()
        assert self.twin.sync(self.other) is None

    @invariant()
    def no_cursor_is_ahead_of_the_store(self) -> None:
        if not hasattr(self, "faulty"):
            return
        assert self.faulty.cursor in self.faulty.committed
        with self.faulty.store.reading() as connection:
            assert {one.state for one in ledger.list_imports(connection)} <= {ledger.DONE}

    def teardown(self) -> None:
        if not hasattr(self, "faulty"):
            return
        try:
            self._at()
            assert self.faulty.sync(self.peripheral) is None
            self._at()
            assert self.twin.sync(self.other) is None
            assert self.faulty.minutes() == self.twin.minutes()
            # All of it can be made again from the captures in the archive.
            assert not [one for one in rebuild(self.faulty.store, self.faulty.archive) if one.refused]
            assert self.faulty.minutes() == self.twin.minutes()
        finally:
            self.faulty.store.close()
            self.twin.store.close()
            self.folder.cleanup()


class AnyFaultsOfAWatch(AnyFaults):
    codec = "bangle"


TestRing = AnyFaults.TestCase
TestRing.settings = settings(max_examples=6, stateful_step_count=6, deadline=None, derandomize=True)
TestWatch = AnyFaultsOfAWatch.TestCase
# A watch's lines carry no checksum of their own: what is damaged into another number cannot be told.
TestWatch.settings = settings(max_examples=2, stateful_step_count=4, deadline=None, derandomize=True)
