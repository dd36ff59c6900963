"""A room full of virtual wearables on bumble's link between controllers, which stands for the radio waves."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from bumble.att import ATT_Error, Attribute
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR, Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from devices.virtual.radio.peripheral import Notify, Peripheral, Refusal

P = Characteristic.Properties
PROPERTIES = {
    "read": P.READ,
    "write": P.WRITE,
    "write-without-response": P.WRITE_WITHOUT_RESPONSE,
    "notify": P.NOTIFY,
    "indicate": P.INDICATE,
}
ADVERTISED_EVERY_MS = 20
SUPERVISION_TIMEOUT = 0x08
MOST_BYTES = 31  # of an advertisement
_BASE = "-0000-1000-8000-00805f9b34fb"
_SHORT = AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
_LONG = AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS


class Air:
    """`clock`: now, in ms; time passes, but it may begin anywhere."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.link, self.clock = LocalLink(), clock

    def device(self, address: str, name: str) -> tuple[Device, Controller]:
        controller = Controller(name, link=self.link, public_address=address)
        return Device(name=name, address=Address(address), host=Host(controller, AsyncPipeSink(controller))), controller


@dataclass
class Body:
    """A virtual wearable on the air.

    drop_after:   the link is cut when so many notifications were sent, counted over all connections; once
    linger_s:     how much later than the last of these it is cut
    read_refused: the ATT error that a read of these characteristics answers
    mute_reads:   reads that are never answered
    """

    air: Air
    peripheral: Peripheral
    address: str = "F0:00:00:00:00:01"
    pace_ms: float = 0.0
    drop_after: int | None = None
    linger_s: float = 0.0
    mute_reads: frozenset[str] = frozenset()
    sent: int = 0
    connections: int = 0
    tasks: set[asyncio.Task] = field(default_factory=set)

    async def appear(self) -> "Body":
        said = self.peripheral.advertisement
        self.device, self.controller = self.air.device(self.address, said.name)
        self.characteristics: dict[str, Characteristic] = {}
        self.device.add_services(
            [Service(UUID(one.uuid), [self._characteristic(c) for c in one.characteristics]) for one in self.peripheral.services]
        )
        name = [(AdvertisingData.COMPLETE_LOCAL_NAME, said.name.encode())] if said.name else []
        short = [(_SHORT, bytes(UUID(uuid[4:8]))) for uuid in said.services if uuid.endswith(_BASE)]
        long = [(_LONG, bytes(UUID(uuid))) for uuid in said.services if not uuid.endswith(_BASE)]
        # bumble's controllers answer no scan request, so what comes in the scan response of a real device stands here in place of
        # the long numbers of a maker's own services: all of it would not fit.
        fields = [(AdvertisingData.FLAGS, b"\x06"), *short]
        said_all = bytes(AdvertisingData(fields + long + name))
        self.device.advertising_data = said_all if len(said_all) <= MOST_BYTES else bytes(AdvertisingData(fields + name))
        self.device.on("connection", self._connected)
        await self.device.power_on()
        await self.advertise()
        return self

    async def advertise(self) -> None:
        await self.device.start_advertising(
            auto_restart=True, advertising_interval_min=ADVERTISED_EVERY_MS, advertising_interval_max=ADVERTISED_EVERY_MS
        )

    async def leave(self) -> None:
        """Go out of range: it is not heard any more, and an open link dies at both ends by its supervision timeout."""
        await self.device.stop_advertising()
        self.air.link.controllers.discard(self.controller)
        await asyncio.sleep(0.02)
        here, others = self.device.random_address, self.air.link.controllers
        dead = [(each, one) for each in others for one in each.le_connections.values() if one.peer_address == here]
        dead += [(self.controller, one) for one in self.controller.le_connections.values()]
        for controller, one in dead:
            controller.on_le_disconnected(one, SUPERVISION_TIMEOUT)

    async def drop(self) -> None:
        for connection in list(self.device.connections.values()):
            await connection.disconnect(HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    def _characteristic(self, one: object) -> Characteristic:
        properties = P(0)
        for name in one.properties:
            properties |= PROPERTIES[name]
        value = CharacteristicValue(read=partial(self._read, one.uuid), write=partial(self._write, one.uuid))
        made = Characteristic(UUID(one.uuid), properties, Attribute.READABLE | Attribute.WRITEABLE, value)
        made.on("subscription", partial(self._subscribed, one.uuid))
        self.characteristics[one.uuid] = made
        return made

    def _connected(self, connection: Connection) -> None:
        self.connections += 1
        connection.on("disconnection", self._disconnected)
        self._send(connection, self.peripheral.on_connect(self.air.clock()))

    def _disconnected(self, _: object) -> None:
        for task in self.tasks:
            task.cancel()
        self.peripheral.on_disconnect(self.air.clock())

    async def _read(self, uuid: str, _: Connection) -> bytes:
        if uuid in self.mute_reads:
            await asyncio.sleep(3600)
        with att_errors():
            return self.peripheral.on_read(uuid, self.air.clock())

    def _write(self, uuid: str, connection: Connection, value: bytes) -> None:
        with att_errors():
            answers = list(self.peripheral.on_write(uuid, bytes(value), self.air.clock()))
        self._send(connection, answers)

    def _subscribed(self, uuid: str, connection: Connection, notify: bool, indicate: bool) -> None:
        if notify or indicate:
            self._send(connection, self.peripheral.on_subscribe(uuid, self.air.clock()))

    def _send(self, connection: Connection, frames: Iterable[Notify]) -> None:
        task = asyncio.ensure_future(self._sending(connection, frames))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _sending(self, connection: Connection, frames: Iterable[Notify]) -> None:
        passed = 0
        for frame in frames:
            # Delays count from the call. Software need not wait as long as a ring does, but it keeps the order.
            await asyncio.sleep((frame.delay_ms - passed) * self.pace_ms / 1000)
            passed = frame.delay_ms
            if self.drop_after is not None and self.sent >= self.drop_after:
                self.drop_after = None
                await asyncio.sleep(self.linger_s)
                await self.drop()
                return
            self.sent += 1
            await self.device.notify_subscriber(connection, self.characteristics[frame.characteristic], frame.data)


@contextmanager
def att_errors() -> Iterator[None]:
    """bumble sends no answer at all for any other exception than its own."""
    try:
        yield
    except Refusal as error:
        raise ATT_Error(error.code) from error
