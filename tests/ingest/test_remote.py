"""A radio at the other end of a channel: exchanges over it are those over any radio, and nothing a page says does harm."""

import asyncio
import json
import resource
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devices.radio.capture import Capture, parse_capture
from devices.radio.codec import Cursor, Direction, Settings
from devices.radio.codecs import find_codec
from devices.virtual.radio.link import PEER
from devices.virtual.radio.vectors import Recorder
from ingest.collect import exchanging, remote
from ingest.collect.exchanging import Plan, hold
from ingest.collect.links import BrokenProtocol, LinkLost, RadioLost, Refused, Unreachable
from ingest.collect.remote import LONGEST_VALUE, RemoteRadio

VECTORS = json.loads((Path(__file__).parents[1] / "devices/radio/vectors.json").read_text())["vectors"]
UUID = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
LOOK_AHEAD = 4


@dataclass
class Kept:
    captures: list[bytes] = field(default_factory=list)
    cursors: list[Cursor | None] = field(default_factory=list)

    def keep(self, capture: Path, cursor: Cursor | None) -> None:
        self.captures.append(capture.read_bytes())
        self.cursors.append(cursor)
        capture.unlink()


class VectorPage:
    """A page whose device does what a vector says; the exchange's steps are counted by the recorder."""

    def __init__(self, vector: dict[str, Any], recorder: Recorder) -> None:
        self._steps, self._told = vector["steps"], recorder.steps
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._link = 0

    def now(self) -> int:
        at_ms: int = self._steps[min(len(self._told), len(self._steps) - 1)]["at_ms"]
        return at_ms

    async def receive(self) -> str:
        return json.dumps(await self._out.get())

    async def send(self, text: str) -> None:
        asked = json.loads(text)
        for message in self._answers(asked.pop("n"), asked):
            self._out.put_nowait(message)

    def _answers(self, n: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
        coming = self._steps[len(self._told) :]
        what = asked.pop("do").title()
        if what == "Connect":
            self._link = n
            return [{"n": n, "services": []}]
        if what == "Await":
            if coming[0]["told"] == "idle":
                return [{"n": n, "nothing": True}]
            return [{"link": self._link, "frame": [coming[0]["characteristic"], coming[0]["data"]]}]
        if any(step["told"] == "refused" and step["action"] == {"do": what, **asked} for step in coming[:LOOK_AHEAD]):
            return [{"n": n, "refused": "as the vector says"}]
        if what == "Read":
            step = next(
                step for step in coming if step["told"] == "receive" and step["characteristic"] == asked["characteristic"]
            )
            return [{"n": n, "data": step["data"]}]
        return [{"n": n}]


def frames(capture: Capture) -> list[tuple[object, ...]]:
    """What passed, and when as far as a vector says when."""
    return [
        (one.direction, one.characteristic, one.data, one.at_ms if one.direction is Direction.IN else None)
        for one in capture.frames
    ]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_is_held_as_over_any_radio(vector: dict[str, Any], tmp_path: Path) -> None:
    """Step by step what the exchange is told and answers, and the captures that come of it."""
    kept = Kept()
    recorder = hold_vector(vector, tmp_path, kept)
    assert recorder.steps == vector["steps"]
    ours = [parse_capture(data) for data in kept.captures]
    theirs = [parse_capture(text.encode()) for text in vector["captures"]]
    assert [frames(one) for one in ours] == [frames(one) for one in theirs]
    assert [one.header.cursor for one in ours] == [one.header.cursor for one in theirs]
    assert all(one.is_complete for one in ours)
    assert kept.cursors[-1] == vector["steps"][-1]["actions"][-1]["cursor"]


def hold_vector(vector: dict[str, Any], folder: Path, kept: Kept) -> Recorder:
    return asyncio.run(hold_by_vector(vector, folder, kept))


async def hold_by_vector(vector: dict[str, Any], folder: Path, kept: Kept) -> Recorder:
    codec = find_codec(vector["codec"])
    assert codec is not None
    recorder = Recorder(codec)
    page = VectorPage(vector, recorder)
    plan = Plan(recorder, PEER, Settings(**vector["settings"]), folder, page.now, pace=0)
    async with RemoteRadio(page, page.now) as radio, radio.connected() as link:
        await hold(plan, link, kept, lambda _: None)
    return recorder


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As a disk that is full at that place: what still fits is taken, without an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("short_by", [1, 20, 300])
def test_a_capture_that_the_disk_did_not_take_whole_moves_no_cursor(short_by: int, tmp_path: Path) -> None:
    vector = next(one for one in VECTORS if one["codec"] == "bangle")
    whole, cut = Kept(), Kept()
    hold_vector(vector, tmp_path, whole)
    with files_of_at_most(len(whole.captures[0]) - short_by), pytest.raises(OSError, match="File too large"):
        hold_vector(vector, tmp_path, cut)
    assert [cursor for cursor in cut.cursors if cursor is not None] == []
    (left,) = cut.captures or [path.read_bytes() for path in tmp_path.glob("*.capture")]
    assert whole.captures[0].startswith(left)


def test_a_capture_grows_no_longer_than_can_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vector, kept = VECTORS[0], Kept()
    monkeypatch.setattr(exchanging, "MOST_BYTES", 1000)
    with pytest.raises(BrokenProtocol, match="at most 1,000 bytes"):
        hold_vector(vector, tmp_path, kept)
    assert kept.cursors == [None]
    assert 500 < len(kept.captures[0]) <= 1000


class Page:
    """A page that answers each request as a test says: with messages, or texts that are none."""

    def __init__(self, answer: Callable[[dict[str, Any]], list[object]]) -> None:
        self._answer = answer
        self._out: asyncio.Queue[str | None] = asyncio.Queue()
        self.asked: list[str] = []

    def say(self, message: object) -> None:
        self._out.put_nowait(message if isinstance(message, str) else json.dumps(message))

    def hang_up(self) -> None:
        self._out.put_nowait(None)

    async def send(self, text: str) -> None:
        asked = json.loads(text)
        self.asked.append(asked["do"])
        for message in self._answer(asked):
            self.hang_up() if message is None else self.say(message)

    async def receive(self) -> str:
        text = await self._out.get()
        if text is None:
            raise RadioLost("hung up")
        return text


def answering(**answers: list[object]) -> Page:
    """A page that connects, and answers the kinds of requests that are named."""

    def answer(asked: dict[str, Any]) -> list[object]:
        n, what = asked["n"], asked["do"]
        given = answers.get(what, [{"services": []}] if what == "connect" else [{}])
        return [{"n": n, **one} if isinstance(one, dict) and not {"n", "link"} & one.keys() else one for one in given]

    return Page(answer)


def visit(page: Page, work: Callable[[remote.RemoteLink], Awaitable[object]]) -> object:
    async def run() -> object:
        async with RemoteRadio(page, lambda: 7) as radio, radio.connected() as link:
            return await work(link)

    return asyncio.run(run())


def test_silence_is_the_pages_to_tell() -> None:
    page = answering(**{"await": [{"nothing": True}]})
    assert visit(page, lambda link: link.arrived(3.0)) is None
    assert page.asked == ["connect", "await", "disconnect"]


def test_a_silence_that_was_overtaken_by_a_frame_is_nobodys() -> None:
    """The page began to wait before it heard that a frame had been enough."""
    frame = {"link": 1, "frame": [UUID, "01"]}

    async def work(link: remote.RemoteLink) -> object:
        page.say(frame)
        first = await link.arrived(1)  # asked for as number 2, which `nothing` answers later
        page.say({"n": 2, "nothing": True})
        page.say({"link": 1, "frame": [UUID, "02"]})
        return first, await link.arrived(1)

    page = answering(**{"await": []})
    assert visit(page, work) == ((UUID, b"\x01", 7), (UUID, b"\x02", 7))


def test_frames_that_came_before_the_end_of_the_link_come_first() -> None:
    async def work(link: remote.RemoteLink) -> None:
        for one in ("01", "02"):
            page.say({"link": 1, "frame": [UUID, one]})
        page.say({"link": 1, "lost": True})
        assert [await link.arrived(1), await link.arrived(1)] == [(UUID, b"\x01", 7), (UUID, b"\x02", 7)]
        for _ in range(2):
            with pytest.raises(LinkLost):
                await link.arrived(1)
        for call in (link.subscribe(UUID), link.read(UUID), link.write(UUID, b"", False), link.rest(9)):
            with pytest.raises(LinkLost):
                await call

    page = answering()
    visit(page, work)


def test_what_an_earlier_link_says_is_not_heard_on_the_next() -> None:
    async def run() -> object:
        async with RemoteRadio(page, lambda: 7) as radio:
            async with radio.connected():
                pass
            async with radio.connected() as link:
                page.say({"link": 1, "frame": [UUID, "aa"]})
                page.say({"link": 1, "lost": True})
                page.say({"link": link.number, "frame": [UUID, "bb"]})
                return await link.arrived(1)

    page = answering()
    assert asyncio.run(run()) == (UUID, b"\xbb", 7)


def test_a_link_that_ends_ends_what_is_waited_for() -> None:
    page = answering(read=[{"link": 1, "lost": True}])
    with pytest.raises(LinkLost, match="was lost"):
        visit(page, lambda link: link.read(UUID))


def test_refusals_and_failures_are_told_apart() -> None:
    with pytest.raises(Refused, match="NotFoundError"):
        visit(answering(read=[{"refused": "NotFoundError: x"}]), lambda link: link.read(UUID))
    with pytest.raises(LinkLost, match="NetworkError"):
        visit(answering(write=[{"failed": "NetworkError: x"}]), lambda link: link.write(UUID, b"", True))
    for key in ("failed", "refused"):
        with pytest.raises(Unreachable, match="NetworkError"):
            visit(answering(connect=[{key: "NetworkError: x"}]), lambda link: link.read(UUID))


def test_a_page_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_S", 0.05)
    with pytest.raises(LinkLost, match="no answer"):
        visit(answering(read=[]), lambda link: link.read(UUID))
    with pytest.raises(LinkLost, match="no answer"):
        visit(answering(**{"await": []}), lambda link: link.arrived(0.01))


LONG = "00" * (LONGEST_VALUE + 1)
BAD: list[object] = [
    "",
    "{",
    "[1]",
    "[" * 10_000,
    "null",
    '"' + "x" * 20_000 + '"',
    {"link": 1, "frame": None},
    {"link": 1, "frame": [UUID]},
    {"link": 1, "frame": [UUID, "0"]},
    {"link": 1, "frame": [UUID, "zz"]},
    {"link": 1, "frame": [UUID, LONG]},
    {"link": 1, "frame": ["2a37", "00"]},
    {"link": 1, "frame": [7, "00"]},
    None,
]


@pytest.mark.parametrize("said", BAD, ids=range(len(BAD)))
def test_a_page_that_says_what_it_cannot_mean_has_no_radio(said: object) -> None:
    with pytest.raises(RadioLost):
        visit(answering(read=[said]), lambda link: link.read(UUID))


@pytest.mark.parametrize("answer", [{"data": LONG}, {"data": 5}, {"data": "0"}, {}], ids=range(4))
def test_values_have_a_form(answer: dict[str, Any]) -> None:
    with pytest.raises(RadioLost, match="bytes as hex"):
        visit(answering(read=[answer]), lambda link: link.read(UUID))


@pytest.mark.parametrize("services", [None, "x", [1], ["x"] * 65], ids=range(4))
def test_services_have_a_form(services: object) -> None:
    with pytest.raises(RadioLost, match="services"):
        visit(answering(connect=[{"services": services}]), lambda link: link.read(UUID))


def test_a_device_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says: values, values of no length, silences that nobody asked about."""
    monkeypatch.setattr(remote, "MOST_CHARACTERS", 10_000)
    for said in ({"link": 1, "frame": [UUID, "0102"]}, {"link": 1, "frame": [UUID, ""]}, {"n": 0, "nothing": True}, {}):
        page = answering(**{"await": [said] * 3000})

        async def work(link: remote.RemoteLink) -> None:
            while True:
                await link.arrived(1)

        with pytest.raises(RadioLost, match="at most 10,000 characters"):
            visit(page, work)


def test_what_comes_faster_than_it_can_be_taken_waits_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it comes, in its order, and never are many held here; one that asks meanwhile hears its answer."""
    monkeypatch.setattr(remote, "MOST_AHEAD", 10)
    held = []

    async def work(link: remote.RemoteLink) -> object:
        for number in range(16):
            page.say({"link": 1, "frame": [UUID, f"{number:02x}"]})
        await asyncio.sleep(0.01)
        held.append(link.ahead)
        await link.write(UUID, b"", True)
        for number in range(16, 100):
            page.say({"link": 1, "frame": [UUID, f"{number:02x}"]})
        found = []
        for _ in range(100):
            await asyncio.sleep(0)
            held.append(link.ahead)
            item = await link.arrived(1)
            assert item is not None
            found.append(item[1][0])
        return found

    page = answering()
    assert visit(page, work) == list(range(100))
    assert max(held) <= 17
    assert held[0] == 10


def test_a_page_that_says_much_holds_up_nobody() -> None:
    async def work(link: remote.RemoteLink) -> int:
        for _ in range(30 * remote.AT_ONCE):
            page.say({"n": 0})
        reading, turns = asyncio.create_task(link.read(UUID)), 0
        while not reading.done():
            await asyncio.sleep(remote.PAUSE_S / 2)
            turns += 1
        return turns

    page = answering(read=[{"data": "07"}])
    turns = visit(page, work)
    assert isinstance(turns, int)
    assert turns >= 25


def test_an_answer_behind_too_many_frames_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_AHEAD", 10)
    page = answering(read=[{"link": 1, "frame": [UUID, "00"]}] * 30)
    with pytest.raises(RadioLost, match="an answer, found 20 frames"):
        visit(page, lambda link: link.read(UUID))


def test_silence_is_told_once() -> None:
    page = answering(**{"await": [{"nothing": True}] * 50})

    async def work(link: remote.RemoteLink) -> object:
        assert await link.arrived(1) is None
        await asyncio.sleep(0.01)
        return link.ahead

    assert visit(page, work) == 0


def test_numbers_that_nobody_asked_for_are_passed_over() -> None:
    page = answering(read=[{"n": 99}, {"n": "x", "data": "00"}, {"n": 99, "nothing": True}, {"data": "07"}])
    assert visit(page, lambda link: link.read(UUID)) == b"\x07"


def test_one_that_is_cancelled_hands_over_what_came_first(tmp_path: Path) -> None:
    """Whoever waits for its folder may begin when it has ended, and no sooner."""
    vector, begun, go_on = VECTORS[0], threading.Event(), threading.Event()

    class Slow(Kept):
        def keep(self, capture: Path, cursor: Cursor | None) -> None:
            begun.set()
            go_on.wait(5)
            super().keep(capture, cursor)

    kept = Slow()

    async def run() -> None:
        held = asyncio.create_task(hold_by_vector(vector, tmp_path, kept))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            held.cancel()
            done, _ = await asyncio.wait([held], timeout=0.02)
            assert not done
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await held

    asyncio.run(run())
    assert len(kept.captures) == 1
    assert list(tmp_path.iterdir()) == []
