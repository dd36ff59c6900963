"""The page with the radio, without a browser: it speaks to the service as the page's script does, for a virtual wearable."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from devices.virtual.radio.peripheral import Notify, Peripheral, Refusal


class Socket(Protocol):
    """What speaks: Starlette's test client, or a real WebSocket that a test has wrapped."""

    def send_json(self, data: Any) -> None: ...
    def receive_json(self) -> Any: ...


@dataclass
class PyPage:
    """clock: the wearable's, in ms. harm: asked before each answer with how many were given; one that returns True is the end"""

    socket: Socket
    peripheral: Peripheral
    clock: Callable[[], int]
    harm: Callable[[int], bool] = lambda _: False
    notes: list[dict[str, Any]] = field(default_factory=list)
    _link: int = 0
    _heard: deque[Notify] = field(default_factory=deque)

    def greet(self, csrf: str = "", wearable: str | None = None, name: str = "") -> None:
        self.socket.send_json({"csrf": csrf, "wearable": wearable, "name": name or self.peripheral.advertisement.name})

    def run(self) -> dict[str, Any]:
        """Do what is asked until the end is told; return it."""
        answered = 0
        while True:
            asked: dict[str, Any] = self.socket.receive_json()
            if "end" in asked:
                return asked
            if "note" in asked:
                self.notes.append(asked)
                continue
            if self.harm(answered):
                return {}
            self.socket.send_json(self._answer(asked))
            answered += 1

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        n = asked["n"]
        try:
            return self._wait(n) if asked["do"] == "await" else {"n": n, **self._act(n, asked)}
        except Refusal as refusal:
            return {"n": n, "refused": str(refusal)}

    def _wait(self, n: int) -> dict[str, Any]:
        if not self._heard:
            return {"n": n, "nothing": True}
        one = self._heard.popleft()
        return {"link": self._link, "frame": [one.characteristic, one.data.hex()]}

    def _act(self, n: int, asked: dict[str, Any]) -> dict[str, Any]:
        at_ms, characteristic = self.clock(), asked.get("characteristic", "")
        match asked["do"]:
            case "connect":
                self._link = n
                self._heard.extend(self.peripheral.on_connect(at_ms))
                return {"services": [one.uuid for one in self.peripheral.services]}
            case "subscribe":
                self._heard.extend(self.peripheral.on_subscribe(characteristic, at_ms))
            case "read":
                return {"data": self.peripheral.on_read(characteristic, at_ms).hex()}
            case "write":
                self._heard.extend(self.peripheral.on_write(characteristic, bytes.fromhex(asked["data"]), at_ms))
            case "disconnect":
                self._heard.clear()
                self.peripheral.on_disconnect(at_ms)
        return {}
