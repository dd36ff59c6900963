"""Chromium for the tests and the picture, and what its screenshots hold."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, Page, sync_playwright

Pixels = npt.NDArray[np.uint8]

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine; None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Raises: RuntimeError if there is no Chromium."""
    path = find_chromium()
    if path is None:
        raise RuntimeError("no Chromium: expected chromium, chromium-browser or google-chrome on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


_DECODE = """async data => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + data;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, image.width, image.height).data;
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return [image.width, image.height, btoa(text)];
}"""


def read_png(blank: Page, png: bytes) -> Pixels:
    """Return a PNG's pixels: (height, width, 3) uint8. blank: a page to decode it in."""
    width, height, text = blank.evaluate(_DECODE, base64.b64encode(png).decode())
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)[:, :, :3]
