"""The report as a browser shows it: what is unknown stays unknown down to the pixel."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from dashboards.report import build_report
from rules.verdict import judge_day
from tests.dashboards.browser import Pixels, find_chromium, open_browser, read_png
from tests.dashboards.making import PRESCRIPTION, make_report
from tests.dashboards.picture import LIMIT_BYTES, PICTURE, take_picture, write_png
from tests.dashboards.test_report import DAY, day_of_states, small

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium, which is not on the PATH"),
]

# Stretches of the day made by hand, in minutes.
STRETCHES = {
    "asleep": (60, 360),
    "still": (430, 530),
    "walking": (540, 570),
    "unknown": (600, 720),
    "notworn": (780, 900),
    "moving": (960, 1005),
}
AMBER, BLUE = (194, 106, 0), (11, 63, 107)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Page:
    return browser.new_page()


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "quarter.html"
    path.write_text(build_report(make_report()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    summary = day_of_states()
    path = tmp_path_factory.mktemp("report") / "states.html"
    path.write_text(build_report(small((summary, judge_day(summary, PRESCRIPTION)))), encoding="utf-8")
    return path


def shoot_strip(page: Page, blank: Page) -> tuple[Pixels, float]:
    """Return the 40 rows of the strip's states, and how many pixels a minute is wide."""
    box = page.locator(f'svg[data-day="{DAY.isoformat()}"]').bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"] + 12, "width": box["width"], "height": 40}
    shot = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
    pixels = read_png(blank, shot)
    return pixels, pixels.shape[1] / 1440


def stretch(strip: Pixels, scale: float, key: str) -> Pixels:
    """Return the pixels that lie wholly within a stretch."""
    start, end = STRETCHES[key]
    return strip[:, int(np.ceil(start * scale)) + 1 : int(end * scale) - 1]


def near(pixels: Pixels, colour: tuple[int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    close: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = np.abs(pixels.astype(int) - colour).max(axis=-1) < 24
    return close


@pytest.mark.parametrize("width", [1280, 390])
def test_every_state_has_pixels_of_its_own(browser: Browser, blank: Page, states: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(states.as_uri())
    strip, scale = shoot_strip(page, blank)
    shown = {key: stretch(strip, scale, key) for key in STRETCHES}
    assert all(block.shape[1] >= 5 for block in shown.values())
    # Heights: what moves stands above what is still, whatever the colour.
    filled = {key: int((near(block, (255, 255, 255)).mean(axis=1) < 0.5).sum()) for key, block in shown.items()}
    assert [filled[key] for key in ("asleep", "still", "moving", "walking")] == [5, 13, 25, 40]
    # Unknown is hatched over its full height, and holds nothing of any other state.
    unknown = shown["unknown"]
    assert not near(unknown, AMBER).any()
    assert not near(unknown, BLUE).any()
    dark = unknown.mean(axis=-1) < 190
    assert 0.08 < dark.mean() < 0.6
    assert dark.any(axis=1).all(), "a row without a line of the hatching"
    assert dark.any(axis=0).all(), "a column without a line of the hatching"
    # Not worn is ruled: its rows are alike from end to end.
    ruled = shown["notworn"].mean(axis=-1)
    assert float(ruled.std(axis=1).max()) < 4
    assert float(ruled.mean(axis=1).std()) > 20
    page.close()


def test_unknown_begins_and_ends_at_its_minute(browser: Browser, blank: Page, states: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2)
    page.goto(states.as_uri())
    box = page.locator(f'svg[data-day="{DAY.isoformat()}"]').bounding_box()
    assert box is not None
    strip, scale = shoot_strip(page, blank)
    ground = near(strip[-8:-4], AMBER).all(axis=0)  # the rows in which stillness stands
    start, end = STRETCHES["unknown"]
    first, last = round(start * scale), round(end * scale)
    assert ground[first - 20 : first - 2].all()
    assert not ground[first + 1 : last - 1].any()
    assert ground[last + 2 : last + 20].all()
    page.close()


def test_states_differ_without_colour(browser: Browser, blank: Page, states: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(states.as_uri())
    eyes = page.context.new_cdp_session(page)
    for deficiency in ("achromatopsia", "deuteranopia", "protanopia", "tritanopia"):
        eyes.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
        strip, scale = shoot_strip(page, blank)
        if deficiency == "achromatopsia":
            assert int(np.ptp(strip.astype(int), axis=-1).max()) <= 2, "the colours were not taken away"
        shown = {key: stretch(strip, scale, key).astype(int) for key in STRETCHES}
        for one, other in combinations(STRETCHES, 2):
            width = min(shown[one].shape[1], shown[other].shape[1])
            difference = np.abs(shown[one][:, :width] - shown[other][:, :width]).mean()
            assert difference > 10, f"{one} and {other} look alike: {deficiency}"
    page.close()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_page_asks_for_nothing_and_fits(browser: Browser, quarter: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(quarter.as_uri())
    assert asked == [quarter.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3"
        " && n.textContent.trim())).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12
    page.close()


def test_policy_of_the_page_keeps_everything_else_out(browser: Browser, quarter: Path) -> None:
    page = browser.new_page()
    page.goto(quarter.as_uri())
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(
        "new Promise(done => { const image = new Image(); image.onerror = done; image.src = 'http://127.0.0.1:9/x.png';"
        " document.body.append(image); })"
    )
    assert any("Content Security Policy" in text for text in said)
    page.close()


def test_text_has_the_contrast_that_is_asked_for(browser: Browser, quarter: Path) -> None:
    """WCAG 2.2: 4.5 to 1 for text against its background; 3 to 1 for the parts of a drawing against paper."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(quarter.as_uri())
    found = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3
            && n.textContent.trim()) && !e.closest('svg defs')).map(e => {
          let under = e;
          const clear = c => c === 'rgba(0, 0, 0, 0)' || c === 'transparent';
          while (under && clear(getComputedStyle(under).backgroundColor)) under = under.parentElement;
          const style = getComputedStyle(e);
          const paper = under ? getComputedStyle(under).backgroundColor : 'rgb(255, 255, 255)';
          return [e.closest('svg') ? style.fill : style.color, paper];
        }).filter((pair, i, all) => all.findIndex(p => p.join() === pair.join()) === i)"""
    )
    assert len(found) >= 4
    for ink, paper in found:
        assert contrast(ink, paper) >= 4.5, (ink, paper)
    drawn = page.evaluate(
        """() => ['walking', 'moving', 'still', 'asleep', 'credit', 'toolong'].map(name =>
             getComputedStyle(document.querySelector('.' + name)).fill).concat(
           ['blankline', 'offline', 'median', 'reference', 'baseline', 'nudge'].map(name =>
             getComputedStyle(document.querySelector('.' + name)).stroke),
           ['bar', 'stillbar', 'slot.notdone'].map(name => getComputedStyle(document.querySelector('.' + name)).stroke))"""
    )
    assert all(contrast(colour, "rgb(255, 255, 255)") >= 3 for colour in drawn), drawn
    page.close()


def contrast(one: str, other: str) -> float:
    """Return the contrast of two CSS colours. Source: WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [float(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(", ")]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_print_is_a_few_pages_of_a4(browser: Browser, quarter: Path) -> None:
    page = browser.new_page()
    page.goto(quarter.as_uri())
    pdf = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 594.95996 841.91998]" in pdf
    assert 5 <= pdf.count(b"/Type /Page\n") <= 9
    assert b"/Subtype /Image" not in pdf, "a drawing reached the printer as a picture, not as lines"
    page.close()


def test_picture_of_the_readme_is_made_by_its_command(browser: Browser, blank: Page) -> None:
    """Read by the browser's own decoder, the picture is what was photographed, to within a few steps of its palette."""
    photographed = take_picture(browser)
    made = write_png(photographed)
    assert len(made) < LIMIT_BYTES
    difference = np.abs(read_png(blank, made).astype(int) - photographed)
    assert float(difference.mean()) < 1
    kept = PICTURE.read_bytes()
    assert kept[16:24] == made[16:24], "the size of docs/images/report.png: run python -m tests.dashboards.picture"
    assert len(kept) < LIMIT_BYTES
