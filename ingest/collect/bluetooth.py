"""Bluetooth by bleak: looking for devices, and links to them. The only module that imports bleak.

Every failure of bleak, of the system's Bluetooth service and of the link becomes one of three errors (links.py). A link that is
lost is noticed at once, whatever was being waited for: bleak itself raises nothing for a lost link while frames are awaited.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from devices.radio.codec import Codec
from devices.radio.codecs import recognise
from ingest.collect.exchanging import Clock
from ingest.collect.links import ANSWER_S, DISCONNECT_S, NEAR, LinkLost, RadioError, Refused, Unreachable

SCAN_S = 12.0  # some advertise once in a second or two, and their name in every few of these only
CONNECT_S = 30.0
# BlueZ answers a request on a link that dies under it with this code; no device sends it for anything else that we ask.
_UNLIKELY = 0x0E

T = TypeVar("T")
Reason = BleakBluetoothNotAvailableReason


@dataclass(frozen=True, slots=True)
class Radio:
    """Which Bluetooth to use.

    adapter: such as hci0 (Linux); None is the system's own.  scanner, client: other backends of bleak than the system's
    """

    adapter: str | None = None
    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None

    @property
    def _scanner_arguments(self) -> BlueZScannerArgs:
        return {"adapter": self.adapter} if self.adapter else {}

    @property
    def _client_arguments(self) -> BlueZClientArgs:
        return {"adapter": self.adapter} if self.adapter else {}

    def scanning(self, callback: AdvertisementDataCallback) -> BleakScanner:
        return BleakScanner(callback, bluez=self._scanner_arguments, backend=self.scanner)

    def connecting(self, device: BLEDevice, lost: Callable[[BleakClient], None]) -> BleakClient:
        return BleakClient(device, lost, timeout=CONNECT_S, bluez=self._client_arguments, backend=self.client)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A device that was heard. address: its MAC address, or what the system shows in its place. rssi: dBm, of the last time"""

    address: str
    name: str
    services: frozenset[str]
    rssi: int
    codec: Codec | None
    handle: BLEDevice = field(repr=False)


async def scan(radio: Radio, seconds: float = SCAN_S, *, until: frozenset[str] = frozenset()) -> list[Heard]:
    """Return every device that is heard, the nearest first.

    until: stop as soon as all of these addresses are heard; none listens to the end
    Raises: Unreachable if there is no Bluetooth to listen with
    """
    found: dict[str, Heard] = {}
    complete = asyncio.Event()

    def heard(device: BLEDevice, said: AdvertisementData) -> None:
        before = found.get(device.address)
        # The name may come in one advertisement and the services in another.
        name = said.local_name or device.name or (before.name if before else "")
        services = frozenset(said.service_uuids) | (before.services if before else frozenset())
        codec = recognise(name, services)
        found[device.address] = Heard(device.address, name, services, said.rssi, codec, device)
        if until and until <= {address.upper() for address in found}:
            complete.set()

    with _connecting("Bluetooth"):
        async with radio.scanning(heard):
            ending = asyncio.get_running_loop().call_later(seconds, complete.set)
            await complete.wait()
            ending.cancel()
    return sorted(found.values(), key=lambda one: -one.rssi)


@asynccontextmanager
async def connected(radio: Radio, heard: Heard, clock: Clock) -> AsyncIterator["BleakLink"]:
    """A link to a device, closed when the block ends.

    Raises: Unreachable if there is no way to it now; LinkLost in the block
    """
    link = BleakLink(clock)
    client = radio.connecting(heard.handle, link.lost)
    with _connecting(heard.name or "the device"):
        await _within(CONNECT_S + 5, client.connect())
    link.opened(client)
    try:
        yield link
    finally:
        with _leaving():
            await _within(DISCONNECT_S, client.disconnect())


class BleakLink:
    """A `Link`. What bleak calls back only puts into a queue: an exception there would be swallowed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frames: asyncio.Queue[tuple[str, bytes, int] | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._client: BleakClient | None = None

    def opened(self, client: BleakClient) -> None:
        self._client = client

    def lost(self, _: BleakClient) -> None:
        self._gone.set()
        self._frames.put_nowait(None)

    async def subscribe(self, characteristic: str) -> None:
        def notified(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._frames.put_nowait((characteristic, bytes(data), self._clock()))

        await self._call(self._open().start_notify(characteristic, notified))

    async def read(self, characteristic: str) -> bytes:
        return bytes(await self._call(self._open().read_gatt_char(characteristic)))

    async def write(self, characteristic: str, data: bytes, response: bool) -> None:
        await self._call(self._open().write_gatt_char(characteristic, data, response=response))

    async def rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await _within(seconds, self._gone.wait())
        self._open()

    async def arrived(self, timeout_s: float) -> tuple[str, bytes, int] | None:
        try:
            frame = await _within(timeout_s, self._frames.get())
        except TimeoutError:
            return None
        if frame is None:
            raise LinkLost("the link was lost")
        return frame

    def _open(self) -> BleakClient:
        if self._client is None or self._gone.is_set():
            raise LinkLost("the link was lost")
        return self._client

    async def _call(self, call: Coroutine[Any, Any, T]) -> T:
        """Await one call of bleak's, but no longer than the link and the answer's time last."""
        task, gone = asyncio.ensure_future(call), asyncio.ensure_future(self._gone.wait())
        try:
            done, _ = await asyncio.wait({task, gone}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            if task in done:
                with _talking():
                    return task.result()
            raise LinkLost("the link was lost" if done else f"the device did not answer within {ANSWER_S:.0f} s")
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await work in a task of its own, so that no cancellation of it can be taken for one of ours. Raises: TimeoutError"""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        raise TimeoutError
    return task.result()


@contextmanager
def _talking() -> Iterator[None]:
    try:
        yield
    except BleakGATTProtocolError as error:
        if error.code == _UNLIKELY:
            raise LinkLost("the link was lost under a request, or the device did not answer it") from error
        raise Refused(str(error)) from error
    except BleakCharacteristicNotFoundError as error:
        raise Refused("the device has no such characteristic") from error
    except BleakDBusError as error:
        if error.dbus_error in (
            "org.bluez.Error.NotPermitted",
            "org.bluez.Error.NotSupported",
            "org.bluez.Error.InvalidArguments",
        ):
            raise Refused(str(error)) from error
        # Such as an object of the device's that is gone with the link.
        raise LinkLost(f"the link was lost under a request ({error.dbus_error})") from error
    except (BleakError, EOFError, OSError, TimeoutError) as error:
        raise LinkLost(str(error) or type(error).__name__) from error


@contextmanager
def _connecting(what: str) -> Iterator[None]:
    try:
        yield
    except BleakBluetoothNotAvailableError as error:
        raise Unreachable(f"Bluetooth cannot be used: {_REASONS[error.reason]}", _hint(error.reason)) from error
    except BleakDeviceNotFoundError as error:
        raise Unreachable(f"{what} was not heard", NEAR) from error
    except TimeoutError as error:
        raise Unreachable(f"{what} did not answer", "Is it still near, and not connected to a phone?") from error
    except FileNotFoundError as error:
        raise Unreachable("there is no system bus (D-Bus) to reach Bluetooth by", _NO_BUS) from error
    except BleakDBusError as error:
        raise _from_bluez(error, what) from error
    except PermissionError as error:
        raise Unreachable("this account may not use the system bus", _NO_PERMISSION) from error
    except (BleakError, EOFError, OSError) as error:
        raise Unreachable(f"{what}: {str(error) or 'the Bluetooth service went away'}", _NO_SERVICE) from error


def _from_bluez(error: BleakDBusError, what: str) -> RadioError:
    if "ServiceUnknown" in error.dbus_error or "NameHasNoOwner" in error.dbus_error or "Disconnected" in error.dbus_error:
        return Unreachable("the system's Bluetooth service (bluetoothd) is not running", _NO_SERVICE)
    if "AccessDenied" in error.dbus_error:
        return Unreachable("this account may not use Bluetooth", _NO_PERMISSION)
    return Unreachable(
        f"{what}: {error.dbus_error_details or error.dbus_error}", "Is it still near, and not connected to a phone?"
    )


@contextmanager
def _leaving() -> Iterator[None]:
    """A disconnect that fails ends with the link gone all the same: there is nothing left to do about it."""
    with suppress(BleakError, EOFError, OSError, TimeoutError):
        yield


_REASONS = {
    Reason.NO_BLUETOOTH: "this machine has no Bluetooth adapter",
    Reason.NO_BLE_CENTRAL_ROLE: "its adapter cannot reach low-energy devices",
    Reason.POWERED_OFF: "it is switched off",
    Reason.DENIED_BY_USER: "you have not allowed it for this program",
    Reason.DENIED_BY_SYSTEM: "this machine's administrator does not allow it",
    Reason.DENIED_BY_UNKNOWN: "the system does not allow it",
    Reason.UNKNOWN: "the system does not say why",
}

_NO_BUS = "Linux: is this a container, or a system without systemd? Mount /run/dbus, or install and start dbus."
_NO_SERVICE = "Linux: sudo apt install bluez, then sudo systemctl enable --now bluetooth."
_NO_PERMISSION = 'Linux: sudo usermod -aG bluetooth "$USER", then sign in again.'
_HINTS: dict[str, dict[BleakBluetoothNotAvailableReason, str]] = {
    "linux": {
        Reason.NO_BLUETOOTH: "Plug in an adapter. If there is one: rfkill list, and dmesg | grep -i bluetooth.",
        Reason.POWERED_OFF: "rfkill unblock bluetooth, then bluetoothctl power on.",
        Reason.NO_BLE_CENTRAL_ROLE: "Use another adapter: it must speak Bluetooth 4.0 or newer.",
    },
    "darwin": {
        Reason.POWERED_OFF: "Switch Bluetooth on in the menu bar.",
        Reason.DENIED_BY_USER: "System Settings, Privacy & Security, Bluetooth: allow your terminal.",
    },
    "win32": {
        Reason.POWERED_OFF: "Settings, Bluetooth & devices: switch it on.",
        Reason.DENIED_BY_USER: "Settings, Privacy & security, Radios: allow apps to use them.",
    },
}


def _hint(reason: BleakBluetoothNotAvailableReason) -> str:
    return _HINTS.get(sys.platform, {}).get(reason, "")
