"""The pictures of the ward and of the patient's page in docs/images, made again by: python -m tests.pages.pictures"""

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page

from tests.dashboards.browser import Pixels, open_browser, read_png
from tests.dashboards.picture import write_png
from tests.pages.serving import serve
from tests.pages.world import PASSWORD, build_clinic

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
LIMIT_BYTES = 200_000
# Whose page, its picture, the size of the screen, and how much finer it is drawn.
PICTURES = (("lang", "ward.png", (1180, 900), 1), ("anna", "patient.png", (390, 1290), 1.5))


def take_pictures(browser: Browser, url: str) -> dict[str, Pixels]:
    """Return the pixels of each picture, (h, w, 3)."""
    taken = {}
    for name, file, (width, height), scale in PICTURES:
        context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale, locale="en-GB")
        page = context.new_page()
        _sign_in(page, url, name)
        png = page.screenshot()
        blank = browser.new_page()
        taken[file] = read_png(blank, png)
        blank.close()
        context.close()
    return taken


def _sign_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("form.login button")
    page.wait_for_url(lambda where: "/login" not in where)


if __name__ == "__main__":
    with TemporaryDirectory() as home:
        app = build_clinic(Path(home))
        with serve(app) as address, open_browser() as opened:
            for file, pixels in take_pictures(opened, address).items():
                (FOLDER / file).write_bytes(write_png(pixels))
        app.close()
