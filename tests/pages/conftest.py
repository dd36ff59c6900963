"""One clinic and one browser for the tests of a file that need them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.dashboards.browser import find_chromium, open_browser
from tests.pages.radio import WebRadio, web_radio
from tests.pages.serving import serve
from tests.pages.world import NOW_MS, PASSWORD, Stopped, build_clinic

PHONE, DESK = (390, 844), (1280, 900)
SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def clinic_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    app = build_clinic(tmp_path_factory.mktemp("clinic"))
    yield app
    app.close()


@pytest.fixture(scope="session")
def url(clinic_home: Stopped) -> Iterator[str]:
    with serve(clinic_home) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip("needs Chromium")
    with open_browser() as opened:
        yield opened


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    yield made
    made.close()


@pytest.fixture
def sign_in(context: BrowserContext, url: str) -> SignIn:
    """Return a function that opens a page as somebody, whose scripts must run without an error."""

    def signed_in(name: str, path: str = "") -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
        page.goto(f"{url}/login")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("form.login button")
        page.wait_for_url(lambda where: "/login" not in where)
        if path:
            page.goto(url + path)
        return page

    return signed_in


@pytest.fixture(scope="module")
def radio_of_module(browser: Browser) -> Iterator[WebRadio]:
    with web_radio(browser) as opened:
        yield opened


@pytest.fixture
def radio(radio_of_module: WebRadio) -> Iterator[WebRadio]:
    """Nobody is near; the wearables that enter live at the clinic's now. Its browser is another than `browser`."""
    radio_of_module.clock = lambda: NOW_MS
    yield radio_of_module
    radio_of_module.clear()
