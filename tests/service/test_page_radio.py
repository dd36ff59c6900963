"""A wearable at the radio of a patient's page: who may, what comes of it, and what a page that means harm cannot do."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocket

from afoot.erasing import erase_patient
from afoot.service import audit, bodies, page_radio
from afoot.service import tables as service_tables
from afoot.service.page_captures import folder_of, keep_abandoned, page_folder
from afoot.service.roles import Role
from afoot.service.tokens import list_tokens, revoke_token
from devices.radio.capture import CaptureWriter
from devices.radio.codec import Header, Peer
from devices.virtual import Day, Wearer, days_from, truth
from devices.virtual.radio.ring import RingModel, VirtualRing
from ingest import tables, wearables
from ingest.collect.draining import Manner
from ingest.collect.pairing import Paired, only_one
from ingest.errors import Conflict
from tests.service.making import NOW_MS, URL, Clinic, add_person, open_clinic
from tests.service.paging import PyPage

PATH = "ws://127.0.0.1/me/radio"  # the test client takes another host, else
NAME = "R02_341C"
SMALL = RingModel(days_kept=1, pulse_every_min=60, tells_sleep=False)
ORIGIN = {"Origin": URL}


@pytest.fixture(scope="module")
def days() -> list[Day]:
    today = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
    return truth(Wearer(5, date(2026, 2, 2), faults=0), days_from(today.replace(day=1), 4))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(tmp_path / "home") as clinic:
        clinic.parts.manner = Manner(pace=0)
        yield clinic


@contextmanager
def opened(clinic: Clinic, who: str = "patient/anna", **headers: str) -> Iterator[Any]:
    with clinic.web.websocket_connect(PATH, headers=clinic.headers(who) | headers) as socket:
        yield socket


def sync(
    clinic: Clinic, days: list[Day], who: str = "patient/anna", ring: VirtualRing | None = None, **hello: Any
) -> dict[str, Any]:
    with opened(clinic, who) as socket:
        page = PyPage(socket, ring or VirtualRing(days, SMALL), clinic.app.now_ms)
        page.greet(**hello)
        return page.run()


def paired(clinic: Clinic, name: str = "anna") -> list[wearables.Wearable]:
    with clinic.app.store.reading() as connection:
        return wearables.list_wearables(connection, [clinic.patients[name].id])


def n_minutes(clinic: Clinic, name: str = "anna") -> int:
    with clinic.app.store.reading() as connection:
        rows = connection.execute(select(tables.minutes).where(tables.minutes.c.patient_id == clinic.patients[name].id)).all()
    return len(rows)


def captures(clinic: Clinic) -> list[Path]:
    return list(clinic.app.settings.radio_folder.rglob("*.capture"))


def refusal(clinic: Clinic, **headers: str) -> int:
    clinic.web.cookies.clear() if "Cookie" in headers else None
    with pytest.raises(WebSocketDenialResponse) as refused, clinic.web.websocket_connect(PATH, headers=headers):
        pass
    status: int = refused.value.status_code
    return status


def test_what_a_ring_kept_is_stored_and_judged(home: Clinic, days: list[Day]) -> None:
    end = sync(home, days)
    assert end == {"end": "done", "new": end["new"], "changed": 0, "battery": 64}
    assert end["new"] > 1440
    (one,) = paired(home)
    assert (one.paired.name, one.paired.codec, one.paired.address, one.synced_ms) == (NAME, "colmi", "", NOW_MS)
    assert one.paired.cursor
    assert sync(home, days, wearable=one.paired.id)["new"] == 0
    assert sync(home, days)["end"] == "done"  # connected anew, it is still the same
    assert paired(home)[0].paired.id == one.paired.id
    assert list(page_folder(home.app).iterdir()) == []
    with home.app.store.reading() as connection:
        acts = [(act.who, act.action) for act in audit.list_acts(connection)]
        wake = connection.execute(select(service_tables.jobs.c.next_ms)).all()
    assert acts.count(("patient of anna", "change wearables")) == 1
    assert acts.count(("patient of anna", "change files")) == 3
    assert wake == []  # no process runs jobs here
    page = home.get("patient/anna", "/me").text
    assert "From your ring or watch" in page
    assert f'data-wearable="{one.paired.id}"' in page


def test_who_may(home: Clinic) -> None:
    assert refusal(home) == 401
    for who in ("therapist/anna", "device/anna", "operator/"):
        assert refusal(home, **home.headers(who)) == 403


def test_a_session_comes_from_our_own_pages(home: Clinic, days: list[Day]) -> None:
    add_person(home, "anna", Role.PATIENT)
    assert home.sign_in("anna").status_code == 303
    for origin in ("https://elsewhere.example", "null", f"{URL}.evil.example", "http://[", f"{URL}:8443", ""):
        assert refusal(home, **({"Origin": origin} if origin else {})) == 403
    csrf = home.web.get("/me/session").json()["csrf"]
    for token, expected in (("", "signed_out"), ("0" * 64, "signed_out"), ("\ud800", "signed_out"), (csrf, "done")):
        with home.web.websocket_connect(PATH, headers=ORIGIN) as socket:
            page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms)
            page.greet(token)
            assert page.run()["end"] == expected


def test_a_wearable_is_its_patients(home: Clinic, days: list[Day]) -> None:
    assert sync(home, days)["end"] == "done"
    (one,) = paired(home)
    for id in (one.paired.id, "PAGE-0", "", "' or 1=1"):
        assert sync(home, days, "patient/bela", wearable=id)["end"] == "let_go"
    assert n_minutes(home, "bela") == 0
    # The same name at another patient is another device.
    assert sync(home, days, "patient/bela")["end"] == "done"
    assert {one.paired.id}.isdisjoint(other.paired.id for other in paired(home, "bela"))


def test_a_name_says_which_device_it_is(home: Clinic, days: list[Day]) -> None:
    for name in ("R02", "R02_XYZ1", "Bangle.js", "Stride 3", "R02_341C\n", "R02_341C "):
        assert sync(home, days, name=name)["end"] == "unknown"
    assert sync(home, days)["end"] == "done"
    assert sync(home, days, wearable=paired(home)[0].paired.id, name="R02_341D")["end"] == "other"


@pytest.mark.parametrize(
    "hello",
    [
        "",
        "[]",
        "{}",
        "[" * 20_000,
        json.dumps({"csrf": "", "wearable": 7, "name": NAME}),
        json.dumps({"csrf": "", "wearable": None, "name": "R" * 41}),
        json.dumps({"csrf": None, "wearable": None, "name": NAME}),
        "x" * 100_000,
    ],
    ids=range(8),
)
def test_what_is_no_greeting(home: Clinic, hello: str) -> None:
    with opened(home) as socket:
        socket.send_text(hello)
        assert socket.receive_json() == {"end": "fault"}
    assert paired(home) == []


def test_what_a_page_may_say_in_the_midst_of_it(home: Clinic, days: list[Day]) -> None:
    """Whatever it is, the service lives, what came before is kept, and the next sync goes on."""
    for number, said in enumerate(("{", '{"link": 1, "frame": []}', json.dumps({"link": 1, "frame": ["x", "00"]}), "[1]")):
        home.app.at_ms += 60_000
        with opened(home) as socket:
            page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms, harm=lambda answered: answered == 12)
            page.greet()
            assert page.run() == {}
            socket.send_text(said)
            while "end" not in (told := socket.receive_json()):
                pass
        assert told["end"] == "gone"
        assert n_minutes(home) > 0
        assert not paired(home)[0].paired.cursor, number
    assert sync(home, days)["end"] == "done"


def test_whoever_hangs_up_keeps_what_came(home: Clinic, days: list[Day]) -> None:
    for hang_up in (0, 1, 7, 13):
        with opened(home) as socket:
            page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms, harm=lambda answered, at=hang_up: answered == at)  # type: ignore[misc]
            page.greet()
            assert page.run() == {}
            socket.close()
            settle(home)
        assert bool(n_minutes(home)) == (hang_up > 7)
        assert bool(paired(home)) == (hang_up > 1)
    assert captures(home) == []


def settle(clinic: Clinic) -> None:
    """Wait until no sync goes on."""
    pause = threading.Event()
    for _ in range(1000):
        if clinic.parts.page_syncs.total() == 0:
            return
        pause.wait(0.005)
    raise AssertionError("a sync does not end")


def test_bytes_are_no_message(home: Clinic) -> None:
    with opened(home) as socket:
        socket.send_bytes(b"{}")
        assert socket.receive_json() == {"end": "gone"}


def test_there_is_a_limit_to_tries_and_to_how_many_at_once(
    home: Clinic, days: list[Day], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_radio, "MOST_SYNCS", 1)
    with opened(home) as socket:
        PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms).greet()
        socket.receive_json()
        assert sync(home, days, "patient/bela") == {"end": "many"}
        monkeypatch.setattr(page_radio, "MOST_SYNCS", 2)
        monkeypatch.setattr(page_radio, "MOST_OWN_SYNCS", 1)
        assert sync(home, days, name="R02_341D") == {"end": "many"}
        assert sync(home, days, "patient/bela")["end"] == "done"
    settle(home)
    for _ in range(8):
        with opened(home) as socket:
            socket.close()
            settle(home)
    assert refusal(home, **home.headers("patient/anna")) == 429
    home.app.at_ms += 60_000
    assert sync(home, days)["end"] == "done"


def test_one_page_at_a_time_has_a_wearable(home: Clinic, days: list[Day], monkeypatch: pytest.MonkeyPatch) -> None:
    assert sync(home, days)["end"] == "done"
    monkeypatch.setattr(page_radio, "SETTLE_S", 0.2)
    with only_one(folder_of(home.app, home.patients["anna"].id, NAME)):
        assert sync(home, days) == {"end": "busy"}
    assert sync(home, days)["end"] == "done"


def test_so_many_wearables_and_no_more(home: Clinic, days: list[Day]) -> None:
    with home.app.store.writing() as connection:
        for number in range(page_radio.MOST_WEARABLES):
            wearables.add_wearable(connection, home.patients["anna"].id, Paired(f"X{number}", "", f"R02_000{number}", "colmi"))
    assert sync(home, days) == {"end": "many_wearables"}


def test_nothing_of_an_erased_patient_comes_after(home: Clinic, days: list[Day]) -> None:
    """They are erased while their ring is being read; and what a killed process left of theirs goes, too."""
    assert sync(home, days)["end"] == "done"
    (one,) = paired(home)
    left = home.app.settings.radio_folder / "left.capture"
    left.write_bytes(CaptureWriter(Header("colmi", 1, Peer(one.paired.id, NAME), NOW_MS)).header())

    def erase(answered: int) -> bool:
        if answered == 12:
            erase_patient(home.app, home.patients["anna"], "op")
        return False

    with opened(home) as socket:
        page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms, harm=erase)
        page.greet()
        assert page.run()["end"] == "signed_out"
    assert not left.exists()
    assert captures(home) == []
    with home.app.store.reading() as connection:
        assert connection.execute(select(tables.wearables)).all() == []
        assert connection.execute(select(tables.minutes)).all() == []


def test_one_that_is_let_go_of_in_the_midst_of_it(home: Clinic, days: list[Day]) -> None:
    assert sync(home, days)["end"] == "done"
    (one,) = paired(home)
    before = n_minutes(home)

    def let_go(answered: int) -> bool:
        if answered == 12:
            answer = home.post("patient/anna", "/me/wearables/remove", data={"wearable": one.paired.id}, follow_redirects=False)
            assert answer.status_code == 303
        return False

    with opened(home) as socket:
        page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms, harm=let_go)
        page.greet()
        assert page.run()["end"] == "let_go"
    assert (paired(home), captures(home), n_minutes(home)) == ([], [], before)


def test_a_token_that_is_revoked_meanwhile_brings_nothing_in(home: Clinic, days: list[Day]) -> None:
    def revoke(answered: int) -> bool:
        if answered == 12:
            with home.app.store.writing() as connection:
                for token in list_tokens(connection):
                    revoke_token(connection, token.id)
        return False

    with opened(home) as socket:
        page = PyPage(socket, VirtualRing(days, SMALL), home.app.now_ms, harm=revoke)
        page.greet()
        assert page.run()["end"] == "signed_out"
    assert (n_minutes(home), captures(home)) == (0, [])


def test_only_what_was_paired_here_can_be_let_go_of_here(home: Clinic) -> None:
    with home.app.store.writing() as connection:
        for name, id in (("anna", "A"), ("bela", "B")):
            wearables.add_wearable(connection, home.patients[name].id, Paired(id, f"F0:00:00:00:00:0{id}", "", "colmi"))
    for id, status in (("A", 403), ("B", 404), ("C", 404)):
        assert home.post("patient/anna", "/me/wearables/remove", data={"wearable": id}).status_code == status
    assert len(paired(home)) == len(paired(home, "bela")) == 1


def test_the_clinic_pairs_what_the_patient_had_paired(home: Clinic, days: list[Day]) -> None:
    """It is the same device then: it gets an address, and keeps its id and how far it was read."""
    assert sync(home, days)["end"] == "done"
    (before,) = paired(home)
    address = "70:CB:0D:D0:34:1C"
    with home.app.store.writing() as connection:
        wearables.add_wearable(connection, home.patients["anna"].id, Paired(address, address, NAME, "colmi"))
    (one,) = paired(home)
    assert (one.paired.id, one.paired.address, one.paired.cursor) == (before.paired.id, address, before.paired.cursor)
    assert sync(home, days, wearable=one.paired.id)["end"] == "done"


def test_what_a_killed_process_left_is_kept(home: Clinic, days: list[Day], tmp_path: Path) -> None:
    """The capture as it stood; whoever erased the patient meanwhile leaves nothing of it."""
    assert sync(home, days)["end"] == "done"
    (one,) = paired(home)
    with home.app.store.reading() as connection:
        (entry,) = connection.execute(select(tables.imports)).all()
        with home.app.archive.open(connection, entry.hash, entry.name).open() as file:
            whole = file.read()
    folder = folder_of(home.app, home.patients["anna"].id, NAME)
    folder.mkdir()
    (folder / "colmi-1-0.capture").write_bytes(whole[: len(whole) // 2])
    other = folder_of(home.app, 0, NAME)
    other.mkdir()
    (other / "colmi-1-0.capture").write_bytes(whole.replace(one.paired.id.encode(), b"PAGE-GONE"))
    with only_one(folder):
        keep_abandoned(home.app)
        assert len(captures(home)) == 1  # a page has it
    keep_abandoned(home.app)
    assert captures(home) == []
    assert list(page_folder(home.app).iterdir()) == []
    with home.app.store.reading() as connection:
        assert len(connection.execute(select(tables.imports)).all()) == 2


def test_a_store_that_fails_is_told_without_a_name(
    home: Clinic, days: list[Day], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/home/anna")

    monkeypatch.setattr(page_radio.PageRoster, "keep", full)
    assert sync(home, days) == {"end": "fault"}
    assert "OSError in a sync over a page" in caplog.text
    assert "anna" not in caplog.text
    # What had come of it waits, and so does what it is of.
    assert len(captures(home)) == len(paired(home)) == 1
    monkeypatch.undo()
    keep_abandoned(home.app)
    assert (captures(home), bool(n_minutes(home))) == ([], True)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), OperationalError("", {}, Exception("locked"))], ids=str
)
def test_an_archive_that_takes_nothing_is_no_fault_of_the_ring(
    home: Clinic, days: list[Day], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(home.app.archive, "keep", full)
        assert sync(home, days) == {"end": "fault"}
    assert sync(home, days)["end"] == "done"
    assert captures(home) == []


def test_a_disk_that_is_nearly_full_is_left_alone(home: Clinic, days: list[Day], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SPARE_BYTES", 1 << 60)
    assert sync(home, days) == {"end": "fault"}
    assert paired(home) == []


def test_two_pages_of_one_patient_pair_one_ring(home: Clinic, days: list[Day]) -> None:
    """The page was reloaded before anything had come; the new one waits until the old one is done, and pairs anew."""
    with opened(home) as first:
        PyPage(first, VirtualRing(days, SMALL), home.app.now_ms).greet()
        first.receive_json()
        with opened(home) as second:
            page = PyPage(second, VirtualRing(days, SMALL), home.app.now_ms)
            page.greet()
            first.close()
            assert page.run()["end"] == "done"
    assert len(paired(home)) == 1


def test_a_page_that_takes_nothing_is_not_waited_for(home: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_radio, "FAREWELL_S", 0.1)

    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(WebSocket, "send_text", stuck)
    with opened(home) as socket:
        socket.send_text("{}")
        settle(home)
    settle(home)


def test_a_ring_that_the_clinic_knows_by_its_address_is_nobody_elses(home: Clinic, days: list[Day]) -> None:
    assert sync(home, days)["end"] == "done"
    address = "70:CB:0D:D0:34:1C"
    anna, bela = home.patients["anna"].id, home.patients["bela"].id
    with home.app.store.writing() as connection:
        wearables.add_wearable(connection, anna, Paired(address, address, NAME, "colmi"))
    for id in (address, address.lower()):
        with pytest.raises(Conflict, match="another patient"), home.app.store.writing() as connection:
            wearables.add_wearable(connection, bela, Paired(id, id, NAME, "colmi"))
