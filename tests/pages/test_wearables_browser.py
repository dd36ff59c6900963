"""Sync on the patient's page: the service, a real Chromium's own Web Bluetooth, GATT over simulated radio, virtual wearables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from afoot.app import App
from afoot.service import accounts, audit, secret, tables
from afoot.service.parts import Parts, make_parts
from afoot.service.roles import Role
from afoot.settings import Settings
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.radio import bangle, colmi
from devices.radio.codec import Codec
from devices.radio.codec import Settings as Connection
from devices.virtual import Day
from devices.virtual.radio.link import Link
from devices.virtual.radio.peripheral import Faults, Peripheral
from devices.virtual.radio.ring import RingModel, VirtualRing
from devices.virtual.radio.watches import VirtualBangle
from ingest import people
from ingest.archive import Archive
from ingest.collect.files import import_files
from ingest.store import Store
from ingest.wearables import Wearable, list_wearables
from tests.pages.radio import Chooser, WebRadio
from tests.pages.serving import serve
from tests.pages.test_pages_browser import check_fit, check_targets
from tests.pages.world import PASSWORD
from tests.radio.room import NOW, Clock, lived, stored

pytestmark = pytest.mark.live

SMALL = RingModel(days_kept=1, pulse_every_min=60, tells_sleep=False)
PACE = 0.1


class Running(App):
    """The program with a clock that began at the wearables' now."""

    clock: Clock

    def now_ms(self) -> int:
        return self.clock()


@dataclass
class Home:
    """A clinic with one patient, whose page is open in a browser that has a radio."""

    app: Running
    parts: Parts
    patient: people.Patient
    url: str
    radio: WebRadio
    page: Page

    def wearables(self) -> list[Wearable]:
        with self.app.store.reading() as connection:
            return list_wearables(connection, [self.patient.id])

    def minutes(self) -> list[tuple[object, ...]]:
        """What is stored: metric, day, block; without what names a device."""
        return [row[2:5] for row in stored(self.app.store)["minutes"]]

    def said(self, text: str, seconds: float = 20) -> None:
        """Wait until the page says this of the sync, in its end."""
        expect(self.page.locator("#wearable-said")).to_contain_text(text, timeout=seconds * 1000)

    def connect(self, name: str) -> None:
        chooser = Chooser(self.page)
        self.page.click("text=Connect a ring or watch")
        chooser.choose(name)


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return lived()


@pytest.fixture
def home(radio: WebRadio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(secret, "_COST", 1 << 8)
    app = Running(Settings(home=tmp_path / "home", store="", durable=False))
    app.clock = Clock(NOW)
    radio.clock = app.clock
    with app.store.writing() as connection:
        patient = people.add_patient(connection, "Anna", "Europe/Berlin", 0)
        accounts.add_account(connection, "anna", PASSWORD, Role.PATIENT, NOW, patient_id=patient.id)
    parts = make_parts(app)
    parts.manner = replace(parts.manner, pace=PACE)
    with serve(app, parts) as url, radio.browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
        page.goto(f"{url}/login")
        page.fill("[name=name]", "anna")
        page.fill("[name=password]", PASSWORD)
        page.click("form.login button")
        page.wait_for_url("**/me")
        yield Home(app, parts, patient, url, radio, page)
    app.close()


def synced_without_a_radio(folder: Path, codec: Codec, peripheral: Peripheral) -> list[tuple[object, ...]]:
    """Return the minutes that the same wearable comes to by an exchange in this process, imported as a file."""
    sync = Link(codec, peripheral).sync(Connection({}, 7200), NOW)
    assert sync.is_done
    store = Store(f"sqlite:///{folder / 'other.db'}", durable=False)
    try:
        with store.writing() as connection:
            patient = people.add_patient(connection, "Anna", "Europe/Berlin", 0)
        sources = [BytesSource(data, f"{number}.capture") for number, data in enumerate(sync.captures)]
        outcomes = list(import_files(store, Archive(folder / "other"), patient, sources, ReadOptions(), NOW))
        assert not any(one.refused for one in outcomes)
        return [row[2:5] for row in stored(store)["minutes"]]
    finally:
        store.close()


def test_a_ring_is_connected_and_all_it_kept_is_stored(home: Home, tmp_path: Path, days: list[Day]) -> None:
    home.radio.enter(VirtualRing(days))
    home.connect("R02_341C")
    home.said("Synced.")
    expect(home.page.locator("#wearable-said")).to_contain_text("Battery: 64 %.")
    expect(home.page.locator("#wearable-list")).to_contain_text("R02_341C")
    expect(home.page.locator("#today")).to_contain_text("steps known so far")
    (one,) = home.wearables()
    assert (one.paired.codec, one.paired.address, one.battery, one.problem) == ("colmi", "", 64, "")
    wanted = synced_without_a_radio(tmp_path, colmi.CODEC, VirtualRing(days))
    assert home.minutes() == wanted
    assert {row[0] for row in wanted} == {"steps", "heart_rate"}
    with home.app.store.reading() as connection:
        acts = [(act.who, act.action) for act in audit.list_acts(connection) if act.action.startswith("change")]
    assert acts == [("anna", "change wearables"), ("anna", "change files")]


def test_a_watch_too(home: Home, tmp_path: Path, days: list[Day]) -> None:
    home.radio.enter(VirtualBangle(days[-3:], zone_s=7200))
    home.connect("Bangle.js 1a2b")
    home.said("Synced.")
    assert home.minutes() == synced_without_a_radio(tmp_path, bangle.CODEC, VirtualBangle(days[-3:], zone_s=7200))


def test_again_goes_on_where_it_was_and_needs_no_chooser(home: Home, days: list[Day]) -> None:
    ring = home.radio.enter(VirtualRing(days))
    home.connect("R02_341C")
    home.said("Synced.")
    before, sent = home.minutes(), ring.sent
    home.app.clock.forward(60_000)
    home.page.get_by_role("button", name="Sync now").click()
    home.said("Synced.")
    assert ring.sent - sent < sent / 3
    assert len(home.wearables()) == 1
    assert len(home.minutes()) == len(before)


def test_a_link_that_breaks_is_made_again_and_nothing_is_lost(home: Home, tmp_path: Path, days: list[Day]) -> None:
    ring = home.radio.enter(VirtualRing(days))
    home.radio.drop_after(ring, 40)
    home.connect("R02_341C")
    home.said("Synced.")
    assert ring.sent > 40
    assert home.minutes() == synced_without_a_radio(tmp_path, colmi.CODEC, VirtualRing(days))


def test_a_wearable_that_goes_away_for_good_keeps_what_came(home: Home, days: list[Day]) -> None:
    ring = home.radio.enter(halting(home, days))
    home.parts.manner = replace(home.parts.manner, tries=2)
    home.connect("R02_341C")
    expect(home.page.locator("#wearable-state")).to_contain_text("Fetching")
    home.radio.rig.fail_connect.append("le-connection-abort-by-local")
    home.radio.drop(ring)
    home.said("The device was not reached", 60)
    assert home.minutes()
    (one,) = home.wearables()
    assert not one.paired.cursor
    expect(home.page.locator("#wearable-list")).to_contain_text("did not work")


def test_whoever_stops_or_leaves_keeps_what_came(home: Home, days: list[Day]) -> None:
    ring = home.radio.enter(halting(home, days))
    home.connect("R02_341C")
    expect(home.page.locator("#wearable-state")).to_contain_text("Fetching")
    home.page.get_by_role("button", name="Stop", exact=True).click()
    expect(home.page.locator("#wearable-said")).to_contain_text("Stopped.")
    until(home.page, lambda: bool(home.minutes()))
    assert not home.radio.is_connected(ring)
    home.page.get_by_role("button", name="Sync now").click()
    expect(home.page.locator("#wearable-state")).to_contain_text("Fetching")
    home.page.goto("about:blank")
    until(home.page, lambda: home.parts.page_syncs.total() == 0)


def test_a_chooser_that_is_left_and_a_device_that_cannot_be_reached(home: Home, days: list[Day]) -> None:
    ring = home.radio.enter(VirtualRing(days))
    chooser = Chooser(home.page)
    home.page.click("text=Connect a ring or watch")
    chooser.wait_for("R02_341C")
    chooser.cancel()
    home.said("No device was chosen.")
    home.page.click("text=Connect a ring or watch")
    chooser.wait_for("R02_341C")
    home.radio.rig.fail_connect += ["le-connection-abort-by-local"] * 3
    chooser.choose("R02_341C")
    home.said("The device was not reached.")
    assert home.wearables() == []  # nothing came of it
    assert not home.radio.is_connected(ring)


def test_one_that_was_paired_here_can_be_let_go_of(home: Home, days: list[Day]) -> None:
    home.radio.enter(VirtualRing(days, SMALL))
    home.connect("R02_341C")
    home.said("Synced.")
    kept = home.minutes()
    home.page.click("text=This is no longer mine")
    home.page.click("text=Remove it")
    home.page.wait_for_url("**/me#wearables")
    expect(home.page.locator("#wearable-list")).not_to_contain_text("R02_341C")
    assert home.wearables() == []
    assert home.minutes() == kept


def test_a_session_that_ended_meanwhile_brings_nothing_in(home: Home, days: list[Day]) -> None:
    home.radio.enter(halting(home, days))
    home.connect("R02_341C")
    expect(home.page.locator("#wearable-state")).to_contain_text("Fetching")
    with home.app.store.writing() as connection:
        connection.execute(delete(tables.sessions))
    home.said("You are no longer signed in.")
    assert home.minutes() == []
    assert not list(home.app.settings.radio_folder.rglob("*.capture"))


def test_it_can_be_used_by_everybody(home: Home, days: list[Day]) -> None:
    assert Axe().run(home.page).violations_count == 0
    home.radio.enter(VirtualRing(days, SMALL))
    home.connect("R02_341C")
    home.said("Synced.")
    home.page.click("text=This is no longer mine")
    for width in (390, 1280, 320):
        home.page.set_viewport_size({"width": width, "height": 844})
        check_fit(home.page, width)
    check_targets(home.page)
    found = Axe().run(home.page)
    assert found.violations_count == 0, found.generate_report()


def test_whoever_has_no_mouse_stays_where_they_were(home: Home, days: list[Day]) -> None:
    """The button that began a sync has the keyboard again when it is over, though another has come in its place."""
    home.radio.enter(VirtualRing(days, SMALL))
    chooser = Chooser(home.page)
    home.page.get_by_role("button", name="Connect a ring or watch").focus()
    home.page.keyboard.press("Enter")
    chooser.choose("R02_341C")
    home.said("Synced.")
    expect(home.page.get_by_role("button", name="Connect a ring or watch")).to_be_focused()
    again = home.page.get_by_role("button", name="Sync now")
    again.focus()
    for _ in range(2):
        home.page.keyboard.press("Enter")
        home.said("Connecting.")
        home.said("Synced.")
        expect(again).to_be_focused()


def test_a_clinic_that_takes_no_sync_is_told_apart_from_one_that_is_not_reached(home: Home, days: list[Day]) -> None:
    home.radio.enter(VirtualRing(days, SMALL))
    now_ms = home.app.now_ms()
    while not home.parts.syncs_by_account.wait_ms("patient:anna", now_ms):
        home.parts.syncs_by_account.count("patient:anna", now_ms)
    home.connect("R02_341C")
    home.said("Your clinic takes no sync just now.")
    with home.app.store.writing() as connection:
        connection.execute(delete(tables.sessions))
    chooser = Chooser(home.page)
    home.page.click("text=Connect a ring or watch")
    chooser.choose("R02_341C")
    home.said("You are no longer signed in.")
    assert home.wearables() == []


def halting(home: Home, days: list[Day]) -> VirtualRing:
    """A ring that says nothing for some seconds in the midst of each sync, so that a test has the time to do something then."""
    home.parts.manner = replace(home.parts.manner, pace=0.5)
    return VirtualRing(days, faults=Faults(stalled=frozenset({80, 160})))


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait until something is so. Raises: AssertionError"""
    for _ in range(500):
        if true():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not come to be so")
