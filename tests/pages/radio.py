"""A Chromium whose own `navigator.bluetooth` finds virtual wearables: it asks the org.bluez of tests/radio for them.

What it needs, on Linux:
- `DBUS_SYSTEM_BUS_ADDRESS` in its environment when it starts, so it is a browser of the radio's own.
- `--enable-blink-features=WebBluetooth`: everywhere but on Linux the interface is there without. No more than this is switched
  on, so `getDevices`, `watchAdvertisements` and `forget` are missing.
- a secure context, as http://127.0.0.1 is, and a user's gesture, as `page.click` is. Playwright's `evaluate` is one, too: a test
  that asks for a device by it does not show that a user can.
- somebody who answers the chooser. Without a window it is told over the DevTools, domain DeviceAccess, and again with each
  advertisement. A second answer to the same chooser ends the browser by a failed check, so `Chooser` gives one at most.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from devices.virtual.radio.peripheral import Peripheral
from tests.dashboards.browser import QUIET, find_chromium
from tests.radio.air import Air, Body
from tests.radio.apart import Call, loop_apart
from tests.radio.bluez_backend import BluezRig

WEB_BLUETOOTH = "--enable-blink-features=WebBluetooth"
PATIENCE_S = 10.0
LINGER_S = 0.1


class Chooser:
    """Answers in place of the user of a page. To be made before the page asks for a device.

    Where Bluetooth is off, no chooser is told, and so none can be cancelled.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._session = page, page.context.new_cdp_session(page)
        self._open: dict[str, Any] | None = None
        self._answered: set[str] = set()
        self._session.on("DeviceAccess.deviceRequestPrompted", self._prompted)
        self._session.send("DeviceAccess.enable")

    def _prompted(self, told: dict[str, Any]) -> None:
        if told["id"] not in self._answered:
            self._open = told

    def offered(self) -> list[str] | None:
        """Return the names that are shown; None if no chooser is open."""
        return None if self._open is None else [one["name"] for one in self._open["devices"]]

    def wait_for(self, *names: str) -> None:
        """Wait until a chooser is open that shows all these. Raises: AssertionError"""
        deadline = time.monotonic() + PATIENCE_S
        while (offered := self.offered()) is None or not {*names} <= {*offered}:
            assert time.monotonic() < deadline, f"expected a chooser with {names}, found {offered}"
            self._page.wait_for_timeout(10)

    def choose(self, name: str) -> None:
        self.wait_for(name)
        assert self._open is not None
        id = next(one["id"] for one in self._open["devices"] if one["name"] == name)
        self._answer("DeviceAccess.selectPrompt", deviceId=id)

    def cancel(self) -> None:
        self.wait_for()
        self._answer("DeviceAccess.cancelPrompt")

    def _answer(self, command: str, **more: str) -> None:
        assert self._open is not None
        id, self._open = self._open["id"], None
        self._answered.add(id)
        self._session.send(command, {"id": id, **more})


class WebRadio:
    """What a test does to the wearables around a browser.

    browser: it has Web Bluetooth.  clock: what the wearables are told the time is, in ms; to be set before one enters
    rig: the host's Bluetooth, for `call`, which awaits what it is given in the radio's loop
    """

    browser: Browser
    clock: Callable[[], int]

    def __init__(self, call: Call[Any]) -> None:
        self.call, self._air = call, Air(lambda: self.clock())
        self.rig = BluezRig(self._air)
        self._bodies: list[Body] = []

    def enter(self, peripheral: Peripheral) -> Body:
        """Put a wearable on the air."""
        body = Body(self._air, peripheral, f"F0:00:00:00:00:{len(self._bodies) + 1:02X}")
        self._bodies.append(body)
        return self.call(body.appear())

    def leave(self, body: Body) -> None:
        """Take it out of range, in the midst of a connection or not."""
        self.call(body.leave())

    def come_back(self, body: Body) -> None:
        self.call(body.appear())

    def is_connected(self, body: Body) -> bool:
        return bool(body.device.connections)

    def drop(self, body: Body) -> None:
        """Let the wearable end the link."""
        self.call(body.drop())

    def drop_after(self, body: Body, packets: int) -> None:
        """Let the wearable end the link in place of sending one more, when it has sent so many from now on.

        A browser gives no notification to the page any more that came right before the end of the link, so the end waits for it.
        """
        body.drop_after, body.linger_s = body.sent + packets, LINGER_S

    def switch_off(self) -> None:
        """As a user does: the adapter is still there."""
        self.call(self.rig.switch_off())

    def unplug(self) -> None:
        """As on a machine without Bluetooth."""
        self.call(self.rig.unplug())

    def clear(self) -> None:
        """As it was at the begin, for the next test: nobody near, nobody remembered."""
        for body in self._bodies:
            self.call(body.leave())
        self._bodies.clear()
        self.call(self.rig.restore())


@contextmanager
def web_radio(beside: Browser) -> Iterator[WebRadio]:
    """Yield a radio with a browser of its own. beside: any browser of the thread, whose Playwright is used; there can be but one

    Skips the test where Chromium or dbus-daemon is absent.
    """
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium")
    with loop_apart() as call:
        radio = WebRadio(call)
        call(radio.rig.__aenter__())
        try:
            # The environment is of now: the rig has put its bus there.
            radio.browser = beside.browser_type.launch(executable_path=path, args=[*QUIET, WEB_BLUETOOTH], env={**os.environ})
            try:
                yield radio
            finally:
                radio.browser.close()
        finally:
            call(radio.rig.__aexit__())
