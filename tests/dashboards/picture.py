"""The README's picture of the report, made again by: python -m tests.dashboards.picture"""

import base64
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, Page

from dashboards.report import build_report
from tests.dashboards.browser import Pixels, open_browser, read_png
from tests.dashboards.making import make_report

PICTURE = Path(__file__).resolve().parents[2] / "docs/images/report.png"
LIMIT_BYTES = 300_000
PAGE_WIDTH = 1100
STRIP_DAYS = 10
PANE_WIDTH, PANE_HEIGHT, MARGIN = 800, 1120, 24

# Two views of one page, side by side: from its top, and from the walks on.
SHEET = """<!doctype html><style>
body {{ margin: 0; padding: {margin}px; display: flex; gap: {margin}px; background: #e7ebef; }}
div {{ position: relative; width: {width}px; height: {height}px; overflow: hidden; background: #fff; border-radius: 8px; }}
div::after {{ content: ""; position: absolute; inset: auto 0 0; height: 36px; background: linear-gradient(#fff0, #fff); }}
img {{ width: {width}px; display: block; }}
</style><div><img src="data:image/png;base64,{left}"></div><div><img src="data:image/png;base64,{right}"></div>"""


def take_picture(browser: Browser) -> Pixels:
    """Return the picture's pixels, (h, w, 3)."""
    page = browser.new_page(viewport={"width": PAGE_WIDTH, "height": 900}, device_scale_factor=1)
    page.set_content(build_report(replace(make_report(), strip_days=STRIP_DAYS)))
    tall = PANE_HEIGHT * PAGE_WIDTH / PANE_WIDTH
    panes = [_pane(page, 0, tall), _pane(page, _top(page, "walks") - 24, tall)]
    sheet_width, sheet_height = 2 * PANE_WIDTH + 3 * MARGIN, PANE_HEIGHT + 2 * MARGIN
    page.set_viewport_size({"width": sheet_width, "height": sheet_height})
    left, right = (base64.b64encode(pane).decode() for pane in panes)
    page.set_content(SHEET.format(margin=MARGIN, width=PANE_WIDTH, height=PANE_HEIGHT, left=left, right=right))
    pixels = read_png(page, page.screenshot())
    page.close()
    return pixels


def _top(page: Page, section: str) -> float:
    box = page.locator(f'section[aria-labelledby="{section}"]').bounding_box()
    assert box is not None
    return box["y"]


def _pane(page: Page, top: float, height: float) -> bytes:
    return page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": PAGE_WIDTH, "height": height})


def write_png(pixels: Pixels) -> bytes:
    """Return (h, w, 3) pixels as a PNG of 256 colours at most: the most frequent ones, every other as the nearest of them."""
    height, width, _ = pixels.shape
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, index, counts = np.unique(packed, return_inverse=True, return_counts=True)
    kept = _choose(colours, counts)
    nearest = _nearest(_split(colours), _split(kept))
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = nearest[index.reshape(height, width)]
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", _split(kept).astype(np.uint8).tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in (*parts, (b"IEND", b"")))


def _choose(colours: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """Return the most frequent colour of each of the 256 fullest cubes of 16 steps a side."""
    order = np.argsort(-counts, kind="stable")
    cube = (colours[order] >> 4) & 0x0F0F0F
    _, first, where = np.unique(cube, return_index=True, return_inverse=True)
    weight = np.bincount(where, weights=counts[order])
    return np.asarray(colours[order][first[np.argsort(-weight, kind="stable")[:256]]], np.uint32)


def _split(colours: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    return np.stack([(colours >> shift) & 255 for shift in (16, 8, 0)], axis=-1).astype(np.int32)


def _nearest(colours: npt.NDArray[np.int32], kept: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    distance = ((colours[:, None, :] - kept[None, :, :]) ** 2).sum(axis=-1)
    return distance.argmin(axis=1).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    with open_browser() as opened:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(write_png(take_picture(opened)))
