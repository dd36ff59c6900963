"""The host's side of the link: one adapter that the backends of a test share, and what a stack does for them."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_str
from bumble import core, hci
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, Peer

from tests.radio.air import Air

_UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)


class LinkGone(Exception):
    """The link ended under what was being done."""


def uuid_text(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-").lower())


def advertised(said: Any) -> AdvertisementData:
    fields = said.data
    services = [uuid_text(uuid) for kind in _UUID_LISTS for listed in fields.get_all(kind) for uuid in listed]
    name = fields.get(AdvertisingData.COMPLETE_LOCAL_NAME) or fields.get(AdvertisingData.SHORTENED_LOCAL_NAME)
    return AdvertisementData(name, {}, {}, services, None, said.rssi, (said,))


class Adapter:
    """The host's Bluetooth adapter."""

    address = "E0:00:00:00:00:EE"

    def __init__(self, air: Air) -> None:
        self._air, self._lock = air, asyncio.Lock()
        self._device: Device | None = None
        self._controller: Any = None
        self.heard: dict[str, hci.Address] = {}
        self._listeners: list[Any] = []

    async def device(self) -> Device:
        if self._device is None:
            self._device, self._controller = self._air.device(self.address, "host")
            await self._device.power_on()
        return self._device

    async def listen(self, heard: Any) -> None:
        device = await self.device()
        device.on("advertisement", heard)
        self._listeners.append(heard)
        if len(self._listeners) == 1:
            await device.start_scanning(active=True)

    async def stop_listening(self, heard: Any) -> None:
        device = await self.device()
        device.remove_listener("advertisement", heard)
        self._listeners.remove(heard)
        if not self._listeners:
            await device.stop_scanning()

    async def connect(self, address: str, timeout: float) -> Connection:
        """bumble's controller cannot take a connection request back, so it is taken back here."""
        device = await self.device()
        async with self._lock:
            peer = self.heard.get(address.upper()) or hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS)
            try:
                async with asyncio.timeout(timeout):
                    return await device.connect(peer, timeout=None)
            except BaseException:
                self._controller.pending_le_connection = None
                raise


async def race(connection: Connection, work: Coroutine[Any, Any, Any]) -> Any:
    """bumble goes on sending into a dead link, and waits 30 s for an answer: stop as soon as the link is gone."""
    task, gone = asyncio.ensure_future(work), asyncio.get_running_loop().create_future()

    def on_gone(*_: object) -> None:
        if not gone.done():
            gone.set_result(None)

    connection.on("disconnection", on_gone)
    if connection.handle not in connection.device.connections:
        on_gone()
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise LinkGone
        return task.result()
    finally:
        connection.remove_listener("disconnection", on_gone)
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


async def browse(connection: Connection) -> Peer:
    peer = Peer(connection)
    await peer.request_mtu(247)
    await peer.discover_services()
    for service in peer.services:
        await service.discover_characteristics()
        for characteristic in service.characteristics:
            await characteristic.discover_descriptors()
    return peer
