"""Rig A: bleak's own interface for backends, over bumble."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
    BleakGATTProtocolError,
)
from bumble import core
from bumble.att import ATT_Error

from ingest.collect.bluetooth import Radio
from tests.radio.air import Air
from tests.radio.host import Adapter, LinkGone, advertised, browse, race, uuid_text

UNLIKELY = 0x0E


class BumbleRig:
    """What a test does to the host's Bluetooth."""

    name = "bumble"

    def __init__(self, air: Air) -> None:
        self.adapter, self.is_on = Adapter(air), True
        shared = {"rig": self}
        self.radio = Radio(scanner=type("Scanner", (_Scanner,), shared), client=type("Client", (_Client,), shared))

    async def switch_off(self) -> None:
        self.is_on = False
        device = await self.adapter.device()
        for connection in list(device.connections.values()):
            await connection.disconnect()

    async def __aenter__(self) -> "BumbleRig":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class _Scanner(BaseBleakScanner):
    rig: BumbleRig

    def __init__(self, callback: Any, service_uuids: Any, scanning_mode: Any, **_: Any) -> None:
        super().__init__(callback, service_uuids)

    def _heard(self, said: Any) -> None:
        data = advertised(said)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = said.address.to_string(with_type_qualifier=False)
        self.rig.adapter.heard[address] = said.address
        self.call_detection_callbacks(self.create_or_update_device(address, address, data.local_name, {}, data), data)

    async def start(self) -> None:
        self.seen_devices = {}
        if not self.rig.is_on:
            raise BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF)
        await self.rig.adapter.listen(self._heard)

    async def stop(self) -> None:
        await self.rig.adapter.stop_listening(self._heard)


class _Client(BaseBleakClient):
    rig: BumbleRig

    def __init__(self, device: Any, *, disconnected_callback: Any, timeout: float, **_: Any) -> None:
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._connection: Any = None

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool = False, **_: Any) -> None:
        async with asyncio.timeout(self._timeout):
            self._connection = await self.rig.adapter.connect(self.address, self._timeout)
            self._connection.on("disconnection", self._gone)
            try:
                peer = await race(self._connection, browse(self._connection))
            except LinkGone:
                raise BleakError("failed to discover services, device disconnected") from None
        self.services = BleakGATTServiceCollection()
        for service in peer.services:
            ours = BleakGATTService(service, service.handle, uuid_text(service.uuid))
            self.services.add_service(ours)
            for one in service.characteristics:
                properties = gatt_char_props_to_strs(one.properties)
                made = BleakGATTCharacteristic(one, one.handle, uuid_text(one.uuid), properties, lambda: self.mtu_size - 3, ours)
                self.services.add_characteristic(made)
                for descriptor in one.descriptors:
                    text = uuid_text(descriptor.type)
                    self.services.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, text, made))

    def _gone(self, _: object) -> None:
        self._connection = None
        self.services = None
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self._connection:
            await self._connection.disconnect()

    async def pair(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError

    async def unpair(self) -> None:
        raise NotImplementedError

    async def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """As BlueZ: a link that dies under a request, and a request that is not answered, are both this ATT error."""
        if self._connection is None:
            work.close()
            raise BleakError("Not connected")
        try:
            return await race(self._connection, work)
        except ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except LinkGone:
            raise BleakGATTProtocolError(UNLIKELY) from None
        except core.TimeoutError:
            await self.disconnect()
            raise BleakGATTProtocolError(UNLIKELY) from None

    async def read_gatt_char(self, characteristic: Any, **_: Any) -> bytearray:
        return bytearray(await self._do(characteristic.obj.read_value()))

    async def read_gatt_descriptor(self, descriptor: Any, **_: Any) -> bytearray:
        raise NotImplementedError

    async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
        await self._do(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: Any, data: Any) -> None:
        raise NotImplementedError

    async def start_notify(self, characteristic: Any, callback: Any, **_: Any) -> None:
        if not {"notify", "indicate"} & set(characteristic.properties):
            raise BleakError("characteristic does not support notifications")
        await self._do(characteristic.obj.subscribe(lambda value: callback(bytearray(value))))

    async def stop_notify(self, characteristic: Any) -> None:
        await self._do(characteristic.obj.unsubscribe())
