"""Every page in a real Chromium: usable by everybody, fitting a phone, asking for nothing from elsewhere."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from dashboards.site import RED_FLAGS
from ingest.people import list_patients
from tests.pages.conftest import DESK, PHONE, SignIn
from tests.pages.world import Stopped

pytestmark = pytest.mark.live

# Whose, and where; {anna}: the pseudonym.
PAGES = (
    ("", "/login"),
    ("", "/login?lang=de"),
    ("", "/offline"),
    ("anna", "/me"),
    ("anna", "/me?lang=de"),
    ("maria", "/me"),
    ("lang", "/ward"),
    ("lang", "/ward/{anna}"),
    ("lang", "/ward/{maria}"),
    ("lang", "/ward/{elif}"),
    ("lang", "/ward/{anna}/prescription"),
    ("lang", "/ward/{ines}/prescription"),
    ("lang", "/ward/{anna}/visit"),
    ("lang", "/nowhere"),
    ("op", "/operator"),
)


def keys(app: Stopped) -> dict[str, str]:
    with app.store.reading() as connection:
        return {one.name.split()[0].lower(): one.pseudonym for one in list_patients(connection)}


def open_all(page: Page) -> None:
    """Show what is folded away, and the emergency text."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate("document.querySelectorAll('.flag').forEach(one => { one.checked = true; })")


def check_fit(page: Page, width: int) -> None:
    """Nothing is cut off at the side, and no text is too small to read."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].filter(one => one.checkVisibility() && !one.closest('svg')"
        " && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))"
        ".map(one => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert smallest >= (16 if "patient" in (page.get_attribute("body", "class") or "") else 12)


def check_targets(page: Page) -> None:
    """What a finger must hit is 44 pixels high: WCAG 2.2, 2.5.5."""
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, .button, summary, input:not([type=hidden]), select')]
            .filter(one => one.checkVisibility() && !['checkbox', 'radio', 'file'].includes(one.type))
            .filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 90))"""
    )
    assert small == []


@pytest.mark.parametrize("name", ["", "anna", "maria", "lang", "op"])
def test_pages_are_for_everybody(name: str, sign_in: SignIn, clinic_home: Stopped, url: str, browser: Browser) -> None:
    known = keys(clinic_home)
    page = sign_in(name) if name else browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for path in (path.format(**known) for whose, path in PAGES if whose == name):
        page.goto(url + path)
        open_all(page)
        for width, height in (PHONE, DESK, (320, 640)):
            page.set_viewport_size({"width": width, "height": height})
            check_fit(page, width)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        check_targets(page)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    assert [one for one in asked if not one.startswith(url)] == []
    assert [one for one in said if "Permissions-Policy" not in one and "404" not in one] == []
    if not name:
        page.close()


def test_policy_lets_nothing_inline_run(sign_in: SignIn, url: str) -> None:
    page = sign_in("anna")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\" id=\"x\">x</p>')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.getElementById('x')).color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in text for text in said)


def test_without_scripts_the_emergency_text_is_there_at_once(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{url}/offline")
    panel = page.locator("#emergency")
    assert not panel.is_visible()
    for code in RED_FLAGS:
        page.check(f"[name={code}]")
        assert panel.is_visible()
        assert "112" in panel.inner_text()
        page.uncheck(f"[name={code}]")
    assert not panel.is_visible()
    context.close()


def test_ward_by_keyboard_alone(sign_in: SignIn) -> None:
    page = sign_in("lang")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Maria Okafor":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/ward/*")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('name') ?? document.activeElement.textContent.trim()"))
    assert {"Evidence", "note", "Take it on", "Send no messages for a while", "Write down what you did", "days"} <= reached


def test_by_keyboard_alone(sign_in: SignIn, url: str) -> None:
    page = sign_in("anna")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.tagName"))
        if seen[-1] == "BODY":
            break  # it goes on in the browser's own bar
        visible = page.evaluate(
            """() => { const one = document.activeElement, label = one.closest('label') ?? one;
                return getComputedStyle(one).outlineStyle !== 'none' || getComputedStyle(label).outlineStyle !== 'none'
                  || getComputedStyle(one.nextElementSibling ?? one).outlineStyle !== 'none'
                  || getComputedStyle(one.parentElement.querySelector('label') ?? one).outlineStyle !== 'none'; }"""
        )
        assert visible, f"no focus is seen at {seen[-1]}"
        if seen[-1] == "fever":
            page.keyboard.press("Space")
            assert page.locator("#emergency").is_visible()
            assert "SEE A DOCTOR" in page.locator("#emergency-said").inner_text()
            page.keyboard.press("Space")
            assert not page.locator("#emergency").is_visible()
        if seen[-1] == "pain":
            page.keyboard.press("ArrowRight")
    assert page.locator("[name=pain]:checked").count() == 1
    assert [one for one in ("files", "fever", "no_flag", "pain", "mood", "nicotine", "note") if one not in seen] == []
