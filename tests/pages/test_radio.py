"""A plain page and virtual wearables, over the browser's own Web Bluetooth: what the pages' scripts build on."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from devices.radio import bangle
from devices.radio.colmi import packets
from devices.virtual import Day
from devices.virtual.radio.ring import VirtualRing
from devices.virtual.radio.watches import VirtualBangle, VirtualSensor
from tests.pages.radio import Chooser, WebRadio, web_radio
from tests.radio.room import Clock, lived

pytestmark = pytest.mark.live

_PAGE = """<!doctype html><title>A page</title><button onclick="result = work().then(
  value => ({value}), error => ({error: error.name, text: error.message}))">Go</button>
<script>
let work, result, device, got = [], told = [];
const hex = view => Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), x => x.toString(16).padStart(2, '0')).join('');
async function connect(names, optionalServices) {
  device = await navigator.bluetooth.requestDevice({filters: names.map(namePrefix => ({namePrefix})), optionalServices});
  device.addEventListener('gattserverdisconnected', event => told.push([event.type, event.target.name]));
  await device.gatt.connect();
}
async function find(service, characteristic) {
  return (await device.gatt.getPrimaryService(service)).getCharacteristic(characteristic);
}
async function listen(service, characteristic) {
  const one = await find(service, characteristic);
  one.addEventListener('characteristicvaluechanged', event => got.push(hex(event.target.value)));
  await one.startNotifications();
}
</script>"""


class _OnePage(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(_PAGE.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _OnePage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return lived()


@pytest.fixture(scope="module")
def rig(browser: Browser) -> Iterator[WebRadio]:
    with web_radio(browser, Clock()) as radio:
        yield radio


@pytest.fixture
def radio(rig: WebRadio) -> Iterator[WebRadio]:
    yield rig
    rig.clear()


@pytest.fixture
def page(radio: WebRadio, address: str) -> Iterator[Page]:
    with radio.browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
        page.goto(address)
        yield page


def begin(page: Page, script: str) -> None:
    """Let the page's button do this, and push it."""
    page.evaluate(f"() => {{ work = async () => {{ {script} }} }}")
    page.click("button")


def result(page: Page) -> Any:
    said = page.evaluate("result")
    assert "error" not in said, said
    return said.get("value")


def error(page: Page) -> tuple[str, str]:
    said = page.evaluate("result")
    assert "error" in said, said
    return said["error"], said["text"]


def run(page: Page, script: str) -> Any:
    begin(page, script)
    return result(page)


def fails(page: Page, script: str) -> tuple[str, str]:
    begin(page, script)
    return error(page)


def connect(page: Page, name: str, *services: str) -> None:
    chooser = Chooser(page)
    begin(page, f"await connect(['{name}'], {[*services]})")
    chooser.choose(name)
    result(page)


def test_a_ring_answers(radio: WebRadio, page: Page, days: list[Day]) -> None:
    radio.enter(VirtualRing(days))
    connect(page, "R02_341C", packets.SERVICE, packets.BIG_SERVICE, "device_information")
    listed = run(
        page,
        """const found = {};
        for (const service of await device.gatt.getPrimaryServices())
          found[service.uuid] = (await service.getCharacteristics()).map(one => one.uuid);
        return found;""",
    )
    assert listed[packets.SERVICE] == [packets.COMMAND, packets.REPLY]
    assert listed[packets.BIG_SERVICE] == [packets.BIG_COMMAND, packets.BIG_REPLY]
    assert len(listed) == 3
    run(
        page,
        f"""await listen('{packets.SERVICE}', '{packets.REPLY}');
        const command = await find('{packets.SERVICE}', '{packets.COMMAND}');
        await command.writeValueWithoutResponse(new Uint8Array({[*packets.make_packet(packets.BATTERY)]}));""",
    )
    page.wait_for_function("got.length === 1")
    battery = bytes.fromhex(page.evaluate("got")[0])
    assert (battery[0], battery[1]) == (packets.BATTERY, 64)
