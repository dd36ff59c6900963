"""A patient on a phone, against a real `afoot serve`: files that survive a cut, answers that arrive exactly once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import func, select

from afoot.app import App
from afoot.erasing import erase_patient
from afoot.service import accounts
from afoot.service.roles import Role
from afoot.settings import Settings
from ingest import ledger, people, tables
from ingest.observations import list_observations
from rules.finding import Recipient as RuleRecipient
from rules.routes import add_route
from tests.pages.process import Service
from tests.pages.world import PASSWORD

pytestmark = pytest.mark.live

PIECE = 1 << 20
WATCH = "A watch with a name that fills the line so that few rows make a large file"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(Settings(home=tmp_path_factory.mktemp("phones") / "home", store=""))
    yield app
    app.close()


@pytest.fixture(scope="module")
def running(app: App, browser: Browser) -> Iterator[Service]:
    with Service(app.settings.home) as one:
        yield one


@pytest.fixture
def service(running: Service, app: App) -> Iterator[Service]:
    """The service, with two new patients: Anna and Bela of this test alone."""
    with app.store.writing() as connection:
        for name in ("Anna", "Bela"):
            patient = people.add_patient(connection, name, "Europe/Berlin", app.now_ms())
            accounts.add_account(connection, name.lower(), PASSWORD, Role.PATIENT, app.now_ms(), patient_id=patient.id)
    yield running
    running.start()
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
    for patient in patients:
        erase_patient(app, patient, "the test")


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context
    context.close()


def sign_in(phone: BrowserContext, service: Service, name: str = "anna") -> Page:
    page = phone.pages[0] if phone.pages else phone.new_page()
    page.goto(f"{service.url}/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("form.login button")
    page.wait_for_url("**/me")
    page.evaluate(
        "(async () => { while (!navigator.serviceWorker.controller) await new Promise(done => setTimeout(done, 20)); })()"
    )
    return page


def table(minutes: int) -> bytes:
    """A plain table that ends now."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = (f"{end - timedelta(minutes=minutes - n):%Y-%m-%dT%H:%M:00Z},{30 + n % 60},{WATCH}" for n in range(minutes))
    return ("start,value,device\n" + "\n".join(rows)).encode()


def said(app: App, name: str = "Anna") -> list[tuple[str, int | None]]:
    with app.store.reading() as connection:
        found = list_observations(connection, people.find_patient(connection, name).id)
    return [(one.entry.code, one.entry.value) for one in found]


def give(page: Page, name: str, content: bytes) -> None:
    page.set_input_files("#files", {"name": name, "mimeType": "application/octet-stream", "buffer": content})


def test_a_file_survives_that_the_service_is_killed(phone: BrowserContext, service: Service, app: App) -> None:
    page = sign_in(phone, service)
    content = table(24_000)
    assert len(content) > 2.2 * PIECE
    offsets: list[int] = []

    def cut(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == 2:
                service.kill()
        route.continue_()

    page.route("**/api/v1/uploads/*", cut)
    give(page, "my export.csv", content)
    expect(page.locator("#transfers .hint")).to_contain_text("goes on by itself")
    assert page.locator("#transfers progress").get_attribute("value") == str(PIECE)
    service.start()
    page.evaluate("dispatchEvent(new Event('online'))")  # as the phone says when it is connected again
    expect(page.locator("#transfers .hint")).to_have_text("Finished: see the result below.")
    assert offsets == [0, PIECE, PIECE, 2 * PIECE], "what had arrived was sent again, or left out"
    expect(page.locator("#results .headline")).to_have_text("Taken")
    expect(page.locator("#results")).to_contain_text("24,000 new minutes of steps or pulse.")
    with app.store.reading() as connection:
        (kept,) = ledger.list_imports(connection)
        assert (kept.name, kept.state, kept.change.inserted) == ("my export.csv", "done", 24_000)
        assert connection.execute(select(func.count()).select_from(tables.objects)).scalar() == 1
    page.reload()
    expect(page.locator(".facts-list")).to_contain_text("It reaches until")
    page.unroute("**/api/v1/uploads/*")
    give(page, "again.csv", content)
    expect(page.locator("#transfers .hint").last).to_have_text("This file was here already: nothing new, and that is fine.")
    expect(page.locator("#results .headline")).to_have_count(1)


def test_a_file_goes_on_after_the_page_was_closed(phone: BrowserContext, service: Service, tmp_path: Path) -> None:
    page = sign_in(phone, service)
    file = tmp_path / "export.csv"
    file.write_bytes(table(12_000))
    offsets: list[int] = []

    def watch(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == 2:
                route.abort("connectionreset")
                return
        route.continue_()

    page.route("**/api/v1/uploads/*", watch)
    page.set_input_files("#files", file)
    expect(page.locator("#transfers .hint")).to_contain_text("goes on by itself")
    page.reload()
    page.set_input_files("#files", file)
    expect(page.locator("#transfers .hint")).to_have_text("Finished: see the result below.")
    assert offsets == [0, PIECE, PIECE]
    expect(page.locator("#results .headline")).to_have_text("Taken")


def test_who_signed_out_leaves_no_name_on_the_phone(phone: BrowserContext, service: Service) -> None:
    page = sign_in(phone, service)
    page.goto(service.url)
    expect(page.locator(".hello")).to_have_text("Hello Anna")
    page.click("text=Sign out")
    expect(page.locator(".note")).to_have_text("You have been signed out.")
    page.goto(f"{service.url}/offline")
    expect(page.locator("#nobody")).to_be_visible()
    page.locator("[name=pain][value='9']").check(force=True)
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_contain_text("Nobody has signed in on this phone yet")
    page.goto(f"{service.url}/me")
    expect(page.locator("h1")).to_have_text("Sign in")


def test_a_file_that_is_none_is_refused_in_plain_words(phone: BrowserContext, service: Service) -> None:
    page = sign_in(phone, service)
    give(page, "holiday.png", b"\x89PNG\r\n\x1a\n" + bytes(2000))
    expect(page.locator("#results .headline")).to_have_text("Not taken")
    expect(page.locator("#results")).to_contain_text("could not be read as the export of a wearable")
    give(page, "nothing.csv", b"")
    expect(page.locator("#transfers li").last).to_contain_text("it is empty")
    page.goto(f"{service.url}/me?lang=de")
    expect(page.locator("#results .headline")).to_have_text("Nicht angenommen")


def test_answers_arrive_as_they_were_given(phone: BrowserContext, service: Service, app: App) -> None:
    page = sign_in(phone, service)
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_have_text("Nothing is answered yet.")
    page.locator("[name=pain][value='4']").check(force=True)
    page.locator("[name=mood][value='8']").check(force=True)
    page.locator("[data-code=mood] .clear").click()
    page.locator("[name=nicotine][value='1']").check(force=True)
    page.fill("[name=nicotine_amount]", "3")
    page.click("text=Exercises you did")
    page.fill("[name=exercise_kind]", "pelvic tilt")
    page.fill("[name=exercise]", "2")
    page.click("text=What you were told to take care of")
    page.locator("[name=brace][value='0']").check(force=True)
    page.fill("[name=note]", "slept well")
    page.check("[name=no_flag]")
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_have_text("Thank you. Your answers have been sent.")
    found = said(app)
    assert {("pain", 4), ("nicotine", 1), ("exercise", 2), ("brace", 0), ("note", None), ("fever", 0)} <= set(found)
    assert "mood" not in dict(found)
    assert len(found) == 12
    assert page.locator("[name=pain]:checked").count() == 0
    page.reload()
    expect(page.locator("main")).to_contain_text("Pain: 4 of 10")


def test_a_warning_sign_without_a_connection(phone: BrowserContext, service: Service, app: App) -> None:
    page = sign_in(phone, service)
    service.kill()
    page.goto(f"{service.url}/me")
    expect(page.locator("h1")).to_have_text("You are offline")
    assert not page.locator("#nobody").is_visible()
    panel = page.locator("#emergency")
    assert not panel.is_visible()
    page.check("[name=calf_swelling]")
    assert panel.is_visible(), "the text comes before anything else, and from no network"
    expect(panel.locator("a").first).to_have_attribute("href", "tel:112")
    expect(page.locator("#emergency-said")).to_contain_text("SEE A DOCTOR AT ONCE")
    page.click("#tell-clinic")
    expect(page.locator("#flag-state")).to_contain_text("your clinic has NOT been told. Call now.")
    expect(page.locator("#waiting-state")).to_have_text("1 set of answers is waiting on this phone.")
    assert panel.is_visible()
    page.reload()
    expect(page.locator("#waiting-state")).to_have_text("1 set of answers is waiting on this phone.")
    service.start()
    page.click("text=Try again")
    expect(page.locator("#waiting-state")).to_have_text("1 answer kept on this phone has now been sent.")
    expect(page.locator("#answer-state")).to_have_text("No message could be sent to your therapist. Call your clinic now.")
    assert said(app) == [("calf_swelling", 1)]
    page.reload()
    assert said(app) == [("calf_swelling", 1)]


def test_an_answer_that_got_lost_on_its_way_back_is_kept_once(phone: BrowserContext, service: Service, app: App) -> None:
    page = sign_in(phone, service)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/observations", lose)
    page.locator("[name=pain][value='6']").check(force=True)
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_contain_text("kept on this phone")
    assert said(app) == [("pain", 6)]
    page.unroute("**/observations")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#waiting-state")).to_have_text("1 answer kept on this phone has now been sent.")
    assert said(app) == [("pain", 6)]


def test_a_phone_whose_clock_is_ahead_loses_nothing(phone: BrowserContext, service: Service, app: App) -> None:
    phone.add_init_script("const real = Date.now; Date.now = () => real() + 7200000;")
    page = sign_in(phone, service)
    page.check("[name=fever]")
    page.click("#tell-clinic")
    expect(page.locator("#flag-state")).to_contain_text("No message could be sent")
    with app.store.reading() as connection:
        (kept,) = list_observations(connection, people.find_patient(connection, "Anna").id)
    assert 0 <= app.now_ms() - kept.said.at_ms < 60_000


def test_a_warning_sign_that_was_told_stays_with_what_to_do(phone: BrowserContext, service: Service, app: App) -> None:
    """It is on its way only where there is a way; and it is told once, however often the rest is sent."""
    with app.store.writing() as connection:
        add_route(connection, RuleRecipient.THERAPIST, "json://127.0.0.1:9/ward")
    page = sign_in(phone, service)
    page.check("[name=fever]")
    page.locator("[name=pain][value='6']").check(force=True)
    page.click("#tell-clinic")
    expect(page.locator("#flag-state")).to_contain_text("A message about the warning sign is on its way to your therapist.")
    panel = page.locator("#emergency")
    expect(panel.get_by_role("link", name="Call 112")).to_be_visible()
    expect(page.locator("#flag-state")).to_be_in_viewport()
    assert page.is_checked("[name=fever]")
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_have_text("Thank you. Your answers have been sent.")
    assert panel.is_visible()
    page.click("#tell-clinic")
    assert sorted(said(app)) == [("fever", 1), ("pain", 6)]
    page.uncheck("[name=fever]")
    assert not panel.is_visible()
    page.check("[name=fever]")
    page.click("#tell-clinic")
    expect(page.locator("#flag-state")).to_contain_text("on its way")
    assert sorted(said(app)) == [("fever", 1), ("fever", 1), ("pain", 6)]


def test_what_will_never_be_taken_is_said_and_does_not_hold_up_the_rest(
    phone: BrowserContext, service: Service, app: App
) -> None:
    page = sign_in(phone, service)
    page.click("text=Exercises you did")
    page.fill("[name=exercise_kind]", "pelvic tilt")
    page.fill("[name=exercise]", "900")
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_contain_text("This was not taken: exercise: expected a whole number from 1 to 50")
    expect(page.locator("#waiting-state")).to_have_text("")
    page.fill("[name=exercise]", "9")
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_contain_text("Thank you")
    assert said(app) == [("exercise", 9)]


def test_nobody_sends_another_person_s_answers(phone: BrowserContext, service: Service, app: App) -> None:
    page = sign_in(phone, service)
    page.route("**/me/session", lambda route: route.abort("internetdisconnected"))
    page.locator("[name=pain][value='9']").check(force=True)
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#waiting-state")).to_contain_text("1 set")
    page.unroute("**/me/session")
    phone.clear_cookies()
    page = sign_in(phone, service, "bela")
    expect(page.locator(".hello")).to_have_text("Hello Bela")
    page.locator("[name=pain][value='1']").check(force=True)
    page.click("button.main >> text=Send my answers")
    expect(page.locator("#answer-state")).to_contain_text("Thank you")
    assert (said(app, "Anna"), said(app, "Bela")) == ([], [("pain", 1)])
    page.click("text=Sign out")
    page = sign_in(phone, service, "anna")
    expect(page.locator("#waiting-state")).to_contain_text("has now been sent")
    assert said(app, "Anna") == [("pain", 9)]


def test_shell_can_be_installed_and_holds_nothing_of_anybody(phone: BrowserContext, service: Service) -> None:
    page = sign_in(phone, service)
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then(answer => answer.json())")
    assert (manifest["start_url"], manifest["display"], manifest["lang"]) == ("/me", "standalone", "en")
    kept = page.evaluate(
        """async () => {
          const found = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys())
              found.push([new URL(request.url).pathname, await (await (await caches.open(name)).match(request)).text()]);
          return found;
        }"""
    )
    paths = {path for path, _ in kept}
    assert {"/offline", "/static/site.css", "/static/patient.js", "/static/icon.svg"} <= paths
    assert not [path for path in paths if path.startswith(("/me", "/api"))]
    assert not [path for path, text in kept if "Anna" in text or page.locator("#who").get_attribute("data-key") in text]
