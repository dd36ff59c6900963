"""Rig B: an org.bluez of the tests' own on a private D-Bus daemon, whose radio is bumble. bleak's own BlueZ backend runs on it.

Objects, properties, signals and error names as bluetoothd has them (doc/org.bluez.*.rst, src/gatt-client.c of BlueZ).
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from bleak.assigned_numbers import gatt_char_props_to_strs
from bumble import core
from bumble.att import ATT_Error
from dbus_fast import BusType, Message, MessageType, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

from ingest.collect.bluetooth import Radio
from tests.radio.air import Air
from tests.radio.host import Adapter, LinkGone, advertised, browse, race, uuid_text

ADAPTER = "/org/bluez/hci0"
ADAPTER1, DEVICE1 = "org.bluez.Adapter1", "org.bluez.Device1"
SERVICE1, CHARACTERISTIC1, DESCRIPTOR1 = "org.bluez.GattService1", "org.bluez.GattCharacteristic1", "org.bluez.GattDescriptor1"
MANAGER, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
AT_ONCE = 50  # messages of some hundred bytes, of which a socket holds some hundred
DEVICE_PATH = len(ADAPTER) + len("/dev_F0_00_00_00_00_01")

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


@contextmanager
def private_bus() -> Iterator[subprocess.Popen[bytes]]:
    """A D-Bus daemon of the test's own, which stands for the system's while the block lasts."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon (Debian: dbus), which is not installed")
    with tempfile.TemporaryDirectory(prefix="afoot-bus-") as name:
        socket, configuration = Path(name, "bus"), Path(name, "bus.conf")
        configuration.write_text(_CONFIGURATION.format(socket=socket))
        command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"]
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert daemon.stdout is not None
        daemon.stdout.readline()  # it is ready
        before = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={socket}"
        try:
            yield daemon
        finally:
            del os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
            if before is not None:
                os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = before
            daemon.kill()
            daemon.wait()
            daemon.stdout.close()


class BluezError(Exception):
    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name, self.text = f"org.bluez.Error.{name}", text


_ATT_ERRORS = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidArguments", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0D: ("InvalidArguments", "Invalid Length"),
}


def att_error(code: int) -> BluezError:
    return BluezError(*_ATT_ERRORS.get(code, ("Failed", f"Operation failed with ATT error: 0x{code:02x}")))


class BluezRig:
    """What a test does to the host's Bluetooth. fail_connect: what the next calls of Connect answer"""

    name = "bluez"

    def __init__(self, air: Air) -> None:
        self.adapter, self.radio = Adapter(air), Radio()
        self.objects: dict[str, dict[str, dict[str, Variant]]] = {}
        self.connections: dict[str, Any] = {}
        self.attributes: dict[str, Any] = {}
        self.fail_connect: list[str] = []
        self._asked: dict[asyncio.Task[Any], str] = {}
        self._written: set[str] = set()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_scanning = False

    async def __aenter__(self) -> "BluezRig":
        self._bus_context = private_bus()
        self.daemon = self._bus_context.__enter__()
        try:
            self.bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            self.bus.add_message_handler(self._handle)
            assert await self.bus.request_name("org.bluez") == RequestNameReply.PRIMARY_OWNER
        except BaseException:
            self._bus_context.__exit__(None, None, None)
            raise
        self._later(self._sending())
        self._plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        self.bus.disconnect()
        with suppress(Exception):  # EOFError again, where the test ended the daemon
            await self.bus.wait_for_disconnect()
        self._bus_context.__exit__(None, None, None)

    async def switch_off(self) -> None:
        """As `bluetoothctl power off`: links end, and the adapter is still there."""
        for connection in list(self.connections.values()):
            await connection.disconnect()
        self._set(ADAPTER, ADAPTER1, Powered=Variant("b", False))
        await asyncio.sleep(0.02)

    async def restore(self) -> None:
        """Plug in, switch on, and forget all devices, as bluetoothd does a while after they were heard last."""
        self.fail_connect.clear()
        for path in [path for path in self.objects if path.startswith(f"{ADAPTER}/dev_")][::-1]:
            self._remove(path)
        if ADAPTER not in self.objects:
            self._plug_in()
        self._set(ADAPTER, ADAPTER1, Powered=Variant("b", True))

    def _plug_in(self) -> None:
        adapter = {
            "Address": Variant("s", self.adapter.address),
            "Name": Variant("s", "rig"),
            "Alias": Variant("s", "rig"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        self._add(ADAPTER, {ADAPTER1: adapter})

    async def unplug(self) -> None:
        for path in [path for path in self.objects if path.startswith(ADAPTER)][::-1]:
            self._remove(path)
        await asyncio.sleep(0.02)

    async def stop_service(self) -> None:
        """As `systemctl stop bluetooth`: the bus is there, and nobody owns the name."""
        await self.bus.release_name("org.bluez")
        for path in [*self.objects][::-1]:
            self._remove(path)
        await asyncio.sleep(0.02)

    def kill_bus(self) -> None:
        self.daemon.kill()
        self.daemon.wait()

    # What bluetoothd tells

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._outgoing.put_nowait(Message.new_signal(path, interface, member, signature, body))

    async def _sending(self) -> None:
        """dbus-fast takes a full socket for a broken one, so now and then the daemon has to say that it has read all."""
        ping = Message("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")
        for number in count(1):
            self.bus.send(await self._outgoing.get())
            if number % AT_ONCE == 0:
                await self.bus.call(ping)

    def _add(self, path: str, interfaces: dict[str, dict[str, Variant]]) -> None:
        self.objects[path] = interfaces
        self._signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def _remove(self, path: str) -> None:
        interfaces = self.objects.pop(path, None)
        if interfaces:
            self._signal("/", MANAGER, "InterfacesRemoved", "oas", [path, list(interfaces)])

    def _set(self, path: str, interface: str, _gone: tuple[str, ...] = (), **values: Variant) -> None:
        if path not in self.objects:
            return
        self.objects[path][interface].update(values)
        for name in _gone:
            self.objects[path][interface].pop(name, None)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, values, list(_gone)])

    # What it is asked

    def _handle(self, message: Message) -> bool | None:
        if message.message_type != MessageType.METHOD_CALL or message.interface in (None, "org.freedesktop.DBus.Peer"):
            return None
        task = self._later(self._reply(message))
        self._asked[task] = message.path or ""
        task.add_done_callback(self._asked.pop)
        return True

    def _later(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _reply(self, message: Message) -> None:
        method = getattr(self, f"on_{message.member}", None)
        try:
            if method is None:
                answer = Message.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", message.member)
            elif message.path != "/" and message.path not in self.objects:
                answer = Message.new_error(message, "org.freedesktop.DBus.Error.UnknownObject", message.path)
            else:
                signature, body = await method(message.path, *message.body)
                answer = Message.new_method_return(message, signature, body)
        except BluezError as error:
            answer = Message.new_error(message, error.name, error.text)
        self._outgoing.put_nowait(answer)

    async def on_GetManagedObjects(self, path: str) -> tuple[str, list[Any]]:
        return "a{oa{sa{sv}}}", [self.objects]

    async def on_SetDiscoveryFilter(self, path: str, wanted: Any) -> tuple[str, list[Any]]:
        return "", []

    async def on_StartDiscovery(self, path: str) -> tuple[str, list[Any]]:
        if not self.objects[ADAPTER][ADAPTER1]["Powered"].value:
            raise BluezError("NotReady", "Resource Not Ready")
        if self._is_scanning:
            raise BluezError("InProgress", "Operation already in progress")
        self._is_scanning = True
        await self.adapter.listen(self._heard)
        self._set(ADAPTER, ADAPTER1, Discovering=Variant("b", True))
        return "", []

    async def on_StopDiscovery(self, path: str) -> tuple[str, list[Any]]:
        if not self._is_scanning:
            raise BluezError("Failed", "No discovery started")
        self._is_scanning = False
        await self.adapter.stop_listening(self._heard)
        for one, interfaces in list(self.objects.items()):
            if DEVICE1 in interfaces:
                self._set(one, DEVICE1, ("RSSI",))
        self._set(ADAPTER, ADAPTER1, Discovering=Variant("b", False))
        return "", []

    def _heard(self, said: Any) -> None:
        address, data = said.address.to_string(with_type_qualifier=False), advertised(said)
        self.adapter.heard[address] = said.address
        path = f"{ADAPTER}/dev_{address.replace(':', '_')}"
        values = {"RSSI": Variant("n", data.rssi), "UUIDs": Variant("as", data.service_uuids)}
        if data.local_name:
            values |= {"Name": Variant("s", data.local_name), "Alias": Variant("s", data.local_name)}
        if path in self.objects:
            self._set(path, DEVICE1, **values)
            return
        flags = ("Paired", "Bonded", "Trusted", "Blocked", "Connected", "ServicesResolved", "LegacyPairing")
        base = {
            "Address": Variant("s", address),
            "AddressType": Variant("s", "random"),
            "Adapter": Variant("o", ADAPTER),
            "Alias": Variant("s", address.replace(":", "-")),
        }
        self._add(path, {DEVICE1: base | {flag: Variant("b", False) for flag in flags} | values})

    async def on_Connect(self, path: str) -> tuple[str, list[Any]]:
        if self.fail_connect:
            raise BluezError("Failed", self.fail_connect.pop(0))
        address = self.objects[path][DEVICE1]["Address"].value
        try:
            connection = await self.adapter.connect(address, 20.0)
        except TimeoutError:
            raise BluezError("Failed", "le-connection-abort-by-local") from None
        self.connections[path] = connection
        connection.on("disconnection", lambda _: self._later(self._disconnected(path)))
        self._set(path, DEVICE1, Connected=Variant("b", True))
        self._later(self._resolve(path, connection))
        return "", []

    async def on_Disconnect(self, path: str) -> tuple[str, list[Any]]:
        if path not in self.connections:
            raise BluezError("NotConnected", "Not Connected")
        await self.connections[path].disconnect()
        return "", []

    async def _resolve(self, path: str, connection: Any) -> None:
        try:
            peer = await race(connection, browse(connection))
        except LinkGone:
            return
        for service in peer.services:
            place = f"{path}/service{service.handle:04x}"
            facts = {"UUID": Variant("s", uuid_text(service.uuid)), "Primary": Variant("b", True), "Device": Variant("o", path)}
            self._add(place, {SERVICE1: facts})
            for one in service.characteristics:
                self._add_characteristic(place, one, connection.att_mtu)
        uuids = [uuid_text(service.uuid) for service in peer.services]
        self._set(path, DEVICE1, UUIDs=Variant("as", uuids), ServicesResolved=Variant("b", True))

    def _add_characteristic(self, service: str, one: Any, mtu: int) -> None:
        path = f"{service}/char{one.handle - 1:04x}"
        self.attributes[path] = one
        facts = {
            "UUID": Variant("s", uuid_text(one.uuid)),
            "Service": Variant("o", service),
            "MTU": Variant("q", mtu),
            "Value": Variant("ay", b""),
            "Notifying": Variant("b", False),
            "Flags": Variant("as", list(gatt_char_props_to_strs(one.properties))),
        }
        self._add(path, {CHARACTERISTIC1: facts})
        for descriptor in one.descriptors:
            text, place = uuid_text(descriptor.type), f"{path}/desc{descriptor.handle:04x}"
            said = {"UUID": Variant("s", text), "Characteristic": Variant("o", path), "Value": Variant("ay", b"")}
            self._add(place, {DESCRIPTOR1: said})

    async def _disconnected(self, path: str) -> None:
        """What is open is answered first. Chromium never ends a promise whose characteristic goes before the answer comes."""
        self.connections.pop(path, None)
        if asked := [task for task, place in self._asked.items() if place.startswith(f"{path}/")]:
            await asyncio.wait(asked)
        for one in [one for one in self.objects if one.startswith(f"{path}/")][::-1]:
            self.attributes.pop(one, None)
            self._remove(one)
        self._set(path, DEVICE1, ServicesResolved=Variant("b", False))
        self._set(path, DEVICE1, Connected=Variant("b", False))

    async def _ask(self, path: str, work: Coroutine[Any, Any, Any]) -> Any:
        connection = self.connections.get(path[:DEVICE_PATH])
        if connection is None:
            work.close()
            raise BluezError("Failed", "Not connected")
        try:
            return await race(connection, work)
        except ATT_Error as error:
            raise att_error(error.error_code) from error
        except LinkGone:
            raise att_error(0x0E) from None
        except core.TimeoutError:  # bluetoothd gives up after 30 s, and ends the link
            await connection.disconnect()
            raise att_error(0x0E) from None

    async def on_ReadValue(self, path: str, options: Any) -> tuple[str, list[Any]]:
        value = bytes(await self._ask(path, self.attributes[path].read_value()))
        self._set(path, CHARACTERISTIC1, Value=Variant("ay", value))  # a read looks like a notification, too
        return "ay", [value]

    async def on_WriteValue(self, path: str, value: Any, options: Any) -> tuple[str, list[Any]]:
        if path in self._written:
            raise BluezError("InProgress", "In Progress")
        kind, can = options["type"].value if "type" in options else "", self.objects[path][CHARACTERISTIC1]["Flags"].value
        answered = kind == "request" or (not kind and "write" in can)
        if not answered and "write-without-response" not in can and not kind:
            raise BluezError("NotSupported", "Operation is not supported")
        if not answered and len(value) > self.objects[path][CHARACTERISTIC1]["MTU"].value - 3:
            raise BluezError("Failed", "Failed to initiate write")
        if answered:
            self._written.add(path)
        try:
            await self._ask(path, self.attributes[path].write_value(bytes(value), with_response=answered))
        finally:
            self._written.discard(path)
        return "", []

    async def on_StartNotify(self, path: str) -> tuple[str, list[Any]]:
        if not {"notify", "indicate"} & {*self.objects[path][CHARACTERISTIC1]["Flags"].value}:
            raise BluezError("NotSupported", "Operation is not supported")

        def arrived(value: Any) -> None:
            self._set(path, CHARACTERISTIC1, Value=Variant("ay", bytes(value)))

        await self._ask(path, self.attributes[path].subscribe(arrived))
        self._set(path, CHARACTERISTIC1, Notifying=Variant("b", True))
        return "", []

    async def on_StopNotify(self, path: str) -> tuple[str, list[Any]]:
        await self._ask(path, self.attributes[path].unsubscribe())
        self._set(path, CHARACTERISTIC1, Notifying=Variant("b", False))
        return "", []
